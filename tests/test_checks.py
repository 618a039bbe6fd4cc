"""How answers are judged, whatever the exercise; and what all exercises in the notebooks must keep to."""

import ast
import builtins
import copy
import itertools
import re
import sys
from collections import deque

import nbformat
import numpy as np
import pytest
import torch

from hpe_lib.course.verdict import Mistake, Verdict, judge, same
from tests.exercises import NOTEBOOKS, checks_of, exercises

CHAPTERS = sorted(path.stem.split("_")[0] for path in NOTEBOOKS.glob("*.ipynb"))
CHECKS = [
    (chapter, name) for chapter in CHAPTERS for name in vars(checks_of(chapter)) if name.startswith("check_")
]  # of all notebooks


def double(x):
    return 2 * x


NUMBERS = [(3.0,), (-1.5,)]
MISTAKES = [
    Mistake("halved", lambda x: x / 2, "Larger, not smaller."),
    Mistake("squared", lambda x: x * x, "Times 2, not times itself."),
    Mistake("an error of its own", lambda x: [][7], "There is no eighth."),
]


class Unspeakable:
    def __repr__(self):
        raise RuntimeError("no words")


def endless(x):
    while True:
        yield x


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda x: np.zeros((40, 2)), r"shape \(40, 2\), asked for is \(50,\)"),  # as large as what is asked for
        (lambda x: sys.exit("bye"), "ends the program"),
        (endless, "without an end"),
        (lambda x: Unspeakable(), "asked for"),
        (lambda x: [Unspeakable()] * 50, "asked for"),
        (lambda x: print(end=""), "returns nothing: is the `return` missing"),  # lines, and no `return`
        (lambda x: [None if x > 0 else 1, 1], "A number or an array is asked for"),
    ],
)
def test_strange_answers_get_a_sentence(answer, words):
    verdict = judge(answer, lambda x: np.arange(50.0) * x, NUMBERS)
    assert verdict.state == "wrong" and re.search(words, verdict.text), verdict


def test_strange_values_get_a_sentence():
    assert "without an end" in judge(endless(1), [1, 2]).text
    assert "ZeroDivisionError" in judge((1 / 0 for _ in "a"), [1, 2]).text
    assert judge([Unspeakable(), 2], [1, 2]).text == "Result 1: A number or an array is asked for."


def test_the_shape_of_every_result_is_said_first():
    def right(n):
        return np.zeros((17, 3)), np.ones((17, 3))

    assert judge(lambda n: (np.zeros((17, 2)), np.ones((17, 2))), right, [(3,)]).text == (
        "Result 1: The answer has the shape (17, 2), asked for is (17, 3). Input: n = 3"
    )
    assert judge(lambda n: (np.zeros((17, 3)), 1), right, [(3,)]).text.startswith(
        "Result 2: The answer has the shape ()"
    )
    lists = judge(lambda n: [1, 2], lambda n: list(range(n)), [(3,)]).text
    assert lists == "For the input n = 3 it gives [1, 2], and [0, 1, 2] is right."


def test_a_function_with_lines_is_attempted():
    def with_lines(x):
        y = 2 * x  # noqa: F841

    def stub(x):
        """What it should do."""

    assert of_function(with_lines).text == "Your function returns nothing: is the `return` missing?"
    assert of_function(lambda x: [].append(x)).state == "wrong"
    assert of_function(stub).state == "not attempted"


def test_the_case_shown_is_the_first_that_can_be_typed():
    people = [[40, 60, 2] * 17, [0] * 51, [40.5, 60, 1] + [0] * 48]
    cases = [(np.arange(500.0),), *((np.array(person),) for person in people)]
    wrong = judge(lambda keypoints: -1, lambda keypoints: float(keypoints.sum()), cases)
    assert wrong.text == "For the input keypoints = [40, 60, 2] * 17 it gives -1, and 1734 is right."
    some = judge(lambda keypoints: keypoints[0] if any(keypoints) else 0, lambda keypoints: keypoints.sum(), cases)
    assert some.text == "For the input keypoints = [40, 60, 2] * 17 it gives 40, and 1734 is right."
    mixed = judge(lambda n: 0, len, [([7, *[1, 2] * 6, 8, 9],)]).text
    assert mixed == "For the input n = [7] + [1, 2] * 6 + [8, 9] it gives 0, and 15 is right."
    long = judge(lambda n: 0, len, [(list(range(200)),)]).text  # cut between two numbers
    assert re.search(r"\d, \.\.\. it gives 0", long) and len(long) < 300
    assert judge(lambda n: [-0.0, 1], lambda n: [0, 2], [(1,)]).text.endswith("it gives [0, 1], and [0, 2] is right.")


