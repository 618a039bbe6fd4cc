import math
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from hpe_lib import data, grouping, heatmaps, machine, models, train

RECIPE = replace(train.RECIPES["quick"], epochs=3, batch_size=8, warmup_steps=0)


def crops(folder, recipe=RECIPE):
    people = data.persons(folder, "train")[:24]
    return data.CropDataset(people, recipe.input_wh, recipe.augmentation, recipe.seed)


def trainer(folder, recipe=RECIPE, **options):
    torch.manual_seed(0)
    return train.Trainer(models.simple_baseline("tiny"), crops(folder, recipe), recipe, device="cpu", **options)


def test_the_published_recipe_is_the_published_one():
    xiao = train.RECIPES["simple_baselines"]
    assert (xiao.depth, xiao.input_wh, xiao.batch_size, xiao.epochs) == (50, (192, 256), 128, 140)
    rates = [xiao.learning_rate * train.rate_factor(xiao, epoch * 10, 10) for epoch in (0, 89, 90, 119, 120, 139)]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5])
    assert (xiao.sigma, xiao.warmup_steps, xiao.pretrained) == (2.0, 0, "imagenet")
    assert xiao.augmentation == data.Augmentation(0.3, 40, 0.6, 0.5)


def test_cosine_falls_to_zero_after_a_warm_up():
    recipe = replace(RECIPE, epochs=4, warmup_steps=5)
    factors = [train.rate_factor(recipe, step, 10) for step in range(41)]
    assert factors[0] == pytest.approx(0.2) and max(factors) == factors[4] > 0.95
    assert factors[20] == pytest.approx(0.5) and abs(factors[40]) < 1e-6
    assert factors[4:] == sorted(factors[4:], reverse=True)


class Answers:
    """A network of stride 4 whose answer is given; it keeps what it saw."""

    stride = 4

    def __init__(self, answer):
        self.answer = answer

    def __call__(self, images):
        self.seen = images
        return self.answer


@pytest.mark.parametrize("unbiased", [False, True])
def test_the_loss_of_heatmaps_is_that_of_their_targets(drawn, unbiased):
    dataset = crops(drawn)
    batch = torch.utils.data.default_collate([dataset[index] for index in range(3)])
    recipe = replace(RECIPE, unbiased=unbiased, sigma=1.7)
    model = Answers(torch.rand(3, 17, 32, 24))
    loss, numbers = train.losses.heatmap_mse(model, batch, recipe)
    target, weights = heatmaps.encode(batch["keypoints"], batch["labelled"], (24, 32), 4, 1.7, unbiased)
    assert torch.equal(loss, heatmaps.heatmap_loss(model.answer, target, weights))
    assert torch.equal(model.seen, data.normalise(batch["image"]))
    model.answer, model.channel_order = target, "bgr"
    loss, numbers = train.losses.heatmap_mse(model, batch, recipe)
    assert loss == 0 and numbers["pck"] == 1
    assert torch.equal(model.seen, data.normalise(batch["image"], "bgr"))


def test_the_loss_of_everybody_is_the_sum_of_its_parts():
    torch.manual_seed(0)
    people = torch.rand(2, 3, 17, 2) * torch.tensor([48.0, 32.0]), (torch.rand(2, 3, 17) < 0.8).float()
    batch = {"image": torch.randint(0, 256, (2, 3, 32, 48)), "keypoints": people[0], "labelled": people[1]}
    maps, fields, tags = torch.rand(2, 17, 8, 12), torch.rand(2, 19, 2, 8, 12), torch.rand(2, 17, 8, 12)
    model = Answers((maps, fields, tags))
    loss, numbers = train.losses.everybody(model, batch, replace(RECIPE, sigma=1.7))
    joints = (maps - grouping.encode_people(*people, (12, 8), 4, 1.7)).square().mean()
    limbs = (fields - grouping.encode_fields(*people, (12, 8), 4)).square().mean()
    pull, push = grouping.tag_loss(tags, *people, 4)
    assert numbers == {"joints": joints, "limbs": limbs, "pull": pull, "push": push} and min(numbers.values()) > 0
    torch.testing.assert_close(loss, joints + limbs + 0.005 * pull + 0.005 * push)
    assert torch.equal(model.seen, data.normalise(batch["image"]))


def test_one_batch_can_be_learnt_by_heart(drawn):
    learner = trainer(drawn, replace(RECIPE, learning_rate=3e-3, epochs=10**6, augmentation=None))
    batch = next(iter(learner.loader))
    learner.model.train()
    losses = [float(learner.step(batch)["loss"]) for _ in range(120)]
    assert losses[-1] < 0.35 * losses[0]


def test_an_epoch_tells_what_happened(drawn):
    learner = trainer(drawn)
    row = learner.epoch(progress=False)
    assert row["epoch"] == 1 and 0 < row["loss"] < 0.02 and 0 <= row["pck"] <= 1 and row["samples_per_second"] > 0
    assert learner.model.input_wh == (96, 128)


