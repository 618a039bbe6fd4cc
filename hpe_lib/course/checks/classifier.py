"""Checks of notebook 03, first half: the arithmetic of a classifier."""

import math
from itertools import combinations

import torch
import torch.nn.functional as F

from hpe_lib.checks.verdict import Mistake, judge


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

    mistakes = [
        Mistake(
            "padding on one side only",
            wrong(lambda n, k, s, p: (n + p - k) // s + 1),
            "Zeros are added on both sides, p on each.",
        ),
        Mistake(
            "the + 1 forgotten",
            wrong(lambda n, k, s, p: (n + 2 * p - k) // s),
            "The quotient counts steps. The window also stands at its first place, before any step.",
        ),
        Mistake(
            "rounded up",
            wrong(lambda n, k, s, p: math.ceil((n + 2 * p - k) / s) + 1),
            "A window that no longer fits is left out: round down, after each layer.",
        ),
        Mistake(
            "not rounded",
            wrong(lambda n, k, s, p: (n + 2 * p - k) / s + 1),
            "There are no parts of a pixel: round the fraction down, after each layer.",
        ),
        Mistake(
            "the stride forgotten",
            wrong(lambda n, k, s, p: n + 2 * p - k + 1),
            "With a stride of 2 the window stands at every second place only.",
        ),
        Mistake(
            "stride and padding exchanged",
            wrong(lambda n, k, s, p: (n + 2 * s - k) // p + 1),
            "Each layer is (kernel, stride, padding), in this order: unpack it so.",
        ),
        Mistake(
            "only divided by the stride",
            wrong(lambda n, k, s, p: n // s),
            "That is only a rule of thumb. Kernel and padding count as well: see the formula.",
        ),
        Mistake(
            "only divided by the stride",
            wrong(lambda n, k, s, p: math.ceil(n / s)),
            "That holds for some paddings only. Kernel and padding count as well: see the formula.",
        ),
        Mistake(
            "one layer instead of all",
            lambda n, layers: right(n, layers[-1:]),
            "Each layer starts from the size that the one before it has left.",
        ),
        Mistake(
            "one layer instead of all",
            lambda n, layers: right(n, layers[:1]),
            "This is the size after the first layer. The next one goes on from there.",
        ),
    ]
    cases = [
        (64, [(3, 2, 1)]),
        (75, [(7, 2, 3), (3, 2, 1)]),
        (50, [(7, 2, 3), (3, 2, 1), (5, 1, 1)]),
        (33, [(1, 2, 0), (4, 3, 0)]),
    ]
    return judge(answer, right, cases, mistakes, "torch's own convolutions leave the same sizes.", tolerance=1e-9)


def check_cross_entropy_loss(answer):
    """A function (logits (N, C), true classes (N,)) -> mean cross-entropy, safe for large logits."""

    def taken(log_p, truth):
        return -log_p[torch.arange(len(truth)), truth]

    def right(logits, truth):
        return F.cross_entropy(logits, truth)

    overflow = "For logits like 1000 this is nan or inf: e to that power is no number that a computer has. Section 5 \
has the remedy."
    mistakes = [
        Mistake(
            "large logits overflow",
            lambda logits, truth: taken((logits.exp() / logits.exp().sum(1, keepdim=True)).log(), truth).mean(),
            overflow,
        ),
        Mistake(
            "large logits overflow",
            lambda logits, truth: taken(logits - logits.exp().sum(1, keepdim=True).log(), truth).mean(),
            overflow,
        ),
        Mistake(
            "logarithm of a probability stored as 0",
            lambda logits, truth: taken(logits.softmax(dim=1).log(), truth).mean(),
            "A probability of e to the power -1000 is stored as 0, and ln 0 is minus infinity. Work out the logarithm \
of the fraction on paper first.",
        ),
        Mistake(
            "the sum instead of the mean",
            lambda logits, truth: right(logits, truth) * len(truth),
            "Twice as many people would give twice the loss. Take the mean over the people.",
        ),
        Mistake(
            "the mean over classes too",
            lambda logits, truth: right(logits, truth) / logits.shape[1],
            "Only the true class of each person has a term: divide by N, not by N times C.",
        ),
        Mistake(
            "the minus forgotten",
            lambda logits, truth: -right(logits, truth),
            "The logarithm of a probability is negative, and a loss is not.",
        ),
        Mistake(
            "softmax over the people",
            lambda logits, truth: taken(logits.log_softmax(dim=0), truth).mean(),
            "The probabilities of one person add up to 1, so sum over the classes: each row by itself.",
        ),
        Mistake(
            "the logarithm forgotten",
            lambda logits, truth: taken(logits.softmax(dim=1), truth).mean(),
            "This is minus the mean probability. The loss takes its logarithm first.",
        ),
        Mistake(
            "the logarithm forgotten",
            lambda logits, truth: -taken(logits.softmax(dim=1), truth).mean(),
            "This is the mean probability of the true class. The loss takes minus its logarithm.",
        ),
        Mistake(
            "logarithm to another base",
            lambda logits, truth: right(logits, truth) / math.log(2),
            "The loss uses the natural logarithm.",
        ),
        Mistake(
            "logarithm to another base",
            lambda logits, truth: right(logits, truth) / math.log(10),
            "The loss uses the natural logarithm.",
        ),
    ]
    small = torch.tensor([[1.2, -0.3, 0.5, 0.1], [0.0, 2.0, -1.0, 0.4], [-0.7, 0.2, 0.3, 1.5]])
    cases = [
        (small, torch.tensor([2, 1, 0])),
        (torch.tensor([[1000.0, 998.0], [0.5, -0.5]]), torch.tensor([0, 1])),
        (torch.tensor([[1000.0, 0.0]]), torch.tensor([1])),
    ]
    return judge(answer, right, cases, mistakes, "Equal to torch's cross_entropy, also for logits of 1000.")


def check_table_scores(answer):
    """[accuracy, precision, recall] as shares, for TP 15, FP 10, FN 5, TN 70."""
    tp, fp, fn, tn = 15, 10, 5, 70
    accuracy, precision, recall = (tp + tn) / 100, tp / (tp + fp), tp / (tp + fn)

    def near(given, *values):
        return len(given) == len(values) and all(abs(float(a) - b) < 0.006 for a, b in zip(given, values))

    mistakes = [
        Mistake(
            "percent instead of shares",
            lambda given: near([float(value) / 100 for value in given], accuracy, precision, recall),
            "The numbers are right in percent. As shares they lie between 0 and 1.",
        ),
        Mistake(
            "precision and recall swapped",
            lambda given: near(given[1:], recall, precision),
            "Precision: of those it called hidden, how many were? Recall asks the other way round.",
        ),
        Mistake(
            "the wrong positive class",
            lambda given: near(given[1:], tn / (tn + fn), tn / (tn + fp)),
            "These are precision and recall for 'seen'. The positive class here is 'hidden'.",
        ),
        Mistake(
            "true negatives forgotten",
            lambda given: near(given[:1], tp / 100) or near(given[:1], tp / (tp + fp + fn)),
            "Whoever is seen and called seen is a right answer too, and counts in the accuracy.",
        ),
        Mistake(
            "recall of the negative class",
            lambda given: near(given[2:], tn / (tn + fp)) or near(given[2:], fp / (fp + tn)),
            "Recall looks at those who are hidden, and at nobody else. How many are there?",
        ),
        Mistake(
            "divided by everybody",
            lambda given: near(given[1:2], tp / 100) or near(given[2:], tp / 100),
            "Precision divides by those called hidden, recall by those who are hidden, not by all 100.",
        ),
    ]
    truths = {"accuracy": accuracy, "precision": precision, "recall": recall}
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
