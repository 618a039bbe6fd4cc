"""How an answer is judged: right, not attempted yet, or wrong with the reason, where it is one that we know."""

import copy
from dataclasses import dataclass

import numpy as np

MARKS = {"right": "✓ Right.", "wrong": "✗ Not yet.", "not attempted": "○ Not attempted yet."}


@dataclass(frozen=True)
class Verdict:
    """What a check answers; as the last line of a cell it shows itself."""

    state: str  # "right", "wrong" or "not attempted"
    text: str = ""
    misconception: str | None = None  # the name of the mistake, where we know it

    def __repr__(self):
        name = f" {self.misconception}:" if self.misconception else ""
        return f"{MARKS[self.state]}{name} {self.text}".strip()


@dataclass(frozen=True)
class Mistake:
    """A classic misconception: its name, what it answers (a value, or a function like the asked one), and a hint."""

    name: str
    answer: object
    hint: str


def judge(answer, right, cases=None, mistakes=(), praise="", tolerance=1e-4):
    """Judge an answer by what it gives, never by how it is written.

    answer, right: two functions and `cases`, a list of argument tuples to call them with; or, without cases, two
    values. A value may be a number, a string, an array, a tensor, or a tuple of these. mistakes: `Mistake`s, asked in
    order when the answer is not right. tolerance: absolute and relative, on numbers.
    """
    if answer is None or answer is ...:
        return Verdict("not attempted", "Fill in the cell above, run it, then run this one again.")
    if cases is None:
        return _judge_values(answer, right, mistakes, praise, tolerance)
    if not callable(answer):
        return Verdict("wrong", f"This should be a function, and is a {type(answer).__name__}.")
    given, expected = [], [right(*copy.deepcopy(case)) for case in cases]
    for case in cases:
        try:
            given.append(answer(*copy.deepcopy(case)))
        except NotImplementedError:
            return judge(None, right)
        except Exception as error:  # whatever a student's function may raise
            return Verdict("wrong", f"Your function stops with {type(error).__name__}: {error}. Input: {_short(case)}")
        if given[-1] is None or given[-1] is ...:
            if len(given) == 1:
                return judge(None, right)
            return Verdict("wrong", f"Your function returns nothing for the input {_short(case)}")
    if same(given, expected, tolerance):
        return Verdict("right", praise)
    for mistake in mistakes:
        if same(given, [mistake.answer(*copy.deepcopy(case)) for case in cases], tolerance):
            return Verdict("wrong", mistake.hint, mistake.name)
    return _difference(cases, given, expected, tolerance)


def _judge_values(answer, right, mistakes, praise, tolerance):
    if same(answer, right, tolerance):
        return Verdict("right", praise)
    for mistake in mistakes:
        if same(answer, mistake.answer, tolerance):
            return Verdict("wrong", mistake.hint, mistake.name)
    return Verdict("wrong", _shapes(answer, right) or "Have another look, or open the hint.")


def same(one, other, tolerance=1e-4):
    """Whether two answers agree: numbers within the tolerance (absolute and relative), texts but for capitals."""
    if isinstance(other, tuple | list):
        matching = isinstance(one, tuple | list) or (hasattr(one, "__len__") and not isinstance(one, str | dict))
        return matching and len(one) == len(other) and all(same(a, b, tolerance) for a, b in zip(one, other))
    if isinstance(other, str):
        return isinstance(one, str) and one.strip().lower() == other.strip().lower()
    one, other = _array(one), _array(other)
    if one is None or other is None or one.shape != other.shape:
        return False
    return bool(np.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True))


def _array(value):
    """Numbers in any wrapping -> float64 array; None where it holds no numbers."""
    try:
        value = value.detach().cpu() if hasattr(value, "detach") else value
        return np.asarray(value).astype(np.float64)
    except (TypeError, ValueError):
        return None


def _shapes(given, expected):
    """What is wrong with the form of an answer, or nothing."""
    if isinstance(expected, tuple | list):
        return "" if hasattr(given, "__len__") else f"{len(expected)} results are asked for."
    given, expected = _array(given), _array(expected)
    if given is None and expected is not None:
        return "A number or an array is asked for."
    if expected is not None and given.shape != expected.shape:
        return f"The answer has the shape {given.shape}, asked for is {expected.shape}."
    return ""


def _difference(cases, given, expected, tolerance):
    """The first case that differs, in numbers that a student can compute again by hand."""
    for case, mine, right in zip(cases, given, expected):
        if not same(mine, right, tolerance):
            form = _shapes(mine, right)
            return Verdict(
                "wrong", form or f"For the input {_short(case)} it gives {_short(mine)}, and {_short(right)} is right."
            )
    raise AssertionError("the answers differ, but in no case")


def _short(value):
    """A value as a student would write it down, cut where it is long."""
    if isinstance(value, tuple | list):
        text = ", ".join(_short(item) for item in value)
    else:
        array = _array(value)
        text = repr(value) if array is None else np.array2string(array, precision=4, threshold=12, edgeitems=2)
    text = " ".join(text.split())
    return text if len(text) <= 200 else text[:197] + "..."
