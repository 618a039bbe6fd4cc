"""Checks of notebook 10: turned pictures, boxes from centre points, boxes from poses, links, MOTA."""

from itertools import pairwise

import numpy as np

from hpe_lib.course.verdict import Mistake, judge


def check_upright_point(answer):
    """A function (x, y, width, height, orientation) -> x, y."""

    def of(three=None, six=None, eight=None):
        def upright_point(x, y, width, height, orientation):
            ways = {
                3: three or (lambda x, y, w, h: [w - 1 - x, h - 1 - y]),
                6: six or (lambda x, y, w, h: [h - 1 - y, x]),
                8: eight or (lambda x, y, w, h: [y, w - 1 - x]),
            }
            return ways.get(orientation, lambda x, y, w, h: [x, y])(x, y, width, height)

        return upright_point

    right = of()
    # fmt: off
    mistakes = [
        Mistake("turned the other way", of(six=lambda x, y, w, h: [y, w - 1 - x],
                                           eight=lambda x, y, w, h: [h - 1 - y, x]),
                "6 and 8 are exchanged. With 6, what is stored at the top is seen at the right."),
        Mistake("the first pixel forgotten", of(lambda x, y, w, h: [w - x, h - y], lambda x, y, w, h: [h - y, x],
                                                lambda x, y, w, h: [y, w - x]),
                "Pixels are counted from 0: the last of `width` pixels has the number width - 1."),
        Mistake("width and height exchanged", of(six=lambda x, y, w, h: [w - 1 - y, x],
                                                 eight=lambda x, y, w, h: [y, h - 1 - x]),
                "y runs over the stored height, x over the stored width. Which of them is subtracted from which?"),
        Mistake("x and y exchanged, without a turn", of(six=lambda x, y, w, h: [y, x], eight=lambda x, y, w, h: [y, x]),
                "This mirrors the picture at its diagonal: letters would be read backwards."),
        Mistake("upside down is mirrored", of(three=lambda x, y, w, h: [x, h - 1 - y]),
                "A half turn changes both coordinates. One alone gives a mirror image."),
        Mistake("nothing turned", of(*[lambda x, y, w, h: [x, y]] * 3),
                "The point stays where it was, whatever the orientation."),
    ]
    # fmt: on
    cases = [
        (10, 3, 40, 30, 1),
        (10, 3, 40, 30, 3),
        (10, 3, 40, 30, 6),
        (10, 3, 41, 30, 8),
        (7, 19, 33, 50, 6),
        (0, 5, 9, 13, 8),
        (22, 4, 64, 48, 3),
    ]
    return judge(answer, right, cases, mistakes, "The corner that was first is now where the eye expects it.")


def check_box_from_cell(answer):
    """A function (column, row, offset (2,), log_size (2,), stride) -> x, y, width, height in px."""

    def of(size=np.exp, half=0.5, swap=False, use=1.0, sizes=slice(None), scale=lambda box, stride: box * stride):
        def box_from_cell(column, row, offset, log_size, stride):
            place = np.array([row, column] if swap else [column, row], dtype=float) + use * np.asarray(offset)
            wide = size(np.asarray(log_size, dtype=float))[sizes]
            return scale(np.concatenate([place - half * wide, wide]), stride)

        return box_from_cell

    def sizes_in_cells(box, stride):
        return np.concatenate([box[:2] * stride, box[2:]])

    # fmt: off
    mistakes = [
        Mistake("the logarithm as the size", of(size=lambda log: log),
                "The network gives the *logarithm* of the size: a size is its exponential, and so never negative."),
        Mistake("the centre as the corner", of(half=0.0),
                "x and y are the upper left corner. The cell and the offset give the centre."),
        Mistake("the whole size instead of half of it", of(half=1.0),
                "From the centre to the corner it is half of the width, and half of the height."),
        Mistake("row and column exchanged", of(swap=True),
                "The column is x, the row is y."),
        Mistake("the offset forgotten", of(use=0.0),
                "The centre lies somewhere in the cell: the offset says where. At this stride a cell is many pixels."),
        Mistake("width and height exchanged", of(sizes=slice(None, None, -1)),
                "The first number of `log_size` is the width's."),
        Mistake("in cells", of(scale=lambda box, stride: box),
                "All numbers are cells; a cell has `stride` px."),
        Mistake("the size in cells", of(scale=sizes_in_cells),
                "x and y are px here, width and height still cells. (And the corner was found in cells.)"),
    ]
    # fmt: on
    cases = [
        (10, 4, [0.5, 0.25], [1.0, 2.0], 8),
        (3, 17, [-0.2, 0.9], [0.4, 1.3], 4),
        (25, 12, [0.0, 0.4], [2.1, 1.6], 8),
        (0, 2, [0.3, 0.1], [-0.5, 0.2], 16),
    ]
    return judge(answer, of(), cases, mistakes, "Five numbers of a cell are a person's box.", tolerance=1e-5)


