"""How an answer is judged: right, not attempted yet, or wrong with the reason, where it is one that we know."""

import copy
import dis
import inspect
from collections.abc import Iterator, KeysView, ValuesView
from dataclasses import dataclass
from itertools import islice

import numpy as np

MARKS = {"right": "✓ Right.", "wrong": "✗ Not yet.", "not attempted": "○ Not attempted yet."}
LARGE = 30  # numbers: arrays with more of them are not written out
REPEATED = 5  # times: a list that holds the same so often in a row is written shorter
CUT = ", ..."
ENDLESS = 100_000  # values: more are not read from something that can be read once, such as a generator
NO_STEPS = {"RESUME", "NOP", "POP_TOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE", "COPY_FREE_VARS"}  # `pass`, `...`
FILL_IN = "Fill in the cell above, run it, then run this one again."


@dataclass(frozen=True)
class Verdict:
    """What a check answers; as the last line of a cell it shows itself."""

    state: str  # "right", "wrong" or "not attempted"
    text: str = ""
    misconception: str | None = None  # the name of the mistake, where we know it

    def __repr__(self):
        name = f" Looks like: {self.misconception}." if self.misconception else ""
        return f"{MARKS[self.state]}{name} {self.text}".strip()


@dataclass(frozen=True)
class Mistake:
    """A classic misconception: its name, what it answers, and a hint.

    answer: where a function is asked for, one that makes the mistake (it may raise what the mistake raises); where
    values are asked for, the wrong values, or a test of the student's answer that says whether it is this mistake.
    """

    name: str
    answer: object
    hint: str


def judge(answer, right, cases=None, mistakes=(), praise="", tolerance=1e-4, parts=()):
    """Judge an answer by what it gives, never by how it is written.

    answer, right: two functions and `cases`, a list of argument tuples to call them with; or, without cases, two
    values. A value may be a number, a string, an array, a tensor, or a list or tuple of these. mistakes: `Mistake`s:
    all that answer alike are named; of those that are tests the first one. tolerance: absolute and relative, on
    numbers. parts: what the task calls the values of a list, such as "a)"; the verdict says which of them are wrong.
    """
    if _empty(answer):
        return Verdict("not attempted", FILL_IN)
    if cases is None:
        return _judge_values(_call(lambda: answer, ()), right, mistakes, praise, tolerance, parts)
    if not callable(answer):
        return Verdict("wrong", f"This should be a function, and is a {type(answer).__name__}.")
    expected = [right(*copy.deepcopy(case)) for case in cases]
    used = [copy.deepcopy(case) for case in cases]  # an answer may change what it is given
    given = [_call(answer, case) for case in used]
    nothing = all(_empty(result) or isinstance(result, NotImplementedError) for result in given)
    if nothing and not (all(result is None for result in given) and _filled(answer)):
        return Verdict("not attempted", FILL_IN)
    if same(given, expected, tolerance):
        return Verdict("right", f"{praise}{_changed(answer, cases, used)}")
    made = [
        mistake
        for mistake in mistakes
        if same(given, [_call(mistake.answer, copy.deepcopy(case)) for case in cases], tolerance)
    ]
    return _named_mistakes(made) if made else _first_difference(answer, cases, given, expected, tolerance)


def _filled(function):
    """Whether somebody has written lines into a function: its body is more than `pass`, `...` or `return None`."""
    function = inspect.unwrap(function)
    if str(getattr(function, "__module__", "")).startswith(f"{__package__}.checks."):  # a check's own wrapper
        return False
    code = getattr(function, "__code__", None)
    return code is None or any(step.opname not in NO_STEPS for step in dis.get_instructions(code))


def _named_mistakes(made, more=""):
    """The verdict on an answer that these mistakes give alike: one is known as the cause, of several each may be."""
    names, hints = dict.fromkeys(mistake.name for mistake in made), dict.fromkeys(mistake.hint for mistake in made)
    return Verdict("wrong", f"{' Or: '.join(hints)} {more}".strip(), " or ".join(names))


def _judge_values(answer, right, mistakes, praise, tolerance, parts):
    if isinstance(answer, Exception):
        return Verdict("wrong", f"Your answer stops with {type(answer).__name__}: {answer}.")
    if isinstance(answer, list | tuple) and any(map(_empty, answer)):
        missing = sum(map(_empty, answer))
        return Verdict("not attempted", f"{missing} of {len(answer)} answers are still missing.")
    if same(answer, right, tolerance):
        return Verdict("right", praise)
    wrong = _wrong_parts(answer, right, tolerance, parts)
    made = [mistake for mistake in mistakes if _makes(answer, mistake, tolerance)]
    if made:
        alone = callable(made[0].answer)  # tests are asked in order, the first one that says yes decides
        return _named_mistakes(made[:1] if alone else [one for one in made if not callable(one.answer)], wrong)
    return Verdict("wrong", _form(answer, right) or f"{wrong} Have another look, or open the hint.".strip())


