"""Checks of notebook 06: from heatmaps to points, back to the image, and the flip test; more in `confidence`."""

import numpy as np
import torch

from hpe_lib import geometry, heatmaps
from hpe_lib.course.verdict import Mistake, judge, same
from hpe_lib.skeleton import FLIP_ORDER


def check_flat_index(answer):
    """On a map of 64 x 48 cells: the flat index of (x, y) = (30, 10), and x and y of the flat index 2000."""
    height, width = 64, 48
    y, x = np.unravel_index(2000, (height, width))
    right = [np.ravel_multi_index((10, 30), (height, width)), x, y]
    # fmt: off
    mistakes = [
        Mistake("the height instead of the width",
                lambda a: same(a[0], 10 * height + 30, 0) or same(a[1:], [2000 % height, 2000 // height], 0),
                "How many cells does one row hold? That is the map's width."),
        Mistake("x and y swapped", lambda a: same(a[0], 30 * width + 10, 0) or same(a[1:], [y, x], 0),
                "Whole rows lie behind one another: y counts the rows above, x the cells in the point's own row."),
        Mistake("counted down the columns",
                lambda a: same(a[0], 30 * height + 10, 0) or same(a[1:], [2000 // height, 2000 % height], 0),
                "torch goes along the rows, from left to right, and then to the next row. You went down the columns."),
        Mistake("counted from 1",
                lambda a: same(a[0], right[0] + 1, 0) or same(a[1:], [x + 1, y + 1], 0) or same(a[1:], [x - 1, y], 0),
                "Rows, columns and places are all counted from 0, so (0, 0) has the place 0."),
        Mistake("crop pixels", lambda a: same(a[1:], [4 * x, 4 * y], 0),
                "These are pixels of the crop. Asked for are cells of the map."),
    ]
    # fmt: on
    return judge(answer, right, mistakes=mistakes, praise="There and back, by the width.", tolerance=0)


def check_quarter_pixel(answer):
    """A function (h (H, W), x, y) -> (x, y) in heatmap px, a quarter toward the higher neighbours of the peak."""

    def right(h, x, y):
        return heatmaps.decode(h[None, None], refine="quarter")[0][0, 0].tolist()

    def inner(x, y, width, height):
        return 1 < x < width - 1 and 1 < y < height - 1

    def wrong(step=lambda difference: 0.25 * torch.sign(difference), inside=None, swapped=False):
        def both(x, y, width, height):
            return (inner(x, y, width, height),) * 2

        def function(h, x, y):
            move_x, move_y = (inside or both)(x, y, h.shape[1], h.shape[0])
            h = h.T if swapped else h
            dx = step(h[y, x + 1] - h[y, x - 1]) if move_x else 0
            dy = step(h[y + 1, x] - h[y - 1, x]) if move_y else 0
            return x + float(dx), y + float(dy)

        return function

    def moved_before_use(whole, first):
        def function(h, x, y):
            place, (height, width) = {"x": x, "y": y}, h.shape
            if not inner(x, y, width, height):
                return x, y
            for axis in first:
                at = {name: int(value) if whole else value for name, value in place.items()}
                x, y = at["x"], at["y"]
                pair = (h[y, x + 1], h[y, x - 1]) if axis == "x" else (h[y + 1, x], h[y - 1, x])
                place[axis] = place[axis] + 0.25 * float(torch.sign(pair[0] - pair[1]))
            return place["x"], place["y"]

        return function

    def each_alone(x, y, width, height):
        return 1 < x < width - 1, 1 < y < height - 1

    def second_column(x, y, width, height):
        return (0 < x < width - 1 and 0 < y < height - 1,) * 2

    def too_narrow(x, y, width, height):
        return (1 < x < width - 2 and 1 < y < height - 2,) * 2

    mistakes = [
        Mistake(
            "x and y swapped",
            wrong(swapped=True),
            "A map is indexed `h[y, x]`: the row first. The right neighbour of the peak is one *column* further.",
        ),
        Mistake(
            "away from the higher neighbour",
            wrong(step=lambda difference: -0.25 * torch.sign(difference)),
            "The size of the step is right, its direction is not: the truth lies toward the higher neighbour.",
        ),
        Mistake(
            "half a pixel",
            wrong(step=lambda difference: 0.5 * torch.sign(difference)),
            "The direction is right, but half a cell is twice as far as the rule goes.",
        ),
        Mistake(
            "the difference instead of its sign",
            wrong(step=lambda difference: 0.25 * difference),
            "The rule asks only which neighbour is higher, not by how much: it takes the sign of the difference.",
        ),
        Mistake(
            "equal neighbours decided",
            wrong(step=lambda difference: 0.25 if difference > 0 else -0.25),
            "When both neighbours are equal, nothing says where to go: sign(0) is 0.",
        ),
        Mistake(
            "equal neighbours decided",
            wrong(step=lambda difference: 0.25 if difference >= 0 else -0.25),
            "When both neighbours are equal, nothing says where to go: sign(0) is 0.",
        ),
        Mistake(
            "column 1 and row 1 moved",
            wrong(inside=second_column),
            "Both neighbours exist there, but read the borders once more: 1 < x, and not 0 < x.",
        ),
        Mistake(
            "stopped too early at the far border",
            wrong(inside=too_narrow),
            "The last column but one has both neighbours and is moved: x < W - 1 is true for x = W - 2.",
        ),
        Mistake(
            "each coordinate with a border of its own",
            wrong(inside=each_alone),
            "A peak in row 1 is not moved at all, not even in x: both conditions must hold for either step.",
        ),
        Mistake(
            "the border forgotten",
            wrong(inside=lambda x, y, width, height: (True, True)),
            "Near the border nothing is moved. (And in Python `h[y, -1]` is the *last* column: no error warns you.)",
        ),
        *(
            Mistake(
                "moved before it was used as an index",
                moved_before_use(whole, first),
                "After its step a coordinate lies between two cells, and is no index any more (`int` may even name the "
                "wrong cell). Compare all four neighbours of the peak first, then move.",
            )
            for whole in (False, True)
            for first in ("xy", "yx")
        ),
    ]
    cases = []
    peaks = (((6, 9), 3, 4), ((6, 9), 5, 2), ((6, 9), 4, 1), ((6, 9), 1, 3), ((9, 5), 3, 3), ((6, 9), 0, 3))
    for seed, ((height, width), x, y) in enumerate(peaks):
        h = 0.8 * torch.rand(height, width, generator=torch.Generator().manual_seed(seed))
        h[y, x] = 1.0
        cases.append((h, x, y))
    cases[0][0][4, 2], cases[0][0][4, 4] = 0.7, 0.1  # to the left
    cases[1][0][2, 4] = cases[1][0][2, 6] = 0.5  # equal
    return judge(answer, right, cases, mistakes, "Borders and equal neighbours included.")


def check_cell_to_image(answer):
    """A function (point (2,) heatmap px, matrix (2, 3) image px to crop px, stride) -> (2,) image px."""

    def right(point, matrix, stride):
        return geometry.transform(stride * np.asarray(point), geometry.invert(matrix))

    def back(change):
        def function(point, matrix, stride):
            return change(np.asarray(point), stride, lambda p: geometry.transform(p, geometry.invert(matrix)), matrix)

        return function

    # fmt: off
    mistakes = [
        Mistake("the stride forgotten", back(lambda p, stride, undo, matrix: undo(p)),
                "The matrix speaks of crop pixels. How many of them does one step from cell to cell make?"),
        Mistake("the inverse forgotten", back(lambda p, stride, undo, matrix: geometry.transform(stride * p, matrix)),
                "The matrix takes image px to crop px. You want to go the other way."),
        Mistake("divided by the stride", back(lambda p, stride, undo, matrix: undo(p / stride)),
                "There are fewer cells than crop pixels, so a point's numbers grow on the way to the crop."),
        Mistake("the stride after the inverse", back(lambda p, stride, undo, matrix: stride * undo(p)),
                "First from the map to the crop, then from the crop to the image: the two cannot change places."),
        Mistake("half a pixel added", back(lambda p, stride, undo, matrix: undo(stride * (p + 0.5))),
                "No half is added: cell 0 was centred on crop pixel 0 when the targets were drawn."),
        Mistake("half a pixel added", back(lambda p, stride, undo, matrix: undo(stride * (p + 0.5) - 0.5)),
                "No half is added: cell 0 was centred on crop pixel 0 when the targets were drawn."),
        Mistake("the shift taken off too late",
                back(lambda p, stride, undo, matrix: np.linalg.inv(matrix[:, :2]) @ (stride * p) - matrix[:, 2]),
                "The matrix first multiplies by A, then adds b. To undo it, take b off first."),
        Mistake("the rotation ignored",
                back(lambda p, stride, undo, matrix: (stride * p - matrix[:, 2]) / np.diag(matrix[:, :2])),
                "Right without a rotation. One of the crops is turned, and then x also depends on y: A has four "
                "numbers."),
        Mistake("the transpose for the inverse",
                back(lambda p, stride, undo, matrix: matrix[:, :2].T @ (stride * p - matrix[:, 2])),
                "The transpose undoes a rotation. It does not undo the magnification k that is in the matrix too."),
        Mistake("x and y swapped", back(lambda p, stride, undo, matrix: undo(stride * p[::-1])),
                "The point is (x, y), and so is the matrix. Nothing needs to be turned round."),
    ]
    # fmt: on
    cases = [
        (np.array([10.25, 31.0]), geometry.crop_matrix((300.0, 180.0), (120.0, 160.0), (192, 256)), 4),
        (np.array([20.0, 5.75]), geometry.crop_matrix((64.0, 410.0), (240.0, 320.0), (192, 256), 30.0), 4),
        (np.array([7.0, 12.0]), geometry.crop_matrix((90.0, 75.0), (60.0, 80.0), (96, 128), -15.0), 2),
    ]
    return judge(answer, right, cases, mistakes, "Out of the map, through the crop, into the photograph.")


def check_flip_back(answer):
    """A function: maps of the mirrored crops (N, 17, H, W) -> maps in the frame of the plain crops, same shape."""

    def right(mirrored):
        return 2 * heatmaps.merge_flipped(torch.zeros_like(mirrored), mirrored)

    def shifted(maps, first):
        return torch.cat([first(maps), maps[..., :-1]], dim=-1)

    def stay(maps):
        return maps[..., :1]

    def onto_itself(mirrored):
        maps = mirrored.flip(-1)[:, FLIP_ORDER]
        maps[..., 1:] = maps[..., :-1]  # what comes out of it depends on the machine
        return maps

    mistakes = [
        Mistake(
            "left and right not swapped",
            lambda m: shifted(m.flip(-1), stay),
            "Columns and shift are right. But what the network calls a left wrist in a mirror is a right wrist.",
        ),
        Mistake(
            "not mirrored back",
            lambda m: shifted(m[:, FLIP_ORDER], stay),
            "Names and shift are right, but every joint is still where it is in the mirror image.",
        ),
        Mistake(
            "turned upside down",
            lambda m: shifted(m.flip(-2)[:, FLIP_ORDER], stay),
            "You reversed the rows. A mirror image has its *columns* reversed, and they are the last dimension.",
        ),
        Mistake(
            "not shifted",
            lambda m: m.flip(-1)[:, FLIP_ORDER],
            "Mirrored back and named rightly. The two grids do not lie on each other yet: step 3 is missing.",
        ),
        Mistake(
            "shifted to the left",
            lambda m: torch.cat([m.flip(-1)[:, FLIP_ORDER][..., 1:], m.flip(-1)[:, FLIP_ORDER][..., -1:]], dim=-1),
            "The content moved to the left. (Did you shift first? Mirroring turns a shift to the right round.)",
        ),
        Mistake(
            "rolled round",
            lambda m: m.flip(-1)[:, FLIP_ORDER].roll(1, dims=-1),
            "The last column came back in at the left. Column 0 should keep what it had.",
        ),
        *(
            Mistake(
                "written over what was still to be read",
                smeared,
                "You move columns inside of one tensor: some were overwritten before they were read. Copy first.",
            )
            for smeared in (onto_itself, lambda m: m.flip(-1)[:, FLIP_ORDER][..., :1].expand_as(m))
        ),
        Mistake(
            "column 0 emptied",
            lambda m: shifted(m.flip(-1)[:, FLIP_ORDER], lambda maps: 0 * maps[..., :1]),
            "Everything is right but column 0: it keeps its values, zeros are not put there.",
        ),
        Mistake(
            "the channels in reverse order",
            lambda m: shifted(m.flip(-1).flip(1), stay),
            "Reversing all channels gives the nose the name of an ankle. Only the two of each pair change places.",
        ),
        *(
            Mistake(
                "one step of three",
                step,
                "One step is done, and two are missing. Do them one after the other: mirror, swap, shift.",
            )
            for step in (lambda m: m.flip(-1), lambda m: m[:, FLIP_ORDER], lambda m: shifted(m, stay))
        ),
    ]
    cases = [(torch.rand(2, 17, 4, 6, generator=torch.Generator().manual_seed(seed)),) for seed in (0, 1)]
    return judge(answer, right, cases, mistakes, "Equal to what heatmaps.merge_flipped does before it averages.")


def check_threshold(answer):
    """A function (scores (J,), labelled (J,), right (J,), threshold) -> precision, recall of the joints above it."""

    def measured(denominators, said=lambda scores, threshold: scores > threshold):
        def function(scores, labelled, right, threshold):
            above = said(scores, threshold)
            return [(above & right).sum() / count for count in denominators(above, labelled, right)]

        return function

    def said_and_labelled(scores, labelled, right, threshold):
        above = scores > threshold
        return [(above & right).sum() / above.sum(), (above & labelled).sum() / labelled.sum()]

    def both(above, labelled, right):
        return above.sum(), labelled.sum()

    # fmt: off
    mistakes = [
        Mistake("unlabelled joints left out",
                measured(lambda above, labelled, right: ((above & labelled).sum(), labelled.sum())),
                "The program also spoke of joints without a label. Those words were not right, and count in the "
                "precision."),
        Mistake("recall of the labelled joints that were said",
                measured(lambda above, labelled, right: (above.sum(), (above & labelled).sum())),
                "A labelled joint that the program kept silent about is not found: recall is over *all* labelled "
                "joints."),
        Mistake("said instead of right", said_and_labelled,
                "To say something about a labelled joint is not enough for recall: it must be right, too."),
        Mistake("recall over all joints", measured(lambda above, labelled, right: (above.sum(), len(above))),
                "Nobody can find a joint that is not there: recall asks about the labelled ones only."),
        Mistake("recall over the right answers", measured(lambda above, labelled, right: (above.sum(), right.sum())),
                "Joints that the network got wrong are missed, too: recall asks about *all* labelled ones."),
        Mistake("precision and recall swapped", measured(lambda above, labelled, right: (labelled.sum(), above.sum())),
                "Precision looks at what was said, recall at what should have been said."),
        Mistake("a score at the threshold counted", measured(both, said=lambda scores, threshold: scores >= threshold),
                "We say the joints whose score is *above* the threshold. One of the scores is equal to it."),
        Mistake("precision over all joints", measured(lambda above, labelled, right: (len(above), labelled.sum())),
                "A joint that the program kept silent about is neither right nor wrong. Divide by those that it said."),
        Mistake("the threshold forgotten", measured(both, said=lambda scores, threshold: scores >= -np.inf),
                "All joints are counted here, whatever their score."),
    ]
    # fmt: on
    scores = np.array([0.9, 0.8, 0.75, 0.7, 0.6, 0.5, 0.5, 0.4, 0.3, 0.25, 0.2, 0.1])
    labelled = np.array([1, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1], dtype=bool)
    right = np.array([1, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0], dtype=bool)
    cases = [(scores, labelled, right, threshold) for threshold in (0.5, 0.25, 0.72)]
    return judge(answer, measured(both), cases, mistakes, "What was said, and what should have been said.")
