"""Widgets of notebook 06: a peak between the cells and what a decoder makes of it, and the flip test on a person."""

from functools import partial

import ipywidgets
import numpy as np

from hpe_lib import heatmaps, plots
from hpe_lib.course.live import Live
from hpe_lib.course.words import Words
from hpe_lib.skeleton import KEYPOINTS

SIZE = (7, 7)  # (W, H) cells of the drawn map
MIDDLE = (3, 3)  # the cell inside which the true peak moves
WINDOW = 4.5  # half the side of a close-up, cells
TICKS = np.arange(-4, 5, 2)  # cells from the middle of a close-up


def cell_axes(ax, size=SIZE):
    """Give axes the cells of a map of this size, (W, H)."""
    width, height = size
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), aspect="equal")
    ax.set(xticks=range(width), yticks=range(height), xlabel="x (cells)", ylabel="y (cells)")


def draw_cells(ax, values, cell=None, point=None, truth=None, numbers=True):
    """Draw a map (H, W) with its values; frame the argmax cell, mark the point that is read and the true one."""
    values = np.asarray(values)
    ax.imshow(values, cmap="inferno", vmin=0, vmax=1)
    if numbers:
        lift = 0 if point is None else 0.3  # make room for the marks in the middle
        rows, columns = np.indices(values.shape).reshape(2, -1)
        colors = np.where(values.ravel() > 0.6, "black", "white")
        Words(ax, columns, rows - lift, [f"{value:.2f}" for value in values.ravel()], colors, size=9)
    if cell is not None:
        plots.draw_box(ax, (cell[0] - 0.5, cell[1] - 0.5, 1, 1), plots.SKY, linewidth=3)
    if truth is not None:
        ax.plot(*truth, "P", color=plots.GREEN, markeredgecolor="white", markersize=10, label="true peak")
    if point is not None:
        ax.plot(*point, "o", color=plots.SKY, markeredgecolor="black", markersize=7, label="point that is read")
    if ax.get_xlabel() == "":
        cell_axes(ax, values.shape[::-1])


def argmax(heatmap):
    """The cell (x, y) of the highest value of a map (H, W)."""
    return heatmaps.decode(heatmap[None, None], refine=None)[0][0, 0].numpy()


def peak_axes(figure):
    """The axes of the peak reader: the cells, and the row through the peak."""
    grid, profile = figure.subplots(1, 2, width_ratios=(4, 3))
    cell_axes(grid)
    grid.set_title("cells (sky frame: the largest value)")
    profile.set(xlabel="x (cells)", ylabel="height", title="the row through it", xlim=(-0.6, SIZE[0] - 0.4))
    profile.set(ylim=(-0.25, 1.9), yticks=[0, 0.5, 1])  # room above for the legend


def seen_maps(bell, truth, sigma, noise, flip, shift):
    """What a network would give for a crop, and for its mirror image, mirrored back; and what is decoded: (H, W) each.

    The crop has stride 4, so a peak at x cells lies at W - 0.25 - x in the mirrored crop; each look has its own noise.
    """
    x, y = truth
    plain, mirrored = bell(x, y, sigma, noise), bell(SIZE[0] - 0.25 - x, y, sigma, noise, seed=1)
    looks = [each.expand(1, len(KEYPOINTS), -1, -1) for each in (plain, mirrored)]  # all joints alike
    merged = heatmaps.merge_flipped(*looks, shift)[0, 0]
    return plain, 2 * merged - plain, merged if flip else plain


