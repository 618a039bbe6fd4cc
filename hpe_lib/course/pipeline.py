"""A pose pipeline in six steps, each of which can be had sound or with a fault: what notebook 14 hunts in.

`SOUND[name]` lists right ways of doing a step, `FAULTY[name]` wrong ones by their name, the planted one first.
"""

from dataclasses import dataclass

import numpy as np
import torch

from hpe_lib import data, geometry, heatmaps
from hpe_lib.skeleton import FLIP_ORDER

INPUT_WH, SIZE, STRIDE, SIGMA = (96, 128), (24, 32), 4, 1.5  # crop px, heatmap cells, px a cell, cells
STEPS = ("crop", "mirror", "encode", "loss", "decode", "to_image")


@dataclass(frozen=True)
class Step:
    """A step that is called like a function, and shows its name and number, but not what is wrong with it."""

    name: str
    number: int
    function: object

    def __call__(self, *arguments):
        return self.function(*arguments)

    def __repr__(self):
        return f"{self.name} number {self.number}"


def crop(image, box, rotation=0.0):
    """(H, W, 3) uint8, (4,) px, degrees -> the crop (128, 96, 3) uint8, and its matrix (2, 3), image px to crop px."""
    center, size = geometry.crop_frame(box, INPUT_WH[0] / INPUT_WH[1])
    matrix = geometry.crop_matrix(center, size, INPUT_WH, rotation)
    return data.warp(image, matrix, INPUT_WH), matrix


def _crop_in_single_precision(image, box, rotation=0.0):
    cut, matrix = crop(image, box, rotation)
    return cut, matrix.astype(np.float32)


def _crop_without_padding(image, box, rotation=0.0):
    center, size = geometry.crop_frame(box, INPUT_WH[0] / INPUT_WH[1], padding=1.0)
    return crop(image, box, rotation)[0], geometry.crop_matrix(center, size, INPUT_WH, rotation)


def _crop_mirrored(image, box, rotation=0.0):
    cut, matrix = crop(image, box, rotation)
    return cut[:, ::-1], matrix


def _crop_upside_down(image, box, rotation=0.0):
    cut, matrix = crop(image, box, rotation)
    return cut[::-1], matrix


def mirror(keypoints, width):
    """(17, 3) x, y in crop px and visibility -> the same person in the mirrored crop, which is `width` px wide."""
    keypoints = np.array(keypoints, dtype=float)
    keypoints[:, 0] = width - 1 - keypoints[:, 0]
    return keypoints[FLIP_ORDER]


def _mirror_about_the_width(keypoints, width):
    return mirror(keypoints, width + 1)


def _mirror_without_names(keypoints, width):
    return mirror(keypoints, width)[FLIP_ORDER]  # exchanging names twice leaves them as they were


def _mirror_without_visibility(keypoints, width):
    return np.column_stack([mirror(keypoints, width)[:, :2], np.asarray(keypoints, dtype=float)[:, 2]])


def encode(keypoints, labelled):
    """(17, 2) crop px, (17,) -> heatmaps (17, 32, 24), with a Gaussian at the nearest cell where there is a label."""
    return _encode(keypoints, labelled)


def _encode(keypoints, labelled, shift=0.0):
    points = torch.as_tensor(np.array(keypoints, dtype=np.float32)) + shift
    return heatmaps.encode(points[None], torch.as_tensor(np.array(labelled))[None], SIZE, STRIDE, SIGMA)[0][0].numpy()


def _encode_as_tensor(keypoints, labelled):
    return torch.from_numpy(_encode(keypoints, labelled))


def _encode_cut(keypoints, labelled):
    return _encode(keypoints, labelled, shift=-STRIDE / 2)  # int(x / 4) instead of int(x / 4 + 0.5)


def _encode_exchanged(keypoints, labelled):
    return _encode(np.array(keypoints)[:, ::-1], labelled)


def _encode_everybody(keypoints, labelled):
    return _encode(keypoints, np.ones(17))


def loss(predicted, target, weights):
    """(K, h, w), (K, h, w), (K,) 0 or 1 -> half the mean over K joints of the mean squared error, times the weight."""
    errors = (np.asarray(predicted, dtype=float) - np.asarray(target, dtype=float)) ** 2
    return 0.5 * (errors.mean(axis=(1, 2)) * np.asarray(weights)).mean()


def _loss_by_the_library(predicted, target, weights):
    predicted, target, weights = (
        torch.as_tensor(np.array(value), dtype=torch.float32)[None] for value in (predicted, target, weights)
    )
    return heatmaps.heatmap_loss(predicted, target, weights)


