"""Train a network: `python -m hpe_lib.train`.

On several GPUs: `torchrun --nproc-per-node 4 -m hpe_lib.train ...` is the same program; the batch size is that of all
processes together, and each sees its share of the very batches that one process would see.
"""

import argparse
import sys
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path

import numpy as np
import torch

from hpe_lib import data, models
from hpe_lib.evaluate import coco_metrics
from hpe_lib.machine import device_option, keep_freed_memory, number_option, run_command, sole_writer
from hpe_lib.train import RECIPES, Trainer, checkpoint, fit, parallel, validate
from hpe_lib.train.settings import changed, setting

KEPT_PEOPLE = 5_000  # whose decoded crops stay in memory (up to 0.5 MB each); more people need --cache


def require_files(people):
    """FileNotFoundError, with how many and the first, where images of people are missing."""
    missing = [file for file in dict.fromkeys(person.file for person in people) if not file.is_file()]
    if missing:
        raise FileNotFoundError(f"no image {missing[0]} ({len(missing)} are missing): unpack them, or check --data")


def crops_of(people, recipe, workers, cache):
    """The data set of a run: crops kept in memory where they are few, images kept on a disk where `cache` names one."""
    crops = people, recipe.input_wh, recipe.augmentation, recipe.seed
    if cache:
        return data.CropDataset(*crops, read=data.ImageCache(cache, [person.file for person in people]))
    if workers == 0 and len(people) <= KEPT_PEOPLE and data.KeptCrops.fits(recipe.augmentation):
        return data.KeptCrops(*crops)
    return data.CropDataset(*crops, read=data.LastImage())  # one image's people may follow each other


def report(trainer):
    """Print the last epoch's row, and about how long the rest takes."""
    row, left = trainer.history[-1], trainer.recipe.epochs - len(trainer.history)
    minutes = left * np.median([one["seconds"] for one in trainer.history]) / 60
    numbers = "  ".join(f"{name} {value:.5g}" for name, value in row.items())
    print(f"{numbers}  left: about {minutes:.0f} min", flush=True)


def parse(arguments):
    parser = argparse.ArgumentParser(prog="python -m hpe_lib.train", description=__doc__)
    parser.add_argument("--recipe", choices=RECIPES, default="quick", help="quick: tiny network, minutes on a CPU")
    parser.add_argument("--data", help="'synthetic' or a COCO-layout folder (default: HPE_DATA, else synthetic)")
    parser.add_argument("--out", type=Path, default=Path("runs/latest"), help="folder for weights and curves")
    parser.add_argument("--depth", type=models.parse_depth, choices=models.DEPTHS, help="another than the recipe's")
    parser.add_argument("--epochs", help="another length than the recipe's")
    parser.add_argument("--batch-size", help="another batch size than the recipe's, over all processes")
    parser.add_argument("--pretrained", help="weights to start from: 'imagenet', 'none' or a file")
    parser.add_argument("--seed", help="another seed than the recipe's 0")
    parser.add_argument(
        "--set", type=setting, action="append", default=[], metavar="NAME=VALUE", help="any setting of the recipe"
    )
    parser.add_argument(
        "--workers", type=number_option(int, 0), default=0, help="processes that read images (0: none, images are kept)"
    )
    parser.add_argument("--cache", type=Path, help="folder for decoded images, so that each is decoded only once")
    parser.add_argument("--device", type=device_option, help="cpu, cuda or mps (default: the best there is)")
    parser.add_argument("--precision", choices=("auto", "bf16", "fp16", "float32"), default="auto")
    parser.add_argument(
        "--accumulate", type=number_option(int, 1), default=1, help="parts in which a batch goes through the network"
    )
    parser.add_argument("--compile", action="store_true", help="let torch.compile make the network faster")
    parser.add_argument(
        "--validate-every", type=number_option(int, 0), default=1, help="epochs between validations; 0: only at the end"
    )
    parser.add_argument("--export", type=Path, help="also write the last network here as float16, half the size")
    parser.add_argument("--module", type=import_module, help="import this first: it registers a network or a loss")
    parser.add_argument("--resume", action="store_true", help="go on from the last whole epoch in --out")
    parser.add_argument("--overwrite", action="store_true", help="begin anew in an --out that holds a run already")
    args = parser.parse_args(arguments)
    settings = {"depth": args.depth, "epochs": args.epochs, "batch_size": args.batch_size, "seed": args.seed}
    settings = {name: value for name, value in settings.items() if value is not None} | dict(args.set)
    if args.pretrained:
        settings["pretrained"] = None if args.pretrained == "none" else args.pretrained
    return args, changed(RECIPES[args.recipe], settings)


