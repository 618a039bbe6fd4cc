"""A pose network drawn from the network: every shape and name comes out of a forward pass."""

import matplotlib.pyplot as plt
import numpy as np
import torch

from hpe_lib.course import canvas
from hpe_lib.plots import BLUE, GREEN, GREY, RED

SLOT = 3.0  # units from one map to the next


def network_shapes(model):
    """Run one blank image through a pose network and note what comes out of each part.

    model: a `SimpleBaseline`. Returns a list of (name, made by, (channels, height, width)), the image first.
    """
    found, handles = [], []

    def listen(name, made_by, module):
        def note(_, __, output):
            found.append((name, made_by, tuple(output.shape[1:])))

        handles.append(module.register_forward_hook(note))

    listen("stem", f"{_kernel(model.conv1)} conv,\nmax pool", model.maxpool)
    for stage in range(1, 5):
        blocks = getattr(model, f"layer{stage}")
        kind = "bottleneck" if blocks[0].expansion > 1 else "basic"
        listen(f"layer{stage}", f"{len(blocks)} {kind}\nblocks", blocks)
    for index in range(0, len(model.deconv_layers), 3):  # each transposed convolution has a batch norm and a ReLU
        made_by = f"{_kernel(model.deconv_layers[index])} transp.\nconv, BN,\nReLU"
        listen(f"deconv {index // 3 + 1}", made_by, model.deconv_layers[index + 2])
    listen("heatmaps", f"{_kernel(model.final_layer)} conv", model.final_layer)
    width, height = model.input_wh
    training = model.training
    model.eval()  # batch norm's running statistics stay as they are
    try:
        with torch.no_grad():
            model(next(model.parameters()).new_zeros(1, 3, height, width))
    finally:
        model.train(training)
        for handle in handles:
            handle.remove()
    return [("image", "crop of\none person", (3, height, width)), *found]


def _kernel(convolution):
    height, width = convolution.kernel_size
    return f"{height}×{width}"


def network(model, crop=None, heatmaps=None):
    """Draw a pose network from image to heatmaps, as figure 2 of the course's paper does.

    model: a `SimpleBaseline`, run once on a blank image of its `input_wh`. crop: (h, w, 3) uint8 to lay onto the
    input. heatmaps: (K, h, w) to lay onto the output. Returns a matplotlib figure; sides of the blocks grow with the
    square root of height, width and channels.
    """
    parts = network_shapes(model)
    figure, ax = plt.subplots(figsize=(11.5, 5), layout="constrained")
    tops, floor = [], -canvas.extent(max(shape[1] for _, _, shape in parts)) / 2 - 1.0
    for index, (name, made_by, shape) in enumerate(parts):
        x, color = SLOT * index, _color(name)
        corner, deep, up = canvas.slab(ax, x, shape, color)
        if name == "image" and crop is not None:
            canvas.on_side(ax, crop, corner, deep, up)
        if name == "heatmaps" and heatmaps is not None:
            canvas.on_side(ax, np.max(np.asarray(heatmaps), axis=0), corner, deep, up, cmap="inferno", vmin=0)
        tops.append(corner[1] + up[1] + deep[1])
        ax.text(x, floor, name, ha="center", va="top", weight="bold", fontsize=11, color=color)
        ax.text(x, floor - 0.75, "×".join(map(str, shape)), ha="center", va="top", fontsize=11)
        ax.text(x, floor - 1.5, made_by, ha="center", va="top", fontsize=10, color="#333333", linespacing=1.15)
        if index:
            arrow = {"arrowstyle": "-|>", "color": GREY, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", (x - 0.95, 0), (x - SLOT + 1.15, 0), arrowprops=arrow, zorder=2)
    _bracket(ax, model, [name for name, _, _ in parts], max(tops) + 0.5)
    ax.set(xlim=(-SLOT / 2 - 0.1, SLOT * (len(parts) - 0.45)), ylim=(floor - 3.3, max(tops) + 1.7), aspect="equal")
    ax.set_axis_off()
    (_, rows, columns), (joints, *cells) = parts[0][2], parts[-1][2]
    title = f"From {rows} × {columns} pixels to {joints} heatmaps of {cells[0]} × {cells[1]} cells"
    ax.set_title(f"{title} (numbers: channels × height × width)", fontsize=13)
    return figure


def _color(name):
    if name == "image":
        return GREY
    return RED if name.startswith("deconv") else GREEN if name == "heatmaps" else BLUE


def _bracket(ax, model, names, height):
    """Mark backbone and head above the blocks, each with its parameters."""
    head = sum(p.numel() for part in (model.deconv_layers, model.final_layer) for p in part.parameters())
    total = sum(p.numel() for p in model.parameters())
    first = next(index for index, name in enumerate(names) if name.startswith("deconv"))
    depth = "tiny ResNet" if model.depth == "tiny" else f"ResNet-{model.depth}"
    for start, stop, label, color, count in (
        (1, first - 1, f"backbone: {depth}", BLUE, total - head),
        (first, len(names) - 1, "head", RED, head),
    ):
        left, right = SLOT * start - 1.1, SLOT * stop + 1.1
        ax.plot([left, left, right, right], [height - 0.2, height, height, height - 0.2], color=color, linewidth=1.5)
        text = f"{label}, {count / 1e6:.1f} million parameters"
        ax.text((left + right) / 2, height + 0.2, text, ha="center", va="bottom", fontsize=11, color=color)
