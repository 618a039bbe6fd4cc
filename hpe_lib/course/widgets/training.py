"""Notebook 05: what the network saw after each epoch."""

import ipywidgets
import numpy as np

from hpe_lib.course.live import Live
from hpe_lib.heatmaps import decode
from hpe_lib.plots import BLUE, GREEN, draw_heatmap
from hpe_lib.skeleton import KEYPOINTS


def replay_panel(crop, replay, keypoints, labelled):
    """Step through the epochs of a training run and see one joint's heatmap form.

    crop (H, W, 3) uint8; replay (E, 17, H / 4, W / 4) heatmaps, the untrained network's first; keypoints (17, 2) crop
    px; labelled (17,).
    """
    stride = crop.shape[1] / replay.shape[-1]

    def axes(figure):
        left, right = figure.subplots(1, 2, width_ratios=[1, 1.6])
        left.set_axis_off()
        left.set(xlim=(-0.5, crop.shape[1] - 0.5), ylim=(crop.shape[0] - 0.5, -0.5), aspect="equal")
        right.set(xlim=(-0.05 * len(replay), 1.05 * len(replay) - 1), ylim=(-0.05, 1.05))
        right.set(xlabel="epoch", ylabel="height of the peak", title="How sure the network is")

    def draw(figure, epoch, joint):
        index = KEYPOINTS.index(joint)
        points, scores = decode(replay[:, index : index + 1])  # (E, 1, 2), (E, 1)
        left, right = figure.axes
        draw_heatmap(left, crop, replay[epoch, index].clamp(0, 1))
        left.plot(*(points[epoch, 0] * stride), "o", color="white", markeredgecolor="black", label="brightest cell")
        words = f"{joint.replace('_', ' ')} after epoch {epoch}: peak {scores[epoch, 0]:.2f}"
        right.plot(np.arange(len(replay)), scores[:, 0], "o-", color=BLUE)
        right.axvline(epoch, color="black", linewidth=1)
        if labelled[index] > 0:
            left.plot(*keypoints[index], "+", color=GREEN, markersize=14, markeredgewidth=3, label="label")
            error = float((points[epoch, 0] * stride - keypoints[index]).norm())
            words += f", {error:.1f} crop px from the label"
        left.legend(loc="lower right", fontsize=8)
        left.set_title(words.replace(": ", "\n"), fontsize=10)
        return words

    epochs = ipywidgets.IntSlider(len(replay) - 1, 0, len(replay) - 1, description="epoch")
    joints = ipywidgets.Dropdown(options=KEYPOINTS, value="right_wrist", description="joint")
    return Live(draw, {"epoch": epochs, "joint": joints}, size=(8, 4), ground=axes)
