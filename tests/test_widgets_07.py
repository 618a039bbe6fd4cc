import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from hpe_lib.course.widgets import metrics as widgets
from hpe_lib.course.words import Words
from hpe_lib.metrics import OKS_THRESHOLDS, oks
from hpe_lib.skeleton import KEYPOINTS, OKS_SIGMAS
from tests.notebook_code import defined_in

AREA = 9000.0  # px^2
RULER, TABLE = defined_in("07", "ruler", "five")  # the panels take the notebook's own
FIVE = sorted(map(tuple, TABLE.to_numpy().tolist()), reverse=True)


def person():
    """A made-up labelled person of 17 points; the right ankle has no label, the left ankle is hidden."""
    index = np.arange(17)
    pose = np.stack([40 + 15.0 * (index % 5), 30 + 30.0 * (index // 4), np.full(17, 2.0)], axis=1)
    pose[15, 2], pose[16] = 1, 0
    return pose


@pytest.fixture
def panel():
    return widgets.oks_ruler(
        person(), AREA, RULER, np.full((200, 140, 3), 128, dtype=np.uint8), others=TABLE.to_numpy()
    )


def words_of(ax):
    return [word for artist in ax.collections if isinstance(artist, Words) for word in artist.words]


def expected(joint, dx, dy, size, every, threshold=None):
    """Similarity, OKS and thresholds reached, from the formula alone."""
    squared = np.zeros(17)
    squared[:] = (dx**2 + dy**2) * (every | (np.arange(17) == KEYPOINTS.index(joint)))
    similarity = np.exp(-squared / (2 * AREA * size**2 * (2 * OKS_SIGMAS) ** 2))
    value = similarity[:16].mean()  # the last joint has no label
    return similarity[KEYPOINTS.index(joint)], value, sum(value >= t for t in OKS_THRESHOLDS)


def agrees(panel):
    """What the panel says and draws is what the formula gives for its controls."""
    values = {name: control.value for name, control in panel.controls.items()}
    similarity, value, reached = expected(**values)
    said = [
        float(number) for number in re.search(r"(\d\.\d+), OKS (\d\.\d+): found at (\d+) of 10", panel.alt).groups()
    ]
    assert said == pytest.approx([similarity, value, reached], abs=5.1e-4)
    _, close, ladder, curve = panel.figure.axes
    assert f"similarity {similarity:.3f}" in close.get_title()
    assert ladder.get_title() == f"OKS {value:.3f}"
    assert words_of(ladder) == [f"{t:.2f} {'found' if value >= t else 'missed'}" for t in OKS_THRESHOLDS]
    among_others(panel, value, curve)
    drawn = next(line for line in close.lines if line.get_label() == "predicted")
    assert [*drawn.get_xdata(), *drawn.get_ydata()] == [values["dx"], values["dy"]]
    ring = next(line for line in close.lines if line.get_label() == "similarity 0.5")
    radius = np.hypot(ring.get_xdata(), ring.get_ydata())
    offset = np.array([radius[0], 0.0])
    assert np.allclose(radius, radius[0])
    truth = person()[:, :2] * values["size"]
    only = np.zeros((17, 3))
    only[:, :2], only[KEYPOINTS.index(values["joint"]), 2] = truth, 2
    assert oks(only, AREA * values["size"] ** 2, (truth + offset)[None]) == pytest.approx([0.5])


def among_others(panel, value, curve):
    """Precision, recall and AP with the four other people, as on paper."""
    threshold = panel.controls["threshold"].value
    similarities = [value if number == 1 else other for number, (_, other) in enumerate(FIVE)]
    right = sum(similarity >= threshold for similarity in similarities)
    at, ten = by_hand(similarities, threshold), np.mean([by_hand(similarities, t) for t in OKS_THRESHOLDS])
    assert f"at OKS {threshold:.2f}: precision {right / 5:.2f}, recall {right / 5:.2f}, AP {at:.3f};" in panel.alt
    assert panel.alt.endswith(f"AP over all ten thresholds {ten:.3f}.")
    green = [line for line in curve.lines if line.get_marker() == "o"]
    assert len(green) == right and f"OKS {threshold:.2f}" in curve.get_title()


def test_the_rulers_every_option_says_and_draws_the_formula(panel):
    assert panel.controls["joint"].options == KEYPOINTS[:16]  # no ruler for a joint without a label
    assert all(control.description for control in panel.controls.values())
    agrees(panel)
    pictures = {panel.picture.value}
    moves = [("joint", name) for name in KEYPOINTS[:16] if name != panel.controls["joint"].value]
    moves += [("dx", value) for value in (-50, -20, 0, 3, 50)] + [("dy", value) for value in (-50, -7, 4, 50)]
    moves += [("every", True)] + [("size", value) for value in (0.25, 0.5, 0.75, 1.25, 1.5)]
    moves += [("dx", 0), ("dy", 12)]
    moves += [("threshold", round(t, 2)) for t in OKS_THRESHOLDS.tolist() if round(t, 2) != 0.75]
    moves += [("dx", 1), ("dy", 0), ("every", False)]
    for name, value in moves:
        panel.controls[name].value = value
        agrees(panel)
        pictures.add(panel.picture.value)
    assert len(pictures) == len(moves) + 1  # no two pictures are alike


def test_a_ruler_without_a_picture_and_with_an_unlabelled_start():
    panel = widgets.oks_ruler(person(), AREA, RULER, joint="right_ankle")
    assert panel.controls["joint"].value == "nose"
    assert not panel.figure.axes[0].images


def test_a_ruler_without_others_speaks_of_one_person():
    panel = widgets.oks_ruler(person(), AREA, RULER)
    assert "threshold" not in panel.controls and len(panel.figure.axes) == 3
    for dx in (3, 40):
        panel.move(dx=dx, every=True)
        _, value, reached = expected("nose", dx, 0, 1.0, True)
        assert panel.alt.endswith(f"OKS {value:.3f}: found at {reached} of 10 thresholds.")
        assert "precision" not in panel.figure.get_suptitle()


def test_ruler_by_hand():
    assert RULER(np.exp(-0.5), 10_000)[[0, 11]] == pytest.approx([5.2, 21.4])  # s k of nose and hip
    assert widgets.moved_pose(person(), 3, [1, 2])[:, :2].sum() == pytest.approx(person()[:, :2].sum() + 3)
    every = widgets.moved_pose(person(), 3, [1, 2], every=True) - person()
    assert every.tolist() == [[1, 2, 0]] * 16 + [[0, 0, 0]]


def by_hand(similarities, threshold):
    """AP of five people as one does it on paper: 101 recall levels, each with the best precision from there on."""
    right = [similarity >= threshold for similarity in similarities]
    pairs = [(sum(right[: n + 1]) / 5, sum(right[: n + 1]) / (n + 1)) for n in range(len(right))]
    read = [
        max([precision for recall, precision in pairs if recall >= level], default=0)
        for level in np.linspace(0, 1, 101)
    ]
    return float(np.mean(read))


def test_the_stepper_at_every_step_and_threshold():
    panel = widgets.precision_recall_stepper(TABLE.to_numpy())
    options = [value for _, value in panel.controls["threshold"].options]
    assert options == pytest.approx(OKS_THRESHOLDS)
    assert all(control.description for control in panel.controls.values())
    for threshold in options:
        panel.controls["threshold"].value = threshold
        for count in range(len(FIVE) + 1) if threshold in (0.5, 0.9) else (5,):
            before = panel.picture.value
            changes = panel.controls["count"].value != count
            panel.controls["count"].value = count
            assert (panel.picture.value != before) == changes
            considered = [similarity for _, similarity in FIVE[:count]]
            value, right = by_hand(considered, threshold), [similarity >= threshold for similarity in considered]
            found = sum(right)
            assert f"threshold {threshold:.2f}, {found} of 5 people found by {count} detections" in panel.alt
            assert f"AP {value:.3f}, recall {found / 5:.2f}." in panel.alt
            words = words_of(panel.figure.axes[0])
            assert [word for word in words if word in ("right", "wrong", "not yet")] == (
                ["right" if hit else "wrong" for hit in right] + ["not yet"] * (5 - count)
            )


def test_the_five_people_give_the_notebooks_number():
    ap, recall = widgets.draw_curve(Figure().subplots(), [True, False, True, True, False], people=5)
    assert (ap, recall) == (pytest.approx((21 * 1 + 40 * 3 / 4) / 101), pytest.approx(0.6))
