"""Notebook 03: how strongly the gradient reaches each layer of plain and residual networks."""

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
from torch import nn

from hpe_lib.course.live import Live
from hpe_lib.plots import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY

STEP, HALF = 1.5, 0.42  # drawn blocks: from box to box, and half the height of a box
KINDS = {  # (residual, batch norm): (name, line style, marker, colour)
    (False, False): ("plain, no batch norm", ":", "o", PINK),
    (True, False): ("residual, no batch norm", "-.", "s", ORANGE),
    (False, True): ("plain, batch norm", "--", "^", GREEN),
    (True, True): ("residual, batch norm", "-", "D", BLUE),
}


def plot_kind(ax, norms, residual, batch_norm, **line):
    """Draw one line of norms over the layers 1, 2, ... in the style of its kind; returns the line."""
    name, style, marker, color = KINDS[residual, batch_norm]
    look = {"color": color, "linestyle": style, "marker": marker, "markersize": 4, "label": name} | line
    layers = np.arange(1, len(norms) + 1)
    return ax.plot(layers, norms, markevery=max(1, len(norms) // 12), **look)[0]


def limits(table):
    """The powers of ten that hold every norm of a table, for a logarithmic axis."""
    values = np.concatenate(list(table.values()))
    values = values[np.isfinite(values) & (values > 0)]
    return 10 ** np.floor(np.log10(values.min())), 10 ** np.ceil(np.log10(values.max()))


def times(ratio):
    """Say a ratio of 1 or more in words that can be read at a glance."""
    if ratio >= 1e6:
        return f"about 10^{np.log10(ratio):.0f}-fold"
    return f"{ratio:,.0f}-fold" if ratio >= 10 else f"{ratio:.1f}-fold"


def gradient_axes(figure, table, depth):
    """The axes for the norms of all networks of one depth."""
    ax = figure.add_subplot()
    low, high = np.log10(limits(table)).round().astype(int)
    ax.set(yscale="log", ylim=(10.0**low, 10.0**high), yticks=10.0 ** np.arange(low, high + 1, 1 + (high - low) // 8))
    ax.minorticks_off()
    ax.set(xlabel="convolution, from the image (1) to the loss", ylabel="gradient norm at its output")
    ax.set_xlim(1 - 0.05 * (depth - 2), depth - 1 + 0.05 * (depth - 2))


def draw_gradients(figure, table, depth, residual, batch_norm, weights):
    """Draw the norms of the chosen network in colour, the other three kinds of the same depth in grey."""
    if not figure.axes:
        gradient_axes(figure, table, depth)
    (ax,) = figure.axes
    for kind in KINDS:
        norms = table[(depth, *kind, weights)]
        if kind == (residual, batch_norm):
            plot_kind(ax, norms, *kind, linewidth=3, markersize=7, zorder=4)
        else:
            plot_kind(ax, norms, *kind, linewidth=1.2, color=GREY, zorder=2)
    first, last = table[depth, residual, batch_norm, weights][[0, -1]]
    change = f"grows {times(first / last)}" if first >= last else f"shrinks {times(last / first)}"
    name = KINDS[residual, batch_norm][0]
    ax.set_title(f"{depth} layers, {name}:\nthe gradient {change} on its way to the first layer")
    ax.axhline(last, color="black", linewidth=0.8, zorder=1)
    ax.legend(fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return (
        f"Gradient norm of every convolution of a network of {depth} layers, {name}, initial weights times "
        f"{weights:g}: {first:.2g} at the first convolution, {last:.2g} at the last. "
        f"The gradient {change} on its way back."
    )


def gradient_flow(table):
    """Build the panel that shows gradient norms: choose depth, shortcuts, batch norm and the size of the weights.

    table: {(depth, residual, batch norm, scale): norms, first convolution first}, as notebook 03 measures it.
    """
    depths, scales = (sorted({key[part] for key in table}) for part in (0, 3))
    middle = min(scales, key=lambda scale: abs(scale - 1))
    controls = {
        "depth": ipywidgets.SelectionSlider(options=depths, value=depths[-1], description="depth (layers)"),
        "weights": ipywidgets.SelectionSlider(options=scales, value=middle, description="initial weights ×"),
        "residual": ipywidgets.Checkbox(value=False, description="residual: with shortcuts"),
        "batch_norm": ipywidgets.Checkbox(value=False, description="batch norm"),
    }
    return Live(
        lambda figure, **values: draw_gradients(figure, table, **values),
        controls,
        size=(9, 4),
        ground=lambda figure, depth: gradient_axes(figure, table, depth),
        ground_of=("depth",),
    )


def describe(convolution):
    """Name a convolution as papers do: "3×3, 64 → 128, stride 2"."""
    kernel, stride = convolution.kernel_size, convolution.stride[0]
    name = f"{kernel[0]}×{kernel[1]}, {convolution.in_channels} → {convolution.out_channels}"
    return name + (f", stride {stride}" if stride > 1 else "")


def draw_block(ax, block, title):
    """Draw a plain or residual block as boxes and arrows, read from its own layers, from the input (top) to the output.

    block: has convolutions among its children, and may have `residual` (False: plain) and `downsample` (projection).
    """
    layers = [layer for layer in block.children() if isinstance(layer, nn.Conv2d)]
    norm = "batch norm" if any(isinstance(layer, nn.BatchNorm2d) for layer in block.children()) else ""
    residual, projection = getattr(block, "residual", True), getattr(block, "downsample", None)
    texts = []
    for index, layer in enumerate(layers):
        after = ", ".join(filter(None, [norm, "ReLU" if index < len(layers) - 1 else ""]))
        texts.append(describe(layer) + (f"\n{after}" if after else ""))
    ax.text(0, 0.1, "x", ha="center", va="bottom", fontsize=13, fontstyle="italic")
    for index, text in enumerate(texts):
        _box(ax, 0, -STEP * (index + 1), text, "#D6E9F5")
        _arrow(ax, (0, -STEP * index - (HALF if index else 0)), (0, -STEP * (index + 1) + HALF))
    y = -STEP * len(texts)  # of the last box
    if residual:
        _shortcut(ax, y - STEP, "x\nunchanged" if projection is None else f"projection\n{describe(projection[0])}")
        _arrow(ax, (0, y - HALF), (0, y - STEP + 0.25))
        y -= STEP
    _arrow(ax, (0, y - (0.25 if residual else HALF)), (0, y - STEP + HALF))
    _box(ax, 0, y - STEP, "ReLU", "#E5E5E5", width=1.2)
    _arrow(ax, (0, y - STEP - HALF), (0, y - STEP - 1.1))
    ax.set(xlim=(-2.0, 4.6 if projection is None else 5.9), ylim=(y - STEP - 1.2, 0.8), title=title)
    ax.set_axis_off()


def _box(ax, x, y, text, color, width=3.6):
    ax.text(x, y, text, ha="center", va="center", fontsize=10, zorder=3)
    corner, look = (x - width / 2, y - HALF), {"facecolor": color, "edgecolor": "black", "zorder": 2.5}
    ax.add_patch(plt.Rectangle(corner, width, 2 * HALF, **look))


def _arrow(ax, start, end, **look):
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1.5} | look)


def _shortcut(ax, y, text):
    """The line from the input around everything to a plus sign at height y, with what happens on it."""
    projected = text.startswith("projection")
    side, middle = (3.9 if projected else 2.6), (y - 0.3) / 2
    ax.plot([0, side, side], [-0.3, -0.3, y], color=RED, linewidth=2.5)
    _arrow(ax, (side + 0.03, y), (0.28, y), color=RED, linewidth=2.5)
    ax.plot(0, y, "o", markersize=22, markerfacecolor="white", markeredgecolor="black")
    ax.text(0, y, "+", ha="center", va="center", fontsize=15, zorder=3)
    if projected:
        _box(ax, side, middle, text, "#FBE3D2")
    else:
        ax.text(side + 0.15, middle, text, color=RED, va="center", fontsize=10)


def draw_stages(ax, stages):
    """Draw what leaves each part of a network: the higher the larger the map, the wider the more channels.

    stages: list of (name, shape); shape: (channels, height, width).
    """
    arrow = {"arrowstyle": "-|>", "color": "black", "linewidth": 1.5}
    left, tallest = 0.0, max(shape[1] for _, shape in stages)
    for index, (name, (channels, height, width)) in enumerate(stages):
        wide, high = 0.3 * np.log2(channels), 4.0 * np.sqrt(height / tallest)
        place = max(wide, 0.9)  # room for the text below
        look = {"facecolor": (BLUE, SKY)[index % 2], "edgecolor": "black", "alpha": 0.75}
        ax.add_patch(plt.Rectangle((left + (place - wide) / 2, -high / 2), wide, high, **look))
        middle, text = left + place / 2, {"ha": "center", "fontsize": 10}
        ax.text(middle, 2.15, name, va="bottom", **text)
        ax.text(middle, -2.15, f"{channels:,}\n{height} × {width}", va="top", **text)
        left += place + 0.75
        if index < len(stages) - 1:
            ax.annotate("", (left - 0.08, 0), (left - 0.67, 0), arrowprops=arrow)
    ax.set(xlim=(-0.4, left - 0.35), ylim=(-3.3, 2.9))
    ax.set_axis_off()
