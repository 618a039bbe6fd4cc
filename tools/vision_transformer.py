"""What a vision transformer needs of data on the built-in people: `python tools/vision_transformer.py`.

A small ViTPose and the small ResNet of the course, of about equal multiply-adds, learn from an eighth, a quarter, a
half and all of the drawn people. Every run sees the same number of people (with repetition), so that they differ in the
data alone; each network has the learning rate that did best of three on 4,800 people. On all people a second ViT learns
with a loss behind every block (intermediate supervision), and a small pyramid of windows, as Swin's. The AP on the
built-in validation people (true boxes, flip test) goes to hpe_lib/weights/vision_transformer.csv, which notebook 09
draws, with the CPU time of each run. An existing file is added to: `--seeds 0,1` names the seeds.
`python tools/vision_transformer.py --ship` trains the network that notebook 09 looks into, hpe_lib/weights/vit.pt.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import budget
import pandas as pd
import torch
from torch import nn

from hpe_lib import data, evaluate, heatmaps, models, train


class Stage(nn.Module):
    """Two transformer blocks in windows of 4 x 3 tokens, the second in shifted ones: (N, H, W, C) -> the same."""

    def __init__(self, channels):
        super().__init__()
        self.blocks = nn.ModuleList([models.TransformerBlock(channels, channels // 16) for _ in range(2)])

    def forward(self, x):
        n, h, w, c = x.shape
        for block, shift in zip(self.blocks, ((0, 0), (2, 1))):
            x = x.roll((-shift[0], -shift[1]), dims=(1, 2))
            cut = x.reshape(n, h // 4, 4, w // 3, 3, c).transpose(2, 3)  # (N, rows, columns, 4, 3, C)
            x = (
                block(cut.reshape(-1, 12, c))
                .reshape(cut.shape)
                .transpose(2, 3)
                .reshape(x.shape)
                .roll(shift, dims=(1, 2))
            )
        return x


class Merge(nn.Module):
    """Each 2 x 2 tokens become one of twice the numbers (Liu et al. 2021, section 3.1)."""

    def __init__(self, channels):
        super().__init__()
        self.norm, self.reduce = nn.LayerNorm(4 * channels), nn.Linear(4 * channels, 2 * channels, bias=False)

    def forward(self, x):
        n, h, w, c = x.shape
        return self.reduce(self.norm(x.reshape(n, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 4, 2, 5).flatten(3)))


@models.register("pyramid")
class Pyramid(nn.Module):
    """A small pose network after Swin, as in notebook 09: three maps, each half as fine, enlarged and added."""

    def __init__(self, channels=24, num_keypoints=17):
        super().__init__()
        self.stride, self.num_keypoints, self.input_wh = 4, num_keypoints, (96, 128)
        sizes = [channels, 2 * channels, 4 * channels]
        self.embed = nn.Conv2d(3, channels, 4, stride=4)
        self.places = nn.Parameter(torch.zeros(1, 32, 24, channels))
        self.merges = nn.ModuleList([nn.Identity(), *map(Merge, sizes[:2])])
        self.stages, self.sides = nn.ModuleList(map(Stage, sizes)), nn.ModuleList([nn.Linear(c, 64) for c in sizes])
        self.final = nn.Conv2d(64, num_keypoints, 3, padding=1)
        nn.init.normal_(self.final.weight, std=0.001)

    def forward(self, images):
        x, maps = self.embed(images).permute(0, 2, 3, 1) + self.places, []  # (N, 32, 24, C)
        for merge, stage, side in zip(self.merges, self.stages, self.sides):
            x = stage(merge(x))
            maps.append(side(x).permute(0, 3, 1, 2))  # (N, 64, h, w)
        fine = [nn.functional.interpolate(one, size=maps[0].shape[2:], mode="bilinear") for one in maps]
        return self.final(sum(fine).relu())


WEIGHTS = Path(__file__).parents[1] / "hpe_lib" / "weights"
SMALL = {"input_wh": (96, 128), "head_width": 64}
NETWORKS = {  # name -> what `models.build` takes, learning rate
    "resnet": (("simple_baseline", {"depth": "tiny"}), 4e-3),
    "vit": (("vit", {"size": (96, 5, 4), "patch": 16, "doublings": 2, **SMALL}), 3e-3),
    "pyramid": (("pyramid", {}), 3e-3),  # the ViT's rate, none tried; on all people only
}
SHIPPED = {"size": (64, 6, 4), "patch": 8, "doublings": 1, **SMALL}  # smaller patches, to see more in its attention
SHARES = (8, 4, 2, 1)  # of the people: an eighth, a quarter, a half, all


def every_block_mse(model, batch, recipe):
    """The squared errors of the answers behind every block, by the one head, averaged: intermediate supervision."""
    images = data.normalise(batch["image"])
    height, width = (side // model.patch for side in images.shape[-2:])
    size = recipe.input_wh[0] // model.stride, recipe.input_wh[1] // model.stride
    target, weights = heatmaps.encode(
        batch["keypoints"], batch["labelled"], size, model.stride, recipe.sigma, recipe.unbiased
    )
    found = [model.answer(tokens, height, width) for tokens in model.tokens(images)[1:]]
    losses = [heatmaps.heatmap_loss(maps, target, weights) for maps in found]
    return sum(losses) / len(losses), {"pck": heatmaps.pck(found[-1].detach(), target)[1]}


class Behind(nn.Module):
    """A ViTPose that answers behind one of its blocks, for measuring."""

    def __init__(self, model, block):
        super().__init__()
        self.model, self.block, self.input_wh = model, block, model.input_wh

    def forward(self, images):
        rows, columns = (side // self.model.patch for side in images.shape[-2:])
        return self.model.answer(self.model.tokens(images)[self.block], rows, columns)


def learnt(network, rate, crops, samples, seed, loss=None):
    """Train until so many people are seen; returns the network and the CPU seconds."""
    (name, options), recipe = network, replace(train.RECIPES["quick"], seed=seed, learning_rate=rate)
    torch.manual_seed(seed)
    model = models.build(name, **options)
    return model, budget.learnt(model, crops, recipe, loss, samples=samples)[0]


def runs(seeds, samples):
    """Yields a row for each answer of each network."""
    root = data.find("synthetic")
    people, content = data.persons(root, "train"), data.read_annotations(data.annotation_file(root, "val"))
    order = torch.randperm(len(people), generator=torch.Generator().manual_seed(0)).tolist()  # smaller shares are parts
    for share in SHARES:
        crops = budget.kept([people[index] for index in sorted(order[: len(people) // share])], train.RECIPES["quick"])
        for seed in seeds:
            for name, (network, rate) in NETWORKS.items():
                if name == "pyramid" and share != 1:
                    continue
                losses = {"last": None} | ({"every block": every_block_mse} if name == "vit" and share == 1 else {})
                for loss_name, loss in losses.items():
                    model, took = learnt(network, rate, crops, samples, seed, loss)
                    blocks = len(getattr(model, "blocks", [None]))  # of a ViT; 1 for the others
                    for block in range(1, blocks + 1) if share == 1 else [blocks]:
                        asked = Behind(model, block) if blocks > 1 else model
                        ap = evaluate.evaluate_model(asked, root, content=content)[0]["AP"]
                        yield {
                            "network": name,
                            "loss": loss_name,
                            "share": 1 / share,
                            "people": len(crops),
                            "samples": samples,
                            "seed": seed,
                            "block": block,
                            "AP": round(ap, 4),
                            "CPU seconds": round(took, 1),
                        }


def ship(samples):
    """Train the network that the notebook looks into, on all people, and save it."""
    root = data.find("synthetic")
    people = data.persons(root, "train")
    model, took = learnt(("vit", SHIPPED), 2e-3, budget.kept(people, train.RECIPES["quick"]), samples, 0)
    metrics, _ = evaluate.evaluate_model(model, root)
    models.save_model(model, WEIGHTS / "vit.pt", half=True)
    print(f"{samples} people, {took:.0f} s, AP {metrics['AP']:.3f}")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0", help="whole numbers with commas between")
    parser.add_argument("--samples", type=int, default=20_000, help="people that each run sees")
    parser.add_argument("--ship", action="store_true", help="train vit.pt, on three times as many")
    parser.add_argument("--out", type=Path, default=WEIGHTS / "vision_transformer.csv")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # so that CPU time and waiting time are the same
    if options.ship:
        return ship(3 * options.samples)
    seeds = [int(seed) for seed in options.seeds.split(",")]
    rows = pd.read_csv(options.out).to_dict("records") if options.out.is_file() else []
    rows = [row for row in rows if row["seed"] not in seeds]
    for row in runs(seeds, options.samples):
        rows.append(row)
        print(row, flush=True)
        pd.DataFrame(rows).to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
