"""Checks of notebook 11: where bottom-up becomes cheaper, peaks, a field, greedy matching, and what tags must pay."""

import math

import numpy as np

from hpe_lib.course.verdict import Mistake, judge


def check_crossing(answer):
    """A function (crop, picture, each) ms -> the smallest number of people for which bottom-up takes less time."""

    def right(crop, picture, each):
        return math.floor(picture / (crop - each)) + 1

    # fmt: off
    mistakes = [
        Mistake("the grouping forgotten", lambda crop, picture, each: math.floor(picture / crop) + 1,
                "Bottom-up, too, has some work for each person. Which argument have you not used?"),
        Mistake("the grouping added instead of taken away",
                lambda crop, picture, each: math.floor(picture / (crop + each)) + 1,
                "Write both sides down: n · crop on the left, picture + n · each on the right. Bring n to one side."),
        Mistake("the last number of people for which it does not pay", lambda *case: right(*case) - 1,
                "For this many people bottom-up does not take less time yet. With one more it does."),
        Mistake("the grouping once for all people",
                lambda crop, picture, each: math.floor((picture + each) / crop) + 1,
                "`each` is the time for each person, so it counts n times."),
        Mistake("equal counts as less", lambda crop, picture, each: math.ceil(picture / (crop - each)),
                "Where both take the same time, bottom-up does not take *less*. Try crop 5, picture 20, each 1."),
        Mistake("not a whole number", lambda crop, picture, each: picture / (crop - each),
                "People come in whole numbers: the first one above this."),
    ]
    # fmt: on
    cases = [(5.0, 20.0, 1.0), (2.0, 27.0, 0.5), (10.0, 31.0, 2.5), (4.0, 3.0, 1.0), (9.0, 64.0, 1.0)]
    cases += [(5.5, 40.4, 1.3), (1.5, 9.9, 1.0), (5.0, 19.9995, 1.0)]
    return judge(answer, right, cases, mistakes, "The number of our own networks stands at the end of this notebook.")


def check_peaks(answer):
    """A function (heatmap (H, W), threshold) -> (H, W) bool: above the threshold and above all eight neighbours."""

    def build(neighbours=8, above=True, edge=0.0, equal=False, low=False):
        def peaks(heatmap, threshold):
            heatmap = np.asarray(heatmap, dtype=float)
            height, width = heatmap.shape
            padded = np.pad(heatmap, 1, constant_values=edge)
            top = heatmap > threshold if above else np.ones((height, width), dtype=bool)
            for y, x in np.ndindex(3, 3):
                if (y, x) == (1, 1) or (neighbours == 4 and y != 1 and x != 1) or (neighbours == 2 and y != 1):
                    continue
                other = padded[y : y + height, x : x + width]
                top &= heatmap < other if low else heatmap >= other if equal else heatmap > other
            return top

        return peaks

    def highest(heatmap, threshold):
        heatmap = np.asarray(heatmap, dtype=float)
        return (heatmap == heatmap.max()) & (heatmap > threshold)

    # fmt: off
    mistakes = [
        Mistake("the highest cell only", highest,
                "This is the argmax of a top-down method. Everybody has a nose here: each hill has a top of its own."),
        Mistake("the threshold only", lambda heatmap, threshold: np.asarray(heatmap) > threshold,
                "All cells of a hill are above the threshold. Only its top is a joint: compare with the neighbours."),
        Mistake("no threshold", build(above=False),
                "Noise has tops, too. A peak must be higher than the threshold."),
        Mistake("four neighbours", build(4),
                "A cell has eight neighbours; those at its corners count, too."),
        Mistake("only the neighbours in the row", build(2),
                "Left and right you compare. What about above, below, and the corners?"),
        Mistake("cells at the border left out", build(edge=np.inf),
                "A joint may lie at the picture's border. Outside the picture is nothing that could be higher."),
        Mistake("equal counts as higher", build(equal=True),
                "Two equal neighbours: neither is higher than the other, so neither is a peak here."),
        Mistake("pits instead of peaks", build(low=True),
                "You look for cells that are lower than all their neighbours."),
    ]
    # fmt: on
    first = np.array(
        [
            [0.9, 0.3, 0.1, 0.0, 0.2, 0.1],
            [0.3, 0.2, 0.1, 0.4, 0.3, 0.0],
            [0.1, 0.0, 0.5, 0.2, 0.1, 0.0],
            [0.0, 0.1, 0.2, 0.1, 0.7, 0.7],
            [0.05, 0.02, 0.1, 0.1, 0.4, 0.3],
            [0.04, 0.08, 0.03, 0.5005, 0.1, 0.3],
        ]
    )
    second = np.abs(np.sin(np.arange(63) * 2.7) * np.cos(np.arange(63) * 0.31)).reshape(7, 9).round(3)
    cases = [(first[:3, :5], 0.25), (first, 0.25), (first, 0.5), (second, 0.5), (second.T, 0.05)]
    return judge(answer, build(), cases, mistakes, "Non-maximum suppression, in one comparison with each neighbour.")


