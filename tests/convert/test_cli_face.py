from __future__ import annotations

import sys

import pytest

from convert.cli import main

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def test_a_missing_package_is_named(tmp_path, capsys):
    assert main(["evaluate", "face", "--model", str(tmp_path / "none"), "--data", str(tmp_path)]) == 1
    assert "model.json: cannot be read" in capsys.readouterr().err


def test_one_fold_is_no_cross_validation(tmp_path, capsys):
    assert main(["train", "face", "--data", str(tmp_path), "--out", str(tmp_path / "run"), "--folds", "1"]) == 1
    assert "--folds: expected 2 or more, got 1" in capsys.readouterr().err


def test_a_recipe_is_printed_with_what_the_options_change(capsys):
    assert main(["recipe", "--architecture", "mobile", "--set", "augmentation.blur=0.5", "--minutes", "3"]) == 0
    recipe = tomllib.loads(capsys.readouterr().out)
    assert (recipe["architecture"], recipe["minutes"], recipe["augmentation"]["blur"]) == ("mobile", 3.0, 0.5)


@pytest.mark.parametrize("command", ["compare", "search"])
def test_what_trains_faces_asks_for_data(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--out", "somewhere"])
    assert ended.value.code == 2
    assert "--data" in capsys.readouterr().err
