"""Pictures of the course: poses, boxes, heatmaps, drawn the same way everywhere, with a text for those who listen."""

import io

import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
import PIL.ImageDraw
from IPython.display import Image, display
from matplotlib.collections import LineCollection

from hpe_lib.skeleton import KEYPOINTS, LIMBS

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"  # Okabe and Ito: safe for the colour-blind
PINK, SKY, YELLOW, GREY = "#CC79A7", "#56B4E9", "#F0E442", "#666666"


def use_style():
    """Set matplotlib's defaults for the course: readable text, light frames, colours that everyone can tell apart."""
    plt.rcParams.update(
        {
            "figure.dpi": 100,
            "figure.constrained_layout.use": True,
            "font.size": 11,
            "axes.titlesize": 12,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREEN, RED, PINK, SKY, GREY]),
            "image.cmap": "viridis",
        }
    )


def show(figure, alt):
    """Display a figure in the notebook with its alternative text, and close it."""
    display(Image(smaller(to_png(figure)), alt=alt))
    plt.close(figure)


def to_png(figure, dpi=None):
    """Render a figure: PNG bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi or figure.dpi, facecolor="white")
    return buffer.getvalue()


def smaller(png, limit=80_000):
    """Keep notebooks light: PNG bytes over the limit are stored with 256 colours, about a quarter of the size."""
    if len(png) <= limit:
        return png
    buffer = io.BytesIO()
    picture = PIL.Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(256, PIL.Image.Quantize.FASTOCTREE, dither=PIL.Image.Dither.NONE).save(
        buffer, "png", optimize=True
    )
    return buffer.getvalue()


def draw_image(ax, image, title=None, credit=""):
    """Show an image (H, W, 3) without axes. credit: whose photograph it is, in small letters below."""
    ax.imshow(image)
    ax.set_axis_off()
    if title:
        ax.set_title(title)
    if credit:
        ax.text(0, -0.02, credit, transform=ax.transAxes, va="top", fontsize=6.5, color=GREY)


def side_color(index):
    """Orange on the person's left, blue on the right, green in the middle."""
    name = KEYPOINTS[index]
    return ORANGE if name.startswith("left") else BLUE if name.startswith("right") else GREEN


def person_color(number):
    """The colour of person 0, 1, 2, ...: seven that the colour-blind tell apart, then again from the first."""
    return (ORANGE, SKY, GREEN, PINK, YELLOW, RED, BLUE)[int(number) % 7]


def draw_pose(ax, pose, threshold=0.0, width=2.5, size=22, color=None):
    """Draw one skeleton: the person's left side orange, the right side blue, or all in one `color`.

    pose: (17, 3) x, y in px and visibility (0, 1, 2) or score; joints at or below `threshold` are left out.
    Labelled but hidden joints (visibility exactly 1 among 0, 1, 2) are drawn hollow.
    """
    pose = np.asarray(pose, dtype=float)
    shown, labels = pose[:, 2] > threshold, set(np.unique(pose[:, 2])) <= {0.0, 1.0, 2.0}
    limbs = [limb for limb in LIMBS if shown[list(limb)].all()]
    lines = pose[np.array(limbs, dtype=int).reshape(-1, 2), :2]  # (limbs, 2, 2); one artist for all: ten times faster
    colors = [color or _limb_color(*limb) for limb in limbs]
    ax.add_collection(LineCollection(lines, colors=colors, linewidths=width, capstyle="round", zorder=3))
    joints = np.flatnonzero(shown)
    sides, hollow = (
        [color or side_color(index) for index in joints],
        [labels and pose[index, 2] == 1 for index in joints],
    )
    ax.scatter(
        *pose[joints, :2].T,
        s=size,
        facecolors=["white" if empty else side for side, empty in zip(sides, hollow)],
        edgecolors=[side if empty else "white" for side, empty in zip(sides, hollow)],
        linewidths=[1.5 if empty else 0.7 for empty in hollow],
        zorder=4,
    )
    ax.autoscale_view()


