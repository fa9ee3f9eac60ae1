"""What senses said is kept and read again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert.senses import Senses, joined, read_senses, write_senses
from edge.errors import ConfigError
from tests.convert.made_up_senses import noise, sense


def test_what_is_kept_is_read_again_whole(tmp_path: Path):
    voices = [sense(3, (0, 1), 28 + 7 * fold) for fold in range(3)]
    write_senses(Senses(sense(1, (4, 5)), sense(2, (4, 5)), voices, [noise(4)]), tmp_path)
    again = read_senses(tmp_path)
    assert [len(said.labels) for said in again.voices] == [28, 35, 42]
    np.testing.assert_array_equal(joined(again.voices).probabilities, joined(voices).probabilities)
    assert again.noises[0].quality[0] == np.float32(0.2)


def test_a_folder_that_no_fusion_was_trained_in_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"senses\.npz: expected what 'emotion-convert train fusion' writes"):
        read_senses(tmp_path)
    (tmp_path / "senses.npz").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="is the folder of such a run"):
        read_senses(tmp_path)
