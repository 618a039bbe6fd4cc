"""Widgets of notebook 02: one joint's target heatmap with its knobs, and a crop that one can turn, scale and mirror."""

import ipywidgets
import numpy as np

from hpe_lib import geometry, plots
from hpe_lib.course.live import Live
from hpe_lib.skeleton import FLIP_ORDER, KEYPOINTS

STRIDES = (1, 2, 4, 8)  # crop px per heatmap cell
CROP_WH = (192, 256)  # px
ZOOM = 20  # half the side of the close-up, crop px


def heatmap_sliders(there_and_back, crop, keypoints, labelled, joint="left_wrist", sigma=2.0, stride=4):
    """Sliders for joint, sigma and stride over one person's target heatmap, with what decoding gives back.

    there_and_back(keypoint, labelled, sigma, stride): the notebook's -> target (H, W), weight, decoded point (2,) and
    its error. crop: (256, 192, 3) uint8. keypoints: (17, 2) crop px. labelled: (17,).
    Returns a `Live` panel with the controls joint, sigma (cells) and stride (crop px per cell).
    """

    def draw(figure, joint, sigma, stride):
        return draw_target(figure, there_and_back, crop, keypoints, labelled, joint, sigma, stride)

    controls = {
        "joint": ipywidgets.SelectionSlider(options=KEYPOINTS, value=joint, description="joint"),
        "sigma": ipywidgets.FloatSlider(value=sigma, min=0.5, max=6, step=0.5, description="sigma (cells)"),
        "stride": ipywidgets.SelectionSlider(options=STRIDES, value=stride, description="stride (crop px per cell)"),
    }
    return Live(
        draw,
        controls,
        size=(8.2, 4.6),
        ground=lambda figure, joint: target_axes(figure, crop, keypoints, joint),
        ground_of=("joint",),
    )


def two_axes(figure, left, right):
    """Place two axes by hand (left, bottom, width, height in shares): a layout engine would draw everything twice."""
    figure.set_layout_engine("none")
    return figure.add_axes(left), figure.add_axes(right)


def target_axes(figure, crop, keypoints, joint):
    """The axes for one joint's target: the whole crop, and a close-up round the label."""
    (height, width), (x, y) = crop.shape[:2], keypoints[KEYPOINTS.index(joint)]
    whole, close = two_axes(figure, (0.01, 0.03, 0.4, 0.79), (0.5, 0.13, 0.48, 0.69))
    whole.set_axis_off()
    whole.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), aspect="equal")
    close.set(xlim=(x - ZOOM, x + ZOOM), ylim=(y + ZOOM, y - ZOOM), xlabel="x (crop px)", ylabel="y (crop px)")
    close.set(title="close up", aspect="equal")


def draw_target(figure, there_and_back, crop, keypoints, labelled, joint, sigma, stride):
    """Draw a joint's target over the crop and close up, with the label and the decoded point; returns the alt text."""
    index, (height, width) = KEYPOINTS.index(joint), crop.shape[:2]
    keypoint = np.asarray(keypoints[index], dtype=float)
    heatmap, weight, point, error = there_and_back(keypoint, labelled[index], sigma, stride)
    whole, close = figure.axes
    plots.draw_heatmap(whole, crop, heatmap)
    name, cells = joint.replace("_", " "), f"{heatmap.shape[1]} x {heatmap.shape[0]} cells"
    whole.set_title(f"{name}: {cells}")
    edge = [-stride / 2, width - stride / 2, height - stride / 2, -stride / 2]
    close.imshow(heatmap, extent=edge, interpolation="nearest", cmap="inferno", vmin=0, vmax=1)
    if weight == 0:
        note = {"ha": "center", "va": "center", "bbox": {"facecolor": "white", "edgecolor": "none"}}
        close.text(0.5, 0.5, "weight 0:\nnothing to learn here", transform=close.transAxes, **note)
        figure.suptitle(f"The {name} has no label inside this crop: the target stays empty")
        return f"The target of the {name} is empty, {cells}: it has no label inside this crop, and its weight is 0."
    close.plot(*zip(keypoint, point), color="white", linewidth=1.5)
    close.plot(*keypoint, "P", color=plots.SKY, markeredgecolor="black", markersize=11, label="label")
    close.plot(*point, "o", color=plots.GREEN, markeredgecolor="white", markersize=9, label="decoded (argmax)")
    close.legend(loc="upper right", fontsize=9)
    said = f"stride {stride} px, sigma {sigma:g} cells: decoded {error:.1f} px from the label"
    figure.suptitle(f"{name}, {said}")
    return f"Target heatmap of the {name}, {cells}, over the crop and close up; {said}."


def crop_editor(changed_crop, image, pose, box):
    """Controls for the scale, rotation and mirror of a crop, and a box for swapping left and right.

    changed_crop(image, pose, box, scale, rotation, mirror, swap): the notebook's -> crop (256, 192, 3), pose (17, 3)
    in crop px, matrix (2, 3) from image px to crop px. image: (H, W, 3) uint8. pose: (17, 3) image px and visibility.
    box: (4,) image px. Returns a `Live` panel with the controls scale (factor on the frame), rotation (degrees),
    mirror and swap.
    """

    def axes(figure):
        before, after = two_axes(figure, (0.01, 0.01, 0.58, 0.77), (0.61, 0.01, 0.38, 0.77))
        plots.draw_image(before, image, "the image and its frame")
        center, size = geometry.crop_frame(box, CROP_WH[0] / CROP_WH[1])
        low, high = np.minimum(0, center - 0.65 * size), np.maximum(image.shape[1::-1], center + 0.65 * size)
        before.set(xlim=(low[0] - 0.5, high[0] - 0.5), ylim=(high[1] - 0.5, low[1] - 0.5))  # room for the largest frame
        after.set_axis_off()
        after.set(xlim=(-0.5, CROP_WH[0] - 0.5), ylim=(CROP_WH[1] - 0.5, -0.5), aspect="equal")
        after.set_title(f"the crop, {CROP_WH[0]} x {CROP_WH[1]} px")

    def draw(figure, scale, rotation, mirror, swap):
        crop, moved, matrix = changed_crop(image, pose, box, scale, rotation, mirror, swap)
        wrong = 0 if mirror == swap else int((np.arange(17) != FLIP_ORDER).sum())
        before, after = figure.axes
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]) * CROP_WH  # crop px
        before.plot(*geometry.transform(corners, geometry.invert(matrix)).T, color=plots.SKY, linewidth=2.5)
        after.imshow(crop)
        plots.draw_pose(after, moved)
        names = "all names right" if wrong == 0 else f"{wrong} of 17 names WRONG"
        turned = f"frame x {scale:.2f}, turned {rotation:+.0f} degrees, {'mirrored' if mirror else 'not mirrored'}"
        figure.suptitle(f"{turned}: {names}\norange: called left, blue: called right", fontsize=12)
        return f"A person in the image with the frame, and the crop with the skeleton: {turned}; {names}."

    controls = {
        "scale": ipywidgets.FloatSlider(value=1.0, min=0.7, max=1.3, step=0.05, description="scale (of the frame)"),
        "rotation": ipywidgets.IntSlider(value=0, min=-80, max=80, step=5, description="rotation (degrees)"),
        "mirror": ipywidgets.Checkbox(value=False, description="mirror the image"),
        "swap": ipywidgets.Checkbox(value=False, description="swap the names left and right"),
    }
    return Live(draw, controls, size=(8.2, 4.6), ground=axes)
