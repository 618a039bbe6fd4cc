"""Published numbers beside measured ones, as the paper prints them."""

from hpe_lib.metrics import METRICS
from hpe_lib.models import published

PUBLISHED = {  # ResNet-50, 256 x 192, COCO val2017, in percent; None: not published
    "the course's paper, table 1": (70.4, 88.6, 77.8, 67.0, 76.9, 76.2, 93.0, 83.0, 71.9, 82.4),
    "authors' code, detector boxes": (70.4, 88.6, 78.3, 67.1, 77.2, 76.3, 92.9, 83.4, 72.1, 82.4),
    "authors' weights, true boxes": (72.4, 91.5, 80.4, 69.7, 76.5, 75.6, 93.0, 82.3, 72.3, 80.4),
    "OpenMMLab, detector boxes": (71.8, 89.8, 79.6, None, None, 77.4, 93.4, None, None, None),
}


def published_rows(model, weights):
    """What is published about a network's depth and input size, else about ResNet-50: name -> ten percentages.

    model: with `input_wh`, and `depth` where it is a ResNet. weights: the path or name that it was loaded from; if that
    is one of OpenMMLab's, its row is theirs.
    """
    entry, depth, (width, height) = published.find(weights), getattr(model, "depth", None), model.input_wh
    network = f"res{depth}-{height}x{width}"
    names = [name for name in (f"openmmlab/{network}", f"openmmlab-v0/{network}") if name in published.names()]
    names = [name for name in names if published.WEIGHTS[name] == entry] or names
    rows = dict(PUBLISHED)
    if (depth, (width, height)) in published.AUTHORS and network != "res50-256x192":
        paper = "the course's paper, table 1"
        size = f"ResNet-{depth}, {height} x {width}"
        rows = {f"{paper} (ResNet-50, 256 x 192)": PUBLISHED[paper]}
        rows[f"authors' code ({size}), detector boxes"] = published.AUTHORS[depth, (width, height)]
    if names and names[0] != "openmmlab/res50-256x192":
        rows.pop("OpenMMLab, detector boxes", None)
        rows[f"OpenMMLab ({names[0]}), detector boxes"] = published.WEIGHTS[names[0]].scores
    return rows


def table(rows):
    """Lines of a table: name -> metrics dict (0 to 1) or ten percentages, as the paper prints them."""
    width = max(map(len, rows))
    lines = [" " * width + "".join(f"{name:>6}" for name in METRICS)]
    for name, values in rows.items():
        values = [100 * values[metric] for metric in METRICS] if isinstance(values, dict) else values
        cells = ("   -  " if value is None or value < 0 else f"{value:6.1f}" for value in values)
        lines.append(f"{name:{width}}" + "".join(cells))
    return "\n".join(lines)
