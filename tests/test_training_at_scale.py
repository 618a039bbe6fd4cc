"""Training where it gets large: several processes, parts of batches, number formats, kills, memory, other recipes."""

import itertools
import json
import os
import platform
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hpe_lib import data, models, train
from hpe_lib.data import crops, kept
from hpe_lib.train import __main__ as command_line
from hpe_lib.train import checkpoint, precision, recipes, settings

RECIPE = replace(train.RECIPES["quick"], epochs=3, batch_size=8, warmup_steps=0, learning_rate=3e-4)


def learner(folder, recipe=RECIPE, kind="float32", **options):
    torch.manual_seed(0)
    people = data.persons(folder, "train")[:24]
    dataset = data.CropDataset(people, recipe.input_wh, recipe.augmentation, recipe.seed)
    return train.Trainer(models.simple_baseline("tiny"), dataset, recipe, device="cpu", precision=kind, **options)


def losses(trainer, steps):
    """The losses of some steps with batch norm at rest, so that a batch's parts do not see each other."""
    trainer.network.eval()
    found = []
    while len(found) < steps:
        found += [float(trainer.step(batch)["loss"]) for batch in trainer.loader][: steps - len(found)]
    return np.array(found)


PROCESS = """
import sys, numpy as np, torch
from hpe_lib.train import parallel
from tests.test_training_at_scale import learner, losses
parallel.start()
torch.set_num_threads(1)
mine = losses(learner(sys.argv[1]), 10)
everyone = np.mean(parallel.gather(mine), axis=0)
if parallel.rank() == 0:
    np.save(sys.argv[2], everyone)
parallel.stop()
"""


def torchrun(*arguments, **environment):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()} | environment
    return subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, env=environment)


@pytest.mark.slow
def test_two_processes_train_as_one(drawn, tmp_path):
    script = tmp_path / "process.py"
    script.write_text(PROCESS)
    done = torchrun(script, drawn, tmp_path / "losses.npy")
    assert done.returncode == 0, done.stderr
    alone = losses(learner(drawn), 10)
    np.testing.assert_allclose(np.load(tmp_path / "losses.npy"), alone, rtol=1e-5)
    assert alone[-1] < alone[0]


