"""The official implementation's numbers, as README.md beside this file says: `read()` gives them, name -> array."""

import json
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).parent
BELOW = -1.0  # lower than every stored height: fills the cells of a map that are not stored
REACH = 2  # cells around a peak that are stored


def read():
    """Name -> array, with whole heatmaps where only the cells around their peaks are stored."""
    with np.load(FOLDER / "reference.npz") as file:
        arrays = dict(file)
    others = around_peaks(arrays.pop("heatmaps_corners"), arrays.pop("heatmaps_patches"))
    arrays["heatmaps"] = np.concatenate([arrays.pop("heatmaps_first"), others])
    arrays["peaks_prediction"] = around_peaks(arrays.pop("peaks_corners"), arrays.pop("peaks_patches"))
    return arrays


def read_whole(folder):
    """The same names from the full set of arrays that the subset was taken from."""
    with np.load(folder / "reference.npz") as file:
        arrays = dict(file)
    return arrays | {"peaks_prediction": arrays["loss_prediction"], "loss_step": np.array(1)}


def facts():
    """Published numbers, file names and digests, as a dictionary."""
    return json.loads((FOLDER / "facts.json").read_text("utf-8"))


def state_dict_layout(depth):
    """Names of parameters and buffers, in their order, with their shapes, of the official network of one depth."""
    return json.loads((FOLDER / "state_dict_layout.json").read_text("utf-8"))[str(depth)]


def around_peaks(corners, patches, size_wh=(48, 64)):
    """Maps that are BELOW except for one patch each: (N, K, 2) x, y and (N, K, P, P) -> (N, K, H, W).

    corners: the upper left cells of the patches, in a map that is wider by REACH on each side.
    """
    width, height = size_wh
    count, keypoints, side, _ = patches.shape
    maps = np.full((count, keypoints, height + 2 * REACH, width + 2 * REACH), BELOW, dtype=np.float32)
    for n, k in np.ndindex(count, keypoints):
        x, y = corners[n, k]
        maps[n, k, y : y + side, x : x + side] = patches[n, k]
    return np.ascontiguousarray(maps[..., REACH:-REACH, REACH:-REACH])


def fill_with_sines(model):
    """Give every parameter and buffer of a network the value that README.md says; the integers stay."""
    for index, (name, value) in enumerate(model.state_dict().items()):
        if not value.is_floating_point():
            continue
        wave = np.sin(0.7 * np.arange(value.numel()) + index).reshape(value.shape)
        if value.dim() == 4:
            wave *= np.sqrt(3 / np.prod(value.shape[1:]))
        elif name.endswith("running_var"):
            wave = 1 + 0.2 * wave
        elif name.endswith("weight"):
            wave = 1 + 0.1 * wave
        else:
            wave = 0.05 * wave
        value.copy_(torch.from_numpy(wave))
    return model.eval()


def sine_image():
    """The input that the networks' outputs belong to: (1, 3, 256, 192)."""
    return torch.sin(0.013 * torch.arange(3 * 256 * 192, dtype=torch.float64)).reshape(1, 3, 256, 192)
