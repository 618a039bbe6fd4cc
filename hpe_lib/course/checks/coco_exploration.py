"""Checks of notebook 01: what the fields of a COCO annotation mean, and who counts."""

import numpy as np

from hpe_lib.course.verdict import Mistake, judge
from hpe_lib.synthetic.labels import run_lengths


def _keypoints(joints):
    """51 numbers of a person who has these joints, {number: (x, y, v)}, and no other label."""
    return [number for joint in range(17) for number in joints.get(joint, (0, 0, 0))]


def check_visibility_counts(answer):
    """A function (51 numbers) -> [joints with v = 0, with v = 1, with v = 2]."""

    def count(v):
        return [int((np.asarray(v) == kind).sum()) for kind in (0, 1, 2)]

    absent = (
        "Some people have no joint with v = 2, or v = 0 only. The answer always holds three counts, some of them 0."
    )
    # fmt: off
    mistakes = [
        Mistake("the order turned round", lambda k: count(k[2::3])[::-1],
                "The counts are right, but the first one should be that of v = 0."),
        Mistake("x taken for v", lambda k: count(k[0::3]),
                "This starts with the first number, which is an x. Which of each three numbers is v?"),
        Mistake("y taken for v", lambda k: count(k[1::3]),
                "This starts with the second number, which is a y. Which of each three numbers is v?"),
        Mistake("counted from one", lambda k: count(k[3::3]),
                "Python counts places from 0, so place 3 is the x of the second joint. At which place is the first v?"),
        Mistake("a kind that does not occur left out", lambda k: np.bincount(k[2::3]), absent),
        Mistake("a kind that does not occur left out", lambda k: np.unique(k[2::3], return_counts=True)[1], absent),
        Mistake("all 51 numbers counted", count,
                "Coordinates may be 0, 1 or 2 as well. Pick out the 17 visibilities first."),
        Mistake("3 rows of 17", lambda k: count(k[34:]),
                "The list goes x, y, v, x, y, v, ...: reshaped, it has 17 rows of 3, not 3 rows of 17."),
        Mistake("seen joints counted as hidden too",
                lambda k: [count(k[2::3])[0], 17 - count(k[2::3])[0], count(k[2::3])[2]],
                "v = 1 means hidden, and no other value does. The three counts add up to 17."),
    ]
    # fmt: on
    cases = [
        ([2, 0, 1, 1, 2, 2] + [0] * 45,),  # coordinates may be 0, 1 or 2, as the labels are
        ([0] * 51,),
        ([7, 1, 1] * 5 + [0] * 36,),  # none is seen
        ([1, 9, 2] * 9 + [0, 5, 1] * 8,),  # all have a label
        ([0, 4, 2] * 10 + [2, 1, 1] * 4 + [0] * 9,),
    ]
    return judge(answer, lambda k: count(k[2::3]), cases, mistakes, "Every third number is a label, not a place.", 1e-9)


def check_keypoint_box(answer):
    """A function (51 numbers) -> [x, y, width, height] of the smallest box round the labelled keypoints."""

    def box(points):  # (n, 2)
        return np.concatenate([points.min(axis=0), np.ptp(points, axis=0)])

    def chosen(rule):
        return lambda k: box(np.reshape(k, (17, 3))[rule(np.reshape(k, (17, 3))[:, 2])][:, :2])

    def asked(rule):  # where x and y are asked in place of v
        return lambda k: box(np.array([place for place in np.reshape(k, (17, 3))[:, :2] if rule(*place)]))

    border = (
        "A labelled joint may lie at x = 0 or y = 0, on the image's border. Which number says whether it has a label?"
    )
    right = chosen(lambda v: v > 0)
    # fmt: off
    mistakes = [
        Mistake("unlabelled joints counted", chosen(lambda v: v >= 0),
                "Your box begins at (0, 0). Which joints have that place, and is it one?"),
        Mistake("x and y asked instead of v", asked(lambda x, y: x > 0 and y > 0), border),
        Mistake("x and y asked instead of v", asked(lambda x, y: x > 0 or y > 0), border),
        Mistake("x and y asked instead of v", asked(lambda x, y: x > 0), border),
        Mistake("x and y asked instead of v", asked(lambda x, y: y > 0), border),
        Mistake("hidden joints left out", chosen(lambda v: v == 2),
                "A joint with v = 1 is labelled too: its place was judged, and it belongs into the box."),
        Mistake("corners instead of width and height", lambda k: right(k) + np.concatenate([[0, 0], right(k)[:2]]),
                "The last two numbers are the opposite corner. COCO's boxes end with width and height."),
        Mistake("x and y swapped", lambda k: right(k)[[1, 0, 3, 2]],
                "Of each three numbers the first one is x, and the box starts with x as well."),
        Mistake("width and height swapped", lambda k: right(k)[[0, 1, 3, 2]],
                "The width is the way from the smallest to the largest x."),
        Mistake("one pixel added", lambda k: np.add(right(k), [0, 0, 1, 1]),
                "Keypoints are places, not pixels that fill space: from 3 to 10 it is 7 px, not 8."),
        Mistake("whole numbers only", lambda k: right(np.array(k).astype(int)),
                "Places may lie between two pixels, such as x = 390.41: keep what stands behind the point."),
    ]
    # fmt: on
    people = [
        _keypoints({0: (100.5, 50, 2), 9: (120, 90.25, 1)}),
        _keypoints({3: (0, 0, 2), 16: (390.41, 7, 1)}),  # labelled in the image's corner
        _keypoints(
            {2: (50, 60, 1), 5: (333, 470, 2), 6: (0, 130, 2), 8: (200.5, 0, 1)}
        ),  # on its left and upper border
    ]
    cases = [(person,) for person in people]
    return judge(answer, right, cases, mistakes, "First ask v > 0, then use the places.", tolerance=1e-6)


