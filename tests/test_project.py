"""What installs and tests the project says the same everywhere: requirements, pyproject, README, workflows, CI."""

import ast
import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PACKAGE = {"PIL": "pillow"}  # module -> package, where they differ
WITH_THEM = {"traitlets", "IPython"}  # come with ipywidgets
WITH_THEM |= {"contourpy"}  # with matplotlib


def requirements():
    """name -> bounds, of requirements.txt."""
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    return dict(re.match(r"([\w-]+)([<>=][^ ]*)", line).groups() for line in lines if line[0] not in "#-")


def declared():
    """name -> bounds, of pyproject.toml: what a plain `pip install` of the repository brings."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    listed = re.search(r"^dependencies = \[.*?\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)[1]
    return dict(re.findall(r'"([\w-]+)([<>=][^"]*)"', listed))


def test_the_bounds_agree():
    assert declared().items() <= requirements().items()


def test_a_plain_install_brings_all_that_the_library_imports():
    names = set()
    for file in (ROOT / "hpe_lib").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module.split(".")[0])
    names -= set(sys.stdlib_module_names) | WITH_THEM | {"hpe_lib"}
    assert {PACKAGE.get(name, name) for name in names} == declared().keys()


def test_the_workflows_run_what_the_readme_says():
    (file,) = (ROOT / ".github" / "workflows").glob("tests.yml")
    jobs = yaml.safe_load(file.read_text("utf-8"))["jobs"]
    said = (ROOT / "README.md").read_text("utf-8")
    unix, windows = (step["run"] for step in jobs["readme"]["steps"] if "run" in step)
    assert unix in said
    assert windows.rsplit("&&", 1)[0].strip() in said and windows.endswith(r".venv\Scripts\pytest")
    assert jobs["readme"]["strategy"]["matrix"]["python"] == ["3.10", "3.13"]
    assert len(jobs["readme"]["strategy"]["matrix"]["os"]) == 3
    left_out = next(
        step["run"] for step in jobs["browser-and-slow"]["steps"] if "-m" in step.get("run", "") and "or" in step["run"]
    )
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    assert left_out.removeprefix(".venv/bin/").split("  ")[0] in said
    for part in ('.venv/bin/pytest -m "slow and not browser"', ".venv/bin/pytest -m browser"):  # side by side there
        assert part in ci
    lowest = next(step["run"] for step in jobs["lowest"]["steps"] if "sed" in step.get("run", ""))
    pattern = re.search(r"s/(.*?)/\\1", lowest)[1]
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    assert sum(bool(re.match(pattern, line)) for line in lines) == len(requirements())  # every package has a lowest
