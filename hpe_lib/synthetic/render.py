"""A small ray caster: tapered capsules, ellipsoids and boxes, a depth buffer, and shading, in NumPy.

Each solid is intersected exactly with the camera's rays inside its own window of the image (`trace`); the nearest
surface of every pixel is then coloured and lit once (`shade`). Camera axes: x right, y down, z forward, metres.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Camera:
    """A pinhole camera at (0, height, 0) that looks along -z of the world, turned down by `pitch` degrees.

    `size` (width, height) px; `focal` px; the principal point is the centre of the image.
    """

    size: tuple
    focal: float
    height: float = 1.4
    pitch: float = 0.0

    @property
    def centre(self):
        return (self.size[0] - 1) / 2, (self.size[1] - 1) / 2

    @property
    def axes(self):
        """(3, 3): the camera's right, down and forward directions in the world, one a row."""
        c, s = np.cos(np.radians(self.pitch)), np.sin(np.radians(self.pitch))
        return np.array([[1, 0, 0], [0, -c, s], [0, -s, -c]])

    def see(self, points):
        """World metres (..., 3) -> camera metres (..., 3): x right, y down, z forward."""
        return (np.asarray(points) - [0, self.height, 0]) @ self.axes.T

    def project(self, points):
        """Camera metres (..., 3) -> pixels (..., 2), pixel centres on integers: u = focal x / z + centre."""
        return self.focal * points[..., :2] / points[..., 2:] + self.centre

    def rays(self):
        """-> x (W,) and y (H,): pixel (column, row) looks along (x, y, 1) in camera axes."""
        (width, height), (cx, cy) = self.size, self.centre
        x = (np.arange(width, dtype=np.float32) - np.float32(cx)) / np.float32(self.focal)
        return x, (np.arange(height, dtype=np.float32) - np.float32(cy)) / np.float32(self.focal)


@dataclass
class Solid:
    """A tapered capsule, ellipsoid or box, as seen in its own axes.

    `origin` (3,) and `axes` (3, 3; own x, y and z directions as columns) in the world; `scale` (3,) stretches the own
    axes. Capsule: the union of all spheres on the way from the origin (radius `radii[0]`) up the own y axis by `length`
    (radius `radii[1]`); length 0 and radius 1 make an ellipsoid with half axes `scale`. Box: half sizes `scale`.
    `paint` is a colour (3,) or a function of own points (3, n) that returns colours (3, n), 0 to 1; `owner` says whose
    it is (a person's number, -1 for things).
    """

    origin: np.ndarray
    axes: np.ndarray
    radii: tuple = (1.0, 1.0)
    length: float = 0.0
    scale: tuple = (1.0, 1.0, 1.0)
    paint: np.ndarray | Callable = field(default_factory=lambda: np.array([0.5, 0.5, 0.5]))
    owner: int = -1
    box: bool = False


def _views(camera, solids):
    """How the camera sees each solid -> matrices (S, 3, 3), origins (S, 3), windows (S, 4).

    The point at depth t on the ray d is `origin + t * matrix @ d` in the solid's axes; no pixel outside the window
    x0, x1, y0, y1 can show the solid.
    """
    origins, axes = np.stack([s.origin for s in solids]), np.stack([s.axes for s in solids])  # (S, 3), (S, 3, 3)
    scale, lengths = np.array([s.scale for s in solids]), np.array([s.length for s in solids])
    to_own = np.swapaxes(axes, 1, 2) / scale[:, :, None]
    own_origins = np.einsum("sij,sj->si", to_own, [0, camera.height, 0] - origins)
    tips = origins + axes[:, :, 1] * (lengths * scale[:, 1])[:, None]
    ends = camera.see(np.stack([origins, tips]))  # (2, S, 3)
    thick = scale.max(axis=1) * np.array([max(s.radii) for s in solids])
    reach = np.where([s.box for s in solids], np.linalg.norm(scale, axis=1), thick)[:, None]
    behind = ends[:, :, 2].min(axis=0) < reach[:, 0] + 0.05
    ends[:, behind] = [0, 0, 1e9]
    # A sphere's image reaches further than focal * radius / depth: it is near, and stretched off the axis.
    near = np.maximum(ends[..., 2:] - reach, 1e-3)
    spread = camera.focal * reach / near * (1 + np.abs(ends[..., :2] / ends[..., 2:])) + 1.5
    low = np.floor(camera.project(ends) - spread).min(axis=0).clip(0, camera.size).astype(int)
    high = np.ceil(camera.project(ends) + spread + 1).max(axis=0).clip(0, camera.size).astype(int)
    high[behind] = 0
    windows = np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], axis=1)
    return (to_own @ camera.axes.T).astype(np.float32), own_origins, windows