def test_several_causes_are_all_named():
    mistakes = [
        Mistake("one", lambda x: 7, "Not 7."),
        Mistake("two", lambda x: 8, ""),
        Mistake("three", lambda x: 7, "No."),
    ]
    verdict = judge(lambda x: 7, double, NUMBERS, mistakes)
    assert (verdict.misconception, verdict.text) == ("one or three", "Not 7. Or: No.")
    values = [
        Mistake("one", 7, "Not 7."),
        Mistake("test", lambda given: given == 7, "No."),
        Mistake("two", 7.0, "Seven?"),
    ]
    assert judge(7, 6, mistakes=values).misconception == "one or two"
    assert judge(7, 6, mistakes=values[1:]).misconception == "test"  # tests are asked in order, and decide


def of_function(answer, cases=None):
    return judge(answer, double, cases or NUMBERS, MISTAKES, "Well doubled.")


def test_a_verdict_shows_itself():
    assert repr(Verdict("right", "Well done.")) == "✓ Right. Well done."
    assert repr(Verdict("wrong", "A hint.", "a name")) == "✗ Not yet. Looks like: a name. A hint."
    assert repr(Verdict("not attempted")) == "○ Not attempted yet."


@pytest.mark.parametrize(
    "answer",
    [None, ..., lambda x: None, lambda x: ..., lambda x: [..., ...], lambda x: [[None, ...]]],
)
def test_nothing_is_not_attempted(answer):
    assert of_function(answer).state == "not attempted"


def test_not_implemented_is_not_attempted():
    def later(x):
        raise NotImplementedError

    assert of_function(later).state == "not attempted"


def test_values_that_are_missing_are_not_attempted():
    assert judge([None, None], [1, 2]).state == "not attempted"
    some = judge([1, ...], [1, 2])
    assert (some.state, some.text) == ("not attempted", "1 of 2 answers are still missing.")
    assert judge([], [1, 2]).state == judge([[], 1], [1, 2]).state == "wrong"


@pytest.mark.parametrize(
    "answer",
    [
        double,
        lambda x: x + x,
        lambda x: np.float32(2 * x),
        lambda x: np.array(2 * x),
        lambda x: [2 * x],  # a number wrapped once more is still the number
        lambda x: torch.tensor(2 * x),
        lambda x: torch.tensor([2 * x], requires_grad=True, dtype=torch.bfloat16),
        lambda x: f"{2 * x}",
        type("Callable", (), {"__call__": lambda self, x: 2 * x})(),
    ],
)
def test_a_right_function_passes_however_it_is_wrapped(answer):
    verdict = of_function(answer)
    assert (verdict.state, verdict.text, verdict.misconception) == ("right", "Well doubled.", None)


def test_a_known_mistake_is_named_and_an_unknown_one_is_shown_in_numbers():
    verdict = of_function(lambda x: x**2)
    assert (verdict.misconception, verdict.text) == ("squared", "Times 2, not times itself.")
    verdict = of_function(lambda x: 2 * abs(x))
    assert (verdict.state, verdict.misconception) == ("wrong", None)
    assert verdict.text == "For the input x = -1.5 it gives 3, and -3 is right."


def test_a_mistake_must_be_made_in_every_case():
    assert of_function(lambda x: x / 2 if x > 0 else 2 * x).misconception is None


def test_an_exception_becomes_a_clear_line():
    def breaks(x):
        if x < 0:
            raise KeyError("left_wrist")
        return 2 * x

    verdict = of_function(breaks)
    assert verdict.text == "Your function stops with KeyError: 'left_wrist'. Input: x = -1.5"
    too_few = of_function(lambda: 4)
    assert (too_few.state, too_few.misconception) == ("wrong", None) and "TypeError" in too_few.text


def test_a_mistake_may_be_one_that_raises():
    assert of_function(lambda x: [1, 2][5]).misconception == "an error of its own"
    assert of_function(lambda x: {}["a"]).misconception is None  # another error


def test_returning_nothing_sometimes_is_wrong():
    verdict = of_function(lambda x: 2 * x if x > 0 else None)
    assert (verdict.state, verdict.text) == ("wrong", "Your function returns nothing for the input x = -1.5")


