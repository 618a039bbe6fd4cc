"""Settings of a recipe as a command line gives them: read by the type of their field, and held to its range."""

import ast
import math
from dataclasses import fields, replace
from typing import get_type_hints

from hpe_lib import models
from hpe_lib.data.augment import MIRROR_ONLY, Augmentation
from hpe_lib.train.losses import LOSSES
from hpe_lib.train.recipes import Recipe

TYPES = get_type_hints(Recipe) | get_type_hints(Augmentation)  # name -> type
RANGES = {  # name -> least, most, both allowed
    "epochs": (1, 10**6),
    "batch_size": (1, 10**6),
    "learning_rate": (1e-12, 1e3),
    "warmup_steps": (0, 10**9),
    "sigma": (0.1, 100.0),  # heatmap cells
    "flip_shift": (0.0, 1.0),  # heatmap cells
    "seed": (0, 2**31 - 1),
    "scale": (0.0, 0.9),
    "rotation": (0.0, 180.0),  # degrees
    "translate": (0.0, 1.0),
    "color": (0.0, 1.0),
}
WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def setting(text):
    """'name=value' -> (name, value), both as written: `changed` knows the types."""
    name, _, value = text.partition("=")
    return name.strip(), value.strip()


def changed(recipe, settings):
    """A recipe with other settings: name -> value, of the recipe or of its augmentation.

    A text is read as the field's type asks. ValueError for an unknown name (it lists all), for another type, and for a
    value out of its range.
    """
    own, theirs = ({field.name for field in fields(kind)} for kind in (Recipe, Augmentation))
    for name, value in settings.items():
        if name not in (own | theirs) - {"augmentation"}:
            known = ", ".join(sorted((own | theirs) - {"augmentation"}))
            raise ValueError(f"a recipe has no setting {name!r}; it has {known}")
        value = _value(name, value)
        if name in own:
            recipe = replace(recipe, **{name: value})
        else:
            augmentation = recipe.augmentation or MIRROR_ONLY
            recipe = replace(recipe, augmentation=replace(augmentation, **{name: value}))
    return recipe


def _value(name, value):
    """A setting's value, of the right type and within its range."""
    if name in READERS:
        return READERS[name](name, value)
    kind = TYPES[name]
    if kind is bool:
        found = value if isinstance(value, bool) else WORDS.get(str(value).lower())
        return _wanted(name, value, found is not None, found, "true or false")
    if kind is str:
        return _wanted(name, value, isinstance(value, str) and value, value, "a word")
    least, most = RANGES.get(name, (0.0, 1.0))  # what has no range of its own is a probability
    try:
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else kind(value)
    except (TypeError, ValueError):
        number = math.nan
    if kind is int and number != number // 1:
        number = math.nan
    sort = "a whole number" if kind is int else "a number"
    return _wanted(
        name, value, least <= number <= most, kind(number) if number == number else 0, _within(sort, least, most)
    )


def _within(sort, least, most):
    return f"{sort} from {least:g} to {most:g}"


def _wanted(name, value, fine, found, what):
    if not fine:
        raise ValueError(f"{name} is {value!r}: it takes {what}")
    return found


def _literal(value):
    """What Python makes of a text, or the text itself."""
    if not isinstance(value, str):
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return value


def _is_none(value):
    return value is None or str(value).lower() == "none"


def _depth(name, value):
    found = models.parse_depth(value) if isinstance(value, str) else value
    found = None if _is_none(value) else found
    known = found is None or found in models.DEPTHS
    return _wanted(name, value, known, found, f"one of {', '.join(map(str, models.DEPTHS))}, or none")


def _options(name, value):
    found = _literal(value)
    fine = isinstance(found, dict) and all(isinstance(key, str) for key in found)
    return _wanted(name, value, fine, found, "what the network is built with, as {'name': value}")


def _rates(name, value):
    found = _literal(value)
    fine = isinstance(found, dict) and all(isinstance(part, str) and part for part in found)
    fine = fine and all(type(share) in (int, float) and 0 <= share <= 1 for share in found.values())
    return _wanted(name, value, fine, found, "parts of the network and their shares, as {'layer1': 0, 'layer3': 0.1}")


def _loss(name, value):
    return _wanted(name, value, value in LOSSES, value, f"one of {', '.join(LOSSES)} (`train.losses.register`)")


def _numbers(name, value):
    """Whole numbers, written 90,120."""
    found = _literal(value)
    found = tuple(found) if isinstance(found, list | tuple) else (found,)
    fine = all(type(number) is int and number >= 0 for number in found) and list(found) == sorted(set(found))
    return _wanted(name, value, fine, found, "whole numbers that rise, such as 90,120")


def _side(name, value):
    found = _literal(value)
    return tuple(found) if isinstance(found, list | tuple) else found  # `Recipe` says what is wrong with it


def _one_of(*words):
    def read(name, value):
        found = None if None in words and _is_none(value) else value
        return _wanted(name, value, found in words, found, f"one of {', '.join(str(word).lower() for word in words)}")

    return read


def _name_or_none(name, value):
    found = None if _is_none(value) else value
    return _wanted(name, value, found is None or (isinstance(found, str) and found), found, "a file, a name, or none")


READERS = {
    "depth": _depth,
    "options": _options,
    "rates": _rates,
    "loss": _loss,
    "milestones": _numbers,
    "input_wh": _side,
    "refine": _one_of("quarter", "dark", None),
    "pretrained": _name_or_none,
}
