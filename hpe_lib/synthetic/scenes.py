"""Whole pictures: where people stand, the light, the camera and its faults, and the labels."""

import io

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from . import labels
from .body import person
from .figure import dress, wardrobe
from .render import Camera, shade, trace
from .surroundings import background, props

SIZES = ((640, 480), (640, 480), (640, 427), (480, 640), (427, 640), (500, 375), (612, 612))
"""Image sizes (width, height) px, drawn by chance."""


def cast(rng, camera, count, small=False):
    """Place up to `count` people on the floor by chance, without too much overlap -> list of `Person`.

    Each has a height on the image drawn by chance (`small`: far away) and stands at the depth that gives it.
    """
    width, height = camera.size
    people, boxes = [], []
    for _ in range(count * 8):
        if len(people) == count:
            break
        one = person(rng)
        share = rng.uniform(0.05, 0.12) if small else np.exp(rng.uniform(*np.log(_SHARES[count > 2])))
        z = max(depth_of(camera.focal, share), 2.0)
        edge = -0.02 if rng.random() < 0.12 else 0.14
        x = (rng.uniform(edge, 1 - edge) - 0.5) * width * z / camera.focal
        one = one.placed(x, -z, 0.0)
        seen = camera.project(camera.see(one.keypoints))
        low, high = np.maximum(seen.min(axis=0) - 5, 0), np.minimum(seen.max(axis=0) + 5, camera.size)
        if (high - low).min() < 8 or seen[[5, 6, 11, 12], 1].mean() > height * 0.85 or seen[:5, 1].mean() < 0:
            continue
        limit = 0.6 if rng.random() < 0.15 else 0.2
        near = [np.hypot(*(one.keypoints[11] - other.keypoints[11])[[0, 2]]) < 0.7 for other in people]
        if any(near) or any(shared((low, high), box) > limit for box in boxes):
            continue
        people.append(one)
        boxes.append((low, high))
    return people


def depth_of(focal, share):
    """-> metres from the camera at which an adult is `share` of 480 px high."""
    return focal * 1.7 / (share * 480)


_SHARES = ((0.35, 1.05), (0.3, 0.92))  # a standing adult's height as a share of 480 px: one or two people, more people


def shared(a, b):
    """Shared area as a share of the smaller box; boxes are (low (2,), high (2,))."""
    shared = np.prod(np.clip(np.minimum(a[1], b[1]) - np.maximum(a[0], b[0]), 0, None))
    return shared / min(np.prod(a[1] - a[0]), np.prod(b[1] - b[0]))


def photograph(camera, people, looks, things=(), backdrop=None, light=None, blur=0.4):
    """Draw people and things, and label the people.

    people, looks: lists of `Person` in the world and of `wardrobe` dicts. things: solids. backdrop: (H, W, 3) uint8, or
    None for plain grey. light: see `render.shade`. blur: radius in px of the box that softens edges.
    Returns image (H, W, 3) uint8 and one annotation dict a person, in the given order (None where nothing is visible):
    COCO's fields, and `keypoints_3d`, `activity` and `mask` (H, W).
    """
    solids = [solid for number, (one, look) in enumerate(zip(people, looks)) for solid in dress(one, look, number)]
    solids.sort(key=lambda solid: -solid.origin[2])  # the near ones first
    solids += list(things)
    depth, index = trace(camera, solids)
    owners = np.array([solid.owner for solid in solids] + [-1], np.int16)[index]
    image = np.full((*depth.shape, 3), 180, np.uint8) if backdrop is None else np.array(backdrop)
    direction, ambient = light or (np.array([0.4, 0.7, 0.6]), 0.5)
    shade(image, camera, solids, depth, index, (direction / np.linalg.norm(direction), ambient))
    rows, columns = np.nonzero((index >= 0).any(axis=1))[0], np.nonzero((index >= 0).any(axis=0))[0]
    if len(rows) and blur:
        drawn = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        image[drawn] = Image.fromarray(image[drawn]).filter(ImageFilter.BoxBlur(blur))
    return image, [_annotation(one, number, camera, depth, owners) for number, one in enumerate(people)]


def _annotation(one, owner, camera, depth, owners):
    mask = owners == owner
    area = int(mask.sum())
    if area == 0:
        return None
    points = camera.see(one.keypoints)
    pixels, seen = labels.visibility(points, one.height, owner, camera, depth, owners)
    triples = np.where(seen[:, None] > 0, np.column_stack([pixels, seen]), 0).round(2)
    return {
        "segmentation": labels.polygons(mask),
        "num_keypoints": int((seen > 0).sum()),
        "area": float(area),
        "iscrowd": 0,
        "keypoints": [int(v) if v == int(v) else float(v) for v in triples.ravel()],
        "bbox": labels.box_of(mask),
        "category_id": 1,
        "keypoints_3d": points.round(4).tolist(),
        "activity": one.activity,
        "mask": mask,
    }


