"""The ideas of three pose networks, drawn with one pen so that they can be compared."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.patches import Circle, FancyBboxPatch, Rectangle

from hpe_lib import data, geometry, synthetic
from hpe_lib.course import canvas
from hpe_lib.plots import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, draw_box, draw_pose, side_color
from hpe_lib.skeleton import LIMBS


def _sketch(title, parts, crop, heatmaps, groups, bridges=()):
    """Draw a network as a row of maps, smaller and larger: a simpler `network`, for comparing designs.

    parts: (name, rows, columns, channels) from left to right; "image" and "heatmaps" get the images (h, w, 3) and
    (K, h, w). groups: (first part, last part, text). bridges: index pairs of parts. Returns a matplotlib figure; the
    numbers below the maps are their rows.
    """
    figure, ax = plt.subplots(figsize=(10, 3.5), layout="constrained")
    colors = {"image": GREY, "down": BLUE, "up": RED, "heatmaps": GREEN}
    x, tops, floor = 0.0, [], -canvas.extent(max(rows for _, rows, _, _ in parts)) / 2 - 1.2
    widths = [0.022 * np.sqrt(channels) + canvas.extent(columns) * canvas.SLANT[0] for _, _, columns, channels in parts]
    gap = max(0.42, (27 - sum(widths)) / len(parts))
    for (name, rows, columns, channels), wide in zip(parts, widths):
        x += wide / 2
        corner, deep, up = canvas.slab(ax, x, (channels, rows, columns), colors[name])
        if name == "image":
            canvas.on_side(ax, crop, corner, deep, up)
        if name == "heatmaps":
            canvas.on_side(ax, np.max(np.asarray(heatmaps), axis=0), corner, deep, up, cmap="inferno", vmin=0, vmax=1)
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
        canvas.arrow(ax, (right, height), (right, base + 0.05), ORANGE)
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
    figure, ax = canvas.page(10, 3.4, "Vision transformer: every patch looks at every other patch")
    middles, room = [(1.2 + 2.53 * index, 2.0) for index in range(4)], (1.95, 2.6)
    for (left, y), (right, _) in pairwise(middles):
        canvas.arrow(ax, (left + 1.02, y), (right - 1.02, y))
    pages = [canvas.tile(ax, crop, middle, room, fade) for middle, fade in zip(middles[:2], (0.0, 0.5))]
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
        canvas.tile(ax, picture, place, room, cmap="inferno", vmin=0)
    captions = (
        f"1 cut into {rows} × {columns} patches,\neach becomes a token",
        "2 attention, block after block:\neach token looks at all others",
        f"3 the tokens in their places:\nmaps of {rows} × {columns} cells",
        f"4 a small head enlarges:\n{len(heatmaps)} heatmaps, {whole.shape[0]} × {whole.shape[1]}",
    )
    for (x, _), caption in zip(middles, captions):
        ax.text(x, 0.58, caption, ha="center", va="top", fontsize=10, linespacing=1.15)
    return figure


HISTORY = (
    (2014, "DeepPose", "Toshev, Szegedy", "coordinates of one person", "a network answers\nwith coordinates"),
    (2014.9, "heatmaps", "Tompson et al.", "heatmaps of one person", "one map a joint\ninstead of numbers"),
    (2016, "Convolutional Pose\nMachines", "Wei et al.", "heatmaps of one person", "heatmaps refined\nstage by stage"),
    (2016.6, "Hourglass", "Newell et al.", "heatmaps of one person", "down, up,\nand again"),
    (2017.5, "OpenPose", "Cao et al.", "heatmaps of everybody", "joints and links\nof everybody"),
    (2018.5, "Simple Baselines", "Xiao et al.", "heatmaps of one person", "ResNet and three\ndeconvolutions"),
    (2019.5, "HRNet", "Sun et al.", "heatmaps of one person", "fine maps kept\nall the way"),
    (2022, "ViTPose", "Xu et al.", "heatmaps of one person", "patches as\ntokens"),
)
"""Milestones: place on the line (the year, moved a little where two would touch), name, authors, family, idea."""


def timeline():
    """Draw eight milestones of the field on a line of years."""
    figure, ax = plt.subplots(figsize=(10, 3.6), layout="constrained")
    families = {"coordinates of one person": (GREY, "X"), "heatmaps of one person": (BLUE, "o")}
    families["heatmaps of everybody"] = (ORANGE, "s")
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
    figure, ax = canvas.page(10, 4.0, "The whole course at a glance: the numbers are the notebooks")
    parts = {  # number: left, bottom, width, name, what it does, colour
        "01": (0.1, 2.3, "data", "images, people,\n17 labelled joints", GREY),
        "02": (1.77, 2.3, "heatmaps", "box to crop,\njoints to targets", GREEN),
        "03": (3.44, 2.3, "residual blocks", "crop to features:\nthe ResNet", BLUE),
        "04": (5.11, 2.3, "deconvolution", "features to\nheatmaps", RED),
        "06": (6.78, 2.3, "decoding", "heatmaps to\njoints", PINK),
        "07": (8.45, 2.3, "metrics", "how right is it?\nOKS, AP, AR", SKY),
        "05": (3.44, 0.25, "training", "how wrong is it? change the\nweights to be less wrong", ORANGE),
    }
    for number, (left, low, name, words, color) in parts.items():
        width, high = 3.12 if number == "05" else 1.45, 1.05
        box = {"facecolor": canvas.tint(color, 0.16), "edgecolor": color, "linewidth": 1.5}
        ax.add_patch(FancyBboxPatch((left, low), width, high, boxstyle="round,pad=0,rounding_size=0.1", **box))
        ax.text(left + width / 2, low + 0.66, name, ha="center", va="center", weight="bold", fontsize=10)
        ax.text(left + width / 2, low + 0.32, words, ha="center", va="center", fontsize=9, linespacing=1.1)
        ax.add_patch(
            Circle((left + 0.2, low + high), 0.19, facecolor="white", edgecolor=color, linewidth=1.5, zorder=4)
        )
        ax.text(left + 0.2, low + high, number, ha="center", va="center", weight="bold", fontsize=10, zorder=5)
    for left in (0.1, 1.77, 3.44, 5.11, 6.78):
        canvas.arrow(ax, (left + 1.45, 2.82), (left + 1.67, 2.82))
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
        canvas.arrow(ax, path[-2], path[-1], color)
        ax.text(*place, words, color=color, ha="center", va="center", fontsize=9, linespacing=1.1)
    return figure


def three_descriptions(one, look, turn=-35, step=4):
    """Draw one person as an image with keypoints, as joints in space from two sides, and as the seen surface.

    one: a `synthetic.Person`. look: a `synthetic.wardrobe`. turn: degrees by which the surface is turned.
    step: px between the corners of the mesh. Returns a matplotlib figure; all three come out of the same 3-D person.
    """
    camera = synthetic.Camera((220, 320), 600.0, height=1.0)
    one = one.placed(0.0, -4.2, 0.0)  # in front of the camera
    image, (annotation,) = synthetic.photograph(camera, [one], [look])
    depth, _ = synthetic.trace(camera, synthetic.dress(one, look))
    x, y, z = np.array(annotation["keypoints_3d"]).T  # each (17,) camera metres: right, down, forward
    figure, axes = plt.subplots(1, 4, figsize=(10, 4.3), layout="constrained")
    axes[0].imshow(image)
    draw_pose(axes[0], np.reshape(annotation["keypoints"], (17, 3)))
    axes[0].set(title="2-D keypoints:\n17 × (x, y) in pixels", xlabel="column (px)", ylabel="row (px)")
    for ax, across in ((axes[1], x), (axes[2], z)):
        draw_pose(ax, np.column_stack([across, camera.height - y, np.full(17, 2.0)]))
    axes[1].set(title="3-D joints: 17 × (x, y, z)\nin metres, seen from the front", xlabel="to the right (m)")
    axes[2].set(title="the same 3-D joints,\nseen from the side", xlabel="away from the camera (m)")
    mesh, corners = _mesh(camera, depth, step, np.radians(turn))
    axes[3].add_collection(LineCollection(mesh, colors=BLUE, linewidths=0.45))
    axes[3].set(title=f"surface: a mesh of\n{corners:,} corners, turned", xlabel="to the right, turned (m)")
    for ax, middle in zip(axes[1:], (x.mean(), z.mean(), 0.0)):
        ax.set(xlim=(middle - 0.75, middle + 0.75), ylim=(-0.05, 2.13), aspect="equal", ylabel="height (m)")
    figure.suptitle("One person, three descriptions", fontsize=12)
    for ax in axes:
        ax.title.set_fontsize(10)
        ax.tick_params(labelsize=9)
    return figure


def _mesh(camera, depth, step, angle):
    """Triangles over the seen surface -> their edges (n, 2, 2), seen from `angle` (radians) aside, and the corners."""
    rows, columns = (np.arange(0, size, step) for size in depth.shape)
    ray_x, ray_y = (rays[::step] for rays in camera.rays())
    z = np.where(np.isfinite(depth), depth, np.nan)[rows][:, columns]  # (r, c)
    x, height = ray_x * z, camera.height - ray_y[:, None] * z
    across = x * np.cos(angle) + (z - np.nanmean(z)) * np.sin(angle)
    points = np.stack([across, height], axis=-1)  # (r, c, 2)
    edges = []
    for one, other in ((np.s_[1:, :], np.s_[:-1, :]), (np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:, 1:], np.s_[:-1, :-1])):
        joined = np.abs(z[one] - z[other]) < 0.12  # metres; False where there is nothing
        edges.append(np.stack([points[one][joined], points[other][joined]], axis=1))
    return np.concatenate(edges), int(np.isfinite(z).sum())


def two_orders(image, boxes, poses):
    """Draw how top-down and bottom-up methods go from an image to its poses.

    image: (H, W, 3) uint8. boxes: (M, 4) px. poses: (M, 17, 3) px and visibility. Returns a matplotlib figure.
    """
    columns, wide = (1.25, 3.75, 6.25, 8.75), 2.1
    high = min(wide * image.shape[0] / image.shape[1], 2.4)
    room, rows = (wide, high), (1.5 * high + 1.35, 0.5 * high + 0.5)
    figure, ax = canvas.page(10, 2 * high + 1.7, "Top-down finds people first, bottom-up finds joints first")
    words = (
        ("an image", "1 a detector draws\na box round each", "2 crop by crop,\none pose in each", "all poses"),
        ("an image", "1 all joints at once,\nnobody's yet", "2 weigh every link,\nkeep the best", "all poses"),
    )
    for y, name, captions in zip(rows, ("top-down", "bottom-up"), words):
        color = BLUE if name == "top-down" else RED
        ax.text(0.2, y + high / 2 + 0.1, name, weight="bold", fontsize=12, color=color)
        for x, caption in zip(columns, captions):
            ax.text(x, y - high / 2 - 0.08, caption, ha="center", va="top", fontsize=10, linespacing=1.1)
        for left, right in pairwise(columns):
            canvas.arrow(ax, (left + 1.07, y), (right - 1.07, y))
    for y in rows:
        canvas.tile(ax, image, (columns[0], y), room)
        for pose in canvas.on_page(poses, canvas.tile(ax, image, (columns[3], y), room)):
            draw_pose(ax, pose, width=1.6, size=8)
    matrix = canvas.tile(ax, image, (columns[1], rows[0]), room)
    for box in boxes:
        low, high = geometry.transform([box[:2], box[:2] + box[2:]], matrix)
        draw_box(ax, (*low, *(high - low)), ORANGE)
    _crops(ax, image, boxes[:3], poses, (columns[2], rows[0]), room)
    for column, linked in ((columns[1], False), (columns[2], True)):
        on_page = canvas.on_page(poses, canvas.tile(ax, image, (column, rows[1]), room, fade=0.55))
        _loose_joints(ax, on_page, linked)
    return figure


def _crops(ax, image, boxes, poses, center, room):
    """Lay the crops of some people side by side, each with its pose."""
    width = room[0] / max(len(boxes), 1)
    for index, (box, pose) in enumerate(zip(boxes, poses)):
        matrix = geometry.crop_matrix(*geometry.crop_frame(box), (192, 256))
        place = (center[0] - room[0] / 2 + (index + 0.5) * width, center[1])
        page = canvas.tile(ax, data.warp(image, matrix, (192, 256)), place, (0.94 * width, room[1]))
        draw_pose(ax, *canvas.on_page([pose], geometry.compose(page, matrix)), width=1.6, size=8)


def _loose_joints(ax, poses, linked):
    """Draw joints (M, 17, 3) that belong to nobody yet; linked: with links to everybody's, and the right ones thick."""
    for a, b in LIMBS if linked else ():
        for first in poses[poses[:, a, 2] > 0]:
            for second in poses[poses[:, b, 2] > 0]:
                right = np.array_equal(first, second)
                line = {"color": GREEN, "linewidth": 1.8} if right else {"color": GREY, "linewidth": 0.8, "ls": ":"}
                ax.plot(*np.stack([first[a, :2], second[b, :2]]).T, zorder=3, **line)
    for pose in poses:
        for index in np.flatnonzero(pose[:, 2] > 0):
            ax.scatter(*pose[index, :2], s=14, color=side_color(index), edgecolor="white", linewidth=0.5, zorder=4)
