"""What every saved notebook must be: run once from top to bottom, readable without a kernel, free of private paths.

That each cell runs is nbval's part (`pytest` collects notebooks/ too). Here some run again on real photographs.
"""

import ast
import html
import json
import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.browser.lab import names_of

FOLDER = Path(__file__).parents[1] / "notebooks"
sys.path.insert(0, str(FOLDER.parent / "tools"))
import slides  # noqa: E402

NAMES = [
    "00_start_here",
    "01_coco_exploration",
    "02_heatmap_encoding",
    "02b_pytorch",
    "03_residual_blocks",
    "04_deconvolution_head",
    "05_training",
    "06_decoding",
    "07_metrics",
    "08_stacked_hourglass",
    "09_vision_transformer",
    "10_your_own_pictures",
    "11_bottom_up",
    "12_from_2d_to_3d",
    "13_applications",
    "14_bug_hunt",
]


@pytest.fixture(params=NAMES)
def notebook(request):
    return nbformat.read(FOLDER / f"{request.param}.ipynb", as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def test_all_notebooks_are_listed():
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == NAMES


def test_saved_as_run_once_from_top_to_bottom(notebook):
    assert [cell.execution_count for cell in code_cells(notebook)] == list(range(1, len(code_cells(notebook)) + 1))
    assert not [output for output in outputs(notebook) if output.output_type == "error"]
    warnings = [output.text for output in outputs(notebook) if output.get("name") == "stderr"]
    assert not [text for text in warnings if "%|" not in text and text.strip()]  # progress bars may be there


def test_opens_with_aims_time_and_needs(notebook):
    opening = "\n".join(cell.source for cell in notebook.cells[:3] if cell.cell_type == "markdown")
    for words in ("**You will be able to**", "**Time**", "minutes", "**You need**"):
        assert words in opening
    assert "What you have now" in "\n".join(cell.source for cell in notebook.cells[-4:])


def test_every_picture_has_alternative_text(notebook):
    pictures = [output for output in outputs(notebook) if "image/png" in output.get("data", {})]
    assert len(pictures) >= 4
    for output in pictures:
        assert len(output.metadata.get("image/png", {}).get("alt", "")) > 20


def test_slides_keep_the_words_of_every_picture():
    notebook = nbformat.read(FOLDER / "02b_pytorch.ipynb", as_version=4)
    pictures = [output for output in outputs(notebook) if "image/png" in output.get("data", {})]
    pictures[0].metadata["image/png"]["alt"] = said = 'An image of "H" & <W>'
    page = slides.convert(notebook, "02b_pytorch")
    told = [html.unescape(words) for words, _ in slides.PICTURE.findall(page)]
    assert said in told and len(told) >= 4
    assert set(told) <= {output.metadata["image/png"]["alt"] for output in pictures}


def test_has_a_widget_and_its_saved_state(notebook):
    key = "application/vnd.jupyter.widget-view+json"
    shown = [output.data[key]["model_id"] for output in outputs(notebook) if key in output.get("data", {})]
    assert shown
    states = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    assert set(shown) <= set(states)  # readers without a kernel see the panel as it was


def test_cells_are_short_and_files_light(notebook):
    for cell in code_cells(notebook):
        assert len(cell.source.splitlines()) <= (35 if "plumbing" in cell.metadata.get("tags", ()) else 25)
    shown = [cell for cell in code_cells(notebook) if "setup" not in cell.metadata.get("tags", ())]
    assert not [line for cell in shown for line in cell.source.splitlines() if len(line) > 110]
    assert len(json.dumps(notebook)) < 2_000_000


def test_no_path_of_a_machine_is_shown(notebook):
    found = re.search(r"/(home|root|work|tmp|Users)/|site-packages", json.dumps(notebook))
    assert not found, found


def test_links_between_notebooks_lead_somewhere(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([^)#:]+\.ipynb)\)", cell.source):
                assert (FOLDER / target).is_file(), target


def test_only_cells_that_draw_are_folded(notebook):
    for cell in code_cells(notebook):
        folded = bool({"plumbing", "setup"} & set(cell.metadata.get("tags", ())))
        assert cell.metadata.get("jupyter", {}).get("source_hidden", False) == folded, cell.source[:80]
        assert (cell.metadata.get("cellView") == "form") == folded, cell.source[:80]
        if "plumbing" in cell.metadata.get("tags", ()):
            assert cell.source.startswith(("# @title Figure: ", "# @title Hidden: ")), cell.source[:80]
            assert not [node for node in ast.parse(cell.source).body if isinstance(node, ast.ClassDef)]  # the subject


def test_imports_stand_together_at_the_top(notebook):
    places = [
        number
        for number, cell in enumerate(code_cells(notebook))
        if "setup" not in cell.metadata.get("tags", ()) and re.search(r"^(import|from) ", cell.source, re.MULTILINE)
    ]
    assert places == [1], places  # the first cell after the set-up


def test_a_name_that_cells_hand_on_is_bound_by_one_of_them(notebook):
    """Otherwise it has two meanings, and cells that run again, or in another order, take the wrong one."""
    cells = [cell for cell in code_cells(notebook) if "setup" not in cell.metadata.get("tags", ())]
    names = [names_of(cell.source) for cell in cells]  # (taken from outside, bound here)
    handed_on = set().union(*(taken for taken, _ in names))
    bound_by = {name: [cell.id for cell, (_, bound) in zip(cells, names) if name in bound] for name in handed_on}
    assert {name: by for name, by in bound_by.items() if len(by) > 1} == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["01_coco_exploration", "02_heatmap_encoding", "06_decoding", "07_metrics"])
def test_runs_on_real_photographs(name, photographs):
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(FOLDER)}})
    client.execute(env=os.environ | {"HPE_DATA": str(photographs)})  # raises with the failing cell's traceback


SHAKE = """
import random
from hpe_lib.course.live import Live
random.seed(0)
for each in [value for value in list(globals().values()) if isinstance(value, Live)]:
    for control in each.controls.values():
        if hasattr(control, "options"):
            control.value = [one[1] if isinstance(one, tuple) else one for one in control.options][-1]
        elif hasattr(control, "max"):
            steps = int((control.max - control.min) / control.step)
            control.value = control.min + random.randrange(steps + 1) * control.step
        elif isinstance(control.value, bool):
            control.value = not control.value
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["01_coco_exploration", "02b_pytorch", "04_deconvolution_head", "06_decoding", "07_metrics"]
)
def test_cells_may_run_twice_backwards_and_after_play(name):
    """As students run them: each cell twice in a row, with the panels left anywhere; then all from last to first."""
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(FOLDER)}})
    cells = [(index, cell) for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    shake = nbformat.v4.new_code_cell(SHAKE)
    notebook.cells.append(shake)
    with client.setup_kernel():
        for index, cell in cells:
            client.execute_cell(cell, index)
            client.execute_cell(shake, len(notebook.cells) - 1)
            client.execute_cell(cell, index)
        for index, cell in reversed(cells):
            client.execute_cell(cell, index)
