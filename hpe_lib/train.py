"""The training loop, shared by notebook 05 and `python -m hpe_lib.train`."""

import argparse
import csv
import math
import sys
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from tqdm.auto import tqdm

from hpe_lib import data, evaluate, heatmaps
from hpe_lib.errors import run_command
from hpe_lib.models import DEPTHS, load_weights, save_model, simple_baseline
from hpe_lib.models.weights import save_atomically
from hpe_lib.predict import best_device


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run. The defaults are the paper's."""

    depth: int | str = 50
    input_wh: tuple = (192, 256)  # px
    epochs: int = 140
    batch_size: int = 128
    learning_rate: float = 1e-3  # Adam's
    schedule: str = "steps"  # or "cosine": down to 0 along half a cosine wave
    drops: tuple = (90, 120)  # "steps": epochs after which the rate falls to a tenth
    warmup_steps: int = 0  # the rate rises linearly over so many steps first
    sigma: float = 2.0  # of the target Gaussian, heatmap cells
    unbiased: bool = False  # its centre: the exact place, or the nearest cell
    augmentation: data.Augmentation | None = data.Augmentation()
    pretrained: str | None = "imagenet"  # what `load_weights` starts from
    seed: int = 0


RECIPES = {
    "paper": Recipe(),
    "quick": Recipe(  # notebook 05: two minutes on two cores
        depth="tiny",
        input_wh=(96, 128),
        epochs=9,
        batch_size=32,
        learning_rate=2e-3,
        schedule="cosine",
        warmup_steps=50,
        sigma=1.5,
        unbiased=True,
        augmentation=data.MIRROR_ONLY,
        pretrained=None,
    ),
}
RECIPES["shipped"] = replace(  # the weights that come with the course: longer, on more drawn people
    RECIPES["quick"],
    epochs=36,
    batch_size=64,
    learning_rate=3e-3,
    warmup_steps=200,
    augmentation=data.Augmentation(scale=0.2, rotation=20.0),
)


def rate_factor(recipe, step, steps_per_epoch):
    """The learning rate at a step, as a share of the recipe's."""
    warm = min(1.0, (step + 1) / recipe.warmup_steps) if recipe.warmup_steps else 1.0
    if recipe.schedule == "cosine":
        progress = torch.tensor(step / (recipe.epochs * steps_per_epoch))
        return warm * (1 + torch.cos(torch.pi * progress).item()) / 2
    return warm * 0.1 ** sum(step >= drop * steps_per_epoch for drop in recipe.drops)


def mixed_precision(device, precision="auto"):
    """What to run the network in. "auto": bfloat16 on GPUs that have it, float32 elsewhere. A context manager."""
    if precision == "auto":
        precision = "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "float32"
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


