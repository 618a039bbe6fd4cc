"""How errors of 2-D joints become errors in space, and what more frames are worth: `python tools/lifting.py`.

Lifters (width 128, two blocks) learn on drawn people: from true 2-D joints or from joints with Gaussian noise, on
single people; and from stretches of 1, 9 and 27 frames of the same films, with and without noise. Each is then asked
about other people, at several levels of noise. hpe_lib/weights/lifting.csv gets MPJPE, PA-MPJPE (mm) and PCK of each,
and the CPU time of the training; notebook 12 draws it. Noise is in % of the person's size (root mean squared distance
of the joints from the hips), for each coordinate. An existing file is added to: `--seeds 0,1` names the seeds.

`python tools/lifting.py --ship` trains the network that notebook 12 uses, hpe_lib/weights/lifter.pt, twice as wide, on
noisy joints of 40,000 single people; its history goes to lifter_training.csv.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch

from hpe_lib import lifting, models, synthetic, train

WEIGHTS = Path(__file__).parents[1] / "hpe_lib" / "weights"
RECIPE = replace(
    train.RECIPES["quick"],
    model="lifter",
    depth=None,
    options={"width": 128, "dropout": 0.0},  # new people cost nothing here, so that nothing is learnt by heart
    epochs=16,
    batch_size=256,
    learning_rate=5e-3,
    warmup_steps=100,
    augmentation=None,
)
LEVELS = (0, 1, 2, 4, 8, 16)  # % of the person's size
TYPICAL = 4.0  # the noise of training, about the error of `tiny` (notebook 12 measures it)


def joints_mse(model, batch, recipe):
    """The mean squared error of all coordinates, m^2, and MPJPE, mm (Martinez et al. 2017, section 3)."""
    off = model(batch["joints"]) - batch["target"]  # (N, 17, 3)
    return off.square().mean(), {"mpjpe": 1000 * off.detach().norm(dim=-1).mean()}


def learnt(pixels, poses, noise, seed, epochs, width=128, progress=False):
    """Train a lifter on (N, T, 17, 2) px and (N, 17, 3) m; returns the trainer, and the CPU seconds that it took."""
    torch.manual_seed(seed)
    options = RECIPE.options | {"frames": pixels.shape[1], "width": width}
    recipe = replace(RECIPE, options=options, seed=seed, epochs=epochs)
    pairs = lifting.Pairs(pixels, poses, noise, seed)
    trainer = train.Trainer(models.build("lifter", **options), pairs, recipe, joints_mse, precision="float32")
    start = time.process_time()
    train.fit(trainer, progress=progress)
    return trainer, time.process_time() - start


def measured(model, pixels, poses, noise):
    """The three measures of a lifter on other people, at this noise."""
    pairs = lifting.Pairs(pixels, poses, noise, seed=1000)
    with torch.no_grad():
        found = model.eval()(pairs.joints).double().numpy()
    true = pairs.target.double().numpy()
    measures = lifting.mpjpe(found, true), lifting.pa_mpjpe(found, true), lifting.pck_3d(found, true)
    return dict(zip(("MPJPE", "PA-MPJPE", "PCK"), (round(float(value), 4) for value in measures)))


def runs(seeds, people, films):
    """Yields a row for each network, seed and level of noise."""
    learn, test = synthetic.poses(1, people), synthetic.poses(2, 2000)
    data = {("people", 1): ((learn[0][:, None], learn[1]), (test[0][:, None], test[1]))}
    long = synthetic.windows(1, films, 27, 16), synthetic.windows(2, 150, 27)
    for frames in (1, 9, 27):
        cut = slice(13 - frames // 2, 14 + frames // 2)  # around the same middle frame
        data["films", frames] = tuple((pixels[:, cut], poses) for pixels, poses in long)
    for seed in seeds:
        for (kind, frames), (learn, test) in data.items():
            for noise in (0.0, TYPICAL):
                trainer, took = learnt(*learn, noise, seed, RECIPE.epochs)
                for level in LEVELS:
                    numbers = measured(trainer.model, *test, level)
                    yield {
                        "data": kind,
                        "frames": frames,
                        "seed": seed,
                        "trained at": noise,
                        "tested at": level,
                        **numbers,
                        "CPU seconds": round(took, 1),
                    }


def ship(people, epochs):
    """Train the network of the notebook, and save it with its history."""
    pixels, poses = synthetic.poses(1, people)
    trainer, took = learnt(pixels[:, None], poses, TYPICAL, 0, epochs, width=256, progress=True)
    models.save_model(trainer.model, WEIGHTS / "lifter.pt", half=True)
    history = [{k: v for k, v in row.items() if k != "samples_per_second"} for row in trainer.history]
    pd.DataFrame(history).round(6).to_csv(WEIGHTS / "lifter_training.csv", index=False)
    pixels, poses = synthetic.poses(2, 2000)
    for level in LEVELS:
        print(level, measured(models.load_model("lifter"), pixels[:, None], poses, level))
    print(f"{people} people, {epochs} epochs, {took:.0f} s of CPU time")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1", help="whole numbers with commas between")
    parser.add_argument("--people", type=int, default=8_000, help="single people to learn from; 40,000 with --ship")
    parser.add_argument("--films", type=int, default=400, help="films to learn from")
    parser.add_argument("--ship", action="store_true", help="train lifter.pt")
    parser.add_argument("--out", type=Path, default=WEIGHTS / "lifting.csv")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # so that CPU time and waiting time are the same
    if options.ship:
        return ship(40_000, 40)
    seeds = [int(seed) for seed in options.seeds.split(",")]
    rows = pd.read_csv(options.out).to_dict("records") if options.out.is_file() else []
    rows = [row for row in rows if row["seed"] not in seeds]
    for row in runs(seeds, options.people, options.films):
        rows.append(row)
        print(row, flush=True)
        pd.DataFrame(rows).to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
