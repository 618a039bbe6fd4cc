import re
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
import pytest
import torch
from matplotlib.collections import PathCollection

from hpe_lib import data, synthetic
from hpe_lib.course.diagrams import start_here as diagrams
from hpe_lib.course.widgets import start_here as poses
from hpe_lib.skeleton import LIMBS

HEIGHTS = torch.tensor([0.9] + [height for pair in range(1, 9) for height in [pair / 10 + 0.02] * 2])  # (17,)


class Levels(torch.nn.Module):
    """A network whose 17 heatmaps are flat, at known heights; half as high for a dark crop."""

    input_wh = (96, 128)

    def __init__(self):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images):
        light = 0.5 + 0.5 * (images.mean(dim=(1, 2, 3)) > 0)  # (N,)
        return (light[:, None] * HEIGHTS)[..., None, None].expand(-1, -1, 32, 24).clone()


@pytest.fixture
def panel(tmp_path):
    """A browser on a light image of one person and a dark image of two."""
    rng = np.random.default_rng(0)
    groups = []
    for name, grey, people in (("light", 230, 1), ("dark", 10, 2)):
        file = tmp_path / f"{name}.png"
        PIL.Image.fromarray(np.full((120, 160, 3), grey, np.uint8)).save(file)
        group = []
        for index in range(people):
            keypoints = np.column_stack([rng.uniform(10, 100, (17, 2)), np.arange(17) % 3])
            group.append(data.Person(file, len(groups), index, np.array([50.0 * index + 10, 20, 45, 60]), keypoints))
        groups.append(group)
    return poses.browse(Levels(), groups)


def joints(ax):
    """Places (n, 2) and face colours (n, 4) of the joints that are drawn."""
    dots = [dots for dots in ax.collections if isinstance(dots, PathCollection) and len(dots.get_offsets())]
    places = [np.asarray(dots.get_offsets()) for dots in dots]
    colors = [np.broadcast_to(dots.get_facecolor(), (len(place), 4)) for dots, place in zip(dots, places)]
    return np.concatenate([np.zeros((0, 2)), *places]), np.concatenate([np.zeros((0, 4)), *colors])


def artists(panel):
    """How many joints and boxes are in the image."""
    ax = panel.figure.axes[0]
    return len(joints(ax)[0]), len(ax.patches)


def test_every_threshold_of_every_image_draws_the_joints_above_it(panel):
    slider = panel.controls["threshold"]
    every = np.arange(slider.min, slider.max + 1e-9, slider.step)
    assert slider.min == 0.0 and len(every) == 10
    for image, people, light, thresholds in ((1, 1, 1.0, every), (2, 2, 0.5, every[::4])):
        panel.controls["image"].value = image
        seen = set()
        for threshold in thresholds:
            slider.value = threshold
            expected = people * int((HEIGHTS.double() * light > slider.value).sum())
            assert artists(panel) == (expected, people)
            said = f"Image {image} of 2, {people} {'person' if people == 1 else 'people'}: {expected} of {17 * people} "
            assert panel.alt.startswith(said + f"predicted joints have a peak above {threshold:.1f} and are drawn")
            assert f"{expected} of {17 * people} predicted" in panel.figure.axes[0].get_title()
            seen.add(panel.picture.value)
        assert len(seen) == len(thresholds)


def test_boxes_and_labels_come_and_go(panel):
    controls = panel.controls
    for image, labelled in ((1, 11), (2, 22)):  # v = 0, 1, 2, 0, ...: 6 of 17 have no label
        controls["image"].value = image
        predicted = panel.picture.value
        controls["boxes"].value = False
        assert artists(panel)[1] == 0 and panel.alt.endswith("without boxes.")
        assert panel.picture.value != predicted
        controls["boxes"].value = True
        assert artists(panel)[1] == image and panel.alt.endswith("with boxes.")
        controls["truth"].value = True
        assert panel.picture.value != predicted
        assert artists(panel)[0] == labelled and f"{labelled} of {17 * image} joints have a label" in panel.alt
        hollow = (joints(panel.figure.axes[0])[1] == 1).all(axis=1)
        assert hollow.sum() == 6 * image  # v = 1
        before, controls["threshold"].value = panel.picture.value, 0.9 - controls["threshold"].value
        assert controls["threshold"].disabled and panel.picture.value == before  # labels have no peaks
        controls["truth"].value = False
        assert not controls["threshold"].disabled and "predicted joints" in panel.alt


def test_the_browser_holds_the_predictions_and_says_what_it_needs(panel):
    assert [len(group) for group in panel.poses] == [1, 2]
    assert np.allclose(panel.poses[0][0, :, 2], HEIGHTS, atol=1e-6)
    assert np.allclose(panel.poses[1][1, :, 2], HEIGHTS / 2, atol=1e-6)
    assert all(control.description for control in panel.controls.values())
    with pytest.raises(ValueError, match="at least one list"):
        poses.browse(Levels(), [])


