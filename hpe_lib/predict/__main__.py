"""An image in, poses out. `python -m hpe_lib.predict PHOTO` draws them on the photo."""

import argparse
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from hpe_lib import plots
from hpe_lib.data.files import eight_bits, readable
from hpe_lib.machine import best_device, keep_freed_memory, run_command, write_atomically
from hpe_lib.models import add_weights_options, load_model
from hpe_lib.predict import detect_people, predict_image


def parse_box(text):
    """'x,y,width,height' -> four floats."""
    try:
        x, y, width, height = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"a box is x,y,width,height in px, got {text!r}") from None
    if not np.isfinite([x, y, width, height]).all() or width <= 0 or height <= 0:
        raise argparse.ArgumentTypeError(f"a box has a positive width and height in px, got {text!r}")
    return x, y, width, height


def upright_image(file):
    """Read an image as `data.read_image` does, and turn it as a phone notes beside it: (H, W, 3) uint8."""
    with readable(file), Image.open(file) as opened:
        return eight_bits(ImageOps.exif_transpose(opened))


def drawing_file(file):
    """The file of a drawing; ValueError where its suffix names no kind of image that can be drawn."""
    kinds = plots.plt.gcf().canvas.get_supported_filetypes()
    plots.plt.close()
    if file.suffix[1:].lower() not in kinds:
        raise ValueError(f"{file}: a drawing's name ends in .png, .jpg, .pdf or .svg, so that its kind is known")
    return file


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
    out = drawing_file(args.out or args.photo.with_name(f"{args.photo.stem}-poses.png"))
    for file in filter(None, (out, args.json)):
        if file.exists() and args.photo.exists() and file.samefile(args.photo):
            raise ValueError(f"{file} is the photograph itself: name another file, it would be lost")
    image = upright_image(args.photo)
    model = load_model(args.weights, args.depth, args.channels).to(best_device())
    boxes = detect_people(image, detector="fasterrcnn")[0] if args.detect else args.box
    if boxes is None:
        print("no --box and no --detect: taking the whole image as one person's box")
    poses = predict_image(model, image, boxes)
    figure, drawing = plots.show_poses(image, poses), io.BytesIO()
    figure.savefig(drawing, format=out.suffix[1:], dpi=150, bbox_inches="tight")
    write_atomically(lambda file: file.write(drawing.getbuffer()), out)
    if args.json:
        found = json.dumps([pose.round(2).tolist() for pose in poses], allow_nan=False)
        write_atomically(lambda file: file.write(found.encode()), args.json)
    print(f"{len(poses)} people drawn in {out}")


if __name__ == "__main__":
    run_command(main)
