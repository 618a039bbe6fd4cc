"""The exercises of notebook 10: right answers pass, classic mistakes are named."""

from tests.exercises import exercises, prove


def test_notebook_has_its_exercises():
    assert list(exercises("10")) == ["10.1", "10.2", "10.3", "10.4", "10.5"]


def test_upright_point():
    def code(three="width - 1 - x, height - 1 - y", six="height - 1 - y, x", eight="y, width - 1 - x"):
        return f"""
def upright_point(x, y, width, height, orientation):
    return {{1: (x, y), 3: ({three}), 6: ({six}), 8: ({eight})}}[orientation]
"""

    prove(
        exercises("10")["10.1"],
        [
            """
def upright_point(x, y, width, height, orientation):  # by really turning a picture with one mark
    picture = np.zeros((height, width))
    picture[y, x] = 1
    picture = np.rot90(picture, {1: 0, 3: 2, 6: 3, 8: 1}[orientation])
    row, column = np.argwhere(picture)[0]
    return np.array([column, row])
"""
        ],
        {
            "turned the other way": code(six="y, width - 1 - x", eight="height - 1 - y, x"),
            "the first pixel forgotten": code("width - x, height - y", "height - y, x", "y, width - x"),
            "width and height exchanged": code(six="width - 1 - y, x", eight="y, height - 1 - x"),
            "x and y exchanged, without a turn": code(six="y, x", eight="y, x"),
            "upside down is mirrored": code("x, height - 1 - y"),
            "nothing turned": code("x, y", "x, y", "x, y"),
        },
    )


def test_box_from_cell():
    def code(size="np.exp(log_size)", x="column + offset[0]", y="row + offset[1]", half=2, answer="x, y, w, h", end=""):
        return f"""
def box_from_cell(column, row, offset, log_size, stride):
    w, h = {size}
    x, y = {x} - w / {half}, {y} - h / {half}
    return {end or f"np.array([{answer}]) * stride"}
"""

    prove(
        exercises("10")["10.2"],
        [
            """
def box_from_cell(column, row, offset, log_size, stride):
    size = torch.tensor(log_size).exp() * stride
    centre = stride * (torch.tensor([column, row]) + torch.tensor(offset))
    return torch.cat([centre - size / 2, size]).tolist()
"""
        ],
        {
            "the logarithm as the size": code(size="log_size"),
            "the centre as the corner": code(half=1e12),
            "the whole size instead of half of it": code(half=1),
            "row and column exchanged": code(x="row + offset[0]", y="column + offset[1]"),
            "the offset forgotten": code(x="column", y="row"),
            "width and height exchanged": code(size="np.exp(log_size)[::-1]"),
            "in cells": code(end="[x, y, w, h]"),
            "the size in cells": code(end="[x * stride, y * stride, w, h]"),
        },
    )


def test_box_of_pose():
    def code(seen="> threshold", low="low - 0.15 * size", end="1.3 * size"):
        return f"""
def box_of_pose(pose, threshold):
    pose = np.array(pose)
    points = pose[pose[:, 2] {seen}, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    size = high - low
    return [*({low}), *({end})]
"""

    prove(
        exercises("10")["10.3"],
        [
            """
def box_of_pose(pose, threshold):
    xs = [x for x, y, score in pose if score > threshold]
    ys = [y for x, y, score in pose if score > threshold]
    w, h = max(xs) - min(xs), max(ys) - min(ys)
    return min(xs) - 0.15 * w, min(ys) - 0.15 * h, w + 0.3 * w, h + 0.3 * h
"""
        ],
        {
            "all joints": code(seen="> -1"),
            "joints at the threshold, too": code(seen=">= threshold"),
            "no margin": code(low="low", end="size"),
            "a margin at the end only": code(low="low", end="1.15 * size"),
            "15 % in all": code(low="low - 0.075 * size", end="1.15 * size"),
            "the corner moved, the size kept": code(end="size"),
            "the far corner instead of the size": code(end="high + 0.15 * size"),
            "the larger margin for both": code(low="low - 0.15 * max(size)", end="size + 0.3 * max(size)"),
        },
    )


def test_greedy_link():
    def code(above=">", limit="threshold", row="row", nobody="-1", taken="rows[column] == NONE and row not in rows"):
        return f"""
def greedy_link(similarity, threshold):
    s, NONE = np.array(similarity), None
    rows = [NONE] * s.shape[1]
    for row, column in sorted(np.ndindex(s.shape), key=lambda pair: -s[pair]):
        if s[row, column] {above} {limit} and {taken}:
            rows[column] = row
    return [{nobody} if row is None else {row} for row in rows]
"""

    prove(
        exercises("10")["10.4"],
        [code(), "def greedy_link(similarity, threshold):\n    from hpe_lib import tracking\n"
         "    return tracking.link(similarity, threshold)"],
        {
            "one row for several columns": code(taken="rows[column] == NONE"),
            "column by column": """
def greedy_link(similarity, threshold):
    s, rows = np.array(similarity), []
    for column in s.T:
        order = [row for row in np.argsort(-column) if row not in rows and column[row] > threshold]
        rows.append(order[0] if order else -1)
    return rows
""",
            "no threshold": code(limit="0"),
            "the threshold itself is linked": code(above=">="),
            "for each row its column": """
def greedy_link(similarity, threshold):
    from hpe_lib import tracking
    return tracking.link(np.array(similarity).T, threshold)
""",
            "rows counted from 1": code(row="row + 1"),
            "0 for nobody": code(nobody="0"),
        },
    )  # fmt: skip


def test_film_score():
    def code(first="name", known="if name: last[person] = name", errors="misses + false_positives + switches",
             people="people", switch="name and known and name != known"):  # fmt: skip
        return f"""
def film_score(identities, false_positives):
    last, switches, misses, people = {{}}, 0, 0, 0
    for frame in identities:
        for person, name in enumerate(frame):
            known = last.get(person, 0)
            people += 1
            misses += name == 0
            switches += bool({switch})
            {known}
    return switches, 1 - ({errors}) / {people}
"""

    prove(
        exercises("10")["10.5"],
        [
            """
def film_score(identities, false_positives):
    table = np.array(identities)
    switches = 0
    for column in table.T:
        names = column[column > 0]
        switches += int((names[1:] != names[:-1]).sum())
    return np.array([switches, 1 - ((table == 0).sum() + false_positives + switches) / table.size])
"""
        ],
        {
            "forgotten in a gap": code(known="last[person] = name"),
            "losing somebody is a switch": code(known="last[person] = name", switch="person in last and name != known")
            .replace("known = last.get(person, 0)", "known = last.get(person, 0); first = person not in last"),
            "the first name is a switch": code(switch="name and name != known"),
            "misses forgotten": code(errors="false_positives + switches"),
            "false positives forgotten": code(errors="misses + switches"),
            "switches forgotten": code(errors="misses + false_positives"),
            "divided by the number of people": code(people="len(identities[0])"),
        },
    )  # fmt: skip
