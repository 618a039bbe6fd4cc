"""The bottom-up network of notebook 11, trained and measured: `python tools/bottom_up.py --ship`, then `--measure`.

--ship trains the network on whole pictures, the built-in ones and crowds that it draws first, and writes
hpe_lib/weights/bottom_up.pt. Its ResNet starts from that of `tiny`, which knows drawn people already. It takes about
seven minutes of one CPU core. --measure fills hpe_lib/weights/bottom_up.csv: AP of whole pictures without boxes and CPU
time (`time.process_time`, one thread), for every way of grouping, on the built-in pictures and on crowds of 1 to 20
people, beside the top-down network `tiny` in the true boxes.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from hpe_lib import data, evaluate, models, predict, synthetic, train
from hpe_lib.machine import cache_folder
from hpe_lib.predict import everybody

WEIGHTS = Path(__file__).parents[1] / "hpe_lib" / "weights"
RECIPE = replace(
    train.RECIPES["quick"],
    model="bottom_up",
    loss="everybody",
    input_wh=(192, 192),
    epochs=8,
    batch_size=8,
    learning_rate=2e-3,
    warmup_steps=100,
    augmentation=data.Augmentation(scale=0.4, rotation=15.0, translate=0.25, translate_prob=1.0, color=0.1),
)


def crowds():
    """The folder of crowds, drawn on first use."""
    return synthetic.make_crowds(cache_folder() / f"crowds-v{synthetic.VERSION}")


def ship(folder=None):
    """Train the shipped weights; after each epoch the history is written. folder: where checkpoints go, to resume."""
    pictures = data.PictureDataset(
        [data.find("synthetic"), crowds()], "train", RECIPE.input_wh, RECIPE.augmentation, RECIPE.seed, part=0.7
    )
    torch.manual_seed(RECIPE.seed)
    name, options = RECIPE.network
    network, tiny = models.build(name, **options), models.load_model("tiny").state_dict()
    network.load_state_dict({name: value for name, value in tiny.items() if name in network.state_dict()}, strict=False)
    trainer = train.Trainer(network, pictures, RECIPE)
    if folder and (folder / "last.pt").is_file():
        trainer.resume(folder)

    def log(trainer):
        row = trainer.history[-1]
        print({name: float(f"{value:.4g}") for name, value in row.items()}, flush=True)
        history = pd.DataFrame(trainer.history).drop(columns=["seconds", "samples_per_second"])
        history.to_csv(WEIGHTS / "bottom_up_training.csv", index=False, float_format="%.5g")

    train.fit(trainer, folder=folder, on_epoch=log, progress=False)
    models.save_model(trainer.model, WEIGHTS / "bottom_up.pt", half=True)


def clock(work, *arguments):
    """What `work` returns, and the milliseconds of CPU time that it took."""
    start = time.process_time()
    result = work(*arguments)
    return result, 1000 * (time.process_time() - start)


def answers(picture, people, boxes, networks, longer):
    """Yields (maps, grouping, poses (M, 17, 3), ms of the network, ms of the grouping) for one picture."""
    bottom_up, top_down = networks
    true = everybody.true_maps(people, picture.shape[1::-1], longer)
    found, run = clock(everybody.picture_maps, bottom_up, picture, longer)
    for maps, outputs, took in (("true", true, 0.0), ("network", found, run)):
        for name in everybody.GROUPINGS:
            poses, sorting = clock(everybody.group, *outputs, name)
            yield maps, name, poses, took, sorting
    poses, took = clock(predict.predict_image, top_down, picture, boxes, False)
    yield "network", "top-down, true boxes", poses, took, 0.0


def measure(longer=320, every=1, kinds=("built-in", "crowd")):
    """The table: a row for each set of pictures and each way to poses. every: how many images one is taken of."""
    networks, rows = (models.load_model("bottom_up"), models.load_model("tiny")), []
    for kind in kinds:
        folder = crowds() if kind == "crowd" else data.find("synthetic")
        content = data.read_annotations(data.annotation_file(folder, "val"))
        of_image = {image["id"]: [] for image in content["images"]}
        for one in content["annotations"]:
            of_image[one["image_id"]].append(one)
        sets = {}  # people in a picture -> images; the built-in ones together, those without anybody too
        for image in content["images"]:
            crowd_size = len(of_image[image["id"]]) if kind == "crowd" else 0
            nearest = min(synthetic.COUNTS, key=lambda count: abs(count - crowd_size)) if crowd_size else 0
            sets.setdefault(nearest, []).append(image)
        for count, images in sorted(sets.items()):
            found = {}  # (maps, grouping) -> results, outcomes, times
            images = images[::every]
            for image in images:
                labelled = [one for one in of_image[image["id"]] if one["num_keypoints"]]
                people = np.array([np.reshape(one["keypoints"], (17, 3)) for one in labelled]).reshape(-1, 17, 3)
                picture = data.read_image(folder / "val2017" / image["file_name"])
                areas, boxes = ([one[name] for one in labelled] for name in ("area", "bbox"))
                for maps, name, poses, run, sorting in answers(picture, people, boxes, networks, longer):
                    results, outcomes, times = found.setdefault((maps, name), ([], [], []))
                    results += everybody.picture_results(image["id"], poses)
                    outcomes.append(evaluate.joint_outcomes(people, areas, poses).ravel())
                    times.append((run, sorting))
            ids = {image["id"] for image in images}
            part = content | {"images": images}
            part["annotations"] = [one for one in content["annotations"] if one["image_id"] in ids]
            for (maps, name), (results, outcomes, times) in found.items():
                metrics, outcomes = evaluate.coco_metrics(part, results), np.concatenate(outcomes)
                shares = [(outcomes == kind).sum() / (outcomes >= 0).sum() for kind in range(4)]
                row = {"pictures": kind, "people": count, "images": len(images), "maps": maps, "grouping": name}
                row |= {key: round(metrics[key], 4) for key in ("AP", "AP50", "AR")}
                row |= dict(zip(evaluate.OUTCOMES, np.round(shares, 4).tolist()))
                row |= dict(zip(("network ms", "grouping ms"), np.median(times, axis=0).round(2).tolist()))
                rows.append(row)
                print(row, flush=True)
    return pd.DataFrame(rows)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ship", action="store_true", help="train the weights that come with the course")
    parser.add_argument("--measure", action="store_true", help="fill the table that the notebook draws")
    parser.add_argument("--folder", type=Path, help="where the training keeps what it needs to go on")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # so that CPU time and waiting time are the same
    if options.ship:
        ship(options.folder)
    if options.measure:
        measure().to_csv(WEIGHTS / "bottom_up.csv", index=False)


if __name__ == "__main__":
    main()
