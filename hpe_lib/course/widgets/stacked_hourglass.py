"""Notebook 08: what each stack says about one joint of one person, and what the next one makes of it."""

import ipywidgets
import torch

from hpe_lib.course.live import Live
from hpe_lib.heatmaps import decode
from hpe_lib.plots import GREEN, draw_heatmap
from hpe_lib.skeleton import KEYPOINTS


def refinement_panel(crops, stacks, keypoints, labelled):
    """Choose a person, a joint and a stack; the heatmaps of the stack before stand on the left.

    crops: (N, H, W, 3) uint8. stacks: (N, S, K, h, w) heatmaps. keypoints: (N, K, 2) crop px. labelled: (N, K).
    """
    stride, count = crops.shape[2] / stacks.shape[-1], stacks.shape[1]

    def draw(figure, person, joint, stack):
        index, words = KEYPOINTS.index(joint), []
        top = float(stacks[person, :, index].max().clamp(min=0.1))
        axes = [figure.add_axes((left, 0.02, 0.46, 0.82)) for left in (0.02, 0.52)]
        for ax, number in zip(axes, (stack - 1, stack)):
            maps = stacks[person, number - 1, index][None, None] if number else None  # stack 0: nothing is known yet
            heat = torch.zeros_like(stacks[0, 0, 0]) if maps is None else maps[0, 0].clamp(min=0)
            draw_heatmap(ax, crops[person], heat, vmax=top)
            said = "before stack 1: no heatmap yet"
            if maps is not None:
                points, scores = decode(maps)
                ax.plot(*(points[0, 0] * stride), "o", color="white", markeredgecolor="black")
                said = f"stack {number}: peak {scores[0, 0]:.2f}"
                if labelled[person, index] > 0:
                    error = float((points[0, 0] * stride - keypoints[person, index]).norm())
                    said += f", {error:.1f} px off"
            if labelled[person, index] > 0:
                ax.plot(*keypoints[person, index], "+", color=GREEN, markersize=14, markeredgewidth=3)
            ax.set_title(said, fontsize=10)
            words.append(said)
        name = joint.replace("_", " ")
        figure.suptitle(f"Person {person}, {name} (white: peak, green cross: label)", fontsize=11)
        return f"Person {person}, {name}. Left, {words[0]}. Right, {words[1]}."

    controls = {
        "person": ipywidgets.IntSlider(0, 0, len(crops) - 1),
        "joint": ipywidgets.Dropdown(options=KEYPOINTS, value="right_wrist"),
        "stack": ipywidgets.IntSlider(count, 1, count),
    }
    return Live(draw, controls, size=(6.4, 4.6))
