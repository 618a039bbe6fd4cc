"""The browser of notebook 01, swept over every option of every control, on six images made here."""

import html
import json

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.patches import Rectangle
from PIL import Image
from pycocotools.coco import COCO

from hpe_lib import data
from hpe_lib.course.widgets.coco_exploration import Filter, browse
from hpe_lib.skeleton import KEYPOINTS, LIMBS

WIDTH, HEIGHT = 160, 120


def person(number, image, corner, side, seen, hidden=0, crowd=False, mask=True):
    """One annotation: a square of `side` px, with joints along its diagonal, the first ones seen, the next hidden."""
    x, y = corner
    keypoints = np.zeros((17, 3))
    along = np.linspace(0.1, 0.9, 17)[: seen + hidden] * side
    keypoints[: seen + hidden] = np.column_stack([x + along, y + along, [2] * seen + [1] * hidden])
    one = {"id": number, "image_id": image, "category_id": 1, "iscrowd": int(crowd), "num_keypoints": seen + hidden}
    one |= {"bbox": [x, y, side, side], "area": float(side * side), "keypoints": keypoints.ravel().tolist()}
    if mask:
        polygon = [x, y, x + side, y, x + side, y + side, x, y + side]
        runs = {"counts": [x * HEIGHT + y], "size": [HEIGHT, WIDTH]}
        for _ in range(side - 1):
            runs["counts"] += [side, HEIGHT - side]
        runs["counts"] += [side, HEIGHT * WIDTH - sum(runs["counts"]) - side]
        one["segmentation"] = runs if crowd else [polygon]
    return one


PEOPLE = [
    person(1, 10, (5, 5), 20, seen=2),  # S
    person(2, 20, (5, 5), 50, seen=17),  # M
    person(3, 20, (80, 10), 50, seen=5, hidden=3),  # M
    person(4, 30, (5, 5), 100, seen=12),  # L
    person(5, 40, (5, 5), 40, seen=9),  # M
    person(6, 40, (60, 5), 20, seen=0),  # S, nobody labelled it
    person(7, 40, (90, 5), 60, seen=0, crowd=True),
    person(8, 50, (5, 5), 40, seen=0, crowd=True),  # nothing but a crowd
]


