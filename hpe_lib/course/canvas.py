"""The drawing board that the diagrams share: blocks for feature maps, pages, tiles, arrows."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.transforms import Affine2D

from hpe_lib import geometry
from hpe_lib.plots import GREY

SLANT = np.array([0.42, 0.30])  # where one unit into the page goes on the page


def extent(size):
    """Units of a map's side: its square root, or the small maps would vanish beside the image."""
    return 0.36 * np.sqrt(size)


def slab(ax, x, shape, color):
    """Draw feature maps (C, H, W) as a block: thickness for the channels.

    Returns the lower near corner of the side that shows the map, and that side's two edges, (2,) page units each.
    """
    channels, height, width = shape
    thick, tall, deep = 0.022 * np.sqrt(channels), extent(height), extent(width) * SLANT
    low = np.array([x - (thick + deep[0]) / 2, -tall / 2 - deep[1] / 2])
    right, up = np.array([thick, 0.0]), np.array([0.0, tall])
    faces = {
        0.95: [low, low + right, low + right + up, low + up],  # front
        0.45: [low + up, low + right + up, low + right + up + deep, low + up + deep],  # top
        0.70: [low + right, low + right + deep, low + right + deep + up, low + right + up],  # the map itself
    }
    for strength, corners in faces.items():
        ax.add_patch(plt.Polygon(corners, facecolor=tint(color, strength), edgecolor="white", linewidth=0.8, zorder=3))
    return low + right, deep, up


def tint(color, strength):
    """A colour mixed with white; strength 1 is the colour itself."""
    return 1 - strength * (1 - np.array(plt.matplotlib.colors.to_rgb(color)))


def on_side(ax, picture, corner, deep, up, **image):
    """Lay a picture (h, w) or (h, w, 3) onto the side of a block."""
    onto = Affine2D(np.array([[deep[0], up[0], corner[0]], [deep[1], up[1], corner[1]], [0, 0, 1]]))
    ax.imshow(picture, extent=(0, 1, 0, 1), transform=onto + ax.transData, zorder=4, **image)


def page(width, height, title):
    """A blank page of width x height inches under its title -> figure, axes."""
    figure, ax = plt.subplots(figsize=(width, height + 0.4), layout="constrained")
    ax.set(xlim=(0, width), ylim=(0, height))
    ax.set_axis_off()
    ax.set_title(title, fontsize=12)
    return figure, ax


def tile(ax, picture, center, room, fade=0.0, **image):
    """Lay a picture (h, w) or (h, w, 3) into a room (width, height) on a page; fade: how far it goes towards white.

    Returns the (2, 3) matrix that takes the picture's px to the page.
    """
    (height, width), (x, y) = picture.shape[:2], center
    scale = min(room[0] / width, room[1] / height)
    matrix = np.array([[scale, 0, x - scale * (width - 1) / 2], [0, -scale, y + scale * (height - 1) / 2]])
    if picture.ndim == 3:
        picture = (picture * (1 - fade) + 255 * fade).astype(np.uint8)
    edge = [x - scale * width / 2, x + scale * width / 2, y - scale * height / 2, y + scale * height / 2]
    ax.imshow(picture, extent=edge, **image)
    return matrix


def on_page(poses, matrix):
    """Poses (M, 17, 3) in px of a tile -> the same on the page."""
    poses = np.asarray(poses, dtype=np.float64).reshape(-1, 17, 3)
    return np.concatenate([geometry.transform(poses[..., :2], matrix), poses[..., 2:]], axis=-1)


def arrow(ax, start, end, color=GREY):
    """Draw an arrow between two points of a page."""
    style = {"arrowstyle": "-|>", "color": color, "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=style, zorder=2)