def check_runs_of(answer):
    """A function (mask of 0 and 1) -> the counts of its run-length code, column by column, zeros first."""

    def right(mask):
        return run_lengths(mask)["counts"]

    def lengths(flat):  # of equal neighbours, whatever comes first
        edges = np.flatnonzero(np.diff(flat)) + 1
        return np.diff([0, *edges, len(flat)]).tolist()

    start = "[[0, 1, 1], [1, 1, 0]] begins with a zero, so its first count is 1. Which masks have 0 there?"
    end = (
        "The last count ends with the mask, and nothing comes after it: [[0, 1, 1], [1, 1, 0]] gives 1, 4, 1, and "
        "a mask that ends with a 1 ends with the count of these ones."
    )
    # fmt: off
    mistakes = [
        Mistake("row by row", lambda mask: right(mask.T),
                "COCO goes down the first column, then down the second one. NumPy's own order is row by row."),
        Mistake("the empty run of zeros left out", lambda mask: lengths(mask.ravel(order="F")),
                "A reader takes the first count for zeros. What must it be for [[1, 0], [1, 1], [0, 1], [0, 0]]?"),
        Mistake("a 0 too many at the start", lambda mask: [0, *lengths(mask.ravel(order="F"))], start),
        Mistake("a 0 too many at the start", lambda mask: [0, *right(mask)], start),
        Mistake("a 0 too many at the end", lambda mask: [*right(mask), 0], end),
        Mistake("a 0 too many at the end", lambda mask: right(mask) + [0] * int(mask[-1, -1]), end),
        Mistake("a 0 too many at the end", lambda mask: right(mask) + [0] * int(not mask[-1, -1]), end),
        Mistake("places instead of lengths", lambda mask: np.cumsum(right(mask)).tolist(),
                "These are the places where the runs end. How long is each run?"),
        Mistake("the last run forgotten", lambda mask: right(mask)[:-1],
                "The counts should add up to the number of pixels. The last run ends with the mask, not with a "
                "change."),
        Mistake("ones counted first", lambda mask: right(1 - mask),
                "The first count is that of zeros."),
    ]
    # fmt: on
    cases = [
        (np.array([[0, 0, 1, 0], [0, 1, 1, 0], [0, 1, 0, 1]]),),
        (np.array([[1, 0], [1, 1], [0, 1], [0, 0]]),),  # begins with a one
        (np.array([[0, 1, 1], [1, 1, 0]]),),  # ends with a zero
    ]
    return judge(answer, right, cases, mistakes, "Decoded again, these counts give the mask back.", tolerance=1e-9)


