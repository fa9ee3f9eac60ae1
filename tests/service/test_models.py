"""Which models a configuration needs, and that they are loaded as it says."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from bench.steps import portrait
from edge.config import CameraConfig, Config, FaceConfig, InferenceConfig, MicrophoneConfig
from edge.errors import ModelError
from edge.perceive.detector import CellDetector
from edge.perceive.package import find_package
from edge.perceive.runtime import Model
from edge.records import Frame
from edge.service.models import build_face, load_any, load_models, wanted_models

DEAF = replace(Config(), microphone=MicrophoneConfig(enabled=False))
BLIND = replace(Config(), camera=CameraConfig(enabled=False))


def test_only_what_is_needed_is_loaded():
    assert [task for task, _ in wanted_models(Config())] == ["detector", "face", "speech"]
    deaf, blind = load_models(DEAF), load_models(BLIND)
    assert deaf.face
    assert deaf.detector
    assert (deaf.speech, deaf.fusion) == (None, None)
    assert blind.speech
    assert (blind.face, blind.detector) == (None, None)


@pytest.mark.parametrize(
    ("task", "name", "kind"), [("detector", "face-detector", CellDetector), ("face", "face-emotion", Model)]
)
def test_a_model_is_of_the_kind_of_its_task(task, name: str, kind: type):
    model, choice = load_any(name, task, Config())
    assert isinstance(model, kind)
    assert choice.accelerator == "cpu"


def test_a_damaged_model_is_named_with_what_to_do(tmp_path: Path):
    damaged = tmp_path / "face-emotion"
    shutil.copytree(find_package("face-emotion"), damaged)
    content = bytearray((damaged / "model.tflite").read_bytes())
    content[len(content) // 2] ^= 1
    (damaged / "model.tflite").write_bytes(content)
    with pytest.raises(ModelError, match=rf"{damaged}.*sha256"):
        load_models(replace(DEAF, face=FaceConfig(model=str(damaged))))


def test_faces_are_perceived_as_configured_without_anything_of_sound():
    config = replace(DEAF, face=FaceConfig(confirm_frames=1), inference=InferenceConfig(threads=1))
    loaded = load_models(config)
    face = build_face(config, loaded, first_track=77)
    assert face
    assert cv2.getNumThreads() == 1
    assert [one.track_id for one in face.observe(Frame(portrait(), 0, 0))] == [77]
    strict = replace(config, face=FaceConfig(confirm_frames=1, detection_score=0.99))
    nobody = build_face(strict, loaded)
    assert nobody
    assert nobody.observe(Frame(portrait(), 0, 0)) == []
    assert build_face(BLIND, loaded) is None
