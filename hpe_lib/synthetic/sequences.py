"""Drawn people in motion, at 15 frames/s, with all that there is to know about every frame.

    film = synthetic.film(np.random.default_rng(0), "squats")
    film.images, film.keypoints_3d, film.annotations[7]["repetitions"], film.annotations[7]["state"]

A motion is a table of joint angles over time. The body is the same in every frame, and so are the camera, the clothes
and what stands behind; the foot (or the feet) that carries the body does not slide.
"""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from . import dataset
from .activities import LIMITS, pose
from .body import build, girth, measures, rotation
from .figure import wardrobe
from .render import Camera
from .scenes import develop, jpeg, photograph
from .surroundings import background, seat

FPS = 15


@dataclass
class Film:
    """One person who moves, seen by a camera that stands still.

    `images` (T, H, W, 3) uint8; `people`: T times `Person`, in the world; `annotations`: one dict a frame, as
    `photograph` gives it, with `state` (such as "standing", "falling", "lying") and `repetitions` (whole ones so far).
    """

    motion: str
    camera: Camera
    images: np.ndarray
    people: list
    annotations: list

    @property
    def keypoints(self):
        """(T, 17, 3) px and COCO's v."""
        return np.array([one["keypoints"] for one in self.annotations]).reshape(-1, 17, 3)

    @property
    def keypoints_3d(self):
        """(T, 17, 3) metres in the camera's axes: x right, y down, z forward."""
        return np.array([one["keypoints_3d"] for one in self.annotations])


def smooth(time, start, length):
    """0 until `start`, 1 from `start + length` on, and a smooth way between them; seconds (T,) -> (T,)."""
    share = np.clip((time - start) / length, 0, 1)
    return share * share * (3 - 2 * share)


def _cycles(rng, time, period, start):
    """How many periods of about so many seconds have passed since `start`, as a number that grows steadily (T,)."""
    return np.clip((time - start) / (period * rng.uniform(0.85, 1.15)), 0, None)


def _standing(rng, time):
    return {}, np.full(len(time), "standing"), np.zeros(len(time), int)


def _walking(rng, time):
    cycles = _cycles(rng, time, 1.1, -rng.uniform(0, 1))  # two steps each
    step, lift = rng.uniform(20, 30), rng.uniform(40, 60)
    angles = {"lean": np.full(len(time), 3.0), "spine_flexion": np.full(len(time), 3.0)}
    for side, phase in (("left_", 0.0), ("right_", 0.5)):
        swing = 2 * np.pi * (cycles + phase)
        angles[side + "hip_flexion"] = 4 + step * np.sin(swing)
        angles[side + "knee"] = 6 + lift * np.clip(np.cos(swing), 0, 1)  # bent while the leg comes forward
        angles[side + "shoulder_flexion"] = -0.9 * step * np.sin(swing)
        angles[side + "elbow"] = 20 - 0.4 * step * np.sin(swing)
    steps = np.floor(2 * cycles).astype(int)
    return angles, np.full(len(time), "walking"), steps - steps[0]


def _squats(rng, time):
    cycles = _cycles(rng, time, 1.8, rng.uniform(0.2, 0.6))
    depth = (1 - np.cos(2 * np.pi * cycles)) / 2 * rng.uniform(0.8, 1.0)  # 0 upright, 1 at the lowest
    angles = {"lean": 2 + 32 * depth, "head_nod": -20 * depth}
    for side in ("left_", "right_"):
        angles |= {side + "hip_flexion": 100 * depth, side + "knee": 95 * depth, side + "hip_abduction": 6 + 10 * depth}
        angles |= {side + "shoulder_flexion": 5 + 75 * depth, side + "elbow": 10 + 5 * depth}
    state = np.where(depth > 0.5, "low", "standing")
    return angles, state, np.floor(cycles).astype(int)


def _sitting_down(rng, time):
    start, length = rng.uniform(0.8, 1.4), rng.uniform(1.0, 1.5)
    down = smooth(time, start, length)
    angles = {"lean": 2 + 35 * np.sin(np.pi * down)}  # one leans forward on the way, so as not to fall back
    for side in ("left_", "right_"):
        angles |= {side + "hip_flexion": 88 * down + 30 * np.sin(np.pi * down), side + "knee": 86 * down}
        angles |= {side + "shoulder_flexion": 5 + 25 * down, side + "elbow": 15 + 35 * down}
    moment = np.where(time < start, "standing", np.where(time < start + length, "sitting down", "sitting"))
    return angles, moment, (down == 1).astype(int)