def check_people_that_count(answer):
    """A function (list of annotations) -> how many of them are people to learn from."""

    def number(rule):
        return lambda annotations: sum(map(rule, annotations))

    def counts(one):
        return not one["iscrowd"] and one["num_keypoints"] > 0

    # fmt: off
    mistakes = [
        Mistake("crowds counted", number(lambda one: one["num_keypoints"] > 0),
                "iscrowd = 1 outlines a whole group that nobody took apart: there is nobody to learn from."),
        Mistake("people without a label counted", number(lambda one: not one["iscrowd"]),
                "Somebody without a single labelled keypoint has nothing to teach."),
        Mistake("everything counted", len,
                "Two kinds of annotation are to be left out; here all of them are counted."),
        Mistake("pictures counted instead of people",
                lambda annotations: len({one["image_id"] for one in annotations if counts(one)}),
                "This is the number of images with such people. Two people in one image count twice."),
        Mistake("people with hidden joints only left out",
                number(lambda one: counts(one) and 2 in one["keypoints"][2::3]),
                "One person has no seen joint, but hidden ones with a label (v = 1), and these are trained."),
        Mistake("only complete people counted", number(lambda one: counts(one) and one["num_keypoints"] == 17),
                "One labelled keypoint is enough. All 17 are not needed."),
        *[Mistake("more than one joint asked for",
                  number(lambda one, least=least: counts(one) and one["num_keypoints"] >= least),
                  "One labelled keypoint is enough, and some of these people have no more.") for least in range(2, 17)],
        *[Mistake("not all joints asked",
                  number(lambda one, place=3 * joint + 2: not one["iscrowd"] and one["keypoints"][place] > 0),
                  "Some people have their only label at a joint that you do not ask. Any of the 17 will do.")
          for joint in range(17)],
        Mistake("the rule about sizes too", number(lambda one: counts(one) and one["area"] > 0),
                "The third rule, about sizes, is left to the cell below: one of these people has the area 0."),
    ]
    # fmt: on

    def annotation(keypoints, image=1, crowd=0, area=9000.0):
        joints = {"num_keypoints": sum(v > 0 for v in keypoints[2::3]), "keypoints": keypoints}
        return {"iscrowd": crowd, **joints, "image_id": image, "bbox": [20.0, 30.0, 90.0, 200.0], "area": area}

    nobody, whole = annotation([0] * 51), annotation([40, 60, 2] * 17)
    single = [annotation(_keypoints({joint: (40, 60, 1 + joint % 2)})) for joint in range(17)]
    hidden, group = annotation([40, 60, 1] * 5 + [0] * 36, image=2), annotation([40, 60, 2] * 9 + [0] * 24, 2, crowd=1)
    empty, flat = annotation([0] * 51, 2, crowd=1), annotation([40, 60, 2] * 8 + [0] * 27, 3, area=0.0)
    several = [annotation([40, 60, 2] * n + [0] * (51 - 3 * n), 3) for n in range(2, 17)]
    half = annotation([0] * 24 + [40, 60, 2] * 9, 3)
    alone = [[one] for one in (single[8], nobody, group, hidden, flat, half, single[0], single[16])]
    cases = [(people,) for people in (*alone, [whole, nobody, hidden, group, empty, *single], several)]
    return judge(answer, number(counts), cases, mistakes, "On COCO's val2017 this rule leaves 6,352 people.", 1e-9)


def check_is_medium(answer):
    """A function (annotation) -> whether the person is of size M: an area from 32² to 96² px², both included."""

    def size(measure, low=32**2, high=96**2):
        return lambda one: bool(low <= measure(one) <= high)

    def area(one):
        return one["area"]

    def box(one):
        return one["bbox"][2] * one["bbox"][3]

    # fmt: off
    mistakes = [
        Mistake("the box's area", size(box),
                "Width times height is the box. The person fills only a part of it, and has a field of their own."),
        Mistake("the borders left out", lambda one: 32**2 < one["area"] < 96**2,
                "Exactly 32² and exactly 96² px² are of size M too: 'at least' is >=, not >."),
        Mistake("the upper border left out", lambda one: 32**2 <= one["area"] < 96**2,
                "Exactly 96² px² is still of size M."),
        Mistake("the lower border left out", lambda one: 32**2 < one["area"] <= 96**2,
                "Exactly 32² px² is already of size M."),
        Mistake("32 and 96 not squared", size(area, 32, 96),
                "32 and 96 are sides of a square in px. An area is counted in px²."),
        Mistake("whole numbers only", size(lambda one: int(one["area"])),
                "Areas may lie between whole numbers: 9216.4 px² is more than 96² px²."),
        Mistake("the box's height", size(lambda one: one["bbox"][3], 32, 96),
                "COCO sorts people by area, not by height: somebody lying is no smaller than somebody standing."),
    ]
    # fmt: on
    rows = [(5000, 80, 140), (1024, 40, 60), (9216, 130, 150), (1023, 50, 60), (9217, 90, 95), (5000, 200, 90)]
    rows += [(64, 8, 16), (9216.4, 95, 100), (1023.6, 40, 50)]
    cases = [({"area": float(a), "bbox": [10.0, 20.0, float(w), float(h)]},) for a, w, h in rows]
    return judge(answer, size(area), cases, mistakes, "The mask's area decides, and the borders belong to M.")
