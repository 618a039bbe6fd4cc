"""Ways not to decode a JPEG again: the last image, crops in memory, all images' pixels in one file on a disk.

`LastImage` and `ImageCache` take the place of `read_image` as the `read` of a `CropDataset`; `KeptCrops` takes the
place of the data set. None of them changes an item.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from hpe_lib import geometry
from hpe_lib.data.crops import read_image
from hpe_lib.data.dataset import CropDataset
from hpe_lib.data.files import readable
from hpe_lib.data.warp import warp, warp_channels


class LastImage:
    """last_image(file) is the image (H, W, 3) uint8: read once for people of one image who follow each other."""

    def __init__(self):
        self.file, self.image = None, None

    def __call__(self, file):
        if self.file != file:
            self.file, self.image = file, read_image(file)
        return self.image


class KeptCrops(CropDataset):
    """A `CropDataset` that decodes each file once, and keeps in memory all that its people's random crops can reach.

    About 40 kB a person at 96 x 128 px when the augmentation only mirrors, up to 0.5 MB when it rotates and scales.
    Half bodies and moved frames reach further: `fits` says whether an augmentation stays within.
    """

    def __init__(self, people, input_wh=(192, 256), augmentation=None, seed=0, read=read_image):
        super().__init__(people, input_wh, augmentation, seed, read)
        if not self.fits(augmentation):
            raise ValueError("half bodies and moved frames reach beyond a kept crop: use CropDataset")
        self.kept, self.of_file = {}, {}  # index -> crop and its matrix; file -> indices
        for index, file in enumerate(self.files):
            self.of_file.setdefault(file, []).append(index)

    @staticmethod
    def fits(augmentation):
        """Whether kept crops hold all that an augmentation can reach."""
        return not (augmentation and (augmentation.half_body_prob or augmentation.translate))

    def cut(self, index, matrix):
        if index not in self.kept:
            self._keep(index)
        crop, kept_matrix = self.kept[index]
        return warp_channels(crop, geometry.compose(matrix, geometry.invert(kept_matrix)), self.input_wh)

    def _keep(self, wanted):
        wide, change = np.array(self.input_wh), self.augmentation
        if change and (change.rotation or change.scale):
            wide = np.ceil([np.hypot(*wide) * (1 + change.scale)] * 2).astype(int)  # all that any draw can reach
        image = self.image(wanted)
        for index in self.of_file[self.files[wanted]]:
            matrix = self.matrix(index)
            matrix[:, 2] += (wide + 2 - self.input_wh) / 2
            self.kept[index] = warp(image, matrix, wide + 2), matrix


class ImageCache:
    """image_cache(file) is the image (H, W, 3) uint8, read-only, from the disk's or the system's own cache.

    Decoding a JPEG is most of the work of a training sample; its pixels take about ten times the place (59 GB for
    COCO's train2017). They are written when an image is first asked for, so that nothing waits, and several processes,
    and the next run, share the one file. An image that changed, or another list of images, gets a new file.
    """

    def __init__(self, folder, files):
        """folder: where to keep the pixels. files: paths of all images. OSError where the disk is too small."""
        files = sorted({Path(file) for file in files})
        known = [(str(file), *_stamp(file)) for file in files]
        self.folder = Path(folder) / f"images-{hashlib.sha256(json.dumps(known).encode()).hexdigest()[:12]}"
        if not self.folder.is_dir():
            self._make(files)
        sizes = json.loads((self.folder / "sizes.json").read_text(encoding="utf-8"))
        self.sizes = np.array(sizes, dtype=np.int64).reshape(-1, 2)  # width, height
        self.starts = np.concatenate([[0], np.cumsum(3 * self.sizes.prod(axis=1))])
        self.number = {str(file): number for number, file in enumerate(files)}
        self._open()

    def _make(self, files):
        sizes = [_size(file) for file in tqdm(files, desc="sizes of images", unit="image", leave=False)]
        total = sum(width * height * 3 for width, height in sizes)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.folder.parent).free
        if free < total:
            raise OSError(
                f"{self.folder.parent} needs {total / 1e9:.1f} GB for decoded images and the disk has "
                f"{free / 1e9:.1f} GB free: name another folder, or train without --cache"
            )
        with tempfile.TemporaryDirectory(dir=self.folder.parent, ignore_cleanup_errors=True) as made:
            (Path(made) / "sizes.json").write_text(json.dumps(sizes), encoding="utf-8")
            for name, length in (("pixels.bin", total), ("filled.bin", len(files))):
                with open(Path(made) / name, "wb") as file:
                    file.truncate(length)  # takes no room until it is written to
            with contextlib.suppress(OSError):  # another process was faster: its folder is as good
                os.rename(made, self.folder)

    def _open(self):
        self.pixels, self.filled = (
            np.asarray(np.memmap(self.folder / name, mode="r", dtype=np.uint8))  # each cut of a memmap costs twice
            for name in ("pixels.bin", "filled.bin")
        )

    def __getstate__(self):  # a worker process opens the files itself
        return {name: value for name, value in vars(self).items() if name not in ("pixels", "filled")}

    def __setstate__(self, state):
        vars(self).update(state)
        self._open()

    def __call__(self, file):
        number = self.number[str(file)]
        start, (width, height) = self.starts[number], self.sizes[number]
        if not self.filled[number]:
            self._write("pixels.bin", start, read_image(file).tobytes())
            self._write("filled.bin", number, b"\1")  # only now: a process that dies before leaves a gap, not rubbish
        return self.pixels[start : start + 3 * width * height].reshape(height, width, 3)

    def _write(self, name, start, content):
        try:
            with open(self.folder / name, "r+b") as file:
                file.seek(start)
                file.write(content)
        except OSError as error:
            raise OSError(
                f"{self.folder / name} could not be written ({error}): make room on the disk, or train without --cache"
            ) from None


def _stamp(file):
    with readable(file):
        state = file.stat()
    return state.st_size, state.st_mtime_ns


def _size(file):
    """(width, height) px from the head of the file alone."""
    with readable(file), Image.open(file) as image:
        return image.size