def test_the_arguments_are_named_and_values_are_written_as_a_student_would():
    def right(box, points, more):
        return 0

    case = ({"area": 5000.0, "crowd": False}, np.array([[1, 2.5], [3, 4]]), [(1, 2), [torch.tensor(3.00001)]])
    text = "For the input box = {'area': 5000, 'crowd': False}, points = [[1, 2.5], [3, 4]], more = [[1, 2], [3]]"
    assert judge(lambda box, points, more: 7.0, right, [case]).text == f"{text} it gives 7, and 0 is right."
    unnamed = judge(lambda *everything: 7.0, right, [case]).text
    assert unnamed.startswith("For the input {'area': 5000, 'crowd': False}, [[1, 2.5], [3, 4]], [[1, 2], [3]] it")
    large = judge(max, lambda a, b: a - b, [(33999697.0, 1)], tolerance=1e-9).text  # max names no arguments
    assert large == "For the input 33999697, 1 it gives 33999697, and 33999696 is right."
    assert judge(lambda n: n > 0, lambda n: n < 0, [(0.5,)]).text.endswith("it gives True, and False is right.")
    listed = judge(lambda n: np.array([n > 0]), lambda n: np.array([n < 0]), [(1e-5,)]).text
    assert listed == "For the input n = 1e-05 it gives [True], and [False] is right."
    assert judge(lambda n: float("nan"), double, NUMBERS).text.endswith("it gives nan, and 6 is right.")


def test_the_wrong_parts_are_named():
    mistake = Mistake("six", lambda given: 6 in given, "Not 6.")

    def text(*answer):
        return judge(list(answer), [1, 2, 3], mistakes=[mistake], parts=("a)", "b)", "c)")).text

    assert text(1, 5, 3) == "Not right yet: b). Have another look, or open the hint."
    assert text(6, 2, 4) == "Not 6. Not right yet: a) and c)."
    assert text(5, 5, 5).startswith("Not right yet: a), b) and c).")
    assert text(1, 2) == "3 results are asked for, and these are 2."


def test_a_value_in_place_of_a_function():
    assert of_function(6.0).text == "This should be a function, and is a float."


def test_inputs_that_the_answer_changes_harm_nobody():
    case = ([1, 2, 3], np.zeros(2), torch.zeros(2))

    def greedy(numbers, array, tensor):
        array += 1
        tensor.add_(1)
        return sum(numbers.pop() for _ in range(3)) + array.sum() + tensor.sum()

    def right(numbers, array, tensor):
        return sum(numbers) + 4

    ruin = Mistake("none", lambda numbers, array, tensor: numbers.clear(), "")
    verdict = judge(greedy, right, [case, case], [ruin], "Well added.")
    assert verdict.state == "right" and verdict.text.startswith("Well added. One thing besides: ")
    assert "has changed its input `numbers`" in verdict.text
    assert judge(lambda a, b, c: sum(a) + 4, right, [case], praise="Well added.").text == "Well added."
    assert case[0] == [1, 2, 3] and not case[1].any() and not case[2].any()


def test_wrong_shapes_and_kinds_are_said():
    def right(n):
        return np.zeros((n, 2))

    assert (
        judge(lambda n: np.zeros((2, n)), right, [(3,)]).text
        == "The answer has the shape (2, 3), asked for is (3, 2). Input: n = 3"
    )
    assert judge(lambda n: "zero", right, [(3,)]).text == "A number or an array is asked for. Input: n = 3"
    assert judge(lambda n: [[0, 0], [0]], right, [(3,)]).text.startswith("A number or an array is asked for.")  # ragged
    assert judge([1, 2], [1, 2, 3]).text == "3 results are asked for, and these are 2."
    assert judge(5, [1, 2, 3]).text == "3 results are asked for."
    assert judge(5, "M").text == "A word is asked for, between quotation marks."
    assert judge(double, 5).text == "A number or an array is asked for."


@pytest.mark.parametrize(
    "answer",
    [
        [1, 2.5, 3],
        (1, 2.5, 3.0),
        np.array([1, 2.5, 3]),
        torch.tensor([1, 2.5, 3], requires_grad=True),
        [torch.tensor(1.0, requires_grad=True), np.float16(2.5), 3],
        deque([1, 2.5, 3]),
        {"a": 1, "b": 2.5, "c": 3}.values(),
        map(float, ("1", "2.5", "3")),
        (x for x in (1, 2.5, 3)),
    ],
)
def test_lists_in_every_wrapping(answer):
    kept = answer if hasattr(answer, "__len__") else list(answer)
    assert judge(kept, [1, 2.5, 3]).state == "right"
    assert judge(lambda: iter(kept), lambda: (1, 2.5, 3), [()]).state == "right"
    assert judge(lambda: iter(kept), lambda: np.array([1, 2.5, 3]), [()]).state == "right"
    assert judge(kept, [1, 2.5, 3.1]).state == "wrong"


