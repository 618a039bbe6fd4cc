"""Checks of notebook 05: the loss, PCK, Adam, the learning rate, one step of training, and the time that it takes."""

import functools
import math

import torch
from torch import nn

from hpe_lib import heatmaps, train
from hpe_lib.course.verdict import Mistake, judge, same


def check_weighted_loss(answer):
    """A function (predicted (N, K, H, W), target (N, K, H, W), weights (N, K)) -> the loss, a scalar."""

    def wrong(read):
        def function(predicted, target, weights):
            weights = weights[:, :, None, None].expand_as(target)
            return read(weights * (predicted - target) ** 2 / 2, weights, predicted - target)

        return function

    # s: weighted squares / 2, (N, K, H, W)
    # fmt: off
    mistakes = [
        Mistake("the 1/2 forgotten", wrong(lambda s, w, difference: 2 * s.mean()),
                "Exactly twice as much as it should be: look at the beginning of the formula."),
        Mistake("unlabelled keypoints taken out of the denominator", wrong(lambda s, w, difference: s.sum() / w.sum()),
                "You divide by the cells of the labelled keypoints. The formula divides by N K W H: all of them."),
        Mistake("the weights ignored", wrong(lambda s, w, difference: (difference**2).mean() / 2),
                "Keypoints without a label are punished here, although nobody knows where they are."),
        Mistake("not squared", wrong(lambda s, w, difference: (w * difference.abs()).mean() / 2),
                "This adds up the sizes of the differences. The formula adds up their squares."),
        Mistake("the sum instead of the mean", wrong(lambda s, w, difference: s.sum()),
                "The sum grows with the batch and with the heatmap. What does the formula divide it by?"),
        Mistake("not added up at all", wrong(lambda s, w, difference: s.mean(dim=(2, 3))),
                "One number is asked for: the formula adds over people and keypoints too, and divides by N and K."),
        Mistake("keypoints added up instead of averaged", wrong(lambda s, w, difference: s.mean(dim=(0, 2, 3)).sum()),
                "Too large by a factor K: the formula divides by the number of keypoints as well."),
        Mistake("people added up instead of averaged", wrong(lambda s, w, difference: s.mean(dim=(1, 2, 3)).sum()),
                "Too large by a factor N: the formula divides by the number of people as well."),
        Mistake("the root taken", wrong(lambda s, w, difference: (2 * s.mean()).sqrt() / 2),
                "There is no root in the formula: the squared differences themselves are averaged."),
    ]
    # fmt: on
    predicted = torch.tensor([[[[1.0, 3.0]], [[5.0, 1.0]]]])  # one person, two keypoints, two cells; no second label
    cases = [(predicted, torch.tensor([[[[0.0, 1.0]], [[0.0, 0.0]]]]), torch.tensor([[1.0, 0.0]]))]
    for seed, (people, keypoints) in enumerate(((3, 5), (5, 3))):
        generator = torch.Generator().manual_seed(seed)
        maps = [torch.randint(0, 9, (people, keypoints, 2, 4), generator=generator) / 2 for _ in range(2)]
        weights = torch.ones(people, keypoints)
        weights[0, 1] = weights[1, 2] = weights[2] = 0  # and one of the people without any label
        cases.append((*maps, weights))
    return judge(answer, heatmaps.heatmap_loss, cases, mistakes, "Equal to heatmap_loss of hpe_lib.")


