"""Checks of notebook 07, second part: who is found by which detection, the score of a pose, and removing doubles."""

import numpy as np

from hpe_lib import metrics
from hpe_lib.checks.verdict import Mistake, judge
from hpe_lib.skeleton import OKS_SIGMAS


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
    mistakes = [
        Mistake(
            "the mean over all peaks",
            lambda box_score, peaks: box_score * peaks.mean(),
            "Low peaks belong to joints that the network did not find. Only those above 0.2 are averaged.",
        ),
        Mistake(
            "divided by all joints",
            wrong(lambda box_score, above, peaks: box_score * above.sum() / len(peaks)),
            "Low peaks are left out of the sum, and must be left out of the count as well.",
        ),
        Mistake(
            "the sum instead of the mean",
            wrong(lambda box_score, above, peaks: box_score * above.sum()),
            "A person with many seen joints should not win by their number: take the mean.",
        ),
        Mistake(
            ">= for >",
            lambda box_score, peaks: box_score * np.append(peaks[peaks >= 0.2], []).mean() if max(peaks) >= 0.2 else 0,
            "A peak of exactly 0.2 is not *above* 0.2.",
        ),
        Mistake(
            "the box score forgotten",
            wrong(lambda box_score, above, peaks: above.mean()),
            "This is what the heatmaps say. The detector has a say, too.",
        ),
        Mistake(
            "the average of the two",
            wrong(lambda box_score, above, peaks: (box_score + above.mean()) / 2),
            "The two are multiplied: both must be sure.",
        ),
        Mistake(
            "the box score alone",
            lambda box_score, peaks: wrong(usual, none=box_score)(box_score, peaks),
            "Where no peak is above 0.2 the network found nothing in the box: then the score is 0, however sure the "
            "detector was.",
        ),
        Mistake("nothing above the threshold", wrong(usual, none=np.nan), empty),
        Mistake("nothing above the threshold", wrong(usual, none=error), empty),
    ]
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

    mistakes = [
        Mistake(
            "removed poses remove others",
            lambda overlap, scores, t: greedy(overlap, scores, t, rivals=lambda keep, seen: seen),
            "A pose that is gone can do nothing more. Compare with the *kept* ones only.",
        ),
        Mistake(
            "the list not sorted",
            lambda overlap, scores, t: greedy(overlap, scores, t, order=range(len(scores))),
            "Begin with the best score, not with the first of the list.",
        ),
        Mistake(
            "the worst score first",
            lambda overlap, scores, t: greedy(overlap, scores, t, order=np.argsort(scores)),
            "Of two doubles the *better* one stays, so it must have its turn first.",
        ),
        Mistake(
            ">= for >",
            lambda overlap, scores, t: greedy(overlap, scores, t, near=np.greater_equal),
            "A pose goes when its overlap is *above* the threshold, not when it is equal to it.",
        ),
        Mistake(
            "only neighbours in the list compared",
            lambda overlap, scores, t: greedy(overlap, scores, t, rivals=lambda keep, seen: keep[-1:]),
            "You compare with the last kept pose. A double of an earlier one slips through.",
        ),
        Mistake(
            "every pose removes itself",
            lambda overlap, scores, t: [int(i) for i in np.argsort(-scores) if not (overlap[i] > t).any()],
            "A pose overlaps with itself by 1, and its double removes it as well. One of them must stay.",
        ),
        Mistake(
            "kept in the list's order",
            lambda overlap, scores, t: sorted(greedy(overlap, scores, t)),
            "The right poses, in the wrong order: the best score comes first.",
        ),
        Mistake(
            "scores instead of indices",
            lambda overlap, scores, t: scores[greedy(overlap, scores, t)],
            "These are the scores of the right poses. Asked for are their indices in the list.",
        ),
        Mistake(
            "the removed ones returned",
            lambda overlap, scores, t: [i for i in range(len(scores)) if i not in greedy(overlap, scores, t)],
            "These are the poses that go. Asked for are those that stay.",
        ),
    ]
    return judge(answer, right, cases, mistakes, "Of each heap of doubles the best one stays.")
