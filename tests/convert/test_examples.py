"""The calibration sample: balanced, seeded, named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from convert.examples import calibration_sample, judged_faces, read_faces
from convert.run import Run
from convert.train_speech import SPEECH_INPUT
from edge.perceive.inputs import FaceInput
from edge.records import EMOTIONS

FACE = Run("face", FaceInput(48, 48, 1, -1.0, 1.0, 0.0), EMOTIONS)


def test_faces_are_taken_evenly_and_named(small_fer):
    faces = read_faces(small_fer, (48, 48, 1))
    sample = calibration_sample(FACE, small_fer, 14, faces)
    assert sample.tensors.shape == (14, 48, 48, 1)
    words = [name.split()[-3] for name in sample.names]
    assert sorted(words) == sorted(EMOTIONS * 2)
    assert len(set(sample.names)) == 14
    again = calibration_sample(FACE, small_fer, 14)
    assert again.names == sample.names
    np.testing.assert_array_equal(again.tensors, sample.tensors)
    assert next(iter(judged_faces(FACE, faces))).name == faces.chosen_on


def test_held_out_speakers_calibrate_nothing(small_corpora):
    count = SPEECH_INPUT.channels
    spec = replace(SPEECH_INPUT, mean=(0.0,) * count, std=(1.0,) * count)
    run = Run("speech", spec, EMOTIONS, {"held_out": ["ravdess-05", "ravdess-06"]})
    sample = calibration_sample(run, small_corpora, 100)
    assert sample.names
    assert not any(name.endswith(("-05.wav", "-06.wav")) for name in sample.names)
