"""Checks of notebook 02: from box to crop to heatmaps, and the mirror."""

import math

import numpy as np

from hpe_lib import geometry, heatmaps
from hpe_lib.course.verdict import Mistake, judge
from hpe_lib.skeleton import FLIP_ORDER, FLIP_PAIRS


def check_crop_scale_matrix(answer):
    """A function (center, size, output_wh) -> (2, 3), image px to crop px, without rotation."""

    def wrong(change):
        def function(center, size, output_wh):
            (cx, cy), k, (w, h) = center, output_wh[0] / size[0], output_wh
            return np.array(change(cx, cy, k, w, h))

        return function

    # fmt: off
    mistakes = [
        Mistake("x and y swapped", wrong(lambda cx, cy, k, w, h: [[k, 0, h / 2 - k * cy], [0, k, w / 2 - k * cx]]),
                "The first row makes x: it needs the centre's x and the crop's width."),
        Mistake("the crop's middle forgotten", wrong(lambda cx, cy, k, w, h: [[k, 0, -k * cx], [0, k, -k * cy]]),
                "This takes the frame's centre to (0, 0). It belongs in the middle of the crop."),
        Mistake("the inverse scale",
                wrong(lambda cx, cy, k, w, h: [[1 / k, 0, w / 2 - cx / k], [0, 1 / k, h / 2 - cy / k]]),
                "A frame of 96 px on a crop of 192 px makes things larger: k is crop width / frame width."),
        Mistake("the centre moved before it is scaled",
                wrong(lambda cx, cy, k, w, h: [[k, 0, w / 2 - cx], [0, k, h / 2 - cy]]),
                "k cx is where the scaling takes the centre. That, not cx, must be brought to the crop's middle."),
        Mistake("from the crop back to the image",
                lambda center, size, output_wh: geometry.invert(geometry.crop_matrix(center, size, output_wh)),
                "This is the way back, the inverse of M. Points of the image come in here, and crop px are asked for."),
    ]
    # fmt: on
    cases = [((100.0, 60.0), (96.0, 128.0), (192, 256)), ((310.5, 207.25), (112.5, 150.0), (96, 128))]
    return judge(answer, geometry.crop_matrix, cases, mistakes, "The frame's centre lands in the middle of the crop.")


