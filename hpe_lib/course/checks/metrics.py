"""Checks of notebook 07: OKS, average precision, who is matched with whom, scores, and duplicates."""

from dataclasses import replace
from itertools import permutations

import numpy as np

from hpe_lib import metrics
from hpe_lib.course.verdict import Mistake, judge, same
from hpe_lib.skeleton import OKS_SIGMAS


def check_oks(answer):
    """A function (truth (17, 3) px and v, area px^2, pose (17, 2) px) -> OKS."""

    def right(truth, area, pose):
        return metrics.oks(truth, area, np.asarray(pose)[None])[0]

    def wrong(
        exponent=lambda d2, area, k: d2 / (2 * area * k**2),
        weight=lambda v: v > 0,
        count=lambda v: np.count_nonzero(v > 0),
    ):
        """The sum of the weighted similarities, divided by the count."""

        def function(truth, area, pose):
            d2, v = ((pose - truth[:, :2]) ** 2).sum(axis=1), truth[:, 2]  # (17,) px^2
            return (np.exp(-exponent(d2, area, 2 * OKS_SIGMAS)) * weight(v)).sum() / count(v)

        return function

    no_weight = "v is no weight: a hidden joint (1) counts as much as a seen one (2). The bracket [v > 0] is 0 or 1."
    # fmt: off
    mistakes = [
        *(Mistake("weighted by v", wrong(weight=lambda v: v, count=count), no_weight)
          for count in (np.sum, np.count_nonzero, len)),
        Mistake("the factor 2 forgotten", wrong(lambda d2, area, k: d2 / (2 * area * OKS_SIGMAS**2)),
                "OKS_SIGMAS begins with 0.026: it holds sigma, and the formula wants k."),
        Mistake("the bell's 2 forgotten", wrong(lambda d2, area, k: d2 / (area * k**2)),
                "There are two twos: one in k = 2 sigma, and one of the bell curve itself, under the fraction line."),
        Mistake("the area squared", wrong(lambda d2, area, k: d2 / (2 * area**2 * k**2)),
                "A person's area makes nearly everything 1 now. It is s squared already: which unit must stand below "
                "the px^2 of d?"),
        Mistake("the area's root", wrong(lambda d2, area, k: d2 / (2 * np.sqrt(area) * k**2)),
                "The formula has s squared. s is the root of the area, so what is s squared?"),
        Mistake("k not squared", wrong(lambda d2, area, k: d2 / (2 * area * k)),
                "s squared is the area. k is squared in the formula as well."),
        Mistake("d not squared", wrong(lambda d2, area, k: np.sqrt(d2) / (2 * area * k**2)),
                "The distance itself, in px, stands here. The exponent needs its square: then the units cancel."),
        Mistake("the labels' v ignored", wrong(weight=np.ones_like, count=len),
                "Some joints have no label (v = 0), and their (0, 0) is not a place. They must not be compared."),
        Mistake("hidden joints left out", wrong(weight=lambda v: v == 2, count=lambda v: np.count_nonzero(v == 2)),
                "A joint with v = 1 is hidden but labelled. The bracket in the formula says v > 0."),
        Mistake("divided by 17", wrong(count=len),
                "The denominator counts labelled joints only: a perfect pose gets 1, however many are labelled."),
    ]
    # fmt: on
    cases = [(np.full((17, 3), 2.0), 100.0, np.full((17, 2), 3.0))]
    persons = (  # the smallest of them tells apart what is nearly 0 or 1 for the others
        (10_000.0, (3, 8, 9), (0, 4, 12)),
        (2_500.0, (5, 16), (1, 2, 10, 15)),
        (4.5, (6, 7), (3, 11)),
    )
    for seed, (area, hidden, missing) in enumerate(persons):
        rng = np.random.default_rng(seed)
        truth = np.column_stack([rng.uniform(50, 250, (17, 2)).round(1), np.full(17, 2.0)])
        truth[list(hidden), 2], truth[list(missing)] = 1, 0
        truth[0, 0] = 0.1  # px: at the image's edge, a pose may lie outside
        spread = np.sqrt(area) * OKS_SIGMAS[:, None]  # px: one human standard deviation
        pose = truth[:, :2] + 1.5 * spread * rng.normal(size=(17, 2))
        pose[0, 0] = -0.02
        cases.append((truth, area, pose))
    verdict = judge(answer, right, cases, mistakes, "Equal to metrics.oks, and so to pycocotools.")
    if " 100, " in verdict.text:  # the first case, too large to be written out
        typed = "truth is np.full((17, 3), 2.0), and the pose np.full((17, 2), 3.0)"
        verdict = replace(verdict, text=f"{verdict.text} (Here {typed}.)")
    return verdict


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

    def truth(scores, similarities, people, threshold):
        right = np.asarray(similarities)[np.argsort(scores)[::-1]] >= threshold
        right = right[None, None]  # (areas, thresholds, N)
        return metrics.precision_recall(right, ~right, np.array([people]))[0].mean()

    def highest(precision):
        return np.maximum.accumulate(precision[::-1])[::-1]

    def at(heights, recall, levels=levels):
        return np.append(heights, 0)[np.searchsorted(recall, levels)]

    def usual(right, precision, recall, people):
        return at(highest(precision), recall).mean()

    def wrong(read=usual, key=lambda scores, oks: scores, found=np.greater_equal, among=lambda people, scores: people):
        """key: what sorts, largest first; among: the number that recall divides by; read: AP from the curves."""

        def function(scores, similarities, people, threshold):
            scores, similarities = np.array(scores), np.array(similarities)
            right = found(similarities, threshold)[np.argsort(-key(scores, similarities), kind="stable")]
            precision, recall = right.cumsum() / np.arange(1, len(right) + 1), right.cumsum() / among(people, scores)
            return read(right, precision, recall, people)

        return function

    hits = "You averaged the precision at the right detections. COCO averages 101 readings of the envelope."
    # fmt: off
    mistakes = [
        Mistake("the list not sorted", wrong(key=lambda scores, oks: 0 * scores),
                "The detections come in any order. One walks down from the best *score*."),
        Mistake("the worst score first", wrong(key=lambda scores, oks: -scores),
                "The walk begins with the detection that the network is surest of: the highest score."),
        Mistake("sorted by OKS", wrong(key=lambda scores, oks: oks),
                "Whoever uses the network does not know the OKS. The order is that of the *scores*."),
        *(Mistake("100 levels", wrong(lambda right, p, r, people, few=few: at(highest(p), r, few).mean()),
                  "Very near. From 0.00 to 1.00 in steps of 0.01: how many levels are these, with both ends?")
          for few in (np.linspace(0, 1, 100), levels[:-1], levels[1:])),
        Mistake("> for >=", wrong(found=np.greater),
                "One of the detections has exactly the threshold's OKS. It has reached it."),
        Mistake("the envelope forgotten", wrong(lambda right, p, r, people: at(p, r).mean()),
                "At each recall COCO takes the best precision at this recall *or more*: the curve never rises."),
        Mistake("the envelope from the top down",
                wrong(lambda right, p, r, people: at(np.maximum.accumulate(p), r).mean()),
                "Your running maximum starts at the best score. It must look at what comes *later*: start at the end."),
        Mistake("detections in place of people", wrong(among=lambda people, scores: len(scores)),
                "Recall asks which share of the *people* was found. They may be more or fewer than the detections."),
        Mistake("only the recalls that were reached",
                wrong(lambda right, p, r, people: at(highest(p), r)[levels <= r[-1]].mean()),
                "Recalls that were never reached count too, with precision 0. The mean is over all 101."),
        Mistake("the area under the curve",
                wrong(lambda right, p, r, people: (highest(p) * np.diff(r, prepend=0)).sum()),
                "Very near: the area under the envelope. COCO takes the mean of 101 readings, from recall 0 on."),
        Mistake("read at the right detections", wrong(lambda right, p, r, people: p[right].sum() / right.sum()), hits),
        Mistake("read at the right detections", wrong(lambda right, p, r, people: p[right].sum() / people), hits),
    ]
    # fmt: on
    cases = [
        ([0.8, 0.9], [0.6, 0.3], 1, 0.5),
        ([0.3, 0.9, 0.5, 0.7, 0.6], [0.60, 0.97, 0.80, 0.40, 0.75], 4, 0.75),
        ([0.2, 0.8, 0.4, 0.6, 0.9, 0.1], [0.9, 0.7, 0.3, 0.5, 0.2, 0.55], 8, 0.5),
        ([0.5, 0.7, 0.6], [0.9, 0.2, 0.8], 4, 0.5),
        ([0.9, 0.8, 0.7, 0.6], [0.95, 0.4, 0.8, 0.7], 7, 0.5),  # recalls between the levels
    ]
    return judge(answer, truth, cases, mistakes, "Equal to the library's, and so to pycocotools at this threshold.")