def test_an_answer_that_can_be_read_only_once_meets_every_mistake():
    mistakes = [Mistake("tripled", lambda x: [3 * x], ""), Mistake("halved", lambda x: [x / 2], "")]
    verdict = judge(lambda x: map(abs, (x / 2,)), lambda x: [2 * x], [(3.0,), (5.0,)], mistakes)
    assert verdict.misconception == "halved"
    assert (
        judge(map(abs, (1, 2)), [2, 3], mistakes=[Mistake("a", [5, 5], ""), Mistake("b", [1, 2], "")]).misconception
        == "b"
    )
    assert judge(lambda: (1 / 0 for _ in "a"), lambda: [1], [()]).text.startswith("Your function stops with ZeroDiv")


def test_tuples_of_different_things():
    def right(x):
        return "M", np.full((2, 2), x), (1, x)

    assert judge(lambda x: ["m ", [[x, x], [x, x]], torch.tensor([1.0, x])], right, [(4.0,)]).state == "right"
    assert judge(lambda x: ("L", np.full((2, 2), x), (1, x)), right, [(4.0,)]).state == "wrong"
    assert judge(lambda x: ("M", np.full((2, 2), x)), right, [(4.0,)]).state == "wrong"


def test_words():
    small = Mistake("too small", "S", "Look at the area once more.")
    assert judge(" m", "M", mistakes=[small]).state == "right"
    assert judge("s", "M", mistakes=[small]).misconception == "too small"
    assert judge("X", "M", mistakes=[small]).text == "Have another look, or open the hint."


def test_nan_is_not_a_number_unless_it_is_asked_for():
    assert judge(lambda x: float("nan"), double, NUMBERS).state == "wrong"
    assert judge(lambda x: torch.tensor([x, torch.nan]), lambda x: np.array([x, np.nan]), NUMBERS).state == "right"
    assert judge([1.0, float("nan")], [1.0, 2.0]).state == "wrong"
    assert not same(float("inf"), 1e9) and same(-np.inf, float("-inf"))


def test_tolerance():
    assert same(1.00009, 1.0) and not same(1.0003, 1.0)
    assert not same(13057, 13056, tolerance=1e-9) and same(13056.0, 13056, tolerance=1e-9)
    assert same(True, 1) and same(np.True_, True) and not same(False, True)


def test_things_that_hold_no_numbers_are_wrong_and_never_an_error():
    class Strange:
        def __len__(self):
            raise RuntimeError("no length")

        def __array__(self, *args, **kwargs):
            raise RuntimeError("no array")

    odd = (
        object(),
        Strange(),
        {1, 2},
        {"a": 1},
        double,
        int,
        "",
        b"x",
        2 + 3j,
        torch.empty(2, device="meta"),
        range(0),
    )
    for answer in odd:
        assert judge(answer, [1, 2]).state == "wrong"
        assert judge(answer, 5).state == "wrong"
        assert judge(answer, "M").state == "wrong"
        assert judge(lambda x, answer=answer: answer, double, NUMBERS, MISTAKES).state == "wrong"


def test_a_mistake_of_values_may_be_a_test_of_them():
    first = Mistake("the first", lambda given: given[0] == 7, "Not 7.")
    third = Mistake("the third", lambda given: given[2] == 7, "Not 7 either.")
    for answer in ([7, 2], (7, 2), np.array([7, 2]), torch.tensor([7, 2]), 7 * torch.ones(2, requires_grad=True)):
        assert judge(answer, [1, 2], mistakes=[third, first]).misconception == "the first"  # third: an IndexError
    assert judge([1, 3], [1, 2], mistakes=[first, third]).misconception is None
    assert (
        judge(np.zeros((2, 2)), [1, 2], mistakes=[Mistake("all", lambda given: given == 0, "")]).misconception is None
    )


# What the exercises of all notebooks must keep to


def cells(chapter):
    (file,) = NOTEBOOKS.glob(f"{chapter}_*.ipynb")
    return nbformat.read(file, as_version=4).cells


