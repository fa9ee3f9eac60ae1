"""A test on what a run was trained on is refused."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from convert.datasets.speech import Clip
from convert.trained_on import check_unheard, write_trained_on
from edge.errors import ConfigError

ONE, OTHER = (Clip(Path(f"{name}.wav"), "ravdess", f"ravdess-0{name}", "sad") for name in (1, 2))


def test_a_speaker_or_a_sound_of_the_training_is_no_test(tmp_path: Path):
    write_trained_on(tmp_path, [(ONE, "a")])
    check_unheard(tmp_path, [(OTHER, "b")])
    with pytest.raises(ConfigError, match=r"1\.wav: leak: speaker ravdess-01"):
        check_unheard(tmp_path, [(ONE, "b")])
    with pytest.raises(ConfigError, match=r"2\.wav: leak: .* identical to 1\.wav"):
        check_unheard(tmp_path, [(OTHER, "a")])


def test_a_run_without_the_list_is_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        check_unheard(tmp_path, [(ONE, "a")])
    assert "no trained_on.csv" in caplog.text


def test_a_damaged_list_is_told(tmp_path: Path):
    (tmp_path / "trained_on.csv").write_text("what\nelse\n")
    with pytest.raises(ConfigError, match=r"trained_on\.csv: expected what 'emotion-convert train speech' writes"):
        check_unheard(tmp_path, [(ONE, "a")])