def draw_peak(figure, bell, read_point, x=0.3, y=0.0, sigma=2.0, noise=0.0, refine="quarter", flip=False, shift=True):
    """Draw the cells around a peak that lies (x, y) cells from the middle of cell (3, 3); returns the alt text."""
    truth = np.add(MIDDLE, (x, y))
    maps = seen_maps(bell, truth, sigma, noise, flip, shift)
    cell, point = argmax(maps[2]), np.asarray(read_point(maps[2], refine))
    error = float(np.linalg.norm(point - truth))
    values, row = maps[2].numpy(), int(cell[1])
    grid, profile = figure.axes
    draw_cells(grid, values, cell, point, truth)
    colors = np.where(np.arange(SIZE[0]) == cell[0], plots.YELLOW, "#CCCCCC")
    profile.vlines(range(SIZE[0]), 0, values[row], colors=colors, linewidth=14, label=f"row y = {row}")
    profile.axvline(truth[0], color=plots.GREEN, linewidth=3, label=f"true x = {truth[0]:.2f}")
    profile.axvline(point[0], color=plots.BLUE, linestyle="--", linewidth=2, label=f"x read = {point[0]:.2f}")
    if flip:
        for each, color, name in zip(maps, (plots.ORANGE, plots.PINK), ("plain", "mirrored" + ", shifted" * shift)):
            profile.plot(each[row], ".:", color=color, label=name)
    profile.legend(loc="upper right", fontsize=9, ncols=2 if flip else 1)
    read, true = (f"({p[0]:.2f}, {p[1]:.2f})" for p in (point, truth))
    how = f"refine: {refine}" + (f", flip with{'' if shift else 'out'} shift" if flip else "")
    title = f"{how}. Read {read}, true {true}: error {error:.2f} cells"
    figure.suptitle(title, fontsize=12)
    return f"Heatmap cells with values, the largest in cell ({cell[0]:.0f}, {cell[1]:.0f}). {title}."


def peak_reader(bell, read_point, refinements):
    """Build the decoder of notebook 06: drag the true peak and see what each refinement and the flip test read.

    bell: (x, y, sigma, noise, seed=0) -> a map (H, W) of `SIZE` with its peak at (x, y) cells. read_point: (map,
    refinement) -> point (x, y) in cells. refinements: the names that it knows, "quarter" among them.
    Returns a `Live` panel with the controls x, y (cells from the middle of cell 3, which the mouse moves too), sigma
    (cells), noise (standard deviation), refine, flip and shift (one cell, of the mirrored map).
    """
    slider = ipywidgets.FloatSlider
    controls = {
        "x": slider(value=0.3, min=-1, max=1, step=0.05, description="x of the true peak (cells from 3)"),
        "y": slider(value=0.0, min=-1, max=1, step=0.05, description="y of the true peak (cells from 3)"),
        "sigma": slider(value=2.0, min=0.5, max=4, step=0.5, description="sigma (cells)"),
        "noise": slider(value=0.0, min=0, max=0.2, step=0.01, description="noise (standard deviation)"),
        "refine": ipywidgets.ToggleButtons(options=refinements, value="quarter", description="refine"),
        "flip": ipywidgets.Checkbox(value=False, description="flip: average with the mirror image's map"),
        "shift": ipywidgets.Checkbox(value=True, description="shift the mirrored map one cell to the right"),
    }
    controls["refine"].style.button_width = "90px"  # all three in one row
    drag = {"axes": 0, "x": "x", "y": "y", "origin": MIDDLE, "label": "Drag the true peak (green plus) with the mouse"}
    draw = partial(draw_peak, bell=bell, read_point=read_point)
    return Live(draw, controls, size=(8.4, 4.4), ground=peak_axes, drag=drag)


def flip_axes(figure, crop_wh):
    """The axes of a flip test: the crop, and three close-ups round the plain peak, in cells from it."""
    axes = figure.subplots(1, 4, width_ratios=(3, 4, 4, 4))
    axes[0].set_axis_off()
    axes[0].set(xlim=(-0.5, crop_wh[0] - 0.5), ylim=(crop_wh[1] - 0.5, -0.5), aspect="equal")
    for ax in axes[1:]:
        ax.set(xlim=(-WINDOW, WINDOW), ylim=(WINDOW, -WINDOW), aspect="equal", facecolor=plots.GREY)
        ax.set(xticks=TICKS, xticklabels=[], yticks=TICKS if ax is axes[1] else [], yticklabels=[])
        ax.set_xlabel("x (cells)", labelpad=16)  # numbers come with the person
    axes[1].set_ylabel("y (cells)", labelpad=20)


def draw_close_up(ax, values, peak, origin, top, truth=None):
    """Draw a map (H, W) round `origin` (2,), the plain peak; frame its own peak, mark the label; all in cells."""
    (x, y), (height, width) = origin, values.shape
    edge = (-0.5 - x, width - 0.5 - x, height - 0.5 - y, -0.5 - y)
    ax.imshow(values, cmap="inferno", vmin=0, vmax=top, extent=edge)
    ax.set(xlim=(-WINDOW, WINDOW), ylim=(WINDOW, -WINDOW))
    ax.axvline(0, color="white", linestyle=":", linewidth=1.5)  # the plain peak, in each panel
    plots.draw_box(ax, (*(peak - origin - 0.5), 1, 1), plots.SKY, linewidth=2.5)
    if truth is not None:
        ax.plot(*(truth - origin), "P", color=plots.GREEN, markeredgecolor="white", markersize=10)
    numbers = [f"{x + tick:.0f}" if 0 <= x + tick < width else "" for tick in TICKS]
    Words(ax, TICKS, WINDOW + 0.75, numbers).set_clip_on(False)
    if len(ax.get_yticks()):
        numbers = [f"{y + tick:.0f}" if 0 <= y + tick < height else "" for tick in TICKS]
        Words(ax, -WINDOW - 0.75, TICKS, numbers).set_clip_on(False)


