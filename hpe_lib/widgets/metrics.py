"""Widgets of notebook 07: a ruler that says what a misplaced joint costs, and precision and recall step by step."""

import ipywidgets
import numpy as np

from hpe_lib import plots
from hpe_lib.metrics import OKS_THRESHOLDS, RECALL_LEVELS, keypoint_similarity, oks, precision_recall
from hpe_lib.skeleton import KEYPOINTS, OKS_SIGMAS
from hpe_lib.widgets.live import Live

RINGS = {0.5: plots.RED, 0.75: plots.ORANGE, 0.95: plots.GREEN}  # similarity -> colour of its circle
DASHES = {0.5: "-", 0.75: "--", 0.95: ":"}  # not by colour alone
REACH = 60  # half the side of the close-up, px
FIVE = ((0.9, 0.97), (0.8, 0.30), (0.7, 0.88), (0.6, 0.72), (0.5, 0.10))  # score, and OKS with the person it took


def ruler(similarity, area):
    """How far each keypoint may be off until its similarity falls to a value: s k sqrt(-2 ln similarity).

    similarity: 0 to 1, 0 left out. area: px^2. Returns (17,) px, with s^2 = area and k = 2 sigma.
    """
    return np.sqrt(area) * 2 * OKS_SIGMAS * np.sqrt(-2 * np.log(similarity))


def draw_rings(ax, center, joint, area, width=1.8):
    """Draw the three circles on which a keypoint has the similarities of `RINGS`; center: (2,) px."""
    turn = np.linspace(0, 2 * np.pi, 73)
    for similarity, color in RINGS.items():
        radius = ruler(similarity, area)[joint]
        line = {"color": color, "linestyle": DASHES[similarity], "linewidth": width}
        x, y = center[0] + radius * np.cos(turn), center[1] + radius * np.sin(turn)
        ax.plot(x, y, zorder=5, label=f"similarity {similarity}", **line)


def moved_pose(pose, joint, offset, every=False):
    """Move one keypoint, or every labelled one, by `offset` (2,) px: (17, 3) -> (17, 3)."""
    moved = np.array(pose, dtype=np.float64)
    moved[(moved[:, 2] > 0) if every else joint, :2] += offset
    return moved


def draw_close_up(ax, joint, area, offset):
    """Draw the rings round a labelled keypoint and where it was predicted, in px from the label; -> its similarity.

    joint: index of the keypoint. area: the person's px^2. offset: (2,) px.
    """
    offset = np.asarray(offset, dtype=np.float64)
    similarity = float(keypoint_similarity(np.tile(offset, (17, 1)), area)[joint])
    draw_rings(ax, (0, 0), joint, area)
    ax.plot(*zip((0, 0), offset), color="black", linewidth=1.2, zorder=4)
    ax.plot(0, 0, "P", color=plots.SKY, markeredgecolor="black", markersize=10, label="label", zorder=6)
    ax.plot(*offset, "o", color=plots.PINK, markeredgecolor="black", markersize=9, label="predicted", zorder=7)
    ax.set(xlim=(-REACH, REACH), ylim=(REACH, -REACH), aspect="equal", xlabel="x (px from the label)", ylabel="y (px)")
    return similarity


def draw_ladder(ax, value):
    """Draw the ten thresholds and which of them an OKS reaches; returns how many."""
    reached = value >= OKS_THRESHOLDS
    for threshold, found in zip(OKS_THRESHOLDS, reached):
        face = plots.GREEN if found else "white"
        ax.plot(0.2, threshold, "s", markersize=11, markerfacecolor=face, markeredgecolor=plots.GREY)
        ax.text(0.32, threshold, f"{threshold:.2f} {'found' if found else 'missed'}", va="center", fontsize=10)
    ax.plot([-0.2, 0.05], [value, value], color=plots.BLUE, linewidth=3)
    ax.set(xlim=(-0.2, 1.1), ylim=(0.46, 1.01), xticks=[], ylabel="OKS", title=f"OKS {value:.3f}")
    ax.set_yticks(np.linspace(0.5, 1, 6))
    ax.spines["bottom"].set_visible(False)
    return int(reached.sum())


def draw_ruler(figure, pose, area, image, joint, dx, dy, size, every):
    """Draw a person with a moved joint, its rings close up, and the thresholds that the person still reaches."""
    index, offset = KEYPOINTS.index(joint), np.array([dx, dy], dtype=np.float64)
    truth = np.array(pose, dtype=np.float64) * [size, size, 1]
    area = area * size**2
    moved = moved_pose(truth, index, offset, every)
    value = float(oks(truth, area, moved[None])[0])
    whole, close, ladder = figure.subplots(1, 3, width_ratios=(3, 4, 2))
    if image is not None:
        height, width = image.shape[:2]
        half = size / 2  # pixel centres are on whole numbers before the scaling
        whole.imshow(image, extent=(-half, width * size - half, height * size - half, -half))
    plots.draw_pose(whole, moved)
    whole.plot(*truth[index, :2], "P", color=plots.SKY, markeredgecolor="black", markersize=9, zorder=6)
    whole.plot(*moved[index, :2], "o", color=plots.PINK, markeredgecolor="black", markersize=7, zorder=7)
    seen = truth[truth[:, 2] > 0, :2]
    (left, top), (right, bottom) = seen.min(axis=0), seen.max(axis=0)
    spare = 0.12 * max(right - left, bottom - top) + 5
    whole.set(xlim=(left - spare, right + spare), ylim=(bottom + spare, top - spare), aspect="equal")
    whole.set_axis_off()
    whole.set_title(f"area {area:,.0f} px²")
    similarity = draw_close_up(close, index, area, offset)
    close.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3, fontsize=9, handlelength=1.4)
    name, distance = joint.replace("_", " "), np.hypot(dx, dy)
    close.set_title(f"similarity {similarity:.3f} at {distance:.1f} px")
    reached = draw_ladder(ladder, value)
    what = f"all {len(seen)} labelled joints moved" if every else f"{name} moved"
    figure.suptitle(f"{what} by ({dx}, {dy}) px: found at {reached} of 10 thresholds")
    return (
        f"{what} by {distance:.1f} px on a person of {area:,.0f} px². Similarity of the {name} {similarity:.3f}, "
        f"OKS {value:.3f}: found at {reached} of 10 thresholds."
    )


