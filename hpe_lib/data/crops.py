"""From a picture to the network's input: read, cut out, augment, normalise."""

import math
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from simplejpeg import decode_jpeg

from hpe_lib import geometry
from hpe_lib.skeleton import FLIP_ORDER, KEYPOINTS

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB, of ImageNet
UPPER = np.arange(len(KEYPOINTS)) < KEYPOINTS.index("left_hip")  # (17,) face, shoulders, elbows, wrists


def read_image(file):
    """Read a picture as RGB, (H, W, 3) uint8; grey and CMYK files too. Errors name the file."""
    try:
        with Image.open(file) as image:
            if (image.format, image.mode) == ("JPEG", "RGB"):
                with suppress(ValueError):  # damaged: Pillow says what is wrong
                    return decode_jpeg(Path(file).read_bytes())  # the same pixels in less time
            return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    except FileNotFoundError:
        raise FileNotFoundError(f"no picture {file}: check the path, or that the images are unpacked") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{file} is not a readable picture ({error}): copy or download it again") from None


def warp(image, matrix, output_wh):
    """Cut out a crop: bilinear, black outside the image.

    image: (H, W, 3) uint8. matrix: (2, 3) image px to crop px. Returns (height, width, 3) uint8.
    """
    crop = np.empty((3, output_wh[1], output_wh[0]), np.uint8)
    _fill(crop, image, matrix)
    return np.ascontiguousarray(crop.transpose(1, 2, 0))


def _fill(crop, image, matrix):
    """Fill `crop` (3, height, width) uint8 as `warp` does."""
    (height, width), back = crop.shape[1:], geometry.invert(matrix)
    if _fill_whole_pixels(crop, image, back):
        return
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


def normalise(images):
    """uint8 RGB crops (N, 3, H, W) -> float32 with ImageNet's mean 0 and deviation 1, on the same device."""
    mean, std = _mean_and_std(images.device)
    return (images.float() / 255 - mean) / std


@cache
@torch.inference_mode(False)  # kept for training too, whoever asks first
def _mean_and_std(device):
    """(3, 1, 1) each; made once, since copying even three numbers to a GPU waits until it has finished its work."""
    return tuple(torch.tensor(value, device=device).view(3, 1, 1) for value in (MEAN, STD))


@dataclass(frozen=True)
class Augmentation:
    """Random changes while training; the defaults are the paper's. All zero: none."""

    scale: float = 0.3  # frame size x clip(1 + scale * normal, 1 - scale, 1 + scale)
    rotation: float = 40.0  # degrees: clip(rotation * normal, -2 rotation, 2 rotation) ...
    rotation_share: float = 0.6  # ... for this share of the samples
    mirror_share: float = 0.5
    half_body_share: float = 0.0  # of the people with more than 8 labels, only the upper or the lower half is framed
    shift: float = 0.0  # the frame moves by clip(shift * normal, -shift, shift) of its size in x and in y ...
    shift_share: float = 0.3  # ... for this share of the samples
    color: float = 0.0  # each channel x (1 + color * uniform(-1, 1)), and + 255 * color * uniform(-1, 1) for all
    cover_share: float = 0.0  # of the samples, a rectangle of a fifth to half of the crop's sides hides what is there

    def __str__(self):
        """What it does, in a line: "scale 0.3, rotation 40, rotation_share 0.6, mirror_share 0.5"."""
        idle = {f"{name}_share" for name in ("rotation", "shift") if not getattr(self, name)}
        does = {name: value for name, value in asdict(self).items() if value and name not in idle}
        return ", ".join(f"{name} {value:g}" for name, value in does.items()) or "nothing"

    def draw(self, rng):
        """Draw (scale factor, rotation in degrees, mirror or not) from a NumPy generator."""
        scale = 1 + self.scale * min(max(rng.standard_normal(), -1), 1)
        rotation = self.rotation * min(max(rng.standard_normal(), -2), 2) * (rng.random() < self.rotation_share)
        return scale, rotation, rng.random() < self.mirror_share

    def frame(self, box, keypoints, aspect, rng):
        """A person's frame (centre, size), or that of half the body, or moved. Source: OpenMMLab's transforms.

        box: (4,) px. keypoints: (17, 3) px and visibility. aspect: width / height of the frame.
        """
        center, size = geometry.crop_frame(box, aspect)
        labelled = keypoints[:, 2] > 0  # (17,)
        if self.half_body_share and labelled.sum() > 8 and rng.random() < self.half_body_share:
            halves = [half for half in (labelled & UPPER, labelled & ~UPPER) if half.sum() > 2]
            points = keypoints[halves[rng.integers(len(halves))], :2]
            low, high = points.min(axis=0), points.max(axis=0)
            center, size = geometry.crop_frame((*low, *np.maximum(high - low, 1)), aspect, padding=1.5)
        if self.shift and rng.random() < self.shift_share:
            center = center + size * np.clip(self.shift * rng.standard_normal(2), -self.shift, self.shift)
        return center, size

    def paint(self, crop, rng):
        """Change the colours of a crop (3, H, W), a uint8 array, and cover a part of it, as drawn; in place."""
        if self.color:
            gain, offset = 1 + self.color * rng.uniform(-1, 1, (3, 1, 1)), 255 * self.color * rng.uniform(-1, 1)
            crop[:] = (crop * gain.astype(np.float32) + np.float32(offset)).clip(0, 255)
        if self.cover_share and rng.random() < self.cover_share:
            sides = np.array(crop.shape[1:])
            size = (sides * rng.uniform(0.2, 0.5, 2)).astype(int)
            (top, left), (height, width) = rng.integers(0, sides - size), size
            crop[:, top : top + height, left : left + width] = rng.integers(0, 256, (3, 1, 1))


