"""The exercises of notebook 13: right answers pass, classic mistakes are named."""

from tests.exercises import exercises, prove


def test_notebook_has_its_exercises():
    assert list(exercises("13")) == ["13.1", "13.2", "13.3", "13.4", "13.5"]


def test_smooth():
    def code(step="last + alpha * (value - last)", start="values[0]"):
        return f"""
def smooth(values, alpha):
    last, out, before = {start}, [{start}], values[0]
    for value in values[1:]:
        last = {step}
        before = value
        out.append(last)
    return np.array(out)
"""

    prove(
        exercises("13")["13.1"],
        [
            code("(1 - alpha) * last + alpha * value"),
            """
from itertools import accumulate
def smooth(values, alpha):
    return list(accumulate(values, lambda last, value: last + alpha * (value - last)))
""",
        ],
        {
            "alpha for the past": code("alpha * last + (1 - alpha) * value"),
            "the last value instead of the last smoothed one": code("before + alpha * (value - before)"),
            "starts at zero": code(start="0.0"),
            "the first step from zero": """
def smooth(values, alpha):
    last, out = 0.0, []
    for value in values[1:]:
        last = last + alpha * (value - last)
        out.append(last)
    return out
""",
            "the past is added whole": code("last + alpha * value"),
            "the sign of the way": code("last - alpha * (value - last)"),
        },
    )


def test_count_repetitions():
    def code(down="angle < low", up="angle > high", then="count += 1", first=""):
        return f"""
def count_repetitions(angles, low, high):
    count, bent = 0, False
    for angle in angles:
        if bent:
            if {up}:
                bent = False
                {then}
        elif {down}:
            bent = True
            {first or "pass"}
    return count
"""

    prove(
        exercises("13")["13.2"],
        [
            code(),
            """
def count_repetitions(angles, low, high):
    marks = [-1 if angle < low else 1 for angle in angles if angle < low or angle > high]
    return sum(a < 0 < b for a, b in zip(marks, marks[1:]))
""",
        ],
        {
            "frames counted": "def count_repetitions(angles, low, high): return sum(a < low for a in angles)",
            "the lower threshold only": code(up="angle >= low"),
            "the upper threshold only": code(down="angle <= high"),
            "down and up counted both": code(first="count += 1"),
            "counted on the way down": code(then="pass", first="count += 1"),
            "a bent start is forgotten": """
def count_repetitions(angles, low, high):
    angles = list(angles)
    start = next((i for i, angle in enumerate(angles) if angle > high), len(angles))
    marks = [-1 if angle < low else 1 for angle in angles[start:] if angle < low or angle > high]
    return sum(a < 0 < b for a, b in zip(marks, marks[1:]))
""",
            "the upper limit itself counts": code(up="angle >= high"),
            "the lower limit itself counts": code(down="angle <= low"),
        },
    )


def test_alarm():
    def code(above="angle > limit", when="run == hold", back="frame", otherwise="run = 0", none="-1"):
        return f"""
def alarm(angles, limit, hold):
    run = 0
    for frame, angle in enumerate(angles):
        if {above}:
            run += 1
        else:
            {otherwise}
        if {when}:
            return {back}
    return {none}
"""

    prove(
        exercises("13")["13.3"],
        [
            code(when="run >= hold"),
            """
def alarm(angles, limit, hold):
    for frame in range(hold - 1, len(angles)):
        if min(angles[frame - hold + 1 : frame + 1]) > limit:
            return frame
    return -1
""",
        ],
        {
            "the frame in which the run began": code(back="frame - hold + 1"),
            "one frame too late": code(when="run > hold"),
            "one frame too early": code(when="run == max(hold - 1, 1)"),
            "not in a row": code(otherwise="pass"),
            "the limit itself counts": code(above="angle >= limit"),
            "no hold": code(when="run"),
            "the number of a frame, from 1": code(back="frame + 1"),
            "0 for none": code(none="0"),
        },
    )


def test_worth():
    def code(false="(windows - falls) * false_rate", share="falls * recall / (falls * recall + false)", first="false"):
        return f"""
def worth(windows, falls, recall, false_rate):
    false = {false}
    return {first}, {share}
"""

    prove(
        exercises("13")["13.4"],
        [
            code(share="1 / (1 + false / (falls * recall))"),
            """
def worth(windows, falls, recall, false_rate):
    quiet = windows - falls
    alarms = quiet * false_rate + falls * recall
    return np.array([quiet * false_rate, falls * recall / alarms])
""",
        ],
        {
            "false alarms in all stretches": code(false="windows * false_rate"),
            "every fall found": code(share="falls / (falls + false)"),
            "precision is the recall": code(share="recall"),
            "rates compared, not numbers": code(share="recall / (recall + false_rate)"),
            "the share of false alarms": code(share="false / (falls * recall + false)"),
            "all alarms": code(first="false + falls * recall"),
        },
    )


def test_normalised():
    def code(middle="points[[11, 12]].mean(0)", trunk="np.linalg.norm(moved[[5, 6]].mean(0))", out="moved / trunk"):
        return f"""
def normalised(points):
    moved = points - {middle}
    trunk = {trunk}
    return {out}
"""

    prove(
        exercises("13")["13.5"],
        [
            code(middle="(points[11] + points[12]) / 2", trunk="np.hypot(*(moved[5] + moved[6])) / 2"),
            """
def normalised(points):
    hips, shoulders = (points[11] + points[12]) / 2, (points[5] + points[6]) / 2
    x, y = shoulders - hips
    return [[(px - hips[0]) / (x * x + y * y) ** 0.5, (py - hips[1]) / (x * x + y * y) ** 0.5] for px, py in points]
""",
        ],
        {
            "not moved": code(out="points / trunk"),
            "not divided": code(out="moved"),
            "the shoulders' middle at 0": code("points[[5, 6]].mean(0)", "np.linalg.norm(moved[[11, 12]].mean(0))"),
            "one hip only": code(middle="points[11]"),
            "one shoulder only": code(trunk="np.linalg.norm(moved[5])"),
            "divided by the trunk's height": code(trunk="abs(moved[[5, 6]].mean(0)[1])"),
            "divided by the squared length": code(trunk="(moved[[5, 6]].mean(0) ** 2).sum()"),
            "measured from the image's corner": code(trunk="np.linalg.norm(points[[5, 6]].mean(0))"),
            "x and y divided apart": code(trunk="abs(moved[[5, 6]].mean(0))"),
        },
    )
