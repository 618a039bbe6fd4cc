"""What all panels share: the kept ground, dragging by mouse, and that a redraw does no more than it must."""

import base64
import io
import itertools

import ipywidgets
import numpy as np
import PIL.Image
import pytest
import torch
from pycocotools.coco import COCO

from hpe_lib import data, models
from hpe_lib.course import live
from hpe_lib.course.widgets import coco_exploration as browser
from hpe_lib.course.widgets import decoding, metrics, training
from hpe_lib.course.widgets import deconvolution_head as deconvolution
from hpe_lib.course.widgets import heatmap_encoding as encoding
from hpe_lib.course.widgets import residual_blocks as depth
from hpe_lib.course.widgets import start_here as poses
from hpe_lib.skeleton import KEYPOINTS
from tests.notebook_code import defined_in

THERE_AND_BACK, CHANGED_CROP, *_ = defined_in(  # what the panels take from their notebooks
    "02", "there_and_back", "crop_by_hand", "frame_by_hand", "matrix_by_hand", "apply"
)
STAMP, BELL, READ, REFINEMENTS, BACK, RULER, FIVE = (
    defined_in("04", "transposed_conv1d"),
    *defined_in("06", "bell", "read_point", "REFINEMENTS", "mirror_back"),
    defined_in("07", "ruler"),
    defined_in("07", "five").to_numpy(),
)


def pixels(panel):
    picture = panel.picture.value.split("base64,")[1].split('"')[0]
    return np.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(picture))))


def dot(drag=None, calls=None):
    """A panel with a red dot that two sliders move over axes from 0 to 10, y downwards."""

    def ground(figure, grey):
        ax = figure.add_subplot()
        ax.set(xlim=(0, 10), ylim=(10, 0), facecolor="#DDDDDD" if grey else "white", xlabel="x")

    def draw(figure, x, y, grey):
        if calls is not None:
            calls.append((x, y))
        if x == 9:
            raise ValueError("no nine")
        figure.axes[0].plot(x, y, "o", color="red", markersize=12)
        figure.axes[0].set_title(f"{x}, {y}")
        figure.suptitle("dot")
        return f"A dot at {x}, {y}."

    controls = {"x": ipywidgets.IntSlider(2, 0, 9), "y": ipywidgets.FloatSlider(value=5, min=0, max=10, step=0.5)}
    controls["grey"] = ipywidgets.Checkbox(False)
    return live.Live(draw, controls, (4, 3), ground=ground, ground_of=("grey",), drag=drag)


def red_spot(panel):
    """The middle of the red pixels, as shares of the picture."""
    image = pixels(panel).astype(int)
    rows, columns = np.nonzero((image[..., 0] > 200) & (image[..., 1:].max(axis=2) < 80))
    return (columns.mean() + 0.5) / image.shape[1], (rows.mean() + 0.5) / image.shape[0]


def test_only_what_moves_is_drawn_again():
    panel = dot()
    axes, first = panel.figure.axes[0], pixels(panel)
    panel.controls["x"].value = 7
    assert panel.figure.axes[0] is axes and len(axes.lines) == 1
    assert red_spot(panel)[0] > 0.5 and panel.alt == "A dot at 7, 5.0."
    panel.controls["x"].value = 2
    assert np.array_equal(pixels(panel), first)  # nothing of the other place is left
    panel.controls["grey"].value = True
    assert panel.figure.axes[0] is not axes and (pixels(panel) == 0xDD).all(axis=2).mean() > 0.3


def test_several_controls_move_with_one_drawing():
    calls = []
    panel = dot(calls=calls)
    panel.move(x=4, y=1.5)
    assert calls == [(2, 5.0), (4, 1.5)]


def test_an_error_is_raised_and_the_next_picture_is_right():
    panel, right = dot(), dot()
    with pytest.raises(ValueError, match="no nine"):
        panel.controls["x"].value = 9
    panel.controls["x"].value, right.controls["x"].value = 3, 3
    assert np.array_equal(pixels(panel), pixels(right))


def test_the_mouse_moves_the_sliders_in_their_own_steps():
    panel = dot(drag={"axes": 0, "x": "x", "y": "y", "origin": (1, 0)})
    drag = panel.drag
    assert drag.at == [3, 5] and drag.step == [1, 0.5]
    (left, top, right, bottom), (x0, x1, y0, y1) = drag.frame, drag.limits
    assert (x0, x1, y0, y1) == (0, 10, 0, 10)
    spot = red_spot(panel)  # the browser's own way from shares of the picture to values must find the dot
    assert (spot[0] - left) / (right - left) * 10 == pytest.approx(2, abs=0.1)
    assert (spot[1] - top) / (bottom - top) * 10 == pytest.approx(5, abs=0.1)
    for asked, x, y in (((5.4, 2.6), 4, 2.5), ((-3, 99), 0, 10), ((5.4, 2.6), 4, 2.5)):
        answered, drag.asked = drag.answered, list(asked)
        assert (panel.controls["x"].value, panel.controls["y"].value) == (x, y)
        assert drag.answered == answered + 1 and drag.at == [x + 1, y]
    assert f'data-live="{drag.picture}"' in panel.picture.value and drag in panel.children


def test_without_anywidget_the_sliders_are_left(monkeypatch):
    monkeypatch.setattr(live, "Drag", None)
    panel = dot(drag={"axes": 0, "x": "x", "y": "y"})
    assert panel.drag is None and len(panel.children) == 4 and "data-live" not in panel.picture.value


