"""Notebook 11: one picture, its peaks, and the people that each way of grouping makes of them."""

import ipywidgets

from hpe_lib import evaluate
from hpe_lib.course.live import Live
from hpe_lib.plots import draw_image, draw_people
from hpe_lib.predict.everybody import GROUPINGS, group


def grouping_panel(pictures):
    """Choose a picture, whose maps, a way of grouping, and the height from which a peak is a joint.

    pictures: list of (image (H, W, 3), people (P, 17, 3) px, areas (P,) px^2, maps), where maps is a dictionary, "true"
    and "network" -> (heatmaps, fields, tags, matrix).
    """

    def draw(figure, picture, maps, grouping, threshold):
        image, people, areas, outputs = pictures[picture]
        poses = group(*outputs[maps], grouping, threshold=threshold)
        outcomes = evaluate.joint_outcomes(people, areas, poses)
        counts = {name: int((outcomes == number).sum()) for number, name in enumerate(evaluate.OUTCOMES)}
        ax = figure.add_axes((0.01, 0.01, 0.98, 0.84))
        draw_image(ax, image)
        draw_people(ax, poses)
        ax.set(xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))
        said = f"{len(people)} people, {len(poses)} poses, {maps} maps, {grouping}, peaks above {threshold:.2f}"
        joints = ", ".join(f"{count} {name}" for name, count in counts.items())
        figure.suptitle(f"{said}\njoints: {joints}", fontsize=11)
        return f"{said}. Joints: {joints}."

    names = [(f"{len(people)} people", number) for number, (_, people, _, _) in enumerate(pictures)]
    controls = {
        "picture": ipywidgets.Dropdown(options=names, value=0),
        "maps": ipywidgets.Dropdown(options=["true", "network"], value="network"),
        "grouping": ipywidgets.Dropdown(options=[*GROUPINGS], value="greedy"),
        "threshold": ipywidgets.FloatSlider(0.1, min=0.02, max=0.8, step=0.02),
    }
    return Live(draw, controls, size=(7, 5.8))
