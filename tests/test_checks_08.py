"""The exercises of notebook 08: right answers pass, classic mistakes are named."""

from tests.exercises import exercises, prove


def test_notebook_has_its_exercises():
    assert list(exercises("08")) == ["8.1", "8.2", "8.3", "8.4", "8.5"]


def test_multiple():
    def formula(text):
        return f"def multiple(levels, stride): return {text}"

    prove(
        exercises("08")["8.1"],
        [
            formula("stride << levels"),
            """
def multiple(levels, stride):
    for _ in range(levels):
        stride = 2 * stride
    return torch.tensor(stride)
""",
        ],
        {
            "the stride forgotten": formula("2**levels"),
            "halvings added instead of multiplied": formula("stride * (2 * levels)"),
            "the levels as a factor": formula("stride * levels"),
            "a level too few": formula("stride * 2**levels / 2"),
            "a level too many": formula("2 * stride * 2**levels"),
            "stride and halvings added": formula("stride + 2**levels"),
        },
    )


def test_hourglass():
    def code(
        pool="F.max_pool2d(x, 2)",
        before="unit(small)",
        inside="hourglass(small, levels - 1, unit) if levels > 1 else unit(small)",
        after="unit(small)",
        mode="'nearest'",
        past="unit(x)",
    ):
        return f"""
def hourglass(x, levels, unit):
    small = {pool}
    small = {before}
    small = {inside}
    small = {after}
    return {past} + F.interpolate(small, scale_factor=2, mode={mode})
"""

    prove(
        exercises("08")["8.2"],
        [
            """
def hourglass(x, levels, unit):  # two loops instead of the recursion
    past, small = [], x
    for _ in range(levels):
        past.append(unit(small))
        small = unit(nn.MaxPool2d(2)(small))
    small = unit(small)
    for one in reversed(past):
        small = one + unit(small).repeat_interleave(2, 2).repeat_interleave(2, 3)
    return small
""",
            """
def hourglass(x, levels, unit):
    n, c, h, w = x.shape
    small = unit(x.reshape(n, c, h // 2, 2, w // 2, 2).amax(dim=(3, 5)))
    small = unit(small) if levels == 1 else hourglass(small, levels - 1, unit)
    return unit(x) + nn.Upsample(scale_factor=2)(unit(small))
""",
        ],
        {
            "nothing goes past": code(past="0"),
            "no unit on the skip": code(past="x"),
            "the mean instead of the largest": code(pool="F.avg_pool2d(x, 2)"),
            "smooth enlargement": code(mode="'bilinear'"),
            "no unit before": code(before="small"),
            "no unit after": code(after="small"),
            "nothing inside the last level": code(inside="hourglass(small, levels - 1, unit) if levels > 1 else small"),
            "one level only": code(inside="unit(small)"),
            "a level too many": code(inside="hourglass(small, levels - 1, unit) if levels > 0 else unit(small)"),
        },
    )


def test_next_input():
    def code(text):
        return f"""
def next_input(x, features, heatmaps, A, B):
    f = torch.einsum("dc,chw->dhw", A, features)
    h = torch.einsum("dk,khw->dhw", B, heatmaps)
    return {text}
"""

    prove(
        exercises("08")["8.3"],
        [
            """
def next_input(x, features, heatmaps, A, B):
    one, two = F.conv2d(features[None], A[:, :, None, None]), F.conv2d(heatmaps[None], B[:, :, None, None])
    return (x + one[0] + two[0]).numpy()
""",
            """
def next_input(x, features, heatmaps, A, B):
    y = x.clone()
    for row in range(x.shape[1]):
        for column in range(x.shape[2]):
            y[:, row, column] += A @ features[:, row, column] + B @ heatmaps[:, row, column]
    return y
""",
        ],
        {
            "the old input forgotten": code("f + h"),
            "the features forgotten": code("x + h"),
            "the heatmaps forgotten": code("x + f"),
            "the features without their matrix": code("x + features + h"),
            "the matrix turned round": code('x + torch.einsum("cd,chw->dhw", A, features) + h'),
            "the input counted twice": code("x + f + x + h"),
        },
    )


def test_stacked_loss():
    def code(text):
        return f"""
def stacked_loss(maps, target, weights):
    def loss(maps, weights=weights):
        return heatmaps.heatmap_loss(maps, target, weights)
    return {text}
"""

    prove(
        exercises("08")["8.4"],
        [
            """
def stacked_loss(maps, target, weights):
    return maps.shape[1] * 0.5 * ((maps - target[:, None]) * weights[:, None, :, None, None]).square().mean()
""",
            code("float(sum(loss(maps[:, number]) for number in range(maps.shape[1])))"),
        ],
        {
            "the last stack only": code("loss(maps[:, -1])"),
            "the first stack only": code("loss(maps[:, 0])"),
            "the mean over the stacks": code("sum(map(loss, maps.unbind(1))) / maps.shape[1]"),
            "the loss of the mean heatmap": code("loss(maps.mean(dim=1))"),
            "the loss of the added heatmaps": code("loss(maps.sum(dim=1))"),
            "the weights forgotten": code("sum(loss(one, torch.ones_like(weights)) for one in maps.unbind(1))"),
        },
    )


def test_units():
    def answer(one, whole):
        return f"units_of_one_and_all = [{one}, {whole}]"

    prove(
        exercises("08")["8.5"],
        ["units_of_one_and_all = (13.0, 115.0)", "units_of_one_and_all = np.array([13, 115])"],
        {
            "the innermost unit forgotten": answer(12, 8 * 13 + 3),
            "an innermost unit at every level": answer(16, 8 * 17 + 3),
            "a level too few": answer(10, 8 * 11 + 3),
            "the same unit on both ways": answer(9, 8 * 10 + 3),
            "the stem and the units between forgotten": answer(13, 8 * 13),
            "the unit behind each hourglass forgotten": answer(13, 8 * 13 + 3),
            "the stem forgotten": answer(13, 8 * 14),
            "the stem in every stack": answer(13, 8 * 17),
        },
    )
    assert "b)" in exercises("08")["8.5"].verdict(answer(13, 8 * 13)).text
