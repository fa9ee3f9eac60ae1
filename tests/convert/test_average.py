from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert.cli import main
from convert.float_model import load_keras
from convert.keras_start import start_keras
from convert.run import Run, read_run
from edge.perceive.inputs import FaceInput

_INPUT = FaceInput(24, 24, 1, -1.0, 1.0, 0.0)


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory):
    return start_keras(tmp_path_factory.mktemp("log") / "keras.log", tensorflow=True)


def _run(keras, folder: Path, level: float, units: int = 2) -> str:
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(units)])
    model.set_weights([np.full(weight.shape, level, np.float32) for weight in model.get_weights()])
    Run("face", _INPUT, ("happy", "sad"), {"images": int(level)}).write(folder)
    model.save(folder / "model.keras")
    return str(folder)


def test_weights_are_averaged_and_the_run_says_of_what(keras, tmp_path: Path, capsys):
    runs = [_run(keras, tmp_path / name, level) for name, level in (("a", 1.0), ("b", 2.0), ("c", 6.0))]
    assert main(["average", *runs, "--out", str(tmp_path / "out")]) == 0
    for weight in keras.models.load_model(tmp_path / "out" / "model.keras").get_weights():
        np.testing.assert_array_equal(weight, 3.0)
    about = read_run(tmp_path / "out").about
    assert about["images"] == 1
    assert [other["images"] for other in about["averaged_with"]] == [2, 6]
    assert main(["average", *runs, "--out", str(tmp_path / "out")]) == 1
    assert "holds a run already" in capsys.readouterr().err


def test_what_cannot_be_averaged_is_named(keras, tmp_path: Path, capsys):
    one, wider = _run(keras, tmp_path / "one", 1.0), _run(keras, tmp_path / "wider", 1.0, units=3)
    for runs, said in (([one], "two runs or more, got 1"), ([one, wider], "expected the network, input and labels")):
        assert main(["average", *runs, "--out", str(tmp_path / "out")]) == 1
        assert said in capsys.readouterr().err
    assert not (tmp_path / "out" / "model.keras").exists()


def test_a_detector_too(tmp_path: Path):
    """With a loss and layers of its own, that Keras has to know."""
    run = Path(__file__).parents[2] / "checkpoints" / "face-detector"
    assert main(["average", str(run), str(run), "--out", str(tmp_path / "out")]) == 0
    weights = [load_keras(folder / "model.keras", tmp_path / "log").get_weights() for folder in (run, tmp_path / "out")]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
