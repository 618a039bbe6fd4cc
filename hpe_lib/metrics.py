"""How good are the poses? OKS, removing duplicates, and COCO's ten numbers: by pycocotools and by our own code."""

import contextlib
import io
from collections import defaultdict

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from hpe_lib.data.annotations import read_annotations, read_results
from hpe_lib.skeleton import OKS_SIGMAS

METRICS = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")
OKS_THRESHOLDS = np.linspace(0.5, 0.95, 10)  # (T,) not arange, whose last bits differ
RECALL_LEVELS = np.linspace(0, 1, 101)  # where COCO reads the precision curve
AREA_RANGES = np.array([[0, 1e10], [32**2, 96**2], [96**2, 1e10]])  # (A, 2) px^2: all, medium, large; ends included
MAX_DETECTIONS = 20  # an image; the rest, of lower score, are not looked at


def keypoint_similarity(offsets, area):
    """Say how near each keypoint is, from 0 to 1: exp(-d^2 / (2 area (2 sigma)^2)), the term inside OKS.

    offsets (..., 17, 2) px, area (...) px^2 -> (..., 17). The tiny number added keeps area 0 from a division by zero.
    """
    area = np.asarray(area, dtype=np.float64)[..., None] + np.spacing(1)
    squared = offsets[..., 0] ** 2 + offsets[..., 1] ** 2
    return np.exp(-squared / (2 * OKS_SIGMAS) ** 2 / area / 2)


def oks(truth, area, poses):
    """Compare poses with one labelled person: object keypoint similarity, the mean over the labelled keypoints.

    truth (17, 3): x, y in px and visibility, area: the person's px^2, poses (M, 17, 2 or more) px -> (M,) from 0 to 1.
    ValueError for other shapes, and for a truth without a labelled keypoint: there OKS has no meaning.
    Source: COCO's keypoint evaluation page; pycocotools' computeOks.
    """
    truth, poses = np.asarray(truth), np.asarray(poses, dtype=np.float64)
    if truth.shape != (17, 3) or poses.ndim != 3 or poses.shape[1] != 17 or poses.shape[2] < 2:
        raise ValueError(f"oks needs truth (17, 3) and poses (M, 17, 2 or more), not {truth.shape} and {poses.shape}")
    labelled = truth[:, 2] > 0  # (17,) hidden but labelled joints (v = 1) count too
    if not labelled.any():
        raise ValueError("OKS is not defined for a person without labelled keypoints (v > 0): leave this person out")
    similarity = keypoint_similarity(poses[..., :2] - truth[:, :2], area)  # (M, 17)
    return similarity.compress(labelled, axis=1).mean(axis=1)


def oks_nms(poses, scores, areas, threshold=0.9):
    """Keep the best of poses that are nearly the same: greedy non-maximum suppression with OKS as the overlap.

    poses (M, 17, 2 or more) px, scores (M,), areas (M,) px^2 -> kept indices (int), best score first; of equal scores
    the earlier pose goes first. All 17 joints count, on the mean of both areas; a pose goes when its OKS with a kept
    one is above the threshold. Source: the Simple Baselines authors' published code.
    """
    if len(scores) == 0:
        return np.zeros(0, dtype=np.int64)
    order = np.argsort(-np.asarray(scores), kind="stable")
    points = np.asarray(poses, dtype=np.float64)[order, :, :2]  # (M, 17, 2) best first
    areas = np.asarray(areas, dtype=np.float64)[order]
    first, second = np.triu_indices(len(order), 1)  # every pair once
    similarity = np.zeros((len(order), len(order)))
    offsets, mean_areas = points[second] - points[first], (areas[second] + areas[first]) / 2
    similarity[first, second] = keypoint_similarity(offsets, mean_areas).mean(axis=1)
    kept = np.ones(len(order), dtype=bool)
    for i in range(len(order)):
        if kept[i]:  # a pose that is gone removes no other
            kept[i + 1 :] &= similarity[i, i + 1 :] <= threshold
    return order[kept]


