"""What the course cites is in the list, and what is in the list is cited and has a link."""

import re
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
CITED = re.compile(r"\b([A-Z][a-z]+)((?: et al\.|,? and [A-Z][a-z]+|, [A-Z][a-z]+)+),?\s\(?((?:19|20)\d\d)\b")


def citations(text):
    """{(first author, year)} of "Xiao et al. (2018)", "Toshev and Szegedy 2014", "Xiao, Wu and Wei, 2018"."""
    return {(found[1], found[3]) for found in CITED.finditer(text)}


LIST = {
    key: line
    for line in (FOLDER / "REFERENCES.md").read_text("utf-8").splitlines()
    if line.startswith("| ")
    for key in citations(line.split("|")[1])
}
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def words_of(notebook):
    return "\n".join(cell.source for cell in nbformat.read(notebook, as_version=4).cells)


def test_forms_of_citation():
    text = "Xiao et al. (2018), Toshev and Szegedy 2014; Xiao, Wu and Wei, 2018; (Lin et al., 2014) in May 2017"
    assert citations(text) == {("Xiao", "2018"), ("Toshev", "2014"), ("Lin", "2014")}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_everything_cited_is_listed(notebook):
    assert citations(words_of(notebook)) <= LIST.keys()


def test_every_entry_has_a_link_and_is_cited():
    assert len(LIST) > 25 and all(re.search(r"\]\(\S+\) \|$", line) for line in LIST.values())
    everywhere = "\n".join(map(words_of, NOTEBOOKS)) + (FOLDER / "PAPER.md").read_text("utf-8")
    source = "".join(path.read_text("utf-8") for path in (FOLDER.parent / "hpe_lib").rglob("*.py"))
    assert LIST.keys() - citations(everywhere + source) == set()


def test_the_paper_s_page_points_to_sections_that_exist():
    rows = [line for line in (FOLDER / "PAPER.md").read_text("utf-8").splitlines() if line.startswith("| ")]
    pointers = [
        (notebook, int(first), int(last or first))
        for row in rows
        for part in row.split("|")[2].split(";")
        for notebook, sections in re.findall(r"\b(\d\db?), sections? ([\d, andto]+)", part)
        for first, last in re.findall(r"(\d+)(?: to (\d+))?", sections)
    ]
    assert len(pointers) > 50
    for notebook, first, last in pointers:
        (file,) = FOLDER.glob(f"{notebook}_*.ipynb")
        titles = "\n".join(cell.source for cell in nbformat.read(file, as_version=4).cells)
        there = {int(number) for number in re.findall(r"^## (\d+)(?:\.| ·) ", titles, re.MULTILINE)}
        assert {first, last} <= there, (notebook, first, last, sorted(there))
