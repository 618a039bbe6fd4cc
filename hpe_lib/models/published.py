"""Weights that others have published for these networks, what they score, and the channel order that they learnt.

`load_weights(model, "openmmlab/res50-256x192")` fetches them once; `names()` lists them all.
"""

import hashlib
import http.client
from dataclasses import dataclass
from pathlib import Path

import torch

from hpe_lib.machine import cache_folder

OPENMMLAB = "https://download.openmmlab.com/mmpose/v1/body_2d_keypoint/topdown_heatmap/coco"
OPENMMLAB_V0 = "https://download.openmmlab.com/mmpose/top_down/resnet"


@dataclass(frozen=True)
class Published:
    """One weight file: its name as published, the address of its folder (None: by hand), and its network."""

    file: str
    folder: str | None
    depth: int
    input_wh: tuple  # px
    scores: tuple = (None,) * 10  # percent, METRICS in order, on COCO val2017 with detector boxes
    channels: str = "rgb"  # the order that the network learnt from

    @property
    def digest(self):
        """The first 8 hex digits of the SHA-256, which OpenMMLab's file names end in: ...-04af38ce_20220923.pth."""
        return self.file.rsplit("-", 1)[1].split("_")[0]


def _five(ap, ap50=None, ap75=None, ar=None, ar50=None):
    """The numbers that OpenMMLab publishes, among the ten of COCO."""
    return (ap, ap50, ap75, None, None, ar, ar50, None, None, None)


def _entries():
    """Name -> `Published`, all that is known. Scores: OpenMMLab's tables, with detector boxes (person AP 56.4)."""
    files = {  # depth, size: (file of 2022, its scores), (file of 2020, its scores)
        (50, 256): (
            ("td-hm_res50_8xb64-210e_coco-256x192-04af38ce_20220923.pth", _five(71.8, 89.8, 79.6, 77.4, 93.4)),
            ("res50_coco_256x192-ec54d7f3_20200709.pth", _five(71.8, 89.8, 79.5, 77.3, 93.7)),
        ),
        (50, 384): (
            ("td-hm_res50_8xb64-210e_coco-384x288-7b8db90e_20220923.pth", _five(73.1, ar=78.2)),
            ("res50_coco_384x288-e6f795e9_20200709.pth", _five(73.1, 90.0, 79.9, 78.3, 93.1)),
        ),
        (101, 256): (
            ("td-hm_res101_8xb64-210e_coco-256x192-065d3625_20220926.pth", _five(72.8, ar=78.3)),
            ("res101_coco_256x192-6e6babf0_20200708.pth", _five(72.6, 89.9, 80.6, 78.1, 93.9)),
        ),
        (101, 384): (None, ("res101_coco_384x288-8c71bdc9_20200709.pth", _five(74.8, 90.5, 81.7, 79.8, 94.0))),
        (152, 256): (
            ("td-hm_res152_8xb32-210e_coco-256x192-0345f330_20220928.pth", _five(73.6, ar=79.1)),
            ("res152_coco_256x192-f6e307c2_20200709.pth", _five(73.5, 90.5, 81.2, 79.0, 94.3)),
        ),
        (152, 384): (
            ("td-hm_res152_8xb32-210e_coco-384x288-7fbb906f_20220927.pth", _five(75.0, ar=80.0)),
            ("res152_coco_384x288-3860d4c9_20200709.pth", _five(75.0, 90.8, 82.1, 80.0, 94.2)),
        ),
    }
    found = {}
    for (depth, height), versions in files.items():
        wide, name = (height * 3 // 4, height), f"res{depth}-{height}x{height * 3 // 4}"
        for group, folder, version in zip(("openmmlab", "openmmlab-v0"), (OPENMMLAB, OPENMMLAB_V0), versions):
            if version:
                found[f"{group}/{name}"] = Published(version[0], folder, depth, wide, version[1])
        file = f"pose_resnet_{depth}_{height}x{height * 3 // 4}.pth.tar"
        found[f"official/{name}"] = Published(file, None, depth, wide, AUTHORS[depth, wide], "bgr")
    return dict(sorted(found.items()))


AUTHORS = {  # depth, (W, H): the authors' code with detector boxes, percent; source: the README of their repository
    (50, (192, 256)): (70.4, 88.6, 78.3, 67.1, 77.2, 76.3, 92.9, 83.4, 72.1, 82.4),
    (50, (288, 384)): (72.2, 89.3, 78.9, 68.1, 79.7, 77.6, 93.2, 83.8, 72.8, 84.6),
    (101, (192, 256)): (71.4, 89.3, 79.3, 68.1, 78.1, 77.1, 93.4, 84.0, 73.0, 83.2),
    (101, (288, 384)): (73.6, 89.6, 80.3, 69.9, 81.1, 79.1, 93.6, 85.1, 74.5, 85.8),
    (152, (192, 256)): (72.0, 89.3, 79.8, 68.7, 78.9, 77.8, 93.4, 84.6, 73.6, 83.9),
    (152, (288, 384)): (74.3, 89.6, 81.1, 70.5, 81.6, 79.7, 93.7, 85.8, 75.1, 86.3),
}
WEIGHTS = _entries()


def names():
    """The names of all published weights."""
    return list(WEIGHTS)


def find(path_or_name):
    """The entry of a name, or of a file that still has the name it was published under; None for everything else."""
    if str(path_or_name) in WEIGHTS:
        return WEIGHTS[str(path_or_name)]
    return next((entry for entry in WEIGHTS.values() if entry.file == Path(path_or_name).name), None)


def locate(name, progress=True):
    """The file of a name: from the cache, where its digest is checked again, else downloaded into it.

    Raises OSError without a connection, ValueError where what comes is not the file, and FileNotFoundError for the
    authors' own files, which have no address that a program could read.
    """
    entry = WEIGHTS[name]
    file = cache_folder() / "weights" / entry.file
    if not entry.folder:
        if not file.is_file():
            raise FileNotFoundError(
                f"{name}: the authors keep {entry.file} on a drive that only a browser can read (see the README of "
                f"github.com/microsoft/human-pose-estimation.pytorch): put it at {file}, or name its path instead"
            )
        return file
    if file.is_file() and not hashlib.sha256(file.read_bytes()).hexdigest().startswith(entry.digest):
        file.unlink()  # damaged: fetched again
    if not file.is_file():
        address = f"{entry.folder}/{entry.file}"
        file.parent.mkdir(parents=True, exist_ok=True)
        if progress:
            print(f"fetching {address}")
        try:
            torch.hub.download_url_to_file(address, str(file), hash_prefix=entry.digest, progress=progress)
        except RuntimeError as error:  # another digest
            raise ValueError(
                f"what {address} sent is not {entry.file} ({error}): nothing was kept, try later"
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise OSError(
                f"{address} could not be fetched ({error}): try later, or put it at {file} yourself"
            ) from None
    return file
