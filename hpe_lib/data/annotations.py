"""COCO's keypoint files and results: where they lie, reading them, and saying exactly what is wrong with them."""

import json
from pathlib import Path

import numpy as np


def annotation_file(root, split):
    """Where COCO keeps the keypoints of a split ("train" or "val")."""
    return Path(root) / "annotations" / f"person_keypoints_{split}2017.json"


def read_annotations(source, masks=True):
    """Read COCO keypoint annotations and check every number in them that the course relies on.

    source: a file, or what has been read already: a dictionary as in the file, or a pycocotools COCO object. masks:
    False leaves "segmentation" out while a file is read, which takes a third less memory.
    Returns the dictionary of lists "images", "annotations", "categories"; `iscrowd` and `num_keypoints` are filled in
    where a file lacks them. FileNotFoundError for a missing file, ValueError for a damaged one, naming the annotation.
    """
    name, content = "annotations", getattr(source, "dataset", source)
    if not isinstance(content, dict):
        name, content = str(source), _read_json(Path(source), masks)
    for field in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(field), list):
            raise ValueError(f"{name}: not COCO keypoint annotations, the list {field!r} is missing")
        if not all(isinstance(entry, dict) and "id" in entry for entry in content[field]):
            raise ValueError(f"{name}: an entry of {field!r} has no id; every entry is a dict with its own id")
    if len(content["categories"]) != 1 or not content["images"]:
        raise ValueError(f"{name}: needs at least one image, and exactly one category, the person")
    people, known, seen = content["annotations"], {image["id"] for image in content["images"]}, {0}
    owners = [f"{name}: annotation {person['id']} of image {person.get('image_id')}" for person in people]
    keypoints = stack_field(people, "keypoints", (51,), owners)
    stack_field(people, "bbox", (4,), owners)
    stack_field(people, "area", (), owners)
    filled = []
    for owner, person, points in zip(owners, people, keypoints):
        if person["id"] in seen:  # pycocotools takes a match with id 0 for no match
            raise ValueError(f"{owner}: ids must differ, and none may be 0; number the annotations from 1")
        if person.get("category_id") != content["categories"][0]["id"]:
            raise ValueError(f"{owner}: needs the category_id of the person category")
        if person.get("image_id") not in known:
            raise ValueError(f"{owner}: that image is not in the file; add it, or remove the annotation")
        seen.add(person["id"])
        filled.append({"iscrowd": 0, "num_keypoints": int((points[2::3] > 0).sum()), **person})
    return content | {"annotations": filled}


def _read_json(file, masks=True):
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such file; give the path of a COCO person_keypoints_*.json")
    try:
        return json.loads(file.read_text(encoding="utf-8"), object_hook=None if masks else _without_mask)
    except ValueError as error:
        raise ValueError(f"{file}: not a JSON file ({error}); download or write it again") from None


def _without_mask(entry):
    entry.pop("segmentation", None)
    return entry


def sample(content, images, seed=0):
    """Keep a random few images of an annotation dictionary, and all annotations of those.

    Keeps everything where there are no more than that, so that notebooks take minutes on all of COCO too.
    """
    if len(content["images"]) <= images:
        return content
    chosen = np.random.default_rng(seed).choice(len(content["images"]), images, replace=False)
    kept = [content["images"][index] for index in sorted(chosen)]
    names = {image["id"] for image in kept}
    return content | {"images": kept, "annotations": [a for a in content["annotations"] if a["image_id"] in names]}


