"""Folders in COCO's layout: find one, list its people, cut them out for the network.

`python -m hpe_lib.data check` reads a whole folder and says what is in it; `draw` makes a drawn one of any size;
`download` fetches COCO 2017; `pick` copies a choice of images.
"""

import argparse
import csv
import json
import os
import shutil
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from hpe_lib import download, synthetic
from hpe_lib.annotations import annotation_file, read_annotations, sample
from hpe_lib.crops import MIRROR_ONLY, Augmentation, CropDataset, normalise, read_image, warp
from hpe_lib.errors import run_command

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
    content = annotations or read_annotations(annotation_file(root, split), masks=False)
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


def pick(root, listed, out):
    """Copy a choice of images, with their people, into a folder `out` of the same layout.

    listed: a CSV file with the columns id (of an image in either split of `root`) and split (the one it goes to).
    FileNotFoundError or ValueError says which image is missing; then nothing is left behind.
    """
    if Path(out).exists():
        raise FileExistsError(f"{out} is there already: name a new folder")
    with open(listed, newline="", encoding="utf-8") as file:
        goal = {int(row["id"]): row["split"] for row in csv.DictReader(file)}
    sources = [split for split in ("train", "val") if annotation_file(root, split).is_file()]
    contents = {split: read_annotations(annotation_file(root, split)) for split in sources}
    where = {image["id"]: (split, image) for split in sources for image in contents[split]["images"]}
    if missing := sorted(goal.keys() - where.keys()):
        raise ValueError(f"{root} lacks {len(missing)} of the images in {listed}, the first is {missing[0]}")
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=Path(out).parent, ignore_cleanup_errors=True) as made:
        for split in ("train", "val"):
            chosen = {image_id for image_id, target in goal.items() if target == split}
            (Path(made) / f"{split}2017").mkdir()
            for image_id in sorted(chosen):
                source, image = where[image_id]
                name = image["file_name"]
                shutil.copyfile(Path(root) / f"{source}2017" / name, Path(made) / f"{split}2017" / name)
            people = [a for source in sources for a in contents[source]["annotations"] if a["image_id"] in chosen]
            content = contents[sources[0]] | {"images": [where[i][1] for i in sorted(chosen)], "annotations": people}
            file = annotation_file(made, split)
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps(content), encoding="utf-8")
        os.chmod(made, 0o755)
        os.rename(made, out)


def _download(args):
    try:
        root = download.coco(args.root, args.only, args.mirror, args.keep_archives)
    except KeyboardInterrupt as stopped:
        sys.exit(str(stopped))
    print(f"Name this folder: --data {root} in the commands, HPE_DATA={root.absolute()} for the notebooks.")


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
    fetch = commands.add_parser("download", help="fetch COCO 2017, 20 GB; the same command goes on after a break")
    fetch.add_argument("--root", type=Path, required=True, help="the folder to fill")
    fetch.add_argument("--only", choices=("val", "train"), help="leave the other images out; val: 1 GB instead of 20")
    fetch.add_argument("--mirror", action="append", default=[], help="instead of COCO's server; repeat: tried in order")
    fetch.add_argument("--keep-archives", action="store_true", help="do not delete what has been unpacked")
    choose = commands.add_parser("pick", help="copy the images that a list names into a folder of the same layout")
    choose.add_argument("--data", help="the COCO-layout folder to copy from (default: HPE_DATA)")
    choose.add_argument("--list", type=Path, required=True, help="a CSV file with the columns id and split")
    choose.add_argument("--out", type=Path, required=True, help="the folder to make")
    args = parser.parse_args(arguments)
    if args.command == "download":
        return _download(args)
    if args.command == "pick":
        pick(find(args.data), args.list, args.out)
    if args.command == "draw":
        synthetic.make(args.out, args.train_images, args.val_images, args.seed)
    root = args.out if args.command in ("draw", "pick") else find(args.data)
    print(root, *check(root, args.command == "check" and not args.no_images), sep="\n")


if __name__ == "__main__":
    run_command(main)
