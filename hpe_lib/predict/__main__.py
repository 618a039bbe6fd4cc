"""An image in, poses out. `python -m hpe_lib.predict PHOTO` draws them on the photo."""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from hpe_lib import data, plots
from hpe_lib.machine import best_device, keep_freed_memory, run_command
from hpe_lib.models import add_weights_options, load_model
from hpe_lib.predict import detect_people, predict_image


def parse_box(text):
    """'x,y,width,height' -> four floats."""
    try:
        x, y, width, height = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"a box is x,y,width,height in px, got {text!r}") from None
    return x, y, width, height


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m hpe_lib.predict", description=__doc__)
    parser.add_argument("photo", type=Path, help="the image")
    add_weights_options(parser, default="photos")
    parser.add_argument(
        "--box", type=parse_box, action="append", help="x,y,width,height in px around one person; repeat for more"
    )
    parser.add_argument("--detect", action="store_true", help="find the people with torchvision's detector (downloads)")
    parser.add_argument("--out", type=Path, help="where the drawing goes (default: PHOTO-poses.png beside it)")
    parser.add_argument("--json", type=Path, help="also write the keypoints here")
    args = parser.parse_args(arguments)

    keep_freed_memory()
    data.read_image(args.photo)  # the clear errors
    with Image.open(args.photo) as opened:  # phones store how the image is turned beside it
        image = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    model = load_model(args.weights, args.depth, args.channels).to(best_device())
    boxes = detect_people(image) if args.detect else args.box
    if boxes is None:
        print("no --box and no --detect: taking the whole image as one person's box")
    poses = predict_image(model, image, boxes)
    out = args.out or args.photo.with_name(f"{args.photo.stem}-poses.png")
    figure = plots.show_poses(image, poses)
    figure.savefig(out, dpi=150, bbox_inches="tight")
    if args.json:
        args.json.write_text(json.dumps([pose.round(2).tolist() for pose in poses]))
    print(f"{len(poses)} people drawn in {out}")


if __name__ == "__main__":
    run_command(main)
