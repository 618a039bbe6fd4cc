"""Recipes: everything that decides a training run, written down."""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from hpe_lib.data.augment import MIRROR_ONLY, Augmentation


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run. The defaults are those of Xiao et al. (2018)."""

    model: str = "simple_baseline"  # a name that `models.build` knows
    depth: int | str | None = 50  # of its ResNet; None for networks without one
    options: dict = field(default_factory=dict)  # more of what the network is built with
    loss: str = "heatmap_mse"  # a name in `train.LOSSES`
    input_wh: tuple = (192, 256)  # px
    epochs: int = 140
    batch_size: int = 128  # over all processes
    learning_rate: float = 1e-3  # Adam's
    schedule: str = "steps"  # or "cosine": down to 0 along half a cosine wave
    milestones: tuple = (90, 120)  # "steps": epochs after which the rate falls to a tenth
    warmup_steps: int = 0  # the rate rises linearly over so many steps first
    sigma: float = 2.0  # of the target Gaussian, heatmap cells
    unbiased: bool = False  # its centre: the exact place, or the nearest cell
    refine: str | None = "quarter"  # how validation decodes, see `heatmaps.decode`
    flip_shift: float = 1.0  # cells, see `heatmaps.merge_flipped`
    augmentation: Augmentation | None = Augmentation()
    group_by_image: bool = False  # people of one image follow each other, so that it is decoded once an epoch
    pretrained: str | None = "imagenet"  # what `load_weights` starts from
    rates: dict = field(default_factory=dict)  # part of the network -> its share of the learning rate; 0: it stays
    seed: int = 0

    def __post_init__(self):
        size = self.input_wh
        if np.shape(size) != (2,) or not all(type(side) is int and side > 0 and side % 32 == 0 for side in size):
            raise ValueError(
                f"input_wh is {size}: a network takes a width and a height in whole multiples of 32 px, such as "
                "192,256, since its backbone halves them five times"
            )
        if self.schedule not in ("steps", "cosine"):
            raise ValueError(f"schedule is {self.schedule!r}: there are 'steps' and 'cosine'")

    @property
    def network(self):
        """What `models.build` takes: the name of the network, and its options."""
        depth = {} if self.depth is None else {"depth": self.depth}
        return self.model, depth | self.options


RECIPES = {
    "simple_baselines": Recipe(),  # Xiao et al. 2018
    "modern": Recipe(  # what became standard later; each line is one difference, and `--set` takes each back
        epochs=210,  # half as long again
        milestones=(170, 200),
        batch_size=512,  # larger steps for many fast cards
        learning_rate=5e-4,
        warmup_steps=500,  # small steps until batch norm and Adam have settled
        augmentation=Augmentation(half_body_prob=0.3, translate=0.16),  # cut bodies, boxes that sit badly
        unbiased=True,  # targets at the exact place
        refine="dark",  # and decoding that finds it
        flip_shift=0.75,  # and mirror images that lie exactly on each other
    ),
    "quick": Recipe(  # notebook 05: two minutes on two cores
        depth="tiny",
        input_wh=(96, 128),
        epochs=8,
        batch_size=24,
        learning_rate=2e-3,
        schedule="cosine",
        warmup_steps=50,
        sigma=1.5,
        unbiased=True,
        augmentation=MIRROR_ONLY,
        pretrained=None,
    ),
}
RECIPES["shipped"] = replace(  # the weights that come with the course: longer, on more drawn people
    RECIPES["quick"],
    epochs=48,
    batch_size=64,
    learning_rate=3e-3,
    warmup_steps=200,
    augmentation=Augmentation(scale=0.2, rotation=20.0),
)
RECIPES["photos"] = replace(  # little real data: a wider network, larger crops, every change that a photograph may bear
    RECIPES["shipped"],
    depth="small",
    input_wh=(160, 224),
    epochs=90,
    batch_size=32,
    learning_rate=1e-3,
    sigma=2.0,
    augmentation=Augmentation(half_body_prob=0.15, translate=0.05, color=0.25, erase_prob=0.3),
)
RECIPES["photos_imagenet"] = replace(  # the same with ImageNet's features, as the paper has them; most of them stay
    RECIPES["photos"],
    depth="cut50",
    input_wh=(192, 256),
    epochs=20,
    batch_size=16,
    learning_rate=8e-4,
    warmup_steps=100,
    pretrained="imagenet",
    rates={"conv1": 0, "bn1": 0, "layer1": 0, "layer2": 0, "layer3": 0.6},
)
RECIPES["hourglass"] = replace(  # two small hourglasses, as notebook 08 builds them
    RECIPES["quick"],
    model="hourglass",
    depth=None,
    options={"stacks": 2, "channels": 32, "levels": 3},
    loss="every_stack_mse",
    epochs=20,
    batch_size=16,
)


def rate_factor(recipe, step, steps_per_epoch):
    """The learning rate at a step, as a share of the recipe's."""
    warm = min(1.0, (step + 1) / recipe.warmup_steps) if recipe.warmup_steps else 1.0
    if recipe.schedule == "cosine":
        return warm * (1 + math.cos(math.pi * step / (recipe.epochs * steps_per_epoch))) / 2
    return warm * 0.1 ** sum(step >= epoch * steps_per_epoch for epoch in recipe.milestones)
