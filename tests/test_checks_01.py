"""The exercises of notebook 01: right answers pass, classic mistakes are named."""

from pathlib import Path

from hpe_lib import data
from tests.exercises import exercises, prove


def test_the_exercises_are_there():
    assert list(exercises("01")) == ["1.1", "1.2", "1.3", "1.4", "1.5"]


def test_visibility_counts():
    prove(
        exercises("01")["1.1"],
        [
            """
def visibility_counts(keypoints):
    return np.bincount(np.reshape(keypoints, (17, 3))[:, 2].astype(int), minlength=3)
""",
            """
def visibility_counts(keypoints):
    found = {0: 0, 1: 0, 2: 0}
    for joint in range(17):
        found[keypoints[3 * joint + 2]] += 1
    return found.values()
""",
        ],
        {
            "the order turned round": "visibility_counts = lambda k: [k[2::3].count(v) for v in (2, 1, 0)]",
            "x taken for v": "visibility_counts = lambda k: [k[::3].count(v) for v in (0, 1, 2)]",
            "y taken for v": "visibility_counts = lambda k: [k[1::3].count(v) for v in (0, 1, 2)]",
            "counted from one": "visibility_counts = lambda k: [k[3::3].count(v) for v in (0, 1, 2)]",
            "a kind that does not occur left out": "visibility_counts = lambda k: np.bincount(k[2::3])",
            "all 51 numbers counted": "visibility_counts = lambda k: [k.count(v) for v in (0, 1, 2)]",
            "3 rows of 17": """
def visibility_counts(keypoints):
    x, y, v = np.reshape(keypoints, (3, 17))
    return [(v == kind).sum() for kind in range(3)]
""",
            "seen joints counted as hidden too": """
def visibility_counts(keypoints):
    v = np.array(keypoints[2::3])
    return [(v == 0).sum(), (v >= 1).sum(), (v >= 2).sum()]
""",
        },
    )


def test_keypoint_box():
    start = """
def keypoint_box(keypoints):
    joints = np.reshape(keypoints, (17, 3))
"""
    prove(
        exercises("01")["1.2"],
        [
            """
def keypoint_box(keypoints):
    xs = [x for x, v in zip(keypoints[0::3], keypoints[2::3]) if v]
    ys = [y for y, v in zip(keypoints[1::3], keypoints[2::3]) if v]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)
""",
            """
def keypoint_box(keypoints):
    joints = torch.tensor(keypoints, dtype=torch.float32, requires_grad=True).reshape(17, 3)
    places = joints[joints[:, 2] != 0][:, :2]
    low, high = places.amin(dim=0), places.amax(dim=0)
    return torch.cat([low, high - low])
""",
        ],
        {
            "unlabelled joints counted": start + "    x, y = joints[:, 0], joints[:, 1]\n"
            "    return [x.min(), y.min(), np.ptp(x), np.ptp(y)]",
            "x and y asked instead of v": start + "    x, y = joints[(joints[:, 0] > 0) & (joints[:, 1] > 0), :2].T\n"
            "    return [x.min(), y.min(), np.ptp(x), np.ptp(y)]",
            "hidden joints left out": start + "    x, y = joints[joints[:, 2] == 2, :2].T\n"
            "    return [x.min(), y.min(), np.ptp(x), np.ptp(y)]",
            "corners instead of width and height": start + "    x, y = joints[joints[:, 2] > 0, :2].T\n"
            "    return [x.min(), y.min(), x.max(), y.max()]",
            "x and y swapped": start + "    y, x = joints[joints[:, 2] > 0, :2].T\n"
            "    return [x.min(), y.min(), np.ptp(x), np.ptp(y)]",
            "width and height swapped": start + "    x, y = joints[joints[:, 2] > 0, :2].T\n"
            "    return [x.min(), y.min(), np.ptp(y), np.ptp(x)]",
            "whole numbers only": """
def keypoint_box(keypoints):
    x, y, v = np.reshape([int(n) for n in keypoints], (17, 3)).T
    return [x[v > 0].min(), y[v > 0].min(), np.ptp(x[v > 0]), np.ptp(y[v > 0])]
""",
            "one pixel added": start + "    x, y = joints[joints[:, 2] > 0, :2].T\n"
            "    return [x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1]",
        },
    )
    corner = start + "    x, y = joints[joints[:, :2].any(axis=1), :2].T  # not (0, 0)\n"
    corner += "    return [x.min(), y.min(), np.ptp(x), np.ptp(y)]"
    assert exercises("01")["1.2"].verdict(corner).misconception == "x and y asked instead of v"