class Trainer:
    """A network on its way: model, optimiser, schedule, history. One call of `epoch` is one pass over the data."""

    def __init__(self, model, people, recipe, device=None, keep_images=False, workers=0, precision="auto"):
        if not people:
            raise ValueError("no labelled people to train on: check the data folder and the split")
        self.device, self.recipe, self.history = torch.device(device or best_device()), recipe, []
        self.precision = precision
        self.model = model.to(self.device, memory_format=torch.channels_last)  # the faster layout for convolutions
        self.model.input_wh = tuple(recipe.input_wh)
        self.dataset = data.CropDataset(people, recipe.input_wh, recipe.augmentation, recipe.seed, keep_images)
        self.shuffle = torch.Generator()
        self.loader = torch.utils.data.DataLoader(
            self.dataset,
            recipe.batch_size,
            shuffle=True,
            drop_last=len(people) > recipe.batch_size,
            num_workers=workers,
            generator=self.shuffle,
            pin_memory=self.device.type == "cuda",
        )
        self.optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: rate_factor(recipe, step, len(self.loader))
        )

    def step(self, batch):
        """One batch: forward, loss, backward, Adam. Returns the loss and PCK (device tensors)."""
        images = data.normalise(batch["image"].to(self.device, non_blocking=True))  # (N, 3, H, W)
        images = images.contiguous(memory_format=torch.channels_last)
        size = (images.shape[-1] // 4, images.shape[-2] // 4)
        target, weights = heatmaps.encode(
            batch["keypoints"].to(self.device),
            batch["labelled"].to(self.device),
            size,
            sigma=self.recipe.sigma,
            unbiased=self.recipe.unbiased,
        )  # (N, 17, H / 4, W / 4), (N, 17)
        with mixed_precision(self.device, self.precision):
            predicted = self.model(images)  # (N, 17, H / 4, W / 4)
        loss = heatmaps.heatmap_loss(predicted.float(), target, weights)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        return loss.detach(), heatmaps.pck(predicted.detach().float(), target)[1]

    def epoch(self, progress=True):
        """One pass over the training data. Returns its row of the history (a dict), which is also kept."""
        number, start = len(self.history), time.perf_counter()
        self.shuffle.manual_seed(self.recipe.seed * 10_000 + number)  # a resumed run sees the same order
        self.dataset.epoch.fill_(number)
        self.model.train()
        totals = torch.zeros(2, device=self.device)
        bar = tqdm(self.loader, desc=f"epoch {number + 1}/{self.recipe.epochs}", unit="batch", disable=not progress)
        for count, batch in enumerate(bar, 1):
            loss, share = self.step(batch)
            totals += torch.stack([loss, share.nan_to_num(0.0)])  # a batch may hold no joint that PCK counts
            if count % 20 == 0 or count == len(self.loader):
                bar.set_postfix(loss=f"{totals[0] / count:.6f}", PCK=f"{totals[1] / count:.3f}")
        loss, share = (totals / len(self.loader)).tolist()
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
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        save_atomically(state | {"schedule": self.schedule.state_dict(), "history": self.history}, folder / "last.pt")
        about = {"recipe": {key: str(value) for key, value in asdict(self.recipe).items()}, "epochs": len(self.history)}
        save_model(self.model, folder / "model.pt", **about)
        with open(folder / "history.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(dict.fromkeys(key for row in self.history for key in row)))
            writer.writeheader()
            writer.writerows(self.history)

    def resume(self, folder):
        """Go on from the last whole epoch that `save` wrote."""
        state = torch.load(Path(folder) / "last.pt", map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.history = state["history"]


def fit(trainer, validate=None, folder=None, on_epoch=None, progress=True):
    """Train to the recipe's last epoch. Returns the history, a list of dicts, one per epoch.

    validate: called as validate(model) after each epoch; the dict it returns joins the row. folder: where to save
    after each epoch. on_epoch: called as on_epoch(trainer), to draw curves. Ctrl-C loses the current epoch only.
    """
    while len(trainer.history) < trainer.recipe.epochs:
        row = trainer.epoch(progress)
        if validate:
            row.update(validate(trainer.model))
        if folder:
            trainer.save(folder)
        if on_epoch:
            on_epoch(trainer)
    return trainer.history


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m hpe_lib.train", description=__doc__)
    parser.add_argument("--recipe", choices=RECIPES, default="quick", help="quick: tiny network, minutes on a CPU")
    parser.add_argument("--data", help="'synthetic' or a COCO-layout folder (default: HPE_DATA, else synthetic)")
    parser.add_argument("--out", type=Path, default=Path("runs/latest"), help="folder for weights and curves")
    parser.add_argument("--depth", choices=[str(depth) for depth in DEPTHS], help="another backbone than the recipe's")
    parser.add_argument("--epochs", type=int, help="another length than the recipe's")
    parser.add_argument("--batch-size", type=int, help="another batch size than the recipe's")
    parser.add_argument("--pretrained", help="weights to start from: 'imagenet', 'none' or a file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=0, help="processes that read images (0: none, images are kept)")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best there is)")
    parser.add_argument("--precision", choices=("auto", "bf16", "float32"), default="auto", help="auto: bf16 on GPUs")
    parser.add_argument("--validate-every", type=int, default=1, help="epochs between validations; 0: only at the end")
    parser.add_argument("--export", type=Path, help="also write the last network here as float16, half the size")
    parser.add_argument("--resume", action="store_true", help="go on from the last whole epoch in --out")
    args = parser.parse_args(arguments)

    recipe = replace(RECIPES[args.recipe], seed=args.seed)
    if args.depth:
        recipe = replace(recipe, depth=args.depth if args.depth == "tiny" else int(args.depth))
    for field in ("epochs", "batch_size", "pretrained"):
        if getattr(args, field) is not None:
            recipe = replace(recipe, **{field: getattr(args, field)})
    torch.manual_seed(recipe.seed)
    root = data.find(args.data)
    people, val = data.persons(root, "train"), data.read_annotations(data.annotation_file(root, "val"))
    model = simple_baseline(recipe.depth)
    if recipe.pretrained not in (None, "none") and not args.resume:
        load_weights(model, recipe.pretrained)
    trainer = Trainer(model, people, recipe, args.device, args.workers == 0, args.workers, args.precision)
    if args.resume:
        trainer.resume(args.out)
    print(f"{len(people)} people in {root}, depth {recipe.depth}, {recipe.epochs} epochs, on {trainer.device}")

    def validate(model):
        number = len(trainer.history)
        if number < recipe.epochs and not (args.validate_every and number % args.validate_every == 0):
            return {}
        return evaluate.evaluate_model(model, root, content=val)[0]

    def report(trainer):
        print("  ".join(f"{key} {value:.5g}" for key, value in trainer.history[-1].items()), flush=True)

    try:
        fit(trainer, validate, args.out, report)
    except KeyboardInterrupt:
        sys.exit(f"stopped: {len(trainer.history)} whole epochs are in {args.out}; add --resume to go on from there")
    if args.export:
        save_model(model, args.export, half=True, recipe=args.recipe, epochs=recipe.epochs)
    print(f"weights in {args.out / 'model.pt'}, curve in {args.out / 'history.csv'}")


if __name__ == "__main__":
    run_command(main)
