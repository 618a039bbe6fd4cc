"""Folders in COCO's layout: find one, list its people, cut them out for the network.

`python -m hpe_lib.data check` reads a whole folder and says what is in it; `draw` makes a drawn one of any size.
"""

import argparse
import json
import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from hpe_lib import geometry, synthetic
from hpe_lib.annotations import annotation_file, read_annotations, sample
from hpe_lib.errors import run_command
from hpe_lib.skeleton import FLIP_ORDER

__all__ = [
    "MIRROR_ONLY",
    "Augmentation",
    "CropDataset",
    "Person",
    "annotation_file",
    "cache_folder",
    "clean_box",
    "detected_persons",
    "find",
    "normalise",
    "persons",
    "read_annotations",
    "read_image",
    "sample",
    "warp",
]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB, of ImageNet


def cache_folder():
    """The folder where this user's programs keep what can be made again; HPE_CACHE names another."""
    if os.environ.get("HPE_CACHE"):
        return Path(os.environ["HPE_CACHE"])
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")
    return Path(base) / "hpe_course"


def find(source=None):
    """Return the folder of a data set in COCO's layout, drawing the built-in one on first use.

    source: a folder, or "synthetic"; None means the environment variable HPE_DATA, else "synthetic".
    Raises FileNotFoundError that says what is missing and what to do.
    """
    source = source or os.environ.get("HPE_DATA") or "synthetic"
    if source == "synthetic":
        root = cache_folder() / f"synthetic-v{synthetic.VERSION}"
        return root if root.is_dir() else synthetic.make(root)
    root = Path(source).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"no folder {root}: give a COCO folder (see the README), or 'synthetic'")
    if not any(annotation_file(root, split).is_file() for split in ("train", "val")):
        raise FileNotFoundError(
            f"{root} has no annotations/person_keypoints_val2017.json: a COCO folder holds annotations/, train2017/ "
            f"and val2017/. Unpack COCO's archives into one folder and name that folder"
        )
    return root


@dataclass(slots=True)
class Person:
    """One person of a data set: where the picture is, the box, and the labels where there are any."""

    file: Path
    image_id: int
    annotation_id: int
    box: np.ndarray  # (4,) x, y, width, height in px
    keypoints: np.ndarray  # (17, 3) x, y in px and visibility 0, 1, 2; zeros where there are no labels
    score: float = 1.0  # of the detector that found the box


def clean_box(box, width, height):
    """Cut a box to its image as the official code does; None where nothing is left. All px."""
    x, y, w, h = box
    left, top = max(0, x), max(0, y)
    right, bottom = min(width - 1, left + max(0, w - 1)), min(height - 1, top + max(0, h - 1))
    if right < left or bottom < top:
        return None
    return np.array([left, top, right - left, bottom - top], dtype=np.float64)


def persons(root, split, annotations=None):
    """List the people of a split that a network can learn from: labelled, not a crowd, with a box inside the image.

    annotations: the dictionary that `read_annotations` gave, where it is at hand. Returns a list of `Person`.
    Boxes of no size or outside their image are left out with one warning that names them.
    """
    content = annotations or read_annotations(annotation_file(root, split))
    images = {image["id"]: image for image in content["images"]}
    found, lost = [], []
    for annotation in content["annotations"]:
        keypoints = np.array(annotation["keypoints"], dtype=np.float64).reshape(17, 3)
        if annotation.get("iscrowd") or not (keypoints[:, 2] > 0).any():
            continue
        image = images[annotation["image_id"]]
        box = clean_box(annotation["bbox"], image["width"], image["height"])
        if box is None or annotation.get("area", 1) <= 0 or not (box[2:] > 0).all():
            lost.append(annotation["id"])
            continue
        file = Path(root) / f"{split}2017" / image["file_name"]
        found.append(Person(file, image["id"], annotation["id"], box, keypoints))
    if lost:
        names = ", ".join(map(str, lost[:5])) + (" ..." if len(lost) > 5 else "")
        warnings.warn(
            f"{len(lost)} people left out: box of no size or outside the image (annotation {names})", stacklevel=2
        )
    return found


