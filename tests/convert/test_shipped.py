"""The packages that the project ships still do what their model.json says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert.datasets.faces import majority
from convert.datasets.fer2013 import load
from convert.datasets.noise import noise_files
from convert.datasets.sound import read_sound
from convert.datasets.speech import load_corpora
from convert.evaluate import face_figures, face_tensors, outputs
from convert.heard import false_alarms
from convert.metrics import figures
from convert.run import read_run
from convert.train_fusion import BOTH, NO_VOICE, NOISE_AS_VOICE, NOISE_ON_DEVICE
from convert.voices import load_voices
from edge.config import SpeechConfig
from edge.perceive.features import normalise_frames
from edge.perceive.package import find_package, load_package
from edge.perceive.runtime import Model
from edge.perceive.vad import CHUNK_SAMPLES
from edge.records import EMOTIONS

_PRIVATE = ("FER2013 PrivateTest", "FER2013 PrivateTest, FER+ majority")


@pytest.mark.parametrize(
    ("name", "most_bytes", "most_macs"),
    [
        ("face-emotion", 1_500_000, 60e6),
        ("face-emotion-ferplus", 1_500_000, 60e6),
        ("face-emotion-small", 120_000, 20e6),
    ],
)
def test_a_face_package_is_small_calibrated_and_loses_little_to_int8(name: str, most_bytes: int, most_macs: float):
    description = load_package(find_package(name), "face").description
    assert description["files"]["model.tflite"]["bytes"] <= most_bytes
    assert description["macs"] <= most_macs
    (private,) = (kinds for split, kinds in description["metrics"].items() if split in _PRIVATE)
    assert private["float"]["accuracy"] - private["int8"]["accuracy"] <= 0.005
    assert private["int8"]["ece"] <= 0.05


@pytest.mark.parametrize(
    ("name", "split", "count", "least"),
    [
        ("face-emotion", "FER2013 PrivateTest", 3589, 0.685),
        ("face-emotion-ferplus", "FER2013 PrivateTest, FER+ majority", 3367, 0.84),
        ("face-emotion-small", "FER2013 PrivateTest", 3589, 0.6566),
    ],
)
def test_a_face_package_reaches_its_accuracy(packs, name: str, split: str, count: int, least: float):
    model = Model(load_package(find_package(name), "face"))
    stated = model.package.description["metrics"][split]["int8"]
    assert stated["accuracy"] >= least
    assert stated["count"] == count
    faces = load(packs("fer2013"), "private_test")
    if count < len(faces):
        faces = majority(faces)
        faces = faces.only(faces.labels < len(EMOTIONS))
    faces = faces.only(np.arange(0, count, 4))
    # The standard error of a share near 0.65 over 898 pictures is 0.016; half of that comes from the subset alone.
    assert face_figures(model, faces)["accuracy"] == pytest.approx(stated["accuracy"], abs=0.04)


def test_of_eight_labels_the_package_of_votes_reaches_its_accuracy():
    metrics = load_package(find_package("face-emotion-ferplus"), "face").description["metrics"]
    stated = metrics["FER2013 PrivateTest, FER+ majority, eight labels"]["int8"]
    assert stated["accuracy"] >= 0.84
    assert stated["count"] == 3394


def test_the_speech_package_is_at_least_as_good_on_voices_that_it_knows_as_on_unheard_ones(packs):
    model = Model(load_package(find_package("speech-emotion"), "speech"))
    (stated,) = (kinds["int8"] for kinds in model.package.description["metrics"].values())
    assert stated["uar_mean"] >= 0.62
    assert len(stated["uar_folds"]) == 6
    clips = [clip for clip in load_corpora(packs("ravdess").parent) if clip.corpus == "ravdess"][::12]
    voices = load_voices(clips, model.package.input, 0)
    tensors = np.stack([normalise_frames(window, model.package.input) for window in voices.windows])
    assert figures(model.emotions(outputs(model, tensors)), voices.labels)["accuracy"] > stated["accuracy"]


def test_the_speech_package_is_small_calibrated_and_loses_little_to_int8():
    description = load_package(find_package("speech-emotion"), "speech").description
    assert description["files"]["model.tflite"]["bytes"] <= 300_000
    hop_s = SpeechConfig().hop_ms * 16 // CHUNK_SAMPLES * CHUNK_SAMPLES / 16_000
    assert description["macs"] / hop_s <= 10e6  # for a second of speech
    (kinds,) = description["metrics"].values()
    for share in ("accuracy", "uar_mean"):
        assert kinds["float"][share] - kinds["int8"][share] <= 0.007
    assert kinds["int8"]["ece"] <= 0.06
    assert "non-commercial" in description["licence"]


def test_noise_gives_the_speech_package_no_emotion(packs):
    # It was trained on these sounds. What the fold models make of others is in docs/models.md.
    model = Model(load_package(find_package("speech-emotion"), "speech"))
    noises = [read_sound(path) for path in noise_files(packs("noise").parent)[::12]]
    assert false_alarms(model, noises, SpeechConfig().voice_activity)["events"] == 0


def test_the_fusion_package_is_better_than_either_sense_and_noise_costs_little():
    description = load_package(find_package("fusion"), "fusion").description
    conditions = description["metrics"]["synthetic pairs, unheard actors"]
    assert {BOTH, NO_VOICE, NOISE_AS_VOICE, NOISE_ON_DEVICE} == conditions.keys()
    uar = {name: {way: values["uar"] for way, values in ways.items()} for name, ways in conditions.items()}
    both = uar[BOTH]
    assert both["learned"] >= max(both["face alone"], both["voice alone"]) + 0.02
    for way in ("log_linear", "average", "max", "learned"):
        assert both[way] > max(both["face alone"], both["voice alone"])
        for deaf in (NOISE_ON_DEVICE, NO_VOICE):
            assert uar[deaf][way] >= uar[deaf]["face alone"] - 0.005
    assert uar[NOISE_AS_VOICE]["learned"] >= uar[NOISE_AS_VOICE]["face alone"] - 0.005
    assert both["learned, float"] - both["learned"] <= 0.007
    assert "non-commercial" in description["licence"]


def test_a_flat_grey_face_gives_no_certain_answer():
    model = Model(load_package(find_package("face-emotion"), "face"))
    from convert.datasets.faces import LABELS, Faces

    nobody = Faces(np.full((1, 48, 48), 128, np.uint8), np.zeros(1, np.int64), np.zeros((1, len(LABELS)), np.float32))
    (probabilities,) = model.emotions(outputs(model, face_tensors(model.package.input, nobody)))
    assert probabilities.max() < 0.9


@pytest.mark.parametrize("name", ["face-emotion", "face-emotion-ferplus", "face-emotion-small"])
def test_the_float_face_model_to_go_on_from_answers_like_the_package(packs, tmp_path, name: str):
    from convert.int8 import load_keras

    checkpoint = Path(__file__).parents[2] / "checkpoints" / name
    package = Model(load_package(find_package(name), "face"))
    assert read_run(checkpoint).input == package.package.input
    faces = load(packs("fer2013"), "public_test").only(np.arange(0, 3589, 40))
    tensors = face_tensors(package.package.input, faces)
    by_float = load_keras(checkpoint / "model.keras", tmp_path / "log")(tensors, training=False)
    same = np.asarray(by_float).argmax(axis=1) == outputs(package, tensors).argmax(axis=1)
    assert same.mean() > 0.95
