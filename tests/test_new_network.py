"""The library's promise to an engineer: a new network and a new loss need no change in hpe_lib."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from hpe_lib import data, evaluate, heatmaps, models, predict, train

RECIPE = replace(
    train.RECIPES["quick"],
    model="ten_lines",
    depth=None,
    options={"width": 8},
    input_wh=(64, 96),  # px
    epochs=5,
    batch_size=8,
    learning_rate=3e-3,
    warmup_steps=0,
)


@models.register("ten_lines")
class TenLines(nn.Module):
    """No ResNet, stride 8, and two outputs: heatmaps (N, K, H / 8, W / 8), and how many joints there are (N,)."""

    def __init__(self, width=8, num_keypoints=17):
        super().__init__()
        self.stride, self.input_wh, self.num_keypoints = 8, (64, 96), num_keypoints
        self.body = nn.Sequential(nn.Conv2d(3, width, 8, 8), nn.ReLU(), nn.Conv2d(width, width, 3, 1, 1), nn.ReLU())
        self.head, self.count = nn.Conv2d(width, num_keypoints, 1), nn.Linear(width, 1)

    def forward(self, images):
        features = self.body(images)  # (N, width, H / 8, W / 8)
        return self.head(features), self.count(features.mean(dim=(2, 3)))[:, 0]

    def heatmaps(self, images):
        return self(images)[0]


@train.losses.register
def heatmaps_and_count(model, batch, recipe):
    """A loss of one's own on both outputs, with a number of its own for the history."""
    maps, count = model(data.normalise(batch["image"]))
    size = (maps.shape[-1], maps.shape[-2])
    target, weights = heatmaps.encode(batch["keypoints"], batch["labelled"], size, model.stride, recipe.sigma)
    miscounted = (count - batch["labelled"].sum(dim=1)).abs().mean() / 17
    loss = heatmaps.heatmap_loss(maps.float(), target, weights) + 0.01 * miscounted
    return loss, {"miscounted": miscounted.detach()}


def trainer(folder):
    torch.manual_seed(0)
    name, options = RECIPE.network
    dataset = data.CropDataset(data.persons(folder, "train"), RECIPE.input_wh, RECIPE.augmentation, RECIPE.seed)
    return train.Trainer(models.build(name, **options), dataset, RECIPE, heatmaps_and_count, device="cpu")


def test_it_trains_with_its_own_loss(drawn):
    learner = trainer(drawn)
    history = train.fit(learner, progress=False)
    assert history[-1]["loss"] < history[0]["loss"] and 0 < history[-1]["miscounted"] < 2
    assert learner.model.stride == 8 and "pck" not in history[0]


def test_it_is_saved_found_again_and_resumed_to_the_last_bit(drawn, tmp_path):
    whole, first, second = trainer(drawn), trainer(drawn), trainer(drawn)
    train.fit(whole, folder=tmp_path, progress=False)
    first.epoch(progress=False)
    first.save(tmp_path / "part")
    second.resume(tmp_path / "part")
    train.fit(second, progress=False)
    again = models.load_model(tmp_path / "model.pt")
    assert isinstance(again, TenLines) and again.options == {"width": 8} and again.input_wh == (64, 96)
    for one, other, saved in zip(*(each.state_dict().values() for each in (whole.model, second.model, again))):
        assert torch.equal(one, other) and torch.equal(one, saved)


def test_it_is_evaluated_and_predicts(drawn, tmp_path):
    models.save_model(trainer(drawn).model, tmp_path / "model.pt", half=True)
    model = models.load_model(tmp_path / "model.pt")
    metrics, results = evaluate.evaluate_model(model, drawn)
    assert set(metrics) == set(evaluate.METRICS) and len(results) > 0
    person = data.persons(drawn, "val")[0]
    image = data.read_image(person.file)
    pose = predict.predict_image(model, image, [person.box])[0]  # (17, 3)
    assert pose.shape == (17, 3) and (pose[:, :2] > -50).all() and (pose[:, 0] < image.shape[1] + 50).all()


def test_names_and_options_that_do_not_exist_are_said(tmp_path):
    with pytest.raises(ValueError, match=r"no network is called 'elven'.*simple_baseline.*ten_lines"):
        models.build("elven")
    with pytest.raises(ValueError, match=r"'ten_lines' cannot be built with .*wide"):
        models.build("ten_lines", wide=3)
    with pytest.raises(ValueError, match="make it with models.build"):
        models.save_model(TenLines(), tmp_path / "nameless.pt")
    models.save_model(models.build("ten_lines"), tmp_path / "own.pt")
    code = "import sys; from hpe_lib import models; models.load_model(sys.argv[1])"  # where nobody registered it
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "own.pt"], capture_output=True, text=True)
    assert done.returncode and "no network is called 'ten_lines'" in done.stderr


def test_the_commands_take_a_network_and_a_loss_by_name(drawn, tmp_path):
    module = ["--module", "tests.test_new_network"]  # a program of the engineer's own, which registers both
    named = {"model": "ten_lines", "depth": "None", "options": "{'width': 4}", "loss": "heatmaps_and_count"}
    settings = [
        part for name, value in (named | {"input_wh": "64,96"}).items() for part in ("--set", f"{name}={value}")
    ]
    run = ["--epochs", "1", "--batch-size", "8", "--device", "cpu", "--out", tmp_path, *settings, *module]
    weights = ["--weights", tmp_path / "model.pt", *module]
    for command, arguments in (("train", run), ("evaluate", weights)):
        words = [sys.executable, "-m", f"hpe_lib.{command}", "--data", drawn, *arguments]
        done = subprocess.run([*map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert models.load_model(tmp_path / "model.pt").options == {"width": 4}