def detected_persons(root, split, file, annotations=None):
    """List the people that a detector found: COCO's result format, [{"image_id", "bbox", "score"}, ...].

    Only category 1 (person) and images of this split count. Raises ValueError that names the file and the entry.
    """
    content = annotations or read_annotations(annotation_file(root, split))
    images = {image["id"]: image for image in content["images"]}
    try:
        boxes = json.loads(Path(file).read_text(encoding="utf-8"))
        assert isinstance(boxes, list)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, AssertionError) as error:
        raise ValueError(f"{file} is not a list of detections in JSON ({error}): check the path") from None
    found = []
    for index, entry in enumerate(boxes):
        if not (isinstance(entry, dict) and {"image_id", "bbox", "score"} <= entry.keys() and len(entry["bbox"]) == 4):
            raise ValueError(f"{file}, entry {index}: a detection needs image_id, bbox (4 numbers) and score")
        if entry.get("category_id", 1) != 1:
            continue
        if entry["image_id"] not in images:
            raise ValueError(f"{file}, entry {index}: image {entry['image_id']} is not in the annotations of {split}")
        image = images[entry["image_id"]]
        box = clean_box(entry["bbox"], image["width"], image["height"])
        if box is not None and (box[2:] > 0).all():
            path = Path(root) / f"{split}2017" / image["file_name"]
            found.append(Person(path, image["id"], index, box, np.zeros((17, 3)), float(entry["score"])))
    return found


def read_image(file):
    """Read a picture as RGB, (H, W, 3) uint8; grey and CMYK files too. Errors name the file."""
    try:
        with Image.open(file) as image:
            return np.asarray(image.convert("RGB"))
    except FileNotFoundError:
        raise FileNotFoundError(f"no picture {file}: check the path, or that the images are unpacked") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{file} is not a readable picture ({error}): copy or download it again") from None


def warp(image, matrix, output_wh):
    """Cut out a crop: bilinear, black outside the image.

    image: (H, W, 3) uint8. matrix: (2, 3) image px to crop px. Returns (height, width, 3) uint8.
    """
    back = geometry.invert(matrix)
    back[:, 2] += 0.5 - back[:, :2].sum(axis=1) / 2  # Pillow puts pixel centres on halves
    crop = Image.fromarray(image).transform(
        tuple(output_wh), Image.Transform.AFFINE, tuple(back.ravel()), Image.Resampling.BILINEAR
    )
    return np.asarray(crop)


def normalise(images):
    """uint8 RGB crops (N, 3, H, W) -> float32 with ImageNet's mean 0 and deviation 1, on the same device."""
    mean, std = (torch.tensor(value, device=images.device).view(3, 1, 1) for value in (MEAN, STD))
    return (images.float() / 255 - mean) / std


@dataclass(frozen=True)
class Augmentation:
    """Random changes while training; the defaults are the paper's. All zero: none."""

    scale: float = 0.3  # frame size x clip(1 + scale * normal, 1 - scale, 1 + scale)
    rotation: float = 40.0  # degrees: clip(rotation * normal, -2 rotation, 2 rotation) ...
    rotation_share: float = 0.6  # ... for this share of the samples
    mirror_share: float = 0.5

    def draw(self, rng):
        """Draw (scale factor, rotation in degrees, mirror or not) from a NumPy generator."""
        scale = np.clip(1 + self.scale * rng.standard_normal(), 1 - self.scale, 1 + self.scale)
        rotation = np.clip(self.rotation * rng.standard_normal(), -2 * self.rotation, 2 * self.rotation)
        rotation *= rng.random() < self.rotation_share
        return scale, rotation, rng.random() < self.mirror_share


MIRROR_ONLY = Augmentation(scale=0.0, rotation=0.0, rotation_share=0.0)