def _falling(rng, time):
    start, length = rng.uniform(1.0, 1.8), rng.uniform(0.6, 0.9)
    share = np.clip((time - start) / length, 0, 1)
    angles = {"fall": 88 * share**2}  # faster and faster, about the feet
    for side in ("left_", "right_"):
        angles |= {side + "knee": 8 + 12 * share, side + "shoulder_abduction": 10 + 5 * share}
        angles |= {side + "hip_flexion": 3 + 7 * share, side + "elbow": 15 + 40 * share}
    moment = np.where(time < start, "standing", np.where(share < 1, "falling", "lying"))
    return angles, moment, (share == 1).astype(int)


def _waving(rng, time):
    side, up = ("left_", "right_")[rng.integers(2)], smooth(time, 0.1, 0.5)
    cycles = _cycles(rng, time, 0.8, 0.6)
    angles = {side + "shoulder_abduction": 10 + 85 * up, side + "shoulder_flexion": np.zeros(len(time))}
    angles |= {side + "shoulder_rotation": 78 * up, side + "elbow": 20 + up * (55 + 30 * np.sin(2 * np.pi * cycles))}
    return angles, np.where(up == 1, "waving", "standing"), np.floor(cycles).astype(int)


_MOTIONS = {
    "standing": _standing,
    "walking": _walking,
    "sitting down": _sitting_down,
    "squats": _squats,
    "falling": _falling,
    "waving": _waving,
}
MOTIONS = tuple(_MOTIONS)
"""The names of what people do over time; `synthetic.film(rng, motion)` takes one of them."""


def move(rng, motion, seconds=4.0):
    """A person by chance who moves -> (people, state (T,), repetitions (T,)): T = FPS * seconds `Person`s.

    They start at the world's origin and face z. repetitions: whole squats or waves, steps, or 1 once the person sits or
    lies. Raises ValueError for an unknown motion or a film that is shorter than a frame.
    """
    if motion not in _MOTIONS:
        raise ValueError(f"unknown motion {motion!r}: choose one of {', '.join(MOTIONS)}")
    frames = round(FPS * seconds)
    if frames < 1:
        raise ValueError(f"{seconds} s at {FPS} frames/s is no frame: ask for at least {1 / FPS:.2f} s")
    time = np.arange(frames) / FPS
    (height, size), stout, side = measures(rng), girth(rng), rng.choice([-90, 0, 0, 180])
    angles, state, repetitions = _MOTIONS[motion](rng, time)
    fall = angles.pop("fall", np.zeros(frames))
    at_rest, own = pose(rng, "standing"), {}
    for name, angle in at_rest.items():  # nobody stands like a post: every joint sways by a degree or so
        sway = rng.uniform(0.3, 1.2) * np.sin(2 * np.pi * (rng.uniform(0.15, 0.4) * time + rng.random()))
        own[name] = np.clip(angles.get(name, angle) + sway, *LIMITS[name.removeprefix("left_").removeprefix("right_")])
    people, held, moved = [], None, np.zeros(3)
    for frame in range(frames):
        activity = "sitting" if state[frame] == "sitting" else motion
        now = build(activity, {name: value[frame] for name, value in own.items()}, size, height, stout)
        feet = {side + part: now.frames[side + part][0] for side in ("left_", "right_") for part in ("heel", "toe")}
        if motion == "walking":
            held, moved = _stance(held, feet, moved)
        else:
            moved = -np.mean(list(feet.values()), axis=0) * [1, 0, 1]  # both feet stay where they are
        people.append(_fallen(now.moved(np.eye(3), moved), fall[frame], side))
    return people, state, repetitions


def _stance(held, feet, moved):
    """The foot that carries keeps its place: -> (what is held: name and place), how far the body has moved (3,).

    held: (name, place (3,)) of the heel or toe of the last frame. feet: name -> place before moving.
    """
    if held is not None:
        moved = (held[1] - feet[held[0]]) * [1, 0, 1]
    lowest = min(feet, key=lambda name: feet[name][1])
    return (lowest, feet[lowest] + moved), moved


def _fallen(person, angle, side):
    """Turn a person by `angle` degrees about the feet, towards `side` (0: forward, 180: back), and lay them down."""
    towards = rotation("y", side)
    turned = person.moved(towards @ rotation("x", angle) @ towards.T, np.zeros(3))
    thick = 0.055 * person.height  # of a lying body, from its joints to the floor
    toes = min(turned.frames[side + "toe"][0][1] for side in ("left_", "right_"))
    rise = max(0.0, thick - turned.keypoints[:, 1].min(), 0.02 * person.height - toes)
    return turned.moved(np.eye(3), np.array([0, rise, 0]))


