"""From a person's box to the crop that the network sees, and back: frames and 2 x 3 affine matrices.

NumPy float64. Points are (x, y) pixels, pixel centres on integers; boxes are (x, y, width, height).
"""

import numpy as np


def crop_frame(box, aspect=0.75, padding=1.25):
    """Return the frame around a box that has the network's aspect ratio and some room to spare.

    box: (4,) x, y, width, height in px. aspect: width / height of the network's input (192 / 256 = 0.75).
    padding: factor on both sides. Returns centre (2,) and size (2,) = (width, height) in px.
    The side that is too short grows, so that the whole box stays inside. Source: official implementation, `_box2cs`.
    """
    x, y, width, height = np.asarray(box, dtype=np.float64)
    if not (width > 0 and height > 0 and np.isfinite([x, y, width, height]).all()):
        raise ValueError(
            f"a box needs four finite numbers and a positive width and height, got {list(map(float, box))}"
        )
    center = np.array([x + width / 2, y + height / 2])
    size = np.array([max(width, aspect * height), max(height, width / aspect)])
    return center, padding * size


def crop_matrix(center, size, output_wh, rotation=0.0):
    """Return the (2, 3) matrix that takes image px to crop px.

    center, size: the frame, (2,) px each. output_wh: (width, height) of the crop in px. rotation: degrees;
    a positive angle turns the image's content anticlockwise as seen on the screen.
    Only the frame's width sets the scale, k = output width / frame width:
    M = k [[cos t, sin t], [-sin t, cos t]], moved so that the frame's centre lands on the crop's centre.
    """
    center, output_wh = np.asarray(center, np.float64), np.asarray(output_wh, np.float64)
    scale, angle = output_wh[0] / size[0], np.deg2rad(rotation)
    turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])  # (2, 2)
    shift = output_wh / 2 - turn @ center  # (2,)
    return np.column_stack([turn, shift])  # (2, 3)


def transform(points, matrix):
    """Apply a (2, 3) matrix to points: (..., 2) px -> (..., 2) px; or N matrices (N, 2, 3) to N sets (N, K, 2)."""
    matrix = np.asarray(matrix, np.float64)
    offset = matrix[:, None, :, 2] if matrix.ndim == 3 else matrix[:, 2]
    return np.asarray(points, np.float64) @ matrix[..., :2].swapaxes(-1, -2) + offset


def invert(matrix):
    """Return the (..., 2, 3) matrix that undoes `matrix`: crop px back to image px."""
    matrix = np.asarray(matrix, np.float64)
    back = np.linalg.inv(matrix[..., :2])
    return np.concatenate([back, -back @ matrix[..., 2:]], axis=-1)


def compose(second, first):
    """Return the (2, 3) matrix that does `first`, then `second`."""
    second, first = np.asarray(second, np.float64), np.asarray(first, np.float64)
    return np.column_stack([second[:, :2] @ first[:, :2], transform(first[:, 2], second)])
