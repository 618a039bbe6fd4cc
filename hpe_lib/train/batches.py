"""Which people form a batch, in which order: a function of seed and epoch, whatever the number of processes."""

import gc

import numpy as np
import torch

from hpe_lib.train import parallel


class Batches(torch.utils.data.Sampler):
    """Lists of indices, in a new order each epoch, the last smaller batch left out; of each the share of one process.

    The order depends on seed and epoch only, so that a resumed run, or one on more processes, sees the same batches.
    images: the number of each person's image; people of one image then follow each other, in a new order of images
    each epoch, so that a reader decodes it once.
    """

    def __init__(self, count, batch_size, seed=0, images=None):
        self.count, self.batch_size, self.seed, self.epoch = count, batch_size, seed, 0
        self.images = images
        self.rank, self.world = parallel.rank(), parallel.world()
        if self.world > 1 and (batch_size % self.world or count < batch_size):
            raise ValueError(
                f"{count} people in batches of {batch_size} cannot be shared evenly by {self.world} processes: "
                f"choose a batch size that is a multiple of {self.world}, and not more than the people"
            )

    def __len__(self):
        return max(1, self.count // self.batch_size)

    def __iter__(self):
        shuffle = torch.Generator().manual_seed(self.seed * 10_000 + self.epoch)
        order = torch.randperm(self.count, generator=shuffle)
        if self.images is not None:
            place = torch.randperm(int(self.images.max()) + 1, generator=shuffle)  # of each image
            order = order[place[self.images[order]].argsort(stable=True)]
        order = order.tolist()
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            batch = order[start : start + self.batch_size]
            share = len(batch) // self.world
            yield batch[self.rank * share : (self.rank + 1) * share]


def loader(dataset, recipe, workers, device):
    """The training batches of a data set, tensors stacked, as a recipe orders them; `batch_sampler` is its `Batches`.

    workers: processes that read. Raises ValueError for a data set without items.
    """
    if not len(dataset):
        raise ValueError("no labelled people to train on: check the data folder and the split")
    images = torch.from_numpy(np.unique(dataset.files, return_inverse=True)[1]) if recipe.group_by_image else None
    batches = Batches(len(dataset), recipe.batch_size, recipe.seed, images)
    return torch.utils.data.DataLoader(
        dataset,
        batch_sampler=batches,
        num_workers=workers,
        persistent_workers=workers > 0,
        worker_init_fn=_share_memory,
        pin_memory=device.type == "cuda",
    )


def _share_memory(_):
    gc.freeze()  # a worker's garbage collector would write on, and so copy, everything that it inherited
