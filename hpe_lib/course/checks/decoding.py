"""Checks of notebook 06: from heatmaps to points, back to the image, the flip test, and thresholds of confidence."""

from dataclasses import replace

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

    def either(index, *points):
        return lambda a: same(a[0], index, 0) or any(same(a[1:], list(point), 0) for point in points)

    # fmt: off
    mistakes = [
        Mistake("the height instead of the width", either(10 * height + 30, (2000 % height, 2000 // height)),
                "How many cells does one row hold? That is the map's width."),
        Mistake("x and y swapped", either(30 * width + 10, (y, x)),
                "Whole rows lie behind one another: y counts the rows above, x the cells in the point's own row."),
        Mistake("counted down the columns", either(30 * height + 10, (2000 // height, 2000 % height)),
                "torch goes along the rows, from left to right, and then to the next row. You went down the columns."),
        Mistake("counted from 1", either(right[0] + 1, (x + 1, y + 1), (x - 1, y)),
                "Rows, columns and places are all counted from 0, so (0, 0) has the place 0."),
        Mistake("crop pixels", lambda a: same(a[1:], [4 * x, 4 * y], 0),
                "These are pixels of the crop. Asked for are cells of the map."),
    ]
    # fmt: on
    return judge(answer, right, mistakes=mistakes, praise="There and back, by the width.", tolerance=0)


def check_quarter_pixel(answer):
    """A function (h (H, W), x, y) -> (x, y) in heatmap px, a quarter toward the higher neighbours of the peak."""

    def rule(step=lambda difference: torch.sign(difference) / 4, first=1, last=1, alone=False, turned=False):
        """The rule inside of first < x < W - last, and y likewise; alone: each coordinate for itself."""

        def function(h, x, y):
            inside = [first < at < size - last for at, size in ((x, h.shape[1]), (y, h.shape[0]))]
            move_x, move_y = inside if alone else [all(inside)] * 2
            h = h.T if turned else h
            dx = step(h[y, x + 1] - h[y, x - 1]) if move_x else 0
            dy = step(h[y + 1, x] - h[y - 1, x]) if move_y else 0
            return x + float(dx), y + float(dy)

        return function

    def too_early(order, index):
        """Each coordinate is moved, in this order, before the next one reads the map."""

        def function(h, x, y):
            if 1 < x < h.shape[1] - 1 and 1 < y < h.shape[0] - 1:
                for axis in order:
                    i, j = index(x), index(y)
                    if axis == "x":
                        x = x + torch.sign(h[j, i + 1] - h[j, i - 1]) / 4
                    else:
                        y = y + torch.sign(h[j + 1, i] - h[j - 1, i]) / 4
            return x, y

        return function

    nothing = "When both neighbours are equal, nothing says where to go: sign(0) is 0."
    moved = (
        "After its step a coordinate lies between two cells, and is no index any more (`int` may even name the wrong "
        "cell). Compare all four neighbours of the peak first, then move."
    )
    # fmt: off
    mistakes = [
        Mistake("x and y swapped", rule(turned=True),
                "A map is indexed `h[y, x]`: the row first. The right neighbour of the peak is one *column* further."),
        Mistake("away from the higher neighbour", rule(lambda difference: -torch.sign(difference) / 4),
                "The size of the step is right, its direction is not: the truth lies toward the higher neighbour."),
        Mistake("half a pixel", rule(lambda difference: torch.sign(difference) / 2),
                "The direction is right, but half a cell is twice as far as the rule goes."),
        Mistake("the difference instead of its sign", rule(lambda difference: difference / 4),
                "The rule asks only which neighbour is higher, not by how much: it takes the difference's sign."),
        Mistake("equal neighbours decided", rule(lambda difference: 0.25 if difference > 0 else -0.25), nothing),
        Mistake("equal neighbours decided", rule(lambda difference: 0.25 if difference >= 0 else -0.25), nothing),
        Mistake("column 1 and row 1 moved", rule(first=0),
                "Both neighbours exist there, but read the borders once more: 1 < x, and not 0 < x."),
        Mistake("stopped too early at the far border", rule(last=2),
                "The last column but one has both neighbours and is moved: x < W - 1 is true for x = W - 2."),
        Mistake("each coordinate with a border of its own", rule(alone=True),
                "A peak in row 1 is not moved at all, not even in x: both conditions must hold for either step."),
        Mistake("the border forgotten", rule(first=-1, last=0),
                "Near a border nothing is moved. (At the left no error warns you: `h[y, -1]` is the *last* column.)"),
        *(Mistake("moved before it was used as an index", too_early(order, index), moved)
          for order in ("xy", "yx") for index in (int, lambda value: value)),
    ]
    # fmt: on
    cases = [(torch.tensor([[0, 0, 0, 0], [0, 0, 3, 0], [0, 2, 9, 4], [0, 0, 1, 0]]) / 10, 2, 2)]
    peaks = [(6, 5, x, y) for x, y in ((3, 3), (4, 2), (2, 2), (4, 1), (1, 3), (5, 3), (2, 4))]
    peaks += [(5, 6, 3, 3), (5, 6, 2, 2), (5, 6, 0, 3)]
    for seed, (width, height, x, y) in enumerate(peaks):
        h = torch.randint(0, 9, (height, width), generator=torch.Generator().manual_seed(seed)) / 10
        h[y, x] = 1.0
        cases.append((h, x, y))
    cases[1][0][3, 2], cases[1][0][3, 4] = 0.7, 0.1  # to the left; and down, where the column at the left says up
    cases[1][0][2:5:2, 2:4] = torch.tensor([[0.6, 0.2], [0.3, 0.5]])
    cases[2][0][2, 3] = cases[2][0][2, 5] = 0.5  # equal
    return judge(answer, rule(), cases, mistakes, "Borders and equal neighbours included.")


def check_cell_to_image(answer):
    """A function (point (2,) heatmap px, matrix (2, 3) image px to crop px, stride) -> (2,) image px."""

    def right(point, matrix, stride):
        return geometry.transform(stride * np.asarray(point), geometry.invert(matrix))

    def wrong(way):
        """way: (point, stride, how crop px become image px, A, b) -> image px."""

        def function(point, matrix, stride):
            def undo(p):
                return geometry.transform(p, geometry.invert(matrix))

            return way(np.asarray(point), stride, undo, matrix[:, :2], matrix[:, 2])

        return function

    halves = "No half is added: cell 0 was centred on crop pixel 0 when the targets were drawn."
    # fmt: off
    mistakes = [
        Mistake("the stride forgotten", wrong(lambda p, stride, undo, A, b: undo(p)),
                "The matrix speaks of crop pixels. How many of them does one step from cell to cell make?"),
        Mistake("the inverse forgotten", wrong(lambda p, stride, undo, A, b: A @ (stride * p) + b),
                "The matrix takes image px to crop px. You want to go the other way."),
        Mistake("divided by the stride", wrong(lambda p, stride, undo, A, b: undo(p / stride)),
                "There are fewer cells than crop pixels, so a point's numbers grow on the way to the crop."),
        Mistake("the stride after the inverse", wrong(lambda p, stride, undo, A, b: stride * undo(p)),
                "First from the map to the crop, then from the crop to the image: the two cannot change places."),
        Mistake("half a pixel added", wrong(lambda p, stride, undo, A, b: undo(stride * (p + 0.5))), halves),
        Mistake("half a pixel added", wrong(lambda p, stride, undo, A, b: undo(stride * (p + 0.5) - 0.5)), halves),
        Mistake("b taken off too late", wrong(lambda p, stride, undo, A, b: np.linalg.inv(A) @ (stride * p) - b),
                "The matrix first multiplies by A, then adds b. To undo it, take b off first."),
        Mistake("the rotation ignored", wrong(lambda p, stride, undo, A, b: (stride * p - b) / np.diag(A)),
                "Right without a rotation. One of the crops is turned, and then x also depends on y: A has 4 numbers."),
        Mistake("the transpose for the inverse", wrong(lambda p, stride, undo, A, b: A.T @ (stride * p - b)),
                "The transpose undoes a rotation. It does not undo the magnification k that is in the matrix too."),
        Mistake("x and y swapped", wrong(lambda p, stride, undo, A, b: undo(stride * p[::-1])),
                "The point is (x, y), and so is the matrix. Nothing needs to be turned round."),
    ]
    # fmt: on
    cases = [
        (np.array([3.0, 5.0]), np.array([[2.0, 0.0, -8.0], [0.0, 2.0, -10.0]]), 4),
        (np.array([10.25, 31.0]), geometry.crop_matrix((300.0, 180.0), (120.0, 160.0), (192, 256)), 4),
        (np.array([20.0, 5.75]), geometry.crop_matrix((64.0, 410.0), (240.0, 320.0), (192, 256), 30.0), 4),
        (np.array([7.0, 12.0]), geometry.crop_matrix((90.0, 75.0), (60.0, 80.0), (96, 128), -15.0), 2),
    ]
    return judge(answer, right, cases, mistakes, "Out of the map, through the crop, into the photograph.")


def check_flip_back(answer):
    """A function: maps of the mirrored crops (N, 17, H, W) -> maps in the frame of the plain crops, same shape."""

    def right(mirrored):
        return 2 * heatmaps.merge_flipped(torch.zeros_like(mirrored), mirrored)

    def back(maps):
        return maps.flip(-1)[:, FLIP_ORDER]

    def shifted(maps, first=lambda maps: maps[..., :1]):
        return torch.cat([first(maps), maps[..., :-1]], dim=-1)

    def onto_itself(maps):
        maps = back(maps)
        maps[..., 1:] = maps[..., :-1]  # what comes out of it depends on the machine
        return maps

    smeared = "You move columns inside of one tensor: some were overwritten before they were read. Copy first."
    two_missing = "One step is done, and two are missing. Do them one after the other: mirror, swap, shift."
    # fmt: off
    mistakes = [
        Mistake("left and right not swapped", lambda m: shifted(m.flip(-1)),
                "Columns and shift are right. But what the network calls a left wrist in a mirror is a right wrist."),
        Mistake("not mirrored back", lambda m: shifted(m[:, FLIP_ORDER]),
                "Names and shift are right, but every joint is still where it is in the mirror image."),
        Mistake("turned upside down", lambda m: shifted(m.flip(-2)[:, FLIP_ORDER]),
                "You reversed the rows. A mirror image has its *columns* reversed, and they are the last dimension."),
        Mistake("not shifted", back,
                "Mirrored back and named rightly. The two grids do not lie on each other yet: step 3 is missing."),
        Mistake("shifted to the left", lambda m: torch.cat([back(m)[..., 1:], back(m)[..., -1:]], dim=-1),
                "The content moved to the left. (Did you shift first? Mirroring turns a shift to the right round.)"),
        Mistake("rolled round", lambda m: back(m).roll(1, dims=-1),
                "The last column came back in at the left. Column 0 should keep what it had."),
        Mistake("written over what was still to be read", onto_itself, smeared),
        Mistake("written over what was still to be read", lambda m: back(m)[..., :1].expand_as(m), smeared),
        Mistake("column 0 emptied", lambda m: shifted(back(m), lambda maps: 0 * maps[..., :1]),
                "Everything is right but column 0: it keeps its values, zeros are not put there."),
        Mistake("the channels in reverse order", lambda m: shifted(m.flip(-1).flip(1)),
                "Reversing all channels gives the nose the name of an ankle. Only the two of each pair swap."),
        *(Mistake("one step of three", step, two_missing)
          for step in (lambda m: m.flip(-1), lambda m: m[:, FLIP_ORDER], shifted)),
    ]
    # fmt: on
    cases = [(torch.arange(102.0).reshape(1, 17, 2, 3),)]
    cases += [(torch.rand(2, 17, 4, 6, generator=torch.Generator().manual_seed(seed)),) for seed in (0, 1)]
    verdict = judge(answer, right, cases, mistakes, "Equal to what heatmaps.merge_flipped does before it averages.")
    if "of shape (1, 17, 2, 3)" in verdict.text:  # the first case, too large to be written out
        verdict = replace(verdict, text=f"{verdict.text} (This input is torch.arange(102.0).reshape(1, 17, 2, 3).)")
    return verdict


def check_threshold(answer):
    """A function (scores (J,), labelled (J,), right (J,), threshold) -> precision, recall of the joints above it."""

    def measured(
        precision_of=lambda above, labelled, right: above,
        recall_of=lambda above, labelled, right: labelled,
        said=np.greater,
        found=lambda above, labelled, right: above & right,
    ):
        """Precision and recall, over those that the first two functions choose; found: what recall counts."""

        def function(scores, labelled, right, threshold):
            all_three = above, *_ = said(scores, threshold), labelled, right
            precision = (above & right).sum() / precision_of(*all_three).sum()
            return [precision, found(*all_three).sum() / recall_of(*all_three).sum()]

        return function

    # fmt: off
    mistakes = [
        Mistake("unlabelled joints left out", measured(lambda above, labelled, right: above & labelled),
                "The program also spoke of joints without a label. That was not right, and counts in the precision."),
        Mistake("recall of the labelled joints that were said",
                measured(recall_of=lambda above, labelled, right: above & labelled),
                "A labelled joint on which the program was silent is not found: recall is over *all* labelled joints."),
        Mistake("said instead of right", measured(found=lambda above, labelled, right: above & labelled),
                "To say something about a labelled joint is not enough for recall: it must be right, too."),
        Mistake("recall over all joints", measured(recall_of=lambda above, labelled, right: np.ones_like(above)),
                "Nobody can find a joint that is not there: recall asks about the labelled ones only."),
        Mistake("recall over the right answers", measured(recall_of=lambda above, labelled, right: right),
                "Joints that the network got wrong are missed, too: recall asks about *all* labelled ones."),
        Mistake("precision and recall swapped",
                measured(lambda above, labelled, right: labelled, lambda above, labelled, right: above),
                "Precision looks at what was said, recall at what should have been said."),
        Mistake("a score at the threshold counted", measured(said=np.greater_equal),
                "We say the joints whose score is *above* the threshold. One of the scores is equal to it."),
        Mistake("precision over all joints", measured(lambda above, labelled, right: np.ones_like(above)),
                "A joint on which the program kept silent is neither right nor wrong. Divide by those that it said."),
        Mistake("the threshold forgotten", measured(said=lambda scores, threshold: scores > -np.inf),
                "All joints are counted here, whatever their score."),
    ]
    # fmt: on
    scores = np.array([0.9, 0.8, 0.75, 0.7, 0.6, 0.5, 0.5, 0.4, 0.3, 0.25, 0.2, 0.1])
    labelled = np.array([1, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1], dtype=bool)
    right = np.array([1, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0], dtype=bool)
    few = [1, 2, 7, 8]  # four of them come first, to be followed on paper
    cases = [(scores[few], labelled[few], right[few], 0.5)]
    cases += [(scores, labelled, right, threshold) for threshold in (0.5, 0.25, 0.72)]
    return judge(answer, measured(), cases, mistakes, "What was said, and what should have been said.")
