"""The browser of notebook 01: steps through the images of a data set whose people pass a filter."""

from functools import lru_cache
from pathlib import Path

import ipywidgets
import numpy as np
from matplotlib.colors import to_rgb

from hpe_lib import data, plots
from hpe_lib.course.live import Live

AREAS = {"any": (0, np.inf), "S": (0, 32**2), "M": (32**2, 96**2), "L": (96**2, np.inf)}
"""COCO's sizes: the least area of the mask, in px^2, that belongs to a size, and the least that no longer does."""


class Filter:
    """Finds the images of an annotation dictionary (as `data.read_annotations` gives it) that hold certain people."""

    def __init__(self, content):
        self.annotations = {image["id"]: [] for image in content["images"]}
        for annotation in content["annotations"]:
            self.annotations[annotation["image_id"]].append(annotation)
        self.images = [image for image in content["images"] if self.people(image)]
        self.most_people = max((len(self.people(image)) for image in self.images), default=1)

    def people(self, image):
        """The annotations of an image that are no crowds."""
        return [annotation for annotation in self.annotations[image["id"]] if not annotation["iscrowd"]]

    def matching_people(self, image, size, seen):
        """The people of an image that have this size and at least `seen` joints with v = 2."""
        low, high = AREAS[size]
        return [
            person
            for person in self.people(image)
            if low <= person["area"] < high and sum(v == 2 for v in person["keypoints"][2::3]) >= seen
        ]

    def matching_images(self, size, people, seen):
        """The images with at least `people` people, one of whom or more matches."""
        crowded = [image for image in self.images if len(self.people(image)) >= people]
        return [image for image in crowded if self.matching_people(image, size, seen)]


def browse(root, split, content, mask_of):
    """A panel that shows, one by one, the images whose people pass a filter. Images are read when they are shown.

    root: a folder in COCO's layout. split: "train" or "val". content: its annotations, as `data.read_annotations`
    gives them. mask_of(annotation) -> (H, W) of 0 and 1, as `COCO.annToMask`. Controls: `size` (any, S, M, L),
    `people` (the least number in the image), `seen` (the least number of joints with v = 2; 0 admits people whom
    nobody labelled), `image` (which match), `box`, `mask`, `skeleton`.
    """
    chosen, folder = Filter(content), Path(root) / f"{split}2017"
    find = lru_cache(maxsize=64)(chosen.matching_images)
    read = lru_cache(maxsize=8)(data.read_image)
    controls = _controls(chosen.most_people)

    def draw(figure, size, people, seen, image, box, mask, skeleton):
        matches = find(size, people, seen)
        if not matches:
            return _say(figure, "No image matches. Ask for fewer people, fewer seen joints, or another size.")
        entry = matches[min(image, len(matches)) - 1]
        try:
            pixels = read(folder / entry["file_name"])
        except (FileNotFoundError, ValueError) as error:  # an error in a callback would be lost in the browser's log
            return _say(figure, str(error))
        who = chosen.matching_people(entry, size, seen)
        head = f"Image {min(image, len(matches))} of {len(matches)} that match"
        ax = figure.add_axes((0.01, 0.01, 0.98, 0.87))
        plots.draw_image(ax, pixels, f"{head}\n{_people(len(chosen.people(entry)))}, {len(who)} matching")
        drawn = _overlay(ax, chosen.annotations[entry["id"]], who, mask_of if mask else None, box, skeleton)
        ax.set(xlim=(-0.5, entry["width"] - 0.5), ylim=(entry["height"] - 0.5, -0.5))
        return (
            f"{head}, {entry['file_name']}: {_people(len(chosen.people(entry)))}, {len(who)} matching, "
            f"drawn with {', '.join(drawn) or 'nothing over the image'}."
        )

    def refilter(change=None):
        """Start again at the first match; runs before the panel draws, since it is registered first."""
        count = len(find(*(controls[name].value for name in ("size", "people", "seen"))))
        controls["image"].value, controls["image"].max = 1, max(count, 1)
        controls["image"].disabled = count < 2

    for name in ("size", "people", "seen"):
        controls[name].observe(refilter, names="value")
    refilter()
    return _arrange(Live(draw, controls, size=(7.5, 5.5)))


def _controls(most_people):
    sizes = [("any", "any"), ("S: below 32² px²", "S"), ("M: 32² to 96² px²", "M"), ("L: from 96² px²", "L")]
    controls = {
        "size": ipywidgets.Dropdown(
            options=sizes, value="any", description="Size, by area of the mask", layout={"width": "400px"}
        ),
        "people": ipywidgets.IntSlider(1, 1, max(most_people, 2), description="People in the image, at least"),
        "seen": ipywidgets.IntSlider(1, 0, 17, description="Seen joints of a person, at least"),
        "image": ipywidgets.IntSlider(1, 1, 2, description="Image"),
    }
    for name in ("people", "seen", "image"):
        controls[name].layout.width = "400px"
    for name, shown in (("box", True), ("mask", False), ("skeleton", True)):
        controls[name] = ipywidgets.Checkbox(shown, description=name, indent=False, layout={"width": "100px"})
    return controls


def _arrange(panel):
    """Lay the controls out in rows, with buttons for the image before and after."""
    image = panel.controls["image"]
    panel.buttons = {}
    for name, icon, step in (("Previous", "arrow-left", -1), ("Next", "arrow-right", 1)):
        button = ipywidgets.Button(description=name, icon=icon, layout={"width": "110px"})
        button.on_click(lambda _, step=step: setattr(image, "value", min(max(image.value + step, 1), image.max)))
        panel.buttons[name.lower()] = button
    rows = (
        [panel.controls["size"], *(panel.controls[name] for name in ("box", "mask", "skeleton"))],
        [panel.controls["people"], panel.controls["seen"]],
        [image, *panel.buttons.values()],
    )
    panel.children = [*(ipywidgets.HBox(row) for row in rows), panel.picture]
    return panel


def _people(count):
    return f"{count} {'person' if count == 1 else 'people'}"


def _say(figure, text):
    figure.text(0.5, 0.5, text, ha="center", va="center", wrap=True)
    return text


def _overlay(ax, annotations, who, mask_of, box, skeleton):
    """Draw what was asked for, masks if there is a `mask_of` -> the names of what is drawn."""
    names = {person["id"] for person in who}
    found, drawn = 0, []
    for annotation in annotations:
        crowd, matches = bool(annotation["iscrowd"]), annotation["id"] in names
        color = plots.PINK if crowd else plots.SKY
        if box and (matches or crowd):
            plots.draw_box(ax, annotation["bbox"], color, "crowd" if crowd else None)
        elif box:  # dashed in black and white, to be seen on any ground
            plots.draw_box(ax, annotation["bbox"], "black", linewidth=1.5)
            plots.draw_box(ax, annotation["bbox"], "white", linewidth=1.5, linestyle="--")
        if mask_of and (crowd or matches) and annotation.get("segmentation"):
            area = mask_of(annotation)  # (H, W)
            ax.imshow(np.dstack([np.full((*area.shape, 3), to_rgb(color)), 0.6 * area]))
            found += 1
        if skeleton and matches:
            plots.draw_pose(ax, np.reshape(annotation["keypoints"], (17, 3)))
    drawn += ["box"] * box + ["skeleton"] * skeleton
    if mask_of:
        drawn.append(f"{found} mask{'s' * (found != 1)}" if found else "no mask (the file holds none for them)")
    return drawn
