"""Widgets of notebook 07: a ruler that says what a misplaced joint costs, and precision and recall step by step."""

import ipywidgets
import numpy as np
from matplotlib.lines import Line2D

from hpe_lib import plots
from hpe_lib.course.live import Live
from hpe_lib.course.words import Words
from hpe_lib.metrics import OKS_THRESHOLDS, RECALL_LEVELS, keypoint_similarity, oks, precision_recall
from hpe_lib.skeleton import KEYPOINTS

RINGS = {0.5: plots.RED, 0.75: plots.ORANGE, 0.95: plots.GREEN}  # similarity -> colour of its circle
DASHES = {0.5: "-", 0.75: "--", 0.95: ":"}  # not by colour alone
PREDICTED = {"color": plots.PINK, "markeredgecolor": "black", "markersize": 9}
REACH = 60  # half the side of the close-up, px


def draw_rings(ax, center, joint, area, ruler, width=1.8):
    """Draw the three circles on which a keypoint has the similarities of `RINGS`; center: (2,) px.

    ruler: (similarity, area) -> distance (17,) px at which each keypoint has that similarity.
    """
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


def ring_axes(ax, joint, area, ruler):
    """Give axes the rings round a labelled keypoint, in px from the label."""
    draw_rings(ax, (0, 0), joint, area, ruler)
    ax.plot(0, 0, "P", color=plots.SKY, markeredgecolor="black", markersize=10, label="label", zorder=6)
    ax.set(xlim=(-REACH, REACH), ylim=(REACH, -REACH), aspect="equal", xlabel="x (px from the label)", ylabel="y (px)")


def draw_offset(ax, joint, area, offset):
    """Draw where a keypoint was predicted, `offset` (2,) px from its label; -> its similarity."""
    offset = np.asarray(offset, dtype=np.float64)
    ax.plot(*zip((0, 0), offset), color="black", linewidth=1.2, zorder=4)
    ax.plot(*offset, "o", label="predicted", zorder=7, **PREDICTED)
    return float(keypoint_similarity(np.tile(offset, (17, 1)), area)[joint])


def draw_close_up(ax, joint, area, offset, ruler):
    """Draw the rings round a labelled keypoint and where it was predicted, in px from the label; -> its similarity.

    joint: index of the keypoint. area: the person's px^2. offset: (2,) px. ruler: see `draw_rings`.
    """
    ring_axes(ax, joint, area, ruler)
    return draw_offset(ax, joint, area, offset)


def draw_ladder(ax, value):
    """Draw the ten thresholds and which of them an OKS reaches; returns how many."""
    reached = value >= OKS_THRESHOLDS
    faces = [plots.GREEN if found else "white" for found in reached]
    ax.scatter([0.2] * 10, OKS_THRESHOLDS, 110, marker="s", facecolors=faces, edgecolors=plots.GREY)
    verdicts = ["found" if found else "missed" for found in reached]
    Words(
        ax, 0.34, OKS_THRESHOLDS, [f"{t:.2f} {verdict}" for t, verdict in zip(OKS_THRESHOLDS, verdicts)], align="left"
    )
    ax.plot([-0.2, 0.05], [value, value], color=plots.BLUE, linewidth=3)
    ax.set_title(f"OKS {value:.3f}")
    return int(reached.sum())


def among_others(value, threshold, detections):
    """This person's OKS in the place of the second best score -> what is right (M,), best first, and AP over all ten.

    detections: pairs (score, OKS), as many as there are people.
    """
    similarities = np.array([similarity for _, similarity in best_first(detections)])
    similarities[1] = value
    right = similarities >= np.array([threshold, *OKS_THRESHOLDS])[:, None]  # (11, M)
    levels, _ = precision_recall(right[None, 1:], ~right[None, 1:], [len(similarities)])  # (1, 10, 101)
    return right[0], float(levels.mean())


def best_first(detections):
    """Pairs (score, OKS), sorted by score."""
    return sorted(map(tuple, np.asarray(detections).tolist()), reverse=True)