@pytest.mark.parametrize("place", ["true peak", "predicted"])
def test_what_is_dragged_in_the_notebooks_follows(place):
    pose = np.column_stack([np.linspace(20, 120, 17), np.linspace(30, 180, 17), np.full(17, 2.0)])
    peak = place == "true peak"
    panel = decoding.peak_reader(BELL, READ, REFINEMENTS) if peak else metrics.oks_ruler(pose, 9000.0, RULER)
    ax = panel.figure.axes[panel.drag.axes]
    for share in ((0.5, 0.5), (0.6, 0.4)):
        x0, x1, y0, y1 = panel.drag.limits
        asked = [x0 + share[0] * (x1 - x0), y0 + share[1] * (y1 - y0)]
        panel.drag.asked = asked
        (mark,) = [line for line in ax.lines if line.get_label() == place]
        x, y = mark.get_xydata()[0]
        steps = panel.drag.step
        assert abs(x - asked[0]) <= steps[0] / 2 + 1e-6 and abs(y - asked[1]) <= steps[1] / 2 + 1e-6


@pytest.fixture(scope="module")
def panels(drawn):
    """Every panel of the notebooks on the small drawn set, with two values for each of its controls."""
    file = data.annotation_file(drawn, "val")
    content = data.read_annotations(file)
    people = sorted(data.persons(drawn, "val", content), key=lambda person: -person.box[3])
    model, one, image = models.load_model("tiny"), people[0], data.read_image(people[0].file)
    groups = [[person for person in people if person.image_id == number] for number in {p.image_id for p in people}]
    items = [data.CropDataset([one], size)[0] for size in ((192, 256), (96, 128))]
    crops = [item["image"].permute(1, 2, 0).numpy() for item in items]
    batch = torch.utils.data.default_collate([data.CropDataset(people[:2], (96, 128))[index] for index in range(2)])
    with torch.no_grad():
        plain, mirrored = (model(data.normalise(each)) for each in (batch["image"], batch["image"].flip(-1)))
    kinds = itertools.product((6, 14), (False, True), (False, True), (0.7, 1.0))
    table = {kind: np.geomspace(1, 10 * number + 2, kind[0] - 1) for number, kind in enumerate(kinds)}
    replay = torch.rand(5, 17, 32, 24)
    heatmap = crops[0], items[0]["keypoints"].numpy(), items[0]["labelled"].numpy()
    flip = decoding.flip_viewer(BACK, batch["image"], plain, mirrored, batch["keypoints"], batch["labelled"] > 0)
    return {
        "00 pose browser": (poses.browse(model, groups[:3]), {"image": (2, 3), "threshold": (0.5, 0.1)}),
        "01 COCO browser": (
            browser.browse(drawn, "val", content, COCO(str(file)).annToMask),
            {"image": (2, 3), "mask": (True, False)},
        ),
        "02 heatmap": (
            encoding.heatmap_sliders(THERE_AND_BACK, *heatmap),
            {"sigma": (3, 1), "joint": KEYPOINTS[:2], "stride": (8, 2)},
        ),
        "02 crop editor": (
            encoding.crop_editor(CHANGED_CROP, image, one.keypoints, one.box),
            {"rotation": (10, 20, 30)},
        ),
        "03 gradient flow": (depth.gradient_flow(table), {"weights": (0.7, 1.0), "depth": (6, 14)}),
        "04 stepper": (deconvolution.stepper(STAMP), {"step": (2, 3, 1), "kernel": (3, 2)}),
        "05 replay": (
            training.replay_panel(crops[1], replay, items[1]["keypoints"], torch.ones(17)),
            {"epoch": (1, 2)},
        ),
        "06 peak reader": (
            decoding.peak_reader(BELL, READ, REFINEMENTS),
            {"x": (0.2, -0.2), "y": (0.1, 0.2), "flip": (True, False)},
        ),
        "06 flip viewer": (flip, {"person": (1, 0), "shift": (False, True), "joint": KEYPOINTS[:2]}),
        "07 OKS ruler": (metrics.oks_ruler(one.keypoints, 9e3, RULER, image), {"dx": (5, 20), "size": (0.5, 1)}),
        "07 among five": (
            metrics.oks_ruler(one.keypoints, 9e3, RULER, image, others=FIVE),
            {"dx": (5, 20), "dy": (5, 9), "size": (0.5, 1), "threshold": (0.5, 0.9)},
        ),
        "07 precision and recall": (
            metrics.precision_recall_stepper(FIVE),
            {"count": (2, 3, 4), "threshold": (0.6, 0.9)},
        ),
    }


def test_a_control_draws_once_and_only_what_moves(panels, monkeypatch):
    painted = []
    paint = live.Live.paint
    monkeypatch.setattr(live.Live, "paint", lambda panel, fresh: (painted.append(fresh), paint(panel, fresh)))
    for name, (panel, moves) in panels.items():
        for control, values in moves.items():
            for value in values:
                changes = panel.controls[control].value != value
                anew = panel.ground is None or control in panel.ground_of  # all is drawn, not only what moves
                painted.clear()
                panel.controls[control].value = value
                assert painted == [anew] * changes, (name, control, value)


def test_after_all_moves_the_picture_is_that_of_a_fresh_figure(panels):
    for name, (panel, moves) in panels.items():
        for control, values in moves.items():
            panel.controls[control].value = values[0]
        moved = pixels(panel)
        panel.drawn_for = None  # draw everything anew
        panel.update()
        assert np.array_equal(moved, pixels(panel)), name
        assert all(control.description for control in panel.controls.values()), name


def test_sliders_follow_while_they_move(panels):
    for name, (panel, _) in panels.items():
        assert all(getattr(control, "continuous_update", True) for control in panel.controls.values()), name