@pytest.fixture
def made(tmp_path):
    """A folder in COCO's layout with images 10 to 60, of which 60 is empty, and its annotations."""
    (tmp_path / "val2017").mkdir()
    (tmp_path / "annotations").mkdir()
    images = []
    for number in range(10, 70, 10):
        Image.new("RGB", (WIDTH, HEIGHT), (number * 3, 90, 200 - number)).save(tmp_path / "val2017" / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": WIDTH, "height": HEIGHT})
    category = {"id": 1, "name": "person", "keypoints": list(KEYPOINTS), "skeleton": []}
    file = data.annotation_file(tmp_path, "val")
    file.write_text(json.dumps({"images": images, "annotations": PEOPLE, "categories": [category]}))
    return tmp_path, data.read_annotations(file)


def mask_of(root):
    """As the notebook gives it to the panel."""
    return COCO(str(data.annotation_file(root, "val"))).annToMask


@pytest.fixture
def panel(made):
    panel = browse(made[0], "val", made[1], mask_of(made[0]))
    panel.dpi = 30  # small pictures are quicker
    return panel


def shown(panel):
    """What is drawn now: numbers of box outlines, images, skeleton lines and joints."""
    (ax,) = panel.figure.axes
    boxes = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    lines = sum(len(each.get_segments()) for each in ax.collections if isinstance(each, LineCollection))
    joints = sum(len(each.get_offsets()) for each in ax.collections if isinstance(each, PathCollection))
    return {"boxes": len(boxes), "images": len(ax.images), "lines": lines, "joints": joints}


def test_every_option_of_every_control(panel):
    """The picture follows where the choice changes something: always, but for thresholds that nobody falls between."""
    options = {"size": ["S", "M", "L", "any"], "people": [2, 1], "seen": [*range(17, -1, -1)], "image": [2, 3, 4, 1]}
    for name, control in [*panel.controls.items()][::-1]:  # skeletons off first: they take most of the time
        for option in options.get(name, [True, False]):
            before, alt, same = panel.picture.value, panel.alt, control.value == option
            control.value = option
            assert html.escape(panel.alt) in panel.picture.value
            assert (panel.picture.value != before) == (panel.alt != alt)
            if name != "seen":
                assert same or panel.alt != alt, (name, option)
    assert (panel.controls["seen"].min, panel.controls["seen"].max) == (0, 17)
    assert panel.controls["people"].max == 2 and panel.controls["image"].max == 4
    assert [value for _, value in panel.controls["size"].options] == ["any", "S", "M", "L"]


def test_more_and_more_seen_joints_leave_fewer_images(panel):
    panel.controls["skeleton"].value = False
    counts = []
    for seen in (0, 1, 3, 10, 13):
        panel.controls["seen"].value = seen
        counts.append(int(panel.alt.split(" of ")[1].split()[0]))
    assert counts == [4, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("size", "people", "seen", "expected"),
    [
        ("any", 1, 1, [10, 20, 30, 40]),
        ("any", 1, 0, [10, 20, 30, 40]),
        ("any", 2, 1, [20, 40]),
        ("any", 1, 9, [20, 30, 40]),
        ("any", 1, 13, [20]),
        ("S", 1, 1, [10]),
        ("S", 1, 0, [10, 40]),
        ("S", 2, 1, []),
        ("M", 1, 1, [20, 40]),
        ("M", 1, 10, [20]),
        ("L", 1, 1, [30]),
        ("L", 1, 13, []),
    ],
)
def test_the_filter_finds_these_images(made, size, people, seen, expected):
    assert [entry["id"] for entry in Filter(made[1]).matching_images(size, people, seen)] == expected


@pytest.mark.parametrize(
    ("size", "seen", "expected"), [("any", 1, [10, 20, 30, 40]), ("S", 0, [10, 40]), ("L", 13, [])]
)
def test_the_panel_steps_through_what_the_filter_finds(panel, size, seen, expected):
    panel.controls["skeleton"].value = False
    panel.controls["size"].value, panel.controls["seen"].value = size, seen
    image, files = panel.controls["image"], []
    assert image.max == max(len(expected), 1) and image.value == 1 and image.disabled == (len(expected) < 2)
    for number in range(1, len(expected) + 1):
        image.value = number
        assert panel.alt.startswith(f"Image {number} of {len(expected)} that match, ")
        files.append(panel.alt.split(", ")[1].split(":")[0])
    assert files == [f"{number}.png" for number in expected]
    if not expected:
        assert panel.alt == "No image matches. Ask for fewer people, fewer seen joints, or another size."
        assert panel.figure.texts[0].get_text() == panel.alt and not panel.figure.axes


def test_the_borders_between_the_sizes(made):
    for area, size in ((1023.9, "S"), (1024, "M"), (9215.9, "M"), (9216, "L")):
        content = made[1] | {"annotations": [{**PEOPLE[1], "area": area}]}
        found = [name for name in ("S", "M", "L") if Filter(content).matching_images(name, 1, 0)]
        assert found == [size], area


def test_what_the_toggles_draw(panel):
    panel.controls["image"].value = 4  # one person of 9 joints, one nobody labelled, a crowd
    assert "40.png: 2 people, 1 matching" in panel.alt
    lines = sum(a < 9 and b < 9 for a, b in LIMBS)
    assert shown(panel) == {"boxes": 4, "images": 1, "lines": lines, "joints": 9}  # 1 + 1 crowd + 2 for dashes
    panel.controls["skeleton"].value = False
    assert shown(panel) == {"boxes": 4, "images": 1, "lines": 0, "joints": 0}
    panel.controls["box"].value = False
    assert shown(panel)["boxes"] == 0 and panel.alt.endswith("drawn with nothing over the image.")
    panel.controls["mask"].value = True  # the person's and the crowd's
    assert shown(panel)["images"] == 3 and panel.alt.endswith("drawn with 2 masks.")
    overlay = panel.figure.axes[0].images[1].get_array()
    covered = np.argwhere(overlay[..., 3] > 0)
    assert len(covered) == 1600 and covered.min(axis=0).tolist() == [5, 5] and covered.max() == 44


def test_buttons_step_and_stop_at_the_ends(panel):
    panel.controls["skeleton"].value = False
    image, seen = panel.controls["image"], []
    panel.buttons["previous"].click()
    assert image.value == 1
    for _ in range(5):
        panel.buttons["next"].click()
        seen.append(image.value)
    assert seen == [2, 3, 4, 4, 4] and "Image 4 of 4" in panel.alt
    panel.buttons["previous"].click()
    assert image.value == 3 and "30.png" in panel.alt


def test_a_new_filter_starts_at_its_first_match(panel):
    panel.controls["image"].value = 4
    panel.controls["size"].value = "M"
    assert panel.controls["image"].value == 1 and "Image 1 of 2 that match, 20.png" in panel.alt


def test_without_masks_the_panel_says_so(made):
    content = made[1] | {"annotations": [person(1, 10, (5, 5), 50, 8, mask=False)]}
    panel = browse(made[0], "val", content, mask_of(made[0]))
    panel.controls["mask"].value = True
    assert "no mask (the file holds none for them)" in panel.alt and shown(panel)["images"] == 1


def test_pictures_are_read_only_when_shown(made):
    root, content = made
    for number in (20, 40):
        (root / "val2017" / f"{number}.png").unlink()
    (root / "val2017" / "30.png").write_bytes(b"no image")
    panel = browse(root, "val", content, mask_of(root))  # shows 10, which is there
    assert "10.png" in panel.alt
    panel.controls["image"].value = 2
    assert "20.png" in panel.alt and "no image" in panel.alt and not panel.figure.axes
    panel.controls["image"].value = 3
    assert "30.png is not a readable image" in panel.alt


def test_a_data_set_without_anybody(made):
    content = made[1] | {"annotations": [PEOPLE[7]]}
    panel = browse(made[0], "val", content, mask_of(made[0]))
    assert panel.alt.startswith("No image matches") and panel.controls["image"].disabled
