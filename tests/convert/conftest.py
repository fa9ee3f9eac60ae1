"""Tiny data sets in the forms of the real ones, and where the real ones may lie."""

from __future__ import annotations

import csv
import os
import wave
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convert.keras_start import start_keras
from edge.records import EMOTIONS
from tests.convert.tiny_photos import write_photos

# Whatever the user trains with: Keras is imported once in this process, and quantization needs TensorFlow.
os.environ["KERAS_BACKEND"] = "tensorflow"

#: A trained float detector.
CHECKPOINT = Path(__file__).parents[2] / "checkpoints" / "face-detector"
_RATE_HZ = 16_000
_VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown")
_COLUMNS = ("tile", "row", "label", *(f"ferplus_{word}" for word in (*_VOTES, "not_a_face")), "row_known")


#: What takes long and rarely breaks.
slow = pytest.mark.skipif(
    not os.environ.get("EMOTION_EDGE_ALL_NETWORKS"), reason="slow: set EMOTION_EDGE_ALL_NETWORKS=1"
)


@pytest.fixture(scope="module")
def eager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """TensorFlow compiles a training step for ten seconds and more; the few steps of a test need no graph."""
    start_keras(tmp_path_factory.mktemp("log") / "keras.log", tensorflow=True)
    import tensorflow

    tensorflow.config.run_functions_eagerly(True)
    yield
    tensorflow.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def small_fer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A FER2013 pack of 56 + 14 + 14 faces, emotion k as k dark bars; the first private image is in train too."""
    folder = tmp_path_factory.mktemp("fer2013")
    rng = np.random.default_rng(1)
    twin = _bars(0, rng)
    for split, count in (("train", 56), ("public_test", 14), ("private_test", 14)):
        images = [_bars(index % 7, rng) for index in range(count)]
        if split != "public_test":
            images[7 if split == "train" else 0] = twin
        _write_pack(folder, split, images)
    return folder


@pytest.fixture(scope="session")
def many_fer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A FER2013 pack of 210 + 294 + 14 faces like those of small_fer: enough to be certain of a figure."""
    folder = tmp_path_factory.mktemp("many")
    rng = np.random.default_rng(4)
    for split, count in (("train", 210), ("public_test", 294), ("private_test", 14)):
        _write_pack(folder, split, [_bars(index % 7, rng) for index in range(count)])
    return folder


def _bars(count: int, rng: np.random.Generator) -> np.ndarray:
    image = rng.integers(150, 200, (48, 48)).astype(np.uint8)
    for bar in range(count):
        image[:, 3 + 6 * bar : 6 + 6 * bar] //= 4
    return image


