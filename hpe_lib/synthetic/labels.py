"""COCO's labels, read off the depth buffer: visibility, mask, polygons, run lengths, box and area."""

from itertools import pairwise

import contourpy
import numpy as np

# How deep below the body's surface a joint lies at most, as a share of the body's height: on the face it lies on the
# skin; elsewhere a little more than the limb's radius, since one may look along a limb. Nose, then pairs.
_DEEP = np.array([0.012, *np.repeat([0.009, 0.017, 0.062, 0.048, 0.04, 0.1, 0.062, 0.052], 2)])


def visibility(keypoints, height, owner, camera, depth, owners):
    """What COCO's v says for every keypoint: 2 seen, 1 hidden, 0 outside the image.

    keypoints: (17, 3) camera metres. height: of the body, metres. owner: this person's number. depth, owners: (H, W),
    metres and the number of the person or object in front. A joint is seen when the surface at its pixel (or next to
    it) is the same person's and lies before it by no more than the thickness of its own body part.
    Returns pixels (17, 2) and v (17,).
    """
    pixels = camera.project(keypoints)
    column, row = np.floor(pixels + 0.5).astype(int).T
    (rows, columns), seen = depth.shape, np.zeros(17, bool)
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    for dy, dx in ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)):
        y, x = np.clip(row + dy, 0, rows - 1), np.clip(column + dx, 0, columns - 1)
        seen |= (owners[y, x] == owner) & (depth[y, x] > keypoints[:, 2] - height * _DEEP)
    return pixels, np.where(inside, 1 + seen, 0)


def _simplify(points, tolerance):
    """Thin out a path (n, 2): drop every second point that is within `tolerance` of its neighbours' line; repeat."""
    for turn in range(24):
        before, after = points[:-2], points[2:]
        (cx, cy), (px, py) = (after - before).T, (points[1:-1] - before).T
        keep = np.ones(len(points), bool)
        keep[1:-1] = np.abs(cx * py - cy * px) > tolerance * np.hypot(cx, cy)
        keep[1 + turn % 2 :: 2] = True
        points = points[keep]
        if keep.all() and turn % 2:
            break
    return points


def polygons(mask, tolerance=0.45):
    """Trace a mask (H, W) of booleans into COCO's polygons: a list of flat lists x0, y0, x1, y1, ... in pixels.

    COCO counts polygon coordinates from the corner of the first pixel, so that pixel centres lie on halves. A hole is
    joined to its outline by a cut, since a COCO polygon cannot have one. Parts below 4 px^2 are left out; if nothing
    else is left, the polygon is the mask's box.
    """
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    y0, x0 = rows[0] - 1, columns[0] - 1
    window = np.pad(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 1).astype(np.float32)
    generator = contourpy.contour_generator(z=window, fill_type=contourpy.FillType.OuterOffset)
    flat = []
    for path, offsets in zip(*generator.filled(0.5, 2.0)):
        rings = [_simplify(path[a:b], tolerance) for a, b in pairwise(offsets)]
        rings = [ring for ring in rings if len(ring) >= 4 and _area(ring) >= 4]
        if rings:
            outline = np.concatenate([rings[0]] + [part for ring in rings[1:] for part in (ring, rings[0][-1:])])
            flat.append((outline + np.array([x0 + 0.5, y0 + 0.5])).clip(0, mask.shape[::-1]).round(1).ravel().tolist())
    if not flat:
        left, top, right, bottom = float(x0 + 1), float(y0 + 1), float(columns[-1] + 1), float(rows[-1] + 1)
        flat = [[left, top, right, top, right, bottom, left, bottom]]
    return flat


def _area(ring):
    x, y = ring[:, 0], ring[:, 1]
    return abs(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2


def run_lengths(mask):
    """-> COCO's uncompressed run-length code of a mask (H, W): counts of 0s, 1s, 0s, ... column by column."""
    flat = np.concatenate([[False], mask.ravel(order="F")])
    edges = np.nonzero(flat[1:] != flat[:-1])[0]
    return {"counts": np.diff([0, *edges, mask.size]).tolist(), "size": list(mask.shape)}


def box_of(mask):
    """-> [x, y, width, height] in pixels that encloses the mask (H, W)."""
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    return [float(v) for v in (columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)]
