"""A folder in COCO's layout: find one, and list the people in it."""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpe_lib import synthetic
from hpe_lib.data.annotations import annotation_file, clean_box, images_by_id, read_annotations, read_boxes
from hpe_lib.machine import cache_folder


def find(source=None):
    """Return the folder of a data set in COCO's layout, drawing the built-in one on first use.

    source: a folder, "synthetic", or "photographs" (19 photographs with their labels, CC BY, in the package); None
    means the environment variable HPE_DATA, else "synthetic".
    Raises FileNotFoundError that says what is missing and what to do.
    """
    source = source or os.environ.get("HPE_DATA") or "synthetic"
    if source == "synthetic":
        root = cache_folder() / f"synthetic-v{synthetic.VERSION}"
        return synthetic.make(root)  # nothing is drawn where it is there whole
    if source == "photographs":
        return Path(__file__).parent.parent / "photographs"
    root = Path(source).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"no folder {root}: give a COCO folder (see the README), 'synthetic', or 'photographs'")
    if not any(annotation_file(root, split).is_file() for split in ("train", "val")):
        raise FileNotFoundError(
            f"{root} has no annotations/person_keypoints_val2017.json: a COCO folder holds annotations/, train2017/ "
            f"and val2017/. Unpack COCO's archives into one folder and name that folder"
        )
    return root


@dataclass(slots=True)
class Person:
    """One person of a data set: where the image is, the box, and the labels where there are any."""

    file: Path
    image_id: int
    annotation_id: int
    box: np.ndarray  # (4,) x, y, width, height in px
    keypoints: np.ndarray  # (17, 3) x, y in px and visibility 0, 1, 2; zeros where there are no labels
    score: float = 1.0  # of the detector that found the box
    image_wh: tuple | None = None  # (width, height) px of the image, where known


def persons(root, split, annotations=None):
    """List the people of a split that a network can learn from: labelled, not a crowd, with a box inside the image.

    annotations: the dictionary that `read_annotations` gave, where it is at hand. Returns a list of `Person`.
    Boxes of no size or outside their image are left out with one warning that names them.
    """
    content = annotations or read_annotations(annotation_file(root, split), masks=False)
    images = images_by_id(content, annotation_file(root, split))
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
        size = image["width"], image["height"]
        found.append(Person(file, image["id"], annotation["id"], box, keypoints, image_wh=size))
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
    images, found = images_by_id(content, annotation_file(root, split)), []
    for index, (image_id, box, score) in read_boxes(file, images, split):
        image = images[image_id]
        box = clean_box(box, image["width"], image["height"])
        if box is not None and (box[2:] > 0).all():
            path = Path(root) / f"{split}2017" / image["file_name"]
            found.append(Person(path, image_id, index, box, np.zeros((17, 3)), score))
    return found
