"""Make a student's and a lecturer's copy of every notebook: `python tools/copies.py` writes them to build/.

In build/student there are no solutions, no outputs and no badges (which open the notebooks with solutions); in
build/lecturer everything is as in notebooks/. nbconvert's own preprocessors do the work, by the cells' tags.
"""

import argparse
import shutil
from copy import deepcopy
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ClearOutputPreprocessor, TagRemovePreprocessor

ROOT = Path(__file__).parents[1]
STUDENT = (
    TagRemovePreprocessor(enabled=True, remove_cell_tags={"solution", "badge"}),
    ClearOutputPreprocessor(enabled=True),
)


def student_copy(notebook):
    """A notebook without its solutions, outputs and saved panels."""
    notebook, resources = deepcopy(notebook), {}
    for preprocessor in STUDENT:
        notebook, resources = preprocessor.preprocess(notebook, resources)
    notebook.metadata.pop("widgets", None)
    return notebook


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "build", help="where the folders student and lecturer go")
    options = parser.parse_args(arguments)
    for who, left_out in (("student", (".*", "README.md")), ("lecturer", (".*",))):
        shutil.rmtree(options.out / who, ignore_errors=True)
        shutil.copytree(ROOT / "notebooks", options.out / who, ignore=shutil.ignore_patterns(*left_out))
    for file in sorted((options.out / "student").glob("*.ipynb")):
        nbformat.write(student_copy(nbformat.read(file, as_version=4)), file)
    print(f"without solutions: {options.out / 'student'}")
    print(f"with solutions:    {options.out / 'lecturer'}")


if __name__ == "__main__":
    main()
