"""Checks of notebook 00: from a heatmap to the image, from the image to space, and what poses are used for."""

import math

import numpy as np
import torch

from hpe_lib import heatmaps
from hpe_lib.course.verdict import Mistake, judge
from hpe_lib.skeleton import KEYPOINTS

PARTS = ("a)", "b)", "c)")


def check_cell_to_crop(answer):
    """A function (number of the brightest cell, columns of the heatmap) -> (x, y) in crop px, at stride 4."""

    def right(number, columns):
        rows = number // columns + 1
        peak = torch.nn.functional.one_hot(torch.tensor(number), rows * columns).view(1, 1, rows, columns).float()
        return 4 * heatmaps.decode(peak, refine=None)[0][0, 0]  # (2,) x, y

    def wrong(change):
        return lambda number, columns: change(number % columns, number // columns)

    middle = "Cell 0 lies at crop px 0 itself, and cell 1 at px 4: no half cell is added. (Notebook 02 says why.)"
    # fmt: off
    mistakes = [
        Mistake("x and y swapped", wrong(lambda column, row: (4 * row, 4 * column)),
                "A step to the next column is a step to the right, and x is what grows to the right."),
        Mistake("the stride forgotten", wrong(lambda column, row: (column, row)),
                "This counts in cells. How many crop px are there from one cell to the next?"),
        Mistake("the middle of the 4 × 4 pixels", wrong(lambda column, row: (4 * column + 2, 4 * row + 2)), middle),
        Mistake("the middle of the 4 × 4 pixels", wrong(lambda column, row: (4 * column + 1.5, 4 * row + 1.5)), middle),
        Mistake("counted from one", wrong(lambda column, row: (4 * column + 4, 4 * row + 4)),
                "The cell in the top left corner is row 0 and column 0."),
    ]
    # fmt: on
    cases = [(26, 24), (487, 24), (1500, 48)]
    return judge(answer, right, cases, mistakes, "Columns become x, rows become y, and both are 4 px apart.")


def check_numbers_of_a_pose(answer):
    """How many numbers: [2-D keypoints, 3-D joints, 17 heatmaps of 32 × 24 cells]."""
    joints, cells = len(KEYPOINTS), 32 * 24
    # fmt: off
    mistakes = [
        Mistake("one number a joint", lambda given: joints in (given[0], given[1]),
                "17 is how many joints there are. How many numbers name the place of one of them?"),
        Mistake("more than the place counted", lambda given: given[0] == 3 * joints or given[1] == 4 * joints,
                "Count the place alone here: neither how sure the network is, nor whether a joint is visible."),
        Mistake("the third coordinate forgotten", lambda given: given[1] == 2 * joints,
                "In space a joint has a distance as well as a place to the side and a height."),
        Mistake("only one heatmap", lambda given: given[2] == cells,
                "That is one heatmap. Each joint has a heatmap of its own."),
        Mistake("pixels of the crop instead of cells",
                lambda given: given[2] in (128 * 96, 3 * 128 * 96, joints * 128 * 96),
                "A heatmap is smaller than the crop: look at the rows and columns that section 2 printed for it."),
    ]
    # fmt: on
    praise = "A heatmap is a rich answer to a small question; notebook 02 shows what the riches are good for."
    return judge(answer, [2 * joints, 3 * joints, joints * cells], None, mistakes, praise, 1e-9, PARTS)


def check_back_into_space(answer):
    """A function (u, v, z, focal, centre) -> the point (x, y, z) in metres that the camera maps to the pixel (u, v)."""

    def right(u, v, z, focal, centre):
        return (u - centre[0]) * z / focal, (v - centre[1]) * z / focal, z

    def wrong(change):
        return lambda u, v, z, focal, centre: change(u - centre[0], v - centre[1], z, focal)

    # fmt: off
    mistakes = [
        Mistake("the image's centre forgotten", lambda u, v, z, focal, centre: (u * z / focal, v * z / focal, z),
                "The point straight ahead, x = y = 0, is seen at the centre, not at pixel (0, 0)."),
        Mistake("the distance forgotten", wrong(lambda du, dv, z, focal: (du / focal, dv / focal, z)),
                "This would be right for z = 1 m. Twice as far away, the same pixel is twice as far to the side."),
        Mistake("projected instead of undone", wrong(lambda du, dv, z, focal: (focal * du / z, focal * dv / z, z)),
                "This multiplies by the focal length and divides by z once more. Solve the camera's equation for x."),
        Mistake("divided by the distance", wrong(lambda du, dv, z, focal: (du / (focal * z), dv / (focal * z), z)),
                "The camera divides by z, so the way back multiplies by it."),
        Mistake("x and y swapped", wrong(lambda du, dv, z, focal: (dv * z / focal, du * z / focal, z)),
                "u belongs to x, and v to y."),
        Mistake("y turned upwards", wrong(lambda du, dv, z, focal: (du * z / focal, -dv * z / focal, z)),
                "In the camera's axes y points down, as in the image, so no sign changes."),
    ]
    # fmt: on
    cases = [(370, 255, 3.0, 500.0, (320.0, 240.0)), (100.5, 400.25, 4.2, 444.5, (119.5, 159.5))]
    return judge(answer, right, cases, mistakes, "The pixel fixes the line of sight, z says where on it.", 1e-6)


def check_candidate_links(answer):
    """[links to score for 6 shoulders and 4 elbows, of these right at most, links to score for 30 people]."""
    # fmt: off
    mistakes = [
        Mistake("added instead of multiplied", lambda given: given[0] == 10 or given[2] == 60,
                "Take one shoulder: with how many elbows can it be linked? And there are several shoulders."),
        Mistake("all pairs of points", lambda given: given[0] in (45, 90) or given[2] in (1770, 3540),
                "A shoulder is never linked with a shoulder: each link here leads from a shoulder to an elbow."),
        Mistake("only the correct links", lambda given: given[0] in (4, 6) or given[2] == 30,
                "These are the links that turn out correct. Before scoring, the method cannot know which they are."),
        Mistake("a person's own elbow left out", lambda given: given[0] == 20 or given[2] == 870,
                "The link with a person's own elbow is the correct one. It must be scored as well."),
        Mistake("pairs halved", lambda given: given[0] == 12 or given[2] in (435, 450),
                "No link comes up twice, so nothing is to be halved: one end is a shoulder, the other one an elbow."),
        Mistake("a shoulder without its elbow linked", lambda given: given[1] == 6,
                "Two people's elbows were not found. What would their shoulders be linked with?"),
    ]
    # fmt: on
    praise = "The work of linking grows with the square of the number of people, and most candidates are wrong."
    return judge(answer, [24, 4, 900], None, mistakes, praise, 1e-9, PARTS)


def check_joint_angle(answer):
    """A function (a, b, c) of three points (x, y) -> the angle at b in degrees, from 0 to 180."""

    def cosine(at, one, other):
        return (one - at) @ (other - at) / np.linalg.norm(one - at) / np.linalg.norm(other - at)

    def right(a, b, c):
        return np.degrees(np.arccos(np.clip(cosine(b, a, c), -1, 1)))

    def rounded(at, one, other):  # the angle in radians without np.clip: NaN where the cosine is a little too large
        with np.errstate(invalid="ignore"):
            return np.arccos(cosine(at, one, other))

    def outer(a, b, c):  # the difference of two directions, which may be more than half a turn
        (ax, ay), (cx, cy) = a - b, c - b
        return np.degrees(abs(np.arctan2(ay, ax) - np.arctan2(cy, cx)))

    radians = "A right angle should give 90. NumPy's angles are in radians, where it is 1.57."
    bent = "This is 0 for a stretched leg. Both arrows must start at b: one leads to a, the other one to c."
    elsewhere = "The angle is asked for at the middle point, b, so both arrows start there."
    straight = (
        "One leg here is perfectly stretched: a = [20, 198], b = [52, 243], c = [116, 333]. Print its cosine with all "
        "digits. Which values can arccos take?"
    )
    # fmt: off
    mistakes = [
        Mistake("rounding beyond -1", lambda a, b, c: np.degrees(rounded(b, a, c)), straight),
        Mistake("rounding beyond -1", lambda a, b, c: math.degrees(math.acos(cosine(b, a, c))), straight),
        Mistake("radians instead of degrees", lambda a, b, c: np.radians(right(a, b, c)), radians),
        Mistake("radians instead of degrees", lambda a, b, c: rounded(b, a, c), radians),
        Mistake("the cosine instead of the angle", lambda a, b, c: cosine(b, a, c),
                "The normalised dot product is the cosine. One step is missing to the angle."),
        Mistake("how far it is bent", lambda a, b, c: 180 - right(a, b, c), bent),
        Mistake("how far it is bent", lambda a, b, c: 180 - np.degrees(rounded(b, a, c)), bent),
        Mistake("the angle at another point", lambda a, b, c: right(b, a, c), elsewhere),
        Mistake("the angle at another point", lambda a, b, c: np.degrees(rounded(a, b, c)), elsewhere),
        Mistake("the angle at another point", lambda a, b, c: right(a, c, b), elsewhere),
        Mistake("the angle on the outer side", outer,
                "The difference of two directions may be more than half a turn. What does 270 mean for a knee?"),
    ]
    # fmt: on
    points = [
        [(210, 300), (205, 380), (260, 420)],
        [(100.5, 50), (40, 80.25), (90.5, 95)],
        [(-70, -30), (-30, 0), (-60, 25)],
    ]
    points.append([(20, 198), (52, 243), (116, 333)])  # stretched: the cosine comes out as -1.0000000000000002
    cases = [tuple(np.array(point, dtype=float) for point in three) for three in points]
    return judge(
        answer, right, cases, mistakes, "Three joints are enough to measure a knee bend, as the image shows it."
    )
