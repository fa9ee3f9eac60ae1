from __future__ import annotations

import numpy as np
import pytest

from convert.pairs import Said, as_tensors, fresh_pairs, training_pairs, with_speech
from convert.train_fusion import FUSION_INPUT
from edge.records import EMOTIONS


def said(count: int, seed: int) -> Said:
    """Examples that are right with 0.9, each emotion as often; the example's number is in its quality."""
    labels = np.arange(count) % 7
    probabilities = np.full((count, 7), 0.1 / 6, np.float32)
    probabilities[np.arange(count), labels] = 0.9
    return Said(probabilities, labels, np.linspace(0.5, 1, count, dtype=np.float32) + seed)


NOISES = Said(np.full((5, 7), 1 / 7, np.float32), np.zeros(5, np.int64), np.full(5, 0.01, np.float32))


def test_both_senses_of_a_test_pair_show_its_emotion():
    pairs = fresh_pairs(said(70, 0), said(35, 0), 50, 1)
    assert [pair.label for pair in pairs[:8]] == [0, 1, 2, 3, 4, 5, 6, 0]
    for pair in pairs:
        assert pair.face.probabilities.argmax() == pair.speech.probabilities.argmax() == pair.label
    tensors, labels = as_tensors(pairs, FUSION_INPUT)
    assert tensors.shape == (50, 20)
    assert labels.tolist() == [pair.label for pair in pairs]


def test_the_voice_can_be_replaced():
    pairs = fresh_pairs(said(70, 0), said(35, 0), 7, 1)
    deaf = with_speech(pairs, lambda _: None)
    assert [pair.face for pair in deaf] == [pair.face for pair in pairs]
    assert {pair.speech for pair in deaf} == {None}


def test_training_pairs_know_missing_noisy_old_and_poor_senses():
    pairs = training_pairs(said(70, 0), said(70, 0), NOISES, 3500, 2)
    assert np.bincount([pair.label for pair in pairs]).tolist() == [500] * len(EMOTIONS)
    assert sum(pair.face is None for pair in pairs) == pytest.approx(350 * 0.85, abs=60)
    assert sum(pair.speech is None for pair in pairs) == pytest.approx(350, abs=60)
    assert not any(pair.face is None and pair.speech is None for pair in pairs)
    voices = [pair.speech for pair in pairs if pair.speech is not None]
    assert sum(voice.quality < 0.02 for voice in voices) > 300
    old = [pair for pair in pairs if pair.face is not None and pair.face.age_ms > 500]
    wrong = np.mean([pair.face.probabilities.argmax() != pair.label for pair in old])
    fresh = [pair for pair in pairs if pair.face is not None and pair.face.age_ms <= 300 and pair.face.quality > 0.5]
    assert wrong > 0.3 > np.mean([pair.face.probabilities.argmax() != pair.label for pair in fresh]) + 0.2
    again = training_pairs(said(70, 0), said(70, 0), NOISES, 3500, 2)
    np.testing.assert_array_equal(as_tensors(pairs, FUSION_INPUT)[0], as_tensors(again, FUSION_INPUT)[0])


def test_half_of_the_noises_are_such_as_a_device_takes_for_a_voice_however_few_those_are():
    marked = np.full((100, 7), 1 / 7, np.float32)
    marked[:, 0] = np.linspace(0.2, 0.3, 100)
    quality = np.where(np.arange(100) < 3, 0.9, 0.1).astype(np.float32)
    noises = Said(marked, np.zeros(100, np.int64), quality)
    voices = [pair.speech for pair in training_pairs(said(70, 0), said(70, 0), noises, 3500, 2)]
    of_noise = [voice.probabilities[0] for voice in voices if voice and 0.19 < voice.probabilities[0] < 0.31]
    assert len(of_noise) > 700
    assert np.mean(np.array(of_noise) < marked[3, 0]) == pytest.approx(0.515, abs=0.06)
