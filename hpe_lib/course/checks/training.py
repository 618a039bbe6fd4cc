"""Checks of notebook 05: the loss, PCK, one step of training, and the time that it takes; more in `optimiser`."""

import math

import torch
from torch import nn

from hpe_lib import heatmaps, train
from hpe_lib.course.verdict import Mistake, judge


def check_weighted_loss(answer):
    """A function (predicted (N, K, H, W), target (N, K, H, W), weights (N, K)) -> the loss, a scalar."""

    def on_squares(change):
        def function(predicted, target, weights):
            weights = weights[:, :, None, None].expand_as(target)
            return change(weights * (predicted - target) ** 2, weights, predicted - target)

        return function

    # fmt: off
    mistakes = [
        Mistake("the 1/2 forgotten", on_squares(lambda squared, weights, difference: squared.mean()),
                "Exactly twice as much as it should be: look at the beginning of the formula."),
        Mistake("unlabelled keypoints taken out of the denominator",
                on_squares(lambda squared, weights, difference: 0.5 * squared.sum() / weights.sum()),
                "You divide by the cells of the labelled keypoints. The formula divides by N K W H: all of them."),
        Mistake("the weights ignored", on_squares(lambda squared, weights, difference: 0.5 * (difference**2).mean()),
                "Keypoints without a label are punished here, although nobody knows where they are."),
        Mistake("not squared",
                on_squares(lambda squared, weights, difference: 0.5 * (weights * difference.abs()).mean()),
                "This adds up the sizes of the differences. The formula adds up their squares."),
        Mistake("the sum instead of the mean", on_squares(lambda squared, weights, difference: 0.5 * squared.sum()),
                "The sum grows with the batch and with the heatmap. What does the formula divide it by?"),
        Mistake("not added up at all", on_squares(lambda squared, weights, difference: 0.5 * squared.mean(dim=(2, 3))),
                "One number is asked for: the formula adds over people and keypoints too, and divides by N and K."),
        Mistake("keypoints added up instead of averaged",
                on_squares(lambda squared, weights, difference: 0.5 * squared.mean(dim=(0, 2, 3)).sum()),
                "Too large by a factor K: the formula divides by the number of keypoints as well."),
        Mistake("people added up instead of averaged",
                on_squares(lambda squared, weights, difference: 0.5 * squared.mean(dim=(1, 2, 3)).sum()),
                "Too large by a factor N: the formula divides by the number of people as well."),
        Mistake("the root taken", on_squares(lambda squared, weights, difference: 0.5 * squared.mean().sqrt()),
                "There is no root in the formula: the squared differences themselves are averaged."),
    ]
    # fmt: on
    cases = []
    for seed, (people, keypoints) in enumerate(((3, 5), (5, 3))):
        generator = torch.Generator().manual_seed(seed)
        maps = [torch.randint(0, 9, (people, keypoints, 2, 4), generator=generator) / 2 for _ in range(2)]
        weights = torch.ones(people, keypoints)
        weights[0, 1] = weights[1, 2] = weights[2] = 0  # and one of the people without any label
        cases.append((*maps, weights))
    return judge(answer, heatmaps.heatmap_loss, cases, mistakes, "Equal to heatmap_loss of hpe_lib.")


def check_pck(answer):
    """The PCK of the five joints of the exercise's table, on maps of 64 x 48 cells: a share from 0 to 1."""
    targets, found = (
        [(20, 10), (12, 30), (30, 31), (24, 40), (1, 58)],
        [(23, 10), (12, 33), (32, 33), (21, 40), (1, 58)],
    )
    maps = torch.zeros(2, 1, 5, 64, 48)
    for index, points in enumerate((found, targets)):
        for joint, (x, y) in enumerate(points):
            maps[index, 0, joint, y, x] = 1
    right = heatmaps.pck(*maps)[1].item()
    # fmt: off
    mistakes = [
        Mistake("x by the width and y by the height", 1 / 4,
                "So one would expect it, but the published code divides x by a tenth of the height, and y by the "
                "width's."),
        Mistake("x and y each on its own", 3 / 4,
                "The two divided differences are the legs of a triangle. Compare the length of the hypotenuse with "
                "0.5."),
        Mistake("the joint at the border counted", 3 / 5,
                "One joint is hit exactly, but its target lies in column 1: it is not counted, neither above nor "
                "below."),
        Mistake("the joint at the border counted as wrong", 2 / 5,
                "A joint that is not counted is missing below the fraction line as well."),
        Mistake("a whole tenth allowed", 1.0,
                "Divide by the tenths first; what is left must be below 0.5, half of a tenth."),
        Mistake("cells compared with 0.5", 0.0,
                "These are cells. Divide them by the tenths before you compare with 0.5."),
        Mistake("the number of joints, or percent", lambda a: a in (2, 50),
                "You are on the right way. A share from 0 to 1 is asked for: correct ones by counted ones."),
    ]
    # fmt: on
    return judge(answer, right, mistakes=mistakes, praise="Two of the four that count.")


