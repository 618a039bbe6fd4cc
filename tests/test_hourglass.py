"""The stacked hourglass: the authors' parameters and numbers, its losses, the shipped weights, and the log."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from hpe_lib import data, heatmaps, models, train

WEIGHTS = Path(models.__file__).parents[1] / "weights"
RECIPE = replace(train.RECIPES["hourglass"], epochs=2, batch_size=8, warmup_steps=0)


def unit(inputs, outputs):
    """Parameters of the authors' residual unit, written down from its listing (`Residual.lua`)."""
    half = outputs // 2
    norms = 2 * (inputs + half + half)
    convolutions = (inputs * half + half) + (9 * half * half + half) + (half * outputs + outputs)
    return norms + convolutions + (inputs * outputs + outputs) * (inputs != outputs)


def written_down(stacks, joints, channels=256, levels=4):
    """Parameters of the authors' network, written down from its listing (`hg.lua`)."""
    stem = (3 * 49 * 64 + 64) + 2 * 64 + unit(64, 128) + unit(128, 128) + unit(128, channels)
    linear = channels * channels + channels
    stack = (3 * levels + 2) * unit(channels, channels) + linear + 2 * channels + channels * joints + joints
    return stem + stacks * stack + (stacks - 1) * (linear + joints * channels + channels)


@pytest.mark.parametrize("stacks, joints", [(1, 17), (2, 16), (8, 16), (8, 17)])
def test_it_has_the_parameters_of_the_published_network(stacks, joints):
    with torch.device("meta"):
        network = models.build("hourglass", stacks=stacks, num_keypoints=joints)
    assert sum(p.numel() for p in network.parameters()) == written_down(stacks, joints)
    assert written_down(8, 16) == 25_434_112


def test_it_has_the_multiply_adds_that_were_printed():
    """Chen et al. 2018, table 8: 19.5 and 25.9 G. Their G is 2^30 or their count has more than convolutions: 2 %."""
    for height, width, printed in ((256, 192, 19.5), (256, 256, 25.9)):
        with torch.device("meta"):
            network, image = models.build("hourglass"), torch.empty(1, 3, height, width)
        with FlopCounterMode(display=False) as counter:
            network.eval()(image)
        assert counter.get_total_flops() / 2 / 2**30 == pytest.approx(printed, rel=0.02)


def test_it_gives_the_numbers_of_the_authors_port():
    """Two stacks, filled from a seed: joints 0 to 3 at the cell (5, 9) of princeton-vl/pytorch_stacked_hourglass."""
    network, seed = models.build("hourglass", stacks=2, num_keypoints=16), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                one = "running_var" in name or (value.dim() == 1 and name.endswith("weight"))
                value.copy_(torch.randn(value.shape, generator=seed) * (0.05 if value.dim() == 4 else 0.1) + one)
                if "running_var" in name:
                    value.abs_()
        image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
        maps = network.eval()(image)
    assert maps.shape == (1, 2, 16, 16, 16) and torch.equal(network.heatmaps(image), maps[:, 1])
    first = [-1.1199932098, -0.3458738327, 0.9575313926, 0.3222239614]
    last = [-2.5419828892, 0.1530880928, 0.5319736600, -4.2393512726]
    np.testing.assert_allclose(maps[0, :, :4, 5, 9], [first, last], atol=2e-3)


def test_it_starts_and_answers_as_it_says():
    torch.manual_seed(0)
    network = models.build("hourglass", stacks=3, channels=32, levels=2)
    for stack in network.stacks:  # 17 x 32 weights: their spread is known to 3 %
        assert stack.score.weight.std().item() == pytest.approx(0.001, rel=0.15) and (stack.score.bias == 0).all()
    sizes = [models.build("hourglass", stacks=1, channels=8, levels=levels).input_wh for levels in (2, 3, 4)]
    assert sizes == [(96, 128), (96, 128), (192, 256)]
    images = torch.randn(1, 3, 64, 32)
    with torch.no_grad():
        every = network.eval()(images)
        assert every.shape == (1, 3, 17, 16, 8)
        assert torch.equal(network.heatmaps(images), every[:, 2])


