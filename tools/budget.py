"""Training within a budget, for the tools that compare networks: so much processor time, or so many people seen."""

import math
import time

from hpe_lib import data, train


def kept(people, recipe):
    """The crops of people, cut and kept before any clock runs."""
    crops = data.KeptCrops(people, recipe.input_wh, recipe.augmentation)
    for index in range(len(crops)):
        crops[index]
    return crops


def learnt(model, dataset, recipe, loss=None, seconds=None, samples=None):
    """Train until the processor time or the number of samples is spent. Returns the seconds and samples that it took.

    The learning rate rises over the recipe's warm-up, and falls along half a cosine wave over the budget.
    """
    trainer = train.Trainer(model, dataset, recipe, loss)
    trainer.schedule.step = lambda: None  # the budget sets the rate, not the epoch
    start, steps, took, spent = time.process_time(), 0, 0.0, 0.0
    while spent < 1:
        trainer.loader.batch_sampler.epoch = steps // len(trainer.loader)
        dataset.set_epoch(steps // len(trainer.loader))
        trainer.model.train()
        for batch in trainer.loader:
            warm = min(1.0, (steps + 1) / recipe.warmup_steps) if recipe.warmup_steps else 1.0
            for group in trainer.optimizer.param_groups:
                group["lr"] = recipe.learning_rate * warm * (1 + math.cos(math.pi * spent)) / 2
            trainer.step(batch)
            steps += 1
            took, seen = time.process_time() - start, steps * recipe.batch_size
            spent = min(1.0, took / seconds if seconds else seen / samples)
            if spent == 1:
                break
    return took, seen