def part_of(cell):
    match = re.fullmatch(r"exercise-\d+b?-\d+-(\w+)", cell["id"])
    return match and match[1]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_notebook_has_three_exercises_or_more_and_says_how_many(chapter):
    found = list(exercises(chapter))
    assert found == [f"{chapter.lstrip('0') or 0}.{number}" for number in range(1, len(found) + 1)] and len(found) >= 3
    stated = f"**Exercises**: {len(found)}, each with a check, a hint and a solution to unfold; about "
    assert stated in "\n".join(cell.source for cell in cells(chapter)[:3])


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_parts_of_an_exercise_stand_together(chapter):
    ids = [cell["id"] for cell in cells(chapter)]
    sources = {cell["id"]: cell.source for cell in cells(chapter)}
    for number in exercises(chapter):
        start = f"exercise-{number.replace('.', '-')}-"
        place = ids.index(f"{start}task")
        parts = ("task", "stub", "check", "hint", "solution")
        assert ids[place : place + 5] == [start + part for part in parts]
        assert sources[f"{start}task"].startswith(f"### Exercise {number} · ")
        for part in ("hint", "solution"):  # folded, and a blank line on each side so that the inside is read as text
            title = part.capitalize()
            assert sources[start + part].startswith(f"<details><summary>{title}</summary>\n\n")
            assert sources[start + part].endswith("\n\n</details>")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_check_is_one_call_of_an_offered_checker(chapter):
    for number, exercise in exercises(chapter).items():
        (name, answer) = re.fullmatch(r"checks\.(check_\w+)\((\w+)\)", exercise.check).groups()
        assert getattr(checks_of(chapter), name).__doc__, number
        for code in (exercise.stub, exercise.solution):
            assert answer in bound(ast.parse(code)), f"exercise {number} does not define {answer}"


def test_every_checker_belongs_to_one_exercise():
    used = [(chapter, one.check.split("(")[0]) for chapter in CHAPTERS for one in exercises(chapter).values()]
    assert sorted(used) == sorted((chapter, f"checks.{name}") for chapter, name in CHECKS)


@pytest.mark.parametrize("chapter, name", CHECKS)
def test_every_mistake_of_a_checker_can_be_told_from_the_others(chapter, name, monkeypatch):
    """The cases of each checker must be able to say which mistake was made, also where no student's code tries it."""
    asked = {}

    def listen(answer, right, cases=None, mistakes=(), praise="", tolerance=1e-4, parts=()):
        asked.update(right=right, cases=cases, mistakes=mistakes, tolerance=tolerance)
        return judge(answer, right, cases, mistakes, praise, tolerance, parts)

    check = getattr(checks_of(chapter), name)
    monkeypatch.setattr(sys.modules[check.__module__], "judge", listen)
    assert check(None).state == "not attempted"
    assert len({mistake.name for mistake in asked["mistakes"]}) >= 3
    right = asked.pop("right")
    assert judge(right, right, **asked).state == "right"
    for mistake in asked["mistakes"]:
        assert mistake.hint.rstrip(")").endswith((".", "?", "!"))
        if asked["cases"] is not None or not callable(mistake.answer):
            found = judge(mistake.answer, right, **asked).misconception
            assert found == mistake.name if asked["cases"] else mistake.name in found  # values may have several causes


@pytest.mark.parametrize("chapter, name", CHECKS)
def test_answers_of_every_form_get_a_sentence_from_every_check(chapter, name):
    check = getattr(checks_of(chapter), name)
    array = np.arange(24.0).reshape(2, 3, 4)
    for odd in (7.5, array, array[0], array[0, 0], array[None], [], [[1, 2], [3]], "a word", {"a": 1}, Unspeakable()):
        for answer in (odd, lambda *case, odd=odd: odd):
            verdict = check(answer)
            assert verdict.state == "wrong" and 10 < len(verdict.text) < 1000, (odd, verdict)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_solution_leaves_its_input_as_it_was(chapter):
    for exercise in exercises(chapter).values():
        assert "One thing besides" not in exercise.verdict(exercise.solution).text, exercise.number


# Lazy and half-right answers, made from the right one and from the cases: none of them passes


def array_of(value):
    """An answer as one array of numbers; NaN where it has no such form."""
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    try:
        return np.array([array_of(item) for item in value] if isinstance(value, list | tuple) else value, dtype=float)
    except (TypeError, ValueError):
        return np.array(np.nan)


