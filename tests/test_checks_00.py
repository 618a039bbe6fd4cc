"""The exercises of notebook 00: right answers pass, classic mistakes are named."""

from tests.exercises import exercises, prove


def test_the_exercises_are_there():
    assert list(exercises("00")) == ["0.1", "0.2", "0.3", "0.4", "0.5"]


def test_cell_to_crop():
    prove(
        exercises("00")["0.1"],
        [
            "cell_to_crop = lambda number, columns: 4 * np.array([number % columns, number // columns])",
            """
def cell_to_crop(number, columns):
    row = 0
    while number >= columns:
        number, row = number - columns, row + 1
    return [torch.tensor(4.0 * number, requires_grad=True), 4 * row]
""",
        ],
        {
            "x and y swapped": "def cell_to_crop(n, c): return n // c * 4, n % c * 4",
            "the stride forgotten": "def cell_to_crop(n, c): return n % c, n // c",
            "the middle of the 4 × 4 pixels": "def cell_to_crop(n, c): return (n % c + 0.5) * 4, (n // c + 0.5) * 4",
            "counted from one": "def cell_to_crop(n, c): return 4 * (n % c + 1), 4 * (n // c + 1)",
        },
    )
    half = exercises("00")["0.1"].verdict("def cell_to_crop(n, c): return 4 * (n % c) + 1.5, 4 * (n // c) + 1.5")
    assert half.misconception == "the middle of the 4 × 4 pixels"


def test_numbers_of_a_pose():
    prove(
        exercises("00")["0.2"],
        ["numbers_of_a_pose = np.array([34, 51, 13056])", "numbers_of_a_pose = 34.0, torch.tensor(51), 32 * 24 * 17"],
        {
            "one number a joint": "numbers_of_a_pose = [17, 17, 17 * 32 * 24]",
            "more than the place counted": "numbers_of_a_pose = [17 * 3, 17 * 4, 17 * 32 * 24]",
            "the third coordinate forgotten": "numbers_of_a_pose = [34, 34, 13056]",
            "only one heatmap": "numbers_of_a_pose = [34, 51, 32 * 24]",
            "pixels of the crop instead of cells": "numbers_of_a_pose = [34, 51, 17 * 128 * 96]",
        },
    )
    near = exercises("00")["0.2"].verdict("numbers_of_a_pose = [34, 51, 13057]")
    assert near.state == "wrong" and near.text.startswith("Not right yet: c).")  # a count is exact


def test_back_into_space():
    exercise = exercises("00")["0.3"]
    prove(
        exercise,
        [
            """
from hpe_lib.synthetic import Camera

def back_into_space(u, v, z, focal, centre):  # by the camera's own rays, one pixel at a time
    size = (2 * centre[0] + 1, 2 * centre[1] + 1)
    at_one_metre = np.linalg.solve([[focal, 0], [0, focal]], np.array([u, v]) - Camera(size, focal).centre)
    return np.append(at_one_metre * z, z)
""",
            """
def back_into_space(u, v, z, focal, centre):
    ray = torch.tensor([(u - centre[0]) / focal, (v - centre[1]) / focal, 1.0], dtype=torch.float64)
    return z * ray
""",
        ],
        {
            "the image's centre forgotten": "back_into_space = lambda u, v, z, f, c: (u / f * z, v / f * z, z)",
            "the distance forgotten": "back_into_space = lambda u, v, z, f, c: ((u - c[0]) / f, (v - c[1]) / f, z)",
            "projected instead of undone": """
def back_into_space(u, v, z, focal, centre):
    return focal * (u - centre[0]) / z, focal * (v - centre[1]) / z, z
""",
            "divided by the distance": """
def back_into_space(u, v, z, focal, centre):
    x, y = (u - centre[0]) / focal, (v - centre[1]) / focal
    return x / z, y / z, z
""",
            "x and y swapped": """
def back_into_space(u, v, z, focal, centre):
    x, y = (u - centre[0]) * z / focal, (v - centre[1]) * z / focal
    return y, x, z
""",
            "y turned upwards": """
def back_into_space(u, v, z, focal, centre):
    return (u - centre[0]) * z / focal, (centre[1] - v) * z / focal, z
""",
        },
    )


