from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convert.cli import main
from convert.contract import prepared
from convert.datasets.faces import LABELS, Faces
from convert.face_recipe import FaceRecipe
from convert.keras_start import start_keras
from convert.run import read_run
from convert.train_face import _mixed, _soft, _targets, _taught, train_face
from edge.errors import ConfigError

_TINY = ("--architecture", "edge-small", "--epochs", "1", "--set", "batch=28", "--set", "size=24")


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory):
    return start_keras(tmp_path_factory.mktemp("log") / "keras.log", tensorflow=True)


pytestmark = pytest.mark.usefixtures("eager")


def _faces(labels: list[int], votes: np.ndarray | None = None) -> Faces:
    count = len(labels)
    known = np.zeros((count, len(LABELS)), np.float32) if votes is None else votes
    return Faces(np.zeros((count, 48, 48), np.uint8), np.array(labels), known)


def _recipe(**values) -> FaceRecipe:
    return replace(FaceRecipe(), **values)


def test_targets_mix_the_label_with_what_teachers_say():
    soft = np.full((2, 7), 1 / 7, np.float32)
    mixed = _targets(_faces([0, 3]), _recipe(hard_share=0.3), soft)
    assert mixed[0, 0] == pytest.approx(0.3 + 0.1)
    assert mixed[1, 0] == pytest.approx(0.1)
    np.testing.assert_allclose(_targets(_faces([3]), _recipe(), None), np.eye(7)[[3]])
    smooth = _targets(_faces([3]), _recipe(label_smoothing=0.14), None)
    np.testing.assert_allclose(smooth.sum(), 1, rtol=1e-6)
    assert smooth[0, 0] == pytest.approx(0.02)


def test_the_votes_are_the_soft_target_of_their_own_majority(tmp_path: Path):
    votes = np.zeros((1, 8), np.float32)
    votes[0, [0, 3, 7]] = 0.5, 0.3, 0.2
    faces, recipe = _faces([0], votes), _recipe(labels="ferplus")
    np.testing.assert_allclose(_soft(faces, recipe, (), tmp_path / "log")[0, [0, 3]], [0.625, 0.375])
    np.testing.assert_allclose(_soft(faces, _recipe(labels="ferplus", classes=8), (), tmp_path / "log"), votes)
    with pytest.raises(ConfigError, match="view_share"):
        _soft(faces, recipe, [tmp_path], tmp_path / "log")


def test_a_teacher_s_answer_to_the_view_replaces_its_share_of_the_labels_and_leaves_the_votes():
    votes = np.zeros((1, 8), np.float32)
    votes[0, 7] = 1
    recipe = _recipe(view_share=0.25, class_balance=0.0)
    wanted = _targets(_faces([0], votes), recipe, None)
    said = np.eye(7, dtype=np.float32)[[3]]
    np.testing.assert_allclose(
        _taught(2 * wanted, said, recipe)[0, :7], 2 * (0.75 * np.eye(7)[0] + 0.25 * np.eye(7)[3])
    )
    np.testing.assert_array_equal(_taught(wanted, said, recipe)[:, 7:], votes)


def test_votes_stand_behind_the_target_where_a_second_head_learns_them():
    votes = np.zeros((2, 8), np.float32)
    votes[0, [0, 7]] = 0.5
    wanted = _targets(_faces([0, 3], votes), _recipe(), None)
    assert wanted.shape == (2, 15)
    np.testing.assert_array_equal(wanted[:, 7:], votes)
    assert _targets(_faces([0, 3], votes), _recipe(votes_head=0.0), None).shape == (2, 7)


def test_class_balance_gives_each_emotion_the_same_weight():
    wanted = _targets(_faces([0] * 9 + [1]), _recipe(class_balance=1.0), None)
    assert wanted[:9].sum() == pytest.approx(wanted[9].sum())
    assert wanted.sum() == pytest.approx(10)


def test_mixup_mixes_pictures_and_targets_by_the_same_share():
    images = np.repeat(np.arange(0, 240, 60, dtype=np.uint8), 4).reshape(4, 2, 2)
    wanted = np.arange(0, 240, 60, dtype=np.float32)[:, np.newaxis]
    mixed, targets = _mixed(images, wanted, 0.4, np.random.default_rng(0))
    np.testing.assert_allclose(mixed[:, 0, 0], targets[:, 0], atol=0.5)
    assert not np.allclose(targets, wanted)
    assert _mixed(images, wanted, 0.0, np.random.default_rng(0))[0] is images


def test_tensors_are_what_the_device_makes_of_a_crop():
    grey = np.arange(48 * 48, dtype=np.uint64).astype(np.uint8).reshape(1, 48, 48)
    (tensor,) = prepared(grey, FaceRecipe().input)
    assert tensor.shape == (48, 48, 1)
    np.testing.assert_allclose(tensor[..., 0], grey[0] / 127.5 - 1, atol=1e-5)


