"""Weights in files: ours, the official ones and OpenMMLab's, and ImageNet's through torchvision."""

import io
import pickle
import re
from pathlib import Path

import torch

from hpe_lib.machine import write_atomically
from hpe_lib.models import published
from hpe_lib.models.registry import build

SHIPPED = Path(__file__).parents[1] / "weights"
PREFIXES = ("module.", "backbone.", "keypoint_head.", "head.")  # DataParallel's, then OpenMMLab's


def shipped_names():
    """The names of the weights that come with the course."""
    return sorted(path.stem for path in SHIPPED.glob("*.pt"))


class StandIn:
    """Takes the place of an object that a file holds beside its tensors: nothing of that object is made or run."""

    def __init__(self, *_):
        pass

    def __setstate__(self, _):
        pass


STAND_INS = [  # what OpenMMLab's files may hold in their notes: NumPy's numbers and arrays, and its curves
    type(name, (StandIn,), {"__module__": module})
    for module, name in (
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("mmengine.logging.history_buffer", "HistoryBuffer"),
    )
]


def _locate(path_or_name):
    """The file of a path or name, downloaded where it must be. FileNotFoundError lists the names."""
    if str(path_or_name) in shipped_names():
        return SHIPPED / f"{path_or_name}.pt"
    if str(path_or_name) in published.names():
        return published.locate(str(path_or_name))
    path = Path(path_or_name).expanduser()
    if str(path_or_name) == "imagenet":
        raise ValueError("imagenet names a backbone without a pose head: train from it (--pretrained imagenet)")
    if not path.is_file():
        raise FileNotFoundError(
            f"no weights at {path}: give a file, or one of the names {', '.join(shipped_names())} (come with the "
            f"course), imagenet (a backbone), {', '.join(published.names())} (published)"
        )
    return path


def read_file(path_or_name):
    """Read a weight file, tensors and plain values only, into {"state_dict": ..., "meta": ..., "path": ...}.

    Raises ValueError for what is no weight file, and for a file that asks for anything else to be made or run.
    """
    path = _locate(path_or_name)
    content = read_tensors(path, "weight file")
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}, not a dictionary of weights")
    meta = content.get("meta") if isinstance(content.get("meta"), dict) else {}
    state = content.get("state_dict", content)
    other = (
        [key for key, value in state.items() if not isinstance(value, torch.Tensor)] if isinstance(state, dict) else []
    )
    if other or not isinstance(state, dict):
        raise ValueError(f"{path} is no state dict: not a tensor is {', '.join(map(str, other[:4])) or 'the whole'}")
    for key, value in state.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise ValueError(f"{path}: {key} holds NaN or infinite numbers, the end of a run that failed: take another")
    return {"state_dict": state, "meta": meta, "path": path}


def read_tensors(path, what, device="cpu"):
    """What torch saved into a file, as long as it is tensors and plain values; nothing in the file is ever run.

    ValueError names the file: not readable as `what`, or refused.
    """
    allowed = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()  # what the program itself has allowed does not count here
    try:
        with torch.serialization.safe_globals(STAND_INS):
            return torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises half a dozen types here, from EOFError to UnpicklingError
        asked = re.search(r"GLOBAL ([\w.]+)", str(error))
        if isinstance(error, pickle.UnpicklingError) and asked:
            raise ValueError(
                f"{path} asks for {asked[1]} while it is read, and such a file could run any code: refused. Weights "
                f"need tensors only; get the file from its source, or ask its author for a plain state dict"
            ) from None
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "weights_only" in str(error):  # torch would advise to switch the guard off
            reason = "it is damaged, or holds more than tensors and plain values"
        raise ValueError(f"{path} is not a readable {what} ({reason}): download or save it again") from None
    finally:
        torch.serialization.add_safe_globals(allowed)


def plain_name(key):
    """Drop the prefixes that wrappers put before a parameter's name."""
    for prefix in PREFIXES:
        key = key.removeprefix(prefix)
    return key


def _imagenet(model):
    """torchvision's ImageNet weights for a backbone's depth, without the classifier where `model` has none."""
    from torchvision.models import get_model_weights

    depth = {"cut50": 50}.get(model.depth, model.depth)
    if isinstance(depth, str):
        raise ValueError(f"there are no ImageNet weights for depth {depth!r}: choose 18, 34, 50, 101, 152 or cut50")
    source = get_model_weights(f"resnet{depth}").IMAGENET1K_V1
    try:
        state = source.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        place = Path(torch.hub.get_dir()) / "checkpoints" / Path(source.url).name
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"no ImageNet weights for depth {model.depth} ({reason}): delete {place} where it is damaged, or fetch "
            f"{source.url} by other means and put it there"
        ) from None
    if hasattr(model, "fc"):
        return state
    own = model.state_dict()
    head = {key: value for key, value in own.items() if key.startswith(("deconv_layers", "final_layer"))}
    return {key: value for key, value in state.items() if key in own} | head


