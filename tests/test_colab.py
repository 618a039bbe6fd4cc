"""Badge and set-up cell: in step with pyproject.toml, idle in JupyterLab, and installing the course in a mock Colab."""

import ast
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import stamp as stamp_tool  # noqa: E402

NOTEBOOK = "00_start_here.ipynb"
ALREADY_THERE = {"torch": "2.9.0+colab", "torchvision": "0.24.0+colab", "numpy": "2.0.2"}  # stand-ins for Colab's own
MOCK_COLAB = """
import json, sys, types
for name in ("google", "google.colab"):
    sys.modules[name] = types.ModuleType(name)
try:
    exec(compile(open(sys.argv[1]).read(), "set-up cell", "exec"), {"__name__": "__main__"})
except RuntimeError as error:
    sys.exit(f"RuntimeError: {error}")
import hpe_lib, torch, torchvision, numpy
from importlib.metadata import version
names = ("torch", "torchvision", "numpy")
print(json.dumps({"place": hpe_lib.__file__, "versions": {name: version(name) for name in names}}))
"""


def run(*command, **options):
    return subprocess.run([*map(str, command)], capture_output=True, text=True, **options)


def stamp(root, *arguments):
    """Run tools/stamp.py on another folder -> None, or the message with which it ends."""
    try:
        return stamp_tool.main([*arguments], root)
    except SystemExit as end:
        return end.code


def cell(root, number):
    return nbformat.read(root / "notebooks" / NOTEBOOK, as_version=4).cells[number]


def test_every_notebook_is_in_step_with_pyproject():
    assert stamp(ROOT, "--check") is None


@pytest.fixture
def fork(tmp_path):
    """A copy of what stamping needs, with one notebook."""
    for name in ("pyproject.toml", "requirements.txt", f"notebooks/{NOTEBOOK}"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_a_fork_restamps_everything_by_one_command(fork):
    before = nbformat.read(fork / "notebooks" / NOTEBOOK, as_version=4)
    assert stamp(fork, "--repository", "https://github.com/somebody/their-course.git") is None
    after = nbformat.read(fork / "notebooks" / NOTEBOOK, as_version=4)
    badge, _, setup = after.cells[:3]
    opens = f"(https://colab.research.google.com/github/somebody/their-course/blob/main/notebooks/{NOTEBOOK})"
    assert "[![Open in Colab]" in badge.source and opens in badge.source
    assert '"git+https://github.com/somebody/their-course"' in setup.source
    assert 'Repository = "https://github.com/somebody/their-course"' in (fork / "pyproject.toml").read_text()
    assert not [file for file in fork.rglob("*.ipynb") if "hpe-course/hpe-course" in file.read_text()]
    own = ("colab-badge", "colab-setup")  # nothing else changes
    assert [(c.id, c.source) for c in before.cells if c.id not in own] == [
        (c.id, c.source) for c in after.cells if c.id not in own
    ]
    assert [c.get("outputs") for c in before.cells if c.id not in own] == [
        c.get("outputs") for c in after.cells if c.id not in own
    ]
    text = (fork / "notebooks" / NOTEBOOK).read_text()
    assert stamp(fork) is None and (fork / "notebooks" / NOTEBOOK).read_text() == text  # twice is once


IN_COLAB = {"IPython", "PIL", "contourpy", "ipywidgets", "matplotlib", "numpy", "pandas"}
IN_COLAB |= {"torch", "torchvision", "tqdm", "traitlets"}
IN_COLAB |= {"filelock", "platformdirs"}  # torch needs the one, Jupyter the other


def test_what_the_library_imports_is_in_colab_or_installed_there():
    trees = [ast.parse(file.read_text("utf-8")) for file in (ROOT / "hpe_lib").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    others = {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"hpe_lib"}
    assert {"torch", "simplejpeg"} < others <= IN_COLAB | set(stamp_tool.NOT_IN_COLAB)


def test_what_is_out_of_step_is_named(fork):
    assert stamp(fork) is None and stamp(fork, "--check") is None
    file = fork / "notebooks" / NOTEBOOK
    file.write_text(file.read_text().replace("colab-badge.svg", "colab-badge.png"))
    message = stamp(fork, "--check")
    assert NOTEBOOK in message and "python tools/stamp.py" in message
    assert "Colab opens https://github.com/OWNER/REPO only" in stamp(fork, "--repository", "https://example.org/course")
    (fork / "pyproject.toml").write_text("[project]\n")
    assert "no line Repository" in stamp(fork)


def test_the_set_up_cell_is_the_first_code_and_does_nothing_here(monkeypatch):
    for file in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = nbformat.read(file, as_version=4).cells
        first = next(cell for cell in cells if cell.cell_type == "code")
        assert (first.id, first.outputs, "google.colab" in sys.modules) == ("colab-setup", [], False), file.name
        monkeypatch.setattr(subprocess, "run", None)  # would raise
        exec(compile(first.source, file.name, "exec"), {})


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A Python without any of our packages, but with stand-ins for those that Colab has -> its folder."""
    folder = tmp_path_factory.mktemp("colab")
    venv.create(folder / "env", with_pip=True)
    site = next((folder / "env").glob("[Ll]ib*/**/site-packages"))
    for name, version in ALREADY_THERE.items() | {(name, "1.0") for name in stamp_tool.NOT_IN_COLAB}:
        (site / name).mkdir()
        (site / name / "__init__.py").write_text(f"__version__ = {version!r}\n")
        metadata = site / f"{name}-{version}.dist-info" / "METADATA"
        metadata.parent.mkdir()
        metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return folder


def in_colab(folder, address):
    """Run the saved set-up cell there, with another address for the repository."""
    source = cell(ROOT, 2).source
    repository = source.split('"hpe_lib": "git+')[1].split('"')[0]
    (folder / "cell.py").write_text(source.replace(repository, address))
    (folder / "mock.py").write_text(MOCK_COLAB)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    clean |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    python = next(path for path in (folder / "env").glob("*/python*") if path.is_file())
    return run(python, folder / "mock.py", folder / "cell.py", cwd=folder, env=clean)


def test_the_set_up_cell_installs_the_course_in_colab_and_leaves_torch_alone(empty):
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("needs git and a clone of the course")
    clone = empty / "course"
    assert run("git", "-c", "safe.directory=*", "clone", "--quiet", ROOT, clone).returncode == 0

    failed = in_colab(empty, f"file://{empty / 'nowhere'}")
    assert failed.returncode == 1 and "RuntimeError: pip could not install git+file:" in failed.stderr
    assert "is the address right?" in failed.stderr

    result = in_colab(empty, f"file://{clone}")
    if "setuptools" in result.stderr and result.returncode:
        pytest.skip(f"pip finds no setuptools to build with: {result.stderr.strip()}")
    assert result.returncode == 0, result.stderr
    said = json.loads(result.stdout)
    assert said["versions"] == ALREADY_THERE
    place = Path(said["place"]).parent
    assert place.is_relative_to(empty / "env") and (place / "weights" / "tiny.pt").is_file()
    assert {path.name for path in place.iterdir() if path.is_dir()} >= {"course", "data", "models", "train"}

    again = in_colab(empty, f"file://{empty / 'nowhere'}")  # nothing is missing, so pip is not asked
    assert again.returncode == 0 and json.loads(again.stdout) == said
