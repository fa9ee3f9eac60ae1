"""Trained speech models that teach another: what they say of each window as it is augmented and mixed.

Patient and consistent teaching after Beyer et al. 2022, as for faces (`view_share`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convert.float_model import load_keras
from convert.run import Run, read_run
from edge.errors import ConfigError
from edge.perceive.inputs import SpeechInput
from edge.perceive.runtime import softmax

_SHARE = 0.6  # of the target; the rest is the label


class SpeechTeachers:
    """The models in `folders`, asked for their mean opinion.

    Args:
        folders: of runs of speech.
        taught: the run that is to learn.

    Raises:
        ConfigError: a model is missing, hears other features, has other labels, or was trained on voices or noises
            that `taught` holds out.
    """

    def __init__(self, folders: Sequence[Path], taught: Run) -> None:
        self._taught = _heard(taught)
        self._teachers = []
        for folder in folders:
            teacher = read_run(folder)
            heard = _heard(teacher)
            if replace(heard, mean=(), std=()) != replace(self._taught, mean=(), std=()):
                raise ConfigError(
                    f"{folder}: expected a teacher that hears the same features. Train both with the same "
                    "--pitch, --energy and --deltas."
                )
            if teacher.labels != taught.labels:
                raise ConfigError(f"{folder}: expected the labels {', '.join(taught.labels)}.")
            for kind in ("held_out", "held_out_noise"):
                if more := sorted(set(taught.about[kind]) - set(teacher.about[kind])):
                    raise ConfigError(f"{folder}: leak: the teacher was trained on {more[0]}, which is held out here.")
            self._teachers.append((load_keras(folder / "model.keras", folder / "teacher.log"), heard))

    def targets(self, tensors: NDArray[np.float32], labels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Targets float32 [N, L] for windows float32 [N, *shape]: mostly what teachers say, else `labels` [N, L]."""
        # Each was standardised by the statistics of its own training.
        frames = tensors * np.asarray(self._taught.std, np.float32) + np.asarray(self._taught.mean, np.float32)
        said = [
            softmax(
                np.asarray(model.predict_on_batch((frames - np.array(heard.mean)) / np.array(heard.std)), np.float32)
            )
            for model, heard in self._teachers
        ]
        return np.asarray(_SHARE * np.mean(said, axis=0) + (1 - _SHARE) * labels, np.float32)


def _heard(run: Run) -> SpeechInput:
    if not isinstance(run.input, SpeechInput):
        raise ConfigError("expected a run of a speech model.")
    return run.input
