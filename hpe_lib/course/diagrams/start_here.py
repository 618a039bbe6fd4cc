"""The ideas of three pose networks, drawn with one pen so that they can be compared."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from hpe_lib import geometry
from hpe_lib.diagrams import paper
from hpe_lib.plots import BLUE, GREEN, GREY, ORANGE, RED


def _sketch(title, parts, crop, heatmaps, groups, bridges=()):
    """Draw a network as a row of maps, smaller and larger: a simpler `network`, for comparing designs.

    parts: (name, rows, columns, channels) from left to right; "image" and "heatmaps" get the pictures (h, w, 3) and
    (K, h, w). groups: (first part, last part, text). bridges: index pairs of parts. Returns a matplotlib figure; the
    numbers below the maps are their rows.
    """
    figure, ax = plt.subplots(figsize=(10, 3.5), layout="constrained")
    colors = {"image": GREY, "down": BLUE, "up": RED, "heatmaps": GREEN}
    x, tops, floor = 0.0, [], -paper.extent(max(rows for _, rows, _, _ in parts)) / 2 - 1.2
    widths = [0.022 * np.sqrt(channels) + paper.extent(columns) * paper.SLANT[0] for _, _, columns, channels in parts]
    gap = max(0.42, (27 - sum(widths)) / len(parts))
    for (name, rows, columns, channels), wide in zip(parts, widths):
        x += wide / 2
        corner, deep, up = paper.slab(ax, x, (channels, rows, columns), colors[name])
        if name == "image":
            paper.on_side(ax, crop, corner, deep, up)
        if name == "heatmaps":
            paper.on_side(ax, np.max(np.asarray(heatmaps), axis=0), corner, deep, up, cmap="inferno", vmin=0, vmax=1)
        ax.text(x, floor, str(rows), ha="center", va="top", fontsize=10, color=colors[name])
        tops.append((x, corner[1] + up[1] + deep[1]))
        x += wide / 2 + gap
    for first, last, text in groups:
        middle, color = (tops[first][0] + tops[last][0]) / 2, colors[parts[first][0]]
        ax.text(middle, floor - 0.95, text, ha="center", va="top", fontsize=10, color=color, linespacing=1.1)
    ax.plot([tops[0][0], tops[-1][0]], [0, 0], color=GREY, linewidth=1.5, zorder=1)
    for start, end in bridges:
        (left, base), (right, _) = tops[start], tops[end]
        height = max(tops[start][1], tops[end][1]) + 0.5
        ax.plot([left, left, right], [base, height, height], color=ORANGE, linewidth=1.6, zorder=1)
        paper.arrow(ax, (right, height), (right, base + 0.05), ORANGE)
    ax.set(xlim=(-0.3, x - gap + 0.3), ylim=(floor - 2.6, max(top for _, top in tops) + 0.9), aspect="equal")
    ax.set_axis_off()
    ax.set_title(title, fontsize=12)
    return figure


def _pyramid(name, shape, halvings, channels):
    """Parts of `_sketch`: maps of `shape` (rows, columns), halved again and again ("down") or back ("up")."""
    sizes = range(halvings + 1) if name == "down" else range(halvings - 1, -1, -1)
    return [(name, shape[0] >> level, shape[1] >> level, channels) for level in sizes]


def hourglass(crop, heatmaps):
    """Draw the idea of a stacked hourglass (Newell et al. 2016). crop: (h, w, 3); heatmaps: (K, h / 4, w / 4)."""
    shape = heatmaps.shape[-2:]
    answer = ("heatmaps", *shape, len(heatmaps))
    one = [*_pyramid("down", shape, 4, 256), *_pyramid("up", shape, 4, 256), answer]
    parts = [("image", *crop.shape[:2], 3), *one, *one]
    bridges = [(start + level, start + 8 - level) for start in (1, 11) for level in range(4)]
    groups = [
        (3, 6, "first hourglass: down and up,\nbridges carry the detail across"),
        (10, 10, "first\nanswer"),
        (13, 16, "second hourglass:\nlooks again, corrects"),
        (20, 20, "better\nanswer"),
    ]
    return _sketch(
        "Stacked hourglass: down, up with bridges, and all of it again", parts, crop, heatmaps, groups, bridges
    )


def simple_baseline(crop, heatmaps):
    """Draw the idea of Simple Baselines (Xiao et al. 2018). crop: (h, w, 3); heatmaps: (K, h / 4, w / 4)."""
    (rows, columns), up = heatmaps.shape[-2:], _pyramid("up", heatmaps.shape[-2:], 3, 256)
    down = [("down", rows >> level, columns >> level, 256 << level) for level in range(4)]
    parts = [("image", *crop.shape[:2], 3), *down, *up, ("heatmaps", rows, columns, len(heatmaps))]
    groups = [
        (1, 4, "ResNet: down,\nmore and more channels"),
        (5, 7, "three transposed\nconvolutions: up"),
        (8, 8, "one heatmap\na joint"),
    ]
    return _sketch("Simple Baselines: down once, up once, no bridges", parts, crop, heatmaps, groups)


def transformer(crop, heatmaps, focus, patch=16):
    """Draw the idea of a vision transformer for poses (ViTPose, Xu et al. 2022).

    crop: (h, w, 3). heatmaps: (K, h / 4, w / 4). focus: (2,) crop px, whose patch is followed. Returns a figure.
    """
    rows, columns = crop.shape[0] // patch, crop.shape[1] // patch
    figure, ax = paper.page(10, 3.4, "Vision transformer: every patch looks at every other patch")
    middles, room = [(1.2 + 2.53 * index, 2.0) for index in range(4)], (1.95, 2.6)
    for (left, y), (right, _) in pairwise(middles):
        paper.arrow(ax, (left + 1.02, y), (right - 1.02, y))
    pages = [paper.tile(ax, crop, middle, room, fade) for middle, fade in zip(middles[:2], (0.0, 0.5))]
    corners = geometry.transform(np.array([[0, 0], [columns, rows]]) * patch - 0.5, pages[0])
    for x in np.linspace(*corners[:, 0], columns + 1):
        ax.plot([x, x], corners[:, 1], color="white", linewidth=0.8)
    for y in np.linspace(*corners[:, 1], rows + 1):
        ax.plot(corners[:, 0], [y, y], color="white", linewidth=0.8)
    centres = (np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2) + 0.5) * patch - 0.5
    start = centres[np.linalg.norm(centres - focus, axis=1).argmin()]  # crop px, the middle of the followed patch
    for page in pages:
        low, high = geometry.transform([start - patch / 2, start + patch / 2], page)
        ax.add_patch(Rectangle(low, *(high - low), fill=False, edgecolor=RED, linewidth=2, zorder=6))
    ends, middle = geometry.transform(centres, pages[1]), geometry.transform(start, pages[1])
    lines = np.stack([ends, np.broadcast_to(middle, ends.shape)], axis=1)  # (tokens, 2, 2)
    ax.add_collection(LineCollection(lines, colors=BLUE, linewidths=0.4, zorder=4))
    ax.scatter(*ends.T, s=5, color=BLUE, zorder=5)
    whole = np.max(np.asarray(heatmaps), axis=0)  # (h / 4, w / 4)
    coarse = whole.reshape(rows, whole.shape[0] // rows, columns, -1).mean(axis=(1, 3))
    for picture, place in zip((coarse, whole), middles[2:]):
        paper.tile(ax, picture, place, room, cmap="inferno", vmin=0)
    captions = (
        f"1 cut into {rows} × {columns} patches,\neach becomes a token",
        "2 attention, block after block:\neach token looks at all others",
        f"3 the tokens in their places:\nmaps of {rows} × {columns} cells",
        f"4 a small head enlarges:\n{len(heatmaps)} heatmaps, {whole.shape[0]} × {whole.shape[1]}",
    )
    for (x, _), caption in zip(middles, captions):
        ax.text(x, 0.58, caption, ha="center", va="top", fontsize=10, linespacing=1.15)
    return figure