def check_nearest_cell(answer):
    """A function (crop point (x, y), stride) -> (column, row) of the nearest heatmap cell; halves go up."""

    def right(point, stride):
        maps, _ = heatmaps.encode([[point]], [[1]], size=(64, 80), stride=stride)
        return heatmaps.decode(maps, refine=None)[0][0, 0]  # (2,)

    def wrong(change):
        return lambda point, stride: [change(value, stride) for value in point]

    half_cell = (
        "This lays the cells out as an image-resizing program does. Here cell i sits on pixel stride · i itself."
    )
    # fmt: off
    mistakes = [
        Mistake("rounded down", wrong(lambda value, stride: value // stride),
                "x = 101 lies 1 px from cell 25 and 3 px from cell 26, but which is nearest to x = 103?"),
        Mistake("rounded up", wrong(lambda value, stride: np.ceil(value / stride)),
                "x = 103 lies 1 px from cell 26 and 3 px from cell 25, but which is nearest to x = 101?"),
        Mistake("column and row swapped", lambda point, stride: right(point, stride).flip(0),
                "The column comes from x and stands first here."),
        Mistake("half a cell off", wrong(lambda value, stride: int((value - (stride - 1) / 2) / stride + 0.5)),
                half_cell),
        Mistake("half a cell off", wrong(lambda value, stride: round((value + 0.5) / stride - 0.5)), half_cell),
        Mistake("halves to the even number", wrong(lambda value, stride: round(value / stride)),
                "Python's round and np.round take 2.5 to 2 and 3.5 to 4. Add 0.5 and drop what is behind the point."),
        Mistake("whole pixels only", wrong(lambda value, stride: int(int(value) / stride + 0.5)),
                "A place may lie between two pixels: 4.5 px lie half way between two cells at stride 3. Divide first."),
        Mistake("not rounded", wrong(lambda value, stride: value / stride),
                "A cell has whole numbers. Which one is nearest?"),
        Mistake("multiplied by the stride", wrong(lambda value, stride: value * stride),
                "This leads from cells to crop px. Here the way back is asked for."),
    ]
    # fmt: on
    cases = [((101.0, 58.0), 4), ((10.0, 103.4), 4), ((18.0, 2.0), 4), ((150.2, 33.0), 8), ((77.6, 90.5), 2)]
    cases += [((4.5, 0.0), 3), ((17.99, 13.99), 4)]  # a half of an odd stride; just below a half
    return judge(answer, right, cases, mistakes, "Divide, add a half, drop the rest: the official rule.", 1e-9)


def check_gaussian(answer):
    """A function (cell (mx, my), size (W, H), sigma) -> (H, W) bell of height 1 on that cell."""

    def cut(reach):  # everything, or a square that reaches so many sigma
        def function(cell, size, sigma):
            x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
            near = np.maximum(abs(x - cell[0]), abs(y - cell[1])) <= reach * sigma
            return near * bell((x - cell[0]) ** 2 + (y - cell[1]) ** 2, sigma)

        return function

    right = cut(np.inf)

    def bell(d2, sigma):
        return np.exp(-d2 / (2 * sigma**2))

    def wrong(change):
        def function(cell, size, sigma):
            x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
            return change((x - cell[0]) ** 2 + (y - cell[1]) ** 2, sigma)

        return function

    # fmt: off
    mistakes = [
        Mistake("sigma not squared", wrong(lambda d2, sigma: np.exp(-d2 / (2 * sigma))),
                "One sigma away the height should be exp(-1/2) = 0.61, whatever sigma is."),
        Mistake("the factor 2 forgotten", wrong(lambda d2, sigma: np.exp(-d2 / sigma**2)),
                "One sigma away the height should be exp(-1/2) = 0.61; yours is exp(-1) = 0.37."),
        Mistake("the distance not squared", wrong(lambda d2, sigma: np.exp(-np.sqrt(d2) / (2 * sigma**2))),
                "The exponent needs the squared distance. Yours makes a pointed tent, not a bell."),
        Mistake("x and y swapped", lambda cell, size, sigma: wrong(bell)(cell[::-1], size, sigma),
                "The peak is at the wrong place: mx counts columns, and an array is asked for its row first."),
        Mistake("rows and columns of the map swapped", lambda cell, size, sigma: right(cell, size, sigma).T,
                "size is (width, height), but an array's shape is (rows, columns) = (height, width)."),
        Mistake("the minus forgotten", wrong(lambda d2, sigma: np.exp(d2 / (2 * sigma**2))),
                "Your values grow with the distance."),
        Mistake("sum 1 instead of height 1", wrong(lambda d2, sigma: bell(d2, sigma) / (2 * np.pi * sigma**2)),
                "A probability density has the factor 1 / (2 pi sigma²). A target's peak has the height 1."),
        Mistake("sum 1 instead of height 1", wrong(lambda d2, sigma: bell(d2, sigma) / bell(d2, sigma).sum()),
                "The values of a target need not add up to 1. Its peak has the height 1."),
        *[Mistake("the bell cut off", cut(reach),
                  "The official targets are cut so, but here the whole bell is asked for.") for reach in (2, 3, 4)],
    ]
    # fmt: on
    cases = [((1, 0), (3, 2), 1.0), ((2, 3), (7, 5), 2.0), ((1, 4), (5, 8), 1.5), ((3, 3), (7, 7), 1.0)]
    cases += [((1, 0), (12, 2), 2.0), ((0, 8), (2, 10), 1.5)]  # long enough to be cut
    return judge(answer, right, cases, mistakes, "Height 1 on the cell, 0.61 one sigma away.", tolerance=1e-6)


def check_target_weight(answer):
    """A function (crop point (x, y), v) -> 1 where the joint is trained, else 0, for 48 x 64 cells at stride 4."""

    def right(point, v):
        return heatmaps.encode([[point]], [[v]])[1][0, 0]

    def inside(point):
        return 0 <= point[0] < 192 and 0 <= point[1] < 256

    def near(point):  # by the distance of the point, not of its cell
        return -24 <= point[0] < 216 and -24 <= point[1] < 280

    def off_sideways(point):
        return not -30 < point[0] < 214

    def touching(rounded):  # the rule, with the joint's cell found in another way
        return lambda point, v: float(
            v > 0 and all(-6 <= rounded(value / 4) < cells + 6 for value, cells in zip(point, (48, 64)))
        )

    towards_zero = "Left of the crop and above it, `int` does not round down: -6.75 becomes -6. Try x = -29."
    # fmt: off
    mistakes = [
        Mistake("hidden joints left out", lambda point, v: right(point, v) * (v == 2),
                "v = 1 is labelled: the annotator knew the place, so the network shall learn it."),
        Mistake("v taken as the weight", lambda point, v: right(point, v) * v,
                "A seen joint would count twice as much as a hidden one. A weight is 0 or 1."),
        Mistake("joints outside the crop left out", lambda point, v: float(v > 0 and inside(point)),
                "A joint just outside still has a part of its bell inside, and that part can be learnt."),
        Mistake("trained wherever they are", lambda point, v: float(v > 0),
                "Far outside, nothing of the bell is inside. What would the network be asked to draw?"),
        Mistake("unlabelled joints trained", lambda point, v: right(point, 2),
                "v = 0 has no place: its (0, 0) is not a corner where a joint lies."),
        Mistake("only x looked at", lambda point, v: float(v > 0 and not off_sideways(point)),
                "A bell can miss the map above or below it as well."),
        Mistake("the cell rounded down", touching(lambda value: math.floor(value + 0.5)), towards_zero),
        Mistake("the cell rounded down", touching(round), towards_zero),
        Mistake("24 px from the point instead of 6 cells from its cell", lambda point, v: float(v > 0 and near(point)),
                "The square stands on whole cells, so first find the joint's cell: at x = 214 that is cell 54."),
    ]
    # fmt: on
    points = [(100, 128), (100, 128), (0, 0), (213.9, 128), (216, 128), (100, 277.9), (100, 290), (-20, 50), (-60, 50)]
    visible = [1, 2, 0, 2, 2, 1, 2, 1, 2]
    points += [(190, -70), (214, 128), (-25, 128), (100, 278), (100, -25), (-29, 128), (100, -29)]  # near the edge
    visible += [1, 2, 2, 2, 1, 2, 2]
    cases = [((float(x), float(y)), v) for (x, y), v in zip(points, visible)]
    praise = "Labelled, and some of the bell inside: that is all that a target needs."
    return judge(answer, right, cases, mistakes, praise, tolerance=1e-9)


def check_mirrored_pose(answer):
    """A function (pose (17, 3), image width) -> (17, 3) of the mirrored image, left and right renamed."""

    def moved(pose, width):
        return pose * [-1, 1, 1] + [width - 1, 0, 0]

    def right(pose, width):
        return moved(pose, width)[FLIP_ORDER]

    def one_side_lost(pose, width):  # a = b, b = a, without a copy
        pose = moved(pose, width)
        for left, right in FLIP_PAIRS:
            pose[left] = pose[right]
        return pose

    # fmt: off
    mistakes = [
        Mistake("left still called left", moved,
                "The points are all on joints, but the left wrist of the mirrored person is what was the right one."),
        Mistake("a pixel off", lambda pose, width: right(pose, width + 1),
                "Pixels are counted from 0 to W - 1, so pixel 0 must land on pixel W - 1."),
        Mistake("names swapped, but nothing mirrored", lambda pose, width: pose[FLIP_ORDER],
                "Left and right have changed their names, but all points are where they were. What becomes of x?"),
        Mistake("the visibility stays behind",
                lambda pose, width: np.column_stack([right(pose, width)[:, :2], pose[:, 2]]),
                "When two joints change names, each takes its v along."),
        Mistake("one side written over the other", one_side_lost,
                "Both sides are equal now: the first was overwritten before it was copied. Swap through a copy."),
        Mistake("upside down", lambda pose, width: (pose * [1, -1, 1] + [0, width - 1, 0])[FLIP_ORDER],
                "A mirror on the wall changes left and right: x. y stays as it is."),
    ]
    # fmt: on
    rng = np.random.default_rng(0)
    plain = np.array([[30.0, 20.0, 2.0]] * 17)
    plain[1] = 60, 25, 1  # a person whom one can type
    cases = [(plain, 100)]
    for width in (320, 427):
        x, y = rng.integers(0, 4 * width, 17) / 4, rng.integers(0, 960, 17) / 4
        cases.append((np.column_stack([x, y, rng.integers(1, 3, 17)]), width))
    return judge(answer, right, cases, mistakes, "Mirrored, and each joint has the name that the image now shows.")
