"""Settings of a recipe as a command line gives them."""

import ast
from dataclasses import fields, replace

from hpe_lib.data.augment import MIRROR_ONLY, Augmentation
from hpe_lib.train.recipes import Recipe


def changed(recipe, settings):
    """A recipe with other settings: name -> value, of the recipe or of its augmentation. ValueError lists the names."""
    own, theirs = ({field.name for field in fields(kind)} for kind in (Recipe, Augmentation))
    for name, value in settings.items():
        if name in own - {"augmentation"}:
            recipe = replace(recipe, **{name: value})
        elif name in theirs:
            augmentation = recipe.augmentation or MIRROR_ONLY
            recipe = replace(recipe, augmentation=replace(augmentation, **{name: value}))
        else:
            raise ValueError(f"a recipe has no setting {name!r}; it has {', '.join(sorted(own | theirs))}")
    return recipe


def setting(text):
    """'name=value' -> (name, value), the value as Python writes it, or a word."""
    name, _, value = text.partition("=")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, {"true": True, "false": False, "none": None}.get(value.lower(), value)
