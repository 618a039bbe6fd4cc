"""Notebook 12: a pose in space that the mouse or the arrow keys turn, beside what the camera saw of it."""

import ipywidgets
import numpy as np
from matplotlib.collections import LineCollection

from hpe_lib.course.live import Live
from hpe_lib.lifting import mpjpe, root_relative
from hpe_lib.plots import GREEN, GREY, draw_pose, side_color
from hpe_lib.skeleton import LIMBS

SHOWN = ("lifted and true", "lifted", "true")


def turned(pose, turn, tilt):
    """A pose (17, 3) m in camera axes, seen by somebody who has gone `turn` degrees round it and `tilt` degrees up."""
    (s, c), (sin, cos) = ((np.sin(np.radians(a)), np.cos(np.radians(a))) for a in (turn, tilt))
    about = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    up = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    return np.asarray(pose) @ (up @ about).T


def draw_skeleton(ax, pose, colors=True):
    """Draw a pose (17, 3), near limbs over far ones; without colours as a thin grey line."""
    for a, b in sorted(LIMBS, key=lambda limb: -pose[list(limb), 2].mean()):
        sides = {side_color(a), side_color(b)} - {GREEN}
        color = GREY if not colors else sides.pop() if len(sides) == 1 else GREEN
        ax.add_collection(LineCollection([pose[[a, b], :2]], colors=color, linewidths=3.5 if colors else 1.8))
    ax.scatter(*pose[:, :2].T, s=18 if colors else 8, color=[side_color(k) if colors else GREY for k in range(17)])


def turning_panel(pixels, found, true):
    """Choose a person, and turn the lifted pose and the true one by two sliders, by the mouse or by the arrow keys.

    pixels: (N, 17, 2) px, what was lifted. found, true: (N, 17, 3) m in the camera's axes.
    """
    found, true = root_relative(found), root_relative(true)

    def draw(figure, person, shown, turn, tilt):
        seen = figure.add_axes((0.02, 0.06, 0.34, 0.76))
        draw_pose(seen, np.column_stack([pixels[person], np.full(17, 2.0)]))
        seen.set(aspect="equal", title="what the camera saw")
        seen.invert_yaxis()
        seen.set_axis_off()
        space = figure.add_axes((0.40, 0.06, 0.58, 0.76))
        if shown != "lifted":
            draw_skeleton(space, turned(true[person], turn, tilt), colors=shown == "true")
        if shown != "true":
            draw_skeleton(space, turned(found[person], turn, tilt))
        space.set(xlim=(-1.36, 1.36), ylim=(1.15, -1.15), title="in space, turned")
        space.set(xticks=[], yticks=[])
        sphere = figure.add_axes(space.get_position(), frameon=False, zorder=5)  # where the pointer turns
        sphere.set(xlim=(-180, 180), ylim=(-90, 90), xticks=[], yticks=[])
        off = np.abs(found[person] - true[person]).mean(axis=0) * 1000  # mm, right, down, forward
        error = mpjpe(found[person], true[person])
        said = f"error {error:.0f} mm (across {off[0]:.0f}, up {off[1]:.0f}, in depth {off[2]:.0f})"
        figure.suptitle(f"Person {person}, turned {turn}°, from {tilt}° above: {said}", fontsize=11)
        return f"Person {person}, {shown}, turned by {turn} degrees, seen from {tilt} degrees above: {said}."

    controls = {
        "person": ipywidgets.IntSlider(0, 0, len(pixels) - 1),
        "shown": ipywidgets.Dropdown(options=SHOWN, description="shown (grey: true, beside lifted)"),
        "turn": ipywidgets.IntSlider(0, -180, 180, 5, description="turn, °"),
        "tilt": ipywidgets.IntSlider(0, -90, 90, 5, description="from above, °"),
    }
    label = "Drag over the right picture to turn the person"
    return Live(draw, controls, size=(8, 4.4), drag={"axes": 2, "x": "turn", "y": "tilt", "label": label})
