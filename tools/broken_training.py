"""Train notebook 05's network once as it should be and four times with a fault: `python tools/broken_training.py`.

What a reader of curves sees goes to hpe_lib/weights/broken_training.csv, which notebook 05 draws without saying which
run it is: after each half epoch the loss and PCK on what was trained on, and both on validation people, well labelled.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from hpe_lib import data, heatmaps, models, predict, train
from hpe_lib.data import dataset
from hpe_lib.skeleton import FLIP_ORDER, KEYPOINTS

TARGET = Path(__file__).parents[1] / "hpe_lib" / "weights" / "broken_training.csv"
FAULTS = ("none", "rate x 30", "mirror without swap", "zero_grad forgotten", "targets transposed")
SIDES = [index for index, name in enumerate(KEYPOINTS) if name.endswith(("wrist", "ankle"))]


def targets_of(batch, recipe, transposed=False):
    points = batch["keypoints"].flip(-1) if transposed else batch["keypoints"]
    return heatmaps.encode(points, batch["labelled"], (24, 32), 4, recipe.sigma, recipe.unbiased)


def run(fault, epochs, seed=0):
    """Yield a row after each half epoch."""
    torch.manual_seed(seed)
    recipe = replace(train.RECIPES["quick"], epochs=epochs)
    recipe = replace(recipe, learning_rate=recipe.learning_rate * (30 if fault == "rate x 30" else 1))
    root = data.find("synthetic")
    crops = data.CropDataset(data.persons(root, "train"), recipe.input_wh, recipe.augmentation, seed)
    others = data.CropDataset(data.persons(root, "val")[:256], recipe.input_wh)
    others = torch.utils.data.default_collate([others[index] for index in range(len(others))])
    dataset.FLIP_ORDER = np.arange(17) if fault == "mirror without swap" else FLIP_ORDER
    loader = torch.utils.data.DataLoader(crops, recipe.batch_size, shuffle=True, drop_last=True)
    model = models.simple_baseline("tiny").train()
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: train.rate_factor(recipe, step, len(loader)))
    step, seen = 0, []
    for epoch in range(epochs):
        crops.set_epoch(epoch)
        for batch in tqdm(loader, desc=f"{fault}, epoch {epoch + 1}", leave=False):
            target, weights = targets_of(batch, recipe, fault == "targets transposed")
            predicted = model(data.normalise(batch["image"]))
            loss = heatmaps.heatmap_loss(predicted, target, weights)
            if fault != "zero_grad forgotten":
                optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            seen.append((loss.item(), heatmaps.pck(predicted.detach(), target)[1].item()))
            step += 1
            if step % (len(loader) // 2) == 0:
                model.eval()
                maps = torch.cat(
                    [predict.predict_heatmaps(model, part, flip=False) for part in others["image"].split(64)]
                )
                model.train()
                target, weights = targets_of(others, recipe)
                shares, pck = heatmaps.pck(maps, target)
                yield {
                    "fault": fault,
                    "epoch": round(step / len(loader), 1),
                    "loss": np.mean([loss for loss, _ in seen]),
                    "pck": np.mean([pck for _, pck in seen]),
                    "val_loss": heatmaps.heatmap_loss(maps, target, weights).item(),
                    "val_pck": pck.item(),
                    "val_pck_nose": shares[0].item(),
                    "val_pck_wrists_ankles": shares[SIDES].mean().item(),
                }
                seen = []


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--out", type=Path, default=TARGET)
    options = parser.parse_args(arguments)
    rows = []
    for fault in FAULTS:
        rows += run(fault, options.epochs)
        pd.DataFrame(rows).round(5).to_csv(options.out, index=False)
        print(pd.DataFrame(rows[-2:]).to_string(index=False))


if __name__ == "__main__":
    main()
