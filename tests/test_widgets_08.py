import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from hpe_lib import heatmaps, models
from hpe_lib.course.diagrams import stacked_hourglass as diagrams
from hpe_lib.course.widgets import stacked_hourglass as widgets
from hpe_lib.skeleton import KEYPOINTS
from tests.notebook_code import defined_in


@pytest.fixture
def panel():
    """Two people, three stacks, each peak 8 px nearer to the label in x and y than the last; one joint unlabelled."""
    keypoints = torch.full((2, 17, 2), 48.0)
    stacks = [
        heatmaps.encode(keypoints + 8 * (3 - stack), torch.ones(2, 17), (24, 32), 4, 1.5)[0] * stack / 3
        for stack in (1, 2, 3)
    ]
    labelled = torch.ones(2, 17)
    labelled[1, 0] = 0
    crops = np.zeros((2, 128, 96, 3), dtype=np.uint8)
    return widgets.refinement_panel(crops, torch.stack(stacks, dim=1), keypoints, labelled)


def test_each_stack_is_shown_beside_the_one_before(panel):
    assert "Left, stack 2: peak 0.67, 11.3 px off. Right, stack 3: peak 1.00, 0.0 px off." in panel.alt
    panel.move(stack=2)
    assert "Left, stack 1: peak 0.33, 22.6 px off. Right, stack 2: peak 0.67, 11.3 px off." in panel.alt
    panel.move(stack=1)
    assert "Left, before stack 1: no heatmap yet. Right, stack 1: peak 0.33" in panel.alt
    titles = [ax.get_title() for ax in panel.figure.axes]
    assert titles == re.findall(r"(?:Left|Right), (.*?)\.(?= |$)", panel.alt)


def test_a_joint_without_a_label_has_no_error(panel):
    before = panel.picture.value
    panel.move(person=1, joint="nose")
    assert "px off" not in panel.alt and "Person 1, nose" in panel.alt and panel.picture.value != before
    panel.move(joint=KEYPOINTS[1])
    assert "px off" in panel.alt


@pytest.mark.parametrize("levels", [1, 3])
def test_the_diagram_is_read_from_the_module(levels):
    own = defined_in("08", "Hourglass", "Unit")[0](8, levels)
    for module in (own, models.Hourglass(8, levels).train()):
        before = {name: value.clone() for name, value in module.state_dict().items()}
        shapes = diagrams.hourglass_shapes(module, 16, 24)
        assert shapes == [(8, 16 // 2**level, 24 // 2**level) for level in range(levels + 1)]
        figure = diagrams.hourglass(module, 16, 24)
        texts = [text.get_text() for text in figure.axes[0].texts]
        for level, (_, rows, columns) in enumerate(shapes):
            assert texts.count(f"{rows} × {columns}") == (1 if level == levels else 2)
        assert texts.count("unit, past") == levels
        assert module.training and not any(part._forward_hooks for part in module.modules())
        assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
        plt.close(figure)
