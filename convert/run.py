"""A training run's folder: ``model.keras``, and ``run.json`` that says what its input and outputs mean."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from edge.errors import ConfigError
from edge.perceive.fusion_input import FusionInput
from edge.perceive.inputs import DetectorInput, FaceInput, SpeechInput

Task = Literal["face", "speech", "fusion", "detector"]
#: What describes the input of each task.
INPUTS: dict[str, Any] = {
    "face": FaceInput,
    "speech": SpeechInput,
    "fusion": FusionInput,
    "detector": DetectorInput,
}


@dataclass(frozen=True, slots=True)
class Run:
    """What a .keras file alone does not say: the task, the input's parameters, the labels in order of the logits.

    `about` is free information for the model card: architecture, recipe, data.
    """

    task: Task
    input: FaceInput | SpeechInput | FusionInput | DetectorInput
    labels: tuple[str, ...]
    about: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), indent=2, sort_keys=True)
        (folder / "run.json").write_text(text + "\n", encoding="utf-8")


def read_run(folder: Path) -> Run:
    """Read ``run.json`` of `folder`.

    Raises:
        ConfigError: it is missing or not what `Run.write` writes.
    """
    path = folder / "run.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in stored["input"].items()
        }
        spec = INPUTS[stored["task"]](**values)
        return Run(stored["task"], spec, tuple(stored["labels"]), stored["about"])
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read: {error.strerror}. Expected the folder of a run; "
            "make one with 'emotion-convert train'."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: expected what 'emotion-convert train' writes: {error!r}.") from error
