"""Checks of notebook 02b: shapes, a gradient on paper, ReLU units, batch norm, gradient descent."""

import torch

from hpe_lib.course.verdict import Mistake, judge


def check_as_input(answer):
    """A function: an image (H, W, 3) of whole numbers 0 to 255 -> (1, 3, H, W) float, 0 to 1."""

    def right(image):
        return image.permute(2, 0, 1)[None] / 255

    # fmt: off
    mistakes = [
        Mistake("reshaped instead of permuted", lambda image: image.reshape(1, 3, *image.shape[:2]) / 255,
                "The shape is right, but `reshape` and `view` only count the numbers off anew: red, green and blue of "
                "one pixel land beside each other. Axes change places by `permute`."),
        Mistake("not divided by 255", lambda image: right(image) * 255,
                "The numbers still go up to 255. Floats from 0 to 1 are asked for."),
        Mistake("the batch forgotten", lambda image: image.permute(2, 0, 1) / 255,
                "A network takes a batch, even of one image: an axis of length 1 is missing in front."),
        Mistake("rows and columns exchanged", lambda image: image.permute(2, 1, 0)[None] / 255,
                "Width and height have changed places. The order is channels, rows (H), columns (W)."),
        Mistake("the channels left at the end", lambda image: image[None] / 255,
                "Batch and numbers are right. The channels must stand before rows and columns."),
        Mistake("divided by 256", lambda image: right(image) * 255 / 256,
                "Very near: the brightest byte, 255, should become 1."),
        Mistake("divided as whole numbers", lambda image: right(image).floor(),
                "`//` divides whole numbers and rounds down: nearly everything becomes 0."),
    ]
    # fmt: on
    cases = [(torch.tensor([[[0, 51, 102], [153, 204, 255]]], dtype=torch.uint8),)]
    for seed, size in enumerate(((2, 3), (4, 3))):
        shape = (*size, 3)
        cases.append((torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.manual_seed(seed)),))
    return judge(answer, right, cases, mistakes, "Channels first, floats, and a batch of one: what a network takes.")


def check_slope_on_paper(answer):
    """A function (w, b, x, t) -> dL/dw and dL/db of L = (w x + b - t)^2."""

    def right(w, b, x, t):
        w, b = torch.tensor(float(w), requires_grad=True), torch.tensor(float(b), requires_grad=True)
        (w * x + b - t).square().backward()
        return [w.grad.item(), b.grad.item()]

    def wrong(dw, db):
        return lambda w, b, x, t: [dw(w * x + b - t, x, w), db(w * x + b - t, x, w)]

    # fmt: off
    mistakes = [
        Mistake("the inner derivative forgotten", wrong(lambda d, x, w: 2 * d, lambda d, x, w: 2 * d),
                "The chain rule has two links: the square's, and that of w x + b, which is x for w and 1 for b."),
        Mistake("the 2 forgotten", wrong(lambda d, x, w: d * x, lambda d, x, w: d),
                "The derivative of a square is *twice* what was squared, times the inner derivative."),
        Mistake("the sign turned", wrong(lambda d, x, w: -2 * d * x, lambda d, x, w: -2 * d),
                "The size is right. The difference is w x + b - t: is it t - w x - b in your formula? Or is this "
                "already the direction of the step? The slope itself is asked for."),
        Mistake("the two exchanged", wrong(lambda d, x, w: 2 * d, lambda d, x, w: 2 * d * x),
                "Both numbers are right, in the other order: first w, then b."),
        Mistake("the square's root", wrong(lambda d, x, w: 2 * x, lambda d, x, w: 2),
                "Where has the difference w x + b - t gone? A square is steeper the further one is from its bottom."),
        Mistake("by the other factor", wrong(lambda d, x, w: 2 * d * w, lambda d, x, w: 2 * d),
                "The inner derivative of w x for *w* is x: what stands beside w."),
    ]
    # fmt: on
    cases = [(2, 1, 3, 5), (0.5, -1, 4, 3), (-1.5, 0.25, 2, -0.5), (1, 0, -2.5, 1), (1.2, 0.7, 1.4, -2)]
    return judge(answer, right, cases, mistakes, "This is what `backward` does, for every number of a network.")


def check_two_units(answer):
    """A function (x (M,), w1 (U,), b1 (U,), w2 (U,), b2) -> (M,): the sum of w2 relu(w1 x + b1), plus b2."""

    def right(x, w1, b1, w2, b2):
        return (w2 * torch.relu(w1 * x[:, None] + b1)).sum(dim=1) + b2

    def wrong(unit=torch.relu, add=lambda units, w2, b2: (w2 * units).sum(dim=1) + b2):
        return lambda x, w1, b1, w2, b2: add(unit(w1 * x[:, None] + b1), w2, b2)

    # fmt: off
    mistakes = [
        Mistake("ReLU forgotten", wrong(unit=lambda u: u),
                "Without ReLU this is one straight line, whatever the weights. Where does it belong?"),
        Mistake("ReLU after the sum", lambda x, w1, b1, w2, b2: torch.relu(wrong(unit=lambda u: u)(x, w1, b1, w2, b2)),
                "Each unit is cut at 0 for itself, *before* the second layer adds them up."),
        Mistake("ReLU twice", lambda x, w1, b1, w2, b2: torch.relu(right(x, w1, b1, w2, b2)),
                "The output is cut as well: it may be negative. ReLU stands between the layers only."),
        Mistake("the last level forgotten", wrong(add=lambda units, w2, b2: (w2 * units).sum(dim=1)),
                "The shape of the curve is right, its height is not: b2 is missing."),
        Mistake("the second weights forgotten", wrong(add=lambda units, w2, b2: units.sum(dim=1) + b2),
                "Every unit counts alike here. What does w2 do?"),
        Mistake("the level added for every unit", wrong(add=lambda units, w2, b2: (w2 * units + b2).sum(dim=1)),
                "b2 belongs to the output, and is added once, not once for each unit."),
        Mistake("the mean of the units", wrong(add=lambda units, w2, b2: (w2 * units).mean(dim=1) + b2),
                "A layer adds its inputs up. It does not average them."),
        Mistake("the absolute value", wrong(unit=torch.abs),
                "ReLU cuts negative numbers off. It does not turn them round."),
    ]
    # fmt: on
    x = torch.linspace(-2, 2, 9)
    units = ([1.0, -1.0], [0.5, 0.25]), ([2.0, 1.5, -0.5], [-1.0, 1.0, -0.25]), ([-1.0, 3.0], [0.5, -2.5])
    outs = ([1.0, -2.0], -0.5), ([0.5, -1.0, 4.0], 0.25), ([-2.0, 1.0], 1.5)
    cases = [
        (size * x, *map(torch.tensor, one), torch.tensor(w2), b2)
        for size, one, (w2, b2) in zip((1, 0.5, 1.5), units, outs)
    ]
    return judge(answer, right, cases, mistakes, "Each unit bends the line once, and that is all a ReLU network does.")


