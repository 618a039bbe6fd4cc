"""The four commands as a user types them, on drawn people and on real photographs, and what they say to bad input."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from hpe_lib import data, models


def run(*arguments, **environment):
    """Run `python -m ...` in a process of its own, far from the repository."""
    environment = os.environ | {"OMP_NUM_THREADS": "2", "PYTHONWARNINGS": "ignore"} | environment
    command = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env=environment, cwd=os.path.expanduser("~")
    )


def refused(*arguments):
    """The one line on which a command ends that was given something wrong."""
    done = run(*arguments)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: ")
    return line


@pytest.mark.parametrize("command", ["data", "train", "evaluate", "predict"])
def test_help(command):
    done = run(f"hpe_lib.{command}", "--help")
    assert done.returncode == 0 and f"python -m hpe_lib.{command}" in done.stdout


def chain(folder, out, picture):
    """data, train, evaluate, predict; returns what evaluate wrote."""
    checked = run("hpe_lib.data", "check", "--data", folder)
    assert checked.returncode == 0 and "people to learn from" in checked.stdout, checked.stderr
    trained = run("hpe_lib.train", "--data", folder, "--epochs", 1, "--batch-size", 8, "--out", out / "run")
    assert trained.returncode == 0 and "AP" in trained.stdout, trained.stderr
    weights = out / "run" / "model.pt"
    measured = run("hpe_lib.evaluate", "--data", folder, "--weights", weights, "--json", out / "metrics.json")
    assert measured.returncode == 0 and "70.4" in measured.stdout and "measured" in measured.stdout, measured.stderr
    drawing = out / "poses.png"
    predicted = run(
        "hpe_lib.predict",
        picture,
        "--weights",
        weights,
        "--box",
        "20,20,60,90",
        "--out",
        drawing,
        "--json",
        out / "p.json",
    )
    assert predicted.returncode == 0, predicted.stderr
    (result,) = json.loads((out / "p.json").read_text())  # COCO's result format
    assert Image.open(drawing).width > 300 and np.reshape(result["keypoints"], (17, 3)).shape and result["score"] >= 0
    return json.loads((out / "metrics.json").read_text())


def test_the_chain_on_drawn_people(drawn, tmp_path):
    metrics = chain(drawn, tmp_path, data.persons(drawn, "val")[0].file)
    assert list(metrics) == ["AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL"]


@pytest.mark.slow
def test_the_chain_on_real_photographs(photographs, photographed_boxes, tmp_path):
    assert 0 <= chain(photographs, tmp_path, data.persons(photographs, "val")[0].file)["AP"] <= 1
    weights = tmp_path / "run" / "model.pt"
    done = run(
        "hpe_lib.evaluate",
        "--data",
        photographs,
        "--weights",
        weights,
        "--boxes",
        photographed_boxes,
        "--no-flip",
        "--results",
        tmp_path / "r.json",
    )
    assert done.returncode == 0 and "detector boxes" in done.stdout.splitlines()[-1], done.stderr
    assert 0 < len(json.loads((tmp_path / "r.json").read_text())) <= 34


def test_drawing_a_set_of_any_size(tmp_path):
    done = run("hpe_lib.data", "draw", "--out", tmp_path / "own", "--train-images", 2, "--val-images", 1)
    assert done.returncode == 0 and "train: 2 images" in done.stdout and "val: 1 images" in done.stdout, done.stderr


def test_bad_input_ends_in_one_clear_line(drawn, tmp_path):
    assert "nowhere" in refused("hpe_lib.evaluate", "--data", tmp_path / "nowhere")
    assert "give a file" in refused("hpe_lib.evaluate", "--data", drawn, "--weights", tmp_path / "none.pt")
    models.save_model(models.simple_baseline("tiny", num_keypoints=3), tmp_path / "three.pt")
    assert "no image" in refused("hpe_lib.predict", tmp_path / "none.jpg")
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8 not really")
    assert "bad.jpg is not a readable image" in refused("hpe_lib.predict", tmp_path / "bad.jpg")
    picture = data.persons(drawn, "val")[0].file
    assert "no part inside" in refused("hpe_lib.predict", picture, "--box", "5000,0,10,10", "--out", tmp_path / "x.png")
    assert "none.json: no such file" in refused("hpe_lib.evaluate", "--data", drawn, "--boxes", tmp_path / "none.json")
    assert not (tmp_path / "x.png").exists()