def check_matching(answer):
    """A function (similarity (D, P), best score first, threshold) -> for each detection its person's index or -1."""

    def greedy(similarity, threshold, found=np.greater_equal, take=True, free_only=True, nearest=True):
        free, matched = np.ones(similarity.shape[1], dtype=bool), []
        for row in similarity:
            wishes = np.where(free, row, -1.0) if free_only else row
            best = int(np.argmax(wishes if nearest else found(wishes, threshold)))
            good = bool(free[best] and found(wishes[best], threshold))
            matched.append(best if good else -1)
            free[best] &= not (good and take)
        return matched

    def by_pairs(similarity, threshold, pairs):
        matched = [-1] * len(similarity)
        for d, p in pairs:
            if matched[d] == -1 and p not in matched and similarity[d, p] >= threshold:
                matched[d] = p
        return matched

    def best_pair_first(similarity, threshold):
        order = np.argsort(-similarity, axis=None)
        return by_pairs(similarity, threshold, [np.unravel_index(index, similarity.shape) for index in order])

    def people_choose(similarity, threshold):
        pairs = [(d, p) for p, column in enumerate(similarity.T) for d in np.argsort(-column)]
        return by_pairs(similarity, threshold, pairs)

    def people_name(similarity, threshold):  # each person's own nearest detection, whoever has it already
        matched = [-1] * len(similarity)
        for p, column in enumerate(similarity.T):
            if column.max() >= threshold:
                matched[int(column.argmax())] = p
        return matched

    def largest_sum(similarity, threshold):
        detections, people = similarity.shape
        wide = np.pad(similarity, ((0, 0), (0, detections)))  # a column of zeros for each detection that takes nobody
        ways = permutations(range(max(detections, people)), detections)
        best = max(ways, key=lambda way: wide[range(detections), way].sum())
        return [p if p < people and similarity[d, p] >= threshold else -1 for d, p in enumerate(best)]

    persons = "You go from person to person. It is the other way round: each detection, in turn, takes a person."
    # fmt: off
    mistakes = [
        Mistake("one person taken twice", lambda similarity, threshold: greedy(similarity, threshold, take=False),
                "Two of your detections have the same person. Whoever is taken is no longer free."),
        Mistake("a taken person blocks", lambda similarity, threshold: greedy(similarity, threshold, free_only=False),
                "If the nearest person is taken, a detection looks at those who are free before it gives up."),
        Mistake("> for >=", lambda similarity, threshold: greedy(similarity, threshold, np.greater),
                "An OKS of exactly the threshold reaches it."),
        Mistake("the threshold ignored", lambda similarity, threshold: greedy(similarity, 0.0),
                "A detection takes a person only if their OKS reaches the threshold."),
        Mistake("the first instead of the nearest",
                lambda similarity, threshold: greedy(similarity, threshold, nearest=False),
                "You take the first one that reaches the threshold. Each detection takes the free person of largest "
                "OKS."),
        Mistake("the best pair first", best_pair_first,
                "This looks for the largest OKS anywhere. COCO lets the detections choose in turn, the best *score* "
                "first."),
        Mistake("the last row first", lambda similarity, threshold: greedy(similarity[::-1], threshold)[::-1],
                "The rows are sorted already: the first one has the best score, and chooses first."),
        Mistake("the largest sum", largest_sum,
                "This is the best for all of them together. COCO does not weigh: each row in turn takes its best."),
        Mistake("the people choose", people_choose, persons),
        Mistake("the people choose", people_name, persons),
    ]
    # fmt: on
    cases = [
        (np.array([[0.80, 0.60], [0.90, 0.55]]), 0.5),
        (np.array([[0.90, 0.80], [0.85, 0.60]]), 0.5),
        (np.array([[0.90, 0.20], [0.70, 0.60]]), 0.5),
        (np.array([[0.60, 0.80], [0.70, 0.90]]), 0.5),
        (np.array([[0.60, 0.80], [0.70, 0.90], [0.95, 0.40]]), 0.5),
        (np.array([[0.90, 0.20], [0.70, 0.4995]]), 0.5),
        (np.array([[0.50, 0.70, 0.20], [0.75, 0.72, 0.10], [0.30, 0.74, 0.60], [0.60, 0.10, 0.75]]), 0.75),
    ]
    return judge(answer, greedy, cases, mistakes, "Greedy, in the order of the scores, and nobody twice.")


