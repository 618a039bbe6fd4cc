"""How good is a network? `python -m hpe_lib.evaluate` prints the paper's table 1 beside what it measured."""

import argparse
import json
from pathlib import Path

from hpe_lib import data
from hpe_lib.evaluate import evaluate_model, published_rows, table
from hpe_lib.machine import (
    best_device,
    device_option,
    keep_freed_memory,
    number_option,
    run_command,
    write_atomically,
)
from hpe_lib.models import add_weights_options, load_model


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m hpe_lib.evaluate", description=__doc__)
    add_weights_options(parser, default="tiny")
    parser.add_argument("--data", help="'synthetic' or a COCO-layout folder (default: HPE_DATA, else synthetic)")
    parser.add_argument("--split", choices=("val", "train"), default="val")
    parser.add_argument("--boxes", type=Path, help="a detector's boxes, COCO results in JSON (default: the true boxes)")
    parser.add_argument("--no-flip", action="store_true", help="without the mirror image's heatmaps")
    parser.add_argument(
        "--shift", type=number_option(float, 0, 1), default=1.0, help="of them, in cells (default: 1, as published)"
    )
    parser.add_argument("--no-shift", dest="shift", action="store_const", const=0.0, help="the same as --shift 0")
    parser.add_argument("--refine", choices=("quarter", "dark", "none"), default="quarter", help="after the argmax")
    parser.add_argument("--batch-size", type=number_option(int, 1), default=64)
    parser.add_argument("--workers", type=number_option(int, 0), default=0, help="processes that read images")
    parser.add_argument("--device", type=device_option, help="cpu, cuda or mps (default: the best there is)")
    parser.add_argument("--json", type=Path, help="write the ten metrics here")
    parser.add_argument("--results", type=Path, help="write the poses here, as COCO results")
    args = parser.parse_args(arguments)

    keep_freed_memory()
    for file in filter(None, (args.json, args.results)):
        if file.is_dir() or file in (args.boxes, Path(args.weights)):
            raise ValueError(f"{file} cannot be written over: name another file")
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
    print(
        f"{root}, {args.split}: {len(people):,} crops from {source}, {flip}: {len(results):,} poses without duplicates."
    )
    print("The rows above the last are published, of COCO val2017; compare rows of the same boxes.")
    print(table(published_rows(model, args.weights) | {f"measured: {args.weights}, {boxes}": metrics}))
    for file, content in ((args.json, metrics), (args.results, results)):
        if file:
            written = json.dumps(content, indent=2, allow_nan=False).encode()
            write_atomically(lambda opened, written=written: opened.write(written), file)


if __name__ == "__main__":
    run_command(main)
