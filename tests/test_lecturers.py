"""What stands in the lecturers' pages must be so: the glossary's words, the plan's minutes, and the numbers."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from hpe_lib import data, evaluate, heatmaps, metrics, models
from tests.notebook_code import defined_in

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
PAGE = (NOTEBOOKS / "README.md").read_text("utf-8")


def notebook(number):
    return nbformat.read(next(NOTEBOOKS.glob(f"{number}_*.ipynb")), as_version=4)


def text_of(number):
    return "\n".join(cell.source for cell in notebook(number).cells)


def outputs_of(number):
    """All text that a saved notebook shows below its cells."""
    texts = []
    for cell in notebook(number).cells:
        for output in cell.get("outputs", ()):
            texts.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(texts)


def rows(heading):
    """The cells of the table of the page whose first column is called `heading`, row by row."""
    lines = iter(PAGE.splitlines())
    next(line for line in lines if line.startswith(f"| {heading} |"))
    next(lines)
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def glossary():
    """The glossary's rows: words (with their other forms) and the notebooks that explain them."""
    for line in (NOTEBOOKS / "GLOSSARY.md").read_text("utf-8").splitlines():
        if line.startswith("| **"):
            words = re.findall(r"\*\*(.+)\*\*", line)[0].split(", ")
            yield words, re.findall(r"\b(?:0[0-9]|1[0-3])\b", line.split("|")[2])


def test_the_notebooks_use_the_words_of_the_glossary():
    texts = {name: text_of(name).lower() for name in (path.stem.split("_")[0] for path in NOTEBOOKS.glob("*.ipynb"))}
    words = [words for words, _ in glossary()]
    assert len(words) > 60 and [each[0].lower() for each in words] == sorted(each[0].lower() for each in words)
    for forms, places in glossary():
        assert places, forms
        for place in places:
            assert any(form.lower() in texts[place] for form in forms), (forms, place)


def test_the_plan_gives_the_notebooks_own_minutes_and_exercises():
    plan = list(rows("notebook"))
    assert len(plan) == len([*NOTEBOOKS.glob("*.ipynb")])
    for name, minutes, exercises, more, _ in plan:
        text = text_of(re.search(r"\d\db?", name)[0])
        assert re.search(r"\*\*Time\*\*: (\d+) minutes", text)[1] == minutes, name
        found = re.search(r"\*\*Exercises\*\*: (\d+), .*?about (\d+) minutes", text)
        assert found.groups() == (exercises, more), name
        assert len(re.findall(r"^### Exercise", text, re.MULTILINE)) == int(exercises), name


def test_the_exercises_and_sections_of_the_plan_exist():
    for number, one in set(
        re.findall(r"\b([0-7])\.([1-9])\b(?! *(?:cells|pp|%|points|·))", PAGE.split("## Notebook by")[0])
    ):
        assert f"### Exercise {number}.{one} " in text_of(f"0{number}"), (number, one)


# Numbers that are the same on every machine.


def rounding():
    spots = torch.rand(4000, 1, 2, generator=torch.Generator().manual_seed(0)) * 100 + 40  # crop px
    target, _ = heatmaps.encode(spots, torch.ones(4000, 1))
    return ((heatmaps.decode(target, refine=None)[0] - spots / 4).norm(dim=-1)).mean()


def our_resnet():
    ours, theirs = models.resnet(50).eval(), torchvision.models.resnet50().eval()
    ours.load_state_dict(theirs.state_dict())
    image = torch.randn(1, 3, 128, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return (ours(image) - theirs(image)).abs().max()


def multiply_adds():
    """Of convolutions (each weight once an output cell), their transposes (once an input cell) and batch norms."""
    total, network = 0, models.simple_baseline(50).eval()

    def count(layer, inputs, output):
        nonlocal total
        cells = (inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output)[0, 0].numel()
        total += 2 * output.numel() if isinstance(layer, nn.BatchNorm2d) else layer.weight.numel() * cells

    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)):
            layer.register_forward_hook(count)
    with torch.no_grad():
        network(torch.zeros(1, 3, 256, 192))
    return total / 1e9


