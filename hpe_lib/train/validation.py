"""How good a network is while it trains, measured by all processes together."""

import numpy as np

from hpe_lib import data, evaluate
from hpe_lib.predict import predict_people
from hpe_lib.train import parallel


def validate(trainer, root, content):
    """The ten metrics of the trainer's network on the validation people in their true boxes, as its recipe decodes.

    content: the split's annotation dictionary. Several processes share the work; only number 0 gets the metrics.
    """
    people, world, recipe = data.persons(root, "val", content), parallel.world(), trainer.recipe
    mine = people[parallel.rank() :: world]
    shares = parallel.gather(predict_people(trainer.model, mine, shift=recipe.flip_shift, refine=recipe.refine))
    poses = np.zeros((len(people), 17, 3))
    for number, share in enumerate(shares):
        poses[number::world] = share
    if parallel.rank():
        return {}
    return evaluate.coco_metrics(content, evaluate.to_results(people, poses))
