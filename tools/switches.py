"""What each difference of the recipe "modern" is worth on the built-in people: `python tools/switches.py`.

The tiny network is trained nearly as notebook 05 trains it, but with Xiao et al.'s choices; then with one later choice
at a time, then with all of them, each with several seeds. The AP on the built-in validation people (true boxes, flip
test) goes to hpe_lib/weights/switches.csv, which notebook 05 draws.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch

from hpe_lib import data, models, train
from hpe_lib.data import MIRROR_ONLY, CropDataset, ImageCache
from hpe_lib.train.recipes import RECIPES

TARGET = Path(__file__).parents[1] / "hpe_lib" / "weights" / "switches.csv"
MODERN = RECIPES["modern"]
PAPER = replace(
    RECIPES["quick"],
    batch_size=32,
    schedule="steps",
    milestones=(5, 7),
    warmup_steps=0,
    unbiased=False,
    refine="quarter",
    flip_shift=1.0,
)
HALVES = replace(
    MIRROR_ONLY, half_body_prob=MODERN.augmentation.half_body_prob, translate=MODERN.augmentation.translate
)
TRAINING = {  # name -> what is learnt in another way
    "Xiao et al.'s choices": {},
    "warm-up of 50 steps": {"warmup_steps": 50},
    "half bodies, moved boxes": {"augmentation": HALVES},
    "targets at the exact place": {"unbiased": True},
    "people of an image together": {"group_by_image": True},  # not in "modern": it saves time, and should cost no AP
    "all of them": {"warmup_steps": 50, "augmentation": HALVES, "unbiased": True},
}
DECODING = {  # name -> what is read in another way from the same heatmaps
    "": {},
    "decoding by DARK": {"refine": MODERN.refine},
    "mirror shift of 3/4 cell": {"flip_shift": MODERN.flip_shift},
    "DARK and 3/4 cell": {"refine": MODERN.refine, "flip_shift": MODERN.flip_shift},
}


def runs(seeds, precision, epochs, cache):
    """Train and validate: yields a row (training, decoding, seed, AP) for each pair. cache: a folder."""
    root = data.find("synthetic")
    people, content = data.persons(root, "train"), data.read_annotations(data.annotation_file(root, "val"))
    images = ImageCache(cache, [person.file for person in people])
    for seed in range(seeds):
        for training, changes in TRAINING.items():
            torch.manual_seed(seed)
            recipe = replace(PAPER, epochs=epochs, seed=seed, **changes)
            model = models.simple_baseline("tiny")
            crops = CropDataset(people, recipe.input_wh, recipe.augmentation, seed, read=images)
            trainer = train.Trainer(model, crops, recipe, precision=precision)
            train.fit(trainer, progress=False)
            for decoding, others in DECODING.items():
                trainer.recipe = replace(recipe, **others)
                ap = train.validate(trainer, root, content)["AP"]
                yield {
                    "training": training,
                    "decoding": decoding or "quarter, 1 cell",
                    "seed": seed,
                    "AP": round(ap, 4),
                }


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=PAPER.epochs)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--out", type=Path, default=TARGET)
    options = parser.parse_args(arguments)
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        for row in runs(options.seeds, options.precision, options.epochs, cache):
            rows.append(row)
            print(row, flush=True)
    pd.DataFrame(rows).to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