def test_runs_of():
    prove(
        exercises("01")["1.3"],
        [
            """
from itertools import groupby

def runs_of(mask):
    runs = [(value, len(list(group))) for value, group in groupby(mask.T.ravel().tolist())]
    return ([0] if runs[0][0] == 1 else []) + [length for _, length in runs]
""",
            """
def runs_of(mask):
    flat = np.concatenate([[0], mask.flatten("F")])
    places = np.flatnonzero(np.diff(flat))
    return np.diff(np.concatenate([[0], places, [mask.size]]))
""",
        ],
        {
            "row by row": """
def runs_of(mask):
    counts, value, length = [], 0, 0
    for pixel in mask.ravel():
        if pixel != value:
            counts, value, length = [*counts, length], pixel, 0
        length += 1
    return [*counts, length]
""",
            "the empty run of zeros left out": """
from itertools import groupby
runs_of = lambda mask: [len(list(group)) for _, group in groupby(mask.ravel(order="F"))]
""",
            "a 0 too many at the start": """
def runs_of(mask):
    flat = np.concatenate([mask.ravel(order="F"), [2]])
    edges = np.flatnonzero(np.diff(flat)) + 1
    return [0, *np.diff([0, *edges])]
""",
            "a 0 too many at the end": """
def runs_of(mask):
    counts, value, length = [], 0, 0
    for pixel in [*mask.ravel(order="F"), 0]:
        if pixel != value:
            counts.append(length)
            value, length = pixel, 0
        length += 1
    return [*counts, length - 1]
""",
            "places instead of lengths": """
def runs_of(mask):
    flat = mask.ravel(order="F")
    changes = [i for i in range(len(flat)) if flat[i] != (flat[i - 1] if i else 0)]
    return [*changes, len(flat)]
""",
            "the last run forgotten": """
def runs_of(mask):
    counts, value, length = [], 0, 0
    for pixel in mask.ravel(order="F"):
        if pixel != value:
            counts.append(length)
            value, length = pixel, 0
        length += 1
    return counts
""",
            "ones counted first": """
def runs_of(mask):
    counts, value, length = [], 1, 0
    for pixel in mask.ravel(order="F"):
        if pixel != value:
            counts.append(length)
            value, length = pixel, 0
        length += 1
    return [*counts, length]
""",
        },
    )


def test_people_that_count():
    prove(
        exercises("01")["1.4"],
        [
            """
def people_that_count(annotations):
    found = 0
    for one in annotations:
        if one["iscrowd"] == 0 and any(v > 0 for v in one["keypoints"][2::3]):
            found += 1
    return found
""",
            """
import pandas as pd
people_that_count = lambda annotations: len(pd.DataFrame(annotations).query("iscrowd == 0 and num_keypoints >= 1"))
""",
        ],
        {
            "crowds counted": "people_that_count = lambda a: sum(one['num_keypoints'] > 0 for one in a)",
            "people without a label counted": "people_that_count = lambda a: sum(not one['iscrowd'] for one in a)",
            "everything counted": "people_that_count = lambda annotations: len(annotations)",
            "pictures counted instead of people": """
def people_that_count(annotations):
    return len({a["image_id"] for a in annotations if a["num_keypoints"] and not a["iscrowd"]})
""",
            "people with hidden joints only left out": """
def people_that_count(annotations):
    return len([a for a in annotations if not a["iscrowd"] and max(a["keypoints"][2::3]) == 2])
""",
            "only complete people counted": """
def people_that_count(annotations):
    return len([a for a in annotations if not a["iscrowd"] and all(v > 0 for v in a["keypoints"][2::3])])
""",
            "more than one joint asked for": """
def people_that_count(annotations):
    return sum(not one["iscrowd"] and one["num_keypoints"] > 1 for one in annotations)
""",
            "not all joints asked": """
def people_that_count(annotations):
    return sum(not one["iscrowd"] and one["keypoints"][2] > 0 for one in annotations)
""",
            "the rule about sizes too": """
def people_that_count(annotations):
    return sum(not one["iscrowd"] and one["num_keypoints"] > 0 and one["area"] > 0 for one in annotations)
""",
        },
    )
    for least in (3, 4, 5, 10, 16):
        code = f"people_that_count = lambda a: sum(not p['iscrowd'] and p['num_keypoints'] >= {least} for p in a)"
        assert exercises("01")["1.4"].verdict(code).misconception == "more than one joint asked for"
    head = "people_that_count = lambda a: sum(not p['iscrowd'] and any(p['keypoints'][2:15:3]) for p in a)"
    shown = exercises("01")["1.4"].verdict(head).text  # one person, to be typed
    assert "a = [{'iscrowd': 0, 'num_keypoints': 1, 'keypoints': [0] * 24 + [40, 60, 1] + [0] * 24" in shown


def test_the_rule_of_the_exercise_is_the_library_s():
    space = {}
    exec(exercises("01")["1.4"].solution, space)
    people = []
    for number, (labels, crowd) in enumerate([(17, 0), (1, 0), (0, 0), (5, 1), (0, 1), (3, 0)]):
        keypoints = [40, 60, 1] * labels + [0] * (51 - 3 * labels)
        one = {"id": number, "image_id": 1, "iscrowd": crowd, "num_keypoints": labels, "keypoints": keypoints}
        people.append(one | {"bbox": [20, 30, 90, 200], "area": 9000})
    content = {"images": [{"id": 1, "file_name": "", "width": 640, "height": 480}], "annotations": people}
    assert space["people_that_count"](people) == len(data.persons(Path(), "val", content)) == 3


def test_is_medium():
    prove(
        exercises("01")["1.5"],
        [
            "is_medium = lambda one: not (one['area'] < 1024 or one['area'] > 9216)",
            "is_medium = lambda one: np.float64(one['area']) >= 32**2 and 96 >= math.sqrt(one['area'])",
        ],
        {
            "the box's area": "is_medium = lambda one: 32**2 <= one['bbox'][2] * one['bbox'][3] <= 96**2",
            "the borders left out": "is_medium = lambda one: 32**2 < one['area'] < 96**2",
            "the upper border left out": "is_medium = lambda one: one['area'] in range(32**2, 96**2)",
            "the lower border left out": "is_medium = lambda one: 32**2 < one['area'] <= 96**2",
            "whole numbers only": "is_medium = lambda one: 32**2 <= int(one['area']) <= 96**2",
            "32 and 96 not squared": "is_medium = lambda one: 32 <= one['area'] <= 96",
            "the box's height": "is_medium = lambda one: 32 <= one['bbox'][3] <= 96",
        },
    )
