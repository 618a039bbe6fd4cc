"""Write into every notebook what depends on the repository's address, and how its cells appear as slides.

    python tools/stamp.py                                                # after adding a notebook or a cell
    python tools/stamp.py --repository https://github.com/OWNER/REPO     # once, after forking
    python tools/stamp.py --check                                        # writes nothing, fails where something is old

The address stands in pyproject.toml, [project.urls] Repository. From it come the badge "Open in Colab" (the first
cell) and the set-up cell, the first with code, which installs the course in Colab and does nothing elsewhere.
This cell, and those that only draw figures (their tag is "plumbing"), are folded.
"""

import argparse
import re
import sys
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).parent))
import slides

ROOT = Path(__file__).parents[1]
BRANCH = "main"
FOLDED = {"plumbing", "setup"}  # tags of cells whose code is folded, in JupyterLab and in Colab
NOT_IN_COLAB = (
    "pycocotools",
    "simplejpeg",
    "av",
    "anywidget",
    "psygnal",
)  # of our requirements, and theirs: may be missing
SETUP = """\
# @title Google Colab: install the course. Anywhere else this cell does nothing.
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules:
    needed = {
        "hpe_lib": "git+{repository}",
{others}
    }
    missing = [source for module, source in needed.items() if importlib.util.find_spec(module) is None]
    if missing:  # without dependencies: Colab's own torch and NumPy stay as they are
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *missing]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            said = (result.stderr.strip() or "nothing").splitlines()[-1]
            names = ", ".join(missing)
            raise RuntimeError(f"pip could not install {names}; is the address right? It said: {said}")
        importlib.invalidate_caches()"""


def repository(root=ROOT):
    """The repository's address, as pyproject.toml has it; ValueError where it has none."""
    found = re.search(r'^Repository = "(.+)"$', (root / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    if not found:
        raise ValueError(f'{root / "pyproject.toml"}: no line Repository = "https://github.com/OWNER/REPO"')
    return found[1]


def move_to(address, root=ROOT):
    """Write another address into pyproject.toml; ValueError where Colab could not open it."""
    address = address.removesuffix("/").removesuffix(".git")
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
        raise ValueError(f"{address}: Colab opens https://github.com/OWNER/REPO only")
    file, old = root / "pyproject.toml", repository(root)
    file.write_text(file.read_text("utf-8").replace(f'Repository = "{old}"', f'Repository = "{address}"'), "utf-8")


def badge(address, name):
    """The first cell's text: the badge, and where words are explained (Colab cannot follow links within a folder)."""
    web = f"{address}/blob/{BRANCH}/notebooks"
    colab = web.replace("https://github.com", "https://colab.research.google.com/github")
    picture = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    return f"{picture}({colab}/{name}) Words: [glossary](GLOSSARY.md) ([on the web]({web}/GLOSSARY.md))"


def setup(address, root=ROOT):
    """The set-up cell's code, with the bounds that requirements.txt gives."""
    lines = (root / "requirements.txt").read_text("utf-8").splitlines()
    bounds = {re.split(r"[<>=!~ ]", line)[0]: line.split("#")[0].strip() for line in lines}
    others = "\n".join(f'        "{name}": "{bounds.get(name, name)}",' for name in NOT_IN_COLAB)
    return SETUP.replace("{repository}", address).replace("{others}", others)


def stamp(notebook, address, name, root=ROOT):
    """Write badge, set-up cell and slides into a notebook, in place; outputs and all other cells stay."""
    cells = {cell["id"]: cell for cell in notebook.cells}
    first = cells.get("colab-badge") or nbformat.v4.new_markdown_cell(id="colab-badge")
    code = cells.get("colab-setup") or nbformat.v4.new_code_cell(id="colab-setup")
    first.source, code.source = badge(address, name), setup(address, root)
    first.metadata.update(tags=["badge"])
    code.metadata.update(tags=["setup"])
    others = [cell for cell in notebook.cells if cell["id"] not in ("colab-badge", "colab-setup")]
    notebook.cells = [first, others[0], code, *others[1:]]
    for cell in notebook.cells:
        fold(cell)
    slides.mark(notebook)


def fold(cell):
    """Hide the code of set-up and figures in JupyterLab and Colab, in place; what it shows stays open."""
    hidden = bool(FOLDED & set(cell.metadata.get("tags", ())))
    jupyter = {name: value for name, value in cell.metadata.get("jupyter", {}).items() if name != "source_hidden"}
    for name, value in (("jupyter", jupyter | ({"source_hidden": True} if hidden else {})), ("cellView", "form")):
        if value and (hidden or name == "jupyter"):
            cell.metadata[name] = value
        else:
            cell.metadata.pop(name, None)


def main(arguments=None, root=ROOT):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repository", help="the address of your fork: https://github.com/OWNER/REPO")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a notebook is not in step")
    options = parser.parse_args(arguments)
    try:
        if options.repository:
            move_to(options.repository, root)
        address = repository(root)
    except ValueError as error:
        sys.exit(str(error))
    old = []
    for file in sorted((root / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(file, as_version=4)
        before = nbformat.writes(notebook)
        stamp(notebook, address, file.name, root)
        if nbformat.writes(notebook) != before:
            old.append(file.name)
            if not options.check:
                nbformat.write(notebook, file)
    if options.check and old:
        sys.exit(f"not in step with {address}: {', '.join(old)}. Run: python tools/stamp.py")
    print(f"{address}: " + (f"stamped {', '.join(old)}" if old else "all notebooks are in step"))


if __name__ == "__main__":
    main()
