"""Whole pictures with the boxes of their people: what a detector learns from, and how a picture fits its input."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from hpe_lib import geometry
from hpe_lib.data.annotations import annotation_file, clean_box, images_by_id, read_annotations
from hpe_lib.data.crops import read_image
from hpe_lib.data.files import of_size
from hpe_lib.data.warp import warp_channels

PERSON, NOTHING, IGNORED = 1, 0, -1  # kinds of boxes: to be found; a row without a box; neither right nor wrong
MOST = 40  # boxes of a picture, those of the largest area
SEEN, SMALL = 0.4, 8.0  # a box of which a crop shows a smaller share, or that is shorter in px, is ignored


@dataclass(slots=True)
class Picture:
    """A picture and the boxes in it: (M, 4) x, y, width, height in px, and their kinds (M,), PERSON or IGNORED."""

    file: Path
    image_id: int
    image_wh: tuple  # px
    boxes: np.ndarray
    kinds: np.ndarray


def list_pictures(root, split, annotations=None):
    """List the pictures of a split, those without people too. Crowds are IGNORED, all other people are to be found.

    annotations: the dictionary that `read_annotations` gave, where it is at hand. Returns a list of `Picture`.
    """
    content = annotations or read_annotations(annotation_file(root, split), masks=False)
    found = {number: ([], []) for number in images_by_id(content, annotation_file(root, split))}
    images = images_by_id(content)
    for person in content["annotations"]:
        image = images[person["image_id"]]
        box = clean_box(person["bbox"], image["width"], image["height"])
        if box is not None and (box[2:] > 0).all():
            found[image["id"]][0].append(box)
            found[image["id"]][1].append(IGNORED if person["iscrowd"] else PERSON)
    return [
        Picture(
            Path(root) / f"{split}2017" / images[number]["file_name"],
            number,
            (images[number]["width"], images[number]["height"]),
            np.array(boxes, np.float64).reshape(-1, 4),
            np.array(kinds, np.int64),
        )
        for number, (boxes, kinds) in found.items()
    ]


def letterbox(image_wh, side, multiple=32):
    """How a whole picture fits a detector's input, its shape kept and black bars round it.

    image_wh: (W, H) px. side: px of the input's longer side. Returns the (2, 3) matrix, picture px to input px, and the
    input's (W, H), whole multiples of `multiple` px: no more bars than that takes.
    """
    scale = side / max(image_wh)
    input_wh = [max(1, math.ceil(round(scale * length, 6) / multiple)) * multiple for length in image_wh]
    shift = [(whole - scale * length) / 2 for whole, length in zip(input_wh, image_wh)]
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]), tuple(input_wh)


def shrink(image, matrix, output_wh):
    """Cut out of an image (H, W, 3) uint8 what a matrix (2, 3) without rotation shows: (3, height, width) uint8.

    Where the picture becomes less than half as large, squares of its pixels are averaged first: bilinear sampling looks
    at four pixels only, and would skip the others.
    """
    whole = int(min(1 / abs(matrix[0, 0]), *image.shape[:2]))  # pixels that become one
    if whole > 1:
        image = np.asarray(Image.fromarray(image).reduce(whole))
        middle = (whole - 1) / 2  # where the centre of the first square lies, px
        matrix = geometry.compose(matrix, [[whole, 0, middle], [0, whole, middle]])
    return warp_channels(image, matrix, output_wh)


def move_boxes(boxes, matrix):
    """Boxes (M, 4) x, y, width, height through a (2, 3) matrix without rotation; mirrored ones keep positive widths."""
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    corners = geometry.transform(np.stack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1), matrix)  # (M, 2, 2)
    return np.concatenate([corners.min(axis=1), np.ptp(corners, axis=1)], axis=1)


class BoxDataset(torch.utils.data.Dataset):
    """Whole pictures, cut and changed at random: one item a picture, a function of seed, epoch and picture only.

    An item: image (3, H, W) uint8 RGB; boxes (MOST, 4) x, y, width, height in px of the cut, kept inside it; kinds
    (MOST,); index. `augmentation` gives mirror_prob, color, erase_prob and, for this data set, scale: the picture's
    size is drawn from 1 / (1 + scale) to 1 + 2 * scale times that of its letterbox, and its place within the cut.
    """

    def __init__(self, pictures, input_wh=(320, 320), augmentation=None, seed=0, read=read_image):
        self.pictures, self.input_wh, self.augmentation = pictures, tuple(input_wh), augmentation
        self.seed, self.read, self.epoch = seed, read, torch.zeros((), dtype=torch.int64).share_memory_()

    def set_epoch(self, epoch):
        """Say which epoch comes, from 0: each has its own random cuts."""
        self.epoch.fill_(epoch)

    def __len__(self):
        return len(self.pictures)

    def matrix(self, picture, rng=None):
        """The (2, 3) matrix, picture px to px of the cut: the middle letterbox, or with `rng` a random one."""
        size, room = np.array(picture.image_wh), np.array(self.input_wh)
        scale, place, mirror = min(room / size), np.full(2, 0.5), False
        if rng:
            least, most = 1 / (1 + self.augmentation.scale), 1 + 2 * self.augmentation.scale
            scale *= math.exp(rng.uniform(math.log(least), math.log(most)))
            place, mirror = rng.random(2), rng.random() < self.augmentation.mirror_prob
        shift = place * (room - scale * size)  # bars where the picture is smaller, a part of it where it is larger
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        return geometry.compose([[-1, 0, room[0] - 1], [0, 1, 0]], matrix) if mirror else matrix

    def labels(self, picture, matrix):
        """The boxes (MOST, 4) px of a cut, and their kinds (MOST,)."""
        moved = move_boxes(picture.boxes, matrix)
        low = moved[:, :2].clip(0, self.input_wh)
        size = (moved[:, :2] + moved[:, 2:]).clip(0, self.input_wh) - low
        area, kinds = size.prod(axis=1), picture.kinds.copy()
        kinds[(area < SEEN * moved[:, 2:].prod(axis=1)) | (size.max(axis=1, initial=0) < SMALL)] = IGNORED
        order = np.argsort(-area, kind="stable")[:MOST]
        order = order[area[order] > 0]
        boxes, found = np.zeros((MOST, 4), np.float32), np.full(MOST, NOTHING)
        boxes[: len(order)], found[: len(order)] = np.concatenate([low, size], axis=1)[order], kinds[order]
        return boxes, found

    def __getitem__(self, index):
        picture = self.pictures[index]
        rng = np.random.default_rng([self.seed, int(self.epoch), index]) if self.augmentation else None
        matrix = self.matrix(picture, rng)
        image = shrink(of_size(self.read(picture.file), picture.image_wh, picture.file), matrix, self.input_wh)
        if rng:
            self.augmentation.paint(image, rng)
        boxes, kinds = self.labels(picture, matrix)
        return {
            "image": torch.from_numpy(image),
            "boxes": torch.from_numpy(boxes),
            "kinds": torch.from_numpy(kinds),
            "index": index,
        }
