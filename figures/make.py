"""Makes every picture in this folder: `python figures/make.py`. The moving one needs a browser, see tests/browser."""

import io
import sys
import tempfile
from pathlib import Path

import nbformat
import numpy as np
import PIL.Image

from hpe_lib import data, models, plots, predict
from hpe_lib.course.diagrams import deconvolution_head as diagrams

HERE = Path(__file__).parent


def poses():
    """The README's picture: photographs that neither detector nor pose network has learnt from, and drawn people."""
    import matplotlib.pyplot as plt

    album, groups = data.find("photographs"), {}
    for person in data.persons(data.find("synthetic"), "val"):
        groups.setdefault(person.file, []).append(person)
    drawn = next(group for group in groups.values() if len(group) == 3 and all(p.box[3] > 150 for p in group))
    files = [album / "val2017" / f"{number:012}.jpg" for number in (785, 187362, 367818)] + [drawn[0].file]
    images = [data.read_image(file) for file in files]
    photos, tiny = models.load_model("photos"), models.load_model("tiny")
    found = [predict.find_poses(photos, image, predict.detect_people)[0] for image in images[:3]]
    found.append(predict.predict_image(tiny, images[3], [person.box for person in drawn]))
    shapes = [image.shape[1] / image.shape[0] for image in images]
    figure, axes = plt.subplots(1, 4, figsize=(13, 13 / sum(shapes) + 0.2), layout="constrained", width_ratios=shapes)
    for ax, file, image, people in zip(axes, files, images, found):
        plots.draw_image(ax, image, credit=data.credit(file))
        for pose in people:
            plots.draw_pose(ax, pose, threshold=0.2)
        ax.set(xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))
    return figure


def network():
    """The paper's figure 2, drawn from the model."""
    return diagrams.network(models.simple_baseline(50))


def widget():
    """Notebook 07's ruler in JupyterLab, a joint and with it the whole person dragged by the mouse: PIL images."""
    from playwright.sync_api import sync_playwright

    from tests.browser import lab, test_in_jupyterlab

    source = HERE.parent / "notebooks" / "07_metrics.ipynb"
    cells = lab.cells_for(nbformat.read(source, as_version=4), test_in_jupyterlab.panel_cells(source.stem)[0])
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play, lab.jupyterlab(folder) as url:
        browser = play.chromium.launch(executable_path=lab.find_browser(), args=lab.FLAGS)
        name = lab.copy_of(source, folder, cells=cells, at_end="print(*panel.drag.frame)")
        notebook = lab.Notebook(browser, url, name, width=1150, height=1400)
        notebook.run_all()
        left, top, right, bottom = map(float, notebook.last_output().split())
        panel = notebook.panels().first
        panel.locator("input[type=checkbox]").click()  # move all labelled joints
        notebook.page.evaluate(POINTER)
        box = panel.locator(".widget-html img").bounding_box()
        frames = []
        for step in range(FRAMES):
            turn = 2 * np.pi * step / FRAMES
            radius = 0.2 * (1 - np.cos(turn))  # out to 0.4 of the axes' width, and back again
            x, y = 0.5 + radius * np.cos(1.5 * turn), 0.5 + radius * np.sin(1.5 * turn)
            place = left + x * (right - left), top + y * (bottom - top)
            notebook.page.mouse.move(box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"])
            if step == 0:
                notebook.page.mouse.down()
            notebook.page.wait_for_timeout(600)
            frames.append(PIL.Image.open(io.BytesIO(panel.screenshot())).convert("RGB"))
        notebook.close()
    return frames


FRAMES = 24
POINTER = """() => {  // screenshots leave the mouse's arrow out
  const arrow = document.createElement('div');
  arrow.style = 'position:fixed; z-index:9999; pointer-events:none; width:0; height:0; border-style:solid;'
    + 'border-width:0 9px 20px 0; border-color:transparent transparent transparent black; rotate:-12deg;';
  document.body.append(arrow);
  const follow = (event) => { arrow.style.left = event.clientX + 'px'; arrow.style.top = event.clientY + 'px'; };
  document.addEventListener('pointermove', follow, true);
}"""


def save_moving(frames, file):
    """Write PIL images as one endless GIF, all with the first one's 256 colours."""
    palette = frames[0].quantize(256, PIL.Image.Quantize.FASTOCTREE)  # keeps the colours of small things
    few = [frame.quantize(palette=palette, dither=PIL.Image.Dither.NONE) for frame in frames]
    few[0].save(file, save_all=True, append_images=few[1:], duration=150, loop=0, optimize=True)


if __name__ == "__main__":
    plots.use_style()
    for make in (poses, network):
        file = HERE / f"{make.__name__}.png"
        file.write_bytes(plots.smaller(plots.to_png(make(), dpi=110)))
        print(file)
    sys.path.insert(0, str(HERE.parent))
    from tests.browser.lab import find_browser

    if find_browser():
        save_moving(widget(), HERE / "widget.gif")
        print(HERE / "widget.gif")
    else:
        print("no browser on this machine: widget.gif stays as it is")
