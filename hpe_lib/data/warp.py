"""Cutting crops out of images by a matrix: bilinear, black outside, exact where only whole pixels move."""

import math

import numpy as np
import torch

from hpe_lib import geometry


def warp(image, matrix, output_wh):
    """Cut out a crop: bilinear, black outside the image.

    image: (H, W, 3) uint8. matrix: (2, 3) image px to crop px. Returns (height, width, 3) uint8.
    """
    return np.ascontiguousarray(warp_channels(image, matrix, output_wh).transpose(1, 2, 0))


def warp_channels(image, matrix, output_wh):
    """The same, channels first, as networks take it: (3, height, width) uint8."""
    crop = np.empty((3, output_wh[1], output_wh[0]), np.uint8)
    back = geometry.invert(matrix)  # crop px to image px
    if not _fill_whole_pixels(crop, image, back):
        _fill_between_pixels(crop, image, back)
    return crop


def _fill_between_pixels(crop, image, back):
    """Fill `crop` (3, height, width) from the image's pixels round each place, by their nearness."""
    height, width = crop.shape[1:]
    across, down = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    grid, seen = np.empty((2, height, width), np.float32), []
    for place, side, (by_x, by_y, start) in zip(grid, image.shape[1::-1], back.tolist()):  # x, then y
        ends = [start + x + y for x in (0, by_x * (width - 1)) for y in (0, by_y * (height - 1))]  # image px
        low = min(max(math.floor(min(ends)) - 1, 0), side - 1)
        high = min(max(math.ceil(max(ends)) + 2, low + 1), side)
        seen.append(slice(low, high))
        size = high - low
        # grid_sample's place is -1 at the left edge of the first pixel seen, 1 at the right edge of the last one
        np.add(2 * by_x / size * across, 2 * by_y / size * down + (2 * (start - low) + 1 - size) / size, out=place)
    part = torch.from_numpy(image[seen[1], seen[0]].astype(np.float32))  # all that the crop sees
    grid = torch.from_numpy(grid).permute(1, 2, 0)  # (height, width, 2)
    found = torch.nn.functional.grid_sample(part.permute(2, 0, 1)[None], grid[None], align_corners=False)[0]
    np.add(found.numpy(), 0.5, out=crop, casting="unsafe")  # rounded; NumPy is three times as fast at it as torch


def _fill_whole_pixels(crop, image, back):
    """Where `back`, crop px to image px, only moves or mirrors by whole pixels inside the image, fill and say True."""
    if max(abs(back[0, 1]), abs(back[1, 0]), abs(abs(back[0, 0]) - 1), abs(abs(back[1, 1]) - 1)) > 1e-9:
        return False
    if np.abs(back - back.round()).max() > 1e-6:
        return False
    sides = crop.shape[:0:-1]  # width, height
    columns, rows = (np.rint(back[i, i] * np.arange(sides[i]) + back[i, 2]).astype(int) for i in range(2))
    if min(columns.min(), rows.min()) < 0 or columns.max() >= image.shape[1] or rows.max() >= image.shape[0]:
        return False
    part = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    crop[:] = part[:: round(back[1, 1]), :: round(back[0, 0])].transpose(2, 0, 1)
    return True
