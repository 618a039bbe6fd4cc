"""The exercises of notebook 02: right answers pass, classic mistakes are named."""

import numpy as np

from hpe_lib import heatmaps
from tests.exercises import exercises, prove


def test_the_exercises_are_there():
    assert list(exercises("02")) == ["2.1", "2.2", "2.3", "2.4", "2.5"]


def test_crop_matrix():
    prove(
        exercises("02")["2.1"],
        ["crop_scale_matrix = lambda c, s, o: geometry.crop_matrix(c, s, o).tolist()"],
        {
            "x and y swapped": """
def crop_scale_matrix(center, size, output_wh):
    k = output_wh[0] / size[0]
    return [[k, 0, output_wh[1] / 2 - k * center[1]], [0, k, output_wh[0] / 2 - k * center[0]]]
""",
            "the crop's middle forgotten": """
def crop_scale_matrix(center, size, output_wh):
    k = output_wh[0] / size[0]
    return np.array([[k, 0, -k * center[0]], [0, k, -k * center[1]]])
""",
            "the inverse scale": """
def crop_scale_matrix(center, size, output_wh):
    k = size[0] / output_wh[0]
    return np.array([[k, 0, output_wh[0] / 2 - k * center[0]], [0, k, output_wh[1] / 2 - k * center[1]]])
""",
            "the centre moved before it is scaled": """
def crop_scale_matrix(center, size, output_wh):
    k = output_wh[0] / size[0]
    return torch.tensor([[k, 0, output_wh[0] / 2 - center[0]], [0, k, output_wh[1] / 2 - center[1]]])
""",
            "from the crop back to the image": """
def crop_scale_matrix(center, size, output_wh):
    k = size[0] / output_wh[0]
    return [[k, 0, center[0] - k * output_wh[0] / 2], [0, k, center[1] - k * output_wh[1] / 2]]
""",
        },
    )


def test_nearest_cell():
    prove(
        exercises("02")["2.2"],
        [
            """
def nearest_cell(point, stride):
    x, y = point
    return math.floor(x / stride + 0.5), int((y + stride / 2) // stride)
""",
            """
def nearest_cell(point, stride):
    cells = torch.arange(100) * stride
    return [int(abs(cells - value - 1e-3).argmin()) for value in point]  # by looking at all of them
""",
            "nearest_cell = lambda point, stride: np.floor(np.array(point) / stride + 0.5)",
        ],
        {
            "rounded down": "nearest_cell = lambda point, stride: [int(value / stride) for value in point]",
            "rounded up": "nearest_cell = lambda point, stride: [math.ceil(value / stride) for value in point]",
            "column and row swapped": "nearest_cell = lambda p, s: (int(p[1] / s + 0.5), int(p[0] / s + 0.5))",
            "half a cell off": "nearest_cell = lambda p, s: np.floor((np.array(p) - (s - 1) / 2) / s + 0.5)",
            "halves to the even number": "nearest_cell = lambda point, stride: np.round(np.array(point) / stride)",
            "whole pixels only": "nearest_cell = lambda point, s: [int(int(value) / s + 0.5) for value in point]",
            "not rounded": "nearest_cell = lambda point, stride: np.array(point) / stride",
            "multiplied by the stride": "nearest_cell = lambda point, stride: [stride * value for value in point]",
        },
    )


def test_gaussian():
    start = """
def gaussian(cell, size, sigma):
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    d2 = (x - cell[0]) ** 2 + (y - cell[1]) ** 2
"""
    prove(
        exercises("02")["2.3"],
        [
            """
def gaussian(cell, size, sigma):
    rows = []
    for y in range(size[1]):
        rows.append([math.exp(-(math.dist((x, y), cell) ** 2) / (2 * sigma**2)) for x in range(size[0])])
    return rows
""",
            """
def gaussian(cell, size, sigma):
    column = torch.exp(-((torch.arange(size[1]) - cell[1]) ** 2) / (2 * sigma**2))
    row = torch.exp(-((torch.arange(size[0]) - cell[0]) ** 2) / (2 * sigma**2))
    return torch.outer(column, row)
""",
        ],
        {
            "sigma not squared": start + "    return np.exp(-d2 / (2 * sigma))",
            "the factor 2 forgotten": start + "    return np.exp(-d2 / sigma**2)",
            "the distance not squared": start + "    return np.exp(-np.sqrt(d2) / (2 * sigma**2))",
            "x and y swapped": """
def gaussian(cell, size, sigma):
    y, x = np.meshgrid(np.arange(size[1]), np.arange(size[0]), indexing="ij")
    return np.exp(-((x - cell[1]) ** 2 + (y - cell[0]) ** 2) / (2 * sigma**2))
""",
            "rows and columns of the map swapped": """
def gaussian(cell, size, sigma):
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]), indexing="ij")
    return np.exp(-((x - cell[0]) ** 2 + (y - cell[1]) ** 2) / (2 * sigma**2))
""",
            "the minus forgotten": start + "    return np.exp(d2 / (2 * sigma**2))",
            "the bell cut off": """
def gaussian(cell, size, sigma):  # as the official targets are, in a square of 3 sigma
    return heatmaps.encode([[cell]], [[1]], size, 1, sigma)[0][0, 0]
""",
            "sum 1 instead of height 1": start + "    H = np.exp(-d2 / (2 * sigma**2))\n    return H / H.sum()",
        },
    )
    for reach in (2, 3, 4):
        square = f"(abs(x - cell[0]) <= {reach} * sigma) * (abs(y - cell[1]) <= {reach} * sigma)"
        for shape in (square, f"(d2 <= ({reach} * sigma) ** 2)"):
            assert (
                exercises("02")["2.3"].verdict(start + f"    return {shape} * np.exp(-d2 / (2 * sigma**2))").state
                == "wrong"
            )
    density = start + "    return np.exp(-d2 / (2 * sigma**2)) / (2 * np.pi * sigma**2)"
    assert exercises("02")["2.3"].verdict(density).misconception == "sum 1 instead of height 1"