def check_box_of_pose(answer):
    """A function (pose (J, 3), threshold) -> x, y, width, height in px."""

    def of(
        seen=lambda score, limit: score > limit,
        low=lambda low, size: low - 0.15 * size,
        size=lambda size: 1.3 * size,
        corner=False,
    ):
        def box_of_pose(pose, threshold):
            pose = np.asarray(pose, dtype=float)
            points = pose[seen(pose[:, 2], threshold), :2]
            least, extent = points.min(axis=0), np.ptp(points, axis=0)
            first, wide = low(least, extent), size(extent)
            return np.concatenate([first, first + wide if corner else wide])

        return box_of_pose

    # fmt: off
    mistakes = [
        Mistake("all joints", of(seen=lambda score, limit: score > -1),
                "A joint that the network did not see may lie anywhere. Leave out those of a low score."),
        Mistake("joints at the threshold, too", of(seen=lambda score, limit: score >= limit),
                "Above means above: a score of exactly the threshold is left out."),
        Mistake("no margin", of(low=lambda low, size: low, size=lambda size: size),
                "The top of the head and the toes lie outside of the joints: each side goes out by 15 %."),
        Mistake("a margin at the end only", of(low=lambda low, size: low, size=lambda size: 1.15 * size),
                "The box grows to the right and below only. Each of the four sides goes out."),
        Mistake("15 % in all", of(low=lambda low, size: low - 0.075 * size, size=lambda size: 1.15 * size),
                "15 % at *each* side makes the box 30 % wider."),
        Mistake("the corner moved, the size kept", of(size=lambda size: size),
                "The corner has moved out, but width and height have not grown: the box has only been shifted."),
        Mistake("the far corner instead of the size", of(corner=True),
                "These are two corners. A box is a corner, a width and a height."),
        Mistake("the larger margin for both", of(low=lambda low, size: low - 0.15 * size.max(),
                                                 size=lambda size: size + 0.3 * size.max()),
                "The width's margin is 15 % of the width, the height's 15 % of the height."),
    ]
    # fmt: on
    cases = [
        ([[10, 20, 0.9], [50, 120, 0.8], [30, 60, 0.7], [200, 10, 0.1]], 0.2),
        ([[90, 15, 0.3], [40, 80, 0.95], [60, 200, 0.5], [5, 100, 0.5]], 0.4),
        ([[0, 0, 0.25], [12, 44, 0.25004], [37, 13, 0.8], [61, 70, 0.6]], 0.25),
        (np.array([[300.5, 90.25, 0.6], [310.0, 240.5, 0.9], [280.25, 150.0, 0.45], [290.0, 60.0, 0.3]]), 0.4),
    ]
    return judge(answer, of(), cases, mistakes, "This box is where the network looks in the next frame.")


