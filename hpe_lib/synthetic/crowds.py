"""Pictures with a chosen number of people, all of about one size: what is measured as a crowd grows."""

import json
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from . import dataset
from .body import person
from .figure import wardrobe
from .render import Camera
from .scenes import depth_of, develop, jpeg, photograph, shared
from .surroundings import background

COUNTS = (1, 2, 3, 4, 6, 8, 10, 13, 16, 20)
"""How many people the pictures of a validation split show."""


def crowd(rng, people, size=(640, 480)):
    """Draw a picture of so many people, each 0.24 to 0.4 of its height -> image (H, W, 3) uint8, annotation dicts.

    They stand where they like on the floor, at most half of a box behind another; hidden joints are labelled (v = 1).
    """
    width, height = size
    camera = Camera(size, max(size) * rng.uniform(1.0, 1.4), height=rng.uniform(2.0, 3.2))
    far = depth_of(camera.focal, 0.3) * 480 / height
    camera.pitch = float(np.degrees(np.arctan2(camera.height - 0.9, far)))
    placed, boxes, limit = [], [], 0.5
    while len(placed) < people:
        for _ in range(300):
            one = person(rng)
            z = depth_of(camera.focal, np.exp(rng.uniform(np.log(0.24), np.log(0.4)))) * 480 / height
            one = one.placed(rng.uniform(-0.45, 0.45) * width * z / camera.focal, -z, 0.0)
            seen = camera.project(camera.see(one.keypoints))
            low, high = seen.min(axis=0) - 4, seen.max(axis=0) + 4
            if (low < 0).any() or (high > size).any():
                continue
            if all(shared((low, high), box) <= limit for box in boxes):
                placed.append(one)
                boxes.append((low, high))
                break
        else:
            limit += 0.1  # too full: let them stand closer
    light = (np.array([rng.uniform(-1, 1), rng.uniform(0.4, 1.2), rng.uniform(0.2, 1)]), rng.uniform(0.4, 0.7))
    looks = [wardrobe(rng) for _ in placed]
    image, found = photograph(camera, placed, looks, (), background(rng, camera, placed), light, rng.uniform(0.2, 0.7))
    found = [one for one in found if one is not None]
    for one in found:
        del one["mask"]
    return develop(rng, image), found


def make_crowds(folder, train_images=600, each=12, seed=0, workers=None, progress=True):
    """Draw crowds into `folder`, in COCO's layout: training pictures of 1 to 20 people, and `each` of every COUNTS.

    As `dataset.make`: complete or not there at all; FileExistsError when `folder` holds something else.
    """
    settings = {"version": dataset.VERSION, "seed": seed, "crowds": each, "train_images": train_images}
    return dataset.whole_folder(folder, settings, lambda building: _build(building, settings, workers, progress))


def _build(folder, settings, workers, progress):
    for name in ("annotations", "train2017", "val2017"):
        (folder / name).mkdir(parents=True)
    jobs = [("train", index, 1 + index % 20) for index in range(settings["train_images"])]
    jobs += [("val", index, count) for index, count in enumerate(np.repeat(COUNTS, settings["crowds"]).tolist())]
    files = {split: {**dataset.head(settings), "images": [], "annotations": []} for split in ("train", "val")}
    drawn = dataset.run(partial(_draw, str(folder), settings["seed"]), jobs, workers)
    for (split, _, _), (image, annotations) in zip(
        jobs, tqdm(drawn, "drawing crowds", len(jobs), disable=not progress)
    ):
        files[split]["images"].append(image)
        files[split]["annotations"] += annotations
    for split, content in files.items():
        path = folder / "annotations" / f"person_keypoints_{split}2017.json"
        path.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")
    (folder / "synthetic.json").write_text(json.dumps(settings), encoding="utf-8")


def _draw(folder, seed, job):
    """Draw one crowd, write it, and return its COCO entries."""
    split, index, people = job
    number = ("train", "val").index(split)
    image, annotations = crowd(np.random.default_rng([seed, 3 + number, index]), people)
    image_id = 2 * index + 1 + number
    name = f"{image_id:012d}.jpg"
    (Path(folder) / f"{split}2017" / name).write_bytes(jpeg(image))
    entry = {"id": image_id, "file_name": name, "width": image.shape[1], "height": image.shape[0], "license": 1}
    return entry, [{"id": 100 * image_id + k, "image_id": image_id, **one} for k, one in enumerate(annotations)]
