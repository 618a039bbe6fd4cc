import re

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from hpe_lib import heatmaps
from hpe_lib.course.widgets import decoding
from hpe_lib.course.words import Words
from hpe_lib.skeleton import FLIP_ORDER, KEYPOINTS
from tests.notebook_code import defined_in

STRIDE = 4
BELL, PARABOLA, REFINEMENTS, READ, MIRROR_BACK = defined_in(  # the panels show what the notebook's own functions give
    "06", "bell", "parabola_step", "REFINEMENTS", "read_point", "mirror_back"
)


def peak_reader():
    return decoding.peak_reader(BELL, READ, REFINEMENTS)


def merged(plain, mirrored, flip, shift):
    """The three maps of a flip test by the library: plain, mirrored back, decoded."""
    back = 2 * heatmaps.merge_flipped(torch.zeros_like(plain), mirrored, shift)
    return plain, back, heatmaps.merge_flipped(plain, mirrored, shift) if flip else plain


def numbers_of(panel):
    """What the peak reader says: cell (2,), point that is read (2,), true point (2,), error in cells."""
    found = re.search(
        r"cell \((.+?), (.+?)\).*Read \((.+?), (.+?)\), true \((.+?), (.+?)\): error (.+?) cells", panel.alt
    )
    values = np.array(found.groups(), dtype=float)
    return values[:2], values[2:4], values[4:6], values[6]


def test_parabola_is_exact_on_a_gaussian_and_stays_in_the_cell():
    for offset in np.linspace(-0.5, 0.5, 11):
        values = np.exp(-((np.array([-1, 0, 1]) - offset) ** 2) / (2 * 1.7**2))
        assert PARABOLA(*values) == pytest.approx(offset, abs=1e-9)
    assert PARABOLA(0.5, 0.5, 0.5) == 0  # flat: no peak
    assert PARABOLA(-1.0, 0.2, -3.0) == 0  # negative neighbours count alike
    assert PARABOLA(0.9, 0.1, 0.0) in (-0.5, 0.0)  # no peak in the middle: never far away


@pytest.mark.parametrize("refine, expected", [("none", (2, 2)), ("quarter", (2.25, 1.75)), ("parabola", (2.4, 1.8))])
def test_each_refinement_reads_its_own_point(refine, expected):
    heatmap = BELL(2.4, 1.8, size=(6, 5))
    assert decoding.argmax(heatmap).tolist() == [2, 2]
    assert READ(heatmap, refine).tolist() == pytest.approx(expected, abs=1e-4)


def test_a_peak_at_the_border_is_not_refined():
    for refine in REFINEMENTS:
        heatmap = BELL(-0.4, 2.3, size=(6, 5))
        assert decoding.argmax(heatmap).tolist() == READ(heatmap, refine).tolist() == [0, 2]


def expected_map(now):
    """What is decoded, (1, 1, 7, 7), from the controls' values; the mirrored look is 3/4 of a cell too far left."""
    x, y = np.add(decoding.MIDDLE, (now["x"], now["y"]))
    plain = BELL(x, y, now["sigma"], now["noise"])[None, None]
    if not now["flip"]:
        return plain
    mirrored = BELL(6 - (x - 0.75), y, now["sigma"], now["noise"], seed=1)[None, None]  # in the mirror image's cells
    return heatmaps.merge_flipped(plain.expand(1, 17, 7, 7), mirrored.expand(1, 17, 7, 7), now["shift"])[:, :1]


def test_peak_reader_sweeps_every_control():
    panel = peak_reader()
    assert all(control.description for control in panel.controls.values())
    sweep = {
        "x": (-0.5, 0.45),
        "y": (-0.35, 0.5),
        "sigma": (0.5, 4.0, 1.5),
        "noise": (0.2, 0.0),
        "refine": ("none", "parabola", "quarter"),
        "flip": (True,),
        "shift": (False, True),
    }
    for name, values in sweep.items():
        for value in values:
            before = panel.picture.value
            panel.controls[name].value = value
            assert panel.picture.value != before
            cell, point, truth, error = numbers_of(panel)
            now = {name: control.value for name, control in panel.controls.items()}
            heatmap = expected_map(now)
            assert ("flip with" in panel.alt, "without shift" in panel.alt) == (
                now["flip"],
                now["flip"] and not now["shift"],
            )
            assert truth == pytest.approx(np.add(decoding.MIDDLE, (now["x"], now["y"])), abs=0.006)
            assert error == pytest.approx(np.linalg.norm(point - truth), abs=0.02)
            assert cell.tolist() == heatmaps.decode(heatmap, refine=None)[0][0, 0].tolist()
            if now["refine"] != "parabola":
                ours = heatmaps.decode(heatmap, None if now["refine"] == "none" else "quarter")[0][0, 0]
                assert point == pytest.approx(ours.numpy(), abs=0.006)


def test_peak_reader_draws_what_it_says():
    panel = peak_reader()
    panel.controls["x"].value, panel.controls["y"].value = 0.4, -0.1
    grid = panel.figure.axes[0]
    marks = {line.get_label(): (line.get_xdata()[0], line.get_ydata()[0]) for line in grid.lines}
    cell, point, truth, _ = numbers_of(panel)
    assert marks["true peak"] == pytest.approx(truth) and marks["point that is read"] == pytest.approx(point)
    assert grid.patches[0].get_xy() == pytest.approx(cell - 0.5)
    values = BELL(3.4, 2.9).numpy()
    (numbers,) = [artist for artist in grid.collections if isinstance(artist, Words)]
    assert numbers.words == [f"{value:.2f}" for value in values.ravel()]
    places = np.array([(x, y - 0.3) for y in range(7) for x in range(7)])  # above the cells' middles
    assert np.allclose(numbers.get_offsets(), places)


