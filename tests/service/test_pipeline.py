"""Perception and fusion wired as configured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.config import CameraConfig, Config, FaceConfig, MicrophoneConfig
from edge.errors import ModelError
from edge.service.pipeline import build_pipeline, modalities, wanted_models

DEAF = replace(Config(), microphone=MicrophoneConfig(enabled=False))
BLIND = replace(Config(), camera=CameraConfig(enabled=False))


def test_only_what_is_enabled_is_loaded():
    both, deaf, blind = build_pipeline(Config()), build_pipeline(DEAF), build_pipeline(BLIND)
    assert [model.task for model in both.models] == ["face", "speech"]
    assert (deaf.speech, [model.task for model in deaf.models]) == (None, ["face"])
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
    assert [model.task for model in pipeline.models] == ["face", "speech", "fusion"]
    assert pipeline.models[-1].accelerator == "cpu"
    deaf = replace(learned, microphone=replace(learned.microphone, enabled=False))
    assert [task for task, _ in wanted_models(deaf)] == ["face"]
    assert build_pipeline(deaf).fuser.close() == []


def test_a_detector_package_is_among_the_models_and_the_cascade_is_none():
    found = replace(Config(), face=FaceConfig(detector="face-detector"))
    assert [task for task, _ in wanted_models(found)] == ["detector", "face", "speech"]
    assert [task for task, _ in wanted_models(Config())] == ["face", "speech"]
    assert [model.task for model in build_pipeline(found).models] == ["face", "detector", "speech"]
