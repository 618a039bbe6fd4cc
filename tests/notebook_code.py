"""What a notebook defines for itself, for tests of what is built on it."""

import ast
from functools import cache
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@cache
def _statements(number):
    (file,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
    cells = [cell for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "code"]
    return [statement for cell in cells for statement in ast.parse(cell.source).body]


def defined_in(number, *names):
    """What a notebook ("04") calls by these names: functions, classes and constants, without running the rest of it."""
    space = {}
    for statement in _statements(number):
        targets = [target.id for target in getattr(statement, "targets", ()) if isinstance(target, ast.Name)]
        own = getattr(statement, "name", None), *targets
        if isinstance(statement, (ast.Import, ast.ImportFrom)) or set(own) & set(names):
            exec(compile(ast.Module([statement], []), f"notebook {number}", "exec"), space)
    return space[names[0]] if len(names) == 1 else [space[name] for name in names]
