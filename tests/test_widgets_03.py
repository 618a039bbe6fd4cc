"""The panel and the drawings of notebook 03, swept over every option on small made images."""

import html
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import nn

from hpe_lib import models
from hpe_lib.course.widgets import residual_blocks as depth
from tests.notebook_code import defined_in

DEPTHS, SCALES = (4, 12), (0.5, 1.0, 1.4)
Stack, gradient_norms, Block = defined_in("03", "Stack", "gradient_norms", "Block")


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(4, 3, 32, 24, generator=generator), torch.tensor([0, 1, 1, 0])


@pytest.fixture(scope="module")
def table(batch):
    """Norms of the notebook's own networks, as it measures them."""
    found = {}
    for layers, residual, batch_norm, scale in itertools.product(DEPTHS, (False, True), (False, True), SCALES):
        torch.manual_seed(0)
        found[layers, residual, batch_norm, scale] = gradient_norms(Stack(layers, residual, batch_norm, scale), *batch)
    return found


def bold(figure):
    """The values of the one coloured line."""
    (line,) = [line for line in figure.axes[0].lines if line.get_linewidth() == 3]
    return line.get_ydata()


def test_every_choice_draws_and_says_its_own_numbers(table):
    said = set()
    for depth_, scale, residual, batch_norm in itertools.product(DEPTHS, SCALES, (False, True), (False, True)):
        figure, norms = Figure(), table[depth_, residual, batch_norm, scale]
        alt = depth.draw_gradients(figure, table, depth_, residual, batch_norm, scale)
        assert np.array_equal(bold(figure), norms)
        assert f"{depth_} layers, {depth.KINDS[residual, batch_norm][0]}, initial weights times {scale:g}:" in alt
        assert f"{norms[0]:.2g} at the first convolution, {norms[-1]:.2g} at the last" in alt
        assert f"gradient {'grows' if norms[0] >= norms[-1] else 'shrinks'} " in alt
        low, high = figure.axes[0].get_ylim()
        assert low <= norms.min() and norms.max() <= high
        said.add(alt)
    assert len(said) == len(DEPTHS) * len(SCALES) * 4


def test_every_option_of_every_control_changes_the_picture(table):
    panel = depth.gradient_flow(table)
    options = {"depth": DEPTHS, "weights": SCALES, "residual": (True, False), "batch_norm": (True, False)}
    assert panel.controls.keys() == options.keys()
    for name, values in options.items():
        control, seen = panel.controls[name], set()
        for value in sorted(values, key=lambda value: value == control.value):  # the present one last
            control.value = value
            chosen = {key: control.value for key, control in panel.controls.items()}
            key = chosen["depth"], chosen["residual"], chosen["batch_norm"], chosen["weights"]
            assert np.array_equal(bold(panel.figure), table[key])
            assert panel.alt in html.unescape(panel.picture.value)
            seen.add(panel.picture.value)
        assert len(seen) == len(values)


@pytest.mark.parametrize(
    "ratio, words", [(1, "1.0-fold"), (42.4, "42-fold"), (3456, "3,456-fold"), (2e9, "about 10^9-fold")]
)
def test_ratios_are_said_in_words(ratio, words):
    assert depth.times(ratio) == words


def test_the_other_kinds_stay_in_grey_for_comparison(table):
    panel = depth.gradient_flow(table)
    legend = [text.get_text() for text in panel.figure.axes[0].get_legend().get_texts()]
    assert legend == [name for name, *_ in depth.KINDS.values()]
    grey = [line.get_ydata() for line in panel.figure.axes[0].lines if line.get_color() == depth.GREY]
    others = [table[(DEPTHS[-1], *kind, 1.0)] for kind in depth.KINDS if kind != (False, False)]
    assert len(grey) == 3 and all(np.array_equal(a, b) for a, b in zip(grey, others))


def test_norms_are_the_gradients_at_the_outputs(batch):
    torch.manual_seed(0)
    network = Stack(4, residual=True, batch_norm=False)
    block = network.blocks[0]
    x = network.stem(batch[0])
    first = block.conv1(F.relu(x))
    second = block.conv2(F.relu(first))
    loss = F.cross_entropy(network.fc(F.relu(F.relu(x) + second).mean(dim=(2, 3))), batch[1])
    expected = [gradient.norm().item() for gradient in torch.autograd.grad(loss, (x, first, second))]
    assert np.allclose(gradient_norms(network, *batch), expected, rtol=1e-5)


def test_measuring_leaves_no_gradient_and_no_hook(batch):
    network = Stack(6, residual=True, batch_norm=True)
    gradient_norms(network, *batch)
    assert all(parameter.grad is None for parameter in network.parameters())
    assert not any(module._forward_hooks for module in network.modules())


def test_halved_weights_halve_the_gradient_of_a_plain_network_at_every_layer(table):
    whole, half = (table[12, False, False, scale] for scale in (1.0, 0.5))
    steps = np.diff(np.log2(half / half[-1] / (whole / whole[-1])))  # a plain ReLU network is homogeneous
    assert np.allclose(steps, 1, atol=0.15)


def drawn(block):
    figure, ax = plt.subplots()
    depth.draw_block(ax, block, "title")
    plt.close(figure)
    return [text.get_text() for text in ax.texts if text.get_text()]  # arrows are texts without letters


def test_blocks_are_drawn_from_their_layers():
    assert drawn(Block(16, False, False)) == ["x", "3×3, 16 → 16\nReLU", "3×3, 16 → 16", "ReLU"]
    assert "+" in drawn(Block(16, True, True)) and "+" not in drawn(Block(16, False, True))
    bottleneck = drawn(models.Bottleneck(256, 64))
    assert "1×1, 64 → 256\nbatch norm" in bottleneck and "x\nunchanged" in bottleneck
    projected = drawn(models.BasicBlock(64, 128, stride=2))
    assert "projection\n1×1, 64 → 128, stride 2" in projected and "x\nunchanged" not in projected
    assert depth.describe(nn.Conv2d(3, 8, (1, 7))) == "1×7, 3 → 8"


def test_stages_are_drawn_to_size():
    figure, ax = plt.subplots()
    depth.draw_stages(ax, [("image", (4, 64, 48)), ("stage", (16, 16, 12))])
    image, stage = ax.patches
    assert image.get_height() == pytest.approx(2 * stage.get_height())  # root of 64 against root of 16
    assert stage.get_width() == pytest.approx(2 * image.get_width())  # log of 16 against log of 4
    assert [text.get_text() for text in ax.texts if text.get_text()] == ["image", "4\n64 × 48", "stage", "16\n16 × 12"]
    plt.close(figure)