# The drawn figures of the notebook.


@pytest.fixture(scope="module")
def portrait():
    rng = np.random.default_rng(0)
    one, look = synthetic.person(rng, "reaching", yaw=20), synthetic.wardrobe(rng)
    camera = synthetic.Camera((240, 320), focal=460.0, height=1.15)
    image, (annotation,) = synthetic.photograph(camera, [one.placed(0.0, -4.2, 0.0)], [look])
    return one, look, image, np.reshape(annotation["keypoints"], (1, 17, 3)), np.array([annotation["bbox"]])


def drawings(portrait):
    one, look, image, pose, box = portrait
    crop, maps = np.zeros((256, 192, 3), np.uint8), np.zeros((17, 64, 48))
    maps[:, 10, 20] = 1
    yield "three descriptions", diagrams.three_descriptions(one, look)
    for picture in (image, image[100:200]):
        yield "two orders", diagrams.two_orders(picture, box, pose)
    yield "hourglass", diagrams.hourglass(crop, maps)
    yield "simple baseline", diagrams.simple_baseline(crop, maps)
    yield "transformer", diagrams.transformer(crop, maps, np.array([80.0, 40.0]))
    yield "timeline", diagrams.timeline()
    yield "map", diagrams.course_map()


def words_of(figure):
    for ax in figure.axes:
        yield from (text for text in [*ax.texts, ax.title] if text.get_text())
        if ax.axison:
            yield from (ax.xaxis.label, ax.yaxis.label)
        if ax.get_legend():
            yield ax.get_legend()


def test_no_words_of_the_drawings_overlap_or_leave_the_page(portrait):
    for name, figure in drawings(portrait):
        figure.canvas.draw()
        page = figure.bbox
        boxes = [(words, words.get_window_extent()) for words in words_of(figure)]
        for words, box in boxes:
            assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, (name, words)
            assert not hasattr(words, "get_fontsize") or words.get_fontsize() >= 9, (name, words)
        for (words, box), (others, other) in combinations(boxes, 2):
            assert not box.overlaps(other), (name, words, others)
        plt.close(figure)


def test_three_descriptions_show_one_person(portrait):
    one, look, *_ = portrait
    figure = diagrams.three_descriptions(one, look)
    front, side = (joints(ax)[0] for ax in figure.axes[1:3])
    assert front.shape == side.shape == (17, 2)
    assert np.allclose(front, one.keypoints[:, :2], atol=1e-4)  # metres: the image's right is the world's x
    assert np.allclose(side[:, 0] - side[0, 0], one.keypoints[0, 2] - one.keypoints[:, 2], atol=2e-4)
    assert np.allclose(side[:, 1], front[:, 1])
    edges = np.array(figure.axes[3].collections[0].get_segments())
    assert np.isfinite(edges).all() and int(re.search(r"([\d,]+) corners", figure.axes[3].get_title())[1]) > 100
    plt.close(figure)


def test_two_orders_weigh_links_to_everybody_but_keep_ones_own(portrait):
    _, _, image, pose, box = portrait
    alone = pose * [1, 1, 0] + [0, 0, 2]
    pair = np.concatenate([alone, alone + np.array([60, 0, 0])])
    for people, weighed in ((alone, len(LIMBS)), (pair, 4 * len(LIMBS))):
        figure = diagrams.two_orders(image, np.repeat(box, len(people), axis=0), people)
        lines = figure.axes[0].lines
        dotted = sum(line.get_linestyle() == ":" for line in lines)
        kept = sum(line.get_linestyle() == "-" and line.get_linewidth() == 1.8 for line in lines)
        assert (dotted + kept, kept) == (weighed, len(people) * len(LIMBS))
        plt.close(figure)
    plt.close(diagrams.two_orders(image, box[:0], pose[:0]))  # nobody


def test_transformer_looks_from_one_patch_at_all(portrait):
    figure = diagrams.transformer(np.zeros((256, 192, 3), np.uint8), np.ones((17, 64, 48)), np.array([80.0, 40.0]))
    lines = figure.axes[0].collections[0].get_segments()
    assert len(lines) == 16 * 12 and len({tuple(line[1]) for line in lines}) == 1
    assert any("16 × 12 patches" in text.get_text() for text in figure.axes[0].texts)
    plt.close(figure)


def test_map_names_every_notebook_and_the_timeline_runs_forward():
    figure = diagrams.course_map()
    assert {f"{number:02}" for number in range(1, 8)} <= {text.get_text() for text in figure.axes[0].texts}
    plt.close(figure)
    places = [entry[0] for entry in diagrams.HISTORY]
    assert places == sorted(places)
