"""Checks of notebook 08: halvings, the recursion, what goes back in, the loss of all stacks, and the parts counted."""

import torch
from torch.nn import functional

from hpe_lib.course.verdict import Mistake, judge, same
from hpe_lib.heatmaps import heatmap_loss


def check_multiple(answer):
    """A function (levels, stride) -> the px of which both sides of a crop must be whole multiples."""
    # fmt: off
    mistakes = [
        Mistake("the stride forgotten", lambda levels, stride: 2**levels,
                "So many cells fit. The question is for px of the crop: how many px is a cell?"),
        Mistake("halvings added instead of multiplied", lambda levels, stride: stride * 2 * levels,
                "Each level halves what the level before has left: 2 levels quarter the map, and 3 levels?"),
        Mistake("the levels as a factor", lambda levels, stride: stride * levels,
                "One level halves the map once. What does it divide its sides by, and what do two levels?"),
        Mistake("a level too few", lambda levels, stride: stride * 2 ** (levels - 1),
                "Even the last level halves once more, before its innermost residual unit."),
        Mistake("a level too many", lambda levels, stride: stride * 2 ** (levels + 1),
                "An hourglass of one level halves once, not twice."),
        Mistake("stride and halvings added", lambda levels, stride: stride + 2**levels,
                "The stem makes the map smaller, and then the hourglass that of the stem: factor times factor."),
    ]
    # fmt: on
    cases = [(1, 4), (2, 4), (4, 4), (3, 8), (5, 2)]
    return judge(answer, lambda levels, stride: stride * 2**levels, cases, mistakes, "The published network needs 64.")


def check_hourglass(answer):
    """A function (x (N, C, H, W), levels, unit) -> (N, C, H, W): the recursion; unit is any function of a map."""

    def build(
        pool=functional.max_pool2d, skip=lambda unit, x: unit(x), mode="nearest", before=True, after=True, inside=True
    ):
        def hourglass(x, levels, unit):
            small = pool(x, 2)
            small = unit(small) if before else small
            if levels > 1:
                small = hourglass(small, levels - 1, unit)
            elif inside:
                small = unit(small)
            small = unit(small) if after else small
            return skip(unit, x) + functional.interpolate(small, scale_factor=2, mode=mode)

        return hourglass

    right = build()

    def nothing_past(x, levels, unit):
        return build(skip=lambda unit, x: 0)(x, levels, unit)

    # fmt: off
    mistakes = [
        Mistake("nothing goes past", nothing_past,
                "Down and up again, but where is the map at its full size? The skip adds it, at every level."),
        Mistake("no unit on the skip", build(skip=lambda unit, x: x),
                "What goes past goes through a residual unit of its own before it is added."),
        Mistake("the mean instead of the largest", build(pool=functional.avg_pool2d),
                "Newell et al. halve by max pooling: of four cells the largest goes on."),
        Mistake("smooth enlargement", build(mode="bilinear"),
                "The map is enlarged by the nearest cell: each becomes 2 x 2 equal ones, nothing is blended."),
        Mistake("no unit before", build(before=False),
                "After the pooling comes a unit, and only then the smaller hourglass."),
        Mistake("no unit after", build(after=False),
                "Between the smaller hourglass and the enlargement there is a unit."),
        Mistake("nothing inside the last level", build(inside=False),
                "With levels = 1 there is no smaller hourglass; a unit stands in its place."),
        Mistake("one level only", lambda x, levels, unit: right(x, 1, unit),
                "The function does not call itself. Inside an hourglass of n levels is one of n - 1."),
        Mistake("a level too many", lambda x, levels, unit: right(x, levels + 1, unit),
                "This halves once too often: inside an hourglass of one level is a unit, no further hourglass."),
    ]
    # fmt: on
    tiny = torch.tensor([[[[1.0, 5.0, 2.0, 0.0], [3.0, 7.0, 4.0, 6.0], [8.0, 0.0, 1.0, 1.0], [2.0, 4.0, 3.0, 9.0]]]])
    wide = torch.arange(128.0).reshape(1, 2, 8, 8).mul(0.7).sin()
    cases = [(tiny, 1, lambda x: x + 1), (wide, 1, lambda x: 2 * x), (wide.reshape(2, 1, 8, 8), 2, lambda x: 3 * x - 1)]
    return judge(answer, right, cases, mistakes, "A dozen units in a recursion of five lines.")


