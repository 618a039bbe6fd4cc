"""The exercises of notebook 14: tests that tell sound from faulty pass, tests that are blind are told where."""

from tests.exercises import exercises, prove

PERSON = """
    person = np.column_stack([3.0 + 5 * np.arange(17), 7.0 + 6 * np.arange(17), np.arange(17) % 3])
"""


def test_notebook_has_its_exercises():
    assert list(exercises("14")) == ["14.1", "14.2", "14.3", "14.4", "14.5", "14.6"]


def test_crop_test():
    def code(at=(60, 60), result="np.hypot(*(seen - where)) < 2"):
        return f"""
def crop_is_sound(crop):
    image = np.zeros((200, 160, 3), np.uint8)
    image[{at[1] - 2}:{at[1] + 3}, {at[0] - 2}:{at[0] + 3}] = 255
    found, matrix = crop(image, (20, 20, 120, 160))
    rows, columns = np.nonzero(found[..., 0] > 127)
    seen, where = np.array([columns.mean(), rows.mean()]), geometry.transform({at}, matrix)
    return {result}
"""

    prove(
        exercises("14")["14.1"],
        [code(), code((100, 140)), code(result="np.allclose(seen, where, atol=2)")],
        {
            "nothing fails it": code((80, 100)),
            "only x is compared": code(result="abs(seen[0] - where[0]) < 2"),
            "only y is compared": code(result="abs(seen[1] - where[1]) < 2"),
        },
    )


def test_mirror_test():
    def code(result):
        return f"""
def mirror_is_sound(mirror):
{PERSON}
    found = np.asarray(mirror(person, 100))
    right = np.column_stack([99 - person[:, 0], person[:, 1:]])[FLIP_ORDER]
    return {result}
"""

    prove(
        exercises("14")["14.2"],
        [code("np.abs(found - right).max() < 1e-3"), code("(found.round(3) == right.round(3)).all()")],
        {
            "only: twice is where it was": code("np.allclose(mirror(found, 100), person)"),
            "only the nose": code("np.allclose(found[0], right[0])"),
            "the visibility is left out": code("np.allclose(found[:, :2], right[:, :2])"),
            "a tolerance of a pixel": code("np.allclose(found, right, atol=1.5)"),
        },
    )


def test_encode_test():
    def code(x="10 + 4.3 * n", y="15 + 6.1 * n", labelled="(n != 2) * 1.0", result="there and not maps[2].any()"):
        return f"""
def encode_is_sound(encode):
    n = np.arange(17)
    points, labelled = np.column_stack([{x}, {y}]), {labelled}
    maps = np.asarray(encode(points, labelled))
    index = maps.reshape(17, -1).argmax(1)
    cells = np.column_stack([index % 24, index // 24])
    there = (cells == np.floor(points / 4 + 0.5))[labelled > 0].all()
    return {result}
"""

    prove(
        exercises("14")["14.3"],
        [code(), code(x="50.0 - 2.7 * n")],
        {
            "points on whole cells only": code(x="8.0 + 4 * n", y="16.0 + 4 * n"),
            "points on the diagonal only": code(y="10 + 4.3 * n"),
            "everybody is labelled": code(labelled="np.ones(17)", result="there"),
            "only the heights of the peaks": code(result="np.isclose(maps.max(), 1)"),
        },
    )


def test_loss_test():
    def code(second=3.0, weight=0.0, result="abs(value - 0.25) < 1e-4"):
        return f"""
def loss_is_sound(loss):
    maps = np.ones((2, 4, 3)) * np.array([1.0, {second}]).reshape(2, 1, 1)
    value = float(loss(maps, np.zeros((2, 4, 3)), np.array([1.0, {weight}])))
    return {result}
"""

    prove(
        exercises("14")["14.4"],
        [code(), code(second=7.0)],
        {
            "only: perfect is 0": """
def loss_is_sound(loss):
    return float(loss(np.ones((2, 4, 3)), np.ones((2, 4, 3)), np.array([1, 0]))) == 0
""",
            "everybody is labelled": code(weight=1.0, result="abs(value - 2.5) < 1e-4"),
            "only: unlabelled joints change nothing": code(
                result="np.isclose(value, float(loss(np.ones((2, 4, 3)), np.zeros((2, 4, 3)), np.array([1.0, 0.0]))))"
            ),
        },
    )


def test_decode_test():
    def code(height=8, width=6, x=2, y=5, result="np.allclose(found, [[x, y]])"):
        return f"""
def decode_is_sound(decode):
    maps, x, y = np.zeros((1, {height}, {width})), {x}, {y}
    maps[0, y, x] = 1
    found = np.asarray(decode(maps))
    return {result}
"""

    prove(
        exercises("14")["14.5"],
        [code(), code(32, 24, 7, 30)],
        {
            "a square map": code(width=8),
            "a peak on the diagonal": code(x=3, y=3),
            "a peak in the first row": code(x=5, y=0, result="sorted(found[0].tolist()) == [0, 5]"),
            "a tolerance of a cell": code(result="np.abs(found - [[x, y]]).max() <= 1"),
        },
    )


def test_to_image_test():
    def code(rotation=25, close=0.01):
        return f"""
def to_image_is_sound(to_image):
    matrix = geometry.crop_matrix((90, 80), (120, 160), (96, 128), {rotation})
    points = np.array([(3.0, 4), (20, 9), (11, 30)])
    expected = geometry.transform(4 * points, geometry.invert(matrix))
    return np.abs(to_image(points, matrix) - expected).max() < {close}
"""

    prove(
        exercises("14")["14.6"],
        [code(), code(rotation=-70)],
        {
            "a crop that is not turned": code(rotation=0),
            "the matrix that does nothing": """
def to_image_is_sound(to_image):
    points = np.array([(3.0, 4), (20, 9)])
    return np.allclose(to_image(points, np.eye(2, 3)), 4 * points)
""",
            "exact to the last digit": code(close=1e-9),
        },
    )
