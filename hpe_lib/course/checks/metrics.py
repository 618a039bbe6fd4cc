"""Checks of notebook 07, first part: OKS and average precision. The second part is in `matching`."""

import numpy as np

from hpe_lib import metrics
from hpe_lib.checks.verdict import Mistake, judge, same
from hpe_lib.skeleton import OKS_SIGMAS


def check_oks(answer):
    """A function (truth (17, 3) px and v, area px^2, pose (17, 2) px) -> OKS."""

    def right(truth, area, pose):
        return metrics.oks(truth, area, np.asarray(pose)[None])[0]

    def wrong(exponent=None, counted=lambda v: v > 0, divisor=None):
        def function(truth, area, pose):
            squared, v = ((pose - truth[:, :2]) ** 2).sum(axis=1), truth[:, 2]  # (17,) px^2
            exponent_of = exponent or (lambda d2, a, sigma: d2 / (2 * a * (2 * sigma) ** 2))
            similarity = np.exp(-exponent_of(squared, area, OKS_SIGMAS))[counted(v)]
            return similarity.sum() / (divisor or len(similarity))

        return function

    def by_v(divisor):
        def function(truth, area, pose):
            v = truth[:, 2]
            return (metrics.keypoint_similarity(pose - truth[:, :2], area) * v).sum() / divisor(v)

        return function

    mistakes = [
        *(
            Mistake(
                "weighted by v",
                by_v(divisor),
                "v is no weight: a hidden joint (1) counts as much as a seen one (2). The bracket [v > 0] is 0 or 1.",
            )
            for divisor in (np.sum, np.count_nonzero, len)
        ),
        Mistake(
            "the factor 2 forgotten",
            wrong(lambda d2, area, sigma: d2 / (2 * area * sigma**2)),
            "OKS_SIGMAS begins with 0.026: it holds sigma, and the formula wants k.",
        ),
        Mistake(
            "the bell's 2 forgotten",
            wrong(lambda d2, area, sigma: d2 / (area * (2 * sigma) ** 2)),
            "There are two twos: one in k = 2 sigma, and one of the bell curve itself, under the fraction line.",
        ),
        Mistake(
            "the area squared",
            wrong(lambda d2, area, sigma: d2 / (2 * area**2 * (2 * sigma) ** 2)),
            "Nearly everything scores 1 now. The area is s squared already: which unit must stand below the px^2 of d?",
        ),
        Mistake(
            "the area's root",
            wrong(lambda d2, area, sigma: d2 / (2 * np.sqrt(area) * (2 * sigma) ** 2)),
            "The formula has s squared. s is the root of the area, so what is s squared?",
        ),
        Mistake(
            "k not squared",
            wrong(lambda d2, area, sigma: d2 / (2 * area * 2 * sigma)),
            "s squared is the area. k is squared in the formula as well.",
        ),
        Mistake(
            "d not squared",
            wrong(lambda d2, area, sigma: np.sqrt(d2) / (2 * area * (2 * sigma) ** 2)),
            "The distance itself, in px, stands here. The exponent needs its square: then the units cancel.",
        ),
        Mistake(
            "the labels' v ignored",
            wrong(counted=lambda v: v >= 0),
            "Some joints have no label (v = 0), and their (0, 0) is not a place. They must not be compared.",
        ),
        Mistake(
            "hidden joints left out",
            wrong(counted=lambda v: v == 2),
            "A joint with v = 1 is hidden but labelled. The bracket in the formula says v > 0.",
        ),
        Mistake(
            "divided by 17",
            wrong(divisor=17),
            "The denominator counts labelled joints only. A perfect pose must get 1, however many are labelled.",
        ),
    ]
    cases = []
    for seed, area, hidden, missing in ((0, 10_000.0, (3, 8, 9), (0, 4, 12)), (1, 2_500.0, (5, 16), (1, 2, 10, 15))):
        rng = np.random.default_rng(seed)
        truth = np.column_stack([rng.uniform(50, 250, (17, 2)).round(1), np.full(17, 2.0)])
        truth[list(hidden), 2], truth[list(missing)] = 1, 0
        spread = np.sqrt(area) * OKS_SIGMAS[:, None]  # px: one human standard deviation
        cases.append((truth, area, truth[:, :2] + 1.5 * spread * rng.normal(size=(17, 2))))
    return judge(answer, right, cases, mistakes, "Equal to metrics.oks, and so to pycocotools.")


def check_lost_joints(answer):
    """How many joints a person may lose and still have OKS 0.75: with 17 labelled ones, and with 12."""

    def most(labelled, threshold):
        truth = np.zeros((17, 3))
        truth[:labelled, 2] = 2
        poses = np.zeros((labelled + 1, 17, 2))
        for lost in range(labelled + 1):
            poses[lost, :lost] = 1e6  # px: far away
        return int((metrics.oks(truth, 5000.0, poses) >= threshold).sum()) - 1

    mistakes = [
        Mistake(
            "> for >=",
            [4, 2],
            "With 9 of 12 joints exactly right OKS is 0.75. Is that found at the threshold 0.75?",
        ),
        Mistake("the joints that are kept", [13, 9], "So many must be right. How many may then be lost?"),
        Mistake(
            "rounded up",
            lambda a: same(a, [5, 3]),
            "With 5 of 17 lost, 12 / 17 = 0.706 is left. That is not enough.",
        ),
        Mistake(
            "not a whole number",
            lambda a: same(a, [4.25, 3]),
            "A joint is lost or it is not. Which whole number is still allowed?",
        ),
        Mistake(
            "all 17 counted for both",
            lambda a: same(a, [4, 4]),
            "OKS is the mean over the *labelled* joints: each of 12 weighs more than each of 17.",
        ),
        Mistake(
            "an unlabelled joint counted as lost",
            lambda a: same(a, [4, 0]),
            "The five joints without a label are not lost. They are not looked at.",
        ),
    ]
    right = [most(17, 0.75), most(12, 0.75)]
    return judge(answer, right, mistakes=mistakes, praise="A quarter of the labelled joints, rounded down.")


