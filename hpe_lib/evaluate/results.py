"""How good is a network? `python -m hpe_lib.evaluate` prints the paper's table 1 beside what it measured.

The metrics themselves are in `hpe_lib.metrics`; they are offered here too.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from hpe_lib import data, geometry
from hpe_lib.errors import run_command
from hpe_lib.metrics import METRICS, average_precision, coco_metrics, oks, oks_nms, rescore
from hpe_lib.models import load_model, published
from hpe_lib.predict import add_weights_options, best_device, predict_people

__all__ = [
    "METRICS",
    "PUBLISHED",
    "average_precision",
    "coco_metrics",
    "evaluate_model",
    "oks",
    "oks_nms",
    "published_rows",
    "rescore",
    "table",
    "to_results",
]

PUBLISHED = {  # ResNet-50, 256 x 192, COCO val2017, in percent; None: not published
    "the course's paper, table 1": (70.4, 88.6, 77.8, 67.0, 76.9, 76.2, 93.0, 83.0, 71.9, 82.4),
    "authors' code, detector boxes": (70.4, 88.6, 78.3, 67.1, 77.2, 76.3, 92.9, 83.4, 72.1, 82.4),
    "authors' weights, true boxes": (72.4, 91.5, 80.4, 69.7, 76.5, 75.6, 93.0, 82.3, 72.3, 80.4),
    "OpenMMLab, detector boxes": (71.8, 89.8, 79.6, None, None, 77.4, 93.4, None, None, None),
}


def to_results(people, poses, nms=0.9):
    """Turn poses into COCO results: rescored, and without doubles of the same person.

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
    """Measure a network on a split: predict every person, rescore, remove doubles, ask pycocotools.

    content: the split's annotation dictionary where it is at hand (or a part of it, from `data.sample`). people: whom
    to predict, by default the labelled people in their true boxes. options: those of `predict_people`.
    Returns the metrics dict of `coco_metrics` and the list of results.
    """
    content = content or data.read_annotations(data.annotation_file(root, split))
    people = data.persons(root, split, content) if people is None else people
    results = to_results(people, predict_people(model, people, **options))
    return coco_metrics(content, results), results


def published_rows(model, weights):
    """What is published about a network's depth and input size, else about ResNet-50: name -> ten percentages.

    model: with `depth` and `input_wh`. weights: the path or name that it was loaded from; if that is one of
    OpenMMLab's, its row is theirs.
    """
    entry, (width, height) = published.find(weights), model.input_wh
    network = f"res{model.depth}-{height}x{width}"
    names = [name for name in (f"openmmlab/{network}", f"openmmlab-v0/{network}") if name in published.names()]
    names = [name for name in names if published.WEIGHTS[name] == entry] or names
    rows = dict(PUBLISHED)
    if (model.depth, (width, height)) in published.AUTHORS and network != "res50-256x192":
        paper = "the course's paper, table 1"
        size = f"ResNet-{model.depth}, {height} x {width}"
        rows = {f"{paper} (ResNet-50, 256 x 192)": PUBLISHED[paper]}
        rows[f"authors' code ({size}), detector boxes"] = published.AUTHORS[model.depth, (width, height)]
    if names and names[0] != "openmmlab/res50-256x192":
        rows.pop("OpenMMLab, detector boxes", None)
        rows[f"OpenMMLab ({names[0]}), detector boxes"] = published.WEIGHTS[names[0]].scores
    return rows


def table(rows):
    """Lines of a table: name -> metrics dict (0 to 1) or ten percentages, as the paper prints them."""
    width = max(map(len, rows))
    lines = [" " * width + "".join(f"{name:>6}" for name in METRICS)]
    for name, values in rows.items():
        values = [100 * values[metric] for metric in METRICS] if isinstance(values, dict) else values
        cells = ("   -  " if value is None or value < 0 else f"{value:6.1f}" for value in values)
        lines.append(f"{name:{width}}" + "".join(cells))
    return "\n".join(lines)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m hpe_lib.evaluate", description=__doc__)
    add_weights_options(parser, default="tiny")
    parser.add_argument("--data", help="'synthetic' or a COCO-layout folder (default: HPE_DATA, else synthetic)")
    parser.add_argument("--split", choices=("val", "train"), default="val")
    parser.add_argument("--boxes", type=Path, help="a detector's boxes, COCO results in JSON (default: the true boxes)")
    parser.add_argument("--no-flip", action="store_true", help="without the mirror image's heatmaps")
    parser.add_argument("--shift", type=float, default=1.0, help="of them, in cells (default: 1, as published)")
    parser.add_argument("--no-shift", dest="shift", action="store_const", const=0.0, help="the same as --shift 0")
    parser.add_argument("--refine", choices=("quarter", "taylor", "none"), default="quarter", help="after the argmax")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--workers", type=int, default=0, help="processes that read images")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best there is)")
    parser.add_argument("--json", type=Path, help="write the ten metrics here")
    parser.add_argument("--results", type=Path, help="write the poses here, as COCO results")
    args = parser.parse_args(arguments)

    root = data.find(args.data)
    content = data.read_annotations(data.annotation_file(root, args.split))
    if args.boxes:
        people = data.detected_persons(root, args.split, args.boxes, content)
    else:
        people = data.persons(root, args.split, content)
    model = load_model(args.weights, args.depth, args.channels).to(args.device or best_device())
    metrics, results = evaluate_model(
        model,
        root,
        args.split,
        content,
        people,
        flip=not args.no_flip,
        shift=args.shift,
        refine=None if args.refine == "none" else args.refine,
        batch_size=args.batch_size,
        workers=args.workers,
        progress=True,
    )
    boxes = "detector boxes" if args.boxes else "true boxes"
    source = f"the boxes that a detector found ({args.boxes})" if args.boxes else "the true boxes of labelled people"
    flip = "no flip test" if args.no_flip else f"flip test with a shift of {args.shift:g} cells"
    print(f"{root}, {args.split}: {len(people):,} crops from {source}, {flip}: {len(results):,} poses without doubles.")
    print("The rows above the last are published, of COCO val2017; compare rows of the same boxes.")
    print(table(published_rows(model, args.weights) | {f"measured: {args.weights}, {boxes}": metrics}))
    for file, content in ((args.json, metrics), (args.results, results)):
        if file:
            file.write_text(json.dumps(content, indent=2))


if __name__ == "__main__":
    run_command(main)
