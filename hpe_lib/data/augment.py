"""Random changes while training: each draws from a generator that it is given, so that a run can be repeated."""

from dataclasses import asdict, dataclass

import numpy as np

from hpe_lib import geometry
from hpe_lib.skeleton import KEYPOINTS

UPPER = np.arange(len(KEYPOINTS)) < KEYPOINTS.index("left_hip")  # (17,) face, shoulders, elbows, wrists


@dataclass(frozen=True)
class Augmentation:
    """Random changes while training; the defaults are those of Simple Baselines. All zero: none."""

    scale: float = 0.3  # frame size x clip(1 + scale * normal, 1 - scale, 1 + scale)
    rotation: float = 40.0  # degrees: clip(rotation * normal, -2 rotation, 2 rotation) ...
    rotation_prob: float = 0.6  # ... with this probability
    mirror_prob: float = 0.5
    half_body_prob: float = 0.0  # of people with more than 8 labels, only the upper or the lower half is framed
    translate: float = 0.0  # the frame moves by clip(translate * normal, -translate, translate) of its size in x, y ...
    translate_prob: float = 0.3  # ... with this probability
    color: float = 0.0  # each channel x (1 + color * uniform(-1, 1)), and + 255 * color * uniform(-1, 1) for all
    erase_prob: float = 0.0  # random erasing: a rectangle, a fifth to half of the crop's sides, of one colour

    def __str__(self):
        """What it does, in a line: "scale 0.3, rotation 40, rotation_prob 0.6, mirror_prob 0.5"."""
        idle = {f"{name}_prob" for name in ("rotation", "translate") if not getattr(self, name)}
        does = {name: value for name, value in asdict(self).items() if value and name not in idle}
        return ", ".join(f"{name} {value:g}" for name, value in does.items()) or "nothing"

    def matrix(self, box, keypoints, input_wh, rng):
        """Draw a person's random crop: its (2, 3) matrix, image px to crop px, and whether it mirrors.

        box: (4,) px. keypoints: (17, 3) px and visibility. input_wh: (W, H) of the crop in px. rng: NumPy generator.
        """
        scale, rotation, mirror = self.draw(rng)
        center, size = self.frame(box, keypoints, input_wh[0] / input_wh[1], rng)
        matrix = geometry.crop_matrix(center, size * scale, input_wh, rotation)
        if mirror:  # about the frame's centre, which lies at half the crop's width: x -> W - x
            matrix = geometry.compose([[-1, 0, input_wh[0]], [0, 1, 0]], matrix)
        return matrix, mirror

    def draw(self, rng):
        """Draw (scale factor, rotation in degrees, mirror or not)."""
        scale = 1 + self.scale * min(max(rng.standard_normal(), -1), 1)
        rotation = self.rotation * min(max(rng.standard_normal(), -2), 2) * (rng.random() < self.rotation_prob)
        return scale, rotation, rng.random() < self.mirror_prob

    def frame(self, box, keypoints, aspect, rng):
        """A person's frame (centre, size) px, or that of half the body, or moved. Source: OpenMMLab's transforms.

        aspect: width / height of the frame.
        """
        center, size = geometry.crop_frame(box, aspect)
        labelled = keypoints[:, 2] > 0  # (17,)
        if self.half_body_prob and labelled.sum() > 8 and rng.random() < self.half_body_prob:
            halves = [half for half in (labelled & UPPER, labelled & ~UPPER) if half.sum() > 2]
            points = keypoints[halves[rng.integers(len(halves))], :2]
            low, high = points.min(axis=0), points.max(axis=0)
            center, size = geometry.crop_frame((*low, *np.maximum(high - low, 1)), aspect, padding=1.5)
        if self.translate and rng.random() < self.translate_prob:
            center = center + size * np.clip(self.translate * rng.standard_normal(2), -self.translate, self.translate)
        return center, size

    def paint(self, crop, rng):
        """Change the colours of a crop (3, H, W), a uint8 array, and erase a part of it, as drawn; in place."""
        if self.color:
            gain, offset = 1 + self.color * rng.uniform(-1, 1, (3, 1, 1)), 255 * self.color * rng.uniform(-1, 1)
            crop[:] = (crop * gain.astype(np.float32) + np.float32(offset)).clip(0, 255)
        if self.erase_prob and rng.random() < self.erase_prob:  # Zhong et al. 2020
            sides = np.array(crop.shape[1:])
            size = (sides * rng.uniform(0.2, 0.5, 2)).astype(int)
            (top, left), (height, width) = rng.integers(0, sides - size), size
            crop[:, top : top + height, left : left + width] = rng.integers(0, 256, (3, 1, 1))


MIRROR_ONLY = Augmentation(scale=0.0, rotation=0.0, rotation_prob=0.0)
