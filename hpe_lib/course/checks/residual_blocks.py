"""Checks of notebook 03: sizes, losses and scores of the classifier, and the bottleneck block."""

import math
from functools import wraps
from itertools import combinations

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from hpe_lib import models
from hpe_lib.course.verdict import Mistake, judge


def check_size_after(answer):
    """A function (n, layers as (kernel, stride, padding)) -> the size in px after all of them."""

    def right(n, layers):
        x = torch.zeros(1, 1, n)
        for kernel, stride, padding in layers:
            x = F.conv1d(x, torch.zeros(1, 1, kernel), stride=stride, padding=padding)
        return x.shape[-1]

    def wrong(change):
        def function(n, layers):
            for kernel, stride, padding in layers:
                n = change(n, kernel, stride, padding)
            return n

        return function

    # fmt: off
    mistakes = [
        Mistake("padding on one side only", wrong(lambda n, k, s, p: (n + p - k) // s + 1),
                "Zeros are added on both sides, p on each."),
        Mistake("the + 1 forgotten", wrong(lambda n, k, s, p: (n + 2 * p - k) // s),
                "The quotient counts steps. The window also stands at its first place, before any step."),
        Mistake("rounded up", wrong(lambda n, k, s, p: math.ceil((n + 2 * p - k) / s) + 1),
                "A window that no longer fits is left out: round down, after each layer."),
        Mistake("not rounded", wrong(lambda n, k, s, p: (n + 2 * p - k) / s + 1),
                "There are no parts of a pixel: round the fraction down, after each layer."),
        Mistake("the stride forgotten", wrong(lambda n, k, s, p: n + 2 * p - k + 1),
                "With a stride of 2 the window stands at every second place only."),
        Mistake("stride and padding exchanged", wrong(lambda n, k, s, p: (n + 2 * s - k) // p + 1),
                "Each layer is (kernel, stride, padding), in this order: unpack it so."),
        Mistake("only divided by the stride", wrong(lambda n, k, s, p: n // s),
                "That is only a rule of thumb. Kernel and padding count as well: see the formula."),
        Mistake("only divided by the stride", wrong(lambda n, k, s, p: math.ceil(n / s)),
                "That holds for some paddings only. Kernel and padding count as well: see the formula."),
        Mistake("one layer instead of all", lambda n, layers: right(n, layers[-1:]),
                "Each layer starts from the size that the one before it has left."),
        Mistake("one layer instead of all", lambda n, layers: right(n, layers[:1]),
                "This is the size after the first layer. The next one goes on from there."),
    ]
    # fmt: on
    several = [(75, [(7, 2, 3), (3, 2, 1)]), (50, [(7, 2, 3), (3, 2, 1), (5, 1, 1)]), (33, [(1, 2, 0), (4, 3, 0)])]
    cases = [(64, [(3, 2, 1)]), (9, [(2, 2, 0)]), (10, [(3, 1, 1)]), *several]
    return judge(answer, right, cases, mistakes, "torch's own convolutions leave the same sizes.", tolerance=1e-9)


class _ReadyMade(Exception):
    """The function that an exercise wants to be written was called instead."""


class _NoCrossEntropy(TorchFunctionMode):
    """Within it torch's own cross-entropy cannot be called."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is F.cross_entropy:
            raise _ReadyMade("torch's own cross-entropy is the judge")
        return function(*args, **kwargs or {})


def check_cross_entropy_loss(answer):
    """A function (logits (N, C), true classes (N,)) -> mean cross-entropy, safe for large logits."""
    right = F.cross_entropy

    def wrong(change, dim=1):  # change: log-probabilities of all classes, those of the true ones -> loss
        def function(logits, truth):
            log_p = logits.log_softmax(dim)
            return change(log_p, log_p[torch.arange(len(truth)), truth])

        return function

    def by_hand(log_p):
        return lambda logits, truth: -log_p(logits)[torch.arange(len(truth)), truth].mean()

    def watched(function):
        @wraps(function)
        def run(*given):
            with _NoCrossEntropy():
                return function(*given)

        return run

    overflow = "For logits like 1000 this is nan or inf: e to that power is no number that a computer has. "
    overflow += "Section 5 has the remedy."
    # fmt: off
    mistakes = [
        Mistake("large logits overflow", by_hand(lambda z: (z.exp() / z.exp().sum(1, keepdim=True)).log()), overflow),
        Mistake("large logits overflow", by_hand(lambda z: z - z.exp().sum(1, keepdim=True).log()), overflow),
        Mistake("logarithm of a probability stored as 0", by_hand(lambda z: z.softmax(dim=1).log()),
                "A probability of e to the power -1000 is stored as 0, and ln 0 is minus infinity. Work out the "
                "logarithm of the fraction on paper first."),
        Mistake("the sum instead of the mean", wrong(lambda log_p, true: -true.sum()),
                "Twice as many people would give twice the loss. Take the mean over the people."),
        Mistake("the mean over classes too", wrong(lambda log_p, true: -true.mean() / log_p.shape[1]),
                "Only the true class of each person has a term: divide by N, not by N times C."),
        Mistake("the minus forgotten", wrong(lambda log_p, true: true.mean()),
                "The logarithm of a probability is negative, and a loss is not."),
        Mistake("softmax over the people", wrong(lambda log_p, true: -true.mean(), dim=0),
                "The probabilities of one person add up to 1, so sum over the classes: each row by itself."),
        Mistake("the logarithm forgotten", wrong(lambda log_p, true: -true.exp().mean()),
                "This is minus the mean probability. The loss takes its logarithm first."),
        Mistake("the logarithm forgotten", wrong(lambda log_p, true: true.exp().mean()),
                "This is the mean probability of the true class. The loss takes minus its logarithm."),
        *[Mistake("logarithm to another base", wrong(lambda log_p, true, base=base: -true.mean() / math.log(base)),
                  "The loss uses the natural logarithm.") for base in (2, 10)],
        Mistake("torch's own function", watched(lambda logits, truth: F.cross_entropy(logits, truth)),
                "The loss is right, but torch's cross-entropy is the judge here. Write it yourself: see the hint."),
    ]
    # fmt: on
    small = torch.tensor([[1.2, -0.3, 0.5, 0.1], [0.0, 2.0, -1.0, 0.4], [-0.7, 0.2, 0.3, 1.5]])
    large = torch.tensor([[1000.0, 998.0], [0.5, -0.5]])
    cases = [(small, torch.tensor([2, 1, 0])), (large, torch.tensor([0, 1]))]
    cases.append((torch.tensor([[1000.0, 0.0]]), torch.tensor([1])))
    answer = watched(answer) if callable(answer) else answer
    return judge(answer, right, cases, mistakes, "Equal to torch's cross_entropy, also for logits of 1000.")


def check_table_scores(answer):
    """[accuracy, precision, recall] as shares, for TP 15, FP 10, FN 5, TN 70."""
    tp, fp, fn, tn = 15, 10, 5, 70
    truths = {"accuracy": (tp + tn) / 100, "precision": tp / (tp + fp), "recall": tp / (tp + fn)}
    accuracy, precision, recall = truths.values()

    def near(given, *values):
        return len(given) == len(values) and all(abs(float(a) - b) < 0.006 for a, b in zip(given, values))

    # fmt: off
    mistakes = [
        Mistake("percent instead of shares", lambda given: near([float(n) / 100 for n in given], *truths.values()),
                "The numbers are right in percent. As shares they lie between 0 and 1."),
        Mistake("precision and recall swapped", lambda given: near(given[1:], recall, precision),
                "Precision: of those it called hidden, how many were? Recall asks the other way round."),
        Mistake("the wrong positive class", lambda given: near(given[1:], tn / (tn + fn), tn / (tn + fp)),
                "These are precision and recall for 'seen'. The positive class here is 'hidden'."),
        Mistake("true negatives forgotten",
                lambda given: near(given[:1], tp / 100) or near(given[:1], tp / (tp + fp + fn)),
                "Whoever is seen and called seen is a right answer too, and counts in the accuracy."),
        Mistake("recall of the negative class",
                lambda given: near(given[2:], tn / (tn + fp)) or near(given[2:], fp / (fp + tn)),
                "Recall looks at those who are hidden, and at nobody else. How many are there?"),
        Mistake("divided by everybody", lambda given: near(given[1:2], tp / 100) or near(given[2:], tp / 100),
                "Precision divides by those called hidden, recall by those who are hidden, not by all 100."),
    ]
    # fmt: on
    definitions = {
        "accuracy": "Accuracy is the share of all 100 who were called what they are, TP and TN.",
        "precision": "Precision looks at those who were called hidden, TP and FP.",
        "recall": "Recall looks at those who are hidden, TP and FN.",
    }

    def not_right(given):
        given = [float(value) for value in given]
        return len(given) == 3 and tuple(name for name, value in zip(truths, given) if not near([value], truths[name]))

    for some in [some for count in (1, 2, 3) for some in combinations(truths, count)]:
        hint = " ".join(definitions[name] for name in some)
        mistakes.append(Mistake(" and ".join(some), lambda given, some=some: not_right(given) == some, hint))
    praise = "85 of 100 are right, and yet a quarter of the hidden noses is missed."
    return judge(answer, [accuracy, precision, recall], None, mistakes, praise, tolerance=1e-3)


class _Bottleneck(models.Bottleneck):
    """A bottleneck that messages can name in a few words."""

    def forward(self, x):
        raise _ReadyMade("the block itself was called")

    def __repr__(self):
        return f"a block with {self.conv1.in_channels} channels in, stride {self.conv2.stride[0]}"


def _block(inputs, width, stride=1):
    """A bottleneck in evaluation mode whose batch norms have seen something; the random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(inputs)
        block = _Bottleneck(inputs, width, stride)
        with torch.no_grad():
            models.Bottleneck.forward(block, 3 * torch.randn(8, inputs, 6, 6) + 1)
        return block.eval().requires_grad_(False)


def check_bottleneck_forward(answer):
    """A function (block with conv1, bn1, ... and downsample, x) -> the output of a bottleneck block."""

    def kept(x):
        return x

    def inside(block, x, relu1=F.relu, relu2=F.relu):
        x = relu2(block.bn2(block.conv2(relu1(block.bn1(block.conv1(x))))))
        return block.bn3(block.conv3(x))

    def shortcut(block, x):
        return x if block.downsample is None else block.downsample(x)

    def without(*relus):
        return lambda block, x: F.relu(inside(block, x, **dict.fromkeys(relus, kept)) + shortcut(block, x))

    def no_norm(block, x):
        return F.relu(block.conv3(F.relu(block.conv2(F.relu(block.conv1(x))))) + shortcut(block, x))

    # fmt: off
    mistakes = [
        Mistake("ReLU before the addition", lambda block, x: F.relu(inside(block, x)) + shortcut(block, x),
                "First add, then ReLU: this way the block could only ever add, never take away."),
        Mistake("ReLU before the addition, and again after it",
                lambda block, x: F.relu(F.relu(inside(block, x)) + shortcut(block, x)),
                "F(x) must be free to be negative, or the block could only add. How many ReLUs has the basic block?"),
        Mistake("the last ReLU forgotten", lambda block, x: inside(block, x) + shortcut(block, x),
                "The sum may be negative. What comes after the addition in the basic block?"),
        Mistake("the projection forgotten", lambda block, x: F.relu(inside(block, x) + x),
                "Where the block changes the shape, x cannot be added as it is. block.downsample is made for that."),
        Mistake("no shortcut", lambda block, x: F.relu(inside(block, x)),
                "This is a plain block: nothing of x goes around the convolutions."),
        Mistake("the shortcut taken too late",
                lambda block, x: F.relu(inside(block, x) + shortcut(block, inside(block, x))),
                "x was overwritten before it was added. Keep the block's input under a name of its own."),
        Mistake("no ReLU inside", without("relu1", "relu2"),
                "Without a ReLU between them three convolutions are no more than one."),
        Mistake("a ReLU is missing after the first batch norm", without("relu1"),
                "Between bn1 and conv2 stands a ReLU, or the first two convolutions are no more than one."),
        Mistake("a ReLU is missing after the second batch norm", without("relu2"),
                "Between bn2 and conv3 stands a ReLU, or the last two convolutions are no more than one."),
        Mistake("downsample is None here", lambda block, x: F.relu(inside(block, x) + block.downsample(x)),
                "A block that keeps the shape has no projection, and None cannot be called. What is added then?"),
        Mistake("batch norm left out", no_norm,
                "Each convolution has a batch norm behind it: conv1 then bn1, conv2 then bn2, conv3 then bn3."),
        Mistake("the block itself called", lambda block, x: block(x),
                "That is what the network does. Here you write what happens inside, layer by layer."),
    ]
    # fmt: on
    x = torch.linspace(-2, 2, 2 * 8 * 6 * 5).sin().mul(3).reshape(2, 8, 6, 5)  # negative values as well
    cases = [(_block(8, 2), torch.full((1, 8, 1, 1), 0.5)), (_block(8, 2), x), (_block(8, 3, stride=2), x + 1)]
    return judge(answer, models.Bottleneck.forward, cases, mistakes, "The library's bottleneck gives the same.")


def check_bottleneck_weights(answer):
    """A function (inputs, width, stride) -> weights of all convolutions of a bottleneck, its projection included."""

    def right(inputs, width, stride):
        convolutions = [m for m in models.Bottleneck(inputs, width, stride).modules() if isinstance(m, torch.nn.Conv2d)]
        return sum(convolution.weight.numel() for convolution in convolutions)

    def needed(inputs, width, stride):
        return stride != 1 or inputs != 4 * width

    def wrong(project=needed, middle=9, out=4, extra=0, first=0, last=0, share=0):
        """extra: more per channel of the width; first, last, ...: powers of the stride that are divided by."""

        def function(inputs, width, stride):
            inside = inputs * width / stride**first + width**2 * (middle / stride**share + out / stride**last)
            return inside + project(inputs, width, stride) * inputs * 4 * width / stride**share + extra * width

        return function

    used_less = "The stride changes how often each weight is used, not how many weights there are."
    # fmt: off
    mistakes = [
        Mistake("the projection forgotten", wrong(lambda inputs, width, stride: False),
                "Where the shape changes, the shortcut has a 1 × 1 convolution of its own."),
        Mistake("a projection everywhere", wrong(lambda inputs, width, stride: True),
                "Where stride and channels stay the same, the shortcut is free."),
        Mistake("a projection for the stride only", wrong(lambda inputs, width, stride: stride != 1),
                "At stride 1 the number of channels may change as well: compare what goes in with what comes out."),
        Mistake("a projection for the channels only", wrong(lambda inputs, width, stride: inputs != 4 * width),
                "With a stride of 2 the map is halved, so x does not fit even if the channels do."),
        Mistake("only some strides and channels asked", wrong(lambda inputs, width, s: s != 1 or inputs < 4 * width),
                "Channels may become fewer as well: the projection is needed wherever the two numbers differ."),
        Mistake("only some strides and channels asked", wrong(lambda inputs, width, s: s == 2 or inputs != 4 * width),
                "Other strides than 2 change the size as well: the projection is needed wherever it is not 1."),
        Mistake("a projection for the stride only", wrong(lambda inputs, width, stride: stride == 2),
                "At stride 1 the number of channels may change as well: compare what goes in with what comes out."),
        Mistake("inputs compared with the width", wrong(lambda inputs, width, stride: stride != 1 or inputs != width),
                "What leaves a bottleneck has not `width` channels, but four times as many."),
        Mistake("the 3 × 3 counted as 1 × 1", wrong(middle=1),
                "A kernel of 3 × 3 has nine weights for each pair of channels."),
        Mistake("four times the width forgotten", wrong(out=1),
                "The last 1 × 1 convolution widens again: from width to four times the width."),
        Mistake("a projection to the width only", wrong(lambda *shape: needed(*shape) / 4),
                "The projection's output is added to the block's, so it must have as many channels."),
        Mistake("divided by the stride's square", wrong(first=2, last=2, share=2), used_less),
        Mistake("divided by the stride's square", wrong(last=2, share=2), used_less),
        Mistake("divided by the stride's square", wrong(share=2), used_less),
        Mistake("batch norm counted", wrong(extra=2 + 2 + 2 * 4),
                "Count the weights of convolutions only: scale and shift of the batch norms are left out here."),
    ]
    # fmt: on
    cases = [(256, 64, 1), (64, 64, 1), (512, 128, 2), (256, 128, 2), (512, 64, 1), (252, 63, 3)]
    return judge(answer, right, cases, mistakes, "Counted as in the library's block, tensor by tensor.", tolerance=1e-9)
