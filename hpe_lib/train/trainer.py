"""One network in training: the step, the epoch, the run. The loss and the data set are arguments."""

import math
import time
from contextlib import nullcontext

import torch
from tqdm.auto import tqdm

from hpe_lib.machine import best_device
from hpe_lib.train import checkpoint, parallel
from hpe_lib.train.batches import loader
from hpe_lib.train.losses import LOSSES
from hpe_lib.train.precision import mixed_precision, precision_for
from hpe_lib.train.rates import split
from hpe_lib.train.recipes import rate_factor


class Trainer:
    """A network on its way: model, optimiser, schedule, history. One call of `epoch` is one pass over the data.

    dataset: items are dicts of tensors, such as `CropDataset`'s. loss: (model, batch, recipe) -> (scalar, numbers), see
    `hpe_lib.train.losses`; None: the one that the recipe names. workers: processes that read images. precision: see
    `mixed_precision`. accumulate: parts in which a batch goes through the network, where it does not fit into memory at
    once. compiled: let torch.compile make the network faster (it takes a minute or more at the start).
    """

    def __init__(
        self,
        model,
        dataset,
        recipe,
        loss=None,
        device=None,
        workers=0,
        precision="auto",
        accumulate=1,
        compiled=False,
    ):
        self.device, self.recipe, self.history = torch.device(device or best_device()), recipe, []
        self.precision, self.accumulate = precision_for(self.device, precision), accumulate
        self.model = model.to(self.device, memory_format=torch.channels_last)  # the faster layout for convolutions
        self.model.input_wh = tuple(recipe.input_wh)
        self.frozen, groups = split(model, recipe.rates)
        self.network = parallel.replica(self.model)
        if compiled:
            self.network = torch.compile(self.network)
        self.dataset, self.loss = dataset, loss or LOSSES[recipe.loss]
        self.loader = loader(dataset, recipe, workers, self.device)
        groups = [{"params": weights, "lr": share * recipe.learning_rate} for share, weights in groups]
        self.optimizer = torch.optim.Adam(groups, fused=self.device.type in ("cuda", "cpu") or None)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: rate_factor(recipe, step, len(self.loader))
        )
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = True  # batches are of one size: it tries its ways once, and keeps the best
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")

    def forward(self, batch):
        """The loss of a batch of tensors, and its other numbers without gradient."""
        batch = {name: value.to(self.device, non_blocking=True) for name, value in batch.items()}
        with mixed_precision(self.device, self.precision):
            return self.loss(self.network, batch, self.recipe)

    def step(self, batch):
        """One batch: forward, loss, backward, Adam. Returns its numbers, name -> tensor on the device."""
        self.optimizer.zero_grad(set_to_none=True)
        size, total = len(next(iter(batch.values()))), {}
        parts = list(zip(*(value.chunk(self.accumulate) for value in batch.values())))
        for number, part in enumerate(parts, 1):
            share = len(part[0]) / size
            with nullcontext() if number == len(parts) else parallel.no_exchange(self.network):
                loss, numbers = self.forward(dict(zip(batch, part)))
                self.scaler.scale(loss * share).backward()
            for name, value in {"loss": loss.detach(), **numbers}.items():
                total[name] = total.get(name, 0) + share * value
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.schedule.step()
        return total

    def epoch(self, progress=True):
        """One pass over the training data. Returns its row of the history (a dict), which is also kept."""
        number, start = len(self.history), time.perf_counter()
        self.loader.batch_sampler.epoch = number
        if hasattr(self.dataset, "set_epoch"):
            self.dataset.set_epoch(number)
        self.model.train()
        for part in self.frozen:  # batch norm's mean and variance stay too
            part.eval()
        totals = {}
        bar = tqdm(self.loader, desc=f"epoch {number + 1}/{self.recipe.epochs}", unit="batch", disable=not progress)
        for count, batch in enumerate(bar, 1):
            with checkpoint.said_when_too_large(self):
                numbers = self.step(batch)
            for name, value in numbers.items():
                if name != "loss":
                    value = value.nan_to_num(0.0)  # a batch may hold no joint that PCK counts
                totals[name] = totals.get(name, 0) + value
            if count % 20 == 0 or count == len(self.loader):
                bar.set_postfix({name: f"{value / count:.4g}" for name, value in totals.items()})
        means = parallel.mean(torch.stack([*totals.values()]) / len(self.loader)).tolist()
        row = {"epoch": number + 1, **dict(zip(totals, means))}
        if not math.isfinite(row["loss"]):
            raise ValueError(
                f"the loss became {row['loss']} in epoch {number + 1}: lower the learning rate and start again"
            )
        seconds = time.perf_counter() - start
        row |= {"learning_rate": self.schedule.get_last_lr()[0], "seconds": seconds}
        row["samples_per_second"] = len(self.loader) * self.recipe.batch_size / seconds
        self.history.append(row)
        return row

    def save(self, folder):
        """Write `last.pt` (everything needed to go on), `model.pt` (the network alone) and `history.csv`."""
        checkpoint.save(self, folder)

    def resume(self, folder):
        """Go on from the last whole epoch that `save` wrote. ValueError where that run had another recipe."""
        checkpoint.resume(self, folder)


def fit(trainer, validate=None, folder=None, on_epoch=None, progress=True):
    """Train to the recipe's last epoch. Returns the history, a list of dicts, one per epoch.

    validate: called as validate(model) after each epoch; the dict it returns joins the row. folder: where to save
    after each epoch. on_epoch: called as on_epoch(trainer), to draw curves. Ctrl-C loses the current epoch only.
    """
    first = parallel.rank() == 0
    while len(trainer.history) < trainer.recipe.epochs:
        row = trainer.epoch(progress and first)
        if validate:
            row.update(validate(trainer.model))
        if folder and first:
            trainer.save(folder)
        if on_epoch and first:
            on_epoch(trainer)
    return trainer.history