def check_training_step(answer):
    """A function (model, optimizer, loss_function, images, targets) -> loss, that takes one step of training."""

    def watched(function):
        """Let the function train a small model for three steps: its three losses, and the weights afterwards."""

        def run(_):
            with torch.random.fork_rng(devices=[]):  # the notebook's own random numbers stay as they are
                torch.manual_seed(0)
                model = nn.Linear(2, 1)
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            images, targets = torch.tensor([[1.0, 2.0], [3.0, -1.0], [0.5, 1.0]]), torch.tensor([[2.0], [1.0], [-1.0]])
            before = model.weight.detach().clone()
            losses = [function(model, optimizer, nn.functional.mse_loss, images, targets) for _ in range(3)]
            if losses == [None] * 3 and torch.equal(model.weight, before):
                return None
            losses = [math.nan if loss is None else float(torch.as_tensor(loss).detach()) for loss in losses]
            return [losses, [*model.weight.flatten().tolist(), model.bias.item()]]

        return run

    def in_order(names, returned=True):
        def function(model, optimizer, loss_function, images, targets):
            loss = loss_function(model(images), targets)
            for name in names:
                {"zero": optimizer.zero_grad, "backward": loss.backward, "step": optimizer.step}[name]()
            return loss.item() if returned else None

        return function

    def loss_afterwards(model, optimizer, loss_function, images, targets):
        in_order(("zero", "backward", "step"))(model, optimizer, loss_function, images, targets)
        return loss_function(model(images), targets).item()

    # fmt: off
    mistakes = [
        Mistake("old gradients kept", watched(in_order(("backward", "step"))),
                "The first step is right, later ones are too long. What does `backward` do to gradients that are "
                "there?"),
        Mistake("the weights never move", watched(in_order(("backward", "zero", "step"))),
                "At the moment of `optimizer.step()` the gradients are empty or not yet there. When must it be "
                "called?"),
        Mistake("one step behind", watched(in_order(("step", "zero", "backward"))),
                "The optimiser moves with the gradients of the step *before*. Compute the new ones first."),
        Mistake("the loss not returned", watched(in_order(("zero", "backward", "step"), returned=False)),
                "The weights move as they should. Now return the loss, so that one can draw the curve."),
        Mistake("the loss after the step", watched(loss_afterwards),
                "The step is right. Return the loss that the gradients came from; a second forward run is wasted "
                "time."),
    ]
    # fmt: on
    # Only functions may be wrapped: anything else goes to `judge` as it is.
    answer = watched(answer) if callable(answer) else answer
    cases = [("three steps on three examples",)]
    praise = "Forward, empty, backward, step: this is all of training."
    return judge(answer, watched(in_order(("zero", "backward", "step"))), cases, mistakes, praise)


