from pathlib import Path
from runpy import run_path

import numpy as np
import pytest
import torch

from hpe_lib.course.widgets import vision_transformer as widgets
from tests.notebook_code import defined_in


@pytest.fixture
def panel():
    """Two people on 4 x 3 patches of 8 px; head 1 looks at itself, head 2 at the first patch, both layers alike."""
    y, x = torch.meshgrid(torch.arange(4.0), torch.arange(3.0), indexing="ij")
    middles = 8 * torch.stack([x, y], dim=-1) + 1.5
    itself = torch.eye(12)
    first = torch.zeros(12, 12)
    first[:, 0] = 1
    attention = torch.stack([itself, first]).expand(2, 2, 2, 12, 12)
    keypoints, labelled = torch.full((2, 17, 2), 18.0), torch.ones(2, 17)
    keypoints[:, 5] = torch.tensor([1.5, 1.5])  # the left shoulder lies on the first patch's middle
    labelled[1, 0] = 0
    return widgets.attention_panel(np.zeros((2, 32, 24, 3), np.uint8), attention, keypoints, labelled, middles)


def test_where_a_joint_looks_is_said_by_layer_and_head(panel):
    panel.move(joint="right_wrist", head="1")
    assert panel.alt.startswith("Person 0, layer 1, head 1: the token of the right wrist looks 0 px far on the mean")
    panel.move(head="2", layer=2)
    assert "layer 2, head 2: the token of the right wrist looks 23 px far" in panel.alt
    assert "most (weight 1.00) at a patch 0 px from the left shoulder." in panel.alt
    panel.move(head="mean")
    assert "mean of all heads" in panel.alt and "looks 11 px far" in panel.alt and "weight 0.50" in panel.alt


def test_a_joint_without_a_label_looks_nowhere(panel):
    before = panel.picture.value
    panel.move(person=1, joint="nose")
    assert panel.alt == "Person 1, layer 1, mean of all heads: the token of the nose has no label here."
    assert panel.picture.value != before


def test_the_token_of_a_point_is_the_nearest_middle():
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(12.0), indexing="ij")
    flat = (8 * torch.stack([x, y], dim=-1) + 1.5).reshape(-1, 2)
    token_of = defined_in("09", "token_of")
    token_of.__globals__["flat"] = flat
    assert token_of(torch.tensor([0.0, 0.0])) == 0 and token_of(torch.tensor([95.0, 127.0])) == 191
    assert token_of(torch.tensor([9.5, 1.5])) == 1 and token_of(torch.tensor([5.4, 8.0])) == 12


def test_windows_and_matching_of_the_notebook():
    windows, undo_windows, matching = defined_in("09", "windows", "undo_windows", "matching")
    numbers = torch.arange(2 * 4 * 6).reshape(2, 4, 6, 1)
    cut = windows(numbers, 2, 3)
    assert cut.shape == (8, 6, 1) and cut[1].flatten().tolist() == [3, 4, 5, 9, 10, 11]
    assert torch.equal(undo_windows(cut, 2, 3, numbers.shape), numbers)
    cost = torch.tensor([[1.0, 2.0, 9.0], [1.5, 8.0, 9.0]])  # the cheapest for each would be query 0 twice
    assert list(matching(cost)) == [1, 0]


def test_the_pyramid_of_the_notebook_is_the_one_that_the_tool_trained():
    own = defined_in("09", "Pyramid", "Stage", "Merge", "windows", "undo_windows")[0]()
    tool = run_path(str(Path(__file__).parents[1] / "tools" / "vision_transformer.py"))["Pyramid"]()
    with torch.no_grad():
        for parameter in own.parameters():
            parameter.normal_(std=0.1)
    tool.load_state_dict(own.state_dict())
    images = torch.randn(2, 3, 128, 96)
    torch.testing.assert_close(own(images), tool(images), atol=1e-5, rtol=1e-4)
