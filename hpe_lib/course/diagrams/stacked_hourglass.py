"""An hourglass drawn from the module: the size of every map comes out of a forward pass."""

import matplotlib.pyplot as plt
import numpy as np
import torch

from hpe_lib.plots import BLUE, GREEN, GREY, ORANGE


def hourglass_shapes(module, height, width):
    """Run a blank map through an hourglass: a list of (C, H, W), one for each level of `small`, the widest first.

    module: an `Hourglass` of the library or the notebook's own, with the parts `before` and `inside`.
    """
    found, handles, part = [], [], module
    while hasattr(part, "before"):
        handles.append(part.before.register_forward_hook(lambda _, __, y: found.append(tuple(y.shape[1:]))))
        part = part.inside
    channels, training = next(module.parameters()).shape[0], module.training
    module.eval()  # batch norm's running statistics stay as they are
    try:
        with torch.no_grad():
            whole = module(torch.zeros(1, channels, height, width))
    finally:
        module.train(training)
        for handle in handles:
            handle.remove()
    return [tuple(whole.shape[1:]), *found]


def hourglass(module, height, width):
    """Draw one hourglass from left to right: halved, halved again, and back, with what goes past above each level."""
    shapes = hourglass_shapes(module, height, width)
    levels = len(shapes) - 1
    figure, ax = plt.subplots(figsize=(10.5, 4.6), layout="constrained")
    tall = 3.2 * np.sqrt([shape[1] / height for shape in shapes])
    for level, (_, rows, columns) in enumerate(shapes):
        for x in {-float(levels - level), float(levels - level)}:
            color = ORANGE if level == levels else BLUE
            ax.add_patch(plt.Rectangle((x - 0.17, -tall[level] / 2), 0.34, tall[level], color=color, zorder=3))
            ax.text(x, -tall[level] / 2 - 0.12, f"{rows} × {columns}", ha="center", va="top", fontsize=11)
        if level < levels:
            far, y = levels - level - 0.17, tall[level] / 2 - 0.22
            ax.annotate("", (far, y), (-far, y), arrowprops={"arrowstyle": "-|>", "color": GREEN, "linewidth": 1.6})
            ax.text(0, y + 0.05, "unit, past", ha="center", va="bottom", fontsize=10, color="#00614a")
            for start, end in ((-far + 0.02, -far + 0.6), (far - 0.64, far - 0.02)):
                arrow = {"arrowstyle": "-|>", "color": GREY, "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
                ax.annotate("", (end, -0.05), (start, -0.05), arrowprops=arrow)
    ax.text(-levels + 0.5, -2.25, "down: pool, unit", ha="left", fontsize=11, color="#333333")
    ax.text(levels - 0.5, -2.25, "up: unit, nearest, add", ha="right", fontsize=11, color="#333333")
    ax.text(0, -1.45, "unit\ninside", ha="center", va="top", fontsize=10, color="#8a4b00")
    ax.set(xlim=(-levels - 0.7, levels + 0.7), ylim=(-2.45, 2.0))
    ax.set_axis_off()
    small = " × ".join(map(str, shapes[-1][1:]))
    ax.set_title(f"Down to {small} cells and back, {levels} ways past (numbers: height × width in cells)", fontsize=13)
    return figure