def check_pck(answer):
    """The PCK of the six joints of the exercise's table, on maps of 64 x 48 cells: a share from 0 to 1."""
    targets = [(20, 10), (12, 30), (30, 31), (24, 40), (1, 58), (36, 59)]
    found = [(23, 10), (12, 33), (32, 33), (21, 40), (1, 58), (36, 59)]
    maps = torch.zeros(2, 1, 6, 64, 48)
    for index, points in enumerate((found, targets)):
        for joint, (x, y) in enumerate(points):
            maps[index, 0, joint, y, x] = 1
    right = heatmaps.pck(*maps)[1].item()
    # Where several slips give the same share the hint names all of them.
    # fmt: off
    mistakes = [
        Mistake("x by the width and y by the height", 2 / 5,
                "So one would expect it, but the published code divides x by a tenth of the height, and y of the "
                "width."),
        Mistake("x and y each on its own", 4 / 5,
                "The two divided differences are the legs of a triangle: compare the hypotenuse's length with 0.5."),
        Mistake("the joint at the border counted", 4 / 6,
                "Two joints are hit exactly, but one target lies in column 1: it counts neither above nor below."),
        Mistake("the joint at the border counted as wrong", 3 / 6,
                "A joint that is not counted is missing below the fraction line as well."),
        Mistake("all of them correct", 1.0,
                "A whole tenth is too much, x and y have different tenths, and a length is a root: which one is it? "
                "Two of the five joints are too far away."),
        Mistake("none but the one that is hit exactly", lambda a: same(a, 1 / 5) or same(a, 0),
                "Are these cells, not yet divided by the tenths? Or is x divided by a tenth of the width as well? "
                "Three of the five joints are near enough."),
        Mistake("the number of joints, or percent", lambda a: a in (3, 60),
                "You are on the right way. A share from 0 to 1 is asked for: correct ones by counted ones."),
    ]
    # fmt: on
    return judge(answer, right, mistakes=mistakes, praise="Three of the five that count.")


def check_adam(answer):
    """A function (theta, gradients, rate) -> theta after one step of Adam for each gradient; plain numbers."""

    def right(theta, gradients, rate):
        parameter = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.Adam([parameter], lr=rate)
        for gradient in gradients:
            parameter.grad = torch.tensor(gradient, dtype=torch.float64)
            optimizer.step()
        return parameter.item()

    def adam(gradient, m, v, c1, c2):
        """How far a step goes, in rates; c1 and c2 are the corrections of the two means."""
        return (m / c1) / math.sqrt(v / c2)

    def wrong(move=adam, betas=(0.9, 0.999), keep=True, store=False):
        def function(theta, gradients, rate):
            m = v = 0.0
            for t, gradient in enumerate(gradients, 1):
                (m, v), t = ((m, v), t) if keep else ((0.0, 0.0), 1)
                m = betas[0] * m + (1 - betas[0]) * gradient
                v = betas[1] * v + (1 - betas[1]) * gradient**2
                corrections = [1 - beta**t for beta in betas]
                if store:
                    m, v, corrections = m / corrections[0], v / corrections[1], (1, 1)
                theta -= rate * move(gradient, m, v, *corrections)
            return theta

        return function

    # fmt: off
    mistakes = [
        Mistake("the corrected means kept", wrong(store=True),
                "m and v themselves stay uncorrected from step to step; only the move uses their corrected values."),
        Mistake("the bias correction forgotten", wrong(lambda gradient, m, v, c1, c2: m / math.sqrt(v)),
                "m and v start at zero and are too small at first. The formula divides each to mend this."),
        Mistake("only m corrected", wrong(lambda gradient, m, v, c1, c2: m / c1 / math.sqrt(v)),
                "v starts at zero too, and has a correction of its own, with its own beta."),
        Mistake("the root forgotten", wrong(lambda gradient, m, v, c1, c2: (m / c1) / (v / c2)),
                "v has the unit of a gradient squared. What must be taken of it, so that the ratio has no unit?"),
        Mistake("uphill", wrong(lambda *means: -adam(*means)),
                "The size of the steps is right, and their direction makes the loss larger."),
        Mistake("plain gradient descent", wrong(lambda gradient, *means: gradient),
                "This moves by the gradient times the rate. Adam moves by a ratio of two running means."),
        Mistake("the running means start anew", wrong(keep=False),
                "Every step is as long as the rate: m and v forget what they were. Set them to 0 before the loop."),
        Mistake("the two betas swapped", wrong(betas=(0.999, 0.9)),
                "0.9 belongs to the mean of the gradient, 0.999 to that of its square."),
        Mistake("only the last gradient used", lambda theta, gradients, rate: right(theta, gradients[-1:], rate),
                "There is one step for every gradient in the list, and each starts where the one before ended."),
    ]
    # fmt: on
    cases = [(1.0, [4.0], 0.1), (1.0, [4.0, -2.0], 0.1), (-2.5, [0.5, 0.25, 3.0, -0.5], 0.2)]
    praise = "Equal to PyTorch's. Look at the first step: its length is the rate, whatever the gradient."
    return judge(answer, right, cases, mistakes, praise)


