"""Recipes are records: the numbers that papers print, and those that the shipped weights were trained with."""

from dataclasses import FrozenInstanceError, asdict

import pytest

from hpe_lib.train.recipes import RECIPES, Recipe, rate_factor

NO_CHANGE = {"scale": 0.0, "rotation": 0.0, "rotation_prob": 0.0, "mirror_prob": 0.5, "half_body_prob": 0.0}
NO_CHANGE |= {"translate": 0.0, "translate_prob": 0.3, "color": 0.0, "erase_prob": 0.0}
XIAO = {  # Xiao et al. 2018, sections 3 and 4.1, and the official configuration of 256x192
    "model": "simple_baseline",
    "depth": 50,
    "options": {},
    "loss": "heatmap_mse",
    "input_wh": (192, 256),
    "epochs": 140,
    "batch_size": 128,
    "learning_rate": 1e-3,
    "schedule": "steps",
    "milestones": (90, 120),
    "warmup_steps": 0,
    "sigma": 2.0,
    "unbiased": False,
    "refine": "quarter",
    "flip_shift": 1.0,
    "augmentation": NO_CHANGE | {"scale": 0.3, "rotation": 40.0, "rotation_prob": 0.6},
    "group_by_image": False,
    "pretrained": "imagenet",
    "rates": {},
    "seed": 0,
}
MODERN = XIAO | {"epochs": 210, "milestones": (170, 200), "batch_size": 512, "learning_rate": 5e-4}
MODERN |= {"warmup_steps": 500, "unbiased": True, "refine": "dark", "flip_shift": 0.75}
MODERN["augmentation"] = XIAO["augmentation"] | {"half_body_prob": 0.3, "translate": 0.16}
QUICK = XIAO | {"depth": "tiny", "input_wh": (96, 128), "epochs": 8, "batch_size": 24, "learning_rate": 2e-3}
QUICK |= {"schedule": "cosine", "warmup_steps": 50, "sigma": 1.5, "unbiased": True, "pretrained": None}
QUICK["augmentation"] = NO_CHANGE
SHIPPED = QUICK | {"epochs": 48, "batch_size": 64, "learning_rate": 3e-3, "warmup_steps": 200}
SHIPPED["augmentation"] = NO_CHANGE | {"scale": 0.2, "rotation": 20.0, "rotation_prob": 0.6}
PHOTOS = SHIPPED | {"depth": "small", "input_wh": (160, 224), "epochs": 90, "batch_size": 32, "learning_rate": 1e-3}
PHOTOS |= {"sigma": 2.0}
PHOTOS["augmentation"] = XIAO["augmentation"] | {
    "half_body_prob": 0.15,
    "translate": 0.05,
    "color": 0.25,
    "erase_prob": 0.3,
}
PHOTOS_IMAGENET = PHOTOS | {"depth": "cut50", "input_wh": (192, 256), "epochs": 20, "batch_size": 16}
PHOTOS_IMAGENET |= {"learning_rate": 8e-4, "warmup_steps": 100, "pretrained": "imagenet"}
PHOTOS_IMAGENET["rates"] = {"conv1": 0, "bn1": 0, "layer1": 0, "layer2": 0, "layer3": 0.6}
HOURGLASS = QUICK | {"model": "hourglass", "depth": None, "options": {"stacks": 2, "channels": 32, "levels": 3}}
HOURGLASS |= {"loss": "every_stack_mse", "epochs": 20, "batch_size": 16}
RECORDED = {
    "simple_baselines": XIAO,
    "modern": MODERN,
    "quick": QUICK,
    "shipped": SHIPPED,
    "photos": PHOTOS,
    "photos_imagenet": PHOTOS_IMAGENET,
    "hourglass": HOURGLASS,
}


@pytest.mark.parametrize("name", RECORDED)
def test_a_recipe_is_as_recorded(name):
    assert asdict(RECIPES[name]) == RECORDED[name]


def test_a_recipe_names_its_network_and_does_not_change():
    assert RECIPES["simple_baselines"].network == ("simple_baseline", {"depth": 50})
    assert RECIPES["hourglass"].network == ("hourglass", {"stacks": 2, "channels": 32, "levels": 3})
    assert Recipe(depth=18, options={"kernel": 2}).network == ("simple_baseline", {"depth": 18, "kernel": 2})
    with pytest.raises(FrozenInstanceError):
        Recipe().epochs = 3


def test_the_rate_warms_up_and_then_falls_by_steps():
    recipe = Recipe(epochs=6, milestones=(2, 4), warmup_steps=4)
    factors = [rate_factor(recipe, step, 3) for step in range(18)]
    assert factors == pytest.approx([0.25, 0.5, 0.75, *[1] * 3, *[0.1] * 6, *[0.01] * 6])
    early = Recipe(epochs=6, milestones=(1, 4), warmup_steps=4)  # a step within the warm-up: both count
    assert rate_factor(early, 2, 2) == pytest.approx(0.75 * 0.1)
    assert rate_factor(Recipe(schedule="cosine", epochs=3, warmup_steps=8), 2, 2) == pytest.approx(3 / 8 * 0.75)


@pytest.mark.parametrize(
    "size", [(192,), (192, 256, 32), 192, (192, 250), (190, 256), (0, 256), (192, -32), (192.0, 256), ("192", "256")]
)
def test_an_input_that_a_network_cannot_halve_is_refused(size):
    with pytest.raises(ValueError, match="input_wh is .*whole multiples of 32 px"):
        Recipe(input_wh=size)
    assert Recipe(input_wh=[32, 64]).input_wh == [32, 64]


@pytest.mark.parametrize("schedule", ["step", "cos", ""])
def test_an_unknown_schedule_is_answered_with_those_there_are(schedule):
    with pytest.raises(ValueError, match="there are 'steps' and 'cosine'"):
        Recipe(schedule=schedule)
