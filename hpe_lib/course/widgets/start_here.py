"""The pose browser of notebook 00: what the network found on some images, by how sure it was."""

from functools import lru_cache
from itertools import pairwise

import ipywidgets
import numpy as np

from hpe_lib import data, plots, predict
from hpe_lib.course.live import Live


def browse(model, groups):
    """A panel that draws predicted or labelled poses on one of several images.

    model: a pose network. groups: for each image the list of its `data.Person`s; the network runs once, here, on all
    of them. Controls: `image` (which image, from 1), `threshold` (joints whose peak is not higher are left out; it
    rests while labels are shown), `boxes`, `truth` (the labels instead of the predictions).
    The panel's `poses` holds the predictions, one array (M, 17, 3) an image. ValueError where there is no image.
    """
    if not groups:
        raise ValueError("no images to browse: give at least one list of people, one list for each image")
    everybody = predict.predict_people(model, [person for group in groups for person in group])
    borders = np.cumsum([0] + [len(group) for group in groups])
    poses = [everybody[start:stop] for start, stop in pairwise(borders)]
    read = lru_cache(maxsize=len(groups))(data.read_image)

    def draw(figure, image, threshold, boxes, truth):
        group, pixels = groups[image - 1], read(groups[image - 1][0].file)
        shown = np.array([person.keypoints for person in group]) if truth else poses[image - 1]
        limit = 0.0 if truth else threshold
        ax = figure.add_axes((0.01, 0.01, 0.98, 0.87))
        for person in group if boxes else ():
            plots.draw_box(ax, person.box)
        for pose in shown:
            plots.draw_pose(ax, pose, limit)
        drawn = f"{int((shown[:, :, 2] > limit).sum())} of {17 * len(group)}"
        head = f"Image {image} of {len(groups)}, {len(group)} {'person' if len(group) == 1 else 'people'}"
        reason = "joints have a label" if truth else f"predicted joints have a peak above {threshold:.1f}"
        plots.draw_image(ax, pixels, f"{head}\n{drawn} {reason}")
        ax.set(xlim=(-0.5, pixels.shape[1] - 0.5), ylim=(pixels.shape[0] - 0.5, -0.5))
        return f"{head}: {drawn} {reason} and are drawn, {'with' if boxes else 'without'} boxes."

    panel = Live(draw, _controls(len(groups)), size=(7, 5.2))
    panel.poses = poses
    return _arrange(panel)


def _controls(count):
    words = {"threshold": "Draw joints with a peak above", "truth": "true pose instead of predicted"}
    return {
        "image": ipywidgets.IntSlider(1, 1, max(count, 2), description="Image", disabled=count < 2),
        "threshold": ipywidgets.FloatSlider(0.3, min=0, max=0.9, step=0.1, description=words["threshold"]),
        "boxes": ipywidgets.Checkbox(True, description="boxes", indent=False),
        "truth": ipywidgets.Checkbox(False, description=words["truth"], indent=False),
    }


def _arrange(panel):
    """Lay the controls out in two rows, and let the threshold rest while labels are shown."""
    controls = panel.controls

    def rest(change):
        controls["threshold"].disabled = change["new"]

    controls["truth"].observe(rest, names="value")
    for name in ("boxes", "truth"):
        controls[name].layout.width = "240px" if name == "truth" else "90px"
    rows = ([controls["image"], controls["boxes"], controls["truth"]], [controls["threshold"]])
    panel.children = [*(ipywidgets.HBox(row) for row in rows), panel.picture]
    return panel
