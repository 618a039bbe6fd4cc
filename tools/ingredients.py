"""What each ingredient of the weights for photographs is worth alone: `python tools/ingredients.py --photographs FOLDER
--collages FOLDER`.

The folders are those of `tools/photos.py`. Its network sees equally many small crops in each run: from a random start,
from ImageNet's weights, and from these with one change at a time. The AP on the validation photographs (true boxes),
of the last weights and of their running mean, goes to hpe_lib/weights/ingredients.csv, which notebook 05 shows.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import photos
import torch

from hpe_lib import data, evaluate, models, train
from hpe_lib.machine import keep_freed_memory, number_option, run_command


@dataclass(frozen=True)
class Run:
    """What one run learns from. drawn: a fifth of its crops come from the collages; worn: `photos.worn` on each."""

    name: str
    imagenet: bool = True
    drawn: bool = False
    worn: bool = False


RUNS = (
    Run("random start", imagenet=False),
    Run("ImageNet's features"),
    Run("ImageNet's, crops as of other cameras", worn=True),
    Run("ImageNet's, drawn people in a fifth", drawn=True),
)


def begin():
    torch.set_num_threads(1)  # as many runs as cores
    keep_freed_memory()


def learn(run, photographs, collages, samples):
    """Train one network and measure it: a row of the table."""
    torch.manual_seed(0)
    people, model = data.persons(photographs, "train"), models.build("efficient_baseline")
    if run.imagenet:
        models.load_weights(model, "imagenet")
    if run.drawn:
        others = data.persons(collages, "train")
        some = np.random.default_rng(0).permutation(len(others))[: len(people)]
        people = 4 * people + [others[index] for index in some]
    recipe = replace(
        photos.RECIPE,
        input_wh=(96, 128),
        sigma=1.5,
        epochs=max(1, round(samples / len(people))),
        batch_size=32,
        learning_rate=2e-3,
        rates={"stem": 0.3, "stages": 0.3} if run.imagenet else {},
    )
    crops = data.CropDataset(people, recipe.input_wh, recipe.augmentation, read=cache(data.read_image))
    trainer = train.Trainer(model, crops, recipe)
    if run.worn:
        photos.wear(trainer, seed=0)
    mean = photos.running_mean(trainer)
    train.fit(trainer, progress=False)
    row = {"ingredients": run.name, "crops": recipe.epochs * len(people)}
    for column, network in (("AP", model), ("AP of the mean", mean.module)):
        row[column] = round(evaluate.evaluate_model(network, photographs)[0]["AP"], 4)
    print(row, flush=True)
    return row


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, required=True, help="the folder of listed photographs")
    parser.add_argument("--collages", type=Path, required=True, help="the folder that tools/collage.py made")
    parser.add_argument("--samples", type=number_option(int, 1), default=13_440, help="crops that each run sees")
    parser.add_argument("--processes", type=number_option(int, 1), default=2)
    parser.add_argument("--out", type=Path, default=photos.WEIGHTS / "ingredients.csv")
    options = parser.parse_args(arguments)
    one = partial(learn, photographs=options.photographs, collages=options.collages, samples=options.samples)
    with ProcessPoolExecutor(options.processes, get_context("spawn"), begin) as pool:
        pd.DataFrame(list(pool.map(one, RUNS))).to_csv(options.out, index=False)


if __name__ == "__main__":
    run_command(main)