def numbers_in(value):
    """The numbers of an argument, inside of lists and dictionaries too."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [number for item in value for number in numbers_in(item)]
    if isinstance(value, np.ndarray | torch.Tensor):
        return value.flatten().tolist()
    return [value] if isinstance(value, int | float) else []


def of_numbers(change):
    """Change all numbers of an argument."""

    def function(value):
        if isinstance(value, dict):
            return {key: function(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(map(function, value))
        return change(value) if isinstance(value, int | float | np.ndarray | torch.Tensor) else value

    return function


OF_RESULTS = {
    "zeros": np.zeros_like,
    "ones": np.ones_like,
    "minus": np.negative,
    "one more": lambda result: result + 1,
    "one less": lambda result: result - 1,
    "twice": lambda result: 2 * result,
    "half": lambda result: result / 2,
    "a percent more": lambda result: 1.01 * result,
    "without signs": np.abs,
    "squared": np.square,
    "to whole numbers": np.round,
    "percent": lambda result: 100 * result,
    "the opposite": lambda result: 1 - result,
}
OF_ARRAYS = {  # only of results that are more than a single number
    "the mean everywhere": lambda result: np.full_like(result, result.mean()),
    "the first everywhere": lambda result: np.full_like(result, result.flat[0]),
    "without the last": lambda result: result[:-1],
    "without the first": lambda result: result[1:],
    "in order": np.sort,
    "one axis more": lambda result: result[None].repeat(2, axis=0),
    "transposed": lambda result: result.T if result.ndim > 1 else result[::-1],
    **{f"axis {axis} reversed": lambda result, axis=axis: np.flip(result, axis) for axis in range(4)},
    **{f"axis {axis} rolled": lambda result, axis=axis: np.roll(result, 1, axis) for axis in range(4)},
}
OF_ARGUMENTS = {
    "one more": of_numbers(lambda number: number + 1),
    "one less": of_numbers(lambda number: number - 1),
    "minus": of_numbers(lambda number: -number),
    "twice": of_numbers(lambda number: 2 * number),
    "zero": of_numbers(lambda number: 0 * number),
    "without signs": of_numbers(abs),
    "reversed": lambda value: value.flip(0) if isinstance(value, torch.Tensor) else value[::-1],
    "without the last": lambda value: value[:-1],
    "without the first": lambda value: value[1:],
    "the first only": lambda value: value[:1],
    "transposed": lambda value: value.swapaxes(-1, -2),
}
TO_WHOLE = {  # only of arguments that may have parts
    "rounded": of_numbers(lambda number: number.round() if hasattr(number, "round") else float(round(number))),
    "cut": of_numbers(lambda number: number - number % 1 if hasattr(number, "shape") else float(int(number))),
}
ACROSS_BORDERS = {  # only where results are whole numbers: a strict border for a weak one shows
    "a hair more": of_numbers(lambda number: number + 1e-3),
    "a hair less": of_numbers(lambda number: number - 1e-3),
}


def changed_results(result):
    """name -> what is left of a result by an answer that is a step away from the right one."""
    for name, change in (OF_RESULTS | (OF_ARRAYS if result.size > 1 else {})).items():
        try:
            yield name, change(result)
        except ValueError:  # fewer axes than that
            continue


def lazy_functions(right, cases, counts):
    """name -> function: answers that look at too little, or are a step away from the right one."""
    truths, found = [right(*copy.deepcopy(case)) for case in cases], {}
    for name in {name for truth in truths for name, _ in changed_results(array_of(truth))}:
        found[f"result: {name}"] = lambda *case, name=name: dict(changed_results(array_of(right(*case))))[name]
    for number, truth in enumerate(truths):  # the text's example by heart
        found[f"case {number} by heart"] = lambda *case, truth=truth: truth
    places = range(len(cases[0]))
    for place in places:

        def changed(change, place=place):
            return lambda *given: right(*given[:place], change(given[place]), *given[place + 1 :])

        found[f"argument {place} itself"] = lambda *case, place=place: case[place]
        for number, case in enumerate(cases):
            found[f"argument {place} as in case {number}"] = changed(lambda _, known=case[place]: copy.deepcopy(known))
        numbers = [number for case in cases for number in numbers_in(case[place])]
        kinds = OF_ARGUMENTS if numbers else {}
        if any(isinstance(number, float) for number in numbers):
            kinds = kinds | TO_WHOLE | (ACROSS_BORDERS if counts else {})
        if not any(number < 0 for number in numbers):
            kinds = {name: change for name, change in kinds.items() if name != "without signs"}
        found |= {f"argument {place}: {name}": changed(change) for name, change in kinds.items()}
    for one, other in itertools.combinations(places, 2):
        order = {one: other, other: one}
        swapped = lambda *case, order=order: right(*(case[order.get(place, place)] for place in places))  # noqa: E731
        found[f"arguments {one} and {other} swapped"] = swapped
    return found


def lazy_values(right):
    """name -> values that are a step away from the right ones."""
    found = {f"result: {name}": value for name, value in changed_results(array_of(right))}
    for place in range(array_of(right).size):
        for step in (1, -1):
            value = array_of(right).ravel()
            value[place] += step
            found[f"number {place}: {step} more"] = value.reshape(array_of(right).shape)
    return found


FAMILY = CHAPTERS
REALLY_RIGHT = {  # check -> reason -> answers that the exercise asks for in other words
    "box_of_pose": {"joints have no order here": ["argument 0: reversed"]},
    "film_score": {
        "what an identity is called does not matter": ["argument 0: minus", "argument 0: twice"],
        "a film that runs backwards has as many changes": ["argument 0: reversed"],
    },
    "peaks": {"0 and 1 are their own squares": ["result: squared"]},
    "greedy": {"of the scores only order and sign matter": ["argument 0: twice"]},
    "pull_push": {
        "only differences count": ["argument 0: minus", "argument 0: one more", "argument 0: one less"],
        "people have no order": ["argument 0: reversed"],
    },
    **{
        f"{step}_test": {"True and False are their own squares": ["result: squared"]}
        for step in ("crop", "mirror", "encode", "loss", "decode", "to_image")
    },
    "normalised": {
        "neither place nor size changes it": ["argument 0: one more", "argument 0: one less", "argument 0: twice"],
    },
    "two_depths": {
        "the length is squared": ["argument 2: minus"],
        "the nearer one comes first": ["result: in order"],
    },
    "mpjpe": {
        "where somebody stands does not count": [
            *("argument 0: one more", "argument 0: one less", "argument 1: one more", "argument 1: one less"),
        ],
        "a distance has no direction": ["arguments 0 and 1 swapped"],
    },
    "triangulate": {"a camera's matrix has no scale": ["argument 0: minus", "argument 0: twice"]},
    "patch_numbers": {
        "rows times columns, in either order": ["arguments 0 and 1 swapped"],
        "what is left over makes no patch": ["argument 0: one more", "argument 1: one more"],
        "a side is squared, or divides both sides": ["argument 2: minus"],
    },
    **{
        name: {"what is added to all keys changes no weight": ["argument 1: one more", "argument 1: one less"]}
        for name in ("attention", "multi_head")
    },
    "units": {"the whole has more than a part": ["result: in order"]},
    "stacked_loss": {"a weight is squared": ["argument 2: minus"]},
    "numbers_of_a_pose": {"they grow from a) to c)": ["result: in order"]},
    "joint_angle": {"an angle has no direction": ["arguments 0 and 2 swapped"]},
    "runs_of": {"every number but 0 stands for a one": ["argument 0: minus", "argument 0: twice"]},
    "people_that_count": {
        "neither the order nor the places matter": ["argument 0: reversed", "argument 0: rounded", "argument 0: cut"],
        "twice of something is something": ["argument 0: twice"],
    },
    "is_medium": {"0 and 1 are their own squares": ["result: squared"]},
    "crop_scale_matrix": {"the scale is the widths'": ["argument 1: the first only", "argument 1: without the last"]},
    "nearest_cell": {"a half goes up, and so does what is more": ["argument 0: a hair more"]},
    "target_weight": {
        "0 and 1 are their own squares": ["result: squared"],
        "every v but 0 is a label": ["argument 1: twice"],
        "the borders themselves are outside, and at whole px": ["argument 0: a hair more", "argument 0: cut"],
    },
    "as_input": {"the batch has one member": ["result: axis 0 reversed", "result: axis 0 rolled"]},
    "batch_norm": {
        "what all share goes": ["argument 0: one more", "argument 0: one less", "argument 0: twice"],
    },
    "cross_entropy_loss": {
        "what all logits share does not matter": ["argument 0: one more", "argument 0: one less"],
    },
    "multiply_adds": {"the first is the smaller": ["result: in order"]},
    "weighted_loss": {
        "a square has no sign": ["arguments 0 and 1 swapped", "argument 2: minus"],
        "the weights are 0 and 1": ["argument 2: rounded", "argument 2: cut"],
    },
    "adam": {"Adam's steps do not depend on the gradients' scale": ["argument 1: twice"]},
    "training_time": {"asked for to 1 %": ["result: a percent more", "result: to whole numbers"]},
    "quarter_pixel": {
        "of a map only the order matters": ["argument 0: one more", "argument 0: one less", "argument 0: twice"],
    },
    "cell_to_image": {"a product has no order": ["arguments 0 and 2 swapped"]},
    "threshold": {"every right joint is labelled: the labels are only counted": ["argument 1: reversed"]},
    "average_precision": {
        "of the scores only the order matters": ["argument 0: one more", "argument 0: one less", "argument 0: twice"],
    },
    "rescoring": {"a mean has no order": ["argument 1: reversed"]},
    "suppression": {
        "of the scores only the order matters": [
            *("argument 1: one more", "argument 1: one less", "argument 1: twice"),
            *("argument 1: a hair more", "argument 1: a hair less"),
        ],
        "overlaps are mutual": ["argument 0: transposed"],
    },
}
COUNTS = {  # checks whose results are whole numbers by nature
    *("crossing", "peaks", "greedy"),
    *("patch_numbers", "block_work"),
    *("upright_point", "greedy_link"),
    "weights_of",
    *("count_repetitions", "alarm"),
    *("multiple", "units"),
    *("cell_to_crop", "numbers_of_a_pose", "candidate_links"),
    *("visibility_counts", "runs_of", "people_that_count", "is_medium"),
    *("nearest_cell", "target_weight", "size_after", "bottleneck_weights"),
    *("output_size", "overlaps", "block_parameters", "multiply_adds", "flat_index"),
    *("lost_joints", "matching", "suppression", "diagnosis"),
    *("crop_test", "mirror_test", "encode_test", "loss_test", "decode_test", "to_image_test"),
}


@pytest.mark.filterwarnings("ignore")  # divisions by zero of wrong answers
@pytest.mark.parametrize("chapter, name", [one for one in CHECKS if one[0] in FAMILY])
def test_no_lazy_or_half_right_answer_passes(chapter, name, monkeypatch):
    asked = {}

    def listen(answer, right, cases=None, mistakes=(), praise="", tolerance=1e-4, parts=()):
        asked.update(right=right, cases=cases, tolerance=tolerance)
        return Verdict("right")

    check = getattr(checks_of(chapter), name)
    monkeypatch.setattr(sys.modules[check.__module__], "judge", listen)
    check(None)
    name = name.removeprefix("check_")
    right, cases = asked["right"], asked["cases"]
    family = lazy_values(right) if cases is None else lazy_functions(right, cases, name in COUNTS)
    passed = {kind for kind, answer in family.items() if judge(answer, **asked).state == "right"}
    truths = [right] if cases is None else [right(*copy.deepcopy(case)) for case in cases]
    passed -= {"result: to whole numbers"} if name in COUNTS else set()
    passed -= {"result: without signs"} if all((array_of(truth) >= 0).all() for truth in truths) else set()
    assert passed == {kind for kinds in REALLY_RIGHT.get(name, {}).values() for kind in kinds}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_nothing_else_needs_an_exercise_and_a_solution_needs_nothing_else(chapter):
    """A stub may stay untouched, and a solution copied into a fresh kernel runs after the imports."""
    code = [cell for cell in cells(chapter) if cell.cell_type == "code"]
    rest = [ast.parse(re.sub(r"^[%!].*", "", cell.source, flags=re.M)) for cell in code if not part_of(cell)]
    imported = {
        (name.asname or name.name).split(".")[0]
        for tree in rest
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    elsewhere = {node.id for tree in rest for node in ast.walk(tree) if isinstance(node, ast.Name)}
    elsewhere |= {name for tree in rest for name in bound(tree)}
    for number, exercise in exercises(chapter).items():
        names = bound(ast.parse(exercise.stub))
        assert not names & elsewhere, f"exercise {number}: {names & elsewhere} have another meaning in the notebook"
        tree = ast.parse(exercise.solution)
        own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
        own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} | bound(tree)
        loaded = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        missing = loaded - own - imported - set(dir(builtins))
        assert not missing, f"exercise {number}: the solution needs {missing}, which the notebook does not import"


def bound(tree):
    """Names that code defines at its top level."""
    names = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {part.id for target in node.targets for part in ast.walk(target) if isinstance(part, ast.Name)}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(name.asname or name.name).split(".")[0] for name in node.names}
    return names
