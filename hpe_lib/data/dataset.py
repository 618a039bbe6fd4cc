"""People cut out of their images, one item a person: what the network sees, and where the joints are in it."""

import numpy as np
import torch

from hpe_lib import geometry
from hpe_lib.data.crops import box_matrix, read_image
from hpe_lib.data.files import of_size
from hpe_lib.data.warp import warp_channels
from hpe_lib.skeleton import FLIP_ORDER


class CropDataset(torch.utils.data.Dataset):
    """People cut out of their images, with their keypoints in crop px.

    An item: image (3, H, W) uint8 RGB, keypoints (17, 2) crop px, labelled (17,), index of the person. The rest, from
    normalising to drawing heatmaps, is done a batch at a time on the network's device. The draw of the augmentation
    depends on seed, epoch and person only, so that a run can be repeated whatever the number of workers.
    """

    def __init__(self, people, input_wh=(192, 256), augmentation=None, seed=0, read=read_image):
        """people: list of `Person`. input_wh: (W, H) px. read: file -> image (H, W, 3), see `hpe_lib.data.kept`."""
        self.people, self.input_wh, self.augmentation = people, tuple(input_wh), augmentation
        self.seed, self.read = seed, read
        self.epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # worker processes see it change
        # Arrays, since reading an object writes its counter: each worker process would soon hold its own copy of all
        self.files = np.array([str(person.file) for person in people])
        self.boxes = np.array([person.box for person in people]).reshape(-1, 4)
        self.keypoints = np.array([person.keypoints for person in people]).reshape(-1, 17, 3)
        self.sizes = np.array([person.image_wh or (0, 0) for person in people]).reshape(-1, 2)  # px; 0: not known

    def set_epoch(self, epoch):
        """Say which epoch comes, from 0: each has its own random crops."""
        self.epoch.fill_(epoch)

    def __len__(self):
        return len(self.people)

    def matrix(self, index):
        """The (2, 3) matrix of a person's crop, image px to crop px, without augmentation."""
        return box_matrix(self.boxes[index], self.input_wh)

    def cut(self, index, matrix):
        """The crop (3, H, W) uint8 of a person's image that a matrix (image px to crop px) describes."""
        return warp_channels(self.image(index), matrix, self.input_wh)

    def image(self, index):
        """A person's whole image (H, W, 3). ValueError where it is of another size than its annotation says."""
        return of_size(self.read(self.files[index]), self.sizes[index], self.files[index])

    def __getitem__(self, index):
        matrix, mirror, change = self.matrix(index), False, self.augmentation
        if change:
            rng = np.random.default_rng([self.seed, int(self.epoch), index])
            matrix, mirror = change.matrix(self.boxes[index], self.keypoints[index], self.input_wh, rng)
        crop = self.cut(index, matrix)
        if change:
            change.paint(crop, rng)
        labels = self.keypoints[index]  # (17, 3)
        if mirror:  # the mirrored person's left hand is a right hand
            labels = labels[FLIP_ORDER]
        points, labelled = geometry.transform(labels[:, :2], matrix), labels[:, 2] > 0
        return {
            "image": torch.from_numpy(crop),
            "keypoints": torch.from_numpy(points.astype(np.float32)),
            "labelled": torch.from_numpy(labelled.astype(np.float32)),
            "index": index,
        }
