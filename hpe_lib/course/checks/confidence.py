"""Checks of notebook 06, on when to say nothing: precision and recall at a threshold."""

import numpy as np

from hpe_lib.checks.verdict import Mistake, judge


def check_threshold(answer):
    """A function (scores (J,), labelled (J,), right (J,), threshold) -> precision, recall of the joints above it."""

    def measured(denominators, said=lambda scores, threshold: scores > threshold):
        def function(scores, labelled, right, threshold):
            above = said(scores, threshold)
            return [(above & right).sum() / count for count in denominators(above, labelled, right)]

        return function

    def said_and_labelled(scores, labelled, right, threshold):
        above = scores > threshold
        return [(above & right).sum() / above.sum(), (above & labelled).sum() / labelled.sum()]

    def both(above, labelled, right):
        return above.sum(), labelled.sum()

    mistakes = [
        Mistake(
            "unlabelled joints left out",
            measured(lambda above, labelled, right: ((above & labelled).sum(), labelled.sum())),
            "The program also spoke of joints without a label. Those words were not right, and count in the precision.",
        ),
        Mistake(
            "recall of the labelled joints that were said",
            measured(lambda above, labelled, right: (above.sum(), (above & labelled).sum())),
            "A labelled joint that the program kept silent about is not found: recall is over *all* labelled joints.",
        ),
        Mistake(
            "said instead of right",
            said_and_labelled,
            "To say something about a labelled joint is not enough for recall: it must be right, too.",
        ),
        Mistake(
            "recall over all joints",
            measured(lambda above, labelled, right: (above.sum(), len(above))),
            "Nobody can find a joint that is not there: recall asks about the labelled ones only.",
        ),
        Mistake(
            "recall over the right answers",
            measured(lambda above, labelled, right: (above.sum(), right.sum())),
            "Joints that the network got wrong are missed, too: recall asks about *all* labelled ones.",
        ),
        Mistake(
            "precision and recall swapped",
            measured(lambda above, labelled, right: (labelled.sum(), above.sum())),
            "Precision looks at what was said, recall at what should have been said.",
        ),
        Mistake(
            "a score at the threshold counted",
            measured(both, said=lambda scores, threshold: scores >= threshold),
            "We say the joints whose score is *above* the threshold. One of the scores is equal to it.",
        ),
        Mistake(
            "precision over all joints",
            measured(lambda above, labelled, right: (len(above), labelled.sum())),
            "A joint that the program kept silent about is neither right nor wrong. Divide by those that it said.",
        ),
        Mistake(
            "the threshold forgotten",
            measured(both, said=lambda scores, threshold: scores >= -np.inf),
            "All joints are counted here, whatever their score.",
        ),
    ]
    scores = np.array([0.9, 0.8, 0.75, 0.7, 0.6, 0.5, 0.5, 0.4, 0.3, 0.25, 0.2, 0.1])
    labelled = np.array([1, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1], dtype=bool)
    right = np.array([1, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0], dtype=bool)
    cases = [(scores, labelled, right, threshold) for threshold in (0.5, 0.25, 0.72)]
    return judge(answer, measured(both), cases, mistakes, "What was said, and what should have been said.")
