"""One picture that follows its controls, in JupyterLab, VS Code and Colab alike."""

import base64
import html
import io

import ipywidgets
import PIL.Image
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

try:
    from hpe_lib.course.drag import Drag
except ImportError:  # without anywidget there are still the sliders
    Drag = None


class Live(ipywidgets.VBox):
    """Controls above, one persistent picture below, redrawn whenever a control moves.

    draw(figure, **values): draws and returns the picture's alternative text, one sentence that says what is to be seen.
    controls: name -> ipywidgets control. size: (width, height) in inches.
    ground(figure, **values): draws what stays, axes above all. It is called first and whenever one of the controls
    `ground_of` moves; otherwise the figure is kept as pixels, and `draw` adds to its axes what moves, on top. Axes get
    their limits and places from the ground. Without it `draw` gets an empty figure each time and places its own axes.
    drag: keywords of `Drag`, for a point that follows the mouse over the picture.

    From Python: `panel.controls["sigma"].value = 3` moves a slider, `panel.move(sigma=3, stride=8)` several at once,
    and an error in `draw` is raised right there; `panel.alt` is the text that stands beside the picture now.
    """

    def __init__(self, draw, controls, size=(8, 4), dpi=80, ground=None, ground_of=(), drag=None):
        self.draw, self.controls, self.dpi = draw, controls, dpi
        self.ground, self.ground_of, self.drawn_for = ground, ground_of, None
        self.places, self.resting = [], False
        self.figure = Figure(figsize=size)
        self.canvas = FigureCanvasAgg(self.figure)
        self.picture = ipywidgets.HTML()
        self.drag = Drag(self, **drag) if drag and Drag else None
        for name, control in controls.items():
            control.description = control.description or name.replace("_", " ")
            control.style.description_width = "initial"
            control.layout.width = control.layout.width or "420px"
            control.observe(self.update, names="value")
        super().__init__([*controls.values(), self.picture, *([self.drag] if self.drag else [])])
        self.update()

    def move(self, **values):
        """Set several controls and draw once."""
        self.resting = True
        try:
            for name, value in values.items():
                self.controls[name].value = value
        finally:
            self.resting = False
        self.update()

    def update(self, change=None):
        """Draw again with the controls' present values."""
        if self.resting:
            return
        values = {name: control.value for name, control in self.controls.items()}
        wanted = (self.dpi, *(values[name] for name in self.ground_of))
        fresh, self.drawn_for = self.ground is None or wanted != self.drawn_for, None  # None until all has gone well
        if fresh:
            self.figure.clear()
            self.figure.set_dpi(self.dpi)
            self.figure.set_layout_engine("constrained" if self.ground else "none")
            if self.ground:
                self.ground(self.figure, **{name: values[name] for name in self.ground_of})
                self.figure.suptitle(self.figure.get_suptitle())
            self.stays = set(_artists(self.figure)) - set(_titles(self.figure))
        else:
            for artist in set(_artists(self.figure)) - self.stays - set(_titles(self.figure)):
                artist.remove()
        self.alt = self.draw(self.figure, **values)
        self.paint(fresh)
        self.drawn_for = wanted
        self.picture.value = self.as_html()
        if self.drag:
            self.drag.follow()

    def paint(self, fresh):
        """Bring the canvas's pixels up to date: all of them, or only what moves, over the kept ground."""
        if self.ground is None:
            self.canvas.draw()
            return
        moves = [artist for artist in _artists(self.figure) if artist not in self.stays]
        if fresh:
            for artist in moves:
                artist.set_animated(True)  # left out by canvas.draw
            self.lay_out()
            self.canvas.draw()
            self.pixels = self.canvas.copy_from_bbox(self.figure.bbox)
        self.figure._suptitle.set_y(self.top)  # `suptitle` puts it elsewhere
        self.canvas.restore_region(self.pixels)
        for artist in sorted(moves, key=lambda artist: artist.get_zorder()):
            artist.draw(self.canvas.get_renderer())

    def lay_out(self):
        """Find the axes' places, once: later nothing jumps, and nothing has to be measured."""
        if not self.places:
            for _ in range(2):  # a legend beside square axes takes two turns
                self.figure.get_layout_engine().execute(self.figure)
            self.places = [ax.get_position(original=True) for ax in self.figure.axes]
            self.top = self.figure._suptitle.get_position()[1]
        self.figure.set_layout_engine("none")
        for ax, place in zip(self.figure.axes, self.places):
            ax.set_position(place)

    def as_html(self):
        """The canvas as an <img> with the alternative text."""
        size, buffer = self.canvas.get_width_height(), io.BytesIO()
        pixels = PIL.Image.frombuffer("RGBA", size, bytes(self.canvas.buffer_rgba())).convert("RGB")
        pixels.save(buffer, "png", compress_level=1)  # quick; the browser is next door
        source = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
        name = f' draggable="false" data-live="{self.picture.model_id}"' if self.drag else ""
        return f'<img alt="{html.escape(self.alt)}" width="{size[0]}" height="{size[1]}"{name} src="{source}">'

    def __repr__(self):  # what stands in a saved notebook for readers without a kernel
        return f"Run this cell to see and move the controls: {', '.join(self.controls)}."


def _titles(figure):
    """Titles that axes and figure have from the start; they belong to what moves, and are never removed."""
    return [figure._suptitle, *(ax.title for ax in figure.axes)] if figure._suptitle else []


def _artists(figure):
    """Everything in a figure, axes and their parts; the axes themselves and backgrounds left out."""
    parts = [part for part in figure.get_children() if part is not figure.patch and part not in figure.axes]
    return parts + [part for ax in figure.axes for part in ax.get_children() if part is not ax.patch]
