"""A pose network as one ONNX file, for programs without PyTorch."""

import contextlib
import importlib.util
import io
import json
import logging
import warnings
from pathlib import Path

import torch

from hpe_lib.data.crops import MEAN, STD
from hpe_lib.machine import write_atomically
from hpe_lib.models import heatmaps_of
from hpe_lib.skeleton import KEYPOINTS


class Heatmaps(torch.nn.Module):
    """What a network says in one tensor, whatever else it returns."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, images):
        return heatmaps_of(self.model, images)


def export_onnx(model, path):
    """Write a pose network as ONNX: `images` (N, 3, H, W), normalised as the network wants them, to `heatmaps`.

    N is free; H and W are those of `model.input_wh`. One file, weights inside, float32. Its notes (metadata) say how to
    normalise, in which order the channels come, and the keypoints' names. OSError where onnxscript is not installed.
    """
    path = Path(path)
    if path.suffix != ".onnx":
        raise ValueError(f"{path}: an exported network's name ends in .onnx")
    if not all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript")):
        raise OSError("to export a network, PyTorch needs two packages more: pip install onnx onnxscript")
    width, height = model.input_wh
    example, several = torch.zeros(2, 3, height, width), {0: torch.export.Dim.DYNAMIC}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        names = {"input_names": ["images"], "output_names": ["heatmaps"]}
        network = Heatmaps(model.cpu().eval())
        program = torch.onnx.export(network, (example,), dynamo=True, dynamic_shapes=(several,), verbose=False, **names)
    notes = {"mean": MEAN, "std": STD, "channels": getattr(model, "channel_order", "rgb"), "keypoints": KEYPOINTS}
    notes |= {"stride": model.stride, "input": "pixels / 255, minus mean, divided by std"}
    program.model.metadata_props.update({name: json.dumps(value) for name, value in notes.items()})
    content = program.model_proto.SerializeToString()
    write_atomically(lambda file: file.write(content), path)
