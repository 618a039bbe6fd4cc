"""The built-in data set: bodies, renderer, labels, and the folder that `make` writes."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from hpe_lib import skeleton, synthetic
from hpe_lib.synthetic import dataset, figure, labels

NAME = {name: index for index, name in enumerate(skeleton.KEYPOINTS)}
FACE = [NAME[name] for name in ("nose", "left_eye", "right_eye")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return synthetic.make(tmp_path_factory.mktemp("drawn") / "set", 9, 5, workers=1, progress=False)


@pytest.fixture(scope="module")
def splits(folder):
    return [COCO(str(folder / "annotations" / f"person_keypoints_{split}2017.json")) for split in ("train", "val")]


def people_of(splits):
    return [one for coco in splits for one in coco.anns.values() if not one["iscrowd"]]


def camera(size=(320, 320), focal=400.0):
    return synthetic.Camera(size, focal, height=1.0)


def one_label(yaw, things=(), shift=0.0, activity="standing", seed=3):
    """One person 3 m before the camera -> v (17,), keypoints (17, 2), the annotation, the image."""
    rng = np.random.default_rng(seed)
    person, look = synthetic.person(rng, activity, yaw).placed(shift, -3.0, 0.0), synthetic.wardrobe(rng)
    image, (label,) = synthetic.photograph(camera(), [person], [look], things)
    keypoints = np.array(label["keypoints"]).reshape(17, 3)
    return keypoints[:, 2], keypoints[:, :2], label, image


# -- bodies


@pytest.mark.parametrize("activity", synthetic.ACTIVITIES)
def test_left_and_right_bones_are_equally_long_and_angles_within_limits(activity):
    rng = np.random.default_rng(1)
    for _ in range(20):
        k = synthetic.person(rng, activity).keypoints
        for upper, lower in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle")):
            left, right = (
                np.linalg.norm(k[NAME[f"{side}_{upper}"]] - k[NAME[f"{side}_{lower}"]]) for side in ("left", "right")
            )
            assert left == pytest.approx(right) and 0.12 < left < 0.6
        for name, angle in synthetic.pose(rng, activity).items():
            low, high = synthetic.LIMITS[name.removeprefix("left_").removeprefix("right_")]
            assert low <= angle <= high


def test_people_stand_on_the_floor_and_jump_above_it():
    rng = np.random.default_rng(2)
    for activity in synthetic.ACTIVITIES:
        person = synthetic.person(rng, activity)
        lowest = min(person.frames[f"{side}_{part}"][0][1] for side in ("left", "right") for part in ("heel", "toe"))
        above = lowest - 0.02 * person.height  # 0.02: half a shoe's thickness
        assert 0.05 < above < 0.5 if activity == "jumping" else abs(above) < 1e-9
        assert person.keypoints[NAME["nose"], 1] > person.keypoints[NAME["left_ankle"], 1]


def test_the_same_generator_draws_the_same_person_and_unknown_activities_are_refused():
    a, b = (synthetic.person(np.random.default_rng(7)).keypoints for _ in range(2))
    assert np.array_equal(a, b)
    with pytest.raises(ValueError, match=r"unknown activity 'flying'.*standing"):
        synthetic.person(np.random.default_rng(0), "flying")


# -- renderer


@pytest.mark.parametrize("turn", [0, 35, 80, 90, 97, 180, 270])
@pytest.mark.parametrize("radii", [(0.2, 0.2), (0.3, 0.12), (0.1, 0.25)])
def test_a_capsule_is_the_union_of_its_spheres(turn, radii):
    view, axes = camera((80, 80), 100.0), synthetic.body.rotation("x", turn)
    start = np.array([0.1, 1.1, -3.0])
    stretch = (1.0, 1.0, 0.6)
    whole, _ = synthetic.trace(view, [synthetic.Solid(start, axes, radii, 0.7, stretch)])
    balls = [
        synthetic.Solid(start + axes[:, 1] * 0.7 * s, axes, (radii[0] + s * (radii[1] - radii[0]),) * 2, 0.0, stretch)
        for s in np.linspace(0, 1, 300)
    ]
    union, _ = synthetic.trace(view, balls)
    both = np.isfinite(whole) & np.isfinite(union)
    assert both.sum() > 50 and (np.isfinite(whole) != np.isfinite(union)).mean() < 0.002
    assert np.abs(whole[both] - union[both]).max() < 0.02 and np.abs(whole[both] - union[both]).mean() < 5e-4


def test_depths_of_ball_and_box_are_exact_and_the_nearer_one_wins():
    view = camera((81, 81), 100.0)
    ball = synthetic.Solid(np.array([0, 1.0, -4.0]), np.eye(3), scale=(0.5, 0.5, 0.5))
    box = synthetic.Solid(np.array([0, 1.0, -6.0]), np.eye(3), scale=(1.0, 1.0, 0.5), box=True)
    depth, index = synthetic.trace(view, [box, ball])
    assert depth[40, 40] == pytest.approx(3.5, abs=1e-4) and index[40, 40] == 1
    assert depth[40, 56] == pytest.approx(5.5, abs=1e-4) and index[40, 56] == 0
    assert index[40, 60] == -1 and np.isinf(depth[40, 60])  # the box ends at 100 * 1 / 5.5 = 18.2 px


def test_no_face_at_the_back_of_the_head():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(3, 4000))
    points /= np.linalg.norm(points, axis=0)
    for _ in range(20):
        look = synthetic.wardrobe(rng)
        colours = figure._face(look)(points).T
        plain = np.isclose(colours, look["skin"], atol=1e-5).all(1) | np.isclose(colours, look["hair"], atol=1e-5).all(
            1
        )
        assert plain[points[2] < 0].all() and (~plain[points[2] > 0]).sum() > 50


def test_the_picture_shows_the_mouth_from_the_front_only():
    rng = np.random.default_rng(3)
    look = synthetic.wardrobe(rng)
    plain = {"skin": [0.9, 0.75, 0.65], "hair": [0.2, 0.2, 0.2], "shirt": [0.2, 0.3, 0.8], "accent": [0.9, 0.9, 0.9]}
    look.update({name: np.array(colour) for name, colour in plain.items()}, hair_style="short", beard=False)

    def red(yaw):  # pixels of the head with much more red than green
        person = synthetic.person(np.random.default_rng(3), "standing", yaw).placed(0, -3.0, 0)
        image, (label,) = synthetic.photograph(camera(), [person], [look], blur=0)
        x, y = np.array(label["keypoints"]).reshape(17, 3)[NAME["nose"], :2].astype(int)
        head = image[y - 20 : y + 20, x - 20 : x + 20].astype(float)
        return (head[..., 0] > 1.8 * head[..., 1]).sum()

    assert red(0) > 8 and red(40) > 4 and red(140) == red(180) == red(-140) == 0


# -- labels


def test_left_is_on_the_viewers_right_when_a_person_faces_the_camera():
    pairs = [("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"), ("left_ear", "right_ear")]
    for yaw, sign in ((0, 1), (180, -1)):
        _, keypoints, label, _ = one_label(yaw)
        for left, right in pairs:
            assert sign * (keypoints[NAME[left], 0] - keypoints[NAME[right], 0]) > 3
        space = np.array(label["keypoints_3d"])
        ears = space[[NAME["left_ear"], NAME["right_ear"]], 2].mean()
        assert (
            sign * (ears - space[NAME["nose"], 2]) > 0.03
        )  # the nose is nearer to the camera than the ears, or farther


def test_seen_from_the_front_and_from_behind():
    v, *_ = one_label(0)
    assert (v[FACE] == 2).all() and (v > 0).all()
    v, *_ = one_label(180)
    assert (v[FACE] == 1).all()
    assert (v[[NAME["left_shoulder"], NAME["right_knee"], NAME["left_ankle"]]] == 2).all()


@pytest.mark.parametrize("yaw, near, far", [(90, "right", "left"), (-90, "left", "right")])
def test_the_far_side_is_hidden_from_the_side(yaw, near, far):
    for seed in range(5):
        v, *_ = one_label(yaw, seed=seed)
        assert v[NAME[f"{near}_shoulder"]] == 2 and v[NAME[f"{far}_shoulder"]] == 1


def test_a_thing_in_front_hides_and_a_thing_behind_does_not():
    _, keypoints, free, _ = one_label(0)
    for z, hidden in ((-2.4, True), (-3.8, False)):
        board = synthetic.Solid(np.array([0, 0.4, z]), np.eye(3), scale=(1.0, 0.35, 0.02), box=True)
        v, _, label, _ = one_label(0, [board])
        knees = [NAME["left_knee"], NAME["right_knee"]]
        assert (v[knees] == (1 if hidden else 2)).all() and v[NAME["nose"]] == 2
        assert (label["area"] < free["area"]) == hidden
        assert np.array_equal(np.array(label["keypoints"]).reshape(17, 3)[:, :2], keypoints)


def test_outside_the_image_is_v_0_at_0_0():
    v, keypoints, label, _ = one_label(0, shift=1.2)
    assert (v == 0).sum() >= 3 and (v > 0).sum() >= 3
    assert (keypoints[v == 0] == 0).all() and label["num_keypoints"] == (v > 0).sum()
    inside = keypoints[v > 0]
    assert (inside >= -0.5).all() and (inside < 319.5).all()


def test_polygons_follow_holes_islands_and_the_border():
    y, x = np.mgrid[:120, :160]
    ring = (np.hypot(x - 60, y - 60) < 50) & (np.hypot(x - 60, y - 60) > 25)
    for mask in (ring, ring | (x > 140), (x < 30) & (y > 20), np.ones((120, 160), bool), (x == 5) & (y == 7)):
        codes = coco_mask.frPyObjects(labels.polygons(mask), *mask.shape)
        again = coco_mask.decode(coco_mask.merge(codes)).astype(bool)
        assert (again != mask).sum() <= 0.02 * mask.sum() + 1


def test_run_lengths_are_exact():
    rng = np.random.default_rng(0)
    masks = [rng.random((7, 9)) < p for p in (0.1, 0.5, 0.9)] + [np.ones((4, 5), bool), np.zeros((4, 5), bool)]
    for mask in masks:
        code = coco_mask.frPyObjects(labels.run_lengths(mask), *mask.shape)
        assert np.array_equal(coco_mask.decode(code).astype(bool), mask)


# -- pictures and the folder


def test_pycocotools_reads_masks_boxes_and_keypoints(splits):
    assert len(people_of(splits)) > 15
    for coco in splits:
        assert coco.loadCats(1)[0]["keypoints"] == list(skeleton.KEYPOINTS)
        for one in coco.anns.values():
            mask = coco.annToMask(one).astype(bool)
            assert mask.sum() == pytest.approx(one["area"], rel=0.04, abs=12)
            x, y, width, height = one["bbox"]
            rows, columns = np.nonzero(mask)
            assert x - 1 <= columns.min() and columns.max() <= x + width and width > 0
            assert y - 1 <= rows.min() and rows.max() <= y + height and height > 0
            v = np.array(one["keypoints"])[2::3]
            assert len(v) == 17 and one["num_keypoints"] == (v > 0).sum() and one["category_id"] == 1


def test_labels_are_the_projected_3d_joints(splits):
    checked = 0
    for coco in splits:
        for one in (a for a in coco.anns.values() if a["num_keypoints"]):
            image = coco.imgs[one["image_id"]]
            space, flat = np.array(one["keypoints_3d"]), np.array(one["keypoints"]).reshape(17, 3)
            centre = np.array([image["width"] - 1, image["height"] - 1]) / 2
            pixels = image["focal_length"] * space[:, :2] / space[:, 2:] + centre
            known = flat[:, 2] > 0
            assert np.abs(pixels - flat[:, :2])[known].max() < 0.05
            checked += known.sum()
    assert checked > 200


def test_ids_files_and_sizes(folder, splits):
    image_ids = [i for coco in splits for i in coco.imgs]
    ids = [i for coco in splits for i in coco.anns]
    assert len(image_ids) == 14 == len(set(image_ids)) and len(ids) == len(set(ids))
    for split, coco in zip(("train", "val"), splits):
        for image in coco.imgs.values():
            assert image["file_name"] == f"{image['id']:012d}.jpg"
            with Image.open(folder / f"{split}2017" / image["file_name"]) as picture:
                assert picture.size == (image["width"], image["height"]) and picture.mode == "RGB"
    areas = np.array([one["area"] for one in people_of(splits) if one["num_keypoints"]])
    assert ((areas > 32**2) & (areas < 96**2)).sum() > 3 and (areas > 96**2).sum() > 3


def test_crowds_far_people_and_empty_pictures():
    unnamed, crowds = [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        view = synthetic.viewpoint(rng, (500, 375))
        image, none = synthetic.scene(rng, view, people=0, far=False, crowd=False)
        assert none == [] and image.shape == (375, 500, 3) and image.dtype == np.uint8
        unnamed += synthetic.scene(rng, view, people=0, far=True, crowd=False)[1]
        crowds += synthetic.scene(rng, view, people=0, far=False, crowd=True)[1]
    assert len(unnamed) >= 3 and len(crowds) >= 3
    for one in unnamed + crowds:
        assert one["num_keypoints"] == 0 and one["keypoints"] == [0] * 51 and one["area"] > 0
    assert all(one["iscrowd"] == 0 and one["area"] < 64**2 for one in unnamed)
    for one in crowds:
        mask = coco_mask.decode(coco_mask.frPyObjects(one["segmentation"], 375, 500))
        rows, columns = np.nonzero(mask)
        size = [columns.max() - columns.min() + 1, rows.max() - rows.min() + 1]
        assert one["iscrowd"] == 1 and mask.sum() == one["area"]
        assert one["bbox"] == [columns.min(), rows.min(), *size]


def test_the_same_whatever_the_number_of_processes(folder, tmp_path):
    again = synthetic.make(tmp_path / "again", 9, 5, workers=2, progress=False)
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    assert len(files) == 14 + 3
    assert all((folder / name).read_bytes() == (again / name).read_bytes() for name in files)


class BrokenPool:
    """Stands in for a machine where processes die after `good` results."""

    good = 0

    def __init__(self, *_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def shutdown(self, **_):
        pass

    def map(self, function, jobs, chunksize):
        yield from map(function, jobs[: self.good])
        raise BrokenProcessPool("a process died")


@pytest.mark.parametrize("good", [0, 6])
def test_without_processes_one_draws_it_all(folder, tmp_path, monkeypatch, good):
    monkeypatch.setattr(BrokenPool, "good", good)
    monkeypatch.setattr(dataset, "ProcessPoolExecutor", BrokenPool)
    again = synthetic.make(tmp_path / "again", 9, 5, workers=2, progress=False)
    for split in dataset.SPLITS:
        name = f"annotations/person_keypoints_{split}2017.json"
        assert (folder / name).read_bytes() == (again / name).read_bytes()


def test_what_a_killed_process_left_is_cleared_a_day_later(tmp_path):
    old, new, other = (tmp_path / f".{name}.partial" for name in ("set-1", "set-2", "other-1"))
    for path in (old, new, other):
        path.mkdir()
    for path in (old, other):
        os.utime(path, (time.time() - 90000,) * 2)
    synthetic.make(tmp_path / "set", 1, 0, workers=1, progress=False)
    assert not old.exists() and new.exists() and other.exists()


def test_another_seed_draws_other_people_and_more_images_keep_the_first(folder, splits, tmp_path):
    other = synthetic.make(tmp_path / "other", 1, 0, seed=1, workers=1, progress=False)
    longer = synthetic.make(tmp_path / "longer", 2, 0, workers=1, progress=False)
    first = folder / "train2017" / "000000000001.jpg"
    assert (other / "train2017" / first.name).read_bytes() != first.read_bytes()
    assert (longer / "train2017" / first.name).read_bytes() == first.read_bytes()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_interrupted_it_leaves_nothing(tmp_path, monkeypatch, error):
    drawn = []

    def failing(image):
        drawn.append(image)
        if len(drawn) == 3:
            raise error
        return b""

    monkeypatch.setattr(dataset, "jpeg", failing)
    with pytest.raises(type(error)):
        synthetic.make(tmp_path / "set", 5, 1, workers=1, progress=False)
    assert len(drawn) == 3 and list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_already(folder, tmp_path, monkeypatch):
    before = (folder / "synthetic.json").stat().st_mtime_ns
    assert synthetic.make(folder, 9, 5, progress=False) == folder
    assert (folder / "synthetic.json").stat().st_mtime_ns == before
    with pytest.raises(FileExistsError, match=r"set: .*other settings.*'train_images': 9.*remove"):
        synthetic.make(folder, 10, 5, progress=False)
    (tmp_path / "photo.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="other files"):
        synthetic.make(tmp_path, 1, 0, progress=False)
    assert (tmp_path / "photo.txt").read_text() == "mine"

    build = dataset._build

    def slow(building, *rest):  # someone else finishes first
        build(building, *rest)
        build(tmp_path / "race", *rest)

    monkeypatch.setattr(dataset, "_build", slow)
    assert synthetic.make(tmp_path / "race", 1, 0, workers=1, progress=False) == tmp_path / "race"
    assert json.loads((tmp_path / "race" / "synthetic.json").read_text())["train_images"] == 1
    assert not list(tmp_path.glob(".*"))


def test_a_script_without_main_guard_still_draws(tmp_path):
    script = tmp_path / "plain.py"
    script.write_text("from hpe_lib import synthetic\nsynthetic.make('made', 6, 6, workers=2, progress=False)\n")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "Traceback" not in done.stderr and "__main__" in done.stderr
    assert len(list((tmp_path / "made" / "train2017").glob("*.jpg"))) == 6
