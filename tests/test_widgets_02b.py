import itertools

import pytest
import torch

from hpe_lib.course.widgets import pytorch as widgets
from tests.notebook_code import defined_in

BENDS = defined_in("02b", "three_bends")  # the panel draws what the notebook's own function gives
NAMES = ["knee_1", "knee_2", "knee_3", "slope_1", "slope_2", "slope_3", "level"]


def test_the_notebooks_three_bends_are_relu_units():
    x = torch.linspace(-3, 3, 13)
    knees, slopes = torch.tensor([-2.0, 0.5, 1.0]), torch.tensor([1.0, -2.0, 3.0])
    by_hand = [sum(s * max(0.0, at - k) for k, s in zip(knees.tolist(), slopes.tolist())) - 0.5 for at in x.tolist()]
    assert torch.allclose(BENDS(x, knees, slopes, -0.5), torch.tensor(by_hand), atol=1e-6)


def test_each_control_changes_the_picture_and_the_error_is_right():
    panel = widgets.bend(BENDS)
    assert list(panel.controls) == NAMES and all(control.description for control in panel.controls.values())
    for name in NAMES:
        before = panel.picture.value
        panel.move(slope_1=1.0, slope_2=-1.5, slope_3=0.8)
        panel.controls[name].value += 0.7
        assert panel.picture.value != before, name
        values = [panel.controls[each].value for each in NAMES]
        y = BENDS(widgets.X, torch.tensor(values[:3]), torch.tensor(values[3:6]), values[6])
        error = float((y - widgets.WANTED).square().mean())
        assert panel.alt.endswith(f"mean squared error {error:.3f}.")


@pytest.mark.parametrize("end", ["min", "max"])
def test_every_control_at_its_ends(end):
    panel = widgets.bend(BENDS)
    for name, control in itertools.islice(panel.controls.items(), 7):
        panel.move(**{name: getattr(control, end)})
        assert panel.alt.startswith("A line with bends")


def test_three_bends_can_come_near_to_the_sine():
    """The task of the panel, an error below 0.2, can be done."""
    panel = widgets.bend(BENDS)
    panel.move(knee_1=-3.0, knee_2=-1.0, knee_3=1.0, slope_1=-1.0, slope_2=2.0, slope_3=-2.0, level=1.0)
    assert float(panel.alt.split()[-1].rstrip(".")) < 0.2