def test_a_run_ships_one_head_and_goes_on_from_another(keras, small_fer: Path, tmp_path: Path):
    first, second = tmp_path / "first", tmp_path / "second"
    command = ["train", "face", "--data", str(small_fer), *_TINY]
    assert main([*command, "--out", str(first)]) == 0
    assert {path.name for path in first.iterdir()} >= {"model.keras", "last.keras", "history.csv", "history.png"}
    kept = keras.models.load_model(first / "model.keras")
    assert kept.output_shape == (None, 7)
    assert keras.models.load_model(first / "last.keras").output_shape == (None, 15)
    assert {type(layer).__module__.split(".")[0] for layer in kept.layers} == {"keras"}
    # Eight labels instead of seven: all but the last layer is taken over. A rate of nothing leaves it as it was.
    options = ["--set", "classes=8", "--set", "learning_rate=1e-8", "--from", str(first), "--teacher", str(first)]
    assert main([*command, "--out", str(second), *options]) == 0
    again = keras.models.load_model(second / "model.keras")
    np.testing.assert_allclose(again.layers[1].get_weights()[0], kept.layers[1].get_weights()[0], atol=1e-4)
    run = read_run(second)
    assert run.labels == LABELS
    # From the last epoch: the head of the votes is taken over too. The teacher answers each view.
    third = tmp_path / "third"
    options = ["--set", "learning_rate=1e-8", "--teacher", str(first), "--set", "view_share=0.5"]
    assert main([*command, "--out", str(third), "--from", str(first / "last.keras"), *options]) == 0
    heads = [
        keras.models.load_model(folder / "last.keras").get_layer("votes").get_weights() for folder in (first, third)
    ]
    np.testing.assert_allclose(heads[1][0], heads[0][0], atol=1e-4)
    assert read_run(third).about["start"] == read_run(first).about
    assert run.about["teachers"] == ["first"]
    assert run.about["start"] == read_run(first).about
    assert str(tmp_path) not in (second / "run.json").read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match="most of its layers have other shapes"):
        train_face(small_fer, tmp_path / "fourth", _recipe(architecture="mobile"), start=str(first))


def test_the_head_of_the_votes_is_a_run_of_its_own_that_becomes_a_package(small_fer: Path, tmp_path: Path):
    run, out = tmp_path / "run", tmp_path / "package"
    assert main(["train", "face", "--data", str(small_fer), *_TINY, "--out", str(run)]) == 0
    assert read_run(run / "votes").labels == LABELS
    options = ["--task", "face", "--calibration", str(small_fer), "--no-float16", "--max-drop", "100"]
    # What a model of one epoch says of pictures that are all angry: the gate takes its labels for wrong, or not.
    main(["quantize", str(run / "votes"), *options, "--max-class-drop", "100", "--out", str(out)])
    report = json.loads((tmp_path / "package-report" / "report.json").read_text())
    assert report["evaluated_on"] == "FER2013 PublicTest, FER+ majority"
    assert report["contract"]["labels"] == list(LABELS)
    assert {item.split()[3] for item in report["calibration"]["items"]} == {"angry"}


def test_pca_keeps_the_share_of_variance_and_its_layers_fixed(keras, small_fer: Path, tmp_path: Path):
    command = ["train", "face", "--data", str(small_fer), *_TINY, "--out", str(tmp_path / "run"), "--set", "pca=0.9"]
    assert main(command) == 0
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    fixed = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense) and not layer.trainable]
    assert len(fixed) == 2
    from convert.datasets.layout import load_faces

    pixels = prepared(load_faces(small_fer, 24).train.images, read_run(tmp_path / "run").input).reshape(-1, 24 * 24)
    again = np.asarray(fixed[1](fixed[0](pixels)))
    kept = 1 - ((pixels - again) ** 2).sum() / ((pixels - pixels.mean(axis=0)) ** 2).sum()
    assert 0.9 <= kept < 0.99


def test_folds_measure_on_faces_that_trained_nothing(small_fer: Path, tmp_path: Path, capsys):
    command = ["train", "face", "--data", str(small_fer), *_TINY, "--folds"]
    assert main([*command, "2", "--out", str(tmp_path / "run")]) == 0
    stored = json.loads((tmp_path / "run" / "folds.json").read_text())
    assert len(stored["accuracy"]) == 2
    assert "mean" in capsys.readouterr().out
    images = [read_run(tmp_path / "run" / f"fold-{number}").about["images"] for number in (1, 2)]
    assert sum(images) == 55
    assert main([*command, "1", "--out", str(tmp_path / "other")]) == 1
    assert main([*command, "30", "--out", str(tmp_path / "other")]) == 1


def test_a_training_by_the_clock_ends_in_time_and_is_finished(small_fer: Path, tmp_path: Path):
    command = ["train", "face", "--data", str(small_fer), *_TINY, "--minutes", "0.02", "--out", str(tmp_path)]
    assert main(command) == 0
    progress = json.loads((tmp_path / "progress.json").read_text())
    assert progress["finished"] is True
    assert progress["seconds"] >= 1.2
    assert main([*command, "--resume"]) == 0
    assert json.loads((tmp_path / "progress.json").read_text()) == progress
