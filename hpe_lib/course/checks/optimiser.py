"""Checks of notebook 05, on what moves the weights: Adam, and the schedule of its learning rate."""

import math

import torch

from hpe_lib import train
from hpe_lib.checks.verdict import Mistake, judge


def check_adam(answer):
    """A function (theta, gradients, rate) -> theta after one step of Adam for each gradient; plain numbers."""

    def right(theta, gradients, rate):
        parameter = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.Adam([parameter], lr=rate)
        for gradient in gradients:
            parameter.grad = torch.tensor(gradient, dtype=torch.float64)
            optimizer.step()
        return parameter.item()

    def wrong(step, beta1=0.9, beta2=0.999, keep=True):
        def function(theta, gradients, rate):
            m = v = 0.0
            for t, gradient in enumerate(gradients, 1):
                m, v = (m, v) if keep else (0.0, 0.0)
                m, v = beta1 * m + (1 - beta1) * gradient, beta2 * v + (1 - beta2) * gradient**2
                t = t if keep else 1
                theta += step(rate, gradient, m, v, 1 - beta1**t, 1 - beta2**t)
            return theta

        return function

    def adam(rate, gradient, m, v, c1, c2):
        return -rate * (m / c1) / math.sqrt(v / c2)

    def stored(theta, gradients, rate):
        m = v = 0.0
        for t, gradient in enumerate(gradients, 1):
            m = (0.9 * m + 0.1 * gradient) / (1 - 0.9**t)
            v = (0.999 * v + 0.001 * gradient**2) / (1 - 0.999**t)
            theta -= rate * m / math.sqrt(v)
        return theta

    mistakes = [
        Mistake(
            "the corrected means kept",
            stored,
            "m and v themselves stay uncorrected from step to step; only the move uses their corrected values.",
        ),
        Mistake(
            "the bias correction forgotten",
            wrong(lambda rate, gradient, m, v, c1, c2: -rate * m / math.sqrt(v)),
            "m and v start at zero and are too small at first. The formula divides each by a number that mends this.",
        ),
        Mistake(
            "only m corrected",
            wrong(lambda rate, gradient, m, v, c1, c2: -rate * m / c1 / math.sqrt(v)),
            "v starts at zero too, and has a correction of its own, with its own beta.",
        ),
        Mistake(
            "the root forgotten",
            wrong(lambda rate, gradient, m, v, c1, c2: -rate * (m / c1) / (v / c2)),
            "v has the unit of a gradient squared. What must be taken of it, so that the ratio has no unit?",
        ),
        Mistake(
            "uphill",
            wrong(lambda rate, *rest: -adam(rate, *rest)),
            "The size of the steps is right, and their direction makes the loss larger.",
        ),
        Mistake(
            "plain gradient descent",
            wrong(lambda rate, gradient, *rest: -rate * gradient),
            "This moves by the gradient times the rate. Adam moves by a ratio of two running means.",
        ),
        Mistake(
            "the running means start anew",
            wrong(adam, keep=False),
            "Every step is as long as the rate: m and v forget what they were. Set them to 0 once, before the loop.",
        ),
        Mistake(
            "the two betas swapped",
            wrong(adam, beta1=0.999, beta2=0.9),
            "0.9 belongs to the mean of the gradient, 0.999 to that of its square.",
        ),
        Mistake(
            "only the last gradient used",
            lambda theta, gradients, rate: right(theta, gradients[-1:], rate),
            "There is one step for every gradient in the list, and each starts where the one before ended.",
        ),
    ]
    cases = [(1.0, [4.0], 0.1), (1.0, [4.0, -2.0], 0.1), (-3.0, [0.5, 0.25, 3.0, -0.5], 0.2)]
    praise = "Equal to PyTorch's. Look at the first step: its length is the rate, whatever the gradient."
    return judge(answer, right, cases, mistakes, praise)


def check_learning_rate(answer):
    """A function (step, people, batch_size) -> learning rate of the paper's schedule; steps are counted from 0."""
    recipe = train.RECIPES["paper"]

    def right(step, people, batch_size):
        return recipe.learning_rate * train.rate_factor(recipe, step, people // batch_size)

    def wrong(dropped, factor=0.1):
        def function(step, people, batch_size):
            return 1e-3 * factor ** sum(dropped(step, people, batch_size, drop) for drop in (90, 120))

        return function

    whole = "A batch that is not full is left out, so an epoch has a whole number of steps: round down."
    mistakes = [
        Mistake(
            "one step late",
            wrong(lambda step, people, size, drop: step > drop * (people // size)),
            "Steps are counted from 0. So which number has the first step after 90 whole epochs?",
        ),
        Mistake(
            "one epoch late",
            wrong(lambda step, people, size, drop: step // (people // size) > drop),
            "Epochs are counted from 0 here. So which number has the first epoch after 90 whole ones?",
        ),
        Mistake(
            "the incomplete batch counted",
            wrong(lambda step, people, size, drop: step >= drop * math.ceil(people / size)),
            whole,
        ),
        Mistake(
            "the incomplete batch counted",
            wrong(lambda step, people, size, drop: step >= drop * people / size),
            whole,
        ),
        Mistake(
            "steps taken for epochs",
            wrong(lambda step, people, size, drop: step >= drop),
            "The drops come after 90 and 120 *epochs*, and `step` counts batches. How many batches make an epoch?",
        ),
        Mistake(
            "people taken for steps",
            wrong(lambda step, people, size, drop: step >= drop * people),
            "One step takes a whole batch of people, so an epoch has fewer steps than people.",
        ),
        Mistake(
            "only one drop",
            lambda step, people, size: 1e-4 if step >= 90 * (people // size) else 1e-3,
            "The rate falls twice: the second time to a tenth of what was left.",
        ),
        Mistake(
            "a tenth less",
            wrong(lambda step, people, size, drop: step >= drop * (people // size), factor=0.9),
            "The rate falls *to* a tenth, not *by* a tenth.",
        ),
    ]
    steps = (0, 89, 100, 899, 900, 905, 930, 950, 1000, 1199, 1200, 1399)
    cases = [(step, 1050, 100) for step in steps] + [(105_299, 149_813, 128), (105_300, 149_813, 128)]
    return judge(answer, right, cases, mistakes, "So many steps, and only two changes.", tolerance=1e-7)
