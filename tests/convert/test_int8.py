"""Every network of `emotion-convert train` becomes full int8, or the operation that prevents it is named.

`EMOTION_EDGE_ALL_NETWORKS=1 pytest -s tests/convert/test_int8.py` prints the rows of the table in
docs/convert.md.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convert.architectures.registry import ARCHITECTURES, build_face_network
from convert.architectures.speech_registry import SPEECH_ARCHITECTURES
from convert.float_detector import detector_from_keras
from convert.float_model import from_keras
from convert.keras_start import start_keras
from convert.operations import operations
from convert.schemes import UnquantizableError, convert

_SMALL = ("edge", "edge-small", "mobile", "mobile-attention", "cnn")
_SPEECH = (186, 34)  # frames and channels of `train speech`
_ALL = "EMOTION_EDGE_ALL_NETWORKS"
# The light ones first.
_NETWORKS = [
    "fusion late_fusion",
    *(f"speech {name}" for name in SPEECH_ARCHITECTURES),
    *(f"face {name}" for name in _SMALL),
    "detector pyramid",
    *(f"face {name}" for name in ARCHITECTURES if name not in (*_SMALL, "vit-b16", "vit-b32")),
    "face vit-b32",
    "face vit-b16",
]


def _speech(name: str) -> tuple[Any, tuple[int, ...]]:
    found = SPEECH_ARCHITECTURES[name]
    if found.build:
        return found.build(_SPEECH, 9), _SPEECH
    assert found.solve
    rng = np.random.default_rng(1)
    labels = np.arange(45) % 9
    return found.solve(rng.normal(0, 1, (45, *_SPEECH)).astype(np.float32), labels, 9, 1), _SPEECH


def _face(name: str) -> tuple[Any, tuple[int, ...]]:
    shape = (48, 48, 1) if name in _SMALL else (224, 224, 3) if name.startswith("vit") else (96, 96, 3)
    return build_face_network(name, shape, 7), shape


def _detector(_: str) -> tuple[Any, tuple[int, ...]]:
    from convert.architectures.detector import pyramid

    return pyramid((288, 384, 3), bounded=True), (288, 384, 3)


def _fusion(_: str) -> tuple[Any, tuple[int, ...]]:
    from convert.architectures.fusion import late_fusion

    return late_fusion((20,), 7), (20,)


_BUILD: dict[str, Callable[[str], tuple[Any, tuple[int, ...]]]] = {
    "face": _face,
    "speech": _speech,
    "detector": _detector,
    "fusion": _fusion,
}


@pytest.mark.slow
@pytest.mark.timeout(900)  # a vision transformer takes a minute of a processor
@pytest.mark.parametrize("network", _NETWORKS)
def test_full_int8_or_the_operation_is_named(network, tmp_path):
    if _ALL not in os.environ:
        pytest.skip(f"takes many minutes: {_ALL}=1 pytest {__file__.rpartition('/')[2]}")
    log = tmp_path / "log"
    keras = start_keras(log, tensorflow=True)
    keras.backend.clear_session()
    began = time.process_time()
    task, name = network.split()
    built, shape = _BUILD[task](name)
    model = (detector_from_keras if task == "detector" else from_keras)(built, tmp_path / name, log)
    tensors = np.random.default_rng(0).uniform(-1, 1, (2, *shape)).astype(np.float32)
    named: tuple[str, ...] = ()
    try:
        made = convert(model, "int8", tensors, log)
    except UnquantizableError as error:
        named = error.operations
        told = f"no: {', '.join(named)} | |" if named else str(error)
    else:
        found = operations(made)
        assert not any(operation.computes_in_float for operation in found)
        macs = sum(operation.macs for operation in found)
        told = f"int8 | {len(made) / 1000:.0f} kB | {macs / 1e6:.1f}"
    size = "x".join(map(str, shape))
    sys.stdout.write(f"| {task} | {name} | {size} | {told} | {time.process_time() - began:.0f} s |\n")
    assert named or told.startswith("int8"), told
