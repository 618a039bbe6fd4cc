"""Image files that are not what one expects, in a sentence; and where the course's own photographs come from."""

import csv
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

PHOTOGRAPHS = Path(__file__).parent.parent / "photographs"  # in COCO's layout, with a list of where they come from


@contextmanager
def readable(file):
    """While a file is read as an image: every error names it, and says what to do."""
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(f"no image {file}: check the path, or that the images are unpacked") from None
    except Image.DecompressionBombError:
        most = 2 * Image.MAX_IMAGE_PIXELS / 1e6
        raise ValueError(f"{file} has more than {most:.0f} million pixels, too many to read: make it smaller") from None
    except Refused as error:
        raise ValueError(f"{file} {error}") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{file} is not a readable image ({error}): copy or download it again") from None


class Refused(ValueError):
    """A whole image of a kind that would silently become another one."""


def eight_bits(image):
    """A PIL image as RGB (H, W, 3) uint8. 16-bit greys are scaled; 32-bit ones have no known white, and are refused."""
    if image.mode.startswith("I;16"):
        grey = (np.asarray(image) >> 8).astype(np.uint8)  # (H, W)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise Refused("has 32-bit pixels, whose white is not known: save it with 8 bits a channel")
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def of_size(image, image_wh, file):
    """An image (H, W, 3), as it is; ValueError where its annotation says another size, (width, height) px."""
    width, height = image_wh
    if width and image.shape[:2] != (height, width):  # 0: not known
        raise ValueError(
            f"{file} is {image.shape[1]} x {image.shape[0]} px, and its annotation says {width} x {height}: the folder "
            "mixes two versions of the images; unpack them again"
        )
    return image


def credit(file):
    """What is shown beside one of the course's photographs: its page and licence; nothing for any other file."""
    return _credits().get(Path(file).resolve(), "")


@cache
def _credits():
    with open(PHOTOGRAPHS / "photographs.csv", newline="", encoding="utf-8") as rows:
        return {
            (PHOTOGRAPHS / row["file"]).resolve(): f"{row['page'].removeprefix('https://www.')}, {row['licence']}"
            for row in csv.DictReader(rows)
        }