def check_greedy_link(answer):
    """A function (similarity (N, M), threshold) -> for each column the row, or -1."""

    def greedy(similarity, threshold, above=lambda value, limit: value > limit):
        similarity = np.array(similarity, dtype=float)
        rows = np.full(similarity.shape[1], -1)
        while similarity.size and above(similarity.max(), threshold) and similarity.max() >= 0:
            row, column = np.unravel_index(similarity.argmax(), similarity.shape)
            rows[column] = row
            similarity[row], similarity[:, column] = -1, -1
        return rows.tolist()

    def alone(similarity, threshold):
        similarity = np.asarray(similarity, dtype=float)
        return [int(column.argmax()) if column.max() > threshold else -1 for column in similarity.T]

    def in_order(similarity, threshold):
        taken, rows = set(), []
        for column in np.asarray(similarity, dtype=float).T:
            free = [row for row in range(len(column)) if row not in taken and column[row] > threshold]
            rows.append(max(free, key=lambda row: column[row]) if free else -1)
            taken.add(rows[-1])
        return rows

    def by_rows(similarity, threshold):
        return greedy(np.asarray(similarity).T, threshold)

    # fmt: off
    mistakes = [
        Mistake("one row for several columns", alone,
                "Two poses are given to the same person. Whoever is taken is no longer free."),
        Mistake("column by column", in_order,
                "The first column takes a row that fits better to a later one. Begin with the most similar pair."),
        Mistake("no threshold", lambda similarity, threshold: greedy(similarity, 0.0),
                "A pose that is similar to nobody is somebody new: -1."),
        Mistake("the threshold itself is linked",
                lambda similarity, threshold: greedy(similarity, threshold, lambda value, limit: value >= limit),
                "Above means above: exactly the threshold is not linked."),
        Mistake("for each row its column", by_rows,
                "Asked is, for each pose (a column), which track (a row) it continues."),
        Mistake("rows counted from 1", lambda similarity, threshold: [row + 1 if row >= 0 else -1
                                                                      for row in greedy(similarity, threshold)],
                "Rows are counted from 0."),
        Mistake("0 for nobody", lambda similarity, threshold: [max(row, 0) for row in greedy(similarity, threshold)],
                "0 is the first track. Nobody is -1."),
    ]
    # fmt: on
    cases = [
        ([[0.9, 0.1], [0.2, 0.8]], 0.3),
        ([[0.1, 0.7, 0.2], [0.8, 0.6, 0.15]], 0.3),
        ([[0.6, 0.9], [0.5, 0.85], [0.1, 0.05]], 0.3),
        ([[0.5, 0.2], [0.45, 0.3], [0.1, 0.9]], 0.5),
        ([[0.5004, 0.1], [0.2, 0.3]], 0.5),
        ([[0.2, 0.7, 0.65], [0.1, 0.6, 0.64]], 0.35),
        (np.array([[0.05, 0.4], [0.95, 0.2], [0.3, 0.35]]), 0.25),
    ]
    return judge(answer, greedy, cases, mistakes, "The surest pair first, and nobody twice.")


def check_film_score(answer):
    """A function (identities, frames x people with 0 for not found; false_positives) -> switches, MOTA."""

    def of(gap=True, first=False, misses=True, false=True, switched=True, per_frame=True):
        def film_score(identities, false_positives):
            last, switches, missed, people = {}, 0, 0, 0
            for frame in identities:
                for person, name in enumerate(frame):
                    people += 1
                    missed += name == 0
                    known = last.get(person, 0)
                    if name and (known or first):
                        switches += name != known
                    if name or not gap:
                        last[person] = name
            errors = misses * missed + false * false_positives + switched * switches
            return [switches, 1 - errors / (people if per_frame else len(identities[0]))]

        return film_score

    def lost_too(identities, false_positives):
        switches = sum(a != b for one, two in pairwise(identities) for a, b in zip(one, two))
        people, missed = sum(map(len, identities)), sum(name == 0 for frame in identities for name in frame)
        return [switches, 1 - (missed + false_positives + switches) / people]

    # fmt: off
    mistakes = [
        Mistake("forgotten in a gap", of(gap=False),
                "Somebody is not found for a while, and comes back under another name: that is a switch. Remember the "
                "last name that was *found*."),
        Mistake("losing somebody is a switch", lost_too,
                "A change to 0 or from 0 is a miss, and no switch. Compare with the last name that was found."),
        Mistake("the first name is a switch", of(first=True),
                "Who gets a name for the first time has not changed it."),
        Mistake("misses forgotten", of(misses=False),
                "MOTA counts misses, false positives and switches."),
        Mistake("false positives forgotten", of(false=False),
                "A pose where nobody is counts as an error too."),
        Mistake("switches forgotten", of(switched=False),
                "The switches are counted right, and are missing in MOTA."),
        Mistake("divided by the number of people", of(per_frame=False),
                "Errors are added up over all frames; so are people: somebody in 50 frames counts 50 times."),
    ]
    # fmt: on
    cases = [
        ([[1, 2], [1, 2], [1, 0], [1, 3]], 1),
        ([[4], [0], [4], [5], [5], [4]], 0),
        ([[1, 2, 0], [2, 1, 3], [2, 1, 3], [0, 0, 3]], 2),
        ([[7, 7], [7, 8], [9, 8], [0, 8], [7, 8]], 3),
    ]
    return judge(answer, of(), cases, mistakes, "One number for finding people and for knowing them again.", 1e-6)
