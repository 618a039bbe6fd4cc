"""How good is a detector? Its boxes as COCO results, COCO's AP of them, and what it finds at one threshold."""

import contextlib
import io

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from hpe_lib import data
from hpe_lib.predict import box_iou


def box_results(pictures, find):
    """Boxes in COCO's result format: a list of dicts with image_id, category_id, bbox and score.

    pictures: list of `data.Picture`. find: image (H, W, 3) uint8 -> boxes (M, 4) px, scores (M,).
    """
    return [
        {"image_id": picture.image_id, "category_id": 1, "bbox": box.tolist(), "score": float(score)}
        for picture in pictures
        for box, score in zip(*find(data.read_image(picture.file)))
    ]


def box_metrics(annotations, results):
    """COCO's box AP of people by pycocotools: {"AP", "AP50", "AP75", "APS", "APM", "APL", "AR"}, -1 where undefined.

    annotations: what `data.read_annotations` takes; crowds are ignored. results: those of `box_results`.
    """
    content, silent = data.read_annotations(annotations), io.StringIO()
    with contextlib.redirect_stdout(silent):
        truth, found = COCO(), COCO()
        truth.dataset = content
        truth.createIndex()
        found = truth.loadRes(results) if results else found
        if not results:
            found.dataset = content | {"annotations": []}
            found.createIndex()
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    numbers = map(float, evaluation.stats[[0, 1, 2, 3, 4, 5, 8]])
    return dict(zip(("AP", "AP50", "AP75", "APS", "APM", "APL", "AR"), numbers))


def at_threshold(pictures, results, threshold, overlap=0.5):
    """What a detector finds at one threshold: {"recall", "precision", "false"}, `false` boxes a picture.

    A box finds a person whom it overlaps by at least `overlap` (intersection over union) and whom no better box has
    found. Boxes that mostly lie in an ignored region do not count.
    """
    found_in, hits, wrong, people = {}, 0, 0, 0
    for result in results:
        if result["score"] >= threshold:
            found_in.setdefault(result["image_id"], []).append(result)
    for picture in pictures:
        person = picture.kinds == 1
        people += person.sum()
        free = person.copy()
        for result in sorted(found_in.get(picture.image_id, ()), key=lambda one: -one["score"]):
            iou = box_iou([result["bbox"]], picture.boxes)[0] * free  # (M,)
            if iou.size and iou.max() >= overlap:
                free[iou.argmax()] = False
                hits += 1
            elif not _mostly_inside(result["bbox"], picture.boxes[~person]):
                wrong += 1
    return {
        "recall": hits / max(people, 1),
        "precision": hits / max(hits + wrong, 1),
        "false": wrong / max(len(pictures), 1),
    }


def _mostly_inside(box, regions):
    """Whether at least half of a box (4,) lies in one of the regions (M, 4)."""
    box, regions = np.asarray(box), np.asarray(regions).reshape(-1, 4)
    low = np.maximum(box[:2], regions[:, :2])
    high = np.minimum(box[:2] + box[2:], regions[:, :2] + regions[:, 2:])
    return bool(((high - low).clip(min=0).prod(axis=1) >= 0.5 * box[2:].prod()).any())
