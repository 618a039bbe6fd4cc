"""Notebook 10: which joints are drawn at which threshold, and a picture of one's own."""

import html

import ipywidgets
import numpy as np

from hpe_lib import plots
from hpe_lib.course.live import Live
from hpe_lib.predict import read_upright


def threshold_panel(pictures):
    """Choose a picture and a threshold; joints of a lower score are not drawn.

    pictures: name -> (image (H, W, 3) uint8, poses (P, 17, 3), credit). Several people get a colour each.
    """

    def draw(figure, picture, threshold):
        image, poses, credit = pictures[picture]
        ax = figure.add_axes((0.01, 0.07, 0.98, 0.83))
        plots.draw_image(ax, image)
        for number, pose in enumerate(poses):
            color = plots.person_color(number) if len(poses) > 1 else None
            plots.draw_pose(ax, pose, threshold, width=1.8, size=14, color=color)
        ax.set(xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))
        shown, joints = sum(int((pose[:, 2] > threshold).sum()) for pose in poses), 17 * len(poses)
        figure.suptitle(f"threshold {threshold:.2f}: {shown} of {joints} joints drawn", fontsize=11)
        figure.text(0.5, 0.02, credit, ha="center", fontsize=7)
        who = "1 person" if len(poses) == 1 else f"{len(poses)} people"
        return f"{picture}, {who}; threshold {threshold:.2f}: {shown} of {joints} joints drawn. {credit}"

    controls = {
        "picture": ipywidgets.Dropdown(options=list(pictures)),
        "threshold": ipywidgets.FloatSlider(0.2, min=0.0, max=1.0, step=0.05),
    }
    return Live(draw, controls, size=(6.4, 5.2))


class UploadPanel(ipywidgets.VBox):
    """A button that takes a picture from the reader's disk, and what was found in it below.

    find(image): (H, W, 3) uint8 -> poses (P, 17, 3) and scores (P,). The picture stays in this kernel.
    """

    def __init__(self, find):
        self.find, self.image, self.poses = find, None, np.zeros((0, 17, 3))
        self.button = ipywidgets.FileUpload(accept="image/*", multiple=False, description="your picture")
        self.said, self.drawn = ipywidgets.HTML("No picture yet."), ipywidgets.Image(format="png")
        self.drawn.layout.display = "none"
        self.button.observe(self.take, names="value")
        super().__init__([self.button, self.said, self.drawn])

    def take(self, change):
        """Read the upload, find people, draw them; what is wrong with a file is said in a sentence."""
        files = list(self.button.value)
        if not files:
            return
        try:
            self.image = read_upright(bytes(files[0]["content"]), files[0]["name"])
            self.poses, _ = self.find(self.image)
        except (ValueError, OSError) as error:
            self.say(str(error))
            self.drawn.layout.display = "none"
            return
        step = max(1, -(-max(self.image.shape) // 1000))
        colors = [plots.person_color(number) for number in range(len(self.poses))]
        scaled = self.poses / [step, step, 1]
        figure = plots.show_poses(self.image[::step, ::step], scaled, threshold=0.2, colors=colors)
        self.drawn.value, self.drawn.layout.display = plots.to_png(figure), ""
        plots.plt.close(figure)
        count = len(self.poses)
        self.say(
            f"{files[0]['name']}: {'nobody' if not count else 'one person' if count == 1 else f'{count} people'} found."
        )

    def say(self, text):
        self.said.value = html.escape(text)

    def __repr__(self):  # what stands in a saved notebook for readers without a kernel
        return "Run this cell to upload a picture of your own."
