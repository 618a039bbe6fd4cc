"""Pictures as people see them: turned as the camera notes beside the pixels (EXIF)."""

import io
import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from hpe_lib.data.files import eight_bits, readable


def read_upright(source, name="the picture"):
    """Read a picture as `data.read_image` does, and turn it as its EXIF orientation says: (H, W, 3) uint8 RGB.

    source: a file, or the bytes of one (an upload), which errors call `name`. Annotations of COCO are for pixels as
    they are stored, so that `data.read_image` turns nothing.
    """
    is_bytes = isinstance(source, bytes | bytearray | memoryview)
    with readable(name if is_bytes else source), warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # large is allowed, up to `readable`'s limit
        try:
            opened = Image.open(io.BytesIO(source) if is_bytes else Path(source))
        except UnidentifiedImageError:
            raise ValueError("of no kind that is known") from None
        with opened:
            return eight_bits(ImageOps.exif_transpose(opened))
