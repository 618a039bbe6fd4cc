"""What stacks and intermediate supervision are worth on the built-in people: `python tools/hourglass.py`.

Small hourglasses (32 channels, 3 levels, crops of 96 x 128 px) of 1, 2 and 4 stacks, with a loss on every stack or on
the last one alone. Each is trained twice: for the same time of one CPU core, and on the same number of people, with
several seeds. Time is the process's own (`time.process_time`), so that other programs on the machine count little. The
AP on the built-in validation people (true boxes, flip test) of each stack's heatmaps and of their mean goes to
hpe_lib/weights/hourglass.csv, which notebook 08 draws. `--seeds 0,1` names the seeds; an existing file is added to.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import budget
import numpy as np
import pandas as pd
import torch

from hpe_lib import data, evaluate, geometry, heatmaps, models, train

TARGET = Path(__file__).parents[1] / "hpe_lib" / "weights" / "hourglass.csv"
RECIPE = train.RECIPES["hourglass"]
LOSSES = ("every_stack_mse", "last_stack_mse")
NETWORKS = [*((stacks, loss) for stacks in (4, 2) for loss in LOSSES), (1, LOSSES[0])]  # (stacks, loss)


def answers(network, people):
    """The poses that each stack's heatmaps give, and their mean: {"stack 1": (M, 17, 3) image px, ..., "mean": ...}.

    As `predict_people` does, with the flip test, but the network runs once for all of them.
    """
    crops = data.CropDataset(people, network.input_wh, read=data.LastImage())
    poses = {f"stack {number}": [] for number in range(1, len(network.stacks) + 1)}
    poses |= {"mean": []} if len(network.stacks) > 1 else {}
    network.eval()
    for batch in torch.utils.data.DataLoader(crops, 64):
        images = data.normalise(batch["image"])
        with torch.no_grad():
            straight, mirrored = network(images), network(images.flip(3))  # (N, stacks, K, h, w)
        back = [geometry.invert(crops.matrix(index)) for index in batch["index"].tolist()]
        for name, found in poses.items():
            chosen = (maps.mean(1) if name == "mean" else maps[:, int(name[6:]) - 1] for maps in (straight, mirrored))
            points, scores = heatmaps.decode(heatmaps.merge_flipped(*chosen))  # (N, K, 2) cells, (N, K)
            points = [geometry.transform(network.stride * one, matrix) for one, matrix in zip(points.numpy(), back)]
            found.append(np.concatenate([np.stack(points), scores.numpy()[..., None]], axis=2))
    return {name: np.concatenate(found) for name, found in poses.items()}


def learnt(crops, stacks, loss, seed, seconds, samples):
    """Train within a budget; returns the network, and the seconds and people that it took."""
    torch.manual_seed(seed)
    recipe = replace(RECIPE, options=RECIPE.options | {"stacks": stacks}, loss=loss, seed=seed)
    model = models.build(recipe.network[0], **recipe.network[1])
    return model, *budget.learnt(model, crops, recipe, None, seconds, samples)


def runs(seeds, seconds):
    """Yields a row for each answer of each network: budget, stacks, loss, seed, answer, AP, seconds and people.

    Equal samples: as many people as the network of 4 stacks saw in its time, so that its run counts for both.
    """
    root = data.find("synthetic")
    people, content = data.persons(root, "train"), data.read_annotations(data.annotation_file(root, "val"))
    crops, val = budget.kept(people, RECIPE), data.persons(root, "val", content)
    for seed in seeds:
        samples = None
        for limits in ((seconds, None), (None, "as four stacks")):
            for stacks, loss in NETWORKS:
                if limits[1] and stacks == 4:
                    continue
                model, took, seen = learnt(crops, stacks, loss, seed, limits[0], limits[1] and samples)
                samples = samples or seen
                budgets = ["equal time"] if limits[0] else ["equal samples"]
                budgets += ["equal samples"] if stacks == 4 else []
                for answer, poses in answers(model, val).items():
                    ap = evaluate.coco_metrics(content, evaluate.to_results(val, poses))["AP"]
                    numbers = {"AP": round(ap, 4), "CPU seconds": round(took, 1), "people": seen}
                    for name in budgets:
                        yield {
                            "budget": name,
                            "stacks": stacks,
                            "loss": loss,
                            "seed": seed,
                            "answer": answer,
                        } | numbers


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1", help="whole numbers with commas between")
    parser.add_argument("--seconds", type=float, default=80.0, help="CPU time of one run with equal time")
    parser.add_argument("--out", type=Path, default=TARGET)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # so that CPU time and waiting time are the same
    seeds = [int(seed) for seed in options.seeds.split(",")]
    rows = pd.read_csv(options.out).to_dict("records") if options.out.is_file() else []
    rows = [row for row in rows if row["seed"] not in seeds]
    for row in runs(seeds, options.seconds):
        rows.append(row)
        print(row, flush=True)
        pd.DataFrame(rows).to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
