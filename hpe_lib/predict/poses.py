"""An image in, poses out. `python -m hpe_lib.predict PHOTO` draws them on the photo."""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from tqdm.auto import tqdm

from hpe_lib import data, geometry, heatmaps
from hpe_lib.errors import run_command
from hpe_lib.memory import keep_freed_memory
from hpe_lib.models import DEPTHS, load_model, parse_depth


def best_device():
    """NVIDIA's or Apple's GPU where there is one, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@torch.inference_mode()
def predict_heatmaps(model, crops, flip=True, shift=True):
    """uint8 RGB crops (N, 3, H, W) -> heatmaps (N, K, H / 4, W / 4), averaged with the mirror image's if `flip`."""
    images = data.normalise(crops.to(next(model.parameters()).device))
    images = images.contiguous(memory_format=torch.channels_last)  # the faster layout for convolutions
    maps = model(images).float()
    if flip:
        maps = heatmaps.merge_flipped(maps, model(images.flip(-1)).float(), shift)
    return maps


def predict_crops(model, crops, matrices, flip=True, shift=True, refine="quarter"):
    """Poses of one batch of crops, in px of the images that they were cut from.

    crops: (N, 3, H, W) uint8. matrices: N of (2, 3), image px to crop px. Returns (N, 17, 3): x, y, peak height.
    """
    maps = predict_heatmaps(model, crops, flip, shift)
    points, scores = heatmaps.decode(maps, refine)
    points = points.cpu().numpy() * (crops.shape[-1] / maps.shape[-1])  # heatmap px -> crop px
    points = geometry.transform(points, geometry.invert(np.reshape(matrices, (-1, 2, 3))))  # (N, 17, 2) image px
    return np.concatenate([points, scores.cpu().numpy()[..., None]], axis=-1)


def predict_people(model, people, flip=True, shift=True, refine="quarter", batch_size=64, workers=0, progress=False):
    """Estimate the pose of every `data.Person`: (M, 17, 3), x and y in px of the person's image, and peak height."""
    dataset = data.CropDataset(people, model.input_wh)
    loader = torch.utils.data.DataLoader(dataset, batch_size, num_workers=workers)
    model.eval()
    if next(model.parameters()).device.type == "cpu":
        keep_freed_memory()
    poses = [np.zeros((0, 17, 3))]
    for batch in tqdm(loader, desc="predicting", unit="batch", disable=not progress):
        matrices = [dataset.matrix(index) for index in batch["index"].tolist()]
        poses.append(predict_crops(model, batch["image"], matrices, flip, shift, refine))
    return np.concatenate(poses)


def predict_image(model, image, boxes=None, flip=True, refine="quarter"):
    """Estimate the pose in each box of one picture.

    image: (H, W, 3) uint8 RGB. boxes: (M, 4) x, y, width, height in px, cut to the picture; None takes the whole
    picture as one box. Returns (M, 17, 3). Raises ValueError for a box that has no size or lies outside the picture.
    """
    height, width = image.shape[:2]
    crops, matrices = [], []
    for box in [(0, 0, width, height)] if boxes is None else boxes:
        x, y, w, h = box
        clean = data.clean_box((x, y, w + 1, h + 1), width, height)  # a box inside the picture stays as it is
        if clean is None or not (clean[2:] > 0).all():
            raise ValueError(
                f"box {tuple(map(float, box))} has no part inside the {width} x {height} px picture: "
                f"a box is x, y, width, height, counted in px from the top left corner"
            )
        center, size = geometry.crop_frame(clean, model.input_wh[0] / model.input_wh[1])
        matrices.append(geometry.crop_matrix(center, size, model.input_wh))
        crops.append(torch.from_numpy(data.warp(image, matrices[-1], model.input_wh).transpose(2, 0, 1).copy()))
    if not crops:
        return np.zeros((0, 17, 3))
    return predict_crops(model.eval(), torch.stack(crops), matrices, flip, refine=refine)


@torch.inference_mode()
def detect_people(image, threshold=0.5):
    """Find people with torchvision's Faster R-CNN (its COCO weights are downloaded once, 160 MB).

    image: (H, W, 3) uint8 RGB. Returns boxes (M, 4), x, y, width, height in px, best first.
    """
    from torchvision.models import detection

    weights = detection.FasterRCNN_ResNet50_FPN_Weights.COCO_V1
    detector = detection.fasterrcnn_resnet50_fpn(weights=weights).eval()
    found = detector([torch.from_numpy(image.transpose(2, 0, 1).copy()).float() / 255])[0]
    corners = found["boxes"][(found["labels"] == 1) & (found["scores"] > threshold)].numpy()  # (M, 4) x1, y1, x2, y2
    return np.column_stack([corners[:, :2], corners[:, 2:] - corners[:, :2]])


def add_weights_options(parser, default):
    """What `load_model` asks for, on the command line: --weights (or `default`), --depth, --channels."""
    known = "a file, 'photos', 'tiny' (drawn people), or a published name (openmmlab/res50-256x192)"
    parser.add_argument("--weights", default=default, help=f"{known}; default: {default}")
    parser.add_argument(
        "--depth", type=parse_depth, choices=DEPTHS, help="of the network, for weight files that do not say it"
    )
    parser.add_argument(
        "--channels",
        choices=("auto", "rgb", "bgr"),
        default="auto",
        help="the order that the weights learnt (default: as file or published name say, else rgb)",
    )


def parse_box(text):
    """'x,y,width,height' -> four floats."""
    try:
        x, y, width, height = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"a box is x,y,width,height in px, got {text!r}") from None
    return x, y, width, height


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m hpe_lib.predict", description=__doc__)
    parser.add_argument("photo", type=Path, help="the picture")
    add_weights_options(parser, default="photos")
    parser.add_argument(
        "--box", type=parse_box, action="append", help="x,y,width,height in px around one person; repeat for more"
    )
    parser.add_argument("--detect", action="store_true", help="find the people with torchvision's detector (downloads)")
    parser.add_argument("--out", type=Path, help="where the drawing goes (default: PHOTO-poses.png beside it)")
    parser.add_argument("--json", type=Path, help="also write the keypoints here")
    args = parser.parse_args(arguments)

    from hpe_lib import plots

    data.read_image(args.photo)  # the clear errors
    with Image.open(args.photo) as opened:  # phones store how the picture is turned beside it
        image = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    model = load_model(args.weights, args.depth, args.channels).to(best_device())
    boxes = detect_people(image) if args.detect else args.box
    if boxes is None:
        print("no --box and no --detect: taking the whole picture as one person's box")
    poses = predict_image(model, image, boxes)
    out = args.out or args.photo.with_name(f"{args.photo.stem}-poses.png")
    figure = plots.show_poses(image, poses)
    figure.savefig(out, dpi=150, bbox_inches="tight")
    if args.json:
        args.json.write_text(json.dumps([pose.round(2).tolist() for pose in poses]))
    print(f"{len(poses)} people drawn in {out}")


if __name__ == "__main__":
    run_command(main)
