"""What is around people: seats, furniture and posts, the floor, walls and sky behind them."""

import numpy as np
from PIL import Image

from .body import rotation
from .render import Solid


def seat(one, colour, half_width=0.22):
    """-> the box that a sitting person sits on; half_width in metres."""
    hips, axes = one.frames["pelvis"]
    forward = np.array([axes[0, 2], 0, axes[2, 2]]) / np.hypot(axes[0, 2], axes[2, 2])
    upright = np.stack([np.cross([0, 1, 0], forward), [0, 1, 0], forward], axis=1)
    middle = hips * [1, 0, 1] + [0, one.seat / 2, 0] - 0.06 * one.height * forward
    return Solid(middle, upright, scale=(half_width, one.seat / 2, 0.12 * one.height), paint=colour, box=True)


def props(rng, camera, people):
    """-> list of solids: seats under those who sit, furniture and posts behind people, now and then one in front."""
    things = []
    for one in people:
        if one.seat:
            things.append(seat(one, _colour(rng), rng.uniform(0.17, 0.3)))
    depths = [-one.keypoints[:, 2].mean() for one in people] or [5.0]
    for _ in range(rng.integers(0, 6)):
        z = max(depths) + rng.uniform(0.6, 4)
        x = rng.uniform(-0.55, 0.55) * camera.size[0] * z / camera.focal
        things.append(_thing(rng, x, z, rng.uniform(0.5, 1.8)))
    for one in people:
        if rng.random() < 0.12:
            z = -one.keypoints[:, 2].max() - rng.uniform(0.3, 0.6)
            if z > 1.2:
                x = (one.keypoints[rng.integers(5, 17), 0]) * z / -one.keypoints[:, 2].mean() + rng.normal(0, 0.12)
                things.append(_thing(rng, x, z, rng.uniform(0.3, 0.8), slim=True))
    return things


def _colour(rng):
    grey = rng.uniform(0.15, 0.9)
    return np.clip(grey + rng.normal(0, 0.12, 3), 0.03, 0.97)


def _thing(rng, x, z, height, slim=False):
    """One box, post, ball or sloping rod on the floor at (x, -z)."""
    kind, wide = rng.integers(4), rng.uniform(0.05, 0.13) if slim else rng.uniform(0.12, 0.5)
    turn = rotation("y", rng.uniform(0, 360))
    if kind == 0:
        half = (wide, height / 2, wide * rng.uniform(0.5, 1))
        return Solid(np.array([x, height / 2, -z]), turn, scale=half, paint=_colour(rng), box=True)
    if kind == 1 and not slim:
        return Solid(np.array([x, wide, -z]), turn, scale=(wide,) * 3, paint=_colour(rng))
    lean = turn @ rotation("z", rng.normal(0, 12 if kind == 2 else 4)) @ turn.T
    foot = rng.uniform(0.03, 0.08)
    return Solid(np.array([x, 0.0, -z]), lean, (foot, foot * rng.uniform(0.5, 1.2)), height * 1.2, paint=_colour(rng))


def background(rng, camera, people):
    """Sky or wall above, floor below, with a pattern and people's soft shadows -> (H, W, 3) uint8.

    Drawn at half the size and enlarged: what is behind people is a little out of focus.
    """
    width, height = camera.size
    x, y = (rays[::2] for rays in camera.rays())
    c, s = np.float32(np.cos(np.radians(camera.pitch))), np.float32(np.sin(np.radians(camera.pitch)))
    down, ahead = s + c * y, c - s * y  # a ray's downward and forward parts, one a row
    far = max([-one.keypoints[:, 2].min() for one in people] or [5.0]) + rng.uniform(0.8, 6)
    indoors = rng.random() < 0.6
    floor = camera.height / np.maximum(down, np.float32(1e-4))  # depth at which a ray meets the floor
    on_floor = floor * ahead < (far if indoors else 60.0)
    t = np.where(on_floor, floor, far / np.maximum(ahead, np.float32(0.1))).astype(np.float32)
    across, forward, up = x * t[:, None], t * ahead, np.float32(camera.height) - t * down
    second = np.where(on_floor, forward, up)  # the pattern's second coordinate: along the floor, or up the wall
    top, bottom, ground = _colour(rng), _colour(rng), _colour(rng)
    blend = np.linspace(0, 1, len(y))[:, None]
    rows = np.where(on_floor[:, None], ground * (0.75 + 0.35 * blend), top + (bottom - top) * blend)  # (H / 2, 3)
    texture = 1 + _noise(rng, (len(x), len(y)), rng.uniform(0.02, 0.14))
    pattern, step, strength = rng.integers(5), np.float32(rng.uniform(0.25, 1.2)), np.float32(rng.uniform(0.04, 0.22))
    where = (on_floor if rng.random() < 0.6 or not indoors else ~on_floor) & (forward < 25)
    if pattern < 3:
        a, b = np.floor(across / step).astype(np.int16), np.floor(second / step).astype(np.int16)[:, None]
        marks = a + b if pattern == 0 else a if pattern == 1 else b
        texture += (strength * where)[:, None] * (marks & 1)
    for one in people:
        hips = one.keypoints[[11, 12, 15, 16]].mean(axis=0).astype(np.float32)
        off = (across - hips[0]) ** 2 + ((forward + hips[2]) ** 2)[:, None]
        texture -= (0.3 * on_floor)[:, None].astype(np.float32) * np.exp(off * np.float32(-18 / one.height**2))
    half = np.clip(255 * rows.astype(np.float32)[:, None, :] * texture[:, :, None], 0, 255).astype(np.uint8)
    return np.asarray(Image.fromarray(half).resize((width, height), Image.BILINEAR))


def _noise(rng, size, strength):
    """Smooth blotches around 0 of two sizes -> (H, W) float32."""
    total = 0
    for cells, share in ((6, 0.6), (40, 0.4)):
        coarse = rng.normal(0, 1, (cells, cells)).astype(np.float32)
        total = total + np.float32(share * strength) * np.asarray(Image.fromarray(coarse).resize(size, Image.BICUBIC))
    return total
