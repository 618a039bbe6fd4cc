"""From a file to the network's input: read an image, cut a person out, normalise."""

from contextlib import suppress
from functools import cache
from pathlib import Path

import torch
from PIL import Image
from simplejpeg import decode_jpeg

from hpe_lib import geometry
from hpe_lib.data.files import eight_bits, readable
from hpe_lib.data.warp import warp

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB, of ImageNet


def read_image(file):
    """Read an image as RGB, (H, W, 3) uint8; grey, 16-bit and CMYK files too. Errors name the file."""
    with readable(file), Image.open(file) as image:
        if (image.format, image.mode) == ("JPEG", "RGB"):
            with suppress(ValueError):  # damaged: Pillow says what is wrong
                return decode_jpeg(Path(file).read_bytes())  # the same pixels in less time
        return eight_bits(image)


def box_matrix(box, input_wh):
    """The (2, 3) matrix, image px to crop px, of the crop round a box (4,) px. input_wh: (W, H) of the crop in px."""
    center, size = geometry.crop_frame(box, input_wh[0] / input_wh[1])
    return geometry.crop_matrix(center, size, input_wh)


def cut(image, box, input_wh):
    """Cut a person out of an image (H, W, 3) uint8 -> crop (height, width, 3) uint8, and its `box_matrix` (2, 3)."""
    matrix = box_matrix(box, input_wh)
    return warp(image, matrix, input_wh), matrix


def normalise(images, channels="rgb"):
    """uint8 RGB crops (N, 3, H, W) -> float32 with ImageNet's mean 0 and deviation 1, on the same device.

    channels: the order that the network's weights learnt, `model.channel_order`. "bgr" is what the authors' own weights
    ask for: channels turned round, while mean and deviation stay in the order of RGB.
    """
    mean, std = _mean_and_std(images.device)
    if channels == "bgr":
        images = images.flip(1)
    return (images.float() / 255 - mean) / std


@cache
@torch.inference_mode(False)  # kept for training too, whoever asks first
def _mean_and_std(device):
    """(3, 1, 1) each; made once, since copying even three numbers to a GPU waits until it has finished its work."""
    return tuple(torch.tensor(value, device=device).view(3, 1, 1) for value in (MEAN, STD))
