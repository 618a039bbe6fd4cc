"""Widget of notebook 02b: three ReLU units that add up to a curve."""

import ipywidgets
import torch

from hpe_lib import plots
from hpe_lib.course.live import Live

X = torch.linspace(-3, 3, 301)
WANTED = torch.sin(1.5 * X)  # what the three units should come near to


def bend(network):
    """Let the weights of a network of three units be moved by hand.

    network: (x (M,), knees (3,), slopes (3,), level) -> y (M,), the notebook's own.
    """

    def ground(figure):
        ax = figure.add_subplot()
        ax.plot(X, WANTED, "--", color=plots.GREY, label="wanted: sin(1.5 x)")
        ax.set(xlim=(-3, 3), ylim=(-2.5, 2.5), xlabel="x", ylabel="y")
        ax.legend(loc="upper left")

    def draw(figure, knee_1, knee_2, knee_3, slope_1, slope_2, slope_3, level):
        ax = figure.axes[0]
        knees, slopes = torch.tensor([knee_1, knee_2, knee_3]), torch.tensor([slope_1, slope_2, slope_3])
        y = network(X, knees, slopes, level)
        ax.plot(X, y, color=plots.BLUE, linewidth=2.5)
        for knee, color in zip(knees, (plots.ORANGE, plots.GREEN, plots.PINK)):
            ax.axvline(knee, color=color, linewidth=1.2)
        error = float((y - WANTED).square().mean())
        ax.set_title(f"mean squared error {error:.3f}")
        at = ", ".join(f"{knee:.1f}" for knee in knees)
        return f"A line with bends at x = {at} beside a sine curve; mean squared error {error:.3f}."

    def slider(value, reach):
        return ipywidgets.FloatSlider(value=value, min=-reach, max=reach, step=0.1, readout_format=".1f")

    controls = {f"knee_{number}": slider(value, 3) for number, value in zip((1, 2, 3), (-2.0, 0.0, 2.0))}
    controls |= {f"slope_{number}": slider(value, 4) for number, value in zip((1, 2, 3), (1.0, 0.0, 0.0))}
    controls["level"] = slider(0.0, 2)
    return Live(draw, controls, (7, 4), ground=ground)