def _wrong_parts(answer, right, tolerance, parts):
    """Which values of a list are wrong, in the words of the task, or nothing."""
    given = _items(answer)
    if not parts or given is None or len(given) != len(right):
        return ""
    names = [name for name, mine, truth in zip(parts, given, right) if not same(mine, truth, tolerance)]
    return f"Not right yet: {', '.join(names[:-1])}{' and ' if names[1:] else ''}{names[-1]}."


def _makes(answer, mistake, tolerance):
    """Whether values are those of a mistake; a test that stops with an error says no."""
    if not callable(mistake.answer):
        return same(answer, mistake.answer, tolerance)
    try:
        return bool(mistake.answer(answer))
    except Exception:  # the answer has another form than the test expects
        return False


def same(one, other, tolerance=1e-4):
    """Whether two answers agree: numbers within the tolerance (absolute and relative), texts but for capitals."""
    if isinstance(other, Exception):
        return type(one) is type(other)
    if isinstance(other, list | tuple):
        one = _items(one)
        return one is not None and len(one) == len(other) and all(same(a, b, tolerance) for a, b in zip(one, other))
    if isinstance(other, str):
        return isinstance(one, str) and one.strip().lower() == other.strip().lower()
    one, other = _array(one), _array(other)
    if one is None or other is None:
        return False
    if other.size == one.size == 1:  # a number may come as an array of one number
        one, other = one.ravel(), other.ravel()
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True))


def _call(function, case):
    """What a function returns for these arguments, or the error that it stops with."""
    try:
        return _settled(function(*case))
    except Exception as error:  # whatever a student's function may raise
        return error
    except SystemExit:
        return RuntimeError("it ends the program (exit): return a value instead")


def _settled(value):
    """What can be read only once, such as map(...), becomes a list; ValueError where it does not end."""
    if not isinstance(value, Iterator):
        return value
    values = list(islice(value, ENDLESS + 1))
    if len(values) > ENDLESS:
        raise ValueError("it yields values without an end")
    return values


def _empty(value):
    several = isinstance(value, list | tuple) and len(value) > 0
    return value is None or value is ... or (several and all(map(_empty, value)))


def _items(value):
    """The members of an answer that should hold several, or None."""
    if isinstance(value, str | dict | set) or not hasattr(value, "__iter__"):
        return None
    try:
        return list(islice(value, ENDLESS))
    except Exception:  # an array or tensor without dimensions, an object of the student's own
        return None


def _array(value):
    """Numbers in any wrapping -> float64 array; None where it holds no numbers."""
    try:
        array = np.asarray(_plain(value))
        if np.iscomplexobj(array) or (array.dtype == object and any(item is None for item in array.flat)):
            return None
        return array.astype(np.float64)
    except Exception:  # whatever an object of the student's own may raise
        return None


def _plain(value):
    """Tensors, also inside of lists, become arrays; views of a dictionary become lists."""
    if hasattr(value, "detach"):
        return value.detach().cpu().double().numpy()
    if isinstance(value, list | tuple | KeysView | ValuesView):
        return [_plain(item) for item in value]
    return value


def _form(given, expected):
    """What is wrong with the form of an answer, or nothing."""
    if isinstance(expected, str):
        return "" if isinstance(given, str) else "A word is asked for, between quotation marks."
    if isinstance(expected, list | tuple):
        given = _items(given)
        if given is None or len(given) != len(expected):
            return f"{len(expected)} results are asked for" + (f", and these are {len(given)}." if given else ".")
        forms = enumerate(map(_form, given, expected), 1)
        return next((f"Result {number}: {form}" for number, form in forms if form), "")
    given, expected = _array(given), _array(expected)
    if given is None and expected is not None:
        return "A number or an array is asked for."
    if expected is not None and given.shape != expected.shape:
        return f"The answer has the shape {given.shape}, asked for is {expected.shape}."
    return ""


