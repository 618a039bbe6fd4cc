"""How AP on photographs grows with the number of photographs: `python tools/learning_curve.py FOLDER`.

FOLDER is of COCO's layout. The tiny network learns from 0, 60, 180, ... of its training photographs, from nothing
and from the shipped weights, which saw drawn people only; each run sees equally many samples. The AP on the
validation photographs (true boxes, flip test) goes to hpe_lib/weights/learning_curve.csv, which notebook 05 draws.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from hpe_lib import data, models, train

TARGET = Path(__file__).parents[1] / "hpe_lib" / "weights" / "learning_curve.csv"


def learn(root, content, people, start, samples, precision, cache):
    """AP of one run; start: "drawn people" or "nothing"."""
    torch.manual_seed(0)
    model = models.simple_baseline("tiny")
    if start == "drawn people":
        models.load_weights(model, "tiny")
    epochs = round(samples / max(len(people), 1))
    change = train.RECIPES["photos"].augmentation
    recipe = replace(train.RECIPES["quick"], epochs=epochs, batch_size=32, learning_rate=1e-3, augmentation=change)
    everyone = people or data.persons(root, "train")
    images = data.ImageCache(cache, [person.file for person in everyone])
    crops = data.CropDataset(everyone, recipe.input_wh, change, read=images)
    trainer = train.Trainer(model, crops, recipe, precision=precision)
    if people:
        train.fit(trainer, progress=False)
    return train.validate(trainer, root, content)["AP"]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--photographs", type=int, nargs="+", default=[0, 60, 180, 494])
    parser.add_argument("--samples", type=int, default=60_000, help="that each run sees")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--out", type=Path, default=TARGET)
    options = parser.parse_args(arguments)
    root = data.find(options.folder)
    everyone, content = data.persons(root, "train"), data.read_annotations(data.annotation_file(root, "val"))
    image_ids = np.random.default_rng(0).permutation(sorted({person.image_id for person in everyone}))
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        for count in options.photographs:
            chosen = set(image_ids[:count].tolist())
            people = [person for person in everyone if person.image_id in chosen]
            for start in ("nothing", "drawn people"):
                ap = learn(root, content, people, start, options.samples, options.precision, cache)
                rows.append({"photographs": count, "people": len(people), "start": start, "AP": round(ap, 4)})
                print(rows[-1], flush=True)
    pd.DataFrame(rows).to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