def check_training_time(answer):
    """The days that the paper's schedule takes on COCO at 2.5 people a second, to 1 %."""
    people, speed, day = 149_813, 2.5, 24 * 60 * 60
    epochs = train.RECIPES["paper"].epochs
    right = people * epochs / speed / day

    def near(*values):
        return lambda a: any(math.isclose(a, value, rel_tol=0.01) for value in values)

    # fmt: off
    mistakes = [
        Mistake("seconds", near(right * day),
                "The time is right, in seconds. How many seconds has a day?"),
        Mistake("hours", near(right * 24, right * 24 * 60),
                "The time is right, in hours or minutes. How many days?"),
        Mistake("one epoch", near(right / epochs),
                "That is one pass over the people. The schedule has many."),
        Mistake("batches taken for people", near(right / 128),
                "The speed is in people a second, so the batch size plays no part."),
        Mistake("multiplied by the speed", near(right * speed**2),
                "A faster computer needs less time, not more."),
        Mistake("divided by the cores", near(right / 2),
                "2.5 people a second is what the whole computer does, with both cores."),
    ]
    # fmt: on
    praise = "More than three months: now you know what the GPU is for."
    return judge(answer, right, mistakes=mistakes, praise=praise, tolerance=0.01)


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

    # fmt: off
    mistakes = [
        Mistake("the corrected means kept", stored,
                "m and v themselves stay uncorrected from step to step; only the move uses their corrected values."),
        Mistake("the bias correction forgotten", wrong(lambda rate, gradient, m, v, c1, c2: -rate * m / math.sqrt(v)),
                "m and v start at zero and are too small at first. The formula divides each by a number that mends "
                "this."),
        Mistake("only m corrected", wrong(lambda rate, gradient, m, v, c1, c2: -rate * m / c1 / math.sqrt(v)),
                "v starts at zero too, and has a correction of its own, with its own beta."),
        Mistake("the root forgotten", wrong(lambda rate, gradient, m, v, c1, c2: -rate * (m / c1) / (v / c2)),
                "v has the unit of a gradient squared. What must be taken of it, so that the ratio has no unit?"),
        Mistake("uphill", wrong(lambda rate, *rest: -adam(rate, *rest)),
                "The size of the steps is right, and their direction makes the loss larger."),
        Mistake("plain gradient descent", wrong(lambda rate, gradient, *rest: -rate * gradient),
                "This moves by the gradient times the rate. Adam moves by a ratio of two running means."),
        Mistake("the running means start anew", wrong(adam, keep=False),
                "Every step is as long as the rate: m and v forget what they were. Set them to 0 once, before the "
                "loop."),
        Mistake("the two betas swapped", wrong(adam, beta1=0.999, beta2=0.9),
                "0.9 belongs to the mean of the gradient, 0.999 to that of its square."),
        Mistake("only the last gradient used", lambda theta, gradients, rate: right(theta, gradients[-1:], rate),
                "There is one step for every gradient in the list, and each starts where the one before ended."),
    ]
    # fmt: on
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
    # fmt: off
    mistakes = [
        Mistake("one step late", wrong(lambda step, people, size, drop: step > drop * (people // size)),
                "Steps are counted from 0. So which number has the first step after 90 whole epochs?"),
        Mistake("one epoch late", wrong(lambda step, people, size, drop: step // (people // size) > drop),
                "Epochs are counted from 0 here. So which number has the first epoch after 90 whole ones?"),
        Mistake("the incomplete batch counted",
                wrong(lambda step, people, size, drop: step >= drop * math.ceil(people / size)),
                whole),
        Mistake("the incomplete batch counted", wrong(lambda step, people, size, drop: step >= drop * people / size),
                whole),
        Mistake("steps taken for epochs", wrong(lambda step, people, size, drop: step >= drop),
                "The drops come after 90 and 120 *epochs*, and `step` counts batches. How many batches make an epoch?"),
        Mistake("people taken for steps", wrong(lambda step, people, size, drop: step >= drop * people),
                "One step takes a whole batch of people, so an epoch has fewer steps than people."),
        Mistake("only one drop", lambda step, people, size: 1e-4 if step >= 90 * (people // size) else 1e-3,
                "The rate falls twice: the second time to a tenth of what was left."),
        Mistake("a tenth less", wrong(lambda step, people, size, drop: step >= drop * (people // size), factor=0.9),
                "The rate falls *to* a tenth, not *by* a tenth."),
    ]
    # fmt: on
    steps = (0, 89, 100, 899, 900, 905, 930, 950, 1000, 1199, 1200, 1399)
    cases = [(step, 1050, 100) for step in steps] + [(105_299, 149_813, 128), (105_300, 149_813, 128)]
    return judge(answer, right, cases, mistakes, "So many steps, and only two changes.", tolerance=1e-7)
