"""Checks of notebook 07, first part: OKS and average precision. The second part is in `matching`."""

import numpy as np

from hpe_lib import metrics
from hpe_lib.course.verdict import Mistake, judge, same
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

    # fmt: off
    mistakes = [
        Mistake("> for >=", [4, 2],
                "With 9 of 12 joints exactly right OKS is 0.75. Is that found at the threshold 0.75?"),
        Mistake("the joints that are kept", [13, 9],
                "So many must be right. How many may then be lost?"),
        Mistake("rounded up", lambda a: same(a, [5, 3]),
                "With 5 of 17 lost, 12 / 17 = 0.706 is left. That is not enough."),
        Mistake("not a whole number", lambda a: same(a, [4.25, 3]),
                "A joint is lost or it is not. Which whole number is still allowed?"),
        Mistake("all 17 counted for both", lambda a: same(a, [4, 4]),
                "OKS is the mean over the *labelled* joints: each of 12 weighs more than each of 17."),
        Mistake("an unlabelled joint counted as lost", lambda a: same(a, [4, 0]),
                "The five joints without a label are not lost. They are not looked at."),
    ]
    # fmt: on
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


def check_matching(answer):
    """A function (similarity (D, P), best score first, threshold) -> for each detection its person's index or -1."""

    def right(similarity, threshold):
        people = similarity.shape[1]
        nobody = np.zeros(people, dtype=bool)
        choice = metrics.choose_people(similarity, nobody[None], nobody)[0]  # (T, D), `people` for nobody
        choice = choice[np.abs(metrics.OKS_THRESHOLDS - threshold).argmin()]
        return np.where(choice == people, -1, choice).tolist()

    def greedy(found=np.greater_equal, take=True, free_only=True, nearest=True):
        def function(similarity, threshold):
            free, matched = np.ones(similarity.shape[1], dtype=bool), []
            for row in similarity:
                wishes = np.where(free, row, -1.0) if free_only else row
                best = int(np.argmax(wishes if nearest else found(wishes, threshold)))
                good = bool(free[best] and found(wishes[best], threshold))
                matched.append(best if good else -1)
                free[best] &= not (good and take)
            return matched

        return function

    def by_pairs(order):
        def function(similarity, threshold):
            matched, taken = [-1] * len(similarity), set()
            for d, p in order(similarity):
                if matched[d] == -1 and p not in taken and similarity[d, p] >= threshold:
                    matched[d] = p
                    taken.add(p)
            return matched

        return function

    def best_pair_first(similarity):
        return [np.unravel_index(index, similarity.shape) for index in np.argsort(-similarity, axis=None)]

    def people_name(similarity, threshold):  # each person's own nearest detection, whoever has it already
        matched = [-1] * len(similarity)
        for p, column in enumerate(similarity.T):
            if column.max() >= threshold:
                matched[int(column.argmax())] = p
        return matched

    def people_choose(similarity):
        return [(d, p) for p in range(similarity.shape[1]) for d in np.argsort(-similarity[:, p])]

    mistakes = [
        Mistake(
            "one person taken twice",
            greedy(take=False),
            "Two of your detections have the same person. Whoever is taken is no longer free.",
        ),
        Mistake(
            "a taken person blocks",
            greedy(free_only=False),
            "If the nearest person is taken, a detection looks at the others who are free before it gives up.",
        ),
        Mistake(
            "> for >=",
            greedy(found=np.greater),
            "An OKS of exactly the threshold reaches it.",
        ),
        Mistake(
            "the threshold ignored",
            lambda similarity, threshold: greedy()(similarity, 0.0),
            "A detection takes a person only if their OKS reaches the threshold.",
        ),
        Mistake(
            "the first instead of the nearest",
            greedy(nearest=False),
            "You take the first one that reaches the threshold. Each detection takes the free person of largest OKS.",
        ),
        Mistake(
            "the best pair first",
            by_pairs(best_pair_first),
            "This looks for the largest OKS anywhere. COCO lets the detections choose in turn, the best *score* first.",
        ),
        *(
            Mistake(
                "the people choose",
                choice,
                "You go from person to person, and each takes a detection. It is the other way round: each detection, "
                "in turn, takes a person.",
            )
            for choice in (by_pairs(people_choose), people_name)
        ),
    ]
    cases = [
        (np.array([[0.80, 0.60], [0.90, 0.55]]), 0.5),
        (np.array([[0.60, 0.80], [0.70, 0.90]]), 0.5),
        (np.array([[0.60, 0.80], [0.70, 0.90], [0.95, 0.40]]), 0.5),
        (np.array([[0.50, 0.70, 0.20], [0.75, 0.72, 0.10], [0.30, 0.74, 0.60], [0.60, 0.10, 0.75]]), 0.75),
    ]
    return judge(answer, right, cases, mistakes, "Greedy, in the order of the scores, and nobody twice.")