MIRROR_ONLY = Augmentation(scale=0.0, rotation=0.0, rotation_share=0.0)


class CropDataset(torch.utils.data.Dataset):
    """People cut out of their images, with their keypoints in crop px.

    An item: image (3, H, W) uint8 RGB, keypoints (17, 2) crop px, labelled (17,), index of the person. The rest, from
    normalising to drawing heatmaps, is done a batch at a time on the network's device. The draw of the augmentation
    depends on seed, epoch and person only, so that a run can be repeated whatever the number of workers.
    """

    def __init__(self, people, input_wh=(192, 256), augmentation=None, seed=0, keep_images=False, pictures=None):
        """input_wh: (W, H) px. keep_images: decode each file once and keep its crops in memory (about 40 kB a person
        at 96 x 128 when the augmentation only mirrors). Half bodies and shifted frames need the file each time."""
        self.people, self.input_wh, self.augmentation, self.seed = people, tuple(input_wh), augmentation, seed
        self.epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # workers see it change
        wide = augmentation and (augmentation.half_body_share or augmentation.shift)  # beyond what a kept crop holds
        self.kept = {} if keep_images and not wide else None
        self.pictures, self.last = pictures, (None, None)  # file and picture that were read last
        self.of_file = {}
        for index, person in enumerate(people if self.kept is not None else ()):
            self.of_file.setdefault(str(person.file), []).append(index)
        # Arrays, since reading an object writes its counter: each worker process would soon hold its own copy of all
        self.files = np.array([str(person.file) for person in people])
        self.boxes = np.array([person.box for person in people]).reshape(-1, 4)
        self.keypoints = np.array([person.keypoints for person in people]).reshape(-1, 17, 3)

    def __len__(self):
        return len(self.people)

    def matrix(self, index):
        """The (2, 3) matrix of a person's crop, image px to crop px, without augmentation."""
        center, size = geometry.crop_frame(self.boxes[index], self.input_wh[0] / self.input_wh[1])
        return geometry.crop_matrix(center, size, self.input_wh)

    def _augmented(self, index, rng):
        """(2, 3) matrix of this epoch's random crop, and whether it mirrors."""
        scale, rotation, mirror = self.augmentation.draw(rng)
        aspect = self.input_wh[0] / self.input_wh[1]
        center, size = self.augmentation.frame(self.boxes[index], self.keypoints[index], aspect, rng)
        matrix = geometry.crop_matrix(center, size * scale, self.input_wh, rotation)
        if mirror:  # about the frame's centre, which lies at half the crop's width: x -> W - x
            matrix = geometry.compose([[-1, 0, self.input_wh[0]], [0, 1, 0]], matrix)
        return matrix, mirror

    def _read(self, file):
        if self.pictures is not None:
            return self.pictures[file]
        if self.last[0] != file:  # the people of one image often follow each other
            self.last = file, read_image(file)
        return self.last[1]

    def _picture(self, index):
        """The person's image, and the (2, 3) matrix from the annotation's px to its px (None: they are the same)."""
        if self.kept is None:
            return self._read(self.files[index]), None
        if index not in self.kept:
            wide, change = np.array(self.input_wh), self.augmentation
            if change and (change.rotation or change.scale):
                wide = np.ceil([np.hypot(*wide) * (1 + change.scale)] * 2).astype(int)  # all that any draw can reach
            file = self.files[index]
            image = self._read(file)
            for other in self.of_file[file]:  # decoded once for all of them
                matrix = self.matrix(other)
                matrix[:, 2] += (wide + 2 - self.input_wh) / 2
                self.kept[other] = warp(image, matrix, wide + 2), matrix
        return self.kept[index]

    def __getitem__(self, index):
        """The item of an index, or the batch of a list of them: (N, 3, H, W), (N, 17, 2), (N, 17), (N,)."""
        if not isinstance(index, list):
            return {name: value[0] for name, value in self[[index]].items()}
        images = np.empty((len(index), 3, *self.input_wh[::-1]), np.uint8)
        keypoints, labelled = np.empty((len(index), 17, 2), np.float32), np.empty((len(index), 17), np.float32)
        for place, person in enumerate(index):
            rng = np.random.default_rng([self.seed, int(self.epoch), person])
            matrix, mirror = self._augmented(person, rng) if self.augmentation else (self.matrix(person), False)
            image, offset = self._picture(person)
            _fill(images[place], image, matrix if offset is None else geometry.compose(matrix, geometry.invert(offset)))
            if self.augmentation:
                self.augmentation.paint(images[place], rng)
            labels = self.keypoints[person]  # (17, 3)
            if mirror:  # the mirrored person's left hand is a right hand
                labels = labels[FLIP_ORDER]
            keypoints[place], labelled[place] = geometry.transform(labels[:, :2], matrix), labels[:, 2] > 0
        arrays = {"image": images, "keypoints": keypoints, "labelled": labelled, "index": np.array(index)}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}