def check_rescoring(answer):
    """A function (box_score, peaks (17,)) -> score of the pose."""

    def right(box_score, peaks):
        return metrics.rescore([box_score], [peaks])[0]

    def wrong(change=lambda box_score, above: box_score * above.mean(), none=lambda box_score: 0, found=np.greater):
        def function(box_score, peaks):
            above = peaks[found(peaks, 0.2)]
            return change(box_score, above) if len(above) else none(box_score)

        return function

    def only_sure_boxes(box_score, peaks):
        return wrong()(box_score, peaks) if box_score > 0.2 else 0

    empty = "One of the people has no peak above 0.2. A score that is no number cannot be sorted: return 0 there."
    # fmt: off
    mistakes = [
        Mistake("the mean over all peaks", lambda box_score, peaks: box_score * peaks.mean(),
                "Low peaks belong to joints that the network did not find. Only those above 0.2 are averaged."),
        Mistake("divided by all joints", wrong(lambda box_score, above: box_score * above.sum() / 17),
                "Low peaks are left out of the sum, and must be left out of the count as well."),
        Mistake("the sum instead of the mean", wrong(lambda box_score, above: box_score * above.sum()),
                "A person with many seen joints should not win by their number: take the mean."),
        Mistake(">= for >", wrong(found=np.greater_equal),
                "A peak of exactly 0.2 is not *above* 0.2."),
        Mistake("the box score forgotten", wrong(lambda box_score, above: above.mean()),
                "This is what the heatmaps say. The detector has a say, too."),
        Mistake("the average of the two", wrong(lambda box_score, above: (box_score + above.mean()) / 2),
                "The two are multiplied: both must be sure."),
        Mistake("the box score alone", wrong(none=lambda box_score: box_score),
                "Where no peak is above 0.2 the network found nothing in the box: the score is 0, however sure the "
                "box."),
        Mistake("a threshold on the box score", only_sure_boxes,
                "0.2 is the threshold of the peaks. A box of any score keeps its pose, with a small score."),
        Mistake("nothing above the threshold", wrong(none=lambda box_score: np.nan), empty),
        Mistake("nothing above the threshold", wrong(none=lambda box_score: 1 / 0), empty),
    ]
    # fmt: on
    two, mixed = np.array([0.8, 0.6] + [0.1] * 15), np.linspace(0.9, 0.1, 17).round(2)
    mixed[14] = 0.2
    three = np.array([0.8, 0.6, 0.3] + [0.1] * 14)
    cases = [
        (0.9, two),
        (0.5, mixed),
        (0.9, three),
        (0.7, np.full(17, 0.05)),
        (0.01, mixed[::-1]),
        (0.2, two),
        (0, two),
    ]
    return judge(answer, right, cases, mistakes, "The box and the heatmaps, multiplied.")