def draw_flip(figure, mirror_back, crop, plain, mirrored, keypoint, labelled, joint, flip, shift):
    """Draw one joint of one person: crop, plain map, mirrored-back map and the map that is decoded; returns alt text.

    crop: (h, w, 3) uint8. plain, mirrored: (K, H, W). keypoint: (2,) crop px. labelled: bool.
    """
    if not figure.axes:
        flip_axes(figure, crop.shape[1::-1])
    axes = figure.axes
    index, stride = KEYPOINTS.index(joint), crop.shape[1] / plain.shape[-1]
    back = mirror_back(mirrored[None], int(shift))[0, index]  # (H, W)
    maps = [plain[index], back, (plain[index] + back) / 2 if flip else plain[index]]
    peaks = [argmax(each) for each in maps]
    point = heatmaps.decode(maps[2][None, None])[0][0, 0].numpy()
    truth, name = np.asarray(keypoint) / stride, joint.replace("_", " ")
    axes[0].imshow(crop)
    axes[0].set_title(name)
    if labelled:
        axes[0].plot(*keypoint, "P", color=plots.GREEN, markeredgecolor="white", markersize=11)
    names = ("plain", "mirrored back" + ", shifted" * shift, "decoded: " + ("the mean" if flip else "plain only"))
    top = max(1e-6, *(float(m.max()) for m in maps))
    for ax, title, values, peak in zip(axes[1:], names, maps, peaks):
        draw_close_up(ax, values.numpy(), peak, peaks[0], top, truth if labelled else None)
        ax.set_title(f"{title}\npeak ({peak[0]:.0f}, {peak[1]:.0f})", fontsize=11)
    away = f"{np.linalg.norm(point - truth):.2f} cells from the label" if labelled else "no label to compare with"
    apart = round(float(peaks[1][0] - peaks[0][0]))
    side = f"{abs(apart)} cell{'s' * (abs(apart) > 1)} to the {'right' if apart > 0 else 'left'} of"
    place = side if apart else "in the column of"
    title = f"{name}: mirrored-back peak {place} the plain one; decoded point {away}"
    figure.suptitle(title, fontsize=12)
    return f"Crop, plain map, map mirrored back{', shifted' * shift}, decoded map ({names[2][9:]}). {title}."


def flip_viewer(mirror_back, crops, plain, mirrored, keypoints, labelled, person=0, joint="left_wrist"):
    """Step through people and joints, with and without the mirrored image's maps and the shift by one cell.

    mirror_back: (maps (N, K, H, W) of mirrored crops, shift in cells) -> maps that lie on those of the crops.
    crops: (N, 3, h, w) uint8. plain, mirrored: (N, K, H, W), `mirrored` as the network gave it for the mirrored crops.
    keypoints: (N, K, 2) crop px. labelled: (N, K). Returns a `Live` panel: person, joint, flip, shift.
    """

    def draw(figure, person, joint, flip, shift):
        index, crop = KEYPOINTS.index(joint), crops[person].permute(1, 2, 0).numpy()
        label = keypoints[person, index].numpy(), bool(labelled[person, index])
        return draw_flip(figure, mirror_back, crop, plain[person], mirrored[person], *label, joint, flip, shift)

    controls = {
        "person": ipywidgets.IntSlider(value=person, min=0, max=len(crops) - 1),
        "joint": ipywidgets.Dropdown(options=KEYPOINTS, value=joint),
        "flip": ipywidgets.Checkbox(value=True, description="flip: average with the mirror image's map"),
        "shift": ipywidgets.Checkbox(value=True, description="shift the mirrored map one cell to the right"),
    }
    size = tuple(crops.shape[:1:-1])  # (w, h)
    return Live(draw, controls, size=(9.8, 3.8), ground=lambda figure: flip_axes(figure, size))