def _write_pack(folder: Path, split: str, images: list[np.ndarray]) -> None:
    mosaic = np.zeros((48 * (len(images) // 320 + 1), 48 * 320), np.uint8)
    with (folder / f"{split}.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, _COLUMNS)
        table.writeheader()
        for row, image in enumerate(images):
            tile = len(images) - 1 - row  # the table, not the order, says which tile is whose
            mosaic[:48, 48 * tile : 48 * tile + 48] = image
            votes = dict.fromkeys(_COLUMNS[3:-1], 0) | {"ferplus_anger": 6, "ferplus_contempt": 2, "ferplus_neutral": 2}
            known = int(row != 1)
            table.writerow({"tile": tile, "row": row, "label": EMOTIONS[row % 7], **votes, "row_known": known})
    Image.fromarray(mosaic).save(folder / f"{split}.webp", lossless=True)


@pytest.fixture(scope="session")
def write_wav() -> Callable[..., Path]:
    """write_wav(path, samples float [N], rate_hz=16000, channels=1)"""

    def write(path: Path, samples: np.ndarray, rate_hz: int = _RATE_HZ, channels: int = 1) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(2)
            file.setframerate(rate_hz)
            file.writeframes(np.repeat(np.rint(samples * 32767).astype("<i2"), channels).tobytes())
        return path

    return write


@pytest.fixture(scope="session")
def small_corpora(tmp_path_factory: pytest.TempPathFactory, write_wav: Callable[..., Path]) -> Path:
    """RAVDESS actors 5, 6 and 7 (all eight emotions), a TESS word, an EMO-DB sentence and two noises, as short tones.

    Actor 5 said one sentence twice, with not one sample's difference.
    """
    folder = tmp_path_factory.mktemp("corpora")
    rng = np.random.default_rng(2)

    def tone(pitch_hz: float) -> np.ndarray:
        time_s = np.arange(int(_RATE_HZ * 0.8)) / _RATE_HZ
        return 0.3 * np.sin(2 * np.pi * pitch_hz * time_s) + 0.002 * rng.standard_normal(len(time_s))

    for actor in (5, 6, 7):
        for emotion in range(1, 9):
            name = f"03-01-{emotion:02}-01-01-01-{actor:02}.wav"
            write_wav(folder / "ravdess" / f"Actor_{actor:02}" / name, tone(100 * emotion + actor))
    twice = folder / "ravdess" / "Actor_05" / "03-01-03-01-01-01-05.wav"
    (twice.parent / "03-01-03-01-01-02-05.wav").write_bytes(twice.read_bytes())
    for word in ("angry", "ps", "neutral"):
        write_wav(folder / "tess" / f"OAF_back_{word}.wav", tone(250))
    write_wav(folder / "tess" / "OA_bite_neutral.wav", tone(260))
    for letter in ("W", "L", "F"):
        write_wav(folder / "emodb" / "wav" / f"03a01{letter}a.wav", tone(180))
    for name in ("hum", "rustle"):
        write_wav(folder / "noise" / f"{name}.wav", 0.1 * rng.standard_normal(_RATE_HZ))
    return folder


@pytest.fixture(scope="session")
def tiny_keras(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A random Keras model of 12x12 grey pixels and seven labels in a file: tiny_keras(".h5", unquantizable=True)."""
    from convert.keras_start import start_keras

    folder = tmp_path_factory.mktemp("tiny")

    def make(suffix: str = ".keras", unquantizable: bool = False, channels: int = 1) -> Path:
        keras = start_keras(folder / "keras.log", tensorflow=True)
        path = folder / f"tiny-{unquantizable}-{channels}{suffix}"
        if path.exists():
            return path
        layers = keras.layers
        keras.utils.set_random_seed(3)
        inputs = layers.Input((12, 12, channels))
        x = layers.Conv2D(8, 3, strides=2, padding="same")(inputs)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
        x = layers.DepthwiseConv2D(3, padding="same", name="second")(x)
        if unquantizable:
            x = keras.ops.arctan2(x, x + 1.0)
        x = layers.GlobalAveragePooling2D()(layers.ReLU(6.0)(x))
        model = keras.Model(inputs, layers.Dense(7, activation="softmax", name="said")(x))
        if suffix == "":
            model.export(path, verbose=False)
        elif suffix == ".tflite":
            from convert.float_model import from_keras

            path.write_bytes(from_keras(model, path, folder / "keras.log").tflite)
        else:
            model.save(path)
        return path

    return make


@pytest.fixture(scope="session")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Makes untrained classifiers of [12, 12, 3] into 4 whose depthwise convolution ``pair`` has uneven channels.

    They differ by up to 2000 times; the convolution behind makes up for it. What is between the depthwise and the
    pointwise convolution: ``nothing``, ``relu``, ``seen`` (something else reads it too, or ``seen by an operator``),
    ``separable`` (one layer).
    """
    keras = start_keras(tmp_path_factory.mktemp("log") / "keras.log", tensorflow=True)

    def make(between: str) -> Any:
        layers = keras.layers
        keras.utils.set_random_seed(5)
        inputs = layers.Input((12, 12, 3))
        x = layers.Conv2D(8, 3, activation="relu")(inputs)
        if between == "separable":
            x = layers.SeparableConv2D(6, 3, name="pair")(x)
        else:
            x = received = layers.DepthwiseConv2D(3, padding="same", strides=2, name="pair")(x)
            x = layers.ReLU()(x) if between == "relu" else x
            x = layers.Conv2D(6, 1, name="reader")(x)
            x = layers.Concatenate()([x, received]) if between == "seen" else x
            x = x + received[..., :6] if between == "seen by an operator" else x
        model = keras.Model(inputs, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))
        uneven = np.geomspace(1, 2000, 8, dtype=np.float32)
        depthwise = model.get_layer("pair")
        kernel = depthwise.depthwise_kernel if between == "separable" else depthwise.kernel
        kernel.assign(kernel.numpy() * uneven[:, None])
        reader = depthwise.pointwise_kernel if between == "separable" else model.get_layer("reader").kernel
        reader.assign(reader.numpy() / uneven[:, None])
        return model

    return make


@pytest.fixture(scope="session")
def small_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of photos with a known face each (tests/convert/tiny_photos.py)."""
    return write_photos(tmp_path_factory.mktemp("packs") / "photos")


@pytest.fixture(scope="session")
def detector_run(small_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of a detector that has made two steps."""
    run = tmp_path_factory.mktemp("runs") / "detector"
    start_keras(run / "keras.log", tensorflow=True)
    import tensorflow

    from convert.train_detector import RECIPE, train_detector

    tensorflow.config.run_functions_eagerly(True)  # a graph takes longer to compile than two steps
    try:
        train_detector(small_photos, run, replace(RECIPE, epochs=1, batch=3), steps=2)
    finally:
        tensorflow.config.run_functions_eagerly(False)
    return run


@pytest.fixture(scope="session")
def detector_package(small_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of the float detector that the project keeps, for an input of 160x192; its report is beside it."""
    from convert.cli import main

    package = tmp_path_factory.mktemp("packages") / "tiny-detector"
    command = ["quantize", str(CHECKPOINT), "--task", "detector", "--calibration", str(small_photos)]
    assert main([*command, "--out", str(package), "--size", "160x192x3", "--calibration-count", "6"]) == 0
    return package


def assert_same_bytes(made: Path, again: Path) -> None:
    """That the packages `made` and `again`, and the reports beside them, are byte for byte the same."""
    for folder in ("", "-report"):
        one, other = (path.with_name(path.name + folder) for path in (made, again))
        names = {path.name for path in one.iterdir() if path.suffix != ".log"}
        assert names == {path.name for path in other.iterdir() if path.suffix != ".log"}
        assert {"model.json" if not folder else "report.json"} < names
        for name in names:
            assert (one / name).read_bytes() == (other / name).read_bytes(), f"{one.name}/{name}"