def test_crops_that_do_not_fit_are_named():
    network = models.build("hourglass", stacks=1, channels=8, levels=4)
    with pytest.raises(ValueError, match="96 x 128 px .* multiples of 64 px; change input_wh, or take fewer levels"):
        network(torch.zeros(1, 3, 128, 96))
    assert network(torch.zeros(1, 3, 128, 64)).shape == (1, 1, 17, 32, 16)


def test_losses_ask_all_stacks_or_the_last(drawn):
    crops = data.CropDataset(data.persons(drawn, "train")[:4], RECIPE.input_wh)
    batch = torch.utils.data.default_collate([crops[index] for index in range(4)])
    torch.manual_seed(0)
    network = models.build("hourglass", **RECIPE.options | {"stacks": 3}).eval()
    maps = network(data.normalise(batch["image"]))
    target, weights = heatmaps.encode(batch["keypoints"], batch["labelled"], (24, 32), 4, RECIPE.sigma, RECIPE.unbiased)
    each = [heatmaps.heatmap_loss(maps[:, number], target, weights) for number in range(3)]
    every, numbers = train.losses.every_stack_mse(network, batch, RECIPE)
    last, _ = train.losses.last_stack_mse(network, batch, RECIPE)
    assert (
        torch.allclose(every, sum(each)) and torch.allclose(last, each[-1]) and len({one.item() for one in each}) == 3
    )
    knowing = torch.stack([0 * target, 0 * target, target], dim=1)  # only the last stack knows

    def answer(images):
        return knowing

    answer.stride = 4
    assert numbers["pck"] < 0.5 and train.losses.every_stack_mse(answer, batch, RECIPE)[1]["pck"] == 1


def test_it_trains_by_its_recipe(drawn):
    dataset = data.CropDataset(data.persons(drawn, "train"), RECIPE.input_wh, RECIPE.augmentation)
    name, options = RECIPE.network
    torch.manual_seed(0)
    trainer = train.Trainer(models.build(name, **options), dataset, RECIPE, device="cpu")
    history = train.fit(trainer, progress=False)
    assert history[-1]["loss"] < history[0]["loss"] and name == "hourglass" and "depth" not in options


def test_the_shipped_network_is_small_and_its_second_stack_is_better(drawn):
    model = models.load_model("hourglass")
    assert (WEIGHTS / "hourglass.pt").stat().st_size < 3_000_000
    assert model.options == RECIPE.options and model.input_wh == RECIPE.input_wh and not model.training
    crops = data.CropDataset(data.persons(drawn, "val"), model.input_wh)
    batch = torch.utils.data.default_collate([crops[index] for index in range(len(crops))])
    with torch.no_grad():
        maps = model(data.normalise(batch["image"]))
    target, weights = heatmaps.encode(batch["keypoints"], batch["labelled"], (24, 32), 4, RECIPE.sigma, True)
    first, second = (heatmaps.heatmap_loss(one, target, weights) for one in maps.unbind(1))
    nothing = heatmaps.heatmap_loss(torch.zeros_like(target), target, weights)
    assert second < first < 0.7 * nothing


def test_the_log_is_whole():
    log = pd.read_csv(WEIGHTS / "hourglass.csv")
    networks = [(1, "every_stack_mse"), *product((2, 4), ("every_stack_mse", "last_stack_mse"))]
    for budget, (stacks, loss) in product(("equal time", "equal samples"), networks):
        rows = log[(log["budget"] == budget) & (log["stacks"] == stacks) & (log["loss"] == loss)]
        answers = {f"stack {number}" for number in range(1, stacks + 1)} | ({"mean"} if stacks > 1 else set())
        assert rows["seed"].nunique() >= 2 and set(rows["answer"]) == answers
        assert len(rows) == rows["seed"].nunique() * len(answers) and rows["AP"].between(0, 1).all()
    times = log[log["budget"] == "equal time"]["CPU seconds"]
    assert times.max() < 1.05 * times.min()
