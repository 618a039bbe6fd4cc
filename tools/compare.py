"""One table of the course's networks: `python tools/compare.py`.

Every network that finds joints learns the built-in people twice: for the same processor time on one core, and from the
same number of people. Each run is made with several seeds; each network keeps the learning rate and the loss of its own
notebook. A row for each run goes to hpe_lib/weights/compare.csv: AP on the built-in validation people (true boxes, flip
test), processor seconds, people seen. An existing file is added to: `--seeds 0,1,2` names the seeds, `--networks` some
networks. `python tools/compare.py --table` prints what the README and notebook 13 show, from the file, and measures
nothing but the networks' size.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import budget
import pandas as pd
import torch
import vision_transformer
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from hpe_lib import data, evaluate, models, predict, train

TARGET = Path(__file__).parents[1] / "hpe_lib" / "weights" / "compare.csv"
QUICK = train.RECIPES["quick"]


def top_down(name):
    """The recipe of a network that notebook 09's tool compares too."""
    (model, options), rate = vision_transformer.NETWORKS[name]
    return replace(QUICK, model=model, depth=None, options=options, learning_rate=rate)


RECIPES = {  # name -> recipe; the names are those of the table
    "Simple Baseline (03 to 05)": replace(QUICK, learning_rate=4e-3),  # the rate that did best of three, as the ViT's
    "Stacked hourglass (08)": train.RECIPES["hourglass"],
    "ViTPose (09)": top_down("vit"),
    "Pyramid of windows (09)": top_down("pyramid"),
}
PUBLISHED = {  # name -> the published network, COCO val2017 AP with a detector's boxes, source
    "Simple Baseline (03 to 05)": ("ResNet-50, 256 x 192", 70.4, "Xiao et al. 2018"),
    "Stacked hourglass (08)": ("8 stacks, 256 x 192", 66.9, "as printed by Sun et al. 2019"),
    "ViTPose (09)": ("ViTPose-S, 256 x 192", 73.9, "OpenMMLab"),
    "Pyramid of windows (09)": ("Swin-T, 256 x 192", 72.4, "OpenMMLab"),
}


def build(recipe, seed):
    torch.manual_seed(seed)
    name, options = recipe.network
    return models.build(name, **options)


def size(recipe):
    """Parameters, and multiply-adds of one crop."""
    model = build(recipe, 0).eval()
    width, height = recipe.input_wh
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, height, width))
    return sum(value.numel() for value in model.parameters()), counter.get_total_flops() // 2


def speed(model, people):
    """People a second of processor time, with the flip test, from image files to poses: the best of three tries."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        predict.predict_people(model, people)
        best = min(best, time.process_time() - start)
    return len(people) / best


def runs(names, seeds, seconds, samples):
    """Yields a row for each run."""
    root = data.find("synthetic")
    people, content = data.persons(root, "train"), data.read_annotations(data.annotation_file(root, "val"))
    some = data.persons(root, "val", content)[:128]
    for name in names:
        crops = budget.kept(people, RECIPES[name])
        for seed in seeds:
            recipe = replace(RECIPES[name], seed=seed)
            for kind, limits in {"equal time": (seconds, None), "equal people": (None, samples)}.items():
                model = build(recipe, seed)
                took, seen = budget.learnt(model, crops, recipe, None, *limits)
                numbers = {"AP": round(evaluate.evaluate_model(model, root, content=content)[0]["AP"], 4)}
                numbers |= {"CPU seconds": round(took, 1), "people": seen, "people/s": round(speed(model, some), 1)}
                yield {"network": name, "budget": kind, "seed": seed} | numbers


def table(file=TARGET):
    """The runs of `file` as a table: a row for each network, AP as mean and range over the seeds, in percent."""
    rows, found = pd.read_csv(file), []
    for name, recipe in RECIPES.items():
        mine = rows[rows["network"] == name]
        parameters, multiplications = size(recipe)
        row = {"network": name, "parameters": f"{parameters:,}", "multiply-adds": f"{multiplications / 1e6:.0f} M"}
        for kind in ("equal time", "equal people"):
            aps = 100 * mine[mine["budget"] == kind]["AP"]
            row[f"AP, {kind}"] = f"{aps.mean():.1f} ({aps.min():.1f} to {aps.max():.1f})"
        row["people/s"] = f"{mine['people/s'].median():.0f}"
        what, ap, source = PUBLISHED[name]
        row["published on COCO"] = f"{ap} ({what}; {source})"
        found.append(row)
    return pd.DataFrame(found)


def as_markdown(rows):
    lines = [list(rows.columns), ["---"] * len(rows.columns), *rows.values.tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2", help="whole numbers with commas between")
    parser.add_argument("--networks", nargs="+", choices=RECIPES, default=list(RECIPES), help="names as in the table")
    parser.add_argument("--seconds", type=float, default=60.0, help="processor time of one run with equal time")
    parser.add_argument("--people", type=int, default=6_000, help="people that one run with equal people sees")
    parser.add_argument("--out", type=Path, default=TARGET)
    parser.add_argument("--table", action="store_true", help="print the table of what was measured")
    options = parser.parse_args(arguments)
    if options.table:
        return print(as_markdown(table(options.out)))
    torch.set_num_threads(1)  # so that processor time and waiting time are the same
    seeds = [int(seed) for seed in options.seeds.split(",")]
    rows = pd.read_csv(options.out).to_dict("records") if options.out.is_file() else []
    rows = [row for row in rows if row["seed"] not in seeds or row["network"] not in options.networks]
    for row in runs(options.networks, seeds, options.seconds, options.people):
        rows.append(row)
        print(row, flush=True)
        pd.DataFrame(rows).to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
