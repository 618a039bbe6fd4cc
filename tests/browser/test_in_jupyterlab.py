"""Every notebook in a real JupyterLab: it runs, its panels follow mouse and keyboard, and nothing complains.

Screenshots of the panels go to build/browser/.
"""

import json
from pathlib import Path

import nbformat
import numpy as np
import pytest

from tests.browser import lab

pytestmark = pytest.mark.browser
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
PANEL = "Run this cell to see and move the controls: "  # what a saved panel says; an upload says something else
WHOLE = ["00_start_here", "01_coco_exploration", "02_heatmap_encoding", "04_deconvolution_head", "06_decoding"]
WHOLE += ["02b_pytorch", "07_metrics", "08_stacked_hourglass", "09_vision_transformer"]
WHOLE += ["10_your_own_pictures", "11_bottom_up", "12_from_2d_to_3d", "13_applications", "14_bug_hunt"]
QUICKER = {  # minutes of training: only the cells that the panel needs, and 05 with few people
    "03_residual_blocks": "",
    "05_training": "from dataclasses import replace\nrecipe, people = replace(recipe, epochs=3), people[:64]",
}
CONTROLS = ".noUi-handle, select, input[type=checkbox], .widget-toggle-button, .widget-button"


def panel_cells(name):
    """The ids of a notebook's cells whose saved output is a panel."""
    notebook, found = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4), []
    for cell in notebook.cells:
        if any(output.get("data", {}).get("text/plain", "").startswith(PANEL) for output in cell.get("outputs", ())):
            found.append(cell["id"])
    return found


@pytest.fixture
def opened(browser, url, folder):
    """A function that opens a copy of a notebook; its page is closed at the end."""
    pages = []

    def open_copy(name, **options):
        lab.copy_of(NOTEBOOKS / f"{name}.ipynb", folder, **options)
        pages.append(lab.Notebook(browser, url, f"{name}.ipynb"))
        return pages[-1]

    yield open_copy
    for each in pages:
        each.close()


def healthy(notebook):
    assert notebook.errors() == []
    assert notebook.problems == []


def use(notebook, control):
    """Move one control: sliders by keyboard, boxes and buttons by mouse; of a list, take the next entry."""
    control.scroll_into_view_if_needed()
    if control.evaluate("e => e.matches('.noUi-handle')"):
        control.focus()
        full = control.evaluate("e => +e.ariaValueNow >= +e.ariaValueMax")
        notebook.page.keyboard.press("ArrowLeft" if full else "ArrowRight")
    elif control.evaluate("e => e.tagName == 'SELECT'"):
        control.select_option(index=control.evaluate("e => (e.selectedIndex + 1) % e.length"))
    else:
        control.click()


def use_every_control(notebook, panel):
    """Move each control of a panel -> the names of those that changed the picture, and of those that did not.

    Lists go back to what they were: "no image matches" would leave the others nothing to change.
    """
    changed, idle = [], []
    for control in panel.locator(CONTROLS).element_handles():
        if control.evaluate("e => Boolean(e.closest('[disabled]'))"):
            continue
        assert notebook.wait_until(notebook.idle)
        before = notebook.picture(panel)
        use(notebook, control)
        name = control.evaluate("e => (e.closest('.jupyter-widgets')?.innerText || e.innerText).trim().split('\\n')[0]")
        (changed if notebook.changes(panel, before) else idle).append(name)
        if control.evaluate("e => e.tagName == 'SELECT'"):
            control.select_option(index=control.evaluate("e => (e.selectedIndex + e.length - 1) % e.length"))
    return changed, idle


def check_panels(notebook, name, screenshots):
    count = notebook.panels().count()
    assert count == len(panel_cells(name)) >= 1
    for index in range(count):
        panel = notebook.panels().nth(index)
        changed, idle = use_every_control(notebook, panel)
        panel.screenshot(path=screenshots / f"{name}-{index + 1}.png")
        print(f"{name}: the picture followed {changed}, not {idle}")
        assert len(changed) >= 3 or len(changed) > len(idle), idle  # "not allowed" looks the same for any kernel
    healthy(notebook)


@pytest.mark.parametrize("name", WHOLE)
def test_runs_whole_and_its_panels_follow(opened, screenshots, name):
    notebook = opened(name)
    notebook.run_all()
    check_panels(notebook, name, screenshots)


@pytest.mark.parametrize("name", QUICKER)
def test_panels_of_notebooks_that_train_follow(opened, screenshots, name):
    source = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    (last,) = panel_cells(name)
    cells = lab.cells_for(source, last)
    before = None
    if QUICKER[name]:
        chosen = next(place for place, cell in enumerate(cells) if "recipe" in lab.names_of(source_of(source, cell))[1])
        before = {cells[chosen + 1]: QUICKER[name]}
    notebook = opened(name, cells=cells, before=before)
    notebook.run_all()
    check_panels(notebook, name, screenshots)


def source_of(notebook, name):
    return next(cell.source for cell in notebook.cells if cell["id"] == name)


@pytest.mark.parametrize(("name", "step"), [("06_decoding", (0.4, -0.3)), ("07_metrics", (14, -9))])
def test_a_point_is_dragged_by_the_mouse_and_by_arrow_keys(opened, screenshots, name, step):
    source, cell = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4), panel_cells(name)[0]
    variable = source_of(source, cell).splitlines()[-1]
    asked = f"import json\nd = {variable}.drag\nprint(json.dumps([d.frame, d.limits, d.at, d.step]))"
    notebook = opened(name, cells=lab.cells_for(source, cell), at_end=asked)
    notebook.run_all()
    (left, top, right, bottom), (x0, x1, y0, y1), at, key = json.loads(notebook.last_output())
    panel = notebook.panels().first

    def values():  # of the first two sliders
        return np.array(
            [float(panel.locator(".widget-readout").nth(index).inner_text().replace("−", "-")) for index in (0, 1)]
        )

    def share(x, y):
        return left + (x - x0) / (x1 - x0) * (right - left), top + (y - y0) / (y1 - y0) * (bottom - top)

    start, before = values(), notebook.picture(panel)
    notebook.drag(panel, share(*at), share(at[0] + step[0], at[1] + step[1]))
    expected = pytest.approx(start + step, abs=1.01 * max(key))
    assert notebook.wait_until(lambda: values() == expected), values()
    assert notebook.changes(panel, before)
    panel.screenshot(path=screenshots / f"{name}-dragged.png")

    dragged, before = values(), notebook.picture(panel)
    panel.get_by_role("button", name="arrow keys").focus()
    for press in ("ArrowRight", "ArrowRight", "ArrowDown"):
        notebook.page.keyboard.press(press)
    expected = pytest.approx(dragged + np.array([2, 1]) * key, abs=0.01)
    assert notebook.wait_until(lambda: values() == expected), values()
    assert notebook.changes(panel, before)
    healthy(notebook)