@pytest.mark.slow
def test_the_command_on_two_processes(drawn, tmp_path):
    out = tmp_path / "run"
    done = torchrun("-m", "hpe_lib.train", "--data", drawn, "--epochs", 1, "--batch-size", 8, "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("2 processes") == 1 and done.stdout.count("AP75") == 1
    assert {file.name for file in out.iterdir()} - {".lock"} == {"last.pt", "model.pt", "history.csv", "curve.png"}
    done = torchrun("-m", "hpe_lib.train", "--data", drawn, "--batch-size", 7, "--out", out, "--overwrite")
    assert done.returncode and "multiple of 2" in done.stderr


def test_parts_of_a_batch_give_the_gradient_of_the_whole(drawn):
    whole, parts = losses(learner(drawn), 6), losses(learner(drawn, accumulate=3), 6)
    np.testing.assert_allclose(whole, parts, rtol=1e-5)


@pytest.mark.parametrize(("units", "kind"), [(True, "bf16"), (False, "float32")])
def test_a_processor_computes_in_bf16_only_where_that_is_fast(monkeypatch, units, kind):
    monkeypatch.setattr(precision, "processor_multiplies_bf16", lambda: units)
    assert precision.precision_for(torch.device("cpu")) == kind
    assert precision.precision_for(torch.device("mps")) == "float32"
    assert precision.precision_for(torch.device("cpu"), "float32") == "float32"
    assert models.simple_baseline("tiny").eval()(torch.zeros(1, 3, 128, 96)).dtype == torch.float32
    with precision.mixed_precision(torch.device("cpu")):
        found = models.simple_baseline("tiny").eval()(torch.zeros(1, 3, 128, 96)).dtype
    assert found == (torch.bfloat16 if units else torch.float32)


@pytest.mark.parametrize("kind", ["bf16", "fp16"])
def test_half_precision_stays_near(drawn, kind):
    exact, rough = losses(learner(drawn), 2), losses(learner(drawn, kind=kind), 2)  # fp16 crawls on CPUs
    assert not np.array_equal(exact, rough)
    np.testing.assert_allclose(exact, rough, rtol=0.05)


def test_too_little_memory_says_what_to_try(drawn, monkeypatch):
    big = learner(drawn)
    monkeypatch.setattr(big.model, "forward", lambda images: (_ for _ in ()).throw(checkpoint.OutOfMemory("no")))
    with pytest.raises(ValueError, match=r"batches of 8 .* --accumulate 2 .* --batch-size 4"):
        big.epoch(progress=False)


def command(drawn, out, *more):
    return [sys.executable, "-m", "hpe_lib.train", "--data", drawn, "--out", out, "--epochs", "4", "--batch-size", "8",
            "--validate-every", "0", "--device", "cpu", *more]  # fmt: skip


def curve(out):
    """What history.csv says, but for the seconds."""
    rows = (out / "history.csv").read_text().splitlines()
    return [row.split(",")[:4] for row in rows]


@pytest.mark.slow
def test_killed_at_any_moment_and_resumed_it_is_the_same_run(drawn, tmp_path):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run(command(drawn, whole), check=True, capture_output=True, env=environment)
    process = subprocess.Popen(command(drawn, broken), env=environment, stderr=subprocess.DEVNULL)
    while process.poll() is None and saved(broken) < 2:
        time.sleep(0.01)
    time.sleep(np.random.default_rng().uniform(0, 0.3))
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = subprocess.run(command(drawn, broken, "--resume"), capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert curve(whole) == curve(broken) and len(curve(whole)) == 5
    one, other = (torch.load(out / "model.pt")["state_dict"] for out in (whole, broken))
    assert all(torch.equal(one[name], other[name]) for name in one)
    with pytest.raises(ValueError, match=r"sigma 1.5 \(now 3\)"):
        learner(drawn, replace(command_line.parse(list(map(str, command(drawn, broken)[3:])))[1], sigma=3)).resume(
            broken
        )


def saved(out):
    """How many epochs the checkpoint in a folder holds."""
    file = out / "last.pt"
    return len(torch.load(file)["history"]) if file.is_file() else 0


def test_modern_differs_from_the_published_recipe_where_it_says_so_and_each_step_can_be_taken_back():
    modern, xiao = recipes.RECIPES["modern"], recipes.RECIPES["simple_baselines"]
    back = {name: getattr(xiao, name) for name in recipes.Recipe.__dataclass_fields__ if name != "augmentation"}
    assert settings.changed(modern, back | {"half_body_prob": 0.0, "translate": 0.0}) == xiao
    _, recipe = command_line.parse(["--recipe", "modern", "--set", "half_body_prob=0", "--set", "unbiased=false"])
    assert recipe.augmentation.half_body_prob == 0 and recipe.unbiased is False and recipe.refine == "dark"
    with pytest.raises(ValueError, match=r"no setting 'sigm'; it has .*sigma"):
        settings.changed(xiao, {"sigm": 2})
    assert command_line.parse(["--set", "input_wh=160,224"])[1].input_wh == (160, 224)
    for wrong in ("144,192", "192", "0,32", "96.0,128", "192x256"):
        with pytest.raises(ValueError, match="whole multiples of 32 px"):
            command_line.parse(["--set", f"input_wh={wrong}"])
    with pytest.raises(ValueError, match="'steps' and 'cosine'"):
        command_line.parse(["--set", "schedule=cosin"])


def test_half_a_body_fills_the_frame_and_moves_stay_small(drawn):
    person = max(data.persons(drawn, "train"), key=lambda person: (person.keypoints[:, 2] > 0).sum())
    labelled = person.keypoints[:, 2] > 0
    half = data.Augmentation(half_body_prob=1.0)
    sizes = set()
    for seed in range(20):
        center, size = half.frame(person.box, person.keypoints, 0.75, np.random.default_rng(seed))
        low, high = center - size / 2, center + size / 2
        inside = ((person.keypoints[:, :2] >= low) & (person.keypoints[:, :2] <= high)).all(axis=1) & labelled
        assert inside[:11].sum() == labelled[:11].sum() or inside[11:].sum() == labelled[11:].sum()
        assert size[0] / size[1] == pytest.approx(0.75)
        sizes.add(size[0])
    assert len(sizes) == 2  # the upper half's and the lower half's
    upright = replace(person, keypoints=person.keypoints * [0, 1, 1] + [20, 0, 0])  # all joints in one column
    center, size = half.frame(upright.box, upright.keypoints, 0.75, np.random.default_rng(0))
    assert (size > 0).all() and size[0] / size[1] == pytest.approx(0.75)
    center, size = data.Augmentation().frame(person.box, person.keypoints, 0.75, np.random.default_rng(0))
    moved = [
        data.Augmentation(translate=0.16, translate_prob=1.0).frame(
            person.box, person.keypoints, 0.75, np.random.default_rng(s)
        )
        for s in range(50)
    ]
    offsets = np.array([(middle - center) / size for middle, _ in moved])
    assert np.abs(offsets).max() == pytest.approx(0.16) and np.abs(offsets).min() < 0.05


@pytest.mark.slow
def test_kept_images_and_workers_change_no_loss(drawn, tmp_path):
    plain, kept = tmp_path / "plain", tmp_path / "kept"
    wide = ["--recipe", "photos", "--depth", "tiny", "--epochs", "2", "--set", "input_wh=96,128"]
    for out, more in ((plain, []), (kept, ["--cache", tmp_path / "images", "--workers", "2"])):
        done = subprocess.run([*map(str, command(drawn, out, *wide, *more))], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert curve(plain) == curve(kept)
    assert (tmp_path / "images").is_dir()


def test_people_of_an_image_come_together_and_it_is_read_once(drawn, monkeypatch):
    people = data.persons(drawn, "train")
    files = [str(person.file) for person in people]
    assert 3 < len(set(files)) < len(files)
    recipe = replace(RECIPE, batch_size=1, group_by_image=True)
    dataset = data.CropDataset(people, recipe.input_wh, read=data.LastImage())
    made = train.Trainer(models.simple_baseline("tiny"), dataset, recipe, device="cpu")
    batches = made.loader.batch_sampler
    orders = []
    for batches.epoch in (0, 1):
        orders.append([index for batch in batches for index in batch])
        assert sorted(orders[-1]) == list(range(len(people)))
        assert len(list(itertools.groupby(files[index] for index in orders[-1]))) == len(set(files))
    assert orders[0] != orders[1] and [files[i] for i in orders[0]] != [files[i] for i in orders[1]]
    read, reader = [], crops.read_image
    monkeypatch.setattr(kept, "read_image", lambda file: read.append(file) or reader(file))
    for _ in made.loader:
        pass
    assert sorted(read) == sorted(set(files))


MEMORY_OF_WORKERS = """
import sys
from dataclasses import replace
from pathlib import Path
from hpe_lib import data, models, train

def private_megabytes(process):  # memory that it shares with nobody
    lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private")) / 1000

person = data.persons(sys.argv[1], "train")[0]
people = [replace(person, keypoints=person.keypoints.copy(), box=person.box.copy()) for _ in range(30_000)]
image = data.read_image(person.file)
recipe = replace(train.RECIPES["quick"], input_wh=(32, 32), batch_size=64, augmentation=data.Augmentation())
dataset = data.CropDataset(people, recipe.input_wh, recipe.augmentation, read=lambda file: image)
trainer = train.Trainer(models.simple_baseline("tiny"), dataset, recipe, device="cpu", workers=2)
found, batches = [], iter(trainer.loader)
for _ in batches:
    if not found:
        found.append([private_megabytes(worker) for worker in batches._workers])
for _ in range(2):  # epochs; the workers stay the same
    found.append([private_megabytes(worker) for worker in batches._workers])
    for _ in (batches := iter(trainer.loader)):
        pass
print(found)  # after the first batch, after one epoch, after two: of each worker
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux tells a process's own memory")
def test_memory_is_flat_over_epochs_and_workers(drawn):
    # A process of its own: what other tests left in this one's memory would count too
    done = subprocess.run([sys.executable, "-c", MEMORY_OF_WORKERS, str(drawn)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = np.array(json.loads(done.stdout.splitlines()[-1]))
    assert np.abs(found - found[0]).max() < 5, found  # 1.1 was found; where workers copy the people, 8 to 10


FREED_MEMORY = """
import resource, sys, torch
from hpe_lib import machine
if sys.argv[1] == "keep":
    machine.keep_freed_memory()
for _ in range(20):  # the first few find no place that is free and large enough
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.zeros(25_000_000)  # 100 MB, freed at once
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only there it can be asked for")
def test_freed_memory_is_not_fetched_again():
    def pages(what):
        done = subprocess.run([sys.executable, "-c", FREED_MEMORY, what], capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert 3 * pages("keep") < pages("usual")  # 0 and 24,400 here, with pages of 4 kB


def test_an_augmentation_says_what_it_does():
    assert str(data.Augmentation()) == "scale 0.3, rotation 40, rotation_prob 0.6, mirror_prob 0.5"
    assert str(data.MIRROR_ONLY) == "mirror_prob 0.5"
    assert str(data.Augmentation(0, 0, mirror_prob=0, translate=0.1)) == "translate 0.1, translate_prob 0.3"
    assert str(data.Augmentation(0, 0, mirror_prob=0)) == "nothing"


def test_colours_change_and_a_rectangle_covers(drawn):
    def painted(augmentation, seed=0):
        crop = np.full((3, 128, 96), 128, np.uint8)
        augmentation.paint(crop, np.random.default_rng(seed))
        return crop

    assert (painted(data.Augmentation()) == 128).all()
    tinted = painted(data.Augmentation(color=0.2))
    assert all(len(np.unique(channel)) == 1 for channel in tinted) and len(np.unique(tinted)) == 3
    assert tinted.min() >= 128 * 0.8 - 51 and tinted.max() <= 128 * 1.2 + 51
    covered = painted(data.Augmentation(erase_prob=1.0), seed=1)
    changed = (covered != 128).any(axis=0)
    rows, columns = changed.any(axis=1), changed.any(axis=0)
    assert changed.sum() == rows.sum() * columns.sum()  # one rectangle
    assert 0.2 * 128 - 1 <= rows.sum() <= 64 and 0.2 * 96 - 1 <= columns.sum() <= 48