def check_batch_norm(answer):
    """A function: x (N, C) -> (N, C), each channel with mean 0 and variance 1 over the batch (epsilon 1e-5)."""

    def right(x):
        return torch.nn.functional.batch_norm(x, None, None, training=True)

    def wrong(dim=0, mean=True, unbiased=False, root=True, epsilon=1e-5):
        def function(x):
            spread = x.var(dim=dim, keepdim=True, unbiased=unbiased) + epsilon
            return (x - (x.mean(dim=dim, keepdim=True) if mean else 0)) / (spread.sqrt() if root else spread)

        return function

    # fmt: off
    mistakes = [
        Mistake("over the channels", wrong(dim=1),
                "Each *row* has mean 0 now. Batch norm takes each channel, a column, over all examples of the batch."),
        Mistake("over everything", lambda x: (x - x.mean()) / (x.var(unbiased=False) + 1e-5).sqrt(),
                "One mean for all numbers. Each channel has a mean and a variance of its own."),
        Mistake("divided by N - 1", wrong(unbiased=True),
                "Very near. `var` and `std` divide by N - 1 unless told `unbiased=False`; batch norm divides by N."),
        Mistake("the mean kept", wrong(mean=False),
                "The variance is right, but the mean is not taken off."),
        Mistake("the root forgotten", wrong(root=False),
                "Divide by the deviation, the *root* of the variance: then the variance becomes 1."),
        Mistake("only the mean taken off", lambda x: x - x.mean(dim=0),
                "The mean is 0. Now the variance: each channel keeps its own spread here."),
        Mistake("from 0 to 1", lambda x: (x - x.amin(0)) / (x.amax(0) - x.amin(0)),
                "This stretches each channel from 0 to 1. Mean 0 and variance 1 are asked for."),
    ]
    # fmt: on
    cases = [(torch.tensor([[0.0, 10.0], [2.0, 30.0], [7.0, 20.0]]),)]
    spread = torch.tensor([1.0, 5, 0.5])
    cases += [(torch.randn(5, 3, generator=torch.manual_seed(seed)) * spread + 2,) for seed in (0, 1)]
    return judge(answer, right, cases, mistakes, "Equal to nn.BatchNorm1d while it trains.")


def check_descend(answer):
    """A function (theta, rate, steps) -> theta after steps of gradient descent on L = (theta - 3)^2."""

    def right(theta, rate, steps):
        return 3 + (theta - 3) * (1 - 2 * rate) ** steps

    def wrong(slope=lambda theta: 2 * (theta - 3), more=0, sign=1):
        def function(theta, rate, steps):
            for _ in range(steps + more):
                theta = theta - sign * rate * slope(theta)
            return theta

        return function

    # fmt: off
    mistakes = [
        Mistake("uphill", wrong(sign=-1),
                "The loss grows: the step goes *against* the slope."),
        Mistake("the slope's 2 forgotten", wrong(slope=lambda theta: theta - 3),
                "The right direction, in half steps. What is the slope of (theta - 3)^2?"),
        Mistake("a single step", lambda theta, rate, steps: theta - rate * 2 * (theta - 3),
                "One step is right. `steps` says how many there are, and each starts where the one before ended."),
        Mistake("the slope of the start", lambda theta, rate, steps: theta - steps * rate * 2 * (theta - 3),
                "All steps use the slope at the start. Nearer to the bottom it is less steep: work it out each time."),
        Mistake("one step too many", wrong(more=1),
                "There is one step more than asked for."),
        Mistake("one step too few", wrong(more=-1),
                "There is one step less than asked for. (Does a `range` begin at 1?)"),
        Mistake("the loss for the slope", wrong(slope=lambda theta: (theta - 3) ** 2),
                "The loss itself is taken off. The step is the rate times the loss's *slope*."),
        Mistake("the rate forgotten", lambda theta, rate, steps: wrong()(theta, 1.0, steps),
                "Without the rate every step jumps over the bottom to the other side."),
    ]
    # fmt: on
    cases = [(5, 0.25, 1), (0, 0.1, 3), (10, 0.3, 2), (-4.5, 0.05, 7), (1, 0.4, 4)]
    return judge(answer, right, cases, mistakes, "Each step brings the distance to a share of it, 1 - 2 rate.")
