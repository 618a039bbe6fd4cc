"""Whole pictures with all their people, one item a picture: what a bottom-up network sees."""

import math
from pathlib import Path

import numpy as np
import torch

from hpe_lib import geometry
from hpe_lib.data.annotations import annotation_file, images_by_id, read_annotations
from hpe_lib.data.crops import read_image
from hpe_lib.data.warp import warp_channels
from hpe_lib.skeleton import FLIP_ORDER


def fit_picture(image_wh, longer=320, multiple=32):
    """Lay a picture's longer side on `longer` px: its (2, 3) matrix, image px to input px, and the input's (W, H).

    Both sides of the input are whole multiples of `multiple` px; what the picture does not fill stays black.
    """
    scale = longer / max(image_wh)
    input_wh = tuple(multiple * math.ceil(side * scale / multiple) for side in image_wh)
    return np.array([[scale, 0, 0], [0, scale, 0]], dtype=np.float64), input_wh


class PictureDataset(torch.utils.data.Dataset):
    """Whole pictures, or random parts of them, with the joints of everybody in input px.

    An item: image (3, H, W) uint8 RGB, keypoints (most, 17, 2) px, labelled (most, 17), zeros behind the last person,
    index. As in `CropDataset`, a random change depends on seed, epoch and picture only. Pictures with people who have
    no labels (far away, crowds) are left out: whoever finds their joints would be told that there is nothing.
    """

    def __init__(self, folders, split="train", input_wh=(256, 256), augmentation=None, seed=0, part=1.0, most=20):
        """folders: one or several in COCO's layout. part: of the picture that an item shows, before the random change.

        most: people an item has room for. ValueError where no picture is left.
        """
        folders = [folders] if isinstance(folders, str | Path) else folders
        self.input_wh, self.augmentation, self.seed = tuple(input_wh), augmentation, seed
        self.part, self.most = part, most
        self.epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # as in CropDataset
        files, sizes, self.people = [], [], []  # people: (P, 17, 3) image px a picture
        for folder in folders:
            content = read_annotations(annotation_file(folder, split), masks=False)
            people = {number: [] for number in images_by_id(content, annotation_file(folder, split))}
            for one in content["annotations"]:
                people[one["image_id"]].append(np.reshape(one["keypoints"], (17, 3)))
            for image in content["images"]:
                labels = np.array(people[image["id"]], dtype=np.float64).reshape(-1, 17, 3)
                if (labels[..., 2] > 0).any(axis=1).all() and len(labels) <= most:
                    files.append(str(Path(folder) / f"{split}2017" / image["file_name"]))
                    sizes.append((image["width"], image["height"]))
                    self.people.append(labels)
        if not files:
            raise ValueError(f"no picture of {', '.join(map(str, folders))} has labels for everybody in it")
        self.files, self.sizes = np.array(files), np.array(sizes)

    def set_epoch(self, epoch):
        """Say which epoch comes, from 0: each has its own random parts of the pictures."""
        self.epoch.fill_(epoch)

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        change, mirror, size = self.augmentation, False, self.sizes[index]
        share = 0.8 * self.part  # with the usual padding, 1.25, the wanted part
        box = np.array([*size * (1 - share) / 2, *size * share])
        center, frame = geometry.crop_frame(box, self.input_wh[0] / self.input_wh[1])
        matrix = geometry.crop_matrix(center, frame, self.input_wh)
        if change:
            rng = np.random.default_rng([self.seed, int(self.epoch), index])
            matrix, mirror = change.matrix(box, np.zeros((17, 3)), self.input_wh, rng)
        image = warp_channels(read_image(self.files[index]), matrix, self.input_wh)
        if change:
            change.paint(image, rng)
        labels = self.people[index][:, FLIP_ORDER] if mirror else self.people[index]  # (P, 17, 3)
        keypoints, labelled = np.zeros((self.most, 17, 2), np.float32), np.zeros((self.most, 17), np.float32)
        keypoints[: len(labels)] = geometry.transform(labels[..., :2], matrix)
        labelled[: len(labels)] = labels[..., 2] > 0
        return {
            "image": torch.from_numpy(image),
            "keypoints": torch.from_numpy(keypoints),
            "labelled": torch.from_numpy(labelled),
            "index": index,
        }
