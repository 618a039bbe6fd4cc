"""The exercises of notebook 06: right answers pass, classic mistakes are named."""

import pytest

from tests.exercises import exercises, prove


def test_notebook_has_its_exercises():
    assert list(exercises("06")) == ["6.1", "6.2", "6.3", "6.4", "6.5"]


def test_flat_index():
    prove(
        exercises("06")["6.1"],
        [
            "index_and_point = np.array([510, 32, 41])",
            """
places = torch.arange(64 * 48).reshape(64, 48)
(y, x), = (places == 2000).nonzero().tolist()
index_and_point = (places[10, 30], x, y)
""",
        ],
        {
            "the height instead of the width": "index_and_point = [10 * 64 + 30, 2000 % 64, 2000 // 64]",
            "x and y swapped": "index_and_point = [30 * 48 + 10, 2000 // 48, 2000 % 48]",
            "counted down the columns": "index_and_point = [30 * 64 + 10, 2000 // 64, 2000 % 64]",
            "counted from 1": "index_and_point = [511, 33, 42]",
            "crop pixels": "index_and_point = [510, 4 * 32, 4 * 41]",
        },
    )


def test_quarter_pixel():
    def rule(inside="1 < x < W - 1 and 1 < y < H - 1", step="torch.sign(a - b) / 4", h="h[{}, {}]"):
        right, left = h.format("y", "x + 1"), h.format("y", "x - 1")
        below, above = h.format("y + 1", "x"), h.format("y - 1", "x")
        return f"""
def quarter_pixel(h, x, y):
    H, W = h.shape
    step = lambda a, b: {step}
    if {inside}:
        return x + step({right}, {left}), y + step({below}, {above})
    return x, y
"""

    prove(
        exercises("06")["6.2"],
        [
            rule(),
            rule(step="0.25 * (int(a > b) - int(a < b))"),
            "quarter_pixel = lambda h, x, y: heatmaps.decode(h[None, None])[0].reshape(2)",
            """
def quarter_pixel(h, x, y):
    h, point = h.numpy(), np.array([x, y], dtype=float)
    if min(x, y) > 1 and x < h.shape[1] - 1 and y < h.shape[0] - 1:
        rows, columns = np.gradient(h)
        point += np.sign([columns[y, x], rows[y, x]]) * 0.25
    return point
""",
        ],
        {
            "x and y swapped": rule(h="h.T[{}, {}]"),
            "away from the higher neighbour": rule(step="torch.sign(b - a) / 4"),
            "half a pixel": rule(step="torch.sign(a - b) / 2"),
            "the difference instead of its sign": rule(step="(a - b) / 4"),
            "equal neighbours decided": rule(step="0.25 if a > b else -0.25"),
            "column 1 and row 1 moved": rule("0 < x < W - 1 and 0 < y < H - 1"),
            "stopped too early at the far border": rule("1 < x < W - 2 and 1 < y < H - 2"),
            "the border forgotten": rule("True"),
            "each coordinate with a border of its own": """
def quarter_pixel(h, x, y):
    H, W = h.shape
    new_x, new_y = x, y
    if 1 < x < W - 1:
        new_x = x + torch.sign(h[y, x + 1] - h[y, x - 1]) / 4
    if 1 < y < H - 1:
        new_y = y + torch.sign(h[y + 1, x] - h[y - 1, x]) / 4
    return new_x, new_y
""",
        },
    )
    for index in ("{}", "int({})"):
        for order in ("xy", "yx"):
            steps = {
                "x": "x = x + torch.sign(h[{y}, {x} + 1] - h[{y}, {x} - 1]) / 4",
                "y": "y = y + torch.sign(h[{y} + 1, {x}] - h[{y} - 1, {x}]) / 4",
            }
            lines = [steps[axis].format(x=index.format("x"), y=index.format("y")) for axis in order]
            body = "\n        ".join(lines)
            code = f"""
def quarter_pixel(h, x, y):
    H, W = h.shape
    if 1 < x < W - 1 and 1 < y < H - 1:
        {body}
    return x, y
"""
            verdict = exercises("06")["6.2"].verdict(code)
            assert verdict.misconception == "moved before it was used as an index", (code, verdict)
    for only in ("x > 1 and y > 1", "1 < x < W and 1 < y < H", "1 < x < W - 1 and y > 1", "x > 1 and 1 < y < H - 1"):
        assert exercises("06")["6.2"].verdict(rule(only)).state == "wrong"  # each border is looked at
    up = exercises("06")["6.2"].verdict(rule(step="0.25 if a >= b else -0.25"))
    assert up.misconception == "equal neighbours decided"


