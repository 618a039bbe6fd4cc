"""tools/photos.py, which made the weights for photographs: what it folds, unfolds, wears out and averages; and
tools/ingredients.py, which asks what each part of that is worth."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from hpe_lib import data, models

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
import ingredients
import photos


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = models.build("efficient_baseline")
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):  # as after some training
            torch.nn.init.uniform_(layer.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(layer.running_var, 0.5, 2.0)
    torch.nn.init.normal_(network.final_layer.weight, std=0.1)
    return network.eval()


@torch.no_grad()
def test_folding_changes_nothing_and_unfolding_brings_back_what_was_learnt(network):
    images = torch.randn(2, 3, 64, 64)
    before = network(images)
    learner, parts = photos.frozen(network)
    assert len(parts) == photos.FROZEN + 1
    torch.testing.assert_close(learner(images), before, rtol=1e-4, atol=1e-5)
    assert not any(weight.requires_grad for part in parts for weight in part.parameters())
    learner.final_layer.weight.mul_(2)
    learner.stages[photos.FROZEN][0].project[0].weight.mul_(1.5)
    learnt = learner(images)
    assert not torch.allclose(learnt, before)
    torch.testing.assert_close(photos.unfolded(learner, network)(images), learnt, rtol=1e-4, atol=1e-5)


def test_worn_crops_stay_crops():
    images = torch.randint(0, 256, (64, 3, 40, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    worn = photos.worn(images, torch.Generator().manual_seed(0))
    assert worn.shape == images.shape and worn.dtype == torch.uint8
    assert torch.equal(worn, photos.worn(images, torch.Generator().manual_seed(0)))
    same = (worn == images).flatten(1).all(dim=1)
    assert 10 < same.sum() < 40  # 0.75 x 0.85 x 0.75 x 0.7 of 64 are 21
    grey = (worn[:, 0] == worn[:, 1]).flatten(1).all(dim=1) & (worn[:, 1] == worn[:, 2]).flatten(1).all(dim=1)
    assert 1 <= grey.sum() < 20


def counted(step, sizes):
    def counting(trainer, batch):
        sizes.append(len(batch["image"]))
        return step(trainer, batch)

    return counting


def test_a_stage_learns_what_is_not_frozen(network, photographs, monkeypatch):
    people = data.persons(photographs, "train")
    stage = replace(photos.STAGES[0], times=2, drawn=3, epochs=2, batch_size=13)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    batches, seen = [], []
    monkeypatch.setattr(photos.train.Trainer, "step", counted(photos.train.Trainer.step, batches))
    learnt = photos.learn(network, stage, 0, people[:5], people[5:], lambda model: seen.append(model.input_wh))
    assert batches == [13, 13], "five people twice and three drawn ones in each epoch"
    assert learnt.input_wh == (96, 128) and seen == [(96, 128)] * 2, "each epoch's weights can be kept"
    for name, value in learnt.state_dict().items():
        stays = name.startswith(("stem.", "stages.0.", "stages.1."))
        assert torch.equal(value, before[name]) == stays or name.endswith("tracked"), name


def test_the_running_mean_begins_with_few_steps_and_ends_with_many():
    mean, weight, count = torch.zeros(3), torch.ones(3), torch.tensor(4)
    photos.toward([mean, count], [weight, torch.tensor(9)], torch.tensor(10))
    assert mean.tolist() == [0.5] * 3 and count == 9
    photos.toward([mean], [weight], torch.tensor(10**6))
    torch.testing.assert_close(mean, torch.full((3,), 0.501))


def test_the_command_goes_on_after_the_last_whole_stage(network, photographs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(photos, "STAGES", (replace(photos.STAGES[0], drawn=2, epochs=1, batch_size=8),))
    monkeypatch.setattr(photos.models, "load_weights", lambda *_: network)  # the package is not installed here
    monkeypatch.setattr(photos, "WEIGHTS", tmp_path)
    folders = ["--photographs", str(photographs), "--collages", str(photographs), "--out", str(tmp_path / "out")]
    photos.main([*folders, "--ship"])
    assert "loss" in capsys.readouterr().out
    assert models.load_model(tmp_path / "out" / "stage1.so_far.pt").input_wh == (96, 128)
    monkeypatch.setattr(photos, "learn", None)  # not asked again
    photos.main([*folders, "--measure"])
    assert "'AP50'" in capsys.readouterr().out
    shipped = models.load_model(tmp_path / "photos.pt")
    assert shipped.input_wh == (96, 128) and shipped.name == "efficient_baseline"
    assert "ImageNet" in torch.load(tmp_path / "photos.pt", weights_only=True)["meta"]["learnt"]


def test_each_ingredient_changes_the_run_it_names(photographs, monkeypatch):
    batches, seen = [], {"worn": 0, "imagenet": 0}

    def counting(name, result):
        def called(first, *_):
            seen[name] += 1
            return result(first)

        return called

    monkeypatch.setattr(ingredients.train.Trainer, "step", counted(ingredients.train.Trainer.step, batches))
    monkeypatch.setattr(photos, "worn", counting("worn", lambda images: images))
    monkeypatch.setattr(ingredients.models, "load_weights", counting("imagenet", lambda model: model))
    people, found = len(data.persons(photographs, "train")), {}
    for run in ingredients.RUNS:
        batches.clear()
        seen.update(worn=0, imagenet=0)
        row = ingredients.learn(run, photographs, photographs, samples=1)
        assert 0 <= row["AP"] <= 1 and 0 <= row["AP of the mean"] <= 1
        found[run.name] = row["crops"], len(batches), seen["worn"] > 0, seen["imagenet"]
    assert list(found.values()) == [
        (people, 1, False, 0),
        (people, 1, False, 1),
        (people, 1, True, 1),
        (5 * people, 4, False, 1),  # batches of 32, the rest left out
    ]


def test_the_table_of_ingredients_is_of_these_runs():
    table = pd.read_csv(photos.WEIGHTS / "ingredients.csv")
    assert table["ingredients"].tolist() == [run.name for run in ingredients.RUNS]
    assert table["crops"].nunique() == 1, "all have seen equally many"


def test_the_readme_says_what_the_ladder_says():
    ladder = pd.read_csv(photos.WEIGHTS / "photos_ladder.csv")
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    rows = re.findall(r"^\|[^|]+\| \d+ x \d+ \| (\d+) \| (0\.\d+) \| (0\.\d+) \|", readme, re.MULTILINE)
    assert len(rows) == 10
    for epochs, ap, ap50 in rows:
        same = ladder[ladder["epochs_of_photographs"] == int(epochs)]
        near = (same["AP"] - float(ap)).abs().lt(6e-4) & (same["AP50"] - float(ap50)).abs().lt(6e-4)
        assert near.any(), (epochs, ap, ap50)
