"""What a person is in COCO: 17 keypoints, the limbs between them, mirror pairs, and how exact a label can be."""

import numpy as np

# fmt: off
KEYPOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)
"""The names in COCO's order. "left" is the person's own left, not the viewer's."""

LIMBS = (
    (15, 13), (13, 11), (16, 14), (14, 12),  # legs
    (11, 12), (5, 11), (6, 12), (5, 6),  # trunk
    (5, 7), (6, 8), (7, 9), (8, 10),  # arms
    (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),  # head
)
# fmt: on
"""Pairs of keypoint indices, from 0, that COCO joins by a line (COCO's own file counts from 1)."""

FLIP_PAIRS = tuple((left, left + 1) for left in range(1, 17, 2))
"""(left, right) index pairs that change places when an image is mirrored; the nose stays."""

FLIP_ORDER = np.array([0] + [index for left, right in FLIP_PAIRS for index in (right, left)])
"""(17,) the same as one permutation: `keypoints[..., FLIP_ORDER, :]` renames the joints of a mirrored person."""

OKS_SIGMAS = (
    np.array([0.26, 0.25, 0.25, 0.35, 0.35, 0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89])
    / 10
)
"""(17,) spread of human labels as a share of sqrt(person area): OKS = exp(-d^2 / (2 area (2 sigma)^2))."""
