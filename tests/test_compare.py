"""The table of all networks: it says what was measured, and its tool trains within the budget that it names."""

import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from hpe_lib import data, models, train

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import budget  # noqa: E402
import compare  # noqa: E402


def test_every_network_was_measured_with_three_seeds_in_both_budgets():
    rows = pd.read_csv(compare.TARGET)
    counts = rows.groupby(["network", "budget"])["seed"].nunique()
    assert (
        set(rows["network"]) == set(compare.RECIPES) and (counts == 3).all() and len(counts) == 2 * len(compare.RECIPES)
    )
    same = rows[rows["budget"] == "equal people"]["people"]
    assert same.max() - same.min() <= 32  # whole batches


def test_the_readme_shows_the_table_of_the_file():
    assert compare.as_markdown(compare.table()) in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("limit", [{"samples": 20}, {"seconds": 1e-9}])
def test_a_budget_ends_in_the_batch_that_spends_it(drawn, limit):
    recipe = replace(train.RECIPES["quick"], batch_size=8, warmup_steps=2)
    torch.manual_seed(0)
    model = models.build(*recipe.network[:1], **recipe.network[1])
    crops = budget.kept(data.persons(drawn, "train")[:16], recipe)
    took, seen = budget.learnt(model, crops, recipe, **limit)
    assert seen == (24 if "samples" in limit else 8) and took > 0
