"""Train the course's person detector: `python tools/detector.py --photographs FOLDER --start FILE`.

--photographs: what `python -m hpe_lib.data pick` made from hpe_lib/weights/photos.csv. --start: weights to begin with,
such as a pose network of depth "small" that has learnt from drawn people and these photographs alone: its ResNet is
taken. The detector learns photographs among drawn people. Every eighth photograph of `train` is kept out, to choose
input size, suppression and threshold on (--settings); those of `val` are for the end (--final). A run that was stopped
goes on with the same command. --ship writes hpe_lib/weights/people.pt. The README has the commands that made it.
"""

import argparse
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from hpe_lib import data, evaluate, models, train
from hpe_lib.machine import keep_freed_memory
from hpe_lib.predict import box_nms, detect, find_people

WEIGHTS = Path(detect.__file__).parents[1] / "weights"
RECIPE = replace(
    train.RECIPES["quick"],
    model="center_detector",
    depth="small",
    loss="center_points",
    input_wh=(256, 256),  # cuts of a larger picture; the whole one is looked at with more px
    epochs=14,
    batch_size=16,
    learning_rate=1e-3,
    warmup_steps=100,
    augmentation=data.Augmentation(scale=0.4, color=0.25, erase_prob=0.1),
)


def parts(root):
    """The photographs to learn from, and every eighth one, to choose settings on."""
    found = data.list_pictures(root, "train")
    return [one for number, one in enumerate(found) if number % 8], found[::8]


def report(trainer):
    row = trainer.history[-1]
    print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)


def start(file):
    """The network to train: of a detector's weights, or new heads on the ResNet of a pose network's; None: all new."""
    learnt = models.load_model(file) if file else None
    if isinstance(learnt, models.CenterDetector):
        return learnt
    name, network = RECIPE.network
    model = models.build(name, **network)
    if learnt:
        own = {key: value for key, value in learnt.state_dict().items() if key in model.state_dict()}
        model.load_state_dict(own, strict=False)
    return model


def ap(pictures, content, results):
    """COCO's box metrics of some pictures alone."""
    ids = {picture.image_id for picture in pictures}
    content = content | {
        "images": [image for image in content["images"] if image["id"] in ids],
        "annotations": [person for person in content["annotations"] if person["image_id"] in ids],
    }
    return evaluate.box_metrics(content, results)


def found_by(model, pictures, **options):
    """All boxes that a model finds, as COCO results."""
    return evaluate.box_results(pictures, partial(find_people, threshold=0.01, model=model.eval(), **options))


def suppressed(results, overlap):
    """Results without the weaker of two boxes of one picture that overlap more."""
    images = {}
    for result in results:
        images.setdefault(result["image_id"], []).append(result)
    kept = []
    for some in images.values():
        stay = box_nms([one["bbox"] for one in some], [one["score"] for one in some], overlap)
        kept += [some[index] for index in stay]
    return kept


def settings(model, pictures, content):
    """Print what input size, suppression and threshold do on pictures that were kept out of training."""
    for side in (256, 320, 352, 384):
        every = found_by(model, pictures, side=side, overlap=1.0)
        for overlap in (0.4, 0.5, 0.6, 0.7, 1.0):
            results = suppressed(every, overlap)
            best = max(THRESHOLDS, key=lambda threshold: f1(pictures, results, threshold))
            found = evaluate.at_threshold(pictures, results, best)
            told = f"F1 {f1(pictures, results, best):.3f} at {best:.2f}: " + described(found)
            print(f"side {side}, overlap {overlap}: {described(ap(pictures, content, results))}, {told}", flush=True)


THRESHOLDS = [number / 100 for number in range(10, 71, 2)]


def f1(pictures, results, threshold):
    """The harmonic mean of recall and precision at one threshold."""
    found = evaluate.at_threshold(pictures, results, threshold)
    return 2 * found["recall"] * found["precision"] / max(found["recall"] + found["precision"], 1e-9)


def described(numbers):
    return ", ".join(f"{name} {value:.3f}" for name, value in numbers.items())


def final(model, root, out):
    """Print what the detector finds on the validation pictures of a folder; its boxes go to a file as COCO results."""
    content = data.read_annotations(data.annotation_file(root, "val"), masks=False)
    pictures = data.list_pictures(root, "val", content)
    results = found_by(model, pictures)
    metrics = ap(pictures, content, results)
    threshold = detect.THRESHOLDS["ours"]
    found = evaluate.at_threshold(pictures, results, threshold)
    print(f"{root}, {len(pictures)} pictures: {described(metrics)}; at {threshold}: {described(found)}")
    for name, least in (("all", 0.0), ("default", threshold)):
        kept = [one for one in results if one["score"] >= least]
        (out / f"{Path(root).name}-{name}.json").write_text(json.dumps(kept), encoding="utf-8")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, required=True, help="the folder of listed photographs")
    parser.add_argument("--start", help="weights to start from: a pose network of depth small, or a detector")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    parser.add_argument("--until", type=int, default=RECIPE.epochs, help="stop after this epoch, before the last")
    parser.add_argument("--learning-rate", type=float, default=RECIPE.learning_rate)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/detector"))
    parser.add_argument(
        "--settings", action="store_true", help="then try input sizes and the like on what was kept out"
    )
    parser.add_argument("--final", action="store_true", help="then measure on the validation pictures")
    parser.add_argument("--ship", action="store_true", help="write the weights and the log into hpe_lib/weights")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    keep_freed_memory()
    torch.manual_seed(options.seed)
    recipe = replace(RECIPE, epochs=options.epochs, learning_rate=options.learning_rate, seed=options.seed)
    drawn, (photographs, chosen) = data.list_pictures(data.find("synthetic"), "train"), parts(options.photographs)
    content = data.read_annotations(data.annotation_file(options.photographs, "train"), masks=False)
    mixed = data.BoxDataset(3 * photographs + drawn[::5], recipe.input_wh, recipe.augmentation, recipe.seed)
    trainer = train.Trainer(start(options.start), mixed, recipe)
    if (options.out / "last.pt").is_file():
        trainer.resume(options.out)

    def check(model):
        if len(trainer.history) % 2 and len(trainer.history) < recipe.epochs:
            return {}
        metrics = ap(chosen, content, found_by(model, chosen))
        return {"AP": metrics["AP"], "AP50": metrics["AP50"]}

    while len(trainer.history) < min(options.until, recipe.epochs):
        trainer.epoch(progress=False)
        trainer.history[-1].update(check(trainer.model))
        trainer.save(options.out)
        report(trainer)
    if options.ship:
        models.save_model(trainer.model, WEIGHTS / "people.pt", half=True)
    if options.settings:
        settings(trainer.model, chosen, content)
    if options.final:
        for root in (options.photographs, data.find("synthetic")):
            final(trainer.model, root, options.out)


if __name__ == "__main__":
    main()
