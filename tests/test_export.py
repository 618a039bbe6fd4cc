"""A network in a file of its own says what the network says."""

import importlib.util
import json

import numpy as np
import pytest
import torch

from hpe_lib import models, predict
from hpe_lib.predict import __main__ as command

ABSENT = [name for name in ("onnx", "onnxscript", "onnxruntime") if importlib.util.find_spec(name) is None]
needs_onnx = pytest.mark.skipif(bool(ABSENT), reason=f"not installed: {', '.join(ABSENT)}")


@needs_onnx
@pytest.mark.parametrize("name", ["tiny", "photos", "hourglass", "vit"])
def test_the_file_says_what_the_network_says_for_any_number_of_people(name, tmp_path):
    import onnxruntime

    model, file = models.load_model(name).eval(), tmp_path / "pose.onnx"
    predict.export_onnx(model, file)
    assert [path.name for path in tmp_path.iterdir()] == ["pose.onnx"]  # one file
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    width, height = model.input_wh
    for count in (1, 2, 5):
        images = torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(count))
        (found,) = session.run(["heatmaps"], {"images": images.numpy()})
        with torch.no_grad():
            expected = models.heatmaps_of(model, images).numpy()
        assert found.shape == expected.shape and np.abs(found - expected).max() < 1e-3
    notes = session.get_modelmeta().custom_metadata_map
    assert json.loads(notes["mean"]) == [0.485, 0.456, 0.406] and json.loads(notes["keypoints"])[0] == "nose"


@needs_onnx
def test_the_command_exports_and_asks_for_no_photograph(tmp_path, capsys):
    command.main(["--export", str(tmp_path / "pose.onnx"), "--weights", "tiny"])
    assert (tmp_path / "pose.onnx").stat().st_size > 1e6
    assert "images (N, 3, 128, 96) -> heatmaps" in capsys.readouterr().out


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    model = models.load_model("tiny")
    with pytest.raises(ValueError, match=r"pose.pt: an exported network's name ends in .onnx"):
        predict.export_onnx(model, tmp_path / "pose.pt")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(OSError, match="pip install onnx onnxscript"):
        predict.export_onnx(model, tmp_path / "pose.onnx")
    assert not list(tmp_path.iterdir())
