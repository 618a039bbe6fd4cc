"""What a pose is, and in which order one finds it: people, crops and joints drawn from drawn people."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection

from hpe_lib import data, geometry, synthetic
from hpe_lib.diagrams import paper
from hpe_lib.plots import BLUE, GREEN, GREY, ORANGE, RED, draw_box, draw_pose, side_color
from hpe_lib.skeleton import LIMBS


def three_descriptions(one, look, turn=-35, step=4):
    """Draw one person as a picture with keypoints, as joints in space from two sides, and as the seen surface.

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
    axes[3].set(title=f"surface: a mesh of\n{corners:,} corners (seen side)", xlabel="across, turned (m)")
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
    """Draw how top-down and bottom-up methods go from a picture to its poses.

    image: (H, W, 3) uint8. boxes: (M, 4) px. poses: (M, 17, 3) px and visibility. Returns a matplotlib figure.
    """
    columns, wide = (1.25, 3.75, 6.25, 8.75), 2.1
    high = min(wide * image.shape[0] / image.shape[1], 2.4)
    room, rows = (wide, high), (1.5 * high + 1.35, 0.5 * high + 0.5)
    figure, ax = paper.page(10, 2 * high + 1.7, "Top-down finds people first, bottom-up finds joints first")
    words = (
        ("a picture", "1 a detector boxes people", "2 one crop after the other,\none pose in each", "all poses"),
        ("a picture", "1 all joints at once,\nnobody's yet", "2 weigh every link,\nkeep the best", "all poses"),
    )
    for y, name, captions in zip(rows, ("top-down", "bottom-up"), words):
        color = BLUE if name == "top-down" else RED
        ax.text(0.2, y + high / 2 + 0.1, name, weight="bold", fontsize=12, color=color)
        for x, caption in zip(columns, captions):
            ax.text(x, y - high / 2 - 0.08, caption, ha="center", va="top", fontsize=10, linespacing=1.1)
        for left, right in pairwise(columns):
            paper.arrow(ax, (left + 1.07, y), (right - 1.07, y))
    for y in rows:
        paper.tile(ax, image, (columns[0], y), room)
        for pose in paper.on_page(poses, paper.tile(ax, image, (columns[3], y), room)):
            draw_pose(ax, pose, width=1.6, size=8)
    matrix = paper.tile(ax, image, (columns[1], rows[0]), room)
    for box in boxes:
        low, high = geometry.transform([box[:2], box[:2] + box[2:]], matrix)
        draw_box(ax, (*low, *(high - low)), ORANGE)
    _crops(ax, image, boxes[:3], poses, (columns[2], rows[0]), room)
    for column, linked in ((columns[1], False), (columns[2], True)):
        on_page = paper.on_page(poses, paper.tile(ax, image, (column, rows[1]), room, fade=0.55))
        _loose_joints(ax, on_page, linked)
    return figure


def _crops(ax, image, boxes, poses, center, room):
    """Lay the crops of some people side by side, each with its pose."""
    width = room[0] / max(len(boxes), 1)
    for index, (box, pose) in enumerate(zip(boxes, poses)):
        matrix = geometry.crop_matrix(*geometry.crop_frame(box), (192, 256))
        place = (center[0] - room[0] / 2 + (index + 0.5) * width, center[1])
        page = paper.tile(ax, data.warp(image, matrix, (192, 256)), place, (0.94 * width, room[1]))
        draw_pose(ax, *paper.on_page([pose], geometry.compose(page, matrix)), width=1.6, size=8)


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
