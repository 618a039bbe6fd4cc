"""Weights in files: ours, the official ones and OpenMMLab's, and ImageNet's through torchvision."""

import os
import tempfile
from pathlib import Path

import torch

from hpe_lib.models.simple_baseline import simple_baseline

SHIPPED = Path(__file__).parents[1] / "weights"
PREFIXES = ("module.", "backbone.", "keypoint_head.", "head.")  # DataParallel's, then OpenMMLab's


def shipped_names():
    """The names of the weights that come with the course."""
    return sorted(path.stem for path in SHIPPED.glob("*.pt"))


def read_file(path_or_name):
    """Read a weight file, tensors and plain values only, into {"state_dict": ..., "meta": ...}."""
    path = SHIPPED / f"{path_or_name}.pt" if str(path_or_name) in shipped_names() else Path(path_or_name)
    if not path.is_file():
        raise FileNotFoundError(
            f"no weights at {path}: give a file, or one of the names that come with the course: "
            f"{', '.join(shipped_names())} (and 'imagenet' for a backbone)"
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen types here, from EOFError to UnpicklingError
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} is not a readable weight file ({reason}): download or save it again") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}, not a dictionary of weights")
    meta = content.get("meta") if isinstance(content.get("meta"), dict) else {}
    return {"state_dict": content.get("state_dict", content), "meta": meta, "path": path}


def plain_name(key):
    """Drop the prefixes that wrappers put before a parameter's name."""
    for prefix in PREFIXES:
        key = key.removeprefix(prefix)
    return key


def _imagenet(model):
    """torchvision's ImageNet weights for a backbone's depth, without the classifier where `model` has none."""
    from torchvision.models import get_model_weights

    if model.depth == "tiny":
        raise ValueError("there are no ImageNet weights for depth 'tiny': choose 18, 34, 50, 101 or 152")
    state = get_model_weights(f"resnet{model.depth}").IMAGENET1K_V1.get_state_dict(progress=True, check_hash=True)
    if hasattr(model, "fc"):
        return state
    head = {key: value for key, value in model.state_dict().items() if key.startswith(("deconv_layers", "final_layer"))}
    return {key: value for key, value in state.items() if not key.startswith("fc.")} | head


def load_weights(model, path_or_name):
    """Fill a network with weights and return it.

    path_or_name: a file (ours, an official one, or OpenMMLab's), the name of weights that come with the course
    ("tiny"), or "imagenet" for torchvision's backbone weights (the pose head keeps its random start).
    Raises FileNotFoundError, or ValueError that lists missing, unknown and mismatching parameters.
    """
    if path_or_name == "imagenet":
        state, source = _imagenet(model), "torchvision's ImageNet weights"
    else:
        content = read_file(path_or_name)
        state, source = {plain_name(key): value for key, value in content["state_dict"].items()}, content["path"]
    own = model.state_dict()
    counters = {key for key in own if key.endswith("num_batches_tracked")}  # files from before 2018 lack them
    wrong = {
        "missing": [key for key in own if key not in state and key not in counters],
        "unknown": [key for key in state if key not in own],
        "of another shape": [
            f"{key} {tuple(state[key].shape)} instead of {tuple(own[key].shape)}"
            for key in own
            if key in state and state[key].shape != own[key].shape
        ],
    }
    if any(wrong.values()):
        found = "; ".join(
            f"{len(keys)} {kind}: {', '.join(keys[:4])}{' ...' if len(keys) > 4 else ''}"
            for kind, keys in wrong.items()
            if keys
        )
        raise ValueError(f"{source} does not fit this network of depth {model.depth!r}: {found}. Check depth and head.")
    model.load_state_dict(state, strict=False)
    return model


def load_model(path_or_name, depth=None):
    """Build the pose network that a file describes, and load it, ready for evaluation.

    Our own files say their depth and input size; for others give `depth`. Errors as `load_weights`.
    """
    meta = read_file(path_or_name)["meta"]
    depth = meta.get("depth", depth)
    if depth is None:
        raise ValueError(f"{path_or_name} does not say its depth: name it (--depth 50)")
    model = load_weights(simple_baseline(depth, meta.get("num_keypoints", 17)), path_or_name)
    model.input_wh = tuple(meta.get("input_wh", model.input_wh))
    return model.eval()


def save_atomically(content, path):
    """torch.save that leaves the old file or the new one, never half of one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save(content, file)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def save_model(model, path, half=False, **meta):
    """Write a pose network and what it is (depth, input size, anything in `meta`); half: float16, half the size."""
    state = {
        key: value.half() if half and value.is_floating_point() else value for key, value in model.state_dict().items()
    }
    about = {"depth": model.depth, "input_wh": list(model.input_wh), "num_keypoints": model.final_layer.out_channels}
    save_atomically({"state_dict": state, "meta": about | meta}, path)
