"""Drawn people in photographs: where they stand, what they hide, and that the labels know it."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpe_lib import data, synthetic
from hpe_lib.skeleton import KEYPOINTS

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
import collage


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A few drawn pictures, the course's photographs as those to learn from, and the collages."""
    root = tmp_path_factory.mktemp("collage")
    drawn, photographs = synthetic.make(root / "drawn", 6, 1, workers=1, progress=False), root / "photographs"
    for split in ("train", "val"):
        (photographs / "annotations").mkdir(parents=True, exist_ok=True)
        content = data.read_annotations(data.annotation_file(data.find("photographs"), "val"))
        data.annotation_file(photographs, split).write_text(json.dumps(content), "utf-8")
        (photographs / f"{split}2017").symlink_to(data.find("photographs") / "val2017")
    arguments = ["--drawn", str(drawn), "--photographs", str(photographs), "--out", str(root / "out")]
    collage.main(arguments)
    return root / "out", arguments


def test_a_folder_of_collages_is_one_to_train_on(folders):
    root, arguments = folders
    people = data.persons(root, "train")
    images = data.read_annotations(data.annotation_file(root, "train"))["images"]
    assert len(images) == 6 and len(people) > 6
    for person in people:
        with Image.open(person.file) as image:
            assert image.size == tuple(person.image_wh)
            seen = person.keypoints[person.keypoints[:, 2] > 0]
            assert len(seen) and (seen[:, :2] >= -0.05).all() and (seen[:, :2] <= np.array(image.size) + 0.05).all()
    assert len(data.persons(root, "val")) == len(data.persons(data.find("photographs"), "val"))
    before = {file: file.stat().st_mtime_ns for file in root.rglob("*.jpg")}
    collage.main(arguments)  # is there already
    assert {file: file.stat().st_mtime_ns for file in root.rglob("*.jpg")} == before


def square(x, y, side):
    return [[x, y, x + side, y, x + side, y + side, x, y + side]]


def person(points, box, **more):
    keypoints = np.zeros((len(KEYPOINTS), 3))
    keypoints[: len(points), :2], keypoints[: len(points), 2] = points, 2
    return {"keypoints": keypoints.ravel().tolist(), "bbox": box, "area": box[2] * box[3], **more}


class Middle:
    """Draws that are all in the middle: no shift, and a scale of (0.6 + 1.5) / 2."""

    def uniform(self, low=0.0, high=1.0, size=None):
        return np.full(size, (low + high) / 2) if size else (low + high) / 2

    def normal(self, mean=0.0, _=1.0, size=None):
        return np.full(size, mean)


def test_a_drawn_person_is_moved_with_its_labels_and_hides_what_is_behind():
    drawn, photo = Image.new("RGB", (200, 200), (250, 0, 0)), Image.new("RGB", (200, 200), (0, 0, 250))
    one = person([(100, 100), (120, 90)], [80, 80, 40, 40], segmentation=square(80, 80, 40))
    behind = person([(100, 100), (20, 20), (180, 20)], [20, 20, 160, 90])
    buried = person([(100, 100), (101, 101), (20, 30)], [20, 20, 90, 90])
    picture, found = collage.collage(drawn, [one], photo, [behind, buried], Middle())
    scale = 1.05
    moved = np.array(found[0]["keypoints"]).reshape(17, 3)
    np.testing.assert_allclose(moved[:2, :2], [[100, 100], [100 + 20 * scale, 100 - 10 * scale]], atol=0.06)
    np.testing.assert_allclose(found[0]["bbox"], [79, 79, 42, 42], atol=1)
    assert found[0]["num_keypoints"] == 2 and abs(found[0]["area"] - 42**2) < 100
    assert len(found) == 2  # of the third, more than half of the joints are hidden
    assert [found[1]["keypoints"][3 * k + 2] for k in range(4)] == [1, 2, 2, 0]
    pixels = np.asarray(picture).astype(int)
    assert pixels[100, 100, 0] > 150 and pixels[100, 100, 2] < 30  # the drawn person
    assert tuple(pixels[30, 30]) == (0, 0, 250) and tuple(pixels[100, 70]) == (0, 0, 250)  # the photograph


def test_joints_that_fall_outside_lose_their_label():
    drawn, photo = Image.new("RGB", (200, 200)), Image.new("RGB", (200, 200))
    one = person([(100, 100), (2, 100)], [0, 80, 120, 40], segmentation=[[0, 80, 120, 80, 120, 120, 0, 120]])
    (found,) = collage.collage(drawn, [one], photo, [], Middle())[1]
    assert found["num_keypoints"] == 1 and found["keypoints"][3:6] == [0, 0, 0]
    far = person([(100, 100)], [95, 95, 10, 10], segmentation=square(95, 95, 10))  # too small to be of use
    assert collage.collage(drawn, [far], photo, [], Middle())[1] == []


def test_wear_keeps_the_picture():
    picture = Image.fromarray(np.random.default_rng(0).integers(90, 160, (60, 80, 3), dtype=np.uint8))
    worn = collage.worn(picture, np.random.default_rng(1))
    assert worn.shape == (60, 80, 3) and worn.min() >= 0 and worn.max() <= 255
    again = collage.worn(picture, np.random.default_rng(1))
    assert np.array_equal(worn, again) and not np.array_equal(worn, collage.worn(picture, np.random.default_rng(2)))
