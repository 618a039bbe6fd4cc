"""One network in training: batches, precision, loss, step, epoch, checkpoint."""

import csv
import gc
import io
import math
import time
from contextlib import nullcontext
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel
from tqdm.auto import tqdm

from hpe_lib import data, heatmaps, parallel
from hpe_lib.files import write_atomically
from hpe_lib.memory import keep_freed_memory
from hpe_lib.models import save_model
from hpe_lib.models.published import set_channels
from hpe_lib.models.weights import save_atomically
from hpe_lib.predict import best_device
from hpe_lib.recipes import rate_factor

OutOfMemory = getattr(torch, "OutOfMemoryError", torch.cuda.OutOfMemoryError)  # the name before torch 2.5


def precision_for(device, precision="auto"):
    """The number format that the network runs in on a device: "bf16", "fp16" or "float32"."""
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"  # cards before 2020 know fp16 only
    return "bf16" if device.type == "cpu" and processor_multiplies_bf16() else "float32"


@cache
def processor_multiplies_bf16():
    """Whether the processor has matrix units for bfloat16 (Intel's AMX), so that it is faster than float32 there."""
    known = Path("/proc/cpuinfo")  # Linux; other systems do not say, and get float32
    return known.is_file() and "amx_bf16" in known.read_text()


def mixed_precision(device, precision="auto"):
    """A context in which the network runs in that format.

    "auto" is bf16 where the device computes with it (NVIDIA cards since 2020, processors with AMX), fp16 on older
    cards, float32 elsewhere.
    """
    kind = precision_for(device, precision)
    if kind == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16 if kind == "bf16" else torch.float16)


class Batches(torch.utils.data.Sampler):
    """Lists of indices, in a new order each epoch, the last smaller batch left out; of each the share of one process.

    The order depends on seed and epoch only, so that a resumed run, or one on more processes, sees the same batches.
    pictures: the number of each person's picture; those of one picture then follow each other, in a new order of
    pictures each epoch, so that a reader decodes it once.
    """

    def __init__(self, count, batch_size, seed=0, pictures=None):
        self.count, self.batch_size, self.seed, self.epoch = count, batch_size, seed, 0
        self.pictures = pictures
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
        if self.pictures is not None:
            place = torch.randperm(int(self.pictures.max()) + 1, generator=shuffle)  # of each picture
            order = order[place[self.pictures[order]].argsort(stable=True)]
        order = order.tolist()
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            batch = order[start : start + self.batch_size]
            share = len(batch) // self.world
            yield batch[self.rank * share : (self.rank + 1) * share]


def _share_memory(_):
    gc.freeze()  # a worker's garbage collector would write on, and so copy, everything that it inherited


