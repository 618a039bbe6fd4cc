"""Notebook 09: where the token of a joint looks, in every layer and attention head."""

import ipywidgets
import torch

from hpe_lib.course.live import Live
from hpe_lib.plots import GREEN, draw_heatmap, draw_image
from hpe_lib.skeleton import KEYPOINTS


def attention_panel(crops, attention, keypoints, labelled, middles):
    """Choose a person, a joint, a layer and an attention head; the joint's token is marked, and where it looks.

    crops: (N, H, W, 3) uint8. attention: (N, layers, heads, T, T), rows look. keypoints: (N, K, 2) crop px.
    labelled: (N, K). middles: (rows, columns, 2) crop px, the middles of the tokens.
    """
    rows, columns = middles.shape[:2]
    places = middles.reshape(-1, 2)

    def draw(figure, person, joint, layer, head):
        index, name = KEYPOINTS.index(joint), joint.replace("_", " ")
        axes = [figure.add_axes((left, 0.02, 0.46, 0.82)) for left in (0.02, 0.52)]
        draw_image(axes[0], crops[person])
        if not labelled[person, index] > 0:
            draw_image(axes[1], crops[person])
            said = "has no label here"
        else:
            token = int((places - keypoints[person, index]).norm(dim=1).argmin())
            looks = attention[person, layer - 1, :, token]  # (heads, T)
            looks = looks.mean(dim=0) if head == "mean" else looks[int(head) - 1]
            draw_heatmap(axes[1], crops[person], looks.reshape(rows, columns).numpy())
            distances = (places - places[token]).norm(dim=1)
            best = int(looks.argmax())
            seen = torch.where(labelled[person] > 0, (keypoints[person] - places[best]).norm(dim=1), torch.inf)
            near = KEYPOINTS[int(seen.argmin())].replace("_", " ")
            said = (
                f"looks {float((looks * distances).sum()):.0f} px far on the mean, most (weight {looks[best]:.2f}) "
                f"at a patch {float(seen.min()):.0f} px from the {near}"
            )
            for ax in axes:
                ax.plot(*places[token].tolist(), "s", color=GREEN, markersize=14, fillstyle="none", markeredgewidth=2.5)
        which = "mean of all heads" if head == "mean" else f"head {head}"
        figure.suptitle(f"Person {person}, {name}, layer {layer}, {which}\n{said}", fontsize=10)
        return f"Person {person}, layer {layer}, {which}: the token of the {name} {said}."

    controls = {
        "person": ipywidgets.IntSlider(0, 0, len(crops) - 1),
        "joint": ipywidgets.Dropdown(options=KEYPOINTS, value="right_wrist"),
        "layer": ipywidgets.IntSlider(1, 1, attention.shape[1]),
        "head": ipywidgets.Dropdown(options=["mean", *map(str, range(1, attention.shape[2] + 1))], value="mean"),
    }
    return Live(draw, controls, size=(6.4, 4.8))
