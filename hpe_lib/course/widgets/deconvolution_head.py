"""Notebook 04: a transposed convolution in one dimension, one stamp at a time."""

from functools import partial

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import torch

from hpe_lib.course.live import Live
from hpe_lib.plots import BLUE, GREEN, GREY, ORANGE

INPUT = (2, 1, 3)  # small whole numbers: every picture can be checked by hand


def weights_of(kernel):
    """The kernel that the widget stamps: 1, 2, ... so that each place in it has its own number."""
    return torch.arange(1.0, kernel + 1)


def problem(size, stride, output_padding):
    """Say in one sentence why a combination that gives `size` cells cannot be, or return None where it can."""
    if output_padding >= stride:
        return f"Not allowed: output padding {output_padding} must be smaller than stride {stride}."
    if size < 1:
        return f"Nothing is left: the output would have {size} cells. Choose a smaller padding."
    return None


def stamps(transposed_conv, kernel, stride, inputs=INPUT):
    """What each input alone gives, before anything is cut off: (len(inputs), cells) whole numbers.

    transposed_conv: (x (H,), w (kernel,), stride) -> (cells,), the notebook's own.
    """
    alone = torch.diag(torch.tensor(inputs, dtype=torch.float32))  # a row for each input, the others 0
    rows = [transposed_conv(x, weights_of(kernel), stride) for x in alone]
    return torch.stack([torch.as_tensor(row) for row in rows]).int().numpy()


def draw_step(figure, transposed_conv, kernel=4, stride=2, padding=0, output_padding=0, step=1, inputs=INPUT):
    """Draw the state after `step` inputs have stamped the kernel; returns the alternative text."""
    ax = figure.add_axes((0.01, 0.01, 0.98, 0.89))
    ax.set_axis_off()
    each = stamps(transposed_conv, kernel, stride, inputs)[:step]  # (step, full)
    size = each.shape[1] - 2 * padding + output_padding
    wrong = problem(size, stride, output_padding)
    if wrong:
        ax.text(0.5, 0.5, wrong, ha="center", va="center", fontsize=12, transform=ax.transAxes)
        return wrong
    length = max(each.shape[1], padding + size)  # output padding may reach past the last stamp
    total = np.zeros(length, dtype=int)
    total[: each.shape[1]] = each.sum(axis=0)
    kept, now = total[padding : padding + size], step - 1
    touched = range(now * stride, now * stride + kernel)
    for index, value in enumerate(inputs):  # each input stands above the middle of its stamp
        face = ORANGE if index == now else "#F5DDAA" if index < now else "white"
        _cell(ax, stride * index + (kernel - 1) / 2, 3.4, value, face)
    for index in touched:
        _cell(ax, index, 1.9, each[now, index], ORANGE)
    for index in range(length):
        cut = not padding <= index < padding + size
        face = "#DDDDDD" if cut else "#BFE3D5" if index in touched else "white"
        _cell(ax, index, 0.4, total[index], face, edge=GREY if cut else GREEN, hatch="///" if cut else None)
        label, color = ("cut", GREY) if cut else (index - padding, GREEN)
        ax.text(index, -0.15, label, ha="center", va="top", fontsize=9, color=color)
    for end, side in ((touched[0], -0.45), (touched[-1], 0.45)):
        ax.plot([stride * now + (kernel - 1) / 2 + side, end + side], [2.95, 2.35], color=ORANGE, linewidth=1)
    _labels(ax, inputs[now], kernel, step, len(inputs))
    ax.set(xlim=(-3.4, length - 0.3), ylim=(-0.85, 4.1), aspect="equal")
    ax.set_title(
        f"({len(inputs)} − 1)·{stride} − 2·{padding} + {kernel} + {output_padding} = {size} output cells", fontsize=12
    )
    return (
        f"Step {step} of {len(inputs)}: the input {inputs[now]} stamps {_list(each[now][list(touched)])}. "
        f"Output so far, {size} cells: {_list(kept)}."
    )


def _cell(ax, x, y, value, face, edge=BLUE, hatch=None):
    ax.add_patch(plt.Rectangle((x - 0.45, y - 0.45), 0.9, 0.9, facecolor=face, edgecolor=edge, hatch=hatch))
    box = {"facecolor": face, "edgecolor": "none", "pad": 0.6} if hatch else None  # no hatching behind a number
    ax.text(x, y, f"{value}", ha="center", va="center", fontsize=10, bbox=box)


def _labels(ax, value, kernel, step, count):
    weights = _list(weights_of(kernel))
    for y, text in (
        (3.4, "input"),
        (1.9, f"stamp {step} of {count}:\n{value} · ({weights})"),
        (0.4, "sum so far"),
    ):
        ax.text(-0.8, y, text, ha="right", va="center", fontsize=9)
    ax.text(-0.8, -0.15, "output cell", ha="right", va="top", fontsize=9)


def _list(values):
    return ", ".join(str(int(value)) for value in values)


def stepper(transposed_conv):
    """Build the panel of notebook 04: kernel, stride, padding, output padding, and how many inputs have stamped.

    transposed_conv: (x (H,), w (kernel,), stride) -> all cells from the first stamp's first to the last stamp's last.
    """
    slider, buttons = ipywidgets.IntSlider, {"button_width": "70px"}
    controls = {
        "kernel": ipywidgets.ToggleButtons(options=[2, 3, 4], value=4, style=buttons),
        "stride": ipywidgets.ToggleButtons(options=[1, 2], value=2, style=buttons),
        "padding": slider(value=0, min=0, max=3),
        "output_padding": slider(value=0, min=0, max=1),
        "step": slider(value=1, min=1, max=len(INPUT), description="step (inputs stamped)"),
    }
    draw = partial(draw_step, transposed_conv=transposed_conv)
    return Live(draw, controls, size=(8, 3.9), dpi=100)