def viewpoint(rng, size=None):
    """A camera by chance, turned so that bodies lie near the middle. size: (width, height) px, or None: by chance."""
    width, height = size or SIZES[rng.integers(len(SIZES))]
    focal, eye = max(width, height) * rng.uniform(0.85, 1.4), rng.uniform(0.8, 2.4)
    depth = depth_of(focal, 0.5)
    middle = height * rng.uniform(-0.06, 0.06)  # where a body's middle (0.9 m up) at that depth comes to lie
    pitch = np.degrees(np.arctan2(eye - 0.9, depth) - np.arctan2(middle, focal))
    return Camera((width, height), focal, eye, float(pitch))


def scene(rng, camera=None, people=None, far=None, crowd=None):
    """Draw one whole picture by chance, as the data set holds it.

    rng: a NumPy generator. camera: a `Camera`. people: how many to try to place. far: whether one or two far people
    without labelled keypoints are added. crowd: whether a far group (`iscrowd`) is. What is None is left to chance.
    Returns image (H, W, 3) uint8 and the annotation dicts: COCO's fields except the ids.
    """
    chances = rng.random(2)
    camera = camera or viewpoint(rng)
    group = cast(rng, camera, int(rng.choice(6, p=_COUNTS)) if people is None else people)
    unnamed = cast(rng, camera, int(rng.integers(1, 3)), small=True) if _given(far, chances[0] < 0.06) else []
    huddle = _huddle(rng, camera) if _given(crowd, chances[1] < 0.04) else []
    everyone = group + unnamed + huddle
    backdrop, things = background(rng, camera, everyone), props(rng, camera, group)
    light = (np.array([rng.uniform(-1, 1), rng.uniform(0.4, 1.2), rng.uniform(0.2, 1)]), rng.uniform(0.4, 0.7))
    looks = [wardrobe(rng) for _ in everyone]
    image, found = photograph(camera, everyone, looks, things, backdrop, light, rng.uniform(0.2, 0.7))
    return develop(rng, image), _tidy(found, len(group), len(group) + len(unnamed))


def _given(choice, chance):
    return chance if choice is None else choice


_COUNTS = (0.025, 0.305, 0.31, 0.2, 0.1, 0.06)


def _huddle(rng, camera):
    """A far-away group that stands close together."""
    z = depth_of(camera.focal, rng.uniform(0.07, 0.13))
    x = rng.uniform(-0.4, 0.4) * camera.size[0] * z / camera.focal
    count = int(rng.integers(5, 9))
    return [person(rng, "standing").placed(x + 0.45 * k, -z - rng.uniform(0, 1), 0.0) for k in range(count)]


def _tidy(found, labelled, single):
    """Keep what COCO would label: `labelled` people first, then those without keypoints, then one crowd."""
    kept = []
    for number, one in enumerate(found[:single]):
        if one is None or one["area"] < 60:
            continue
        seen = sum(v == 2 for v in one["keypoints"][2::3])
        if number >= labelled or seen < 3 or one["area"] < 400:
            one["keypoints"], one["num_keypoints"] = [0] * 51, 0
        del one["mask"]
        kept.append(one)
    group = [one for one in found[single:] if one is not None]
    if group:
        mask = np.any([one["mask"] for one in group], axis=0)
        crowd = {"segmentation": labels.run_lengths(mask), "num_keypoints": 0, "area": float(mask.sum()), "iscrowd": 1}
        kept.append({**crowd, "keypoints": [0] * 51, "bbox": labels.box_of(mask), "category_id": 1})
    return kept


def develop(rng, image):
    """The camera's faults: exposure, colour cast and noise; image (H, W, 3) uint8 -> the same."""
    gain, black = rng.uniform(0.8, 1.2) * (1 + rng.normal(0, 0.03, 3)), rng.uniform(-12, 18)
    table = np.clip(np.arange(256) * gain[:, None] + black, 0, 255).astype(np.uint8).ravel().tolist()
    picture = Image.fromarray(image).point(table)
    tile = 64 + rng.standard_normal((128, 128, 3), dtype=np.float32) * np.float32(rng.uniform(1, 6))
    height, width = image.shape[:2]
    noise = np.tile(tile.clip(0, 128).astype(np.uint8), (height // 128 + 1, width // 128 + 1, 1))[:height, :width]
    return np.array(ImageChops.add(picture, Image.fromarray(noise), 1, -64))


def jpeg(image, quality=90):
    """-> the bytes of a JPEG file of image (H, W, 3) uint8."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