def load_weights(model, path_or_name, channels="auto"):
    """Fill a network with weights and return it. Whatever the file, the network then takes normalised RGB.

    path_or_name: a file (ours, an official one, or OpenMMLab's), the name of weights that come with the course
    ("tiny"), of published ones ("openmmlab/res50-256x192"; downloaded once), or "imagenet" for torchvision's backbone
    weights (the pose head keeps its random start).
    channels: the order that the weights learnt, "rgb" or "bgr"; "auto" believes what the file says, then the name it
    was published under (the authors' pose_resnet_*.pth.tar learnt BGR), else RGB. The tensors are never changed.
    Raises FileNotFoundError, OSError without a connection, or ValueError that lists missing, unknown and mismatching
    parameters.
    """
    if path_or_name == "imagenet":
        own = getattr(model, "imagenet", lambda: _imagenet(model))  # a network may know its own source
        content = {"state_dict": own(), "meta": {}, "path": "ImageNet's weights"}
    else:
        content = read_file(path_or_name)
    return _fill(model, content, published.find(path_or_name), channels)


def _fill(model, content, entry, channels):
    """Put what `read_file` gave into a network; entry: how it was published, where it was."""
    own = model.state_dict()  # whose names may begin as a wrapper's prefix does: "head.weight"
    state = {key if key in own else plain_name(key): value for key, value in content["state_dict"].items()}
    _compare_names(model, state, content["path"])
    model.load_state_dict(state, strict=False)
    meta, path = content["meta"], content["path"]
    if "model" in meta or "recipe" in meta:  # ours, whatever its name
        entry = None
    if channels == "auto":
        channels = meta.get("channels", entry.channels if entry else "rgb")
    model.channel_order = checked_channels(channels)
    if hasattr(model, "input_wh"):
        model.input_wh = checked_size(meta.get("input_wh", entry.input_wh if entry else model.input_wh), path)
    return model


def checked_size(input_wh, path):
    """(W, H) px of a network's input, as a file says it; ValueError names the file."""
    if (
        not isinstance(input_wh, list | tuple)
        or len(input_wh) != 2
        or not all(type(n) is int and n > 0 for n in input_wh)
    ):
        raise ValueError(f"{path} says that its input_wh is {input_wh!r}: two whole numbers of px are wanted")
    return tuple(input_wh)


def checked_channels(order):
    """ "rgb" or "bgr", else ValueError."""
    if order not in ("rgb", "bgr"):
        raise ValueError(f"channels are 'rgb' or 'bgr', got {order!r}")
    return order


def _compare_names(model, state, source):
    """ValueError that lists what of a state dict does not fit a network."""
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
        raise ValueError(f"{source} does not fit {described(model)}: {found}. Check depth and head.")


def described(model):
    """A network in a few words, for messages: its name and options, where `build` made it."""
    depth = f"depth {model.depth!r}" if hasattr(model, "depth") else type(model).__name__
    return f"this network ({getattr(model, 'name', type(model).__name__)}, {depth})"


def load_model(path_or_name, depth=None, channels="auto"):
    """Build the pose network that a file describes, and load it, ready for evaluation.

    Our own files say which network they hold (`save_model`), published ones their depth and input size; for others give
    `depth`. Errors as `load_weights`, and ValueError for a network that no module has registered.
    """
    content, entry = read_file(path_or_name), published.find(path_or_name)
    meta = content["meta"]
    if "model" in meta:
        name, options = meta["model"], meta.get("options")
    else:  # another's file, or one of ours from before there were other networks
        depth = meta.get("depth", depth or (entry and entry.depth))
        if depth is None:
            raise ValueError(f"{path_or_name} does not say its depth: name it (--depth 50)")
        name, options = "simple_baseline", {"depth": depth, "num_keypoints": meta.get("num_keypoints", 17)}
    if not isinstance(name, str) or not isinstance(options, dict):
        raise ValueError(
            f"{path_or_name} says that it holds {name!r} with {options!r}: a name and a dictionary are wanted"
        )
    try:
        model = build(name, **options)
    except (ValueError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path_or_name} describes a network that cannot be built: {reason}") from None
    return _fill(model, content, entry, channels).eval()


def save_atomically(content, path):
    """torch.save that leaves the old file or the new one, never half of one; OSError where the disk is full."""
    with io.BytesIO() as memory:  # written to a disk that fills up, torch's own words would not say so
        torch.save(content, memory)
        write_atomically(lambda file: file.write(memory.getvalue()), path)


def save_model(model, path, half=False, **meta):
    """Write a network that `build` made, and what it is: name, options, input size, channel order, anything in `meta`.

    half: float16, half the size.
    """
    if not hasattr(model, "name"):
        raise ValueError(f"{type(model).__name__} has no name to be saved under: make it with models.build(name, ...)")
    state = {
        key: value.half() if half and value.is_floating_point() else value for key, value in model.state_dict().items()
    }
    about = {"model": model.name, "options": model.options, "channels": getattr(model, "channel_order", "rgb")}
    if hasattr(model, "input_wh"):
        about["input_wh"] = list(model.input_wh)
    save_atomically({"state_dict": state, "meta": about | meta}, path)
