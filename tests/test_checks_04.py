"""The exercises of notebook 04: right answers pass, classic mistakes are named."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from tests.exercises import exercises, prove


def test_notebook_has_its_exercises():
    assert list(exercises("04")) == ["4.1", "4.2", "4.3", "4.4", "4.5"]


def test_stamps():
    def loop(start="i * stride", length="(len(x) - 1) * stride + len(w)", kernel="w", sign="+="):
        return f"""
def stamp_and_add(x, w, stride):
    y = torch.zeros({length})
    for i, value in enumerate(x):
        y[{start} : {start} + len(w)] {sign} value * {kernel}
    return y
"""

    prove(
        exercises("04")["4.1"],
        [
            "def stamp_and_add(x, w, s): return F.conv_transpose1d(x[None, None], w[None, None], stride=s)[0, 0]",
            """
def stamp_and_add(x, w, stride):  # zeros between the inputs, then NumPy's full convolution
    stuffed = np.zeros((len(x) - 1) * stride + 1)
    stuffed[::stride] = x.numpy()
    return np.convolve(stuffed, w.numpy()).tolist()
""",
            """
def stamp_and_add(x, w, stride):
    y = np.zeros((len(x) - 1) * stride + len(w))
    for i in range(len(x)):
        y[i * stride : i * stride + len(w)] += (x[i] * w).numpy()
    return y
""",
            """
def stamp_and_add(x, w, stride):  # the transposed matrix
    matrix = torch.zeros(len(x), (len(x) - 1) * stride + len(w))
    for row in range(len(x)):
        matrix[row, row * stride : row * stride + len(w)] = w
    return matrix.T @ x
""",
        ],
        {
            "the stamps overwrite each other": loop(sign="="),
            "the kernel turned round": loop(kernel="w.flip(0)"),
            "the stride forgotten": loop(start="i"),
            "the output too long": loop(length="len(x) * stride + len(w)"),
            "the end cut off": """
def stamp_and_add(x, w, stride):
    y = [0.0] * (len(x) * stride)
    for i in range(len(x)):
        for j in range(len(w)):
            if i * stride + j < len(y):
                y[i * stride + j] += float(x[i] * w[j])
    return y
""",
            "the ordinary convolution": """
def stamp_and_add(x, w, stride):
    return [float((x[i : i + len(w)] * w).sum()) for i in range(0, len(x) - len(w) + 1, stride)]
""",
        },
    )
    short = loop(start="i", length="len(x) - 1 + len(w)")
    assert exercises("04")["4.1"].verdict(short).misconception == "the stride forgotten"


def test_output_size():
    def formula(text):
        return f"""
def output_size(cells, kernel, stride, padding, output_padding):
    return {text}
"""

    prove(
        exercises("04")["4.2"],
        [
            """
def output_size(cells, kernel, stride, padding, output_padding):
    layer = nn.ConvTranspose1d(1, 1, kernel, stride, padding, output_padding)
    return torch.tensor(layer(torch.zeros(1, 1, cells)).shape[-1])
""",
            formula("float(cells * stride - stride - padding - padding + kernel + output_padding)"),
        ],
        {
            "the size of an ordinary convolution": formula("(cells + 2 * padding - kernel) // stride + 1"),
            "padding added": formula("(cells - 1) * stride + 2 * padding + kernel + output_padding"),
            "padding on one side only": formula("(cells - 1) * stride - padding + kernel + output_padding"),
            "one stamp too many": formula("cells * stride - 2 * padding + kernel + output_padding"),
            "stride and padding mixed up": formula("(cells - 1) * padding - 2 * stride + kernel + output_padding"),
            "output padding forgotten": formula("(cells - 1) * stride - 2 * padding + kernel"),
            "output padding on both sides": formula("(cells - 1) * stride - 2 * padding + kernel + 2 * output_padding"),
            "the kernel forgotten": formula("(cells - 1) * stride + 1 - 2 * padding + output_padding"),
        },
    )


def test_overlaps():
    prove(
        exercises("04")["4.3"],
        ["stamps_per_cell = np.array([3, 2, 9, 4])", "stamps_per_cell = (3.0, 2.0, 9.0, 4.0)"],
        {
            "even and odd the wrong way round": "stamps_per_cell = [2, 3, 9, 4]",
            "kernel 5 divided by stride 2": "stamps_per_cell = [5 / 2, 5 / 2, 25 / 4, 25 / 4]",
            "the counts of kernel 3": "stamps_per_cell = [2, 1, 4, 1]",
            "every stamp counted that is near": "stamps_per_cell = [5, 5, 25, 25]",
            "the directions added": "stamps_per_cell = [3, 2, 3 + 3, 2 + 2]",
            "two dimensions like one": "stamps_per_cell = torch.tensor([3, 2, 3, 2])",
        },
    )


def test_block_parameters():
    prove(
        exercises("04")["4.4"],
        [
            """
