"""Make tests/golden from the full set of the official implementation's numbers, which is too large for the repository.

    python tools/make_golden.py                            # reads ../shared/golden and ../shared/reference-facts.md
    python tools/make_golden.py --full FOLDER --facts FILE

What is kept of each array, and what was computed here, is written in tests/golden/README.md.
"""

import argparse
import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch import nn

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from tests.golden import BELOW, FOLDER, REACH, fill_with_sines, sine_image  # noqa: E402

LARGE = ("heatmaps", "loss_prediction", "flip_plain", "flip_mirrored", "flip_merged_shift", "flip_merged_noshift")
ROWS = [0, 21, 42, 63]  # of the flip test's maps: mirroring changes columns and channels, each row by itself
STEP = 5  # every fifth cell, in x and y, of the loss's maps and of the networks' outputs (no multiple of a stride)
DEPTHS = (18, 34, 50, 101, 152)
TABLES = (  # names of the rows of the first table, in its order
    "the course's paper, table 1",
    "authors' code, detector boxes",
    "authors' weights, true boxes",
    "OpenMMLab, detector boxes",
)


def peak_patches(maps, reach):
    """The cells at most `reach` away from the first highest one of each map: corners (N, K, 2), patches (N, K, P, P).

    Corners are x, y in a map that is wider by REACH on each side; what lies outside the map is BELOW.
    """
    assert maps.min() > BELOW
    count, keypoints, height, width = maps.shape
    y, x = np.unravel_index(maps.reshape(count, keypoints, -1).argmax(axis=-1), (height, width))
    corners = np.stack([x, y], axis=-1) + REACH - reach
    wider = np.pad(maps, [(0, 0), (0, 0), (REACH, REACH), (REACH, REACH)], constant_values=BELOW)
    windows = np.lib.stride_tricks.sliding_window_view(wider, (2 * reach + 1,) * 2, axis=(2, 3))
    n, k = np.indices((count, keypoints))
    return corners.astype(np.uint8), windows[n, k, corners[..., 1], corners[..., 0]]


def mean_loss(prediction, target, weights):
    """The official loss written once more, in float64: half the mean of (w (p - t))^2."""
    difference = weights[..., None, None].astype(np.float64) * (prediction.astype(np.float64) - target)
    return 0.5 * np.mean(difference**2)


def reference(full):
    """The subset of reference.npz, name -> array."""
    kept = {name: array for name, array in full.items() if name not in LARGE}
    kept["heatmaps_first"] = full["heatmaps"][:1]
    kept["heatmaps_corners"], kept["heatmaps_patches"] = peak_patches(full["heatmaps"][1:], REACH)
    kept["peaks_corners"], kept["peaks_patches"] = peak_patches(full["loss_prediction"], 0)
    kept |= {name: full[name][:, :, ROWS] for name in LARGE if name.startswith("flip")}
    arguments = full["loss_prediction"], full["targets"], full["target_weights"]
    assert abs(mean_loss(*arguments) / full["loss"] - 1) < 1e-6  # the formula gives the official number on all cells
    few = [array[..., ::STEP, ::STEP] for array in arguments[:2]]
    return kept | {"loss_prediction": few[0], "loss_step": STEP, "loss": mean_loss(*few, arguments[2])}


class Network(nn.Sequential):
    """Simple Baselines from torchvision's ResNet and three transposed convolutions: independent of hpe_lib."""

    def __init__(self, depth):
        resnet = getattr(torchvision.models, f"resnet{depth}")()
        channels = resnet.fc.in_features
        parts = {name: part for name, part in resnet.named_children() if name not in ("avgpool", "fc")}
        head = []
        for _ in range(3):
            head += [nn.ConvTranspose2d(channels, 256, 4, 2, 1, bias=False), nn.BatchNorm2d(256), nn.ReLU()]
            channels = 256
        super().__init__()
        for name, part in (
            parts | {"deconv_layers": nn.Sequential(*head), "final_layer": nn.Conv2d(256, 17, 1)}
        ).items():
            self.add_module(name, part)


@torch.no_grad()
def forward(full, layout):
    """Every fifth cell of each depth's output: official where the full set has it, else of `Network`."""
    kept = {}
    for depth in DEPTHS:
        network = fill_with_sines(Network(depth).double())
        shapes = [(name, list(value.shape)) for name, value in network.state_dict().items()]
        assert shapes == list(layout[str(depth)].items())  # in this order too: the values depend on it
        maps = network(sine_image()).float().numpy()
        official = full.get(f"depth{depth}")
        if official is not None:  # then `Network` may stand for the other depths
            assert np.abs(maps - official).max() < 1e-4 * official.std()
        kept[f"depth{depth}"] = (maps if official is None else official)[..., ::STEP, ::STEP]
    return kept


