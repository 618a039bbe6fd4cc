"""A run on the disk: saved whole after each epoch, resumed to the last bit."""

import csv
import hashlib
import io
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from hpe_lib.machine import require_room, write_atomically
from hpe_lib.models import save_model
from hpe_lib.models.weights import read_tensors, save_atomically

OutOfMemory = getattr(torch, "OutOfMemoryError", torch.cuda.OutOfMemoryError)  # the name before torch 2.5
PARTS = ("model", "optimizer", "schedule", "scaler")


def save(trainer, folder):
    """See `Trainer.save`."""
    folder = Path(folder)
    state = {name: getattr(trainer, name).state_dict() for name in PARTS}
    state |= {"history": trainer.history, "recipe": described(trainer.recipe), "data": fingerprint(trainer.dataset)}
    save_atomically(state | {"channels": getattr(trainer.model, "channel_order", "rgb")}, folder / "last.pt")
    save_model(trainer.model, folder / "model.pt", recipe=described(trainer.recipe), epochs=len(trainer.history))
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, fieldnames=list(dict.fromkeys(key for row in trainer.history for key in row)))
    writer.writeheader()
    writer.writerows(trainer.history)
    write_atomically(lambda file: file.write(table.getvalue().encode()), folder / "history.csv")


def room_for(trainer, folder):
    """OSError unless a disk has the room that `save` needs: the network and Adam's two averages, old and new."""
    size = sum(value.numel() * value.element_size() for value in trainer.model.state_dict().values())
    require_room(folder, 2 * 4 * size, "saving the network and its optimiser")


def resume(trainer, folder):
    """See `Trainer.resume`."""
    file = Path(folder) / "last.pt"
    if not file.is_file():
        raise FileNotFoundError(f"no {file} to resume from: the run has not finished an epoch, or lies elsewhere")
    state = read_tensors(file, "checkpoint", trainer.device)
    if not isinstance(state, dict) or not {*PARTS, "history", "recipe"} <= state.keys():
        raise ValueError(f"{file} is no checkpoint of a run: --out names the folder that the run wrote")
    before, now = state["recipe"], described(trainer.recipe)
    other = [f"{name} {before[name]} (now {now[name]})" for name in now if before.get(name, now[name]) != now[name]]
    if other:
        raise ValueError(f"{file} is of a run with {', '.join(other)}: resume with the same recipe and settings")
    if state.get("data", fingerprint(trainer.dataset)) != fingerprint(trainer.dataset):
        raise ValueError(f"{file} is of a run on other people: resume with the same --data")
    try:
        for name in PARTS:
            getattr(trainer, name).load_state_dict(state[name])
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise ValueError(f"{file} does not fit this network ({str(error).splitlines()[0]})") from None
    trainer.model.channel_order = state.get("channels", "rgb")
    trainer.history = state["history"]


def fingerprint(dataset):
    """A text that another list of people would change; files count by their names, so that a folder may move."""
    if not hasattr(dataset, "boxes"):
        return f"{len(dataset)} items"
    found = hashlib.sha256(np.ascontiguousarray(dataset.boxes).tobytes())
    found.update(np.ascontiguousarray(dataset.keypoints).tobytes())
    found.update("\n".join(Path(file).name for file in dataset.files).encode())
    return found.hexdigest()


def described(recipe):
    """A recipe as texts, name -> value."""
    return {name: str(value) for name, value in asdict(recipe).items()}


@contextmanager
def said_when_too_large(trainer):
    """A full memory becomes a ValueError that says what to do."""
    try:
        yield
    except OutOfMemory:
        size, parts = trainer.recipe.batch_size, trainer.accumulate
        raise ValueError(
            f"batches of {size} in {parts} part(s) do not fit into the memory of {trainer.device}: try --accumulate "
            f"{2 * parts} (the same batch, in smaller parts), or --batch-size {max(1, size // 2)}"
        ) from None
