"""The official layouts, written tiny: each emotion k is a grey level of its own."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from convert.contract import prepared
from convert.datasets.faces import LABELS
from convert.datasets.layout import load_faces
from edge.errors import ConfigError
from edge.perceive.inputs import FaceInput
from edge.perceive.pictures import face_tensor


def _write(path: Path, label: str, side: int = 20) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((side, side, 3), 25 * LABELS.index(label) + 20, np.uint8)
    image[..., 2] += 30  # red, of blue, green, red
    assert cv2.imwrite(str(path), image)


def _levels_fit(faces) -> None:
    grey = faces.images.reshape(len(faces), -1).astype(float).mean(axis=1)
    expected = 25 * faces.labels + 20 + (30 * 0.299 if faces.images.ndim == 3 else 10)
    np.testing.assert_allclose(grey, expected, atol=3)


def _raf_db(folder: Path) -> None:
    words = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
    lines = []
    for split in ("train", "test"):
        for number in range(14):
            _write(folder / "Image" / "aligned" / f"{split}_{number:05}_aligned.jpg", words[number % 7])
            lines.append(f"{split}_{number:05}.jpg {number % 7 + 1}")
    (folder / "EmoLabel").mkdir()
    (folder / "EmoLabel" / "list_patition_label.txt").write_text("\n".join(lines) + "\n")


def _affectnet(folder: Path) -> None:
    words = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")
    for split, count in (("train_set", 24), ("val_set", 9)):
        for number in range(count):
            _write(folder / split / "images" / f"{number}.jpg", words[number % 8])
            (folder / split / "annotations").mkdir(exist_ok=True)
            label = 9 if split == "val_set" and number == 8 else number % 8  # 9: uncertain
            np.save(folder / split / "annotations" / f"{number}_exp.npy", np.array(str(label)))


def _ck_plus(folder: Path) -> None:
    words = ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")
    for person in range(10):
        number = person % 7 + 1
        parts = (f"S{person:03}", "001")
        for frame in range(1, 6):
            name = f"{parts[0]}_001_{frame:08}"
            path = folder.joinpath("cohn-kanade-images", *parts, f"{name}.png")
            _write(path, words[number] if frame > 2 else "neutral", 60)
            landmarks = folder.joinpath("Landmarks", *parts, f"{name}_landmarks.txt")
            landmarks.parent.mkdir(parents=True, exist_ok=True)
            landmarks.write_text("  2.0e+01  1.0e+01\n  5.0e+01  4.0e+01\n")
        emotion = folder.joinpath("Emotion", *parts, f"{name}_emotion.txt")
        emotion.parent.mkdir(parents=True)
        emotion.write_text(f"   {number:.7e}\n")


def test_raf_db(tmp_path: Path):
    _raf_db(tmp_path / "basic")
    for root in (tmp_path, tmp_path / "basic"):
        data = load_faces(root, size=16)
        assert (data.source, data.chosen_on) == ("raf-db", "RAF-DB held out of training")
        assert len(data.train) == 7
        assert len(data.splits["RAF-DB test"]) == 14
        for faces in (data.train, *data.splits.values()):
            assert faces.images.shape[1:] == (16, 16)
            _levels_fit(faces)
    table = tmp_path / "basic" / "EmoLabel" / "list_patition_label.txt"
    table.write_text("train_00001.jpg 8\n")
    with pytest.raises(ConfigError, match=r"line 1: expected 'train_00001\.jpg 5'"):
        load_faces(tmp_path)


def test_affectnet_with_eight_and_seven_labels(tmp_path: Path):
    _affectnet(tmp_path)
    data = load_faces(tmp_path, size=24, channels=3)
    assert data.train.images.shape == (16, 24, 24, 3)
    assert len(data.splits["AffectNet validation"]) == 8  # the uncertain one is left out
    assert (data.train.images[..., 0].astype(int) - data.train.images[..., 2]).min() > 15  # red first
    for faces in (data.train, *data.splits.values()):
        _levels_fit(faces)
    seven = data.with_classes(7)
    assert len(seven.splits["AffectNet validation"]) == 7
    assert LABELS.index("contempt") not in seven.train.labels
    np.save(tmp_path / "train_set" / "annotations" / "0_exp.npy", np.array("happy"))
    with pytest.raises(ConfigError, match=r"0_exp\.npy: expected one number"):
        load_faces(tmp_path)


def test_ck_plus_keeps_a_person_on_one_side(tmp_path: Path):
    _ck_plus(tmp_path)
    data = load_faces(tmp_path, size=20)
    test = data.splits["CK+ held-out persons"]
    chosen_on = data.splits[data.chosen_on]
    people = [set(faces.groups.tolist()) for faces in (data.train, chosen_on, test)]
    assert [len(names) for names in people] == [8, 1, 1]
    assert not people[0] & people[1]
    assert not (people[0] | people[1]) & people[2]
    assert len(data.train) == 8 * 4  # three frames of the emotion, one neutral
    _levels_fit(data.train)
    next(tmp_path.glob("Landmarks/*/*/*_00000005_landmarks.txt")).unlink()
    with pytest.raises(ConfigError, match=r"00000005_landmarks\.txt: expected a row"):
        load_faces(tmp_path)


@pytest.mark.parametrize("validation", ["val", "validation"])
def test_a_folder_for_each_emotion_with_splits(tmp_path: Path, validation: str):
    for split, count in (("train", 3), (validation, 2), ("test", 1)):
        for label in LABELS:
            for number in range(count):
                _write(tmp_path / split / label.capitalize() / f"{number}.png", label)
    data = load_faces(tmp_path, size=12)
    assert {name.split()[-1]: len(faces) for name, faces in data.splits.items()} == {"validation": 16, "test": 8}
    assert len(data.train) == 24
    _levels_fit(data.train)


def test_a_folder_for_each_emotion_without_splits(tmp_path: Path):
    for label in ("happy", "0_sadness"):
        for number in range(20):
            _write(tmp_path / label / f"{number}.jpg", {"happy": "happy", "0_sadness": "sad"}[label])
    data = load_faces(tmp_path, size=12)
    assert [len(faces) for faces in (data.train, *data.splits.values())] == [32, 4, 4]
    (tmp_path / "bored").mkdir()
    with pytest.raises(ConfigError, match="bored: expected a folder for each emotion"):
        load_faces(tmp_path)


def test_folders_may_bear_the_words_of_any_author(tmp_path: Path):
    words = {"Angry": "angry", "3_joy": "happy", "fearful": "fear", "calm": "neutral", "Contempt": "contempt"}
    for split in ("train", "validation", "test"):
        for word, label in words.items():
            _write(tmp_path / split / word / "1.png", label)
    data = load_faces(tmp_path, size=12)
    assert sorted(data.train.labels.tolist()) == sorted(LABELS.index(label) for label in words.values())
    _levels_fit(data.train)


def test_what_is_no_data_set_is_told_what_one_looks_like(tmp_path: Path, small_fer: Path):
    with pytest.raises(ConfigError, match=r"expected FER2013 .* RAF-DB .* AffectNet .* CK"):
        load_faces(tmp_path)
    with pytest.raises(ConfigError, match="labels: expected fer or ferplus"):
        load_faces(small_fer, labels="affectnet")
    (tmp_path / "happy").mkdir()
    (tmp_path / "happy" / "a.png").write_bytes(b"no picture")
    with pytest.raises(ConfigError, match=r"a\.png: expected a picture"):
        load_faces(tmp_path)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_stored_picture_becomes_the_tensor_that_the_device_would_make_of_it(tmp_path: Path, channels: int):
    """Scaled and made grey in the device's order, so that training sees what a camera shows."""
    colours = np.random.default_rng(6).integers(0, 256, (75, 60, 3), np.uint8)
    for split in ("train", "test"):
        for label in ("happy", "sad"):
            (tmp_path / split / label).mkdir(parents=True)
            for number in range(2):
                cv2.imwrite(str(tmp_path / split / label / f"{number}.png"), colours[:, :, ::-1])
    spec = FaceInput(48, 48, channels, -1.0, 1.0, 0.0)
    (faces,) = (split for name, split in load_faces(tmp_path, 48, channels).splits.items() if name.endswith("test"))
    np.testing.assert_array_equal(prepared(faces.images[:1], spec)[0], face_tensor(colours, spec))
