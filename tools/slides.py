"""Make slides from the notebooks themselves: `python tools/slides.py [NOTEBOOK ...]` writes build/slides/*.slides.html.

It is `jupyter nbconvert --to slides` with the template beside this file. Which cell becomes what stands in the cells'
own metadata, where JupyterLab shows it and a lecturer may look; `python tools/stamp.py` sets it by the rules below.
Prose goes to the speaker's notes (press S). Open the result in a browser; it fetches reveal.js from the net.
"""

import argparse
import html
import re
import sys
from pathlib import Path

import nbformat

HERE = Path(__file__).parent
NOTEBOOKS, BUILD = HERE.parent / "notebooks", HERE.parent / "build" / "slides"
ROLES = {
    "badge": "skip",
    "setup": "skip",
    "stub": "skip",
    "check": "skip",
    "hint": "notes",
    "solution": "notes",
    "task": "subslide",
}
PICTURE = re.compile(r'<img alt="([^"]*)" class="" src="data:image/png;base64,([^"]+)"/?>')
WIDGET = "application/vnd.jupyter.widget-view+json"


def slide_type(cell):
    """What a cell is in the slides: slide, subslide, notes or skip.

    Sections start a slide (a short one keeps the picture that follows it). Questions to think about, tables, displayed
    formulas, figures, definitions and measured results get one of their own; what is only preparation, or moves a
    widget, is left out.
    """
    for tag in cell.metadata.get("tags", ()):
        if tag in ROLES:
            return ROLES[tag]
    if cell.cell_type == "markdown":
        if re.search(r"^##? ", cell.source, re.MULTILINE):
            return "slide"
        if re.search(r"^(###|\|)|\*\*Think first|\$\$|^```", cell.source, re.MULTILINE):
            return "subslide"
        return "notes"
    if "plumbing" in cell.metadata.get("tags", ()):
        return "subslide" if cell.outputs else "skip"
    kinds = {kind for output in cell.outputs for kind in output.get("data", ())}
    if WIDGET in kinds:
        return "skip"
    defines = re.search(r"^(def|class) ", cell.source, re.MULTILINE)
    return "subslide" if (cell.outputs or defines) and ".controls[" not in cell.source else "skip"


def mark(notebook):
    """Set the slide type of every cell of a notebook, in place."""
    short = False  # was the cell before a heading that leaves room for a picture?
    for cell in notebook.cells:
        kind = slide_type(cell)
        room = short and kind == "subslide" and cell.cell_type == "code"
        cell.metadata["slideshow"] = {"slide_type": "-" if room else kind}
        short = kind in ("slide", "subslide") and cell.cell_type == "markdown" and len(cell.source) < 150


def convert(notebook, title):
    """A notebook as one HTML page of slides, 1280 x 720, code of figures left out."""
    from nbconvert import SlidesExporter  # slow to import, and marking does without

    exporter = SlidesExporter(
        template_name="course_slides",
        extra_template_basedirs=[str(HERE / "templates")],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        reveal_width="1280",
        reveal_height="720",
        reveal_theme="white",
        reveal_transition="none",
        reveal_number="c/t",
    )
    notebook.metadata.pop("widgets", None)  # panels are shown live, not on slides
    page = exporter.from_notebook_node(notebook, {"metadata": {"name": title}})[0]
    alts = {}  # picture -> its words, which nbconvert's templates leave out
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", ()):
                words = output["metadata"].get("image/png", {}).get("alt", "")
                alts[bare(output["data"]["image/png"])] = words

    def told(found):
        return f'<img alt="{html.escape(alts[bare(found[2])])}" class="" src="data:image/png;base64,{found[2]}">'

    return PICTURE.sub(told, page)


def bare(text):
    """Base64 without the line breaks that notebooks put into it."""
    return re.sub(r"\s", "", text)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, help="all of them where none is named")
    parser.add_argument("--out", type=Path, default=BUILD)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    for file in options.notebooks or sorted(NOTEBOOKS.glob("*.ipynb")):
        if not file.is_file():
            sys.exit(f"{file}: no such notebook")
        target = options.out / f"{file.stem}.slides.html"
        target.write_text(convert(nbformat.read(file, as_version=4), file.stem), "utf-8")
        print(target)


if __name__ == "__main__":
    main()
