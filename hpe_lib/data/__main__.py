"""Folders in COCO's layout: what is in one, drawing one, fetching COCO, copying a choice of images.

`python -m hpe_lib.data check` reads a whole folder and says what is in it; `draw` makes a drawn one of any size;
`download` fetches COCO 2017; `pick` copies a choice of images.
"""

import argparse
import csv
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tqdm import tqdm

from hpe_lib import synthetic
from hpe_lib.data import download
from hpe_lib.data.annotations import annotation_file, images_by_id, read_annotations
from hpe_lib.data.coco import find, persons
from hpe_lib.data.crops import read_image
from hpe_lib.data.files import of_size, readable
from hpe_lib.machine import number_option, run_command


def check(root, images=True):
    """Read every annotation (and image) of a folder. Returns lines that say what is there; errors name the file."""
    lines = []
    for split in ("train", "val"):
        file = annotation_file(root, split)
        if not file.is_file():
            lines.append(f"{split}: no {file}")
            continue
        content = read_annotations(file)
        people = persons(root, split, content)
        labels = sum(int((person.keypoints[:, 2] > 0).sum()) for person in people)
        lines.append(
            f"{split}: {len(content['images']):,} images, {len(content['annotations']):,} annotations, "
            f"{len(people):,} people to learn from, {labels:,} labelled keypoints"
        )
        for image in tqdm(content["images"] if images else (), desc=f"reading {split}", unit="image"):
            path = Path(root) / f"{split}2017" / image["file_name"]
            of_size(read_image(path), (image["width"], image["height"]), path)
    return lines


def read_list(listed):
    """A CSV file with the columns id (of an image) and split -> {id: split}. ValueError names the file and the row."""
    try:
        text = Path(listed).read_text(encoding="utf-8-sig")  # Excel writes a mark before the first column's name ...
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{listed} is not a readable list ({error}): a CSV file with the columns id and split"
        ) from None
    head = text.partition("\n")[0]
    rows = csv.DictReader(text.splitlines(), delimiter=";" if ";" in head else "\t" if "\t" in head else ",")  # or ;
    if not {"id", "split"} <= {*(rows.fieldnames or ())}:
        raise ValueError(
            f"{listed} needs the columns id and split, and has {', '.join(rows.fieldnames or ()) or 'none'}"
        )
    goal = {}
    for number, row in enumerate(rows, 2):
        if not (row["id"] or "").strip().isdigit() or row["split"] not in ("train", "val"):
            raise ValueError(
                f"{listed}, line {number}: a whole number, and train or val, are wanted, not {row['id']!r} and "
                f"{row['split']!r}"
            )
        if goal.setdefault(int(row["id"]), row["split"]) != row["split"]:
            raise ValueError(f"{listed}, line {number}: image {row['id']} is to go to both splits")
    if not goal:
        raise ValueError(f"{listed} names no image")
    return goal


def pick(root, listed, out):
    """Copy a choice of images, with their people, into a folder `out` of the same layout.

    listed: a CSV file with the columns id (of an image in either split of `root`) and split (the one it goes to).
    FileNotFoundError or ValueError says which image is missing; then nothing is left behind.
    """
    if Path(out).exists():
        raise FileExistsError(f"{out} is there already: name a new folder")
    goal = read_list(listed)
    sources = [split for split in ("train", "val") if annotation_file(root, split).is_file()]
    contents = {split: read_annotations(annotation_file(root, split)) for split in sources}
    tables = {split: images_by_id(contents[split], annotation_file(root, split)) for split in sources}
    where = {number: (split, image) for split in sources for number, image in tables[split].items()}
    if missing := sorted(goal.keys() - where.keys()):
        raise ValueError(f"{root} lacks {len(missing)} of the images in {listed}, the first is {missing[0]}")
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=Path(out).parent, ignore_cleanup_errors=True) as made:
        for split in ("train", "val"):
            chosen = {image_id for image_id, target in goal.items() if target == split}
            (Path(made) / f"{split}2017").mkdir()
            for image_id in sorted(chosen):
                source, image = where[image_id]
                copy = Path(made) / f"{split}2017" / image["file_name"]  # read_annotations: it stays inside
                if copy.exists():
                    raise ValueError(f"two images of {root} are called {image['file_name']}: one would be lost")
                copy.parent.mkdir(parents=True, exist_ok=True)
                with readable(Path(root) / f"{source}2017" / image["file_name"]):
                    shutil.copyfile(Path(root) / f"{source}2017" / image["file_name"], copy)
            people = [a for source in sources for a in contents[source]["annotations"] if a["image_id"] in chosen]
            content = contents[sources[0]] | {"images": [where[i][1] for i in sorted(chosen)], "annotations": people}
            file = annotation_file(made, split)
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps(content), encoding="utf-8")
        os.chmod(made, 0o755)
        os.rename(made, out)


def _download(args):
    try:
        root = download.coco(args.root, args.only, args.mirror, args.keep_archives)
    except KeyboardInterrupt as stopped:
        sys.exit(str(stopped))
    print(f"Name this folder: --data {root} in the commands, HPE_DATA={root.absolute()} for the notebooks.")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m hpe_lib.data", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    look = commands.add_parser("check", help="read everything in a folder and say what is there")
    look.add_argument("--data", help="'synthetic' or a COCO-layout folder (default: HPE_DATA, else synthetic)")
    look.add_argument("--no-images", action="store_true", help="read the annotations only")
    draw = commands.add_parser("draw", help="draw people in COCO's layout")
    draw.add_argument("--out", type=Path, required=True, help="the folder to make")
    draw.add_argument("--train-images", type=number_option(int, 0, 10**6), default=1500)
    draw.add_argument("--val-images", type=number_option(int, 0, 10**6), default=300)
    draw.add_argument(
        "--sequences",
        type=number_option(int, 1, 10**4),
        help="instead: so many films a motion, of 4 s at 15 frames/s",
    )
    draw.add_argument("--seed", type=number_option(int, 0), default=0)
    fetch = commands.add_parser("download", help="fetch COCO 2017, 20 GB; the same command goes on after a break")
    fetch.add_argument("--root", type=Path, required=True, help="the folder to fill")
    fetch.add_argument("--only", choices=("val", "train"), help="leave the other images out; val: 1 GB instead of 20")
    fetch.add_argument("--mirror", action="append", default=[], help="instead of COCO's server; repeat: tried in order")
    fetch.add_argument("--keep-archives", action="store_true", help="do not delete what has been unpacked")
    choose = commands.add_parser("pick", help="copy the images that a list names into a folder of the same layout")
    choose.add_argument("--data", help="the COCO-layout folder to copy from (default: HPE_DATA)")
    choose.add_argument("--list", type=Path, required=True, help="a CSV file with the columns id and split")
    choose.add_argument("--out", type=Path, required=True, help="the folder to make")
    args = parser.parse_args(arguments)
    if args.command == "download":
        return _download(args)
    if args.command == "pick":
        pick(find(args.data), args.list, args.out)
    if args.command == "draw" and args.sequences:
        synthetic.make_films(args.out, args.sequences, seed=args.seed)
    elif args.command == "draw":
        synthetic.make(args.out, args.train_images, args.val_images, args.seed)
    root = args.out if args.command in ("draw", "pick") else find(args.data)
    print(root, *check(root, args.command == "check" and not args.no_images), sep="\n")


if __name__ == "__main__":
    run_command(main)