@torch.no_grad()
def lite():
    """EfficientNet-Lite0 of the package efficientnet_lite_pytorch: its layout, and what its parts make of sines."""
    from efficientnet_lite_pytorch import EfficientNet

    network = fill_with_sines(EfficientNet.from_name("efficientnet-lite0").double())
    layout = {name: list(value.shape) for name, value in network.state_dict().items()}
    pixels = 127.5 + 127.5 * sine_image()[..., :64, :64]  # from 0 to 255
    stem = network._swish(network._bn0(network._conv_stem((pixels - 127) / 128)))  # (1, 32, 32, 32)
    kept, x = {"stem": stem[..., :-1, :-1]}, stem
    for number, block in enumerate(network._blocks):
        x = block(x)
        if number in (0, 2, 4, 10, 15):
            kept[f"block{number}"] = x[..., ::3, ::3] if number < 4 else x
    return layout, {name: value.float().numpy() for name, value in kept.items()}


def facts(text):
    """What the tests hold the library to, out of the list of published numbers: a dictionary of dictionaries."""
    text = text.replace("\n(", " (")
    folders = re.findall(r"Prefix v\d:? `(\S+?)/?`", text)
    published = re.findall(r"^\| (td-hm_\S+) \| \.(\d+) \| \.(\d+) \|$", text, re.MULTILINE)
    older = re.findall(r"resnet/(\S+\.pth) \(\.(\d+)\)", text)
    tables = re.findall(r"^\| [^|]+ \|((?: (?:\d\d\.\d|-) \|){10})$", text, re.MULTILINE)
    sizes = re.findall(r"(50|101|152)/(256x192|384x288) (\d\d\.\d), (\d\d\.\d)", text)
    archives = re.findall(r"^\| (http\S+\.zip) \| ([\d,]+) \| ([0-9a-f]{32}) \|$", text, re.MULTILINE)
    counts = re.search(r"([\d,]+) parameters for depth 50\s+\(101: ([\d,]+); 152: ([\d,]+)\)", text).groups()
    rows = [[None if value == "-" else float(value) for value in re.findall(r"\d\d\.\d|-", row)] for row in tables]
    return {
        "coco_archives_bytes_md5": {url: [integer(size), md5] for url, size, md5 in archives},
        "parameters": dict(zip(("50", "101", "152"), map(integer, counts))),
        "resnet50_256x192_percent": dict(zip(TABLES, rows, strict=True)),
        "authors_ap_ar_percent": {f"{depth}/{size}": [float(ap), float(ar)] for depth, size, ap, ar in sizes},
        "openmmlab_folders": dict(zip(("v1", "v0"), folders, strict=True)),
        "openmmlab_v1_ap_ar_percent": {file: [int(ap) / 10, int(ar) / 10] for file, ap, ar in published},
        "openmmlab_v0_ap_percent": {f"resnet/{file}": int(ap) / 10 for file, ap in older},
    }


def integer(digits):
    """ "33,999,697" -> 33999697."""
    return int(digits.replace(",", ""))


def lines(table):
    """JSON with one entry of the inner dictionaries on a line."""
    parts = [
        f" {json.dumps(name)}: {{\n"
        + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in part.items())
        + "\n }"
        for name, part in table.items()
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", type=Path, default=ROOT.parent / "shared/golden", help="the folder of the full set")
    parser.add_argument("--lite", action="store_true", help="only what needs the package efficientnet_lite_pytorch")
    parser.add_argument("--facts", type=Path, default=ROOT.parent / "shared/reference-facts.md", help="published facts")
    args = parser.parse_args()
    if args.lite:
        layout, arrays = lite()
        (FOLDER / "efficientnet_layout.json").write_text(json.dumps(layout), "utf-8")
        np.savez_compressed(FOLDER / "efficientnet.npz", **arrays)
        return
    shutil.copyfile(args.full / "state_dict_layout.json", FOLDER / "state_dict_layout.json")
    layout = json.loads((FOLDER / "state_dict_layout.json").read_text("utf-8"))
    np.savez_compressed(FOLDER / "reference.npz", **reference(dict(np.load(args.full / "reference.npz"))))
    np.savez_compressed(FOLDER / "forward.npz", **forward(dict(np.load(args.full / "forward.npz")), layout))
    (FOLDER / "facts.json").write_text(lines(facts(args.facts.read_text("utf-8"))), "utf-8")
    for file in sorted(FOLDER.iterdir()):
        if file.is_file():
            print(f"{file.stat().st_size / 1e3:7.1f} kB  {file.name}")


if __name__ == "__main__":
    main()