def oks_ruler(pose, area, image=None, joint="left_wrist"):
    """Sliders that move a joint of a labelled person, and what that does to the similarity, the OKS and the verdict.

    pose: (17, 3) px and visibility. area: px^2. image: (H, W, 3) uint8 in the same px, to draw below the skeleton.
    Returns a `Live` panel with the controls joint (the labelled ones), dx and dy (px), size (the person's height is
    multiplied by it, the offset is not) and every (move all labelled joints).
    """
    labelled = [name for name, row in zip(KEYPOINTS, pose) if row[2] > 0]

    def draw(figure, **values):
        return draw_ruler(figure, pose, area, image, **values)

    controls = {
        "joint": ipywidgets.Dropdown(options=labelled, value=joint if joint in labelled else labelled[0]),
        "dx": ipywidgets.IntSlider(value=10, min=-50, max=50, description="dx (px)", continuous_update=False),
        "dy": ipywidgets.IntSlider(value=0, min=-50, max=50, description="dy (px)", continuous_update=False),
        "size": ipywidgets.FloatSlider(
            value=1.0, min=0.25, max=1.5, step=0.25, description="person's size (factor)", continuous_update=False
        ),
        "every": ipywidgets.Checkbox(value=False, description="move all labelled joints"),
    }
    return Live(draw, controls, size=(9.2, 4.2))


def draw_curve(ax, right, people):
    """Draw precision and recall after each detection, and the envelope whose mean at 101 levels is AP.

    right: (N,) bool, best score first. people: how many there are to find. Returns AP and the recall reached.
    """
    right = np.asarray(right, dtype=bool)
    levels, final = precision_recall(right[None, None], ~right[None, None], [people])  # (1, 1, 101), (1, 1)
    done = np.arange(1, len(right) + 1)
    precision, recall = right.cumsum() / done, right.cumsum() / people
    ax.fill_between(RECALL_LEVELS, levels[0, 0], step="pre", color=plots.SKY, alpha=0.35)
    ax.step(RECALL_LEVELS, levels[0, 0], where="pre", color=plots.BLUE, linewidth=2)
    ax.plot(recall, precision, color=plots.GREY, linewidth=1, linestyle=":")
    for number, x, y, is_right in zip(done, recall, precision, right):
        ax.plot(x, y, "o" if is_right else "X", color=plots.GREEN if is_right else plots.RED, markersize=8)
        below = y < precision[number - 1 :].max()  # under the envelope: keep the number off the dotted line
        ax.annotate(str(number), (x, y), (7, -12 if below else 3), textcoords="offset points", fontsize=10)
    ax.set(xlim=(-0.03, 1.03), ylim=(0, 1.1), xlabel="recall", ylabel="precision")
    return float(levels.mean()), float(final[0, 0])


def draw_stepper(figure, count, threshold, detections=FIVE, people=5):
    """Draw the detections considered so far, best score first, and the curve that they give."""
    detections = sorted(detections, reverse=True)
    right = np.array([similarity >= threshold for _, similarity in detections])
    rows, ax = figure.subplots(1, 2, width_ratios=(4, 5))
    rows.set_axis_off()
    rows.set(xlim=(0, 1), ylim=(len(detections) + 0.5, -0.7))
    for x, text in ((0.03, "number"), (0.28, "score"), (0.5, "OKS"), (0.72, "verdict")):
        rows.text(x, 0, text, weight="bold", va="center")
    for number, ((score, similarity), is_right) in enumerate(zip(detections, right), start=1):
        color = "#AAAAAA" if number > count else plots.GREEN if is_right else plots.RED
        verdict = "not yet" if number > count else "right" if is_right else "wrong"
        for x, text in ((0.08, number), (0.3, f"{score:.1f}"), (0.5, f"{similarity:.2f}"), (0.72, verdict)):
            rows.text(x, number, text, color=color if x == 0.72 else "#AAAAAA" if number > count else "black")
    value, final = draw_curve(ax, right[:count], people)
    found = int(right[:count].sum())
    said = f"{found} of {people} people found by {count} detections: AP {value:.3f}, recall {final:.2f}"
    figure.suptitle(f"OKS threshold {threshold:.2f}. {said}")
    return f"At OKS threshold {threshold:.2f}, {said}."


def precision_recall_stepper(detections=FIVE, people=5):
    """Step through scored detections, at any of the ten thresholds, and see AP grow.

    detections: pairs (score, OKS with the person that it took). people: how many there are to find.
    Returns a `Live` panel with the controls count (detections considered, best score first) and threshold (OKS).
    """

    def draw(figure, count, threshold):
        return draw_stepper(figure, count, threshold, detections, people)

    options = [(f"{threshold:.2f}", round(float(threshold), 2)) for threshold in OKS_THRESHOLDS]
    controls = {
        "count": ipywidgets.IntSlider(value=1, min=0, max=len(detections), description="detections considered"),
        "threshold": ipywidgets.SelectionSlider(options=options, value=0.5, description="OKS threshold"),
    }
    return Live(draw, controls, size=(8.6, 3.8))
