"""From 2-D to 3-D: cameras, triangulation from several of them, and the three measures of a pose in space.

NumPy float64. Camera axes: x right, y down, z forward, metres. Pixels are (x, y), pixel centres on integers. A pose is
(..., 17, 3) metres in COCO's order; its root is the middle of the hips.
"""

from dataclasses import dataclass

import numpy as np
import torch

from hpe_lib.skeleton import KEYPOINTS

HIPS = [KEYPOINTS.index("left_hip"), KEYPOINTS.index("right_hip")]


@dataclass(frozen=True)
class Pinhole:
    """A camera without lens errors (Hartley and Zisserman 2004, chapter 6).

    focal: px. centre: (x, y) px of the image's middle. rotation: (3, 3), its rows are the camera's right, down and
    forward directions in the world. position: (3,) metres, where in the world the camera is.
    """

    focal: float
    centre: tuple
    rotation: np.ndarray
    position: np.ndarray

    def see(self, points):
        """World (..., 3) m -> camera axes (..., 3) m: X_camera = R (X_world - position)."""
        return (np.asarray(points, float) - self.position) @ np.asarray(self.rotation).T

    def project(self, points):
        """World (..., 3) m -> pixels (..., 2). ValueError for points that are not in front of the camera."""
        return project(self.see(points), self.focal, self.centre)

    def back(self, pixels, depth):
        """Pixels (..., 2) and their depth (...) m -> world (..., 3) m: the inverse of `project`."""
        return unproject(pixels, depth, self.focal, self.centre) @ np.asarray(self.rotation) + self.position

    @property
    def matrix(self):
        """(3, 4) P = K [R | t], t = -R position: the pixel of (X, Y, Z, 1) is the first two of P X over its third."""
        k = np.array([[self.focal, 0, self.centre[0]], [0, self.focal, self.centre[1]], [0, 0, 1.0]])
        return k @ np.column_stack([self.rotation, -np.asarray(self.rotation) @ self.position])


def look_at(position, target, focal, centre):
    """-> a `Pinhole` at `position` (3,) m that looks at `target` (3,) m, upright; the world's y points up."""
    forward = np.subtract(target, position, dtype=float)
    right = np.cross(forward, [0.0, 1.0, 0.0])
    if not np.linalg.norm(right) > 1e-9 * max(1.0, np.linalg.norm(forward)):
        raise ValueError(f"a camera at {position} cannot look at {target} upright: move one of the two aside")
    rows = right, np.cross(forward, right), forward
    return Pinhole(focal, centre, np.array([row / np.linalg.norm(row) for row in rows]), np.asarray(position, float))


def project(points, focal, centre):
    """Camera axes (..., 3) m -> pixels (..., 2): u = focal x / z + centre. ValueError where z is not positive."""
    points = np.asarray(points, float)
    if not (points[..., 2] > 0).all():
        raise ValueError(
            f"{int((~(points[..., 2] > 0)).sum())} of {points[..., 2].size} points are behind the camera (z > 0 is in "
            "front): move the camera back, or turn it towards the person"
        )
    return focal * points[..., :2] / points[..., 2:] + np.asarray(centre, float)


def unproject(pixels, depth, focal, centre):
    """Pixels (..., 2) and depth z (...) m -> camera axes (..., 3) m."""
    ray = (np.asarray(pixels, float)[..., :2] - centre) / focal
    return np.concatenate([ray, np.ones_like(ray[..., :1])], axis=-1) * np.asarray(depth, float)[..., None]


def triangulate(matrices, pixels):
    """The points that V cameras see: matrices (V, 3, 4), pixels (V, ..., 2) -> world (..., 3) m.

    Direct linear transform (Hartley and Zisserman 2004, section 12.2): each view gives two rows of A X = 0, and X is
    the right singular vector of the smallest singular value. A view whose pixel is NaN does not count for that point.
    ValueError for fewer than two views.
    """
    matrices, pixels = np.asarray(matrices, float), np.asarray(pixels, float)
    if matrices.ndim != 3 or pixels.shape[0] != len(matrices) or matrices.shape[1:] != (3, 4):
        raise ValueError(f"one (3, 4) matrix a view is wanted: got {matrices.shape} for pixels {pixels.shape}")
    seen = np.isfinite(pixels).all(axis=-1).sum(axis=0)
    if np.min(seen, initial=len(matrices)) < 2:
        raise ValueError(f"a point needs two views or more, and one has {np.min(seen)}: add cameras, or leave it out")
    shape = (-1, *([1] * (pixels.ndim - 2)), 4)
    first, second, third = (matrices[:, row].reshape(shape) for row in range(3))  # (V, 1, ..., 4)
    rows = np.stack([pixels[..., :1] * third - first, pixels[..., 1:2] * third - second])  # (2, V, ..., 4)
    rows = np.nan_to_num(np.moveaxis(rows, (0, 1), (-3, -2)))  # (..., 2, V, 4); unseen: 0 X = 0
    x = np.linalg.svd(rows.reshape(*rows.shape[:-3], 2 * len(matrices), 4))[2][..., -1, :]  # (..., 4)
    return x[..., :3] / x[..., 3:]