def _loss_without_weights(predicted, target, weights):
    return loss(predicted, target, np.ones(len(weights)))


def _loss_of_labelled(predicted, target, weights):
    return loss(predicted, target, weights) * len(weights) / max(1, np.sum(weights))


def _loss_without_half(predicted, target, weights):
    return 2 * loss(predicted, target, weights)


def decode(maps):
    """(K, h, w) -> (K, 2): the x and y of the highest cell of each map, in cells."""
    return _decode(maps, lambda index, height, width: (index % width, index // width))


def _decode(maps, split):
    maps = np.asarray(maps)
    count, height, width = maps.shape
    index = maps.reshape(count, -1).argmax(axis=1)
    return np.stack(split(index, height, width), axis=1)


def _decode_in_floats(maps):
    return torch.as_tensor(decode(maps), dtype=torch.float32)


def _decode_by_height(maps):
    return _decode(maps, lambda index, height, width: (index % height, index // height))


def _decode_row_first(maps):
    return decode(maps)[:, ::-1]


def _decode_one_too_far(maps):
    return decode(maps) + 1


def to_image(points, matrix):
    """(K, 2) heatmap cells, the crop's matrix (2, 3) -> (K, 2) image px."""
    return geometry.transform(STRIDE * np.asarray(points, dtype=float), geometry.invert(matrix))


def _to_image_in_single_precision(points, matrix):
    return to_image(points, matrix).astype(np.float32)


def _to_image_turned(points, matrix):
    matrix = np.array(matrix, dtype=float)
    scale = np.hypot(*matrix[0, :2])
    turn = matrix[:, :2] / scale**2  # the inverse of a turn is its transpose, and here it was forgotten
    return (STRIDE * np.asarray(points, dtype=float) - matrix[:, 2]) @ turn.T


def _to_image_without_stride(points, matrix):
    return geometry.transform(np.asarray(points, dtype=float), geometry.invert(matrix))


def _to_image_forward(points, matrix):
    return geometry.transform(STRIDE * np.asarray(points, dtype=float), matrix)


SOUND = {
    "crop": [crop, _crop_in_single_precision],
    "mirror": [mirror, lambda keypoints, width: torch.from_numpy(mirror(keypoints, width))],
    "encode": [encode, _encode_as_tensor],
    "loss": [loss, _loss_by_the_library],
    "decode": [decode, _decode_in_floats],
    "to_image": [to_image, _to_image_in_single_precision],
}
FAULTY = {
    "crop": {
        "the matrix forgets the padding": _crop_without_padding,
        "the crop is mirrored": _crop_mirrored,
        "the crop stands on its head": _crop_upside_down,
    },
    "mirror": {
        "W - x instead of W - 1 - x": _mirror_about_the_width,
        "left and right keep their names": _mirror_without_names,
        "the visibility does not follow": _mirror_without_visibility,
    },
    "encode": {
        "cut instead of rounded": _encode_cut,
        "x and y exchanged": _encode_exchanged,
        "unlabelled joints get a Gaussian": _encode_everybody,
    },
    "loss": {
        "the weights are ignored": _loss_without_weights,
        "the mean over labelled joints only": _loss_of_labelled,
        "the half is missing": _loss_without_half,
    },
    "decode": {
        "split by the height": _decode_by_height,
        "row first": _decode_row_first,
        "one cell too far": _decode_one_too_far,
    },
    "to_image": {
        "turned the wrong way": _to_image_turned,
        "the stride is missing": _to_image_without_stride,
        "forward instead of back": _to_image_forward,
    },
}


def candidates(name):
    """All ways of doing a step, sound and faulty, as `Step`s in an order that tells nothing."""
    ways = [*SOUND[name], *FAULTY[name].values()]
    order = np.random.default_rng(len(name)).permutation(len(ways))
    return [Step(name, number, ways[index]) for number, index in enumerate(order, 1)]


def planted(name=None):
    """The pipeline, name -> function, with the first fault of one step planted, or sound."""
    steps = {step: SOUND[step][0] for step in STEPS}
    return steps | ({name: next(iter(FAULTY[name].values()))} if name else {})


def mystery(number):
    """A pipeline, name -> `Step`, with two faults somewhere; the number decides which."""
    random = np.random.default_rng(number)
    where = random.choice(STEPS, 2, replace=False)
    return {
        name: Step(name, 0, random.choice(list(FAULTY[name].values())) if name in where else SOUND[name][0])
        for name in STEPS
    }
