"""Pictures decoded once: their pixels in one file, memory-mapped, filled in by whoever needs a picture first."""

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

from hpe_lib.crops import read_image


class PictureCache:
    """picture_cache[file] is the picture (H, W, 3) uint8, read-only, from the disk's or the system's own cache.

    Decoding a JPEG is most of the work of a training sample; its pixels take about ten times the place (59 GB for
    COCO's train2017). They are written when a picture is first asked for, so that nothing waits, and several processes,
    and the next run, share the one file. A picture that changed, or another list of pictures, gets a new file.
    """

    def __init__(self, folder, files):
        """folder: where to keep the pixels. files: paths of all pictures. OSError where the disk is too small."""
        files = sorted({Path(file) for file in files})
        known = [(str(file), *_stamp(file)) for file in files]
        self.folder = Path(folder) / f"pictures-{hashlib.sha256(json.dumps(known).encode()).hexdigest()[:12]}"
        if not self.folder.is_dir():
            self._make(files)
        sizes = json.loads((self.folder / "sizes.json").read_text(encoding="utf-8"))
        self.sizes = np.array(sizes, dtype=np.int64).reshape(-1, 2)  # width, height
        self.starts = np.concatenate([[0], np.cumsum(3 * self.sizes.prod(axis=1))])
        self.number = {str(file): number for number, file in enumerate(files)}
        self._open()

    def _make(self, files):
        sizes = [_size(file) for file in tqdm(files, desc="sizes of pictures", unit="picture", leave=False)]
        total = sum(width * height * 3 for width, height in sizes)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.folder.parent).free
        if free < total:
            raise OSError(
                f"{self.folder.parent} needs {total / 1e9:.1f} GB for decoded pictures and the disk has "
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

    def __getitem__(self, file):
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
    try:
        state = file.stat()
    except FileNotFoundError:
        raise FileNotFoundError(f"no picture {file}: check the path, or that the images are unpacked") from None
    return state.st_size, state.st_mtime_ns


def _size(file):
    """(width, height) px from the head of the file alone."""
    try:
        with Image.open(file) as image:
            return image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{file} is not a readable picture ({error}): copy or download it again") from None