def read_results(results, dataset):
    """Check COCO keypoint results against annotations (as `read_annotations` gives them) -> clean copies, with area.

    As in pycocotools, area is the bbox's where the first result has a bbox, else that of the box round all 17 points.
    ValueError, with index and image id, for a missing field, wrong numbers, another category, an unknown image.
    """
    image_ids, category_id = {image["id"] for image in dataset["images"]}, dataset["categories"][0]["id"]
    if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
        raise ValueError("results must be a list of dicts with image_id, category_id, keypoints, score: one a person")
    owners = [f"result {index} (image {result.get('image_id')})" for index, result in enumerate(results)]
    scores = stack_field(results, "score", (), owners)
    keypoints = stack_field(results, "keypoints", (51,), owners)
    points = keypoints.reshape(-1, 17, 3)[..., :2]
    corner, far = points.min(axis=1), points.max(axis=1)
    boxes = np.concatenate([corner, far - corner], axis=1)  # (N, 4)
    if results and "bbox" in results[0]:
        boxes = stack_field(results, "bbox", (4,), owners)
    for owner, result in zip(owners, results):
        if result.get("category_id") != category_id:
            raise ValueError(f"{owner}: category_id must be {category_id}, the person, as in the annotations")
    unknown = {result.get("image_id"): None for result in results if result.get("image_id") not in image_ids}
    if unknown:
        some = ", ".join(map(str, [*unknown][:5])) + (", ..." if len(unknown) > 5 else "")
        raise ValueError(
            f"results name {len(unknown)} image id(s) that the annotations do not have: {some}; "
            "give the annotations of the same split, or leave these results out"
        )
    checked = []
    for result, points, score, box in zip(results, keypoints, scores.tolist(), boxes.tolist()):
        numbers = {"keypoints": points, "score": score, "bbox": box, "area": box[2] * box[3]}
        checked.append({"image_id": result["image_id"], "category_id": category_id, **numbers})
    return checked


def read_boxes(file, image_ids, split):
    """Read a detector's boxes of people -> list of (entry, (image id, box (4,) px, score)), other categories left out.

    image_ids: those of the split. Raises ValueError that names the file and the entry.
    """
    try:
        entries = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} is not a list of detections in JSON ({error}): check the path") from None
    if not isinstance(entries, list):
        raise ValueError(f"{file} is not a list of detections in JSON (it holds one {type(entries).__name__})")
    boxes = []
    for index, entry in enumerate(entries):
        if not (isinstance(entry, dict) and {"image_id", "bbox", "score"} <= entry.keys() and len(entry["bbox"]) == 4):
            raise ValueError(f"{file}, entry {index}: a detection needs image_id, bbox (4 numbers) and score")
        if entry.get("category_id", 1) != 1:
            continue
        if entry["image_id"] not in image_ids:
            raise ValueError(f"{file}, entry {index}: image {entry['image_id']} is not in the annotations of {split}")
        boxes.append((index, (entry["image_id"], entry["bbox"], float(entry["score"]))))
    return boxes


def clean_box(box, width, height):
    """Cut a box to its image as the official code does; None where nothing is left. All px."""
    x, y, w, h = box
    left, top = max(0, x), max(0, y)
    right, bottom = min(width - 1, left + max(0, w - 1)), min(height - 1, top + max(0, h - 1))
    if right < left or bottom < top:
        return None
    return np.array([left, top, right - left, bottom - top], dtype=np.float64)


def boxes_in_image(boxes, width, height):
    """Boxes (M, 4) x, y, width, height in px, each cut to its image -> list of (4,). ValueError: nothing left."""
    inside = []
    for box in boxes:
        x, y, w, h = box
        clean = clean_box((x, y, w + 1, h + 1), width, height)  # a box inside the image stays as it is
        if clean is None or not (clean[2:] > 0).all():
            raise ValueError(
                f"box {tuple(map(float, box))} has no part inside the {width} x {height} px image: "
                f"a box is x, y, width, height, counted in px from the top left corner"
            )
        inside.append(clean)
    return inside


def stack_field(items, field, shape, owners):
    """Stack one field of N dicts -> (N, *shape) float64; ValueError, with its owner, for the first that cannot be."""
    try:
        values = np.array([item[field] for item in items], dtype=np.float64).reshape(-1, *shape)
        if len(values) == len(items) and np.isfinite(values).all():
            return values
    except (KeyError, TypeError, ValueError):
        pass
    if len(items) > 1:  # one of them is wrong: look at each alone
        return np.concatenate([stack_field([item], field, shape, [owner]) for item, owner in zip(items, owners)])
    if field not in items[0]:
        raise ValueError(f"{owners[0]} has no {field!r}; add it, or leave this person out")
    count = int(np.prod(shape))
    raise ValueError(f"{owners[0]}: {field} must be {count} finite number{'s' * (count > 1)}; correct or remove it")
