"""The layout keeps its promises: what is to be read is short, and imports run one way."""

import ast
import re
from pathlib import Path

import pytest

import hpe_lib

ROOT = Path(hpe_lib.__file__).parent
FILES = {path.relative_to(ROOT).as_posix(): path for path in ROOT.rglob("*.py")}
READ = re.findall(r"^ {4}[\d, ]{10}(\S+\.py) ", hpe_lib.__doc__, re.MULTILINE)  # the rows of the map
NOTEBOOKS = sorted(path.stem.partition("_")[2] for path in (ROOT.parent / "notebooks").glob("*.ipynb"))


def module_of(name):
    """The file of a dotted name within the library ("data.crops" -> "data/crops.py"), or None."""
    path = name.replace(".", "/")
    return next((file for file in (f"{path}.py", f"{path}/__init__.py") if file in FILES), None)


def imports(file):
    """The library's files that a file imports, wherever in it the import stands."""
    place, found = FILES[file].relative_to(ROOT).parent.parts, set()
    for node in ast.walk(ast.parse(FILES[file].read_text("utf-8"))):
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            parts = [*place[: len(place) - node.level + 1], *(node.module or "").split(".")]
        elif node.module and node.module.split(".")[0] == "hpe_lib":
            parts = node.module.split(".")[1:]
        else:
            continue
        base = ".".join(part for part in parts if part)
        for alias in node.names:
            inner = module_of(f"{base}.{alias.name}".strip("."))
            if inner or module_of(base):
                found.add(inner or module_of(base))
    return found - {file, "__init__.py"}


GRAPH = {file: imports(file) for file in FILES}


def room(file):
    """The first part of a file's path: "data/crops.py" -> "data", "metrics.py" -> "metrics"."""
    return file.split("/")[0].removesuffix(".py")


def circles(graph):
    """The members of a graph, name -> names, that lead back to themselves."""
    left = {name: set(others) for name, others in graph.items()}
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:
            del left[name]
    return sorted(left)


def test_what_is_to_be_read_is_short():
    lines = {file: len(FILES[file].read_text("utf-8").splitlines()) for file in READ}
    assert len(READ) >= 15 and max(lines.values()) <= 210
    assert sum(lines.values()) < 2_500, lines  # 1,400 of them after 00 to 07


@pytest.mark.parametrize("file", READ)
def test_what_is_to_be_read_is_about_its_subject(file):
    text = FILES[file].read_text("utf-8")
    assert (
        not re.search(r"^import (argparse|json|os|sys|shutil|tempfile)\b", text, re.MULTILINE) or file == "data/coco.py"
    )
    assert "argparse" not in text and ast.get_docstring(ast.parse(text))


def test_the_map_names_every_file():
    listed = hpe_lib.__doc__
    for file in FILES:
        name = Path(file).stem
        if room(file) not in ("course", "synthetic") and not name.startswith("__"):
            assert re.search(rf"\b{name}\b", listed), f"{file} is not on the map in hpe_lib/__init__.py"


def test_checks_widgets_and_notebooks_have_matching_names():
    for kind in ("checks", "widgets"):
        names = sorted(path.stem for path in (ROOT / "course" / kind).glob("[!_]*.py"))
        assert names == NOTEBOOKS, kind
    assert {path.stem for path in (ROOT / "course" / "diagrams").glob("[!_]*.py")} <= set(NOTEBOOKS)


def test_nothing_but_the_course_imports_the_course():
    assert not [file for file, others in GRAPH.items() if room(file) != "course" and "course" in map(room, others)]


def test_imports_run_one_way():
    assert not circles(GRAPH)
    rooms = {}
    for file, others in GRAPH.items():
        rooms.setdefault(room(file), set()).update(set(map(room, others)) - {room(file)})
    assert not circles(rooms)
    assert not rooms["skeleton"] and not rooms["geometry"] and rooms["heatmaps"] == {"skeleton"}
    assert not rooms["models"] & {"data", "train", "predict", "evaluate"}
    assert not rooms["data"] & {"models", "train", "predict", "evaluate"}


def test_a_circle_would_be_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": set()}) == ["a", "b", "c", "d"]


def test_every_file_to_be_read_has_tests_that_are_asked_about_planted_faults(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT.parent / "tools"))
    import plant_faults as tool

    assert set(tool.TESTS) == set(READ) == set(tool.READ) and tool.HARMLESS.keys() <= set(READ)
    for names in tool.TESTS.values():
        assert names and all((ROOT.parent / "tests" / f"test_{name}.py").is_file() for name in names)
    for file, known in tool.HARMLESS.items():  # a line that was changed is to be looked at again
        text = FILES[file].read_text("utf-8")
        assert not [part for part, _ in known if part not in text], file