def root_relative(pose):
    """A pose (..., 17, 3) m with the middle of its hips at 0: where the person stands does not count."""
    pose = np.asarray(pose, float)
    return pose - pose[..., HIPS, :].mean(axis=-2, keepdims=True)


def mpjpe(found, true):
    """Mean per joint position error: the mean distance of joints, roots laid on each other. (..., 17, 3) m -> mm."""
    return 1000 * np.linalg.norm(root_relative(found) - root_relative(true), axis=-1).mean()


def procrustes(found, true):
    """Turn, scale and shift `found` onto `true`, both (..., J, 3), so that the squared distances are smallest.

    With both centred, U S V^T = SVD(found^T true): R = U V^T, the last column of U turned round where R would be a
    mirror image, and scale = sum(S) / |found|^2 (Gower 1975; Umeyama 1991). ValueError for fewer than three joints.
    """
    found, true = np.asarray(found, float), np.asarray(true, float)
    if found.shape[-2] < 3:
        raise ValueError(f"{found.shape[-2]} joints fix no rotation: a pose of three or more is wanted")
    middle, centred = true.mean(axis=-2, keepdims=True), found - found.mean(axis=-2, keepdims=True)
    u, s, vt = np.linalg.svd(np.swapaxes(centred, -1, -2) @ (true - middle))
    sign = np.ones_like(s)
    sign[..., -1] = np.sign(np.linalg.det(u @ vt))  # no mirror image
    size = np.maximum((centred**2).sum(axis=(-1, -2), keepdims=True), 1e-12)
    scale = (s * sign).sum(axis=-1)[..., None, None] / size
    return scale * centred @ (u * sign[..., None, :]) @ vt + middle


def pa_mpjpe(found, true):
    """MPJPE after `procrustes`, pose by pose: the error of the shape, not of direction or size. -> mm."""
    return 1000 * np.linalg.norm(procrustes(found, true) - np.asarray(true), axis=-1).mean()


def pck_3d(found, true, threshold=0.15):
    """The share of joints within `threshold` m of their place, roots laid on each other (Mehta et al. 2017: 0.15 m)."""
    return (np.linalg.norm(root_relative(found) - root_relative(true), axis=-1) < threshold).mean()


def as_input(pixels):
    """What a lifting network sees: pixels (..., T, 17, 2+) of T frames -> the same, free of place and size.

    The hips' middle in the middle frame is 0, and the root of the mean squared distance from it 1. ValueError where all
    joints fall on one point: such a pose has no size.
    """
    pixels = np.asarray(pixels, float)[..., :2]
    middle = pixels[..., pixels.shape[-3] // 2, HIPS, :].mean(axis=-2)[..., None, None, :]
    size = np.sqrt(((pixels - middle) ** 2).sum(axis=-1).mean(axis=(-1, -2)))[..., None, None, None]
    if not (size > 0).all():
        raise ValueError("all joints of a pose lie on one point, or are not numbers: leave it out")
    return (pixels - middle) / size


class Pairs(torch.utils.data.Dataset):
    """What a lifter learns from: items of `joints` (T, 17, 2), as `as_input` gives them, and `target` (17, 3) m.

    pixels: (N, T, 17, 2). poses: (N, 17, 3) m in camera axes, of the middle frame. noise: standard deviation of what is
    added to each coordinate, px a 100 px of the person's size (root mean squared distance from the hips), anew in each
    epoch.
    """

    def __init__(self, pixels, poses, noise=0.0, seed=0):
        self.clean, self.noise, self.seed = as_input(pixels), noise / 100, seed
        self.target = torch.tensor(root_relative(poses), dtype=torch.float32)
        self.set_epoch(0)

    def set_epoch(self, number):
        """Draw this epoch's noise."""
        shaken = self.clean
        if self.noise:
            rng = np.random.default_rng([self.seed, number])
            shaken = as_input(shaken + rng.normal(0, self.noise, shaken.shape))
        self.joints = torch.tensor(shaken, dtype=torch.float32)

    def __len__(self):
        return len(self.target)

    def __getitem__(self, index):
        return {"joints": self.joints[index], "target": self.target[index]}