def check_field(answer):
    """A function (point (2,), start (2,), end (2,), width) -> (2,): the field of one limb at one place."""

    def build(unit=True, sides=True, ends=True, turned=False, swapped=False, distance=abs, far=False):
        def field(point, start, end, width):
            point, start, end = (np.asarray(one, dtype=float) for one in (point, start, end))
            line = start - end if turned else end - start
            length = np.linalg.norm(line)
            direction = line / length
            along = (point - start) @ (end - start) / length
            across = distance((point - start)[1] * direction[0] - (point - start)[0] * direction[1])
            on = (across <= width or not sides) and (0 <= along <= length or not ends)
            value = direction if unit else line
            value = value[::-1] if swapped else value
            return value if on or far else np.zeros(2)

        return field

    def radius(point, start, end, width):
        middle = (np.asarray(start, dtype=float) + end) / 2
        return build(sides=False, ends=False)(point, start, end, width) * (np.linalg.norm(point - middle) <= width)

    # fmt: off
    mistakes = [
        Mistake("not a unit vector", build(unit=False),
                "Long limbs would count more than short ones. Divide by the length."),
        Mistake("from the end to the start", build(turned=True),
                "The field points from the limb's first joint to its second."),
        Mistake("everywhere, not only on the limb", build(far=True),
                "Away from the limb the field is (0, 0)."),
        Mistake("the line goes on behind its ends", build(ends=False),
                "The point may lie beside the line but before its start or behind its end: there is no limb."),
        Mistake("no limit to the sides", build(sides=False),
                "How far is the point from the line? More than `width` is not on the limb."),
        Mistake("one side of the line only", build(distance=lambda value: value if value >= 0 else np.inf),
                "The distance from the line has a sign, one for each side. Its absolute value counts."),
        Mistake("x and y changed", build(swapped=True),
                "The field's first number is along x, the second along y."),
        Mistake("a disc round the middle", radius,
                "A limb is a strip: at most `width` from the line, anywhere between its two ends."),
    ]
    # fmt: on
    start, end = np.array([2.0, 1.0]), np.array([8.0, 9.0])
    places = [(5.0, 5.0), (2.6, 1.8), (5.8, 4.4), (4.2, 5.6), (8.0, 3.0), (3.0, 8.0), (9.8, 11.4), (0.2, -1.4)]
    cases = [(np.array(place), start, end, 1.5) for place in places]
    cases += [(np.array([6.0, 3.0]), np.array([9.0, 3.0]), np.array([1.0, 3.0]), 0.5)]
    slanted = np.array([2.4, 1.7]), np.array([7.6, 9.2]), 0.8
    cases += [(np.array([4.389, 5.797]), *slanted), (np.array([4.183, 5.939]), *slanted)]  # 0.7 and 0.95 beside
    cases += [(np.array([-0.6, 1.2]), np.array([-2.5, 1.5]), np.array([5.3, -0.1]), 0.2)]
    return judge(answer, build(), cases, mistakes, "A direction on the limb, nothing elsewhere.")


