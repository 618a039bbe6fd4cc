import itertools
import re

import matplotlib.pyplot as plt
import pytest
import torch
from torch.nn import functional

from hpe_lib import models
from hpe_lib.course.diagrams import deconvolution_head as diagrams
from hpe_lib.course.widgets import deconvolution_head as deconvolution
from tests.notebook_code import defined_in

TRANSPOSED = defined_in("04", "transposed_conv1d")  # the panel draws what the notebook's own function gives


def numbers_of(panel):
    """The output cells that the panel says it shows."""
    return [int(value) for value in re.search(r"Output so far, \d+ cells: (.*)\.", panel.alt)[1].split(", ")]


def torchs_answer(kernel, stride, padding, output_padding, step):
    inputs = torch.tensor(deconvolution.INPUT, dtype=torch.float32)
    inputs[step:] = 0  # what has not been stamped yet adds nothing
    weight = torch.arange(1.0, kernel + 1)[None, None]  # (1, 1, kernel)
    out = functional.conv_transpose1d(inputs[None, None], weight, None, stride, padding, output_padding)
    return out[0, 0].int().tolist()


def combinations():
    controls = deconvolution.stepper(TRANSPOSED).controls
    for kernel, stride in itertools.product(controls["kernel"].options, controls["stride"].options):
        for padding in range(controls["padding"].min, controls["padding"].max + 1):
            for output_padding in range(controls["output_padding"].min, controls["output_padding"].max + 1):
                yield kernel, stride, padding, output_padding


def test_every_allowed_combination_is_torchs_and_every_other_one_is_named():
    steps = len(deconvolution.INPUT)
    for kernel, stride, padding, output_padding in combinations():
        whole = deconvolution.stamps(TRANSPOSED, kernel, stride).sum(axis=0).tolist()
        size = (steps - 1) * stride - 2 * padding + kernel + output_padding
        if deconvolution.problem(size, stride, output_padding) is None:
            ours = (whole + [0] * output_padding)[padding : padding + size]
            assert ours == torchs_answer(kernel, stride, padding, output_padding, steps)
        else:
            with pytest.raises(RuntimeError):
                torchs_answer(kernel, stride, padding, output_padding, steps)


def test_each_control_changes_the_picture_and_what_it_says_is_right():
    panel = deconvolution.stepper(TRANSPOSED)
    assert all(control.description for control in panel.controls.values())
    before = panel.picture.value
    for name, value in (
        ("step", 2),
        ("step", 3),
        ("padding", 1),
        ("padding", 2),
        ("padding", 3),
        ("kernel", 3),
        ("padding", 1),
        ("output_padding", 1),
        ("kernel", 2),
        ("kernel", 4),
        ("output_padding", 0),
        ("stride", 1),
    ):
        panel.controls[name].value = value
        values = {name: control.value for name, control in panel.controls.items()}
        assert numbers_of(panel) == torchs_answer(**values)
        assert f"= {len(numbers_of(panel))} output cells" in panel.figure.axes[0].get_title()
        assert panel.picture.value != before
        before = panel.picture.value


def test_the_cells_show_the_sum_and_the_cut():
    panel = deconvolution.stepper(TRANSPOSED)
    panel.controls["padding"].value, panel.controls["step"].value = 1, 3
    texts = [text.get_text() for text in panel.figure.axes[0].texts]
    assert texts.count("cut") == 2
    row = [t.get_text() for t in panel.figure.axes[0].texts if t.get_position()[1] == 0.4 and t.get_position()[0] >= 0]
    assert row == ["2", "4", "7", "10", "6", "10", "9", "12"]


@pytest.mark.parametrize(
    "moves, words",
    [
        ({"stride": 1, "output_padding": 1}, "output padding 1 must be smaller than stride 1"),
        ({"stride": 1, "kernel": 2, "padding": 3}, "the output would have -2 cells"),
    ],
)
def test_impossible_combinations_are_explained(moves, words):
    panel = deconvolution.stepper(TRANSPOSED)
    for name, value in moves.items():
        panel.controls[name].value = value
    assert words in panel.alt
    assert words in panel.figure.axes[0].texts[0].get_text()
    panel.controls["stride"].value = 2
    panel.controls["kernel"].value = 4
    panel.controls["padding"].value = 0
    assert panel.alt.startswith("Step 1 of 3")


@pytest.mark.parametrize("options", [{}, {"head_layers": 2}, {"kernel": 3}])
def test_network_diagram_is_read_from_the_model(options):
    model = models.simple_baseline("tiny", **options).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    parts = diagrams.network_shapes(model)
    width, height = model.input_wh
    with torch.no_grad():
        features = model.eval().features(torch.zeros(1, 3, height, width))
        maps = model(torch.zeros(1, 3, height, width))
    shapes = {name: shape for name, _, shape in parts}
    assert shapes["image"] == (3, height, width)
    assert shapes["layer4"] == tuple(features.shape[1:])
    assert shapes["heatmaps"] == tuple(maps.shape[1:])
    assert sum(name.startswith("deconv") for name in shapes) == options.get("head_layers", 3)
    figure = diagrams.network(model.train())
    texts = " ".join(text.get_text() for text in figure.axes[0].texts)
    for _, _, shape in parts:
        assert "×".join(map(str, shape)) in texts
    assert model.training and not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    plt.close(figure)


def test_network_diagram_carries_a_crop_and_heatmaps():
    model = models.simple_baseline("tiny")
    plain = diagrams.network(model)
    full = diagrams.network(model, torch.zeros(128, 96, 3, dtype=torch.uint8).numpy(), torch.rand(17, 32, 24).numpy())
    assert (len(plain.axes[0].images), len(full.axes[0].images)) == (0, 2)
    plt.close(plain)
    plt.close(full)
