"""The exercises as they stand in the notebooks: tests take stubs, checks and solutions from there."""

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
PRELUDE = """
import math
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import nn
from hpe_lib import data, geometry, heatmaps, metrics, models, skeleton
from hpe_lib.skeleton import FLIP_ORDER, FLIP_PAIRS, KEYPOINTS, LIMBS, OKS_SIGMAS
"""


@dataclass(frozen=True)
class Exercise:
    """One exercise: the code of its stub, of its check, and of the solution in its folded text."""

    number: str  # "2.1"
    stub: str
    check: str
    solution: str
    hint: str

    def verdict(self, code):
        """Run somebody's answer and the notebook's own check of it."""
        space = {"checks": checks_of(f"{self.number.split('.')[0]:0>{3 if 'b' in self.number else 2}}")}
        exec(PRELUDE, space)
        exec(code, space)
        return eval(self.check, space)


def checks_of(notebook):
    """The checks of the notebook whose name begins with `notebook` ("02"): the module that is named as it is."""
    (file,) = NOTEBOOKS.glob(f"{notebook}_*.ipynb")
    return import_module(f"hpe_lib.course.checks.{file.stem.partition('_')[2]}")


@cache
def exercises(notebook):
    """number -> Exercise, of the notebook whose name begins with `notebook` ("02"). Parts are found by cell id."""
    (file,) = NOTEBOOKS.glob(f"{notebook}_*.ipynb")
    parts = {}
    for cell in nbformat.read(file, as_version=4).cells:
        if match := re.fullmatch(r"exercise-(\d+b?)-(\d+)-(task|stub|check|hint|solution)", cell["id"]):
            chapter, number, part = match.groups()
            assert part in cell.metadata.get("tags", []), f"cell {cell['id']} lacks the tag {part!r}"
            parts.setdefault(f"{chapter}.{number}", {})[part] = cell.source
    found = {}
    for number, part in parts.items():
        assert set(part) == {"task", "stub", "check", "hint", "solution"}, f"exercise {number} has only {set(part)}"
        (code,) = re.findall(r"```python\n(.*?)```", part["solution"], re.DOTALL)
        for folded in ("hint", "solution"):
            assert part[folded].startswith("<details>") and part[folded].endswith("</details>"), (number, folded)
        found[number] = Exercise(number, part["stub"], part["check"], code, part["hint"])
    return found


def prove(exercise, others, wrong):
    """Assert that a check passes what is right, and names what is wrong.

    others: codes of correct answers written in other ways (at least one). wrong: name of the mistake -> code (at least
    three), each of which must be met by its own name and hint.
    """
    assert exercise.verdict(exercise.stub).state == "not attempted"
    assert len(others) >= 1 and len(wrong) >= 3
    for code in (exercise.solution, *others):
        verdict = exercise.verdict(code)
        assert verdict.state == "right", (exercise.number, code, verdict)
    hints = {}
    for name, code in wrong.items():
        verdict = exercise.verdict(code)
        assert (verdict.state, verdict.misconception) == ("wrong", name), (exercise.number, name, verdict)
        hints[verdict.text] = name
    assert len(hints) == len(wrong), f"exercise {exercise.number}: two mistakes get the same hint"
