import numpy as np
import pytest

from hpe_lib import synthetic
from hpe_lib.course.widgets import from_2d_to_3d as widgets


@pytest.fixture
def panel():
    pixels, poses = synthetic.poses(0, 3)
    return widgets.turning_panel(pixels, poses + 0.1 * (np.arange(17) == 9)[:, None] * [0.0, 0.0, 1.7], poses)


def test_the_error_and_its_direction_are_said(panel):
    assert "Person 0, lifted and true, turned by 0 degrees" in panel.alt
    assert "error 10 mm (across 0, up 0, in depth 10)" in panel.alt
    panel.move(person=2, shown="true", turn=90, tilt=-30)
    assert "Person 2, true, turned by 90 degrees, seen from -30 degrees above" in panel.alt


def test_mouse_and_keyboard_turn(panel):
    before = panel.picture.value
    panel.drag.asked = [43.0, 22.0]  # where the pointer is, in degrees
    assert panel.controls["turn"].value == 45 and panel.controls["tilt"].value == 20  # in steps of 5
    assert panel.picture.value != before and panel.drag.at == [45, 20] and panel.drag.step == [5, 5]
    panel.drag.asked = [500.0, -500.0]
    assert panel.controls["turn"].value == 180 and panel.controls["tilt"].value == -90


def test_dragging_to_the_right_and_upwards_is_a_larger_turn_and_tilt(panel):
    left, right, top, bottom = panel.drag.limits
    assert left < right and top > bottom
    drawn, sphere = panel.figure.axes[1:]
    assert np.allclose(drawn.get_position().bounds, sphere.get_position().bounds)


def test_turning_keeps_lengths_and_goes_the_way_that_is_said():
    ahead = np.array([[0.0, 0.0, -1.0]])  # towards the camera
    assert np.allclose(widgets.turned(ahead, 0, 0), ahead)
    assert widgets.turned(ahead, 0, 90)[0, 1] == pytest.approx(1)  # from above, what is near lies low in the picture
    assert abs(widgets.turned(ahead, 90, 0)[0, 0]) == pytest.approx(1)
    rng = np.random.default_rng(0)
    pose = rng.normal(size=(17, 3))
    assert np.allclose(np.linalg.norm(widgets.turned(pose, 33, -20), axis=1), np.linalg.norm(pose, axis=1))
    assert np.linalg.det(widgets.turned(np.eye(3), 33, -20)) == pytest.approx(1)


def test_only_what_is_asked_for_is_drawn(panel):
    counts = {}
    for shown in widgets.SHOWN:
        panel.move(shown=shown)
        counts[shown] = len(panel.figure.axes[1].collections)
    assert counts["lifted"] == counts["true"] == counts["lifted and true"] / 2