def main(arguments=None):
    args, recipe = parse(arguments)
    device = parallel.start() or args.device
    keep_freed_memory()
    torch.manual_seed(recipe.seed)
    if args.out.exists() and not args.out.is_dir():
        raise OSError(f"{args.out} is a file: --out names a folder")
    if (args.out / "last.pt").exists() and not (args.resume or args.overwrite):
        raise ValueError(f"{args.out} holds a run already: --resume goes on with it, --overwrite begins anew")
    if parallel.rank() == 0:
        data.find(args.data)  # one draws the built-in people, the others wait
    parallel.barrier()
    root = data.find(args.data)
    people, content = data.persons(root, "train"), data.read_annotations(data.annotation_file(root, "val"))
    coco_metrics(content, [])  # what is wrong with the validation people is said before the first epoch
    require_files([*people, *data.persons(root, "val", content)])
    name, options = recipe.network
    model = models.build(name, **options)
    if recipe.pretrained and not args.resume:
        models.load_weights(model, recipe.pretrained)
    trainer = Trainer(
        model,
        crops_of(people, recipe, args.workers, args.cache),
        recipe,
        device=device,
        workers=args.workers,
        precision=args.precision,
        accumulate=args.accumulate,
        compiled=args.compile,
    )
    if args.resume:
        trainer.resume(args.out)
    with sole_writer(args.out) if parallel.rank() == 0 else nullcontext():
        run(args, trainer, root, people, content)
    parallel.stop()


def run(args, trainer, root, people, content):
    """Train to the end, validate, save, draw; Ctrl-C ends it with what to do."""
    recipe, model, first = trainer.recipe, trainer.model, parallel.rank() == 0
    if first:
        checkpoint.room_for(trainer, args.out)
        where = f"{trainer.device}, {trainer.precision}" + f", {parallel.world()} processes" * (parallel.world() > 1)
        name, options = recipe.network
        print(f"{len(people)} people in {root}, {name} {options}, {recipe.epochs} epochs, on {where}")
    if args.export and first:  # now, since it may fail
        models.save_model(model, args.export, half=True, recipe=args.recipe, epochs=len(trainer.history))

    def validation(_):
        number = len(trainer.history)
        if number < recipe.epochs and not (args.validate_every and number % args.validate_every == 0):
            return {}
        return validate(trainer, root, content)

    try:
        fit(trainer, validation, args.out, report)
    except KeyboardInterrupt:
        if not (args.out / "last.pt").exists():
            sys.exit("stopped before the first epoch was saved: there is nothing to resume")
        sys.exit(f"stopped: the whole epochs before this one are in {args.out}; add --resume to go on from there")
    if first and args.export:
        models.save_model(model, args.export, half=True, recipe=args.recipe, epochs=recipe.epochs)
    if first:
        draw_curve(trainer.history, args.out / "curve.png")
        print(f"weights in {args.out / 'model.pt'}, curve in {args.out / 'history.csv'} and curve.png")


def draw_curve(history, file):
    """Draw the loss, and of the validation AP where it was measured, over the epochs."""
    from hpe_lib import plots

    plots.use_style()
    figure, (left, right) = plots.plt.subplots(1, 2, figsize=(9, 3.4))
    left.plot([row["epoch"] for row in history], [row["loss"] for row in history])
    left.set(
        title=f"loss, last {history[-1]['loss']:.6f}", xlabel="epoch", ylabel="weighted squared error", yscale="log"
    )
    measured = [row for row in history if "AP" in row]
    right.plot([row["epoch"] for row in measured], [row["AP"] for row in measured], "o-")
    right.set(
        title=f"validation AP {measured[-1]['AP']:.3f}" if measured else "no validation", xlabel="epoch", ylim=(0, 1)
    )
    file.write_bytes(plots.to_png(figure))
    plots.plt.close(figure)


if __name__ == "__main__":
    run_command(main)