def test_the_bell_of_the_exercise_is_the_library_s_where_nothing_is_cut():
    space = {"np": np}
    exec(exercises("02")["2.3"].solution, space)
    drawn = heatmaps.encode([[(2, 3)]], [[1]], (7, 5), stride=1, sigma=2.0)[0][0, 0]
    assert np.allclose(space["gaussian"]((2, 3), (7, 5), 2.0), drawn)


def test_target_weight():
    start = """
def target_weight(point, v):
    mx, my = (int(value / 4 + 0.5) for value in point)
    inside = not (mx + 6 < 0 or my + 6 < 0 or mx - 6 > 47 or my - 6 > 63)
"""
    prove(
        exercises("02")["2.4"],
        [
            start + "    return True if v and inside else False",
            """
def target_weight(point, v):  # by drawing the square
    mx, my = (math.trunc(value / 4 + 0.5) for value in point)
    x, y = np.meshgrid(np.arange(48), np.arange(64))
    return np.float32(v in (1, 2) and ((abs(x - mx) <= 6) & (abs(y - my) <= 6)).any())
""",
            "target_weight = lambda point, v: heatmaps.encode([[point]], [[v]])[1]",
        ],
        {
            "hidden joints left out": start + "    return int(v == 2 and inside)",
            "v taken as the weight": start + "    return v * inside",
            "joints outside the crop left out": """
def target_weight(point, v):
    return 1 if v > 0 and 0 <= point[0] <= 191 and 0 <= point[1] <= 255 else 0
""",
            "trained wherever they are": "target_weight = lambda point, v: int(v > 0)",
            "unlabelled joints trained": start + "    return int(inside)",
            "only x looked at": start + "    return int(v > 0 and -6 <= mx <= 53)",
            "the cell rounded down": start.replace("int(", "math.floor(") + "    return int(v > 0 and inside)",
            "24 px from the point instead of 6 cells from its cell": """
def target_weight(point, v):
    x, y = point
    return int(v > 0 and x + 24 >= 0 and x - 24 <= 191 and y + 24 >= 0 and y - 24 <= 255)
""",
        },
    )


def test_the_text_of_the_target_weight_is_asked_for():
    """-29 px lie at -6.75, which becomes cell -6: the square touches the map."""
    rule = """
def target_weight(point, v):
    column, row = ({cell} for value in point)
    return int(v > 0 and {left} column < {right} and {left} row < 70)
"""
    cell = "int(value / 4 + 0.5)"
    assert exercises("02")["2.4"].verdict(rule.format(cell=cell, left="-6 <=", right=54)).state == "right"
    for change in ({"cell": "round(value / 4)"}, {"left": "-6 <"}, {"left": "-5 <="}, {"right": 55}, {"right": 53}):
        code = rule.format(**({"cell": cell, "left": "-6 <=", "right": 54} | change))
        assert exercises("02")["2.4"].verdict(code).state == "wrong", change


def test_mirrored_pose():
    start = """
def mirrored_pose(pose, width):
    new = pose.copy()
    new[:, 0] = width - 1 - new[:, 0]
"""
    prove(
        exercises("02")["2.5"],
        [
            """
def mirrored_pose(pose, width):
    pose[:, 0] = width - 1 - pose[:, 0]  # into the array that came in
    return pose[np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15])]
""",
            """
def mirrored_pose(pose, width):
    rows = []
    for name in skeleton.KEYPOINTS:
        other = name.replace("left", "?").replace("right", "left").replace("?", "right")
        x, y, v = pose[skeleton.KEYPOINTS.index(other)]
        rows.append((width - 1 - x, y, v))
    return rows
""",
            """
def mirrored_pose(pose, width):
    pose = torch.as_tensor(pose)
    moved = torch.stack([width - 1 - pose[:, 0], pose[:, 1], pose[:, 2]], dim=1)
    return moved[torch.tensor(skeleton.FLIP_ORDER)]
""",
        ],
        {
            "left still called left": start + "    return new",
            "a pixel off": start + "    new[:, 0] += 1\n    return new[skeleton.FLIP_ORDER]",
            "names swapped, but nothing mirrored": """
def mirrored_pose(pose, width):
    for left, right in skeleton.FLIP_PAIRS:
        pose[[left, right]] = pose[[right, left]]
    return pose
""",
            "the visibility stays behind": start
            + """
    for left, right in skeleton.FLIP_PAIRS:
        new[[left, right], :2] = new[[right, left], :2]
    return new
""",
            "one side written over the other": start
            + """
    for left, right in skeleton.FLIP_PAIRS:
        new[left], new[right] = new[right], new[left]
    return new
""",
            "upside down": """
def mirrored_pose(pose, width):
    pose[:, 1] = width - 1 - pose[:, 1]
    return pose[skeleton.FLIP_ORDER]
""",
        },
    )
