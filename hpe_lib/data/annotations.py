"""The border: what comes from files and callers is checked here, once, and every message names what is wrong.

Annotations and results in COCO's keypoint format, detectors' boxes, and boxes that a caller gives.
"""

import json
from pathlib import Path, PurePosixPath

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
        name, content = str(source), read_json(source, "a COCO person_keypoints_*.json", masks)
    for field in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(field), list):
            raise ValueError(f"{name}: not COCO keypoint annotations, the list {field!r} is missing")
        if not all(isinstance(entry, dict) and is_whole(entry.get("id")) for entry in content[field]):
            raise ValueError(
                f"{name}: an entry of {field!r} has no id; every entry is a dict with its own whole number"
            )
    if len(content["categories"]) != 1 or not content["images"]:
        raise ValueError(f"{name}: needs at least one image, and exactly one category, the person")
    known = _known_images(content["images"], name)
    people, category = content["annotations"], content["categories"][0]["id"]
    owners = [f"{name}: annotation {person['id']} of image {short(person.get('image_id'))}" for person in people]
    keypoints = stack_field(people, "keypoints", (51,), owners)
    stack_field(people, "bbox", (4,), owners)
    stack_field(people, "area", (), owners)
    filled, seen = [], {0}
    for owner, person, points in zip(owners, people, keypoints):
        if person["id"] in seen:  # pycocotools takes a match with id 0 for no match
            raise ValueError(f"{owner}: ids must differ, and none may be 0; number the annotations from 1")
        if not is_whole(person.get("category_id")) or person["category_id"] != category:
            raise ValueError(f"{owner}: needs the category_id of the person category, the number {category}")
        if not is_whole(person.get("image_id")) or person["image_id"] not in known:
            raise ValueError(f"{owner}: that image is not in the file; add it, or remove the annotation")
        seen.add(person["id"])
        person = {"iscrowd": 0, "num_keypoints": int((points[2::3] > 0).sum()), **person}
        if person["iscrowd"] not in (0, 1) or not is_whole(person["num_keypoints"]):
            raise ValueError(f"{owner}: iscrowd is 0 or 1, and num_keypoints a whole number; correct or remove them")
        filled.append(person)
    return content | {"annotations": filled}


def _known_images(images, name):
    """The ids of images, whose other fields are what they must be where they are there; ValueError names the first."""
    known = set()
    for image in images:
        owner = f"{name}: image {image['id']}"
        if image["id"] in known:
            raise ValueError(f"{owner} stands in the file twice: every image needs an id of its own")
        known.add(image["id"])
        for field in ("width", "height"):
            if field in image and not (is_whole(image[field]) and image[field] > 0):
                raise ValueError(f"{owner}: {field} is a whole number of px, not {short(image[field])}")
        if "file_name" in image and not stays_inside(image["file_name"]):
            raise ValueError(
                f"{owner}: file_name {short(repr(image['file_name']))} is no path inside the images' folder"
            )
    return known


def images_by_id(content, name="annotations"):
    """{id: image} of what `read_annotations` gave, to read images by; ValueError where a field is missing."""
    for image in content["images"]:
        for field in ("file_name", "width", "height"):  # metrics do without
            if field not in image:
                raise ValueError(f"{name}: image {image['id']} has no {field!r}; add it, or leave the image out")
    return {image["id"]: image for image in content["images"]}


def stays_inside(name):
    """Whether a file's name from a file is a plain relative path that stays in its folder, on any system."""
    if not isinstance(name, str) or not name.strip() or "\0" in name or ":" in name:
        return False
    path = PurePosixPath(name.replace("\\", "/"))
    return not path.is_absolute() and ".." not in path.parts


def is_whole(value):
    """Whether a value is a whole number of 64 bits, and not True, "1" or 1.0."""
    return type(value) is int and -(2**63) <= value < 2**63


def short(value):
    """A value for a message, cut where it is long."""
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."