def ruler_axes(figure, pose, area, ruler, image, among, joint, size):
    """The axes of the ruler: the person, the rings of one joint, the ten thresholds, and (among) precision, recall."""
    whole, close, ladder, *curve = figure.subplots(1, 4 if among else 3, width_ratios=(3, 4, 2, 3.6)[: 3 + among])
    seen = np.array(pose, dtype=np.float64)[np.asarray(pose)[:, 2] > 0, :2] * size
    (left, top), (right, bottom) = seen.min(axis=0), seen.max(axis=0)
    spare = 0.12 * max(right - left, bottom - top) + 5
    if image is not None:
        height, width = image.shape[:2]
        half = size / 2  # pixel centres are on whole numbers before the scaling
        whole.imshow(image, extent=(-half, width * size - half, height * size - half, -half))
    whole.set(xlim=(left - spare, right + spare), ylim=(bottom + spare, top - spare), aspect="equal")
    whole.set_axis_off()
    whole.set_title(f"area {area * size**2:,.0f} px²")
    ring_axes(close, KEYPOINTS.index(joint), area * size**2, ruler)
    marks = [*close.get_legend_handles_labels()[0], Line2D([], [], marker="o", ls="", label="predicted", **PREDICTED)]
    close.legend(handles=marks, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3, fontsize=9, handlelength=1.4)
    ladder.set(xlim=(-0.2, 1.15), ylim=(0.46, 1.01), xticks=[], ylabel="OKS", yticks=np.linspace(0.5, 1, 6))
    ladder.spines["bottom"].set_visible(False)
    for ax in curve:
        curve_axes(ax)


def draw_ruler(figure, pose, area, others, joint, dx, dy, size, every, threshold=None):
    """Draw a person with a moved joint, its rings, the thresholds that it still reaches, and the curve among others."""
    index, offset = KEYPOINTS.index(joint), np.array([dx, dy], dtype=np.float64)
    truth = np.array(pose, dtype=np.float64) * [size, size, 1]
    area = area * size**2
    moved = moved_pose(truth, index, offset, every)
    value = float(oks(truth, area, moved[None])[0])
    whole, close, ladder, *curve = figure.axes
    plots.draw_pose(whole, moved)
    whole.plot(*truth[index, :2], "P", color=plots.SKY, markeredgecolor="black", markersize=9, zorder=6)
    whole.plot(*moved[index, :2], "o", color=plots.PINK, markeredgecolor="black", markersize=7, zorder=7)
    similarity = draw_offset(close, index, area, offset)
    name, distance = joint.replace("_", " "), np.hypot(dx, dy)
    close.set_title(f"similarity {similarity:.3f} at {distance:.1f} px")
    reached = draw_ladder(ladder, value)
    what = f"all {int((truth[:, 2] > 0).sum())} labelled joints moved" if every else f"{name} moved"
    title = f"{what} by ({dx}, {dy}) px: found at {reached} of 10 thresholds"
    said = f"{what} by {distance:.1f} px on a person of {area:,.0f} px². Similarity of the {name} {similarity:.3f}, "
    said += f"OKS {value:.3f}: found at {reached} of 10 thresholds."
    for ax in curve:
        right, ap = among_others(value, threshold, others)
        ap_here, recall = draw_curve(ax, right, people=len(right))
        ax.set_title(f"with {len(right) - 1} others, OKS {threshold:.2f}")
        among = f"precision {right.mean():.2f}, recall {recall:.2f}, AP {ap_here:.3f}"
        title += f"\n{len(right)} people at OKS {threshold:.2f}: {among}; AP over all ten {ap:.3f}"
        said += f" With {len(right) - 1} others, at OKS {threshold:.2f}: {among}; AP over all ten thresholds {ap:.3f}."
    figure.suptitle(title, fontsize=11)
    return said


