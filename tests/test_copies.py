"""The student's and the lecturer's copies, made by the one command, against the notebooks from which they come."""

import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import copies  # noqa: E402

NAMES = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copies")
    copies.main(["--out", str(folder)])
    return folder


def read(folder, name):
    return nbformat.read(folder / f"{name}.ipynb", as_version=4)


@pytest.mark.parametrize("name", NAMES)
def test_a_student_sees_everything_but_solutions(made, name):
    whole, student = read(ROOT / "notebooks", name), read(made / "student", name)
    kept = [cell for cell in whole.cells if not {"solution", "badge"} & set(cell.metadata.get("tags", ()))]
    assert [(cell.id, cell.cell_type, cell.source) for cell in student.cells] == [
        (cell.id, cell.cell_type, cell.source) for cell in kept
    ]
    assert not [cell.id for cell in student.cells if "solution" in cell.id or "<summary>Solution" in cell.source]
    assert not [cell for cell in student.cells if cell.get("outputs")] and "widgets" not in student.metadata
    exercises = {
        part: len(re.findall(rf"exercise-\d+b?-\d-{part}", " ".join(c.id for c in whole.cells))) for part in PARTS
    }
    assert len(set(exercises.values())) == 1 and exercises["solution"] >= 3, exercises
    left = [cell.id for cell in student.cells if cell.id.startswith("exercise")]
    assert len(left) == 4 * exercises["solution"]


PARTS = ("task", "stub", "check", "hint", "solution")


@pytest.mark.parametrize("name", NAMES)
def test_the_code_of_both_copies_is_the_code_that_is_tested(made, name):
    def code(folder):
        return [cell.source for cell in read(folder, name).cells if cell.cell_type == "code"]

    assert code(made / "student") == code(made / "lecturer") == code(ROOT / "notebooks")
    assert (made / "lecturer" / f"{name}.ipynb").read_bytes() == (ROOT / "notebooks" / f"{name}.ipynb").read_bytes()


def test_what_lies_beside_the_notebooks_comes_along(made):
    for who in ("student", "lecturer"):
        assert (made / who / "GLOSSARY.md").is_file()
        for name in NAMES:  # no link leads nowhere
            for cell in read(made / who, name).cells:
                if cell.cell_type == "markdown":
                    for target in re.findall(r"\]\(([\w.-]+\.(?:ipynb|md))\)", cell.source):
                        assert (made / who / target).is_file(), (who, name, target)
    assert (made / "lecturer" / "README.md").is_file() and not (made / "student" / "README.md").exists()


@pytest.mark.slow  # three of them: nbval runs the notebooks, and the code of the copies is theirs, as is tested above
@pytest.mark.parametrize("name", ["00_start_here", "07_metrics", "13_applications"])
def test_a_student_copy_runs(made, name):
    folder = {"metadata": {"path": str(made / "student")}}
    notebook = read(made / "student", name)
    NotebookClient(notebook, timeout=900, resources=folder).execute()  # raises with the failing cell's traceback
    said = [cell.outputs[-1] for cell in notebook.cells if "check" in cell.metadata.get("tags", ())]
    assert len(said) >= 3 and all("not attempted" in output["data"]["text/plain"].lower() for output in said)