def check_greedy(answer):
    """A function (scores (A, B)) -> list of (row, column), in the order in which they are taken."""

    def build(key=lambda score, *_: -score, rows=True, columns=True, least=0.0, most=None):
        def matching(scores):
            scores = np.asarray(scores, dtype=float)
            pairs = [(key(scores[i, j], i, j), i, j) for i, j in np.ndindex(*scores.shape) if scores[i, j] > least]
            taken, used_rows, used_columns = [], set(), set()
            for _, i, j in sorted(pairs):
                if (i in used_rows and rows) or (j in used_columns and columns):
                    continue
                taken.append((i, j))
                used_rows.add(i)
                used_columns.add(j)
            return taken[:most]

        return matching

    def row_by_row(scores):
        scores, taken, used = np.asarray(scores, dtype=float), [], set()
        for i, row in enumerate(scores):
            free = [j for j in range(len(row)) if j not in used and row[j] > 0]
            if free:
                taken.append((i, max(free, key=lambda j: row[j])))
                used.add(taken[-1][1])
        return taken

    # fmt: off
    mistakes = [
        Mistake("each row takes its best, even a taken one",
                lambda scores: [(i, int(np.argmax(row))) for i, row in enumerate(np.asarray(scores)) if max(row) > 0],
                "Two rows have the same column: one elbow with two shoulders. A column that is taken is taken."),
        Mistake("row by row", row_by_row,
                "The first row chooses first, whatever its score. Take the best score of the whole table first."),
        Mistake("worst first", build(key=lambda score, *_: score),
                "You begin with the lowest score. The best link is the surest: take it first."),
        Mistake("rows are used twice", build(rows=False),
                "A column is used once, but a row several times: one shoulder with two elbows."),
        Mistake("columns are used twice", build(columns=False),
                "A row is used once, but a column several times: one elbow with two shoulders."),
        Mistake("scores of 0 and below are taken", build(least=-np.inf),
                "At a score of 0 or less nothing speaks for a link. It is left out, even if joints stay alone."),
        Mistake("one pair only", build(most=1),
                "That is the best pair. Cross out its row and its column, and go on."),
    ]
    # fmt: on
    cases = [
        (np.array([[0.9, 0.8], [0.8, 0.1]]),),
        (np.array([[0.3, 0.7, 0.2], [0.1, 0.9, 0.6]]),),
        (np.array([[0.5, -0.2], [0.6, 0.0], [0.4, -0.1]]),),
        (np.array([[0.0005, 0.0], [0.0, 0.0]]),),
        (np.array([[0.2, 0.4, 0.9], [0.8, 0.95, 0.7], [0.1, 0.3, 0.6]]),),
    ]
    return judge(answer, build(), cases, mistakes, "Fast and simple; the next cell shows what it may cost.")


def check_pull_push(answer):
    """A function (tags: a list of arrays, one a person) -> [pull, push]."""

    def build(own=lambda tags: np.mean(tags), spread=np.mean, square=np.square, people=np.mean, push=None):
        def pull_push(tags):
            tags = [np.asarray(one, dtype=float) for one in tags]
            means = np.array([own(one) for one in tags])
            pull = people([spread(square(one - mean)) for one, mean in zip(tags, means)])
            return [pull, (push or pairs)(means)]

        return pull_push

    def pairs(means, value=lambda d: np.exp(-(d**2) / 2), total=np.mean):
        near = [value(a - b) for i, a in enumerate(means) for j, b in enumerate(means) if i != j]
        return total(near) if near else 0.0

    def itself_too(means):
        return np.mean(np.exp(-((means[:, None] - means) ** 2) / 2))

    # fmt: off
    mistakes = [
        Mistake("pulled to 0 instead of to the mean", lambda tags: [
                np.mean([np.mean(np.square(one)) for one in tags]), build()(tags)[1]],
                "Nothing fixes which number a person has. The joints are pulled to their own person's mean."),
        Mistake("absolute distances", build(square=np.abs),
                "Pull is the mean of squared distances."),
        Mistake("added instead of averaged over the joints", build(spread=np.sum),
                "A person of whom many joints are labelled would count more: average over the joints first."),
        Mistake("added instead of averaged over the people", build(people=np.sum),
                "Average the people's spreads."),
        Mistake("each person pushed away from itself", build(push=itself_too),
                "Nobody can be far from himself: only pairs of two different people count."),
        Mistake("far apart costs more", build(push=lambda means: pairs(means, lambda d: 1 - np.exp(-(d**2) / 2))),
                "Two people with nearly the same tag are the danger: there push is 1. Far apart it is 0."),
        Mistake("the half forgotten", build(push=lambda means: pairs(means, lambda d: np.exp(-(d**2)))),
                "Look at the exponent again: what is d² divided by?"),
        Mistake("the distance not squared", build(push=lambda means: pairs(means, lambda d: np.exp(-np.abs(d) / 2))),
                "Look at the exponent again: the distance is squared."),
        Mistake("the pairs added", build(push=lambda means: pairs(means, total=np.sum)),
                "Average over the pairs. In a crowd the sum would drown everything else."),
    ]
    # fmt: on
    cases = [
        ([np.array([1.0, 3.0]), np.array([4.0, 4.0])],),
        ([np.array([0.0, 0.5, 1.3]), np.array([1.0, 2.0]), np.array([-0.5, 0.1, 0.3, 0.2])],),
        ([np.array([2.0, 5.0, 2.0])],),
    ]
    return judge(answer, build(), cases, mistakes, "Pull makes a person one, push keeps people apart.")