def oks_ruler(pose, area, ruler, image=None, joint="left_wrist", others=None):
    """Move a joint of a labelled person, by mouse or sliders, and see similarity and OKS change.

    pose: (17, 3) px and visibility. area: px^2. ruler: see `draw_rings`. image: (H, W, 3) uint8 in the same px, to draw
    below the skeleton. Returns a `Live` panel with the controls joint (the labelled ones), dx and dy (px), size (the
    person's height is multiplied by it, the offset is not) and every (move all labelled joints).
    others: pairs (score, OKS), as many as people. The person then takes the place of the second best score among them,
    and the panel shows precision, recall and AP too, with the control threshold (OKS, of the curve).
    """
    labelled = [name for name, row in zip(KEYPOINTS, pose) if row[2] > 0]
    controls = {
        "joint": ipywidgets.Dropdown(options=labelled, value=joint if joint in labelled else labelled[0]),
        "dx": ipywidgets.IntSlider(value=10, min=-50, max=50, description="dx (px)"),
        "dy": ipywidgets.IntSlider(value=0, min=-50, max=50, description="dy (px)"),
        "size": ipywidgets.FloatSlider(value=1.0, min=0.25, max=1.5, step=0.25, description="person's size (factor)"),
        "every": ipywidgets.Checkbox(value=False, description="move all labelled joints"),
    }
    among = others is not None
    if among:
        controls["threshold"] = threshold_slider(0.75, "OKS threshold of the curve")
    return Live(
        lambda figure, **values: draw_ruler(figure, pose, area, others, **values),
        controls,
        size=(12 if among else 9, 4.4),
        ground=lambda figure, joint, size: ruler_axes(figure, pose, area, ruler, image, among, joint, size),
        ground_of=("joint", "size"),
        drag={"axes": 1, "x": "dx", "y": "dy", "label": "Drag the predicted joint (pink dot) among its rings"},
    )


def threshold_slider(value, description):
    """A slider through COCO's ten thresholds."""
    options = [(f"{threshold:.2f}", round(float(threshold), 2)) for threshold in OKS_THRESHOLDS]
    return ipywidgets.SelectionSlider(options=options, value=value, description=description)


def curve_axes(ax):
    """Give axes the range of precision and recall."""
    ax.set(xlim=(-0.03, 1.03), ylim=(0, 1.1), xlabel="recall", ylabel="precision")


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
    if ax.get_xlabel() == "":
        curve_axes(ax)
    return float(levels.mean()), float(final[0, 0])


def stepper_axes(figure, rows):
    """The axes of the stepper: a table of detections, and precision against recall."""
    table, curve = figure.subplots(1, 2, width_ratios=(4, 5))
    table.set_axis_off()
    table.set(xlim=(0, 1), ylim=(rows + 0.5, -0.7))
    for x, text in ((0.03, "number"), (0.28, "score"), (0.5, "OKS"), (0.72, "verdict")):
        table.text(x, 0, text, weight="bold", va="center")
    curve_axes(curve)


def draw_stepper(figure, count, threshold, detections):
    """Draw the detections considered so far, best score first, and the curve that they give."""
    detections, people = best_first(detections), len(detections)
    right = np.array([similarity >= threshold for _, similarity in detections])
    table, curve = figure.axes
    done = np.arange(1, len(detections) + 1) <= count
    paints = [plots.GREEN if is_right else plots.RED for is_right in right]
    verdicts = ["not yet" if not d else "right" if is_right else "wrong" for d, is_right in zip(done, right)]
    columns = (
        (0.08, range(1, len(detections) + 1)),
        (0.3, [f"{score:.1f}" for score, _ in detections]),
        (0.5, [f"{similarity:.2f}" for _, similarity in detections]),
        (0.72, verdicts),
    )
    for x, words in columns:
        colors = [(paint if words is verdicts else "black") if d else "#AAAAAA" for d, paint in zip(done, paints)]
        Words(table, x, np.arange(1, len(detections) + 1), words, colors, size=11, align="left")
    value, final = draw_curve(curve, right[:count], people)
    found = int(right[:count].sum())
    said = f"{found} of {people} people found by {count} detections: AP {value:.3f}, recall {final:.2f}"
    figure.suptitle(f"OKS threshold {threshold:.2f}. {said}")
    return f"At OKS threshold {threshold:.2f}, {said}."


def precision_recall_stepper(detections):
    """Step through scored detections, at any of the ten thresholds, and see AP grow.

    detections: pairs (score, OKS with the person that it took), as many as there are people to find.
    Returns a `Live` panel with the controls count (detections considered, best score first) and threshold (OKS).
    """
    controls = {
        "count": ipywidgets.IntSlider(value=1, min=0, max=len(detections), description="detections considered"),
        "threshold": threshold_slider(0.5, "OKS threshold"),
    }
    return Live(
        lambda figure, **values: draw_stepper(figure, **values, detections=detections),
        controls,
        size=(8.6, 3.8),
        ground=lambda figure: stepper_axes(figure, len(detections)),
    )
