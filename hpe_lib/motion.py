"""Joints over time: angles and their error bars, smoothing, counting, and a body's own frame of reference.

Points are (..., 17, 2 or more): x, y in px, in COCO's order; T frames follow each other at `fps` frames/s.
"""

import math

import numpy as np

from hpe_lib.skeleton import KEYPOINTS


def _ends(points, a, b, c):
    """The two limbs that meet in joint b: vectors (..., 2) to a and to c, px."""
    first, middle, last = (np.asarray(points, dtype=float)[..., KEYPOINTS.index(name), :2] for name in (a, b, c))
    return first - middle, last - middle


def joint_angle(points, a, b, c):
    """The angle at joint b between a and c, by their names: points (..., 17, 2+) -> degrees (...), 0 to 180."""
    u, v = _ends(points, a, b, c)
    cross = u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
    return np.degrees(np.abs(np.arctan2(cross, (u * v).sum(axis=-1))))  # exact at 0 and 180, where arccos is not


def angle_error(points, a, b, c, sigma):
    """The angle's standard deviation, in degrees, if x and y of each joint have one of `sigma` px.

    First order: moving an end of a limb of length l across it by s turns the limb by s / l radians.
    """
    u, v = _ends(points, a, b, c)
    one, two = (u * u).sum(axis=-1), (v * v).sum(axis=-1)  # squared lengths, px^2
    return np.degrees(sigma * np.sqrt(1 / one + 1 / two + ((u - v) ** 2).sum(axis=-1) / (one * two)))


def trunk_angle(points):
    """How far the trunk leans away from the image's vertical: points (..., 17, 2+) -> degrees (...), 0 to 180."""
    points = np.asarray(points, dtype=float)[..., :2]
    x, y = np.moveaxis(points[..., 5:7, :].mean(axis=-2) - points[..., 11:13, :].mean(axis=-2), -1, 0)
    return np.degrees(np.abs(np.arctan2(x, -y)))  # hips to shoulders; y grows downward


def smoothing_factor(cutoff, fps):
    """How much of a new value exponential smoothing takes: cutoff in Hz -> 0 to 1. (Casiez et al. 2012, eq. 5, 6)"""
    return 1 / (1 + fps / (2 * math.pi * np.asarray(cutoff)))


def exponential(values, cutoff, fps):
    """Exponential smoothing, value by value: y_t = y_{t-1} + alpha (x_t - y_{t-1}). (T, ...) -> (T, ...)."""
    return one_euro(values, fps, cutoff, beta=0.0)


class OneEuro:
    """The 1 euro filter, one call a frame: smooth while slow, quick while fast. Value (...) -> smoothed (...).

    The cutoff, in Hz, is `min_cutoff + beta * |speed|` with the smoothed speed in units of the values a second.
    (Casiez, Roussel and Vogel 2012)
    """

    def __init__(self, fps, min_cutoff=1.0, beta=0.0, speed_cutoff=1.0):
        self.fps, self.min_cutoff, self.beta, self.speed_cutoff = fps, min_cutoff, beta, speed_cutoff
        self.last = None

    def __call__(self, value):
        value = np.asarray(value, dtype=float)
        if self.last is None:  # the first one
            self.last = self.smooth = value
            self.speed = np.zeros_like(value)
        step = (value - self.last) * self.fps
        self.speed = self.speed + smoothing_factor(self.speed_cutoff, self.fps) * (step - self.speed)
        alpha = smoothing_factor(self.min_cutoff + self.beta * np.abs(self.speed), self.fps)
        self.last, self.smooth = value, self.smooth + alpha * (value - self.smooth)
        return self.smooth


def one_euro(values, fps, min_cutoff=1.0, beta=0.0, speed_cutoff=1.0):
    """`OneEuro` on a whole film: (T, ...) -> (T, ...), each value from the past only."""
    smooth = OneEuro(fps, min_cutoff, beta, speed_cutoff)
    return np.array([smooth(value) for value in values]).reshape(np.shape(values))


def repetitions(angle, low, high):
    """Count how often an angle (T,) degrees goes below `low` and comes back above `high` (low < high)."""
    count, is_low = 0, False
    for value in angle:
        if is_low and value > high:
            count, is_low = count + 1, False
        elif value < low:
            is_low = True
    return count


def body_frame(points):
    """The pose without its place and size: (..., 17, 2+) -> (..., 17, 2), the hips' middle at 0, the trunk 1 long."""
    points = np.asarray(points, dtype=float)[..., :2]
    hips, shoulders = points[..., 11:13, :].mean(axis=-2), points[..., 5:7, :].mean(axis=-2)
    trunk = np.linalg.norm(shoulders - hips, axis=-1)[..., None, None]
    return (points - hips[..., None, :]) / np.maximum(trunk, 1e-6)