def test_cell_to_image():
    def way(back):
        return f"""
def cell_to_image(point, matrix, stride):
    A, b = matrix[:, :2], matrix[:, 2]
    inverse = np.linalg.inv(A)
    return {back}
"""

    prove(
        exercises("06")["6.3"],
        [
            way("tuple(inverse @ (point * stride) - inverse @ b)"),
            way("torch.linalg.solve(torch.tensor(A), torch.tensor(stride * point - b))"),
            "def cell_to_image(point, matrix, stride):"
            " return geometry.transform(point * stride, geometry.invert(matrix)).tolist()",
            """
def cell_to_image(point, matrix, stride):
    whole = np.vstack([matrix, [0, 0, 1]])
    return (np.linalg.inv(whole) @ [stride * point[0], stride * point[1], 1])[:2]
""",
        ],
        {
            "the stride forgotten": way("inverse @ (point - b)"),
            "the inverse forgotten": way("A @ (stride * point) + b"),
            "divided by the stride": way("inverse @ (point / stride - b)"),
            "the stride after the inverse": way("stride * (inverse @ (point - b))"),
            "half a pixel added": way("inverse @ (stride * (point + 0.5) - b)"),
            "b taken off too late": way("inverse @ (stride * point) - b"),
            "the rotation ignored": way("[(stride * point[i] - b[i]) / A[i, i] for i in (0, 1)]"),
            "the transpose for the inverse": way("A.T @ (stride * point - b)"),
            "x and y swapped": way("inverse @ (stride * point[::-1] - b)"),
        },
    )
    centred = exercises("06")["6.3"].verdict(way("inverse @ (stride * (point + 0.5) - 0.5 - b)"))
    assert centred.misconception == "half a pixel added"


def test_flip_back():
    def steps(*lines):
        body = "\n    ".join(lines)
        return f"""
def back_from_mirror(mirrored):
    maps = mirrored.clone()
    {body}
    return maps
"""

    mirror, swap = "maps = maps.flip(3)", "maps = maps[:, FLIP_ORDER]"
    shift = "maps = torch.cat([maps[..., :1], maps[..., :-1]], dim=-1)"
    prove(
        exercises("06")["6.4"],
        [
            steps(swap, mirror, shift),
            steps(mirror, swap, "maps = F.pad(maps, (1, 0, 0, 0), mode='replicate')[..., :-1]"),
            """
def back_from_mirror(mirrored):
    maps = mirrored.numpy()[..., ::-1].copy()
    for left, right in skeleton.FLIP_PAIRS:
        maps[:, [left, right]] = maps[:, [right, left]]
    result = maps.copy()
    for column in range(1, maps.shape[-1]):
        result[..., column] = maps[..., column - 1]
    return result
""",
        ],
        {
            "left and right not swapped": steps(mirror, shift),
            "not mirrored back": steps(swap, shift),
            "turned upside down": steps("maps = maps.flip(2)", swap, shift),
            "not shifted": steps(mirror, swap),
            "shifted to the left": steps(mirror, swap, "maps[..., :-1] = maps[..., 1:].clone()"),
            "rolled round": steps(mirror, swap, "maps = torch.roll(maps, 1, dims=3)"),
            "written over what was still to be read": steps(mirror, swap, "maps[..., 1:] = maps[..., :-1]"),
            "column 0 emptied": steps(mirror, swap, "maps = F.pad(maps, (1, 0))[..., :-1]"),
            "the channels in reverse order": steps(mirror, "maps = maps.flip(1)", shift),
        },
    )
    loop = steps(mirror, swap, "for c in range(1, maps.shape[-1]): maps[..., c] = maps[..., c - 1]")
    assert exercises("06")["6.4"].verdict(loop).misconception == "written over what was still to be read"
    early = exercises("06")["6.4"].verdict(steps(shift, mirror, swap))
    assert early.misconception == "shifted to the left"
    for only in (mirror, swap, shift):
        assert exercises("06")["6.4"].verdict(steps(only)).misconception == "one step of three"


