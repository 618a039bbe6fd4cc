"""The number format that a network runs in: float32, or half of it where the device computes with it."""

from contextlib import nullcontext
from functools import cache
from pathlib import Path

import torch


def precision_for(device, precision="auto"):
    """The number format that the network runs in on a device: "bf16", "fp16" or "float32"."""
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"  # cards before 2020 know fp16 only
    return "bf16" if device.type == "cpu" and processor_multiplies_bf16() else "float32"


@cache
def processor_multiplies_bf16():
    """Whether the processor has matrix units for bfloat16 (Intel's AMX), so that it is faster than float32 there."""
    known = Path("/proc/cpuinfo")  # Linux; other systems do not say, and get float32
    return known.is_file() and "amx_bf16" in known.read_text()


def mixed_precision(device, precision="auto"):
    """A context in which the network runs in that format.

    "auto" is bf16 where the device computes with it (NVIDIA cards since 2020, processors with AMX), fp16 on older
    cards, float32 elsewhere.
    """
    kind = precision_for(device, precision)
    if kind == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16 if kind == "bf16" else torch.float16)