def test_an_epoch_counts_its_seconds_and_samples(drawn, monkeypatch):
    learner, clock = trainer(drawn), iter([100.0, 104.0])
    monkeypatch.setattr(train.trainer, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    row = learner.epoch(progress=False)
    assert row["seconds"] == 4 and row["samples_per_second"] == 24 / 4  # three batches of 8 people


def test_a_number_that_a_batch_lacks_counts_as_0(drawn):
    numbers = iter([math.nan, 1.0, 1.0])

    def loss(model, batch, recipe):
        return train.losses.heatmap_mse(model, batch, recipe)[0], {"pck": torch.tensor(next(numbers))}

    assert trainer(drawn, loss=loss).epoch(progress=False)["pck"] == pytest.approx(2 / 3)


def test_unasked_a_batch_goes_through_whole_and_the_device_that_is_named_is_taken(drawn, monkeypatch):
    monkeypatch.setattr(train.trainer, "best_device", lambda: "meta")
    learner = trainer(drawn)
    assert learner.accumulate == 1 and learner.device.type == "cpu"


def test_only_who_asks_for_it_has_a_network_compiled(drawn, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda network: compiled.append(network) or network)
    assert trainer(drawn).network not in compiled and trainer(drawn, compiled=True).network in compiled


def test_a_resumed_run_is_the_run_that_never_stopped(drawn, tmp_path):
    whole = trainer(drawn)
    train.fit(whole, folder=tmp_path / "whole", progress=False)
    first = trainer(drawn)
    first.epoch(progress=False)
    first.save(tmp_path / "part")
    second = train.Trainer(models.simple_baseline("tiny"), crops(drawn), RECIPE, device="cpu")
    second.resume(tmp_path / "part")
    train.fit(second, progress=False)
    assert [row["loss"] for row in second.history] == [row["loss"] for row in whole.history]
    for one, other in zip(whole.model.state_dict().values(), second.model.state_dict().values()):
        assert torch.equal(one, other)
    again = models.load_model(tmp_path / "whole" / "model.pt")
    assert torch.equal(again.final_layer.bias, whole.model.final_layer.bias)
    assert (tmp_path / "whole" / "history.csv").read_text().count("\n") == 4


def test_stopping_while_saving_keeps_the_old_checkpoint(drawn, tmp_path, monkeypatch):
    learner = trainer(drawn)
    learner.save(tmp_path)
    before = (tmp_path / "last.pt").read_bytes()
    monkeypatch.setattr(
        torch, "save", lambda content, file: file.write(b"half") and (_ for _ in ()).throw(OSError(28, "disk full"))
    )
    with pytest.raises(OSError):
        learner.save(tmp_path)
    assert (tmp_path / "last.pt").read_bytes() == before and not list(tmp_path.glob("*.part"))


def test_a_loss_that_explodes_is_said(drawn):
    learner = trainer(drawn)
    learner.model.final_layer.bias.data.fill_(math.nan)
    with pytest.raises(ValueError, match="lower the learning rate"):
        learner.epoch(progress=False)


def test_no_people_no_training():
    with pytest.raises(ValueError, match="no labelled people"):
        train.Trainer(models.simple_baseline("tiny"), data.CropDataset([]), RECIPE, device="cpu")


def test_a_run_is_resumed_on_its_own_people_only(drawn, tmp_path):
    first = trainer(drawn)
    first.epoch(progress=False)
    first.save(tmp_path)
    others = data.CropDataset(data.persons(drawn, "val"), RECIPE.input_wh, RECIPE.augmentation, RECIPE.seed)
    second = train.Trainer(models.simple_baseline("tiny"), others, RECIPE, device="cpu")
    with pytest.raises(ValueError, match=r"last\.pt is of a run on other people: resume with the same --data"):
        second.resume(tmp_path)


def test_two_programs_do_not_write_one_run_and_what_a_killed_one_left_goes(tmp_path):
    (tmp_path / "last.pt.abc.part").write_bytes(b"half")
    with machine.sole_writer(tmp_path):
        assert not list(tmp_path.glob("*.part"))
        code = "import sys; from hpe_lib import machine; machine.sole_writer(sys.argv[1]).__enter__()"
        done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)
        assert done.returncode and "another process is writing there" in done.stderr
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr  # its own lock went with it, too
    with machine.sole_writer(tmp_path):
        pass


def test_an_image_of_another_size_than_its_annotation_says_is_refused(drawn):
    person = replace(data.persons(drawn, "val")[0], image_wh=(10, 20))
    with pytest.raises(ValueError, match=r"px, and its annotation says 10 x 20"):
        data.CropDataset([person])[0]


def test_parts_of_a_network_learn_slower_or_not_at_all(drawn):
    """`rates` gives each part that it names a share of the learning rate; at 0 weights and batch norm stay."""
    whole = trainer(drawn)
    slow = trainer(drawn, replace(RECIPE, rates={"conv1": 0, "bn1": 0, "layer1": 0, "layer2": 0.01}))
    before = {name: value.clone() for name, value in slow.model.state_dict().items()}
    for learner in (whole, slow):
        learner.epoch(progress=False)

    def moved(learner, part):
        after = learner.model.state_dict()
        names = [name for name in before if name.startswith(part) and before[name].is_floating_point()]
        return max((after[name] - before[name]).abs().max().item() for name in names)

    for part in ("conv1", "bn1", "layer1"):
        assert moved(slow, part) == 0 < moved(whole, part)
    weight = "layer2.0.conv1.weight"
    assert 0 < moved(slow, weight) < 0.1 * moved(whole, weight)
    assert moved(slow, "final_layer.weight") > 0.3 * moved(whole, "final_layer.weight")
    assert slow.history[0]["learning_rate"] == whole.history[0]["learning_rate"]


def test_a_rate_for_a_part_that_a_network_does_not_have_is_refused(drawn):
    with pytest.raises(ValueError, match=r"rates name 'layer9', and the network's parts are conv1, bn1, relu, maxpool"):
        trainer(drawn, replace(RECIPE, rates={"layer9": 0}))
