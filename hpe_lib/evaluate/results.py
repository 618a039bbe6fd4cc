"""From poses to COCO results: scored again, duplicates removed; and a network measured on a split."""

import numpy as np

from hpe_lib import data, geometry
from hpe_lib.metrics import coco_metrics, oks_nms, rescore
from hpe_lib.predict import predict_people


def to_results(people, poses, nms=0.9):
    """Turn poses into COCO results: rescored, and without duplicates of the same person.

    people: list of `data.Person`; poses (M, 17, 3) image px and peak heights. nms: OKS above which the weaker of two
    poses of one image goes. Returns a list of dicts. Source: the official `evaluate` of COCO results.
    """
    scores = rescore([person.score for person in people], poses[:, :, 2]) if people else []
    frames = [geometry.crop_frame(person.box)[1] for person in people]
    areas, images = np.array([np.prod(size) for size in frames]), {}
    for index, person in enumerate(people):
        images.setdefault(person.image_id, []).append(index)
    kept = []
    for indices in images.values():
        indices = np.array(indices)
        kept.extend(indices[oks_nms(poses[indices], scores[indices], areas[indices], nms)])
    return [
        {
            "image_id": people[index].image_id,
            "category_id": 1,
            "keypoints": poses[index].ravel().tolist(),
            "score": float(scores[index]),
        }
        for index in kept
    ]


def evaluate_model(model, root, split="val", content=None, people=None, **options):
    """Measure a network on a split: predict every person, rescore, remove duplicates, ask pycocotools.

    content: the split's annotation dictionary where it is at hand (or a part of it, from `data.sample`). people: whom
    to predict, by default the labelled people in their true boxes. options: those of `predict_people`.
    Returns the metrics dict of `coco_metrics` and the list of results.
    """
    content = content or data.read_annotations(data.annotation_file(root, split))
    people = data.persons(root, split, content) if people is None else people
    results = to_results(people, predict_people(model, people, **options))
    return coco_metrics(content, results), results