def read_json(file, what, masks=True):
    """The content of a JSON file. FileNotFoundError, ValueError: with its path; `what` it should be."""
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such file; give the path of {what}")
    try:
        text = file.read_text(encoding="utf-8-sig")
        return json.loads(text, object_hook=None if masks else _without_mask)
    except RecursionError:
        raise ValueError(f"{file}: nested too deep to be {what}; download or write it again") from None
    except (OSError, ValueError) as error:
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
    owners = [f"result {index} (image {short(result.get('image_id'))})" for index, result in enumerate(results)]
    scores = stack_field(results, "score", (), owners)
    keypoints = stack_field(results, "keypoints", (51,), owners)
    points = keypoints.reshape(-1, 17, 3)[..., :2]
    corner, far = points.min(axis=1), points.max(axis=1)
    boxes = np.concatenate([corner, far - corner], axis=1)  # (N, 4)
    if results and "bbox" in results[0]:
        boxes = stack_field(results, "bbox", (4,), owners)
    for owner, result in zip(owners, results):
        if not is_whole(result.get("category_id")) or result["category_id"] != category_id:
            raise ValueError(f"{owner}: category_id must be {category_id}, the person, as in the annotations")
    named = [result.get("image_id") for result in results]
    unknown = {short(one): None for one in named if not is_whole(one) or one not in image_ids}
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
    entries = read_json(file, "a list of detections")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{file} is not a list of detections, dicts with image_id, bbox and score: check the path")
    owners = [f"{file}, entry {index}" for index in range(len(entries))]
    boxes, scores = stack_field(entries, "bbox", (4,), owners), stack_field(entries, "score", (), owners)
    found = []
    for index, (owner, entry, box, score) in enumerate(zip(owners, entries, boxes, scores.tolist())):
        if not is_whole(entry.get("category_id", 1)):
            raise ValueError(f"{owner}: category_id must be a whole number (1 is the person)")
        if entry.get("category_id", 1) != 1:
            continue
        if not is_whole(entry.get("image_id")) or entry["image_id"] not in image_ids:
            raise ValueError(f"{owner}: image {short(entry.get('image_id'))} is not in the annotations of {split}")
        found.append((index, (entry["image_id"], box, score)))
    return found


def clean_box(box, width, height):
    """Cut a box to its image; None where nothing is left. All px.

    The official code does it for boxes of labels; it moves those that begin outside, where this cuts them.
    """
    x, y, w, h = box
    left, top = max(0, x), max(0, y)
    right, bottom = min(width - 1, x + max(0, w - 1)), min(height - 1, y + max(0, h - 1))
    if right < left or bottom < top:
        return None
    return np.array([left, top, right - left, bottom - top], dtype=np.float64)


def boxes_in_image(boxes, width, height):
    """Boxes (M, 4) x, y, width, height in px, each cut to its image -> list of (4,). ValueError: nothing left."""
    try:
        found = np.array([[float(number) for number in box] for box in boxes], dtype=np.float64).reshape(-1, 4)
    except (TypeError, ValueError):
        raise ValueError(
            f"boxes are (M, 4): a list of boxes, each x, y, width, height in px, got {str(boxes)[:60]}"
        ) from None
    inside = []
    for x, y, w, h in found:
        clean = clean_box((x, y, w + 1, h + 1), width, height) if np.isfinite([x, y, w, h]).all() else None
        if clean is None or not (clean[2:] > 0).all() or w <= 0 or h <= 0:  # a box inside the image stays as it is
            raise ValueError(
                f"box {(x, y, w, h)} has no part inside the {width} x {height} px image: "
                f"a box is x, y, width, height, counted in px from the top left corner"
            )
        inside.append(clean)
    return inside


def whole_image(image):
    """An image (H, W, 3) uint8 RGB, as it is; ValueError says what else it is."""
    kind = f"{type(image).__name__} {getattr(image, 'dtype', '')} {tuple(getattr(image, 'shape', ()))}"
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            f"an image is a NumPy array (H, W, 3) of uint8, RGB, got {kind}: `data.read_image(file)` gives one; "
            "multiply floats from 0 to 1 by 255, divide 16-bit numbers by 257, repeat a grey channel three times"
        )
    if 0 in image.shape:
        raise ValueError(f"an image without pixels: {kind}")
    return image


def stack_field(items, field, shape, owners):
    """Stack one field of N dicts -> (N, *shape) float64; ValueError, with its owner, for the first that cannot be."""
    try:
        values = np.array([item[field] for item in items])
        if not items:
            return np.zeros((0, *shape))
        if values.dtype.kind in "iuf" and values.shape == (len(items), *shape):  # no texts, no None, no huge numbers
            values = values.astype(np.float64)
            if np.isfinite(values).all():
                return values
    except (KeyError, TypeError, ValueError, OverflowError):
        pass
    if len(items) > 1:  # one of them is wrong: look at each alone
        return np.concatenate([stack_field([item], field, shape, [owner]) for item, owner in zip(items, owners)])
    if field not in items[0]:
        raise ValueError(f"{owners[0]} has no {field!r}; add it, or leave this entry out")
    count = int(np.prod(shape))
    raise ValueError(f"{owners[0]}: {field} must be {count} finite number{'s' * (count > 1)}; correct or remove it")
