"""What takes minutes: `pytest -m slow tests/test_slow.py`."""

import json

import pytest

from tests.conftest import shared
from tests.test_commands import run


@pytest.mark.slow
def test_a_resnet_18_learns_the_people_of_photographs_by_heart(tmp_path):
    """Crop, target, loss, decoding and scoring of real photographs together: AP 0.90 on the very people it learnt."""
    root = shared("data", "coco-mini")
    out, metrics = tmp_path / "run", tmp_path / "metrics.json"
    done = run(
        "hpe_lib.train", "--recipe", "quick", "--depth", "18", "--data", root, "--out", out, "--epochs", "120",
        "--batch-size", "16", "--set", "learning_rate=0.001", "--set", "mirror_prob=0", "--validate-every", "0",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = run(
        "hpe_lib.evaluate", "--weights", out / "model.pt", "--data", root, "--split", "train", "--no-flip",
        "--refine", "dark", "--json", metrics,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert json.loads(metrics.read_text())["AP"] >= 0.90, found.stdout
