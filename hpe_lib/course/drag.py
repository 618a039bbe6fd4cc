"""A point that the mouse drags over a picture, or the arrow keys move."""

from pathlib import Path

import anywidget
import numpy as np
import traitlets


class Drag(anywidget.AnyWidget):
    """Lets two sliders of a `Live` panel follow the pointer over one axes of its picture.

    panel: the `Live`. axes: number of the axes in the figure (linear ones). x, y: names of the two sliders. origin:
    where in the axes both sliders are 0. In the browser it is one line of text that says what can be dragged; it can
    be selected to move the point by the arrow keys. Where the browser does not load it, the sliders do the same.
    """

    _esm = Path(__file__).with_suffix(".js")
    picture = traitlets.Unicode().tag(sync=True)  # which <img> the pointer must touch
    label = traitlets.Unicode().tag(sync=True)
    frame = traitlets.List().tag(sync=True)  # the axes' left, top, right, bottom as shares of the picture
    limits = traitlets.List().tag(sync=True)  # values of x at left and right, of y at top and bottom
    at = traitlets.List().tag(sync=True)  # where the point is, in the axes' values
    step = traitlets.List().tag(sync=True)  # of one press of an arrow key
    asked = traitlets.List().tag(sync=True)  # where the browser wants it
    answered = traitlets.Int().tag(sync=True)  # counts answers: the browser asks again only after one has come

    def __init__(self, panel, axes, x, y, origin=(0, 0), label="Drag the point in the picture"):
        self.panel, self.axes, self.names, self.origin = panel, axes, (x, y), origin
        self.sliders = [panel.controls[name] for name in self.names]
        step = [float(slider.step) for slider in self.sliders]
        super().__init__(picture=panel.picture.model_id, label=label, step=step)
        self.observe(self._ask, names="asked")

    def _ask(self, change):
        """Move the sliders to where the browser asks, in whole steps."""
        wanted = {}
        for name, slider, value, origin in zip(self.names, self.sliders, change["new"], self.origin):
            steps = round((np.clip(value - origin, slider.min, slider.max) - slider.min) / slider.step)
            wanted[name] = type(slider.value)(round(slider.min + steps * slider.step, 6))
        if any(self.panel.controls[name].value != value for name, value in wanted.items()):
            self.panel.move(**wanted)
        self.answered += 1

    def follow(self):
        """Tell the browser where the axes and the point are now."""
        figure = self.panel.figure
        ax, (width, height) = figure.axes[self.axes], figure.bbox.size
        box = ax.get_window_extent()
        with self.hold_sync():
            self.frame = [box.x0 / width, 1 - box.y1 / height, box.x1 / width, 1 - box.y0 / height]
            self.limits = [float(value) for value in (*ax.get_xlim(), *ax.get_ylim()[::-1])]
            self.at = [float(slider.value + origin) for slider, origin in zip(self.sliders, self.origin)]
