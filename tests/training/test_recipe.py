from __future__ import annotations

from llp.schedules.fixed import FIXED_SCHEDULES
from llp.training.recipe import CHOICES, Recipe


def test_a_recipe_is_the_training_part_of_a_configuration():
    recipe = Recipe.of({"optimizer": "adam", "learning_rate": 0.01, "channels": 32, "dropout": 0.5})
    assert recipe == Recipe(optimizer="adam", learning_rate=0.01)


def test_defaults_are_allowed_values():
    for name, values in CHOICES.items():
        assert getattr(Recipe(), name) in values
    assert Recipe().schedule in FIXED_SCHEDULES