class Trainer:
    """A network on its way: model, optimiser, schedule, history. One call of `epoch` is one pass over the data.

    people: list of `data.Person`. workers: processes that read images. precision: see `mixed_precision`. accumulate:
    parts in which a batch goes through the network, where it does not fit into memory at once. compiled: let
    torch.compile make the network faster (it takes a minute or more at the start). pictures: a `PictureCache`.
    """

    def __init__(
        self,
        model,
        people,
        recipe,
        device=None,
        keep_images=False,
        workers=0,
        precision="auto",
        accumulate=1,
        compiled=False,
        pictures=None,
    ):
        if not people:
            raise ValueError("no labelled people to train on: check the data folder and the split")
        self.device, self.recipe, self.history = torch.device(device or best_device()), recipe, []
        self.precision, self.accumulate = precision_for(self.device, precision), accumulate
        if self.device.type == "cpu":
            keep_freed_memory()
        self.model = model.to(self.device, memory_format=torch.channels_last)  # the faster layout for convolutions
        self.model.input_wh = tuple(recipe.input_wh)
        self.network = DistributedDataParallel(self.model) if parallel.world() > 1 else self.model
        if compiled:
            self.network = torch.compile(self.network)
        self.dataset = data.CropDataset(
            people, recipe.input_wh, recipe.augmentation, recipe.seed, keep_images, pictures
        )
        pictures = torch.from_numpy(np.unique(self.dataset.files, return_inverse=True)[1]) if recipe.together else None
        self.batches = Batches(len(people), recipe.batch_size, recipe.seed, pictures)
        self.loader = torch.utils.data.DataLoader(
            self.dataset,
            sampler=self.batches,
            batch_size=None,
            num_workers=workers,
            persistent_workers=workers > 0,
            worker_init_fn=_share_memory,
            pin_memory=self.device.type == "cuda",
        )
        self.optimizer = torch.optim.Adam(
            model.parameters(), lr=recipe.learning_rate, fused=self.device.type in ("cuda", "cpu") or None
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: rate_factor(recipe, step, len(self.loader))
        )
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = True  # batches are of one size: it tries its ways once, and keeps the best
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")

    def loss(self, images, keypoints, labelled):
        """Forward: uint8 images (N, 3, H, W), keypoints (N, 17, 2) crop px -> the loss, and PCK without gradient."""
        images, keypoints, labelled = (
            each.to(self.device, non_blocking=True) for each in (images, keypoints, labelled)
        )
        images = data.normalise(images).contiguous(memory_format=torch.channels_last)  # (N, 3, H, W)
        size = (images.shape[-1] // 4, images.shape[-2] // 4)
        target, weights = heatmaps.encode(
            keypoints, labelled, size, sigma=self.recipe.sigma, unbiased=self.recipe.unbiased
        )  # (N, 17, H / 4, W / 4), (N, 17)
        with mixed_precision(self.device, self.precision):
            predicted = self.network(images)  # (N, 17, H / 4, W / 4)
        loss = heatmaps.heatmap_loss(predicted.float(), target, weights)
        return loss, heatmaps.pck(predicted.detach().float(), target)[1]

    def step(self, batch):
        """One batch: forward, loss, backward, Adam. Returns the loss and PCK (device tensors)."""
        self.optimizer.zero_grad(set_to_none=True)
        parts = list(zip(*(batch[name].chunk(self.accumulate) for name in ("image", "keypoints", "labelled"))))
        total = torch.zeros(2, device=self.device)
        for number, part in enumerate(parts, 1):
            share = len(part[0]) / len(batch["image"])
            waits = isinstance(self.network, DistributedDataParallel) and number < len(parts)
            with self.network.no_sync() if waits else nullcontext():  # gradients are exchanged once a batch
                loss, correct = self.loss(*part)
                self.scaler.scale(loss * share).backward()
            total += share * torch.stack([loss.detach(), correct])
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.schedule.step()
        return total[0], total[1]

    def epoch(self, progress=True):
        """One pass over the training data. Returns its row of the history (a dict), which is also kept."""
        number, start = len(self.history), time.perf_counter()
        self.batches.epoch = number
        self.dataset.epoch.fill_(number)
        self.model.train()
        totals = torch.zeros(2, device=self.device)
        bar = tqdm(self.loader, desc=f"epoch {number + 1}/{self.recipe.epochs}", unit="batch", disable=not progress)
        for count, batch in enumerate(bar, 1):
            try:
                loss, share = self.step(batch)
            except OutOfMemory:
                raise ValueError(_too_large(self.recipe.batch_size, self.accumulate, self.device)) from None
            totals += torch.stack([loss, share.nan_to_num(0.0)])  # a batch may hold no joint that PCK counts
            if count % 20 == 0 or count == len(self.loader):
                bar.set_postfix(loss=f"{totals[0] / count:.6f}", PCK=f"{totals[1] / count:.3f}")
        loss, share = (parallel.mean(totals) / len(self.loader)).tolist()
        if not math.isfinite(loss):
            raise ValueError(f"the loss became {loss} in epoch {number + 1}: lower the learning rate and start again")
        seconds = time.perf_counter() - start
        rate = self.schedule.get_last_lr()[0]
        row = {"epoch": number + 1, "loss": loss, "pck": share, "learning_rate": rate, "seconds": seconds}
        row["samples_per_second"] = len(self.loader) * self.recipe.batch_size / seconds
        self.history.append(row)
        return row

    def save(self, folder):
        """Write `last.pt` (everything needed to go on), `model.pt` (the network alone) and `history.csv`."""
        folder = Path(folder)
        state = {name: getattr(self, name).state_dict() for name in ("model", "optimizer", "schedule", "scaler")}
        state |= {"history": self.history, "recipe": _described(self.recipe)}
        save_atomically(state | {"channels": getattr(self.model, "channel_order", "rgb")}, folder / "last.pt")
        save_model(self.model, folder / "model.pt", recipe=_described(self.recipe), epochs=len(self.history))
        table = io.StringIO(newline="")
        writer = csv.DictWriter(table, fieldnames=list(dict.fromkeys(key for row in self.history for key in row)))
        writer.writeheader()
        writer.writerows(self.history)
        write_atomically(lambda file: file.write(table.getvalue().encode()), folder / "history.csv")

    def resume(self, folder):
        """Go on from the last whole epoch that `save` wrote. ValueError where that run had another recipe."""
        file = Path(folder) / "last.pt"
        if not file.is_file():
            raise FileNotFoundError(f"no {file} to resume from: the run has not finished an epoch, or lies elsewhere")
        state = torch.load(file, map_location=self.device, weights_only=True)
        before, now = state["recipe"], _described(self.recipe)
        other = [f"{name} {before.get(name)} (now {now[name]})" for name in now if before.get(name) != now[name]]
        if other:
            raise ValueError(f"{file} is of a run with {', '.join(other)}: resume with the same recipe and settings")
        for name in ("model", "optimizer", "schedule", "scaler"):
            getattr(self, name).load_state_dict(state[name])
        set_channels(self.model, state.get("channels", "rgb"))
        self.history = state["history"]


def _described(recipe):
    return {name: str(value) for name, value in asdict(recipe).items()}


def _too_large(batch_size, accumulate, device):
    return (
        f"batches of {batch_size} in {accumulate} part(s) do not fit into the memory of {device}: try --accumulate "
        f"{2 * accumulate} (the same batch, in smaller parts), or --batch-size {max(1, batch_size // 2)}"
    )