def check_learning_rate(answer):
    """A function (step, people, batch_size) -> learning rate of Xiao et al.'s schedule; steps are counted from 0."""
    recipe = train.RECIPES["simple_baselines"]

    def right(step, people, batch_size):
        return recipe.learning_rate * train.rate_factor(recipe, step, people // batch_size)

    def wrong(dropped, factor=0.1, drops=(90, 120)):
        """`dropped(step, people, batch size, steps of an epoch, epochs until the drop)` says whether the rate fell."""

        def function(step, people, size):
            return 1e-3 * factor ** sum(dropped(step, people, size, people // size, drop) for drop in drops)

        return function

    def in_time(step, people, size, epoch, drop):
        return step >= drop * epoch

    whole = "A batch that is not full is left out, so an epoch has a whole number of steps: round down."
    # fmt: off
    mistakes = [
        Mistake("no drop at all", wrong(in_time, drops=()),
                "The rate is 0.001 whatever the step. It falls after 90 epochs, and once more after 120."),
        Mistake("one step late", wrong(lambda step, people, size, epoch, drop: step > drop * epoch),
                "Steps are counted from 0. So which number has the first step after 90 whole epochs?"),
        Mistake("one epoch late", wrong(lambda step, people, size, epoch, drop: step // epoch > drop),
                "Epochs are counted from 0 here. So which number has the first epoch after 90 whole ones?"),
        Mistake("the incomplete batch counted",
                wrong(lambda step, people, size, epoch, drop: step >= drop * math.ceil(people / size)), whole),
        Mistake("the incomplete batch counted",
                wrong(lambda step, people, size, epoch, drop: step >= drop * people / size), whole),
        Mistake("steps taken for epochs", wrong(lambda step, people, size, epoch, drop: step >= drop),
                "The drops come after 90 and 120 *epochs*, and `step` counts batches. How many make an epoch?"),
        Mistake("people taken for steps", wrong(lambda step, people, size, epoch, drop: step >= drop * people),
                "One step takes a whole batch of people, so an epoch has fewer steps than people."),
        Mistake("only one drop", wrong(in_time, drops=(90,)),
                "The rate falls twice: the second time to a tenth of what was left."),
        Mistake("a tenth less", wrong(in_time, factor=0.9),
                "The rate falls *to* a tenth, not *by* a tenth."),
    ]
    # fmt: on
    steps = (0, 89, 100, 899, 900, 905, 930, 950, 1000, 1199, 1200, 1399)
    cases = [(step, 1050, 100) for step in steps] + [(105_299, 149_813, 128), (105_300, 149_813, 128)]
    cases += [(899, 1000, 100), (950, 1099, 100)]  # people that just fill a batch, or just do not
    cases.append((2000, 20, 10))  # so late that even `people` steps an epoch would have made 90 of them
    return judge(answer, right, cases, mistakes, "So many steps, and only two changes.", tolerance=1e-7)


def check_training_step(answer):
    """A function (model, optimizer, loss_function, images, targets) -> loss, that takes one step of training."""

    def lopsided(predicted, targets):
        """A loss that minds the order of its arguments: too high costs twice as much as too low."""
        difference = predicted - targets
        return (difference**2 * torch.where(difference > 0, 2.0, 1.0)).mean()

    def watched(function):
        """Let the function train a small model for three steps, and answer what is asked about them."""

        @functools.wraps(function)
        def run(asked):
            with torch.random.fork_rng(devices=[]):  # the notebook's own random numbers stay as they are
                torch.manual_seed(0)
                model = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1))  # batch norm tells train() from eval()
            optimizer, calls = torch.optim.SGD(model.parameters(), lr=0.07, momentum=0.9), []
            optimizer.register_step_post_hook(lambda *_: calls.append("step"))
            images, targets = torch.tensor([[1.0, 2.0], [3.0, -1.0], [0.5, 1.0]]), torch.tensor([[2.0], [1.0], [-1.0]])
            losses = [function(model, optimizer, lopsided, images, targets) for _ in range(3)]
            if all(loss is None for loss in losses) and not calls and not model[0].num_batches_tracked:
                return None  # nothing has happened
            losses = [math.nan if loss is None else loss for loss in losses]
            weights = nn.utils.parameters_to_vector(model.parameters()).tolist()
            return {"calls": len(calls), "losses": losses, "weights": weights}[asked.split()[0]]

        return run

    def step(*calls, returned="loss", swapped=False, mode="train"):
        def function(model, optimizer, loss_function, images, targets):
            getattr(model, mode)()
            prediction = model(images)
            loss = loss_function(targets, prediction) if swapped else loss_function(prediction, targets)
            for call in calls or ("zero", "backward", "step"):
                {"zero": optimizer.zero_grad, "backward": loss.backward, "step": optimizer.step}[call]()
            late = loss_function(model(images), targets)
            return {"loss": loss, "prediction": prediction, "late": late, "nothing": None}[returned]

        return function

    # fmt: off
    mistakes = [
        Mistake("old gradients kept", watched(step("backward", "step")),
                "The first step is right, later ones too long. What does `backward` do to gradients already there?"),
        Mistake("the weights never move", watched(step("backward", "zero", "step")),
                "At the moment of `optimizer.step()` the gradients are empty or not yet there. When must it come?"),
        Mistake("the weights never move", watched(step("zero", "backward")),
                "The gradients are there, and nobody uses them: `optimizer.step()` is never called."),
        Mistake("one step behind", watched(step("step", "zero", "backward")),
                "The optimiser moves with the gradients of the step *before*. Compute the new ones first."),
        Mistake("the loss not returned", watched(step(returned="nothing")),
                "The weights move as they should. Now return the loss, so that one can draw the curve."),
        Mistake("the prediction returned", watched(step(returned="prediction")),
                "The weights move as they should. Return one number: how wrong the prediction was."),
        Mistake("the loss after the step", watched(step(returned="late")),
                "The step is right. Return the loss that the gradients came from; a second forward run wastes time."),
        Mistake("prediction and target swapped", watched(step(swapped=True)),
                "The loss minds the order: `loss_function(predicted, targets)`. Here the targets come first."),
        Mistake("the model in its test mode", watched(step(mode="eval")),
                "`eval()` lets batch norm use its running statistics. While it trains it must use those of the batch."),
    ]
    # fmt: on
    answer = watched(answer) if callable(answer) else answer  # anything else goes to `judge` as it is
    cases = [("calls of optimizer.step in three steps",), ("losses of three steps",), ("weights after three steps",)]
    praise = "Forward, empty, backward, step: this is all of training."
    return judge(answer, watched(step()), cases, mistakes, praise)


def check_training_time(answer):
    """The days that the schedule of Xiao et al. takes on COCO at 2.5 people a second, to 1 %."""
    people, speed, day = 149_813, 2.5, 24 * 60 * 60
    epochs = train.RECIPES["simple_baselines"].epochs
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


def check_diagnosis(answer):
    """The causes of the runs A to E: 0 sound, 1 rate, 2 mirror without swap, 3 zero_grad forgotten, 4 transposed."""
    sound, rate, mirror, zero_grad, transposed = range(5)
    right = [transposed, zero_grad, sound, rate, mirror]

    def said(cause, *runs):
        return lambda a: any(int(a["ABCDE".index(run)]) == cause for run in runs)

    # fmt: off
    mistakes = [
        Mistake("what learns nothing is taken for transposed targets", said(transposed, "B"),
                "B learns nothing at all: even its training loss stays. Exchanged targets can be learnt like any."),
        Mistake("transposed targets taken for a run that learns nothing", said(zero_grad, "A"),
                "A learns well: look at its training loss. It is only on validation people that nothing of it holds."),
        Mistake("the mirror not seen", lambda a: said(sound, "E")(a) or said(mirror, "C", "D")(a),
                "A mirror without the exchange hurts joints that have a left and a right, and nothing else. In which "
                "run is the nose better than anywhere, and are wrists and ankles worse than in the sound run?"),
        Mistake("the rate not seen", lambda a: said(sound, "D")(a) or said(rate, "C")(a),
                "Compare the two that learn all joints alike: the large rate's loss ends above the other's."),
        Mistake("the rate taken for something worse", said(rate, "A", "B", "E"),
                "One run suffers in all joints, yet goes on learning: Adam, batch norm and a rate that falls to 0 "
                "forgive much. That is the large rate."),
    ]
    # fmt: on
    praise = "Loss, validation, single joints: three questions, five answers."
    return judge(answer, right, mistakes=mistakes, praise=praise, tolerance=0)