def check_suppression(answer):
    """A function (overlap (M, M), scores (M,), threshold) -> indices of the kept poses, best score first."""
    cases = []
    spread = 2 * OKS_SIGMAS.mean() * 100  # px, on an area of 100 x 100 px: poses that far apart overlap by about 0.6
    for places, scores, threshold in (
        ([0.00, 2.00, 0.30], [0.60, 0.70, 0.80], 0.9),
        ([0.00, 0.30, 0.60, 5.00, 5.10], [0.60, 0.80, 0.95, 0.50, 0.70], 0.9),
        ([0.00, 0.60, 0.30, 9.00], [0.70, 0.60, 0.65, 0.90], 0.9),
        ([0.00, 0.30, 0.60, 0.90, 9.00], [0.90, 0.80, 0.70, 0.60, 0.95], 0.6),
        ([0.00, 0.00, 2.00], [0.40, 0.50, 0.45], 1.0),
    ):
        poses = np.zeros((len(places), 17, 2))
        poses[:, :, 0] = spread * np.array(places)[:, None]
        overlap = metrics.keypoint_similarity(poses[:, None] - poses[None], 100.0**2).mean(axis=2)  # (M, M)
        cases.append((overlap.round(2), np.array(scores), threshold))
    cases[1][0][[1, 2], [2, 1]] = 0.9005  # only just too near

    def greedy(overlap, scores, threshold, order=None, near=np.greater, rivals=slice(None)):
        """rivals: which of the kept poses one is compared with; None for all that had their turn."""
        keep, seen = [], []
        for i in (np.argsort(-scores) if order is None else order(scores)).tolist():
            if not near(overlap[i, seen if rivals is None else keep[rivals]], threshold).any():
                keep.append(i)
            seen.append(i)
        return keep

    def lonely(overlap, scores, threshold):
        return [i for i in np.argsort(-scores).tolist() if not (overlap[i] > threshold).any()]

    # fmt: off
    mistakes = [
        Mistake("removed poses remove others", lambda *case: greedy(*case, rivals=None),
                "A pose that is gone can do nothing more. Compare with the *kept* ones only."),
        Mistake("the list not sorted", lambda *case: greedy(*case, order=lambda scores: np.arange(len(scores))),
                "Begin with the best score, not with the first of the list."),
        Mistake("the worst score first", lambda *case: greedy(*case, order=np.argsort),
                "Of two duplicates the *better* one stays, so it must have its turn first."),
        Mistake(">= for >", lambda *case: greedy(*case, near=np.greater_equal),
                "A pose goes when its overlap is *above* the threshold, not when it is equal to it."),
        Mistake("only neighbours in the list compared", lambda *case: greedy(*case, rivals=slice(-1, None)),
                "You compare with the last kept pose. A duplicate of an earlier one slips through."),
        Mistake("every pose removes itself", lonely,
                "A pose overlaps with itself by 1, and its duplicate removes it as well. One of them must stay."),
        Mistake("kept in the list's order", lambda *case: sorted(greedy(*case)),
                "The right poses, in the wrong order: the best score comes first."),
        Mistake("scores instead of indices", lambda overlap, scores, t: scores[greedy(overlap, scores, t)],
                "These are the scores of the right poses. Asked for are their indices in the list."),
        Mistake("the removed ones returned",
                lambda overlap, scores, t: [i for i in range(len(scores)) if i not in greedy(overlap, scores, t)],
                "These are the poses that go. Asked for are those that stay."),
        Mistake("nothing removed", lambda overlap, scores, t: np.argsort(-scores),
                "All poses stay, best score first. Those that are too near to a kept one must go."),
        Mistake("only the best one kept", lambda overlap, scores, t: [int(scores.argmax())],
                "The best pose stays. Others stay as well, where they are far enough from all that are kept."),
    ]
    # fmt: on
    return judge(answer, greedy, cases, mistakes, "Of each heap of duplicates the best one stays.")