def shoot(rng, motion, seconds=4.0, size=(320, 240), yaw=None):
    """A person by chance who moves before a camera that stands still -> (camera, people, state, repetitions).

    As `move`, with T `Person`s in the camera's world. size: (width, height) px. yaw: degrees, 0 faces the camera; None:
    by chance. The person stays inside the image.
    """
    people, state, repetitions = move(rng, motion, seconds)
    yaw = rng.uniform(-180, 180) if yaw is None else yaw
    focal, eye = max(size) * rng.uniform(0.9, 1.3), rng.uniform(1.0, 1.8)
    turned = [one.placed(0.0, 0.0, yaw) for one in people]
    path = np.concatenate([one.keypoints for one in turned])
    middle = (path.min(axis=0) + path.max(axis=0)) / 2
    z = focal * 1.7 / (rng.uniform(0.6, 0.8) * size[1])  # m; a standing adult takes that share of the image's height
    while True:  # further away, until everything is inside
        camera = Camera(size, focal, eye, float(np.degrees(np.arctan2(eye - 0.85, z))))
        placed = [one.moved(np.eye(3), np.array([-middle[0], 0, -z - middle[2]])) for one in turned]
        seen = camera.see(np.stack([one.keypoints for one in placed]))
        inside = np.abs(camera.project(seen) - camera.centre) < 0.46 * np.array(size)
        if seen[..., 2].min() > 0.5 and inside.all():
            return camera, placed, state, repetitions
        z *= 1.1


def film(rng, motion, seconds=4.0, size=(320, 240), yaw=None):
    """`shoot`, and draw every frame -> `Film`."""
    camera, placed, state, repetitions = shoot(rng, motion, seconds, size, yaw)
    backdrop = background(rng, camera, [])
    things = [seat(placed[-1], rng.uniform(0.2, 0.8, 3))] if placed[-1].seat else []
    light = (np.array([rng.uniform(-1, 1), rng.uniform(0.4, 1.2), rng.uniform(0.2, 1)]), rng.uniform(0.4, 0.7))
    look, faults, images, found = wardrobe(rng), rng.integers(2**31), [], []
    for number, one in enumerate(placed):
        image, (annotation,) = photograph(camera, [one], [look], things, backdrop, light)
        images.append(develop(np.random.default_rng(faults), image))  # one camera, whose faults do not change
        del annotation["mask"]
        found.append(annotation | {"state": str(state[number]), "repetitions": int(repetitions[number])})
    return Film(motion, camera, np.stack(images), placed, found)


def make(folder, each=2, seconds=4.0, seed=0, workers=None, progress=True):
    """Draw `each` films of every motion into `folder`, in COCO's layout (`val2017/*.jpg`), and return the folder.

    The annotation file has `videos` (id, motion, fps); an image says its `video_id` and `frame`, an annotation its
    `track_id`, `state` and `repetitions`. Film `index` depends on `seed` and `index` only. As `dataset.make`: complete
    or not there at all; raises FileExistsError when `folder` holds something else, OSError when the disk is full.
    """
    settings = {"version": dataset.VERSION, "seed": seed, "sequences": each, "seconds": seconds}
    return dataset.whole_folder(folder, settings, lambda building: _build(building, settings, workers, progress))


def _build(folder, settings, workers, progress):
    (folder / "annotations").mkdir(parents=True)
    (folder / "val2017").mkdir()
    jobs = range(settings["sequences"] * len(MOTIONS))
    content = {**dataset.head(settings), "videos": [], "images": [], "annotations": []}
    draw = partial(_draw, str(folder), settings["seed"], settings["seconds"])
    drawn = dataset.run(draw, jobs, workers, chunk=1)
    for video, images, annotations in tqdm(drawn, "drawing films", len(jobs), unit="film", disable=not progress):
        content["videos"].append(video)
        content["images"] += images
        content["annotations"] += annotations
    path = folder / "annotations" / "person_keypoints_val2017.json"
    path.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")
    (folder / "synthetic.json").write_text(json.dumps(settings), encoding="utf-8")


def _draw(folder, seed, seconds, index):
    """Draw one film, write its frames, and return its COCO entries."""
    made = film(np.random.default_rng([seed, 2, index]), MOTIONS[index % len(MOTIONS)], seconds)
    images, annotations = [], []
    for frame, (image, annotation) in enumerate(zip(made.images, made.annotations)):
        number = 1000 * (index + 1) + frame
        name = f"{number:012d}.jpg"
        (Path(folder) / "val2017" / name).write_bytes(jpeg(image))
        place = {"id": number, "file_name": name, "width": image.shape[1], "height": image.shape[0], "license": 1}
        images.append(place | {"video_id": index + 1, "frame": frame, "focal_length": round(made.camera.focal, 3)})
        annotations.append({"id": number, "image_id": number, "track_id": 1, **annotation})
    return {"id": index + 1, "motion": made.motion, "fps": FPS}, images, annotations