block = nn.Sequential(nn.ConvTranspose2d(256, 256, 4, 2, 1, bias=False), nn.BatchNorm2d(256), nn.ReLU())
block_parameters = sum(p.numel() for p in block.parameters())
""",
            "block_parameters = np.int64(1_049_088)",
            "block_parameters = 1049088.0",
        ],
        {
            "batch norm forgotten": "block_parameters = 4 * 4 * 256 * 256",
            "256 beside the weights": "block_parameters = 4 * 4 * 256 * 256 + 256",
            "a bias counted": "block_parameters = 4 * 4 * 256 * 256 + 256 + 2 * 256",
            "running statistics counted": "block_parameters = 4 * 4 * 256 * 256 + 4 * 256",
            "more than one block": "block_parameters = 3 * (4 * 4 * 256 * 256 + 2 * 256)",
            "the first block": "block_parameters = 4 * 4 * 2048 * 256 + 2 * 256",
            "the kernel not squared": "block_parameters = 4 * 256 * 256 + 2 * 256",
            "every output channel from one input channel": "block_parameters = 4 * 4 * 256 + 2 * 256",
        },
    )
    near = exercises("04")["4.4"].verdict("block_parameters = 1_049_087")
    assert near.state == "wrong"  # no rounding of whole numbers


def test_multiply_adds():
    counts = []
    with torch.device("meta"):
        for layer, cells in ((nn.Conv2d(256, 17, 1), (64, 48)), (nn.ConvTranspose2d(256, 256, 4, 2, 1), (32, 24))):
            with FlopCounterMode(display=False) as counter:
                layer(torch.empty(1, 256, *cells))
            counts.append(counter.get_total_flops() // 2)  # torch counts a multiply-add as two
    last, third = counts
    prove(
        exercises("04")["4.5"],
        [f"work_of_two_layers = np.array([{last}, {third}])", f"work_of_two_layers = ({last / 1e9} * 1e9, {third}.0)"],
        {
            "the two swapped": f"work_of_two_layers = [{third}, {last}]",
            "FLOPs": f"work_of_two_layers = [2 * {last}, 2 * {third}]",
            "parameters instead of work": "work_of_two_layers = [256 * 17, 16 * 256 * 256]",
            "one cell instead of all": f"work_of_two_layers = [256 * 17, {third}]",
            "16 times the last layer's work": f"work_of_two_layers = [16 * {last}, {third}]",
            "biases counted": f"work_of_two_layers = [{last} + 17 * 64 * 48, {third}]",
            "a transposed convolution counted at its output cells": f"work_of_two_layers = [{last}, 4 * {third}]",
            "a quarter of the third layer's work": f"work_of_two_layers = [{last}, 4 * 256 * 256 * (32 * 24)]",
            "a sixteenth of the third layer's work": f"work_of_two_layers = [{last}, 256 * 256 * (32 * 24)]",
            "another transposed convolution": f"work_of_two_layers = [{last}, 4 * 4 * 2048 * 256 * (8 * 6)]",
        },
    )


def test_a_number_with_two_causes_gets_both_named():
    def said(number, code):
        return exercises("04")[number].verdict(code).text

    third = "work_of_two_layers = [17 * 256 * 64 * 48, {}]"
    for slip, words in (
        ("4 * 256 * 256 * (32 * 24)", ("4 x 4", "16 x 12")),  # the kernel not squared
        ("4 * 4 * 256 * 256 * (16 * 12)", ("4 x 4", "16 x 12")),  # the second layer
        ("256 * 256 * (32 * 24)", ("4 x 4", "8 x 6")),  # the kernel forgotten
        ("4 * 4 * 256 * 256 * (8 * 6)", ("4 x 4", "8 x 6")),  # the cells of the first layer
    ):
        assert all(word in said("4.5", third.format(slip)) for word in words), slip
    for slip in ("4 * 4 * 256 * 17 * (64 * 48)", "256 * 17 * (256 * 192)"):
        text = said("4.5", f"work_of_two_layers = [{slip}, 4 * 4 * 256 * 256 * (32 * 24)]")
        assert "1 x 1" in text and "as large as the image" in text
    beside = said("4.4", "block_parameters = 4 * 4 * 256 * 256 + 256")
    assert "batch norm" in beside and "bias" in beside


@pytest.mark.parametrize(
    "number, code, first",
    [
        (
            "4.1",
            "def stamp_and_add(x, w, stride): return torch.zeros(7)",
            "x = [1, 2, 3], w = [1, 10, 100], stride = 2",
        ),
        ("4.2", "def output_size(h, k, s, p, o): return 0", "h = 2, k = 4, s = 2, p = 1, o = 0"),
    ],
)
def test_the_first_case_that_is_shown_can_be_typed(number, code, first):
    verdict = exercises("04")[number].verdict(code)
    assert (verdict.state, verdict.misconception) == ("wrong", None) and first in verdict.text