def reading(refine):
    centres = 10 + 4 * (np.arange(4000) + 0.5) / 4000  # cells
    line = torch.from_numpy(np.exp(-((np.arange(24) - centres[:, None]) ** 2) / 8))  # (4000, 24)
    maps = line[:, None, None] * torch.tensor([0.4, 0.8, 1.0, 0.8, 0.4])[:, None]  # (4000, 1, 5, 24)
    return (heatmaps.decode(maps, refine)[0][:, 0, 0] - torch.from_numpy(centres)).abs().mean()


def mirrored_grid():
    cells = np.arange(4)
    return ((15 - 4 * (3 - cells)) - 4 * cells).mean() / 4


def two_joints():
    truth = np.zeros((17, 3))
    truth[[0, 11], 2] = 2
    pose = truth[:, :2].copy()
    pose[[0, 11], 0] = 5.2, 10.7  # px off
    return metrics.oks(truth, 10_000, pose[None])[0]


def shipped():
    root = data.find("synthetic")
    content = data.sample(data.read_annotations(data.annotation_file(root, "val")), 150)
    return evaluate.evaluate_model(models.load_model("tiny"), root, content=content)[0]["AP"]


def five(threshold):
    table = defined_in("07", "five").sort_values("score", ascending=False)
    right = (table["OKS"] >= threshold).to_numpy()
    return metrics.precision_recall(right[None, None], ~right[None, None], [5])[0].mean()


COMPUTED = {
    "mean loss of rounding": rounding,
    "largest difference between our ResNet-50": our_resnet,
    "parameters of Simple Baselines": lambda: sum(p.numel() for p in models.simple_baseline(50).parameters()),
    "multiply-adds of Simple Baselines": multiply_adds,
    "mean error of the argmax": lambda: reading(None),
    "mean error with the quarter step": lambda: reading("quarter"),
    "distance of the mirrored-back grid": mirrored_grid,
    "OKS of the person with two joints": two_joints,
    "AP of the five people at OKS 0.50": lambda: five(0.5),
    "AP of the five people over ten": lambda: np.mean([five(threshold) for threshold in metrics.OKS_THRESHOLDS]),
    "AP of the shipped weights": shipped,
}
FIXED = [row for row in rows("number") if len(row) == 4]


@pytest.mark.parametrize("name, where, value, width", FIXED, ids=[row[0] for row in FIXED])
def test_a_number_that_is_the_same_everywhere(name, where, value, width):
    (compute,) = [compute for start, compute in COMPUTED.items() if name.startswith(start)]
    assert float(compute()) == pytest.approx(float(value), abs=float(width) + 1e-12, rel=0)
    if name.startswith("parameters"):
        value = f"{int(value):,}"
    assert "AP of the shipped" in name or value.rstrip("0") in text_of(where) + outputs_of(where), "not in the notebook"


# Numbers that depend on the machine: what the saved notebooks show lies within the borders.

SEEN = {
    "test people whom": r"epoch 10:.*test ([\d.]+) % right",
    "training loss of 50 plain": r"50 layers, batch norm: plain ([\d.]+)",
    "training loss of 50 residual": r"50 layers, batch norm: plain [\d.]+, residual ([\d.]+)",
    "loss of one batch": r"loss [\d.]+ -> ([\d.]+), PCK",
    "AP after the notebook's training": r"this network, true boxes +([\d.]+)",
    "distance of the mirrored-back maps": r"the network: mirrored back lies ([\d.]+) cells",
}
LOOSE = list(rows("number that varies"))


@pytest.mark.parametrize("name, where, seen, least, most", LOOSE, ids=[row[0] for row in LOOSE])
def test_a_number_that_varies_stays_within_its_borders(name, where, seen, least, most):
    (pattern,) = [pattern for start, pattern in SEEN.items() if name.startswith(start)]
    saved = float(re.search(pattern, outputs_of(where))[1])
    digits = len(seen.partition(".")[2])
    assert round(saved, digits) == float(seen), "the page and the saved notebook differ"
    assert float(least) <= saved <= float(most) and float(least) <= float(seen) <= float(most)


def test_no_number_of_the_page_is_left_untested():
    assert len(FIXED) == len(COMPUTED) and len(LOOSE) == len(SEEN)
