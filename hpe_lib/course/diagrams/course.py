"""The field on a line of years, and the course on one page."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Circle, FancyBboxPatch

from hpe_lib.diagrams import paper
from hpe_lib.plots import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY

HISTORY = (
    (2014, "DeepPose", "Toshev, Szegedy", "coordinates", "a network answers\nwith coordinates"),
    (2014.9, "heatmaps", "Tompson et al.", "heatmaps, top-down", "one map a joint\ninstead of numbers"),
    (2016, "Pose Machines", "Wei et al.", "heatmaps, top-down", "heatmaps refined\nstage by stage"),
    (2016.6, "Hourglass", "Newell et al.", "heatmaps, top-down", "down, up,\nand again"),
    (2017.5, "OpenPose", "Cao et al.", "bottom-up", "joints and links\nof everybody"),
    (2018.5, "Simple Baselines", "Xiao et al.", "heatmaps, top-down", "ResNet and three\ndeconvolutions"),
    (2019.5, "HRNet", "Sun et al.", "heatmaps, top-down", "fine maps kept\nall the way"),
    (2022, "ViTPose", "Xu et al.", "transformer", "patches as\ntokens"),
)
"""Milestones: place on the line (the year, moved a little where two would touch), name, authors, family, idea."""


def timeline():
    """Draw eight milestones of the field on a line of years."""
    figure, ax = plt.subplots(figsize=(10, 3.6), layout="constrained")
    families = {"coordinates": (GREY, "X"), "heatmaps, top-down": (BLUE, "o"), "bottom-up": (ORANGE, "s")}
    families["transformer"] = (GREEN, "D")
    ax.axhline(0, color=GREY, linewidth=2, zorder=1)
    for index, (place, name, authors, family, idea) in enumerate(HISTORY):
        (color, marker), side = families[family], 1 if index % 2 == 0 else -1
        ax.plot([place, place], [0, 0.32 * side], color=color, linewidth=1.2, zorder=1)
        ax.scatter(place, 0, s=110, color=color, marker=marker, edgecolor="white", zorder=2)
        words = {"va": "bottom" if side > 0 else "top", "ha": "center", "fontsize": 10}
        ax.text(place, 0.84 if side > 0 else -0.38, name, weight="bold", **words)
        ax.text(place, 0.38 if side > 0 else -0.54, f"{authors} {int(place)}\n{idea}", **words)
    for family, (color, marker) in families.items():
        ax.scatter([], [], s=90, color=color, marker=marker, label=family)
    ax.legend(loc="upper right", frameon=False, fontsize=10)
    ax.set(xlim=(2013.3, 2022.8), ylim=(-1.1, 1.2))
    ax.set_axis_off()
    ax.set_title("From coordinates to heatmaps to tokens: eight milestones", fontsize=12)
    return figure


def course_map():
    """Draw how the parts of a pose system hang together, each with the number of the notebook that builds it."""
    figure, ax = paper.page(10, 4.0, "One picture of the whole course: the numbers are the notebooks")
    parts = {  # number: left, bottom, width, name, what it does, colour
        "01": (0.1, 2.3, "data", "pictures, people,\n17 labelled joints", GREY),
        "02": (1.77, 2.3, "heatmaps", "box to crop,\njoints to targets", GREEN),
        "03": (3.44, 2.3, "residual blocks", "crop to features:\nthe ResNet", BLUE),
        "04": (5.11, 2.3, "deconvolution", "features to\nheatmaps", RED),
        "06": (6.78, 2.3, "decoding", "heatmaps to\njoints", PINK),
        "07": (8.45, 2.3, "metrics", "how right is it?\nOKS, AP, AR", SKY),
        "05": (3.44, 0.25, "training", "how wrong is it? change the\nweights to be less wrong", ORANGE),
    }
    for number, (left, low, name, words, color) in parts.items():
        width, high = 3.12 if number == "05" else 1.45, 1.05
        box = {"facecolor": paper.tint(color, 0.16), "edgecolor": color, "linewidth": 1.5}
        ax.add_patch(FancyBboxPatch((left, low), width, high, boxstyle="round,pad=0,rounding_size=0.1", **box))
        ax.text(left + width / 2, low + 0.66, name, ha="center", va="center", weight="bold", fontsize=10)
        ax.text(left + width / 2, low + 0.32, words, ha="center", va="center", fontsize=9, linespacing=1.1)
        ax.add_patch(
            Circle((left + 0.2, low + high), 0.19, facecolor="white", edgecolor=color, linewidth=1.5, zorder=4)
        )
        ax.text(left + 0.2, low + high, number, ha="center", va="center", weight="bold", fontsize=10, zorder=5)
    for left in (0.1, 1.77, 3.44, 5.11, 6.78):
        paper.arrow(ax, (left + 1.45, 2.82), (left + 1.67, 2.82))
    return _wires(figure, ax)


def _wires(figure, ax):
    """The map's long ways round: targets and predictions to training, corrections back, labels to the metrics."""
    for path, color, words, place in (
        ([(2.5, 2.3), (2.5, 0.78), (3.44, 0.78)], GREEN, "target\nheatmaps", (2.0, 1.5)),
        ([(6.2, 2.3), (6.2, 1.3)], RED, "predicted\nheatmaps", (6.7, 1.8)),
        ([(4.4, 1.3), (4.4, 2.3)], ORANGE, "corrections", (4.98, 1.8)),
        ([(5.56, 1.3), (5.56, 2.3)], ORANGE, "", (5.56, 1.8)),
        ([(0.82, 3.35), (0.82, 3.75), (9.17, 3.75), (9.17, 3.35)], GREY, "true joints", (5.0, 3.9)),
    ):
        ax.plot(*np.transpose(path[:-1]), color=color, linewidth=1.6, zorder=1)
        paper.arrow(ax, path[-2], path[-1], color)
        ax.text(*place, words, color=color, ha="center", va="center", fontsize=9, linespacing=1.1)
    return figure
