"""The widgets of notebook 02 on a made image: every option of every control is tried, and what is said is checked."""

import re

import numpy as np
import pytest

from hpe_lib import geometry
from hpe_lib.course.widgets import heatmap_encoding as encoding
from hpe_lib.skeleton import FLIP_ORDER, KEYPOINTS
from tests.notebook_code import defined_in

# What the notebook gives to its panels.
CHANGED_CROP, THERE_AND_BACK, *_ = defined_in(
    "02", "crop_by_hand", "there_and_back", "frame_by_hand", "matrix_by_hand", "apply"
)
HIDDEN = 4  # the joint without a label


@pytest.fixture
def person():
    """A noisy image, a pose with one unlabelled joint, and a box."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (120, 160, 3), dtype=np.uint8)
    box = np.array([40.0, 10.0, 60.0, 100.0])
    pose = np.column_stack([rng.uniform((45, 15), (95, 105), (17, 2)), rng.integers(1, 3, 17)])  # (17, 3)
    pose[HIDDEN] = 0
    return image, pose, box


@pytest.fixture
def sliders(person):
    crop, moved, _ = CHANGED_CROP(*person)
    panel = encoding.heatmap_sliders(THERE_AND_BACK, crop, moved[:, :2], moved[:, 2] > 0)
    panel.keypoints = moved[:, :2]
    return panel


def said_error(panel):
    return float(re.search(r"decoded ([\d.]+) px", panel.alt).group(1))


def bright_cells(panel):
    heatmap = panel.figure.axes[0].images[1].get_array()
    return int((np.asarray(heatmap) > 0.5).sum())


def test_every_joint_shows_its_own_map(sliders):
    seen = set()
    for index, joint in enumerate(KEYPOINTS):
        sliders.controls["joint"].value = joint
        seen.add(sliders.picture.value)
        assert joint.replace("_", " ") in sliders.alt
        if index == HIDDEN:
            assert "weight is 0" in sliders.alt and bright_cells(sliders) == 0
            continue
        cell = np.floor(sliders.keypoints[index] / 4 + 0.5)
        heatmap = np.asarray(sliders.figure.axes[0].images[1].get_array())
        assert heatmap[int(cell[1]), int(cell[0])] == heatmap.max() == 1
        assert said_error(sliders) == pytest.approx(np.hypot(*(4 * cell - sliders.keypoints[index])), abs=0.051)
    assert len(seen) == len(KEYPOINTS)


def test_every_sigma_widens_the_bell_and_leaves_the_error(sliders):
    control = sliders.controls["sigma"]
    widths, errors = [], set()
    for sigma in np.arange(control.min, control.max + control.step / 2, control.step):
        before = sliders.picture.value
        control.value = sigma
        assert sliders.picture.value != before or sigma == 2.0
        assert f"sigma {sigma:g} cells" in sliders.alt
        widths.append(bright_cells(sliders))
        errors.add(said_error(sliders))
    assert widths == sorted(widths) and widths[-1] > 20 * widths[0] and len(errors) == 1


def test_every_stride_rounds_to_its_own_cells(sliders):
    index = KEYPOINTS.index(sliders.controls["joint"].value)
    for stride in encoding.STRIDES:
        before = sliders.picture.value
        sliders.controls["stride"].value = stride
        assert sliders.picture.value != before or stride == 4
        assert f"{192 // stride} x {256 // stride} cells" in sliders.alt
        keypoint = sliders.keypoints[index]
        nearest = stride * np.floor(keypoint / stride + 0.5)
        assert said_error(sliders) == pytest.approx(np.hypot(*(nearest - keypoint)), abs=0.051)
        label, decoded = (line.get_xydata()[0] for line in sliders.figure.axes[1].lines[1:])
        np.testing.assert_allclose(label, keypoint, atol=1e-4)
        np.testing.assert_allclose(decoded, nearest, atol=1e-4)


def test_the_editor_follows_scale_and_rotation(person):
    panel = encoding.crop_editor(CHANGED_CROP, *person)
    _, size = geometry.crop_frame(person[2])
    for name, values in (("scale", np.linspace(0.7, 1.3, 5)), ("rotation", range(-80, 81, 40))):
        for value in values:
            before = panel.picture.value
            panel.controls[name].value = value
            scale, rotation = panel.controls["scale"].value, panel.controls["rotation"].value
            assert panel.picture.value != before or (scale, rotation) == (1, 0)
            assert f"frame x {scale:.2f}, turned {rotation:+.0f} degrees, not mirrored; all names right" in panel.alt
            corners = panel.figure.axes[0].lines[0].get_xydata()  # (5, 2) of the frame, image px
            top = corners[1] - corners[0]
            assert np.hypot(*top) == pytest.approx(scale * size[0])
            assert np.degrees(np.arctan2(top[1], top[0])) == pytest.approx(rotation)  # content turns the other way
        panel.controls[name].value = 1 if name == "scale" else 0


def test_the_editor_knows_when_the_names_are_wrong(person):
    panel = encoding.crop_editor(CHANGED_CROP, *person)
    pictures = set()
    for mirror in (False, True):
        for swap in (False, True):
            panel.controls["mirror"].value, panel.controls["swap"].value = mirror, swap
            pictures.add(panel.picture.value)
            assert ("all names right" in panel.alt) == (mirror == swap)
            assert ("16 of 17 names WRONG" in panel.alt) == (mirror != swap)
            assert ("not mirrored" in panel.alt) != mirror
    assert len(pictures) == 4


def test_mirror_and_swap_are_what_they_say(person):
    image, pose, box = person
    plain, before, _ = CHANGED_CROP(image, pose, box)
    mirrored, wrong, matrix = CHANGED_CROP(image, pose, box, mirror=True)
    _, right, _ = CHANGED_CROP(image, pose, box, mirror=True, swap=True)
    np.testing.assert_allclose(wrong[:, 0], 192 - before[:, 0])
    np.testing.assert_allclose(wrong[:, 1:], before[:, 1:])
    np.testing.assert_allclose(right, wrong[FLIP_ORDER])
    difference = mirrored[:, 1:].astype(int) - plain[:, :0:-1]  # x -> 192 - x: column 0 has no partner
    assert np.abs(difference).max() <= 1 and np.linalg.det(matrix[:, :2]) < 0