def check_next_input(answer):
    """A function (x (C, h, w), features (C, h, w), heatmaps (K, h, w), A (C, C), B (C, K)) -> (C, h, w)."""

    def parts(x, features, heatmaps, A, B):
        return x, torch.einsum("dc,chw->dhw", A, features), torch.einsum("ck,khw->chw", B, heatmaps)

    def right(*case):
        return sum(parts(*case))

    def of(use):
        return lambda *case: use(*parts(*case))

    def turned(x, features, heatmaps, A, B):
        return right(x, features, heatmaps, A.T, B)

    # fmt: off
    mistakes = [
        Mistake("the old input forgotten", of(lambda x, f, h: f + h),
                "What came into this stack must reach the next one as well: stacks are joined as residual units are."),
        Mistake("the features forgotten", of(lambda x, f, h: x + h),
                "The heatmaps go back, but what the hourglass has found besides them does not."),
        Mistake("the heatmaps forgotten", of(lambda x, f, h: x + f),
                "The next stack should see where this one believes the joints to be. Which matrix takes K maps to C?"),
        Mistake("the features without their matrix", lambda x, f, h, A, B: x + f + parts(x, f, h, A, B)[2],
                "The features pass a 1 x 1 convolution of their own, the matrix A."),
        Mistake("the matrix turned round", turned,
                "A has a row for each channel that comes out. You have taken its columns for them."),
        Mistake("the input counted twice", of(lambda x, f, h: 2 * x + f + h),
                "Three things are added, each once."),
    ]
    # fmt: on
    x, features = torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]]), torch.tensor([[[0.0, 1.0]], [[2.0, 0.0]]])
    heatmaps = torch.tensor([[[0.0, 1.0]], [[0.5, 0.0]], [[0.0, 0.25]]])
    A, B = torch.tensor([[1.0, 2.0], [0.0, 3.0]]), torch.tensor([[1.0, 0.0, 4.0], [0.0, -2.0, 8.0]])
    wave = torch.arange(60.0).mul(0.9).sin()
    large = wave[:24].reshape(4, 3, 2), wave[24:48].reshape(4, 3, 2), wave[48:].reshape(2, 3, 2)
    cases = [(x, features, heatmaps, A, B), (*large, wave[:16].reshape(4, 4), wave[20:28].reshape(4, 2))]
    return judge(
        answer, right, cases, mistakes, "Guesses go back in as C channels, and the next stack may correct them."
    )


def check_stacked_loss(answer):
    """A function (heatmaps (N, S, K, h, w), target (N, K, h, w), weights (N, K)) -> a number, the sum over stacks."""

    def each(maps, target, weights):
        return [heatmap_loss(maps[:, number], target, weights) for number in range(maps.shape[1])]

    def right(*case):
        return sum(each(*case))

    # fmt: off
    mistakes = [
        Mistake("the last stack only", lambda *case: each(*case)[-1],
                "This trains without intermediate supervision. What do the stacks before the last learn from?"),
        Mistake("the first stack only", lambda *case: each(*case)[0],
                "Dimension 1 counts the stacks. You have taken its first only."),
        Mistake("the mean over the stacks", lambda *case: sum(each(*case)) / len(each(*case)),
                "Nearly the same, but Newell et al. add the losses. More stacks, a larger sum."),
        Mistake("the loss of the mean heatmap", lambda maps, *rest: heatmap_loss(maps.mean(1), *rest),
                "You have averaged heatmaps, and then asked once. Each stack must answer for itself."),
        Mistake("the loss of the added heatmaps", lambda maps, *rest: heatmap_loss(maps.sum(1), *rest),
                "You have added heatmaps, and then asked once. Each stack must answer for itself."),
        Mistake("the weights forgotten", lambda maps, target, weights: right(maps, target, torch.ones_like(weights)),
                "Joints without a label count here. Which argument says that they must not?"),
    ]
    # fmt: on
    wave = torch.arange(288.0).mul(1.3).sin()
    first = wave[:24].reshape(1, 3, 2, 2, 2), wave[30:38].reshape(1, 2, 2, 2), torch.tensor([[1.5, 0.0]])
    second = (
        wave[:96].reshape(2, 4, 3, 2, 2),
        wave[100:124].reshape(2, 3, 2, 2),
        torch.tensor([[1.0, 0.5, 0], [0, 1, 1.7]]),
    )
    return judge(answer, right, [first, second], mistakes, "Every stack gets the whole target.", tolerance=1e-5)


def check_units(answer):
    """The residual units in one hourglass of 4 levels, and in the whole published network of 8 stacks."""

    def part(index, value):
        return lambda a: same(a[index], value, 0)

    # fmt: off
    mistakes = [
        Mistake("the innermost unit forgotten", part(0, 12),
                "3 on each of 4 levels. What stands inside the fourth, where no smaller hourglass is?"),
        Mistake("an innermost unit at every level", part(0, 16),
                "Only the last level has a unit inside. The others have a smaller hourglass there."),
        Mistake("a level too few", part(0, 10),
                "This is an hourglass of 3 levels."),
        Mistake("the same unit on both ways", part(0, 9),
                "On each level one unit goes past, one stands before and one after: three, none of them shared."),
        Mistake("the stem and the units between forgotten", part(1, 8 * 13),
                "The hourglasses alone. Look at `Stack` and at `stem`: which units have you left out?"),
        Mistake("the unit behind each hourglass forgotten", part(1, 8 * 13 + 3),
                "Look at `Stack`: between the hourglass and the heatmaps there is one more unit."),
        Mistake("the stem forgotten", part(1, 8 * 14),
                "Before the first stack the image goes through the stem. How many units are there?"),
        Mistake("the stem in every stack", part(1, 8 * (14 + 3)),
                "The image goes through the stem once, not before every stack."),
    ]
    # fmt: on
    praise = "115 units of three convolutions each: with the 1 x 1 convolutions between them, hundreds of layers."
    return judge(answer, [13, 8 * 14 + 3], mistakes=mistakes, praise=praise, tolerance=0, parts=("a)", "b)"))
