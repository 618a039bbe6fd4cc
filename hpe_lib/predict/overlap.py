"""Boxes on boxes: how much two have in common, and which of two that have much in common stays."""

import numpy as np


def box_iou(boxes, others):
    """Intersection over union of boxes (M, 4) and others (N, 4), x, y, width, height in px: (M, N) from 0 to 1."""
    boxes, others = np.asarray(boxes, np.float64).reshape(-1, 1, 4), np.asarray(others, np.float64).reshape(1, -1, 4)
    low = np.maximum(boxes[..., :2], others[..., :2])
    high = np.minimum(boxes[..., :2] + boxes[..., 2:], others[..., :2] + others[..., 2:])
    common = (high - low).clip(min=0).prod(axis=-1)  # (M, N) px^2
    areas = boxes[..., 2:].prod(axis=-1) + others[..., 2:].prod(axis=-1)
    return common / np.maximum(areas - common, 1e-12)


def box_nms(boxes, scores, overlap):
    """Indices of the boxes (M, 4) that stay, best first: none overlaps a better one by more than `overlap`."""
    order, iou, kept = np.argsort(-np.asarray(scores), kind="stable"), box_iou(boxes, boxes), []
    for index in order:
        if not (iou[index, kept] > overlap).any():
            kept.append(index)
    return np.array(kept, dtype=np.int64)