class CropDataset(torch.utils.data.Dataset):
    """People cut out of their images, with their keypoints in crop px.

    An item: image (3, H, W) uint8 RGB, keypoints (17, 2) crop px, labelled (17,), index of the person. The rest, from
    normalising to drawing heatmaps, is done a batch at a time on the network's device. The draw of the augmentation
    depends on seed, epoch and person only, so that a run can be repeated whatever the number of workers.
    """

    def __init__(self, people, input_wh=(192, 256), augmentation=None, seed=0, keep_images=False):
        """input_wh: (W, H) px. keep_images: decode each file once and keep its crops in memory (about 40 kB a person
        at 96 x 128 when the augmentation only mirrors)."""
        self.people, self.input_wh, self.augmentation, self.seed = people, tuple(input_wh), augmentation, seed
        self.epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # workers see it change
        self.kept = {} if keep_images else None

    def __len__(self):
        return len(self.people)

    def matrix(self, index):
        """The (2, 3) matrix of a person's crop, image px to crop px, without augmentation."""
        center, size = geometry.crop_frame(self.people[index].box, self.input_wh[0] / self.input_wh[1])
        return geometry.crop_matrix(center, size, self.input_wh)

    def _augmented(self, index):
        """(2, 3) matrix of this epoch's random crop, and whether it mirrors."""
        rng = np.random.default_rng([self.seed, int(self.epoch), index])
        scale, rotation, mirror = self.augmentation.draw(rng)
        center, size = geometry.crop_frame(self.people[index].box, self.input_wh[0] / self.input_wh[1])
        matrix = geometry.crop_matrix(center, size * scale, self.input_wh, rotation)
        if mirror:  # about the frame's centre, which lies at half the crop's width: x -> W - x
            matrix = geometry.compose([[-1, 0, self.input_wh[0]], [0, 1, 0]], matrix)
        return matrix, mirror

    def _picture(self, index):
        """The person's image, and the (2, 3) matrix from the annotation's px to the px of that image."""
        if self.kept is None:
            return read_image(self.people[index].file), np.eye(2, 3)
        if index not in self.kept:
            wide, change = np.array(self.input_wh), self.augmentation
            if change and (change.rotation or change.scale):
                wide = np.ceil([np.hypot(*wide) * (1 + change.scale)] * 2).astype(int)  # all that any draw can reach
            matrix = self.matrix(index)
            matrix[:, 2] += (wide + 2 - self.input_wh) / 2
            self.kept[index] = warp(read_image(self.people[index].file), matrix, wide + 2), matrix
        return self.kept[index]

    def __getitem__(self, index):
        matrix, mirror = self._augmented(index) if self.augmentation else (self.matrix(index), False)
        image, offset = self._picture(index)
        crop = warp(image, geometry.compose(matrix, geometry.invert(offset)), self.input_wh)  # (H, W, 3)
        labels = self.people[index].keypoints  # (17, 3)
        keypoints, labelled = geometry.transform(labels[:, :2], matrix), labels[:, 2] > 0
        if mirror:  # the mirrored person's left hand is a right hand
            keypoints, labelled = keypoints[FLIP_ORDER], labelled[FLIP_ORDER]
        return {
            "image": torch.from_numpy(crop.transpose(2, 0, 1).copy()),
            "keypoints": torch.from_numpy(keypoints.astype(np.float32)),
            "labelled": torch.from_numpy(labelled.astype(np.float32)),
            "index": index,
        }


def check(root, images=True):
    """Read every annotation (and picture) of a folder. Returns lines that say what is there; errors name the file."""
    lines = []
    for split in ("train", "val"):
        file = annotation_file(root, split)
        if not file.is_file():
            lines.append(f"{split}: no {file}")
            continue
        content = read_annotations(file)
        people = persons(root, split, content)
        labels = sum(int((person.keypoints[:, 2] > 0).sum()) for person in people)
        lines.append(
            f"{split}: {len(content['images']):,} images, {len(content['annotations']):,} annotations, "
            f"{len(people):,} people to learn from, {labels:,} labelled keypoints"
        )
        for image in tqdm(content["images"] if images else (), desc=f"reading {split}", unit="image"):
            height, width = read_image(Path(root) / f"{split}2017" / image["file_name"]).shape[:2]
            if (width, height) != (image["width"], image["height"]):
                raise ValueError(
                    f"{image['file_name']} is {width} x {height} px but {file} says {image['width']} x "
                    f"{image['height']}: the folder mixes two versions of the images; unpack them again"
                )
    return lines


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m hpe_lib.data", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    look = commands.add_parser("check", help="read everything in a folder and say what is there")
    look.add_argument("--data", help="'synthetic' or a COCO-layout folder (default: HPE_DATA, else synthetic)")
    look.add_argument("--no-images", action="store_true", help="read the annotations only")
    draw = commands.add_parser("draw", help="draw people in COCO's layout")
    draw.add_argument("--out", type=Path, required=True, help="the folder to make")
    draw.add_argument("--train-images", type=int, default=1500)
    draw.add_argument("--val-images", type=int, default=300)
    draw.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    if args.command == "draw":
        synthetic.make(args.out, args.train_images, args.val_images, args.seed)
    root = args.out if args.command == "draw" else find(args.data)
    print(root, *check(root, args.command == "check" and not args.no_images), sep="\n")


if __name__ == "__main__":
    run_command(main)
