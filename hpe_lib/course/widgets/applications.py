"""Notebook 13: a knee's angle over time, smoothed more or less."""

import ipywidgets
import numpy as np

from hpe_lib import motion
from hpe_lib.course.live import Live
from hpe_lib.plots import BLUE, GREY


def smoothing_panel(found, true, joints, fps):
    """Choose the 1 euro filter's cutoff and beta, and noise on top; the angle is drawn raw, smoothed and true.

    found, true: (T, 17, 2+) px. joints: names a, b, c of the angle at b. fps: frames a second.
    """
    truth = motion.joint_angle(true, *joints)
    trembling = np.random.default_rng(0).normal(0, 1, (*np.shape(found)[:2], 2))
    time = np.arange(len(truth)) / fps

    def draw(figure, cutoff, beta, noise):
        raw = motion.joint_angle(np.asarray(found)[..., :2] + noise * trembling, *joints)
        smooth = motion.one_euro(raw, fps, cutoff, beta)
        misfit = [np.mean((smooth[shift:] - truth[: len(truth) - shift]) ** 2) for shift in range(len(truth) // 4)]
        late = int(np.argmin(misfit))
        ax = figure.add_axes((0.09, 0.15, 0.88, 0.68))
        ax.plot(time, truth, color="black", linewidth=2.5, label="true joints")
        ax.plot(time, raw, color=GREY, linestyle=":", label="joints found")
        ax.plot(time, smooth, color=BLUE, linewidth=1.8, label="smoothed")
        ax.set(xlabel="time, s", ylabel="angle, degrees")
        ax.legend(fontsize=9, loc="lower left")
        error = np.sqrt(np.mean((smooth - truth) ** 2))
        frames = "1 frame" if late == 1 else f"{late} frames"
        said = f"error {error:.1f}°, {frames} ({late / fps:.2f} s) late, tremble {np.std(np.diff(smooth, 2)):.1f}°"
        figure.suptitle(f"cutoff {cutoff:g} Hz, β {beta:g}, noise {noise:g} px: {said}", fontsize=11)
        return f"Cutoff {cutoff:g} Hz, beta {beta:g}, {noise:g} px of noise: {said}."

    controls = {
        "cutoff": ipywidgets.FloatSlider(1.0, min=0.1, max=6.0, step=0.1, description="cutoff, Hz"),
        "beta": ipywidgets.FloatSlider(0.0, min=0.0, max=0.1, step=0.005, readout_format=".3f", description="β"),
        "noise": ipywidgets.FloatSlider(0.0, min=0.0, max=8.0, step=0.5, description="noise, px"),
    }
    return Live(draw, controls, size=(8, 3.8))