def test_the_mirror_image_pulls_the_mean_aside():
    """By half of what the maps are apart: with the shift 1/8 of a cell to the right, without it 3/8 to the left."""
    for shift, pull in ((True, 0.125), (False, -0.375)):
        now = {"x": 0.1, "y": 0.0, "sigma": 2.0, "noise": 0.0, "flip": True, "shift": shift}
        row = expected_map(now)[0, 0, 3].log()
        top = (row[2:5] * torch.tensor([1.0, 0.0, -1.0])).sum() / (2 * (row[2] - 2 * row[3] + row[4]))
        assert 3 + float(top) == pytest.approx(3.1 + pull, abs=0.02)


@pytest.fixture
def people():
    """Three drawn people whose maps are bells; the mirrored maps are those of the mirrored labels, as a network's."""
    rng = np.random.default_rng(0)
    keypoints = torch.from_numpy(rng.uniform(20, [76, 108], (3, 17, 2))).float()  # crop px, crops of 96 x 128
    labelled = torch.ones(3, 17)
    labelled[1, 5] = 0
    mirrored = (keypoints * torch.tensor([-1.0, 1.0]) + torch.tensor([95.0, 0.0]))[:, FLIP_ORDER]
    plain, mirrored = (
        heatmaps.encode(points, torch.ones(3, 17), (24, 32), STRIDE)[0] for points in (keypoints, mirrored)
    )
    crops = torch.from_numpy(rng.integers(0, 256, (3, 3, 128, 96), dtype=np.uint8))
    return crops, plain, mirrored, keypoints, labelled


def test_the_notebooks_way_back_is_the_librarys(people):
    _, plain, mirrored, *_ = people
    for shift in (0, 1):
        back = MIRROR_BACK(mirrored, shift)
        assert torch.equal(back, merged(plain, mirrored, True, shift)[1])
        assert torch.equal((plain + back) / 2, heatmaps.merge_flipped(plain, mirrored, shift))


def test_flip_viewer_sweeps_every_control(people):
    _, plain, mirrored, keypoints, labelled = people
    panel = decoding.flip_viewer(MIRROR_BACK, *people)
    assert all(control.description for control in panel.controls.values())
    for name, value in (
        ("flip", False),
        ("shift", False),
        ("flip", True),
        ("person", 1),
        ("joint", "left_shoulder"),
        ("person", 2),
        ("joint", "nose"),
        ("shift", True),
    ):
        before = panel.picture.value
        panel.controls[name].value = value
        assert panel.picture.value != before
        now = {name: control.value for name, control in panel.controls.items()}
        n, k = now["person"], KEYPOINTS.index(now["joint"])
        maps = merged(plain, mirrored, now["flip"], now["shift"])
        drawn = [np.asarray(ax.images[0].get_array()) for ax in panel.figure.axes[1:]]
        assert all(np.array_equal(a, b[n, k].numpy()) for a, b in zip(drawn, maps))
        peaks = [heatmaps.decode(m, None)[0][n, k] for m in maps]
        apart = int(peaks[1][0] - peaks[0][0])
        side = f"{abs(apart)} cell{'s' * (abs(apart) > 1)} to the {'right' if apart > 0 else 'left'} of"
        assert f"mirrored-back peak {side if apart else 'in the column of'} the plain one" in panel.alt
        assert f"peak ({peaks[2][0]:.0f}, {peaks[2][1]:.0f})" in panel.figure.axes[3].get_title()
        if labelled[n, k]:
            away = (heatmaps.decode(maps[2])[0][n, k] - keypoints[n, k] / STRIDE).norm()
            assert f"decoded point {away:.2f} cells from the label" in panel.alt
        else:
            assert "no label" in panel.alt and len(panel.figure.axes[0].lines) == 0


def test_flip_viewer_draws_every_joint(people):
    _, plain, mirrored, _, labelled = people
    panel = decoding.flip_viewer(MIRROR_BACK, *people, person=1, joint="nose")
    assert (panel.controls["person"].value, panel.controls["joint"].value) == (1, "nose")
    assert panel.controls["joint"].options == KEYPOINTS and panel.controls["person"].max == 2
    figure = Figure()
    for k in range(17):
        n, flip = k % 3, k % 2 == 0
        figure.clear()
        said = panel.draw(figure, person=n, joint=KEYPOINTS[k], flip=flip, shift=True)
        shown = np.asarray(figure.axes[3].images[0].get_array())
        assert np.array_equal(shown, merged(plain, mirrored, flip, True)[2][n, k].numpy())
        assert KEYPOINTS[k].replace("_", " ") in said and ("no label" in said) == (not labelled[n, k])


def test_the_shift_brings_the_maps_together(people):
    _, plain, mirrored, *_ = people
    apart = {}
    for shift in (False, True):
        back = MIRROR_BACK(mirrored, int(shift))
        apart[shift] = (heatmaps.decode(plain, None)[0] - heatmaps.decode(back, None)[0])[..., 0]
    assert set(apart[False].unique().tolist()) == {0.0, 1.0} and apart[False].mean() > 0.5
    assert apart[True].mean().abs() < apart[False].mean()