def test_the_way_back_undoes_the_camera():
    """The solution against the camera that draws the built-in data."""
    space = {}
    exec(exercises("00")["0.3"].solution, space)
    from hpe_lib.synthetic import Camera

    camera = Camera((240, 320), focal=444.0)
    for point in ((0.3, -0.8, 4.2), (-1.0, 0.5, 7.0)):
        import numpy as np

        u, v = camera.project(np.array(point))
        assert np.allclose(space["back_into_space"](u, v, point[2], camera.focal, camera.centre), point)


def test_candidate_links():
    prove(
        exercises("00")["0.4"],
        ["links_to_score = (24, 4, 900)", "links_to_score = np.array([6 * 4, min(6, 4), 30**2])"],
        {
            "added instead of multiplied": "links_to_score = [6 + 4, 4, 30 + 30]",
            "all pairs of points": "links_to_score = [math.comb(10, 2), 4, math.comb(60, 2)]",
            "only the correct links": "links_to_score = [4, 4, 30]",
            "a person's own elbow left out": "links_to_score = [6 * 4 - 4, 4, 30 * 29]",
            "pairs halved": "links_to_score = [24, 4, 30 * 29 // 2]",
            "a shoulder without its elbow linked": "links_to_score = [24, 6, 900]",
        },
    )
    assert exercises("00")["0.4"].verdict("links_to_score = [24, 6, 900]").text.endswith("Not right yet: b).")
    assert "Not right yet: a) and c)." in exercises("00")["0.4"].verdict("links_to_score = [7, 4, 8]").text


def test_joint_angle():
    prove(
        exercises("00")["0.5"],
        [
            """
def joint_angle(a, b, c):
    turn = math.degrees(math.atan2(c[1] - b[1], c[0] - b[0]) - math.atan2(a[1] - b[1], a[0] - b[0]))
    return min(turn % 360, -turn % 360)
""",
            """
def joint_angle(a, b, c):  # the law of cosines
    ab, bc, ca = math.dist(a, b), math.dist(b, c), math.dist(c, a)
    return torch.rad2deg(torch.arccos(torch.tensor((ab**2 + bc**2 - ca**2) / (2 * ab * bc))))
""",
        ],
        {
            "rounding beyond -1": """
def joint_angle(a, b, c):
    u, w = a - b, c - b
    return np.degrees(np.arccos(u @ w / (np.linalg.norm(u) * np.linalg.norm(w))))
""",
            "radians instead of degrees": """
def joint_angle(a, b, c):
    u, w = a - b, c - b
    return np.arccos(u @ w / np.linalg.norm(u) / np.linalg.norm(w))
""",
            "the cosine instead of the angle": """
def joint_angle(a, b, c):
    u, w = a - b, c - b
    return u @ w / np.linalg.norm(u) / np.linalg.norm(w)
""",
            "how far it is bent": """
def joint_angle(a, b, c):
    u, w = b - a, c - b
    return np.degrees(np.arccos(u @ w / np.linalg.norm(u) / np.linalg.norm(w)))
""",
            "the angle at another point": """
def joint_angle(a, b, c):
    u, w = b - a, c - a
    return np.degrees(np.arccos(u @ w / np.linalg.norm(u) / np.linalg.norm(w)))
""",
            "the angle on the outer side": """
def joint_angle(a, b, c):
    u, w = a - b, c - b
    return abs(np.degrees(np.arctan2(u[1], u[0]) - np.arctan2(w[1], w[0])))
""",
        },
    )
    by_math = """
def joint_angle(a, b, c):
    u, w = a - b, c - b
    return math.degrees(math.acos(u @ w / (math.hypot(*u) * math.hypot(*w))))
"""
    assert exercises("00")["0.5"].verdict(by_math).misconception == "rounding beyond -1"
    radians = """
def joint_angle(a, b, c):
    u, w = a - b, c - b
    return np.arccos(np.clip(u @ w / np.linalg.norm(u) / np.linalg.norm(w), -1, 1))
"""
    assert exercises("00")["0.5"].verdict(radians).misconception == "radians instead of degrees"