def rescore(box_scores, keypoint_scores, threshold=0.2):
    """Score people: box score x mean of the keypoint scores above the threshold (0 where none is).

    box_scores (M,), keypoint_scores (M, K) -> (M,). Source: the Simple Baselines authors' published code.
    """
    keypoint_scores = np.asarray(keypoint_scores, dtype=np.float64)
    seen = keypoint_scores > threshold  # (M, K)
    mean = (keypoint_scores * seen).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    return np.asarray(box_scores) * mean


def coco_metrics(annotations, results):
    """Measure results with pycocotools: COCO's ten numbers, from 0 to 1; -1 where no person falls into an area bin.

    annotations: a COCO keypoint file, its dictionary, or a COCO object. results: list of dicts with image_id,
    category_id, keypoints (51 numbers), score, and perhaps bbox. Neither is changed, nothing is printed. Empty results
    score 0.
    FileNotFoundError, ValueError: see `read_annotations` and `read_results`.
    """
    dataset = read_annotations(annotations)
    results = read_results(results, dataset)
    truth, found = COCO(), COCO()
    with contextlib.redirect_stdout(io.StringIO()):
        truth.dataset = dataset
        truth.createIndex()
        if results:  # loadRes cannot take an empty list
            found = truth.loadRes(results)
        evaluation = COCOeval(truth, found, "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(METRICS, map(float, evaluation.stats)))


def average_precision(annotations, results):
    """Measure results by our own code: arguments, numbers and errors as `coco_metrics`, to the last decimals.

    Three steps: match detections to people in each image, sort all detections by score, read precision and recall.
    """
    dataset = read_annotations(annotations)
    people, detections = defaultdict(list), defaultdict(list)
    for person in dataset["annotations"]:
        people[person["image_id"]].append(person)
    for result in read_results(results, dataset):
        detections[result["image_id"]].append(result)
    image_ids = sorted({image["id"] for image in dataset["images"]})  # the order decides between equal scores
    images = [match_image(people[i], detections[i]) for i in image_ids if i in people or i in detections]
    if not images:
        return dict.fromkeys(METRICS, -1.0)
    scores, hit, ignored, counted = zip(*images)
    best_first = np.argsort(-np.concatenate(scores), kind="stable")  # (N,) over all images
    hit, ignored = (np.concatenate(rows, axis=-1)[..., best_first] for rows in (hit, ignored))  # (A, T, N)
    precision, recall = precision_recall(hit & ~ignored, ~hit & ~ignored, sum(counted))
    return dict(zip(METRICS, five_means(precision) + five_means(recall)))


def five_means(values):
    """The numbers that COCO reports of precision (A, T, 101) or recall (A, T): mean, at OKS .5 and .75, by size."""
    everybody, medium, large = values  # one for each of AREA_RANGES
    at_50, at_75 = everybody[0], everybody[5]  # of OKS_THRESHOLDS
    return [float(part.mean()) for part in (everybody, at_50, at_75, medium, large)]


def match_image(people, detections):
    """Match the detections of one image, best score first, with its people, for all area ranges and thresholds at once.

    -> scores (D,), hit (A, T, D) bool, ignored (A, T, D) bool, and how many people count in each range (A,). Crowds,
    people without keypoints and people outside the range do not count; a detection that takes one is ignored, and so
    is one that takes nobody and is itself outside the range: neither right nor wrong.
    """
    detections = sorted(detections, key=lambda d: -d["score"])[:MAX_DETECTIONS]  # stable: equal scores keep their order
    low, high = AREA_RANGES[:, :1], AREA_RANGES[:, 1:]  # (A, 1)
    crowd = np.array([person["iscrowd"] for person in people], dtype=bool)  # (P,)
    unlabelled = np.array([person["num_keypoints"] == 0 for person in people], dtype=bool)
    areas = np.array([person["area"] for person in people])
    ignore = crowd | unlabelled | (areas < low) | (areas > high)  # (A, P)
    choice = np.full((len(AREA_RANGES), len(OKS_THRESHOLDS), len(detections)), len(people))  # nobody
    if people and detections:
        poses = np.stack([detection["keypoints"] for detection in detections]).reshape(-1, 17, 3)
        similarity = np.stack([person_similarity(person, poses) for person in people], axis=1)  # (D, P)
        choice = choose_people(similarity, ignore, crowd)
    found_areas = np.array([detection["area"] for detection in detections])
    outside = (found_areas < low) | (found_areas > high)  # (A, D)
    padded = np.concatenate([ignore, np.zeros((len(ignore), 1), dtype=bool)], axis=1)  # (A, P + 1)
    hit = choice < len(people)  # (A, T, D)
    ignored = np.where(hit, padded[np.arange(len(ignore))[:, None, None], choice], outside[:, None])
    return [detection["score"] for detection in detections], hit, ignored, (~ignore).sum(axis=1)


def choose_people(similarity, ignore, crowd):
    """Let each detection in turn take the free person of largest OKS, not below the threshold; else nobody.

    similarity (D, P), ignore (A, P), crowd (P,) -> index of the person (A, T, D), P for nobody. Of equal OKS the later
    person is taken; an ignored one only when no counted one can be. A crowd can be taken again.
    """
    people, shape = similarity.shape[1], (len(ignore), len(OKS_THRESHOLDS))
    free, counts = np.ones((*shape, people), dtype=bool), ~ignore[:, None]  # (A, T, P), (A, 1, P)
    choice = np.full((*shape, len(similarity)), people)
    reaching = (similarity >= OKS_THRESHOLDS[0]).any(axis=1)  # the rest take nobody
    for d, likeness in zip(reaching.nonzero()[0], similarity[reaching]):  # (P,)
        near = free & (likeness >= OKS_THRESHOLDS[:, None])  # (A, T, P)
        counted = near & counts
        wanted = np.where(counted.any(axis=2, keepdims=True), counted, near)
        best = people - 1 - np.where(wanted, likeness, -1)[..., ::-1].argmax(axis=2)  # (A, T) backwards: the later one
        a, t = wanted.any(axis=2).nonzero()  # where somebody is taken
        best = best[a, t]
        choice[a, t, d] = best
        free[a, t, best] = crowd[best]
    return choice


def person_similarity(person, poses):
    """Compare poses (M, 17, 3) px with an annotation -> (M,); without keypoints, by the distance to its doubled box."""
    truth = np.reshape(person["keypoints"], (17, 3))
    if (truth[:, 2] > 0).any():
        return oks(truth, person["area"], poses)
    corner, size = np.split(np.asarray(person["bbox"]), 2)
    offsets = poses[..., :2] - np.clip(poses[..., :2], corner - size, corner + 2 * size)  # zero inside
    return keypoint_similarity(offsets, person["area"]).mean(axis=1)


def precision_recall(right, wrong, counted):
    """Read COCO's precision at 101 recall levels, and the final recall; both -1 where nobody counts.

    right, wrong (A, T, N) bool, best score first; counted (A,) people -> precision (A, T, 101), recall (A, T).
    """
    right, wrong = right.cumsum(axis=2), wrong.cumsum(axis=2)
    precision = right / (right + wrong + np.spacing(1))  # (A, T, N)
    precision = np.maximum.accumulate(precision[..., ::-1], axis=2)[..., ::-1]  # the best at this recall or beyond
    precision = np.concatenate([precision, np.zeros_like(precision, shape=(*precision.shape[:2], 1))], axis=2)
    levels, final = np.full((*right.shape[:2], 101), -1.0), np.full(right.shape[:2], -1.0)
    for a, t in np.ndindex(final.shape):
        if counted[a]:
            recall = right[a, t] / counted[a]  # (N,)
            levels[a, t] = precision[a, t, np.searchsorted(recall, RECALL_LEVELS)]  # 0 where never reached
            final[a, t] = recall[-1] if len(recall) else 0.0
    return levels, final