def check_rescoring(answer):
    """A function (box_score, peaks (17,)) -> score of the pose."""

    def right(box_score, peaks):
        return metrics.rescore([box_score], [peaks])[0]

    def wrong(change, threshold=0.2, none=0.0):
        def function(box_score, peaks):
            above = peaks[peaks > threshold]
            if len(above) == 0:
                return none() if callable(none) else none
            return change(box_score, above, peaks)

        return function

    def usual(box_score, above, peaks):
        return box_score * above.mean()

    def error():
        raise ZeroDivisionError

    empty = "One of the people has no peak above 0.2. A score that is no number cannot be sorted: return 0 there."
    # fmt: off
    mistakes = [
        Mistake("the mean over all peaks", lambda box_score, peaks: box_score * peaks.mean(),
                "Low peaks belong to joints that the network did not find. Only those above 0.2 are averaged."),
        Mistake("divided by all joints", wrong(lambda box_score, above, peaks: box_score * above.sum() / len(peaks)),
                "Low peaks are left out of the sum, and must be left out of the count as well."),
        Mistake("the sum instead of the mean", wrong(lambda box_score, above, peaks: box_score * above.sum()),
                "A person with many seen joints should not win by their number: take the mean."),
        Mistake(">= for >",
                lambda box_score, peaks: box_score * peaks[peaks >= 0.2].mean() if max(peaks) >= 0.2 else 0,
                "A peak of exactly 0.2 is not *above* 0.2."),
        Mistake("the box score forgotten", wrong(lambda box_score, above, peaks: above.mean()),
                "This is what the heatmaps say. The detector has a say, too."),
        Mistake("the average of the two", wrong(lambda box_score, above, peaks: (box_score + above.mean()) / 2),
                "The two are multiplied: both must be sure."),
        Mistake("the box score alone", lambda box_score, peaks: wrong(usual, none=box_score)(box_score, peaks),
                "Where no peak is above 0.2 the network found nothing in the box: then the score is 0, however sure "
                "the detector was."),
        Mistake("nothing above the threshold", wrong(usual, none=np.nan),
                empty),
        Mistake("nothing above the threshold", wrong(usual, none=error),
                empty),
    ]
    # fmt: on
    low, mixed = np.full(17, 0.05), np.linspace(0.9, 0.1, 17).round(2)
    mixed[14] = 0.2
    cases = [(0.5, mixed), (0.9, np.where(np.arange(17) < 3, [0.8, 0.6, 0.3] + [0.1] * 14, 0.1)), (0.7, low)]
    return judge(answer, right, cases, mistakes, "The box and the heatmaps, multiplied.")


def check_suppression(answer):
    """A function (overlap (M, M), scores (M,), threshold) -> indices of the kept poses, best score first."""
    cases, kept = [], {}
    spread = 2 * OKS_SIGMAS.mean() * 100  # px, on an area of 100 x 100 px: poses that far apart overlap by about 0.6
    for places, scores, threshold in (
        ([0.00, 0.30, 0.60, 5.00, 5.10], [0.60, 0.80, 0.95, 0.50, 0.70], 0.9),
        ([0.00, 0.60, 0.30, 9.00], [0.70, 0.60, 0.65, 0.90], 0.9),
        ([0.00, 0.30, 0.60, 0.90, 9.00], [0.90, 0.80, 0.70, 0.60, 0.95], 0.6),
        ([0.00, 0.00, 2.00], [0.40, 0.50, 0.45], 1.0),
    ):
        poses = np.zeros((len(places), 17, 2))
        poses[:, :, 0] = spread * np.array(places)[:, None]
        areas = np.full(len(places), 100.0**2)
        overlap = metrics.keypoint_similarity(poses[:, None] - poses[None], areas[0]).mean(axis=2)  # (M, M)
        cases.append((overlap, np.array(scores), threshold))
        kept[tuple(scores)] = metrics.oks_nms(poses, scores, areas, threshold).tolist()

    def right(overlap, scores, threshold):
        return kept[tuple(scores)]

    def greedy(overlap, scores, threshold, order=None, near=np.greater, rivals=lambda keep, seen: keep):
        keep, seen = [], []
        for i in np.argsort(-scores, kind="stable") if order is None else order:
            if not near(overlap[i, rivals(keep, seen)], threshold).any():
                keep.append(int(i))
            seen.append(int(i))
        return keep

    # fmt: off
    mistakes = [
        Mistake("removed poses remove others",
                lambda overlap, scores, t: greedy(overlap, scores, t, rivals=lambda keep, seen: seen),
                "A pose that is gone can do nothing more. Compare with the *kept* ones only."),
        Mistake("the list not sorted", lambda overlap, scores, t: greedy(overlap, scores, t, order=range(len(scores))),
                "Begin with the best score, not with the first of the list."),
        Mistake("the worst score first",
                lambda overlap, scores, t: greedy(overlap, scores, t, order=np.argsort(scores)),
                "Of two duplicates the *better* one stays, so it must have its turn first."),
        Mistake(">= for >", lambda overlap, scores, t: greedy(overlap, scores, t, near=np.greater_equal),
                "A pose goes when its overlap is *above* the threshold, not when it is equal to it."),
        Mistake("only neighbours in the list compared",
                lambda overlap, scores, t: greedy(overlap, scores, t, rivals=lambda keep, seen: keep[-1:]),
                "You compare with the last kept pose. A double of an earlier one slips through."),
        Mistake("every pose removes itself",
                lambda overlap, scores, t: [int(i) for i in np.argsort(-scores) if not (overlap[i] > t).any()],
                "A pose overlaps with itself by 1, and its double removes it as well. One of them must stay."),
        Mistake("kept in the list's order", lambda overlap, scores, t: sorted(greedy(overlap, scores, t)),
                "The right poses, in the wrong order: the best score comes first."),
        Mistake("scores instead of indices", lambda overlap, scores, t: scores[greedy(overlap, scores, t)],
                "These are the scores of the right poses. Asked for are their indices in the list."),
        Mistake("the removed ones returned",
                lambda overlap, scores, t: [i for i in range(len(scores)) if i not in greedy(overlap, scores, t)],
                "These are the poses that go. Asked for are those that stay."),
    ]
    # fmt: on
    return judge(answer, right, cases, mistakes, "Of each heap of duplicates the best one stays.")
