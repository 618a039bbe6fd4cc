"""Training: recipes (what decides a run), losses (what becomes small) and trainer (step, epoch, run) are for reading;
batches, precision, checkpoint and parallel make it fast and resumable. `python -m hpe_lib.train --help`.
"""

from hpe_lib.train.batches import Batches
from hpe_lib.train.center_loss import center_points
from hpe_lib.train.losses import LOSSES, heatmap_mse
from hpe_lib.train.precision import mixed_precision
from hpe_lib.train.recipes import RECIPES, Recipe, rate_factor
from hpe_lib.train.trainer import Trainer, fit
from hpe_lib.train.validation import validate

__all__ = [
    "LOSSES",
    "RECIPES",
    "Batches",
    "Recipe",
    "Trainer",
    "center_points",
    "fit",
    "heatmap_mse",
    "mixed_precision",
    "rate_factor",
    "validate",
]