def draw_people(ax, poses, width=2.0, size=12):
    """Draw several skeletons (M, 17, 3), each in a colour of its own, joints of height or visibility 0 left out."""
    colors = (ORANGE, SKY, PINK, YELLOW, GREEN, RED, BLUE, "white")
    for number, pose in enumerate(np.asarray(poses, dtype=float)):
        color, shown = colors[number % len(colors)], pose[:, 2] > 0
        lines = [pose[list(limb), :2] for limb in LIMBS if shown[list(limb)].all()]
        ax.add_collection(LineCollection(lines, colors=color, linewidths=width, capstyle="round", zorder=3))
        ax.scatter(*pose[shown, :2].T, s=size, color=color, edgecolors="black", linewidths=0.5, zorder=4)


def _limb_color(a, b):
    """The side's colour; green where a limb joins left and right, or lies in the middle."""
    sides = {side_color(a), side_color(b)} - {GREEN}
    return sides.pop() if len(sides) == 1 else GREEN


def draw_box(ax, box, color=SKY, label=None, **line):
    """Outline a box (x, y, width, height) in px."""
    x, y, width, height = box
    ax.add_patch(plt.Rectangle((x, y), width, height, fill=False, edgecolor=color, **({"linewidth": 2} | line)))
    if label:
        ax.text(
            x,
            y - 3,
            label,
            color="white",
            fontsize=9,
            va="bottom",
            bbox={"facecolor": color, "edgecolor": "none", "pad": 2},
        )


def draw_heatmap(ax, crop, heatmap, alpha=0.6, vmax=None):
    """Lay one heatmap (H, W), stretched over the crop (h, w, 3), whose darker grey shows what lies below.

    vmax: the value of the brightest colour, so that several maps can be compared; None: each map's own highest.
    """
    height, width = crop.shape[:2]
    stride = width / heatmap.shape[1]
    ax.imshow(crop.mean(axis=-1), cmap="gray", vmin=0, vmax=255)
    edge = [-stride / 2, width - stride / 2, height - stride / 2, -stride / 2]  # cell (0, 0) is centred on pixel (0, 0)
    ax.imshow(
        heatmap,
        alpha=alpha,
        extent=edge,
        interpolation="nearest",
        cmap="inferno",
        vmin=None if vmax is None else 0,
        vmax=vmax,
    )
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    ax.set_axis_off()


def paint_poses(image, poses, colors, threshold=0.0):
    """Poses (M, 17, 3) painted into a copy of an image (H, W, 3) uint8, one colour a person; quick, for films."""
    picture = PIL.Image.fromarray(image)
    brush, width = PIL.ImageDraw.Draw(picture), max(2, round(max(image.shape) / 250))
    for pose, color in zip(poses, colors):
        points = [tuple(point) for point in pose[:, :2].tolist()]
        shown = pose[:, 2] > threshold
        for a, b in LIMBS:
            if shown[a] and shown[b]:
                brush.line([points[a], points[b]], fill=color, width=width)
        for x, y in (points[index] for index in np.flatnonzero(shown)):
            brush.ellipse([x - width, y - width, x + width, y + width], fill=color, outline="white")
    return np.asarray(picture)


def show_poses(image, poses, boxes=(), threshold=0.0, title=None, colors=None):
    """A figure of an image (H, W, 3) with its poses (M, 17, 3) and boxes (M, 4) drawn on it.

    colors: one a person; None: the left side orange, the right side blue.
    """
    height, width = image.shape[:2]
    figure, ax = plt.subplots(figsize=(7.0, 7.0 * height / width), layout="constrained")
    draw_image(ax, image, title)
    for box in boxes:
        draw_box(ax, box)
    for pose, color in zip(poses, colors or [None] * len(poses)):
        draw_pose(ax, pose, threshold, color=color)
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    return figure
