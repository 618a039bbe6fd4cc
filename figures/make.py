"""Makes every picture in this folder: `python figures/make.py`."""

from pathlib import Path

import numpy as np

from hpe_lib import data, diagrams, models, plots, predict

HERE = Path(__file__).parent


def poses():
    """The README's picture: what the shipped network sees in a drawn scene that it was never trained on."""
    import matplotlib.pyplot as plt

    root = data.find("synthetic")
    groups = {}
    for person in data.persons(root, "val"):
        groups.setdefault(person.image_id, []).append(person)
    full = [group for group in groups.values() if len(group) == 3 and all(p.box[3] > 150 for p in group)]
    model = models.load_model("tiny")
    figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
    for ax, group in zip(axes, full):
        image = data.read_image(group[0].file)
        plots.picture(ax, image)
        for pose in predict.predict_image(model, image, np.array([person.box for person in group])):
            plots.draw_pose(ax, pose)
        ax.set(xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))
    return figure


def network():
    """The paper's figure 2, drawn from the model."""
    return diagrams.network(models.simple_baseline(50))


if __name__ == "__main__":
    plots.use_style()
    for make in (poses, network):
        file = HERE / f"{make.__name__}.png"
        file.write_bytes(plots.smaller(plots.to_png(make(), dpi=110)))
        print(file)
