"""Every network of `emotion-convert train face` becomes full int8, or the operation that prevents it is named."""

from __future__ import annotations

import os

import numpy as np
import pytest

from convert.architectures.registry import ARCHITECTURES, build_face_network
from convert.float_model import from_keras
from convert.keras_start import start_keras
from convert.operations import operations
from convert.schemes import UnquantizableError, convert

_SMALL = ("edge", "edge-small", "mobile", "mobile-attention", "cnn")
_ALL = "EMOTION_EDGE_ALL_NETWORKS"


@pytest.mark.slow
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_full_int8_or_the_operation_is_named(name, tmp_path):
    if _ALL not in os.environ:
        pytest.skip(f"takes many minutes: {_ALL}=1 pytest {__file__.rpartition('/')[2]}")
    start_keras(tmp_path / "log", tensorflow=True)
    shape = (48, 48, 1) if name in _SMALL else (224, 224, 3) if name.startswith("vit") else (96, 96, 3)
    model = from_keras(build_face_network(name, shape, 7), tmp_path / name, tmp_path / "log")
    tensors = np.random.default_rng(0).uniform(-1, 1, (2, *shape)).astype(np.float32)
    named: tuple[str, ...] = ()
    in_float = False
    try:
        made = convert(model, "int8", tensors, tmp_path / "log")
        in_float = any(operation.computes_in_float for operation in operations(made))
    except UnquantizableError as error:
        named = error.operations
        in_float = True
    assert named or not in_float
