import numpy as np
import pytest

from hpe_lib import motion
from hpe_lib.course.widgets import applications as widgets

KNEE = ("left_hip", "left_knee", "left_ankle")


@pytest.fixture
def panel():
    """A knee that bends once within four seconds; the found one is the true one."""
    angle = np.radians(180 - 80 * np.sin(np.linspace(0, np.pi, 60)))
    points = np.zeros((60, 17, 2))
    points[:, 11] = (0, -40)
    points[:, 15] = 40 * np.stack([np.sin(angle), -np.cos(angle)], axis=1)
    return widgets.smoothing_panel(np.concatenate([points, np.ones((60, 17, 1))], axis=2), points, KNEE, 15)


def test_smoothing_is_paid_with_delay(panel):
    panel.move(cutoff=6.0)
    assert panel.alt.startswith("Cutoff 6 Hz, beta 0, 0 px of noise: error ") and "0 frames (0.00 s) late" in panel.alt
    panel.move(cutoff=0.3)
    late = int(panel.alt.split(" frames")[0].split()[-1])
    assert late >= 5
    panel.move(beta=0.1)
    assert int(panel.alt.split(" frames")[0].split()[-1]) < late


def test_noise_trembles_and_a_low_cutoff_calms(panel):
    def tremble():
        return float(panel.alt.split("tremble ")[1].rstrip("°."))

    panel.move(noise=4.0, cutoff=6.0)
    loud, before = tremble(), panel.picture.value
    panel.move(cutoff=0.5)
    assert tremble() < 0.3 * loud and panel.picture.value != before


def test_without_smoothing_the_error_is_that_of_the_filter(panel):
    angle = 180 - 80 * np.sin(np.linspace(0, np.pi, 60))
    panel.move(cutoff=1.0, beta=0.02)
    expected = np.sqrt(np.mean((motion.one_euro(angle, 15, 1.0, 0.02) - angle) ** 2))
    assert f"error {expected:.1f}°" in panel.alt