def check_average_precision(answer):
    """A function (scores (N,), similarities (N,), people, threshold) -> AP at one OKS threshold."""
    levels = metrics.RECALL_LEVELS

    def curve(scores, right, people):
        order = np.argsort(-np.asarray(scores), kind="stable")
        right = np.asarray(right)[order]
        return right, right.cumsum() / np.arange(1, len(right) + 1), right.cumsum() / people

    def truth(scores, similarities, people, threshold):
        right, _, _ = curve(scores, np.asarray(similarities) >= threshold, people)
        right = right[None, None]  # (areas, thresholds, N)
        return metrics.precision_recall(right, ~right, np.array([people]))[0].mean()

    def wrong(read, key=lambda scores: scores, found=np.greater_equal, people_of=lambda people, scores: people):
        def function(scores, similarities, people, threshold):
            right = found(np.asarray(similarities), threshold)
            return read(*curve(key(np.asarray(scores)), right, people_of(people, scores)), people)

        return function

    def sorted_by_similarity(scores, similarities, people, threshold):
        return truth(similarities, similarities, people, threshold)

    def highest(precision):
        return np.maximum.accumulate(precision[::-1])[::-1]

    def at_levels(heights, recall, levels=levels):
        return np.append(heights, 0)[np.searchsorted(recall, levels)]

    def usual(right, precision, recall, people):
        return at_levels(highest(precision), recall).mean()

    def at_hits(share):
        return lambda right, precision, recall, people: precision[right].sum() / (right.sum() if share else people)

    hits = (
        "You averaged the precision at the right detections. COCO reads the envelope at 101 recalls and averages those."
    )
    mistakes = [
        Mistake(
            "the list not sorted",
            wrong(usual, key=lambda scores: np.zeros(len(scores))),
            "The detections come in any order. One walks down from the best *score*.",
        ),
        Mistake(
            "the worst score first",
            wrong(usual, key=lambda scores: -scores),
            "The walk begins with the detection that the network is surest of: the highest score.",
        ),
        Mistake(
            "sorted by OKS",
            sorted_by_similarity,
            "Whoever uses the network does not know the OKS. The order is that of the *scores*.",
        ),
        *(
            Mistake(
                "100 levels",
                wrong(
                    lambda right, precision, recall, people, few=few: at_levels(highest(precision), recall, few).mean()
                ),
                "Very near. From 0.00 to 1.00 in steps of 0.01: how many levels are these, with both ends?",
            )
            for few in (np.linspace(0, 1, 100), levels[:-1], levels[1:])
        ),
        Mistake(
            "> for >=",
            wrong(usual, found=np.greater),
            "One of the detections has exactly the threshold's OKS. It has reached it.",
        ),
        Mistake(
            "the envelope forgotten",
            wrong(lambda right, precision, recall, people: at_levels(precision, recall).mean()),
            "At each recall COCO takes the best precision at this recall *or more*, so that the curve never rises.",
        ),
        Mistake(
            "the envelope from the top down",
            wrong(lambda right, precision, recall, people: at_levels(np.maximum.accumulate(precision), recall).mean()),
            "Your running maximum starts at the best score. It must look at what comes *later*: start at the end.",
        ),
        Mistake(
            "detections in place of people",
            wrong(usual, people_of=lambda people, scores: len(scores)),
            "Recall asks which share of the *people* was found, and there may be more or fewer than detections.",
        ),
        Mistake(
            "only the recalls that were reached",
            wrong(
                lambda right, precision, recall, people: at_levels(highest(precision), recall)[
                    levels <= recall[-1]
                ].mean()
            ),
            "Recalls that were never reached count too, with precision 0. The mean is over all 101.",
        ),
        Mistake(
            "the area under the curve",
            wrong(
                lambda right, precision, recall, people: (highest(precision) * np.diff(recall, prepend=0)).sum(),
            ),
            "Very near: that is the area under the envelope. COCO takes the mean of 101 readings, from recall 0 on.",
        ),
        Mistake("read at the right detections", wrong(at_hits(True)), hits),
        Mistake("read at the right detections", wrong(at_hits(False)), hits),
    ]
    cases = [
        ([0.3, 0.9, 0.5, 0.7, 0.6], [0.60, 0.97, 0.80, 0.40, 0.75], 4, 0.75),
        ([0.2, 0.8, 0.4, 0.6, 0.9, 0.1], [0.9, 0.7, 0.3, 0.5, 0.2, 0.55], 8, 0.5),
        ([0.5, 0.7, 0.6], [0.9, 0.2, 0.8], 4, 0.5),
        ([0.9, 0.8, 0.7, 0.6], [0.95, 0.4, 0.8, 0.7], 7, 0.5),  # recalls between the levels
    ]
    return judge(answer, truth, cases, mistakes, "Equal to the library's, and so to pycocotools at this threshold.")
