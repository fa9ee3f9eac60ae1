"""A model on the corpus that it has never met, on the emotions that both know."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from convert.datasets.speech import load_corpora
from convert.left_out import corpus_folders, left_out_figures
from convert.train_speech import RECIPE, train_speech
from edge.errors import ConfigError


@pytest.fixture(scope="module")
def data(small_corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TESS and EMO-DB alone: quick to train on."""
    folder = tmp_path_factory.mktemp("two")
    for corpus in ("tess", "emodb"):
        shutil.copytree(small_corpora / corpus, folder / corpus)
    return folder


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "speech"
    train_speech(data, folder, replace(RECIPE, batch=8), architecture="svm", corpora=True, whole=False)
    return folder


def test_only_what_both_know_is_asked_and_counted(run: Path, data: Path):
    clips = load_corpora(data)
    known = {corpus: {clip.emotion for clip in clips if clip.corpus == corpus} for corpus in ("tess", "emodb")}
    shared = known["tess"] & known["emodb"]
    assert shared != known["tess"], "a corpus with an emotion of its own is needed here"
    assert [folder.name for folder in corpus_folders(run)] == ["without-emodb", "without-tess"]
    for kind, found in left_out_figures(run / "without-tess", data).items():
        assert kind in ("float", "int8")
        assert set(found["emotions"]) == shared
        assert found["count"] == sum(clip.corpus == "tess" and clip.emotion in shared for clip in clips)
        rows = found["confusion"]
        uar = sum(row[index] / sum(row) for index, row in enumerate(rows)) / len(rows)
        assert found["uar"] == pytest.approx(uar, abs=1e-3)
        assert found["chance"] == pytest.approx(1 / len(shared), abs=1e-4)
        assert found["above_chance"] == pytest.approx(uar - 1 / len(shared), abs=1e-3)


def test_the_left_out_corpus_has_to_be_there(run: Path, data: Path, tmp_path: Path):
    shutil.copytree(data / "emodb", tmp_path / "emodb")
    with pytest.raises(ConfigError, match="found none"):
        left_out_figures(run / "without-tess", tmp_path)


def test_a_run_without_such_models_has_no_folders(tmp_path: Path):
    assert corpus_folders(tmp_path) == []