def _hit_capsule(solid, matrix, o, x, y):
    """-> (h, w) depth of the first hit, NaN where the ray misses.

    A point p is inside when |p - s u|^2 <= r(s)^2 for some s in [0, length]. The best s is linear in p, so the side is
    a quadratic in the depth t; where its s lies beyond an end, the sphere at that end is the one to hit.
    """

    def along(v):  # the rays' components along v: a sum of a column and a row, since rays are (x, y, 1)
        a, b, c = v @ matrix
        return (b * y + c)[:, None] + a * x

    g = matrix.T @ matrix
    dd = (g[1, 1] * y * y + 2 * g[1, 2] * y + g[2, 2])[:, None] + (g[0, 0] * x * x + 2 * g[0, 2] * x)
    if abs(g[0, 1]) > 1e-6 * g[2, 2]:
        dd += (2 * g[0, 1] * y)[:, None] * x
    do = along(o.astype(np.float32))
    (r0, r1), length, f = solid.radii, solid.length, np.float32
    if not length:
        return (-do - np.sqrt(do * do - dd * f(o @ o - r0**2))) / dd
    slope, dy = (r0 - r1) / length, along(np.array([0, 1, 0], np.float32))
    squared, k = 1 - slope**2, o[1] - r0 * slope
    a, b = dd - dy * dy * f(1 / squared), do - dy * f(k / squared)
    side = (-b - np.sqrt(b * b - a * f(o @ o - r0**2 - k**2 / squared))) / a
    s = dy * side + f(k)  # s times `squared`
    if a.min() <= 0:  # rays that come down the axis from the thick end are inside the endless cone from the start
        s[(a <= 0) & (dy * f(slope) > 0)] = -1 if slope > 0 else length + 1
    first = s < 0
    e = o - [0, length, 0]
    b = np.where(first, do, do - dy * f(length))
    c = np.where(first, f(o @ o - r0**2), f(e @ e - r1**2))
    end = (-b - np.sqrt(b * b - dd * c)) / dd
    return np.where(first | (s > f(length * squared)), end, side)


def _hit_box(solid, matrix, o, x, y):
    """-> (h, w) depth of the first hit with the cube [-1, 1]^3 in own axes, NaN where the ray misses."""
    near, far = np.float32(0.05), np.float32(np.inf)
    for row, start in zip(matrix, o.astype(np.float32)):
        inverse = (row[1] * y + row[2])[:, None] + row[0] * x
        inverse = 1 / np.where(np.abs(inverse) < 1e-7, np.float32(1e-7), inverse)
        t1, t2 = (-1 - start) * inverse, (1 - start) * inverse
        near, far = np.maximum(near, np.minimum(t1, t2)), np.minimum(far, np.maximum(t1, t2))
    return np.where(near < far, near, np.float32(np.nan))


def trace(camera, solids):
    """-> depth (H, W) metres along the camera's z (infinity: nothing), index (H, W) of the nearest solid or -1."""
    x, y = camera.rays()
    depth = np.full((len(y), len(x)), np.inf, np.float32)
    index = np.full(depth.shape, -1, np.int16)
    if not solids:
        return depth, index
    with np.errstate(invalid="ignore", divide="ignore"):
        for number, (solid, matrix, origin, (x0, x1, y0, y1)) in enumerate(zip(solids, *_views(camera, solids))):
            if x0 < x1 and y0 < y1:
                hit = (_hit_box if solid.box else _hit_capsule)(solid, matrix, origin, x[x0:x1], y[y0:y1])
                nearer = hit < depth[y0:y1, x0:x1]  # False where NaN
                np.copyto(depth[y0:y1, x0:x1], hit, where=nearer)
                np.copyto(index[y0:y1, x0:x1], np.int16(number), where=nearer)
    return depth, index


def shade(image, camera, solids, depth, index, light):
    """Colour the pixels that `trace` found into `image` (H, W, 3) uint8, in place.

    `light`: (direction to the light (3,) of length 1 in the world, ambient share 0 to 1).
    """
    (direction, ambient), (x, y) = light, camera.rays()
    place = np.nonzero(index.ravel() >= 0)[0]
    if not len(place):
        return image
    place = place[np.argsort(index.ravel()[place], kind="stable")]  # the pixels of one solid stand together
    r, c = np.divmod(place, len(x))
    numbers, starts = np.unique(index.ravel()[place], return_index=True)
    ray = np.stack([x[c], y[r], np.ones(len(r), np.float32)])  # (3, n)
    points, colours, normals = ray * depth.ravel()[place], np.empty_like(ray), np.empty_like(ray)
    matrices, origins, _ = _views(camera, solids)
    for number, begin, end in zip(numbers, starts, [*starts[1:], len(r)]):
        solid = solids[number]
        own = matrices[number] @ points[:, begin:end] + origins[number].astype(np.float32)[:, None]
        normal = own.copy()
        if solid.box:
            normal *= np.abs(own) >= np.abs(own).max(axis=0)
        elif solid.length:
            slope = (solid.radii[0] - solid.radii[1]) / solid.length
            on_axis = (own[1] - np.float32(solid.radii[0] * slope)) / np.float32(1 - slope**2)
            normal[1] -= np.clip(on_axis, 0, np.float32(solid.length))
        normals[:, begin:end] = (solid.axes / np.asarray(solid.scale)).astype(np.float32) @ normal
        colours[:, begin:end] = solid.paint(own) if callable(solid.paint) else np.asarray(solid.paint)[:, None]
    normals /= np.sqrt((normals * normals).sum(axis=0)) + np.float32(1e-12)
    lit = np.maximum(direction.astype(np.float32) @ normals, 0)
    strength = np.float32(ambient) * (0.8 + 0.2 * normals[1]) + np.float32(1 - ambient) * lit
    # A darker rim lets limbs of one colour stand out against each other.
    facing = -(normals * (camera.axes.T.astype(np.float32) @ ray)).sum(axis=0) / np.sqrt((ray * ray).sum(axis=0))
    strength *= 0.72 + 0.28 * np.minimum(np.abs(facing) * np.float32(1.6), 1)
    colours *= 255 * strength
    image.reshape(-1, 3)[place] = np.minimum(colours, 255).astype(np.uint8).T
    return image
