from __future__ import annotations

from pathlib import Path

import pytest

from convert.cli import main
from convert.face_recipe import FaceRecipe, read_recipe, recipe_toml
from edge.errors import ConfigError


def test_what_is_printed_can_be_read_again(tmp_path: Path, capsys):
    assert main(["recipe", "--set", "augmentation.blur=0.2", "--architecture", "cnn", "--set", "mixup=1"]) == 0
    (tmp_path / "recipe.toml").write_text(capsys.readouterr().out)
    recipe = read_recipe(tmp_path / "recipe.toml")
    assert (recipe.architecture, recipe.augmentation.blur, recipe.mixup) == ("cnn", 0.2, 1.0)
    assert recipe.augmentation.flip == FaceRecipe().augmentation.flip
    (tmp_path / "default.toml").write_text(recipe_toml(FaceRecipe()))
    assert read_recipe(tmp_path / "default.toml") == FaceRecipe()


def test_all_that_is_wrong_is_named_at_once(tmp_path: Path):
    (tmp_path / "recipe.toml").write_text('epochs = 0\nmixup = "much"\nchannels = 2\n[augmentation]\ntilt = 3\n')
    with pytest.raises(ConfigError) as error:
        read_recipe(tmp_path / "recipe.toml", ["classes=9", "ema=true"])
    message = str(error.value)
    for expected in ("epochs: expected 1", "mixup: expected float", "channels: expected 1 or 3", "classes: expected 7"):
        assert expected in message
    assert "augmentation.tilt: no such setting" in message
    assert "ema: expected float, got True" in message
    (tmp_path / "recipe.toml").write_text("epochs 3")
    with pytest.raises(ConfigError, match="expected a recipe in TOML"):
        read_recipe(tmp_path / "recipe.toml")
