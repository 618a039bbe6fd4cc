"""One picture that follows its controls, in JupyterLab, VS Code and Colab alike."""

import base64
import html

import ipywidgets
from matplotlib.figure import Figure

from hpe_lib.plots import to_png


class Live(ipywidgets.VBox):
    """Controls above, one persistent picture below, redrawn whenever a control moves.

    draw(figure, **values): draws into an empty figure and returns the picture's alternative text, one sentence that
    says what is to be seen. controls: name -> ipywidgets control. size: (width, height) in inches.
    From Python: `panel.controls["sigma"].value = 3` moves a slider, and an error in `draw` is raised right there;
    `panel.alt` is the text that stands beside the picture now.
    """

    def __init__(self, draw, controls, size=(8, 4), dpi=80):
        self.draw, self.controls, self.dpi = draw, controls, dpi
        self.figure = Figure(figsize=size, layout="constrained")
        self.picture = ipywidgets.HTML()
        for name, control in controls.items():
            control.description = control.description or name.replace("_", " ")
            control.style.description_width = "initial"
            control.layout.width = control.layout.width or "420px"
            control.observe(self.update, names="value")
        super().__init__([*controls.values(), self.picture])
        self.update()

    def update(self, change=None):
        """Draw again with the controls' present values."""
        self.figure.clear()
        self.alt = self.draw(self.figure, **{name: control.value for name, control in self.controls.items()})
        png = base64.b64encode(to_png(self.figure, self.dpi)).decode()
        self.picture.value = f'<img alt="{html.escape(self.alt)}" src="data:image/png;base64,{png}">'

    def __repr__(self):  # what stands in a saved notebook for readers without a kernel
        return f"Run this cell to see and move the controls: {', '.join(self.controls)}."