def _first_difference(answer, cases, given, expected, tolerance):
    """The first case that differs and can be typed, with numbers that a student can compute again by hand."""
    if all(result is None for result in given):
        return Verdict("wrong", "Your function returns nothing: is the `return` missing?")
    differ = [
        (_named(answer, case), mine, right)
        for case, mine, right in zip(cases, given, expected)
        if not same(mine, right, tolerance)
    ]
    named, mine, right = min(differ, key=lambda one: CUT in one[0] or "(an array" in one[0])  # the first of those
    if isinstance(mine, Exception):
        return Verdict("wrong", f"Your function stops with {type(mine).__name__}: {mine}. Input: {named}")
    if _empty(mine):
        return Verdict("wrong", f"Your function returns nothing for the input {named}")
    form = _form(mine, right)
    listed = isinstance(right, list | tuple) and np.ndim(_array(right)) == 1 and _items(mine) is not None
    if form and not listed:  # two lists of numbers say more than their lengths do
        return Verdict("wrong", f"{form} Input: {named}")
    return Verdict("wrong", f"For the input {named} {_numbers(mine, right, tolerance)} is right.")


def _changed(answer, cases, used):
    """A remark on arguments that a function has changed, or nothing."""
    for case, after in zip(cases, used):
        for name, value, mine in zip(_arguments(answer, case) or [""] * len(case), case, after):
            if not _alike(value, mine):
                what = f"your function has changed its input{f' `{name}`' if name else ''}"
                return f" One thing besides: {what}. Whoever calls it may still need that: start with a copy."
    return ""


def _alike(one, other):
    """Whether an argument is what it was; of objects that are neither numbers nor collections nothing is known."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    return _array(one) is None or same(other, one, 0)


def _arguments(function, case):
    """The names of a function's arguments; none where they do not fit the case."""
    try:
        arguments = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some built-in functions keep their arguments to themselves
        return []
    plain = all(one.kind in (one.POSITIONAL_OR_KEYWORD, one.POSITIONAL_ONLY) for one in arguments)
    return [one.name for one in arguments] if plain and len(arguments) == len(case) else []


def _named(function, case):
    """A case as the arguments of a student's function, `x = 3, y = 4`; without names where they do not fit."""
    names = _arguments(function, case)
    return ", ".join(f"{name} = {_short(value)}" for name, value in zip(names, case)) or ", ".join(map(_short, case))


def _numbers(mine, right, tolerance):
    """What was given and, after "and", what it should be; of large arrays the first element that differs."""
    mine_array, right_array = _array(mine), _array(right)
    if mine_array is None or right_array is None or right_array.size <= LARGE or mine_array.shape != right_array.shape:
        return f"it gives {_short(mine)}, and {_short(right)}"
    place = tuple(np.argwhere(~np.isclose(mine_array, right_array, tolerance, tolerance, equal_nan=True))[0].tolist())
    return f"the element {list(place)} of the result is {_short(mine_array[place])}, and {_short(right_array[place])}"


def _short(value):
    """A value on one line, as a student would write it down, cut behind a comma where it is long."""
    text = " ".join(_written(value).split())
    return text if len(text) <= 240 else text[: text.rfind(",", 100, 240)] + CUT


def _listed(values):
    """A list, with what comes again and again written as `[0] * 45`, or `[40, 60, 1] * 5`."""
    texts, parts, plain, at = [_written(value) for value in values], [], [], 0
    while at < len(texts):
        for period in (1, 2, 3):
            piece, times = texts[at : at + period], 1
            while texts[at + times * period : at + (times + 1) * period] == piece:
                times += 1
            if times >= REPEATED:
                parts += [f"[{', '.join(plain)}]"] * bool(plain) + [f"[{', '.join(piece)}] * {times}"]
                plain, at = [], at + times * period
                break
        else:
            plain.append(texts[at])
            at += 1
    return " + ".join(parts + [f"[{', '.join(plain)}]"] * (bool(plain) or not parts))


def _written(value):
    """A value in square brackets whatever held it, whole numbers without a point, at most four decimals."""
    if isinstance(value, list | tuple | KeysView | ValuesView):
        return _listed(value)
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {_written(item)}' for key, item in value.items())}}}"
    array = None if isinstance(value, str | bool | int) else _array(value)
    if array is None:
        try:
            return repr(value)
        except Exception:  # an object of the student's own
            return f"(something of type {type(value).__name__})"
    if array.size > LARGE:
        text = _listed(array.tolist()) if array.size < 1000 else ""
        return text if 0 < len(text) <= 120 else f"(an array of shape {array.shape})"
    if array.ndim or hasattr(value, "tolist"):
        return _written(value.tolist() if hasattr(value, "tolist") else array.tolist())
    number = float(array) + 0.0  # never "-0"
    if not 0.01 <= abs(number) < np.inf:
        return f"{number:.4g}"
    return f"{number:.4f}".rstrip("0").rstrip(".")
