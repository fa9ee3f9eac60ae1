"""Import Keras and what it runs on, with their pages of output in a file instead of before the user."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.errors import ConfigError


def start_keras(log: Path, tensorflow: bool = False) -> Any:
    """The module `keras`, on the backend that KERAS_BACKEND or its own configuration names.

    Args:
        log: file that takes what the libraries print.
        tensorflow: True where only TensorFlow will do: the TFLite converter understands no other backend.

    Raises:
        ConfigError: a library is missing, or Keras already runs on another backend in this process.
    """
    if tensorflow:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with output_to(log):
            keras = importlib.import_module("keras")
            if keras.backend.backend() == "tensorflow":
                library = importlib.import_module("tensorflow")
                library.config.list_physical_devices()  # now, so that its complaints go to the log
                library.get_logger().setLevel("ERROR")
    except ImportError as error:
        raise ConfigError(
            f"Keras cannot be used: {error}. Install it with \"pip install 'emotion-edge[convert]'\"; "
            "KERAS_BACKEND=torch needs PyTorch too."
        ) from error
    if tensorflow and keras.backend.backend() != "tensorflow":
        raise ConfigError(
            f"expected Keras on TensorFlow, found it on {keras.backend.backend()} in this process. "
            "Quantize in a process of its own; a .keras file moves between backends."
        )
    return keras


@contextmanager
def output_to(path: Path) -> Iterator[None]:
    """Send standard output and error, those of C++ code too, to the end of `path`."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    try:
        with path.open("ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for saved, target in zip(kept, (1, 2), strict=True):
            os.dup2(saved, target)
            os.close(saved)
