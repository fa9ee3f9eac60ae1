"""Perception and fusion wired as configured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.steps import portrait
from convert.datasets.noise import noise_files
from convert.datasets.sound import read_sound
from edge.capture.source import CHUNK_SAMPLES, SAMPLE_RATE_HZ
from edge.config import CameraConfig, Config, FaceConfig, MicrophoneConfig, SpeechConfig, TextConfig
from edge.errors import ModelError
from edge.perceive.words import Utterance
from edge.records import AudioChunk, Frame
from edge.service.models import wanted_models
from edge.service.pipeline import build_pipeline, first_track, modalities

DEAF = replace(Config(), microphone=MicrophoneConfig(enabled=False))
BLIND = replace(Config(), camera=CameraConfig(enabled=False))


def test_only_what_is_enabled_is_loaded():
    both, deaf, blind = build_pipeline(Config()), build_pipeline(DEAF), build_pipeline(BLIND)
    assert [model.task for model in both.models] == ["face", "detector", "speech"]
    assert (deaf.speech, [model.task for model in deaf.models]) == (None, ["face", "detector"])
    assert (blind.face, [model.task for model in blind.models]) == (None, ["speech"])
    assert [modalities(config) for config in (Config(), DEAF, BLIND)] == [["face", "speech"], ["face"], ["speech"]]


def test_models_are_told_of_with_hash_licence_and_figures():
    for model in build_pipeline(Config()).models:
        assert len(model.sha256) == 64
        assert model.version
        assert model.licence
        assert model.metrics


def test_a_missing_model_is_named():
    with pytest.raises(ModelError, match="model package 'none'"):
        build_pipeline(replace(Config(), face=FaceConfig(model="none")))


def test_a_learned_fusion_is_loaded_where_there_is_anything_to_fuse():
    learned = replace(Config(), fusion=replace(Config().fusion, strategy="learned"))
    pipeline = build_pipeline(learned)
    assert [model.task for model in pipeline.models] == ["face", "detector", "speech", "fusion"]
    assert pipeline.models[-1].accelerator == "cpu"
    deaf = replace(learned, microphone=replace(learned.microphone, enabled=False))
    assert [task for task, _ in wanted_models(deaf)] == ["detector", "face"]
    assert build_pipeline(deaf).fuser.close() == []


def test_the_detector_is_among_the_models():
    far = replace(Config(), face=FaceConfig(detector="face-detector-far"))
    assert wanted_models(far)[0] == ("detector", "face-detector-far")
    assert [(model.task, model.name) for model in build_pipeline(far).models][:2] == [
        ("face", "face-emotion"),
        ("detector", "face-detector-far"),
    ]


def utterances(samples: NDArray[np.float32], voice_activity: str) -> list[Utterance]:
    words = TextConfig(enabled=True, source="pocketsphinx")
    config = replace(BLIND, speech=SpeechConfig(voice_activity=voice_activity), text=words)
    pipeline = build_pipeline(config)
    found = []
    for index in range(len(samples) // CHUNK_SAMPLES):
        start = index * CHUNK_SAMPLES
        chunk = AudioChunk(samples[start : start + CHUNK_SAMPLES], SAMPLE_RATE_HZ, start * 10**9 // SAMPLE_RATE_HZ)
        found.append(pipeline.hear(chunk)[1])
    found.append(pipeline.last_words())
    return [utterance for utterance in found if utterance]


def test_noise_that_is_taken_for_a_voice_at_first_is_no_utterance(packs: Callable[[str], Path]):
    noise = np.concatenate([read_sound(path) for path in noise_files(packs("noise").parent)[::16][:14]])
    at_first, in_the_end = (utterances(noise, judge) for judge in ("webrtc", "cascade"))
    assert len(in_the_end) < len(at_first) / 4


def test_noise_that_a_recording_ends_in_is_no_utterance(packs: Callable[[str], Path]):
    """Three seconds are too short for the utterance to end by itself."""
    rain = read_sound(next(path for path in noise_files(packs("noise").parent) if "rain" in path.name))
    ended = rain[: 3 * SAMPLE_RATE_HZ]
    assert [len(utterances(ended, judge)) for judge in ("webrtc", "cascade")] == [1, 0]


def test_a_sentence_is_an_utterance(packs: Callable[[str], Path]):
    sentence = read_sound(packs("ravdess") / "03-01-03-01-01-01-01.flac")
    quiet = np.zeros(SAMPLE_RATE_HZ, np.float32)
    (utterance,) = utterances(np.concatenate([sentence, quiet]), "cascade")
    assert len(utterance.samples) > SAMPLE_RATE_HZ


def test_the_numbers_of_people_begin_anew_at_each_start_and_those_of_a_recording_do_not():
    assert len({first_track(recording=False) for _ in range(50)}) > 40
    assert min(first_track(recording=False) for _ in range(50)) >= 1000
    assert {first_track(recording=True) for _ in range(5)} == {1}
    pipeline = build_pipeline(replace(DEAF, face=FaceConfig(confirm_frames=1)), first_track=4711)
    assert [face.track_id for face in pipeline.face.observe(Frame(portrait(), 0, 0))] == [4711]
