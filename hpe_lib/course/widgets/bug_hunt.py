"""Notebook 14: a person goes through the pipeline with one fault, and one sees where it shows and where it hides."""

import ipywidgets
import numpy as np

from hpe_lib import geometry, plots
from hpe_lib.course import pipeline
from hpe_lib.course.live import Live


def taught_and_found(steps, image, box, keypoints, rotation, mirrored):
    """One person there and back: the crop, where the joints truly are in it, where they are taught, where they return.

    keypoints: (17, 3). Returns crop (128, 96, 3), (17, 2) and (17, 2) crop px, (17, 2) image px.
    """
    width = pipeline.INPUT_WH[0]
    crop, matrix = steps["crop"](image, box, rotation)
    true_matrix = pipeline.crop(image, box, rotation)[1]

    def in_crop(matrix, mirror):
        person = np.column_stack([geometry.transform(keypoints[:, :2], matrix), keypoints[:, 2]])
        return np.asarray(mirror(person, width) if mirrored else person)

    truth, taught = in_crop(true_matrix, pipeline.mirror), in_crop(matrix, steps["mirror"])
    cells = np.asarray(steps["decode"](steps["encode"](taught[:, :2], taught[:, 2])))
    back = np.column_stack([pipeline.STRIDE * cells, taught[:, 2]])
    back = pipeline.mirror(back, width) if mirrored else back  # the way home is not what is tested here
    found = np.asarray(steps["to_image"](back[:, :2] / pipeline.STRIDE, matrix))
    return crop[:, ::-1] if mirrored else crop, truth[:, :2], pipeline.STRIDE * cells, found


def hunt_panel(people):
    """Choose a fault, a person, a rotation, a mirror. people: a list of (image, box, keypoints (17, 3))."""

    def draw(figure, fault, person, rotation, mirrored):
        image, box, keypoints = people[person]
        steps, seen = pipeline.planted(None if fault == "none" else fault), keypoints[:, 2] > 0
        crop, truth, taught, found = taught_and_found(steps, image, box, keypoints, rotation, mirrored)
        order = pipeline.FLIP_ORDER if mirrored else np.arange(17)
        in_crop = np.linalg.norm(taught - truth, axis=1)[seen[order]].mean()
        in_image = np.linalg.norm(found - keypoints[:, :2], axis=1)[seen].mean()
        left, right = figure.add_axes((0.01, 0.02, 0.3, 0.84)), figure.add_axes((0.34, 0.02, 0.65, 0.84))
        plots.draw_image(left, crop, f"taught: {in_crop:.1f} crop px off")
        plots.draw_pose(left, np.column_stack([taught, seen[order]]), width=1.5, size=5)
        plots.draw_image(right, image, f"back in the image: {in_image:.1f} px off")
        plots.draw_pose(right, np.column_stack([found, seen]), width=1.5, size=5)
        left.set(xlim=(-0.5, crop.shape[1] - 0.5), ylim=(crop.shape[0] - 0.5, -0.5))
        right.set(xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))
        planted = "No fault" if fault == "none" else f"Fault in {fault!r}: {next(iter(pipeline.FAULTY[fault]))}"
        figure.suptitle(planted, fontsize=11)
        turned = f"turned by {rotation} degrees" + (", mirrored" if mirrored else "")
        return (
            f"{planted}; person {person}, {turned}. In the crop the joints are taught {in_crop:.1f} px from where they "
            f"are; back in the image they are {in_image:.1f} px off."
        )

    controls = {
        "fault": ipywidgets.Dropdown(options=["none", *(step for step in pipeline.STEPS if step != "loss")]),
        "person": ipywidgets.IntSlider(0, 0, len(people) - 1),
        "rotation": ipywidgets.IntSlider(0, -40, 40, step=10),
        "mirrored": ipywidgets.Checkbox(False),
    }
    return Live(draw, controls, size=(7.2, 4.2))