def test_threshold():
    def shares(precision="hits / said.sum()", recall="hits / labelled.sum()", said="scores > threshold"):
        return f"""
def precision_and_recall(scores, labelled, right, threshold):
    said = {said}
    hits = (said & right).sum()
    return {precision}, {recall}
"""

    prove(
        exercises("06")["6.5"],
        [
            shares("right[said].mean()", "said[right].sum() / np.count_nonzero(labelled)"),
            """
def precision_and_recall(scores, labelled, right, threshold):
    said = [index for index, score in enumerate(scores) if score > threshold]
    hits = len([index for index in said if right[index]])
    return [hits / len(said), hits / sum(labelled)]
""",
            shares("float(hits) / float(said.sum())", "torch.tensor(hits / labelled.sum())"),
        ],
        {
            "unlabelled joints left out": shares("hits / (said & labelled).sum()"),
            "recall of the labelled joints that were said": shares(recall="hits / (said & labelled).sum()"),
            "said instead of right": shares(recall="(said & labelled).sum() / labelled.sum()"),
            "recall over all joints": shares(recall="hits / len(labelled)"),
            "recall over the right answers": shares(recall="hits / right.sum()"),
            "precision and recall swapped": shares("hits / labelled.sum()", "hits / said.sum()"),
            "a score at the threshold counted": shares(said="scores >= threshold"),
            "precision over all joints": shares("hits / len(scores)"),
            "the threshold forgotten": shares(said="scores > 0"),
        },
    )


def test_lazy_answers_get_no_diagnosis_that_is_untrue():
    for number, head, answers in (
        ("6.2", "quarter_pixel(h, x, y)", ("x, y", "3.75, 2.25", "x + 0.25, y + 0.25", "0, 0")),
        ("6.3", "cell_to_image(point, matrix, stride)", ("point", "(70, 60)", "matrix[:, 2]", "0 * point")),
        ("6.4", "back_from_mirror(mirrored)", ("mirrored", "0 * mirrored", "torch.ones_like(mirrored)")),
        ("6.5", "precision_and_recall(scores, labelled, right, threshold)", ("0, 0", "1, 1", "0.5, threshold")),
    ):
        for answer in answers:
            verdict = exercises("06")[number].verdict(f"def {head}: return {answer}")
            assert (verdict.state, verdict.misconception) == ("wrong", None), (number, answer, verdict)


def test_maps_of_a_wrong_shape_get_a_sentence():
    for maps in ("mirrored[0]", "mirrored[..., :-1]", "F.pad(mirrored, (1, 0))", "0.0", "mirrored.mean(1)"):
        verdict = exercises("06")["6.4"].verdict(f"def back_from_mirror(mirrored): return {maps}")
        assert verdict.state == "wrong" and verdict.text.startswith("The answer has the shape"), (maps, verdict)


@pytest.mark.parametrize(
    "number, code, first",
    [
        ("6.2", "def quarter_pixel(h, x, y): return x, y", "h = [[0, 0, 0, 0], [0, 0, 0.3, 0], [0, 0.2, 0.9, 0.4], ["),
        ("6.3", "def cell_to_image(p, matrix, s): return p", "p = [3, 5], matrix = [[2, 0, -8], [0, 2, -10]], s = 4"),
        ("6.4", "def back_from_mirror(m): return m", "(This input is torch.arange(102.0).reshape(1, 17, 2, 3).)"),
        (
            "6.5",
            "def precision_and_recall(s, labelled, right, t): return 0, 0",
            "For the input s = [0.8, 0.75, 0.4, 0.3], labelled = [True, False, True, True], "
            "right = [True, False, True, False], t = 0.5 it gives [0, 0], and [0.5, 0.3333] is right.",
        ),
    ],
)
def test_the_first_case_that_is_shown_can_be_typed(number, code, first):
    verdict = exercises("06")[number].verdict(code)
    assert (verdict.state, verdict.misconception) == ("wrong", None) and first in verdict.text, verdict
