"""Every choice of a face training with a sound default; a TOML file or ``--set`` changes any of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from convert.augment_faces import Augmentation
from convert.datasets.faces import LABELS
from convert.fit import Recipe
from edge.errors import ConfigError
from edge.perceive.inputs import FaceInput
from edge.records import EMOTIONS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True)
class FaceRecipe(Recipe):
    """What `train face` does; see docs/models.md for each value's meaning.

    `hard_share` is the weight of the data set's label in the target; the rest is the soft target that a regression
    makes of the FER+ votes and of the teachers, where there are any. `view_share` of both is replaced by what the
    teachers say of the very picture, as augmented and mixed (Beyer et al. 2022). `votes_head` is the weight of a second
    head that learns the FER+ votes and is kept as a run of its own; `class_balance` from 0 (none) to 1 (each emotion
    counts the same).
    """

    epochs: int = 30
    batch: int = 128
    learning_rate: float = 2.5e-3
    weight_decay: float = 0.05
    warmup_epochs: int = 2
    label_smoothing: float = 0.0  # the soft targets are smooth enough
    ema: float = 0.99  # like the statistics of batch normalisation: a longer average would not fit them
    seed: int = 2013
    architecture: str = "edge"
    head: str = ""  # the architecture's own
    size: int = 48
    channels: int = 1
    classes: int = 7
    crop_margin: float = 0.0
    labels: str = "fer"
    dropout: float = 0.3
    hard_share: float = 0.35
    view_share: float = 0.0
    votes_head: float = 0.4
    mixup: float = 0.0
    class_balance: float = 0.0
    pca: float = 0.0
    augmentation: Augmentation = field(default_factory=Augmentation)

    @property
    def input(self) -> FaceInput:
        return FaceInput(self.size, self.size, self.channels, -1.0, 1.0, self.crop_margin)

    @property
    def names(self) -> tuple[str, ...]:
        return LABELS[: self.classes]


_LIMITS = {
    "epochs": (1, 10_000),
    "batch": (1, 65_536),
    "size": (24, 1024),
    "channels": (1, 3),
    "classes": (len(EMOTIONS), len(LABELS)),
    "ema": (0.0, 0.9999),
    "pca": (0.0, 0.9999),
    "minutes": (0.0, 1e5),
    "learning_rate": (1e-8, 10.0),
    "augmentation.rotate_degrees": (0.0, 180.0),
    "augmentation.brightness": (0.0, 255.0),
}
_NATURAL = {"seed", "patience", "warmup_epochs"}  # whole numbers without an upper limit


def read_recipe(path: Path | None = None, settings: Sequence[str] = (), start: FaceRecipe | None = None) -> FaceRecipe:
    """The recipe in the TOML file `path`, changed by `settings` such as ``augmentation.blur=0.2``.

    Args:
        start: what applies where neither says anything; without it the defaults.

    Raises:
        ConfigError: unknown names or wrong values, all of them in one message.
    """
    given: dict[str, Any] = {}
    if path is not None:
        try:
            given = _flat(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path}: expected a recipe in TOML: {error}.") from error
    for setting in settings:
        name, _, text = setting.partition("=")
        try:
            given[name.strip()] = tomllib.loads(f"value = {text}")["value"]
        except ValueError:
            given[name.strip()] = text.strip()
    base = start or FaceRecipe()
    known = _flat(asdict(base))
    wrong = [message for name, value in given.items() if (message := _wrong(name, value, known))]
    if wrong:
        raise ConfigError(f"{path or '--set'}: " + "; ".join(wrong) + ".")
    merged = {name: type(known[name])(given.get(name, known[name])) for name in known}
    inner = {name.partition(".")[2]: value for name, value in merged.items() if "." in name}
    outer = {name: value for name, value in merged.items() if "." not in name}
    return replace(base, **outer, augmentation=Augmentation(**inner))


def recipe_toml(recipe: FaceRecipe) -> str:
    """The recipe as TOML, to be changed and given to ``--recipe``."""

    def line(name: str, value: Any) -> str:
        return f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}"

    values = asdict(recipe)
    inner = values.pop("augmentation")
    lines = [line(name, value) for name, value in values.items()]
    return "\n".join([*lines, "", "[augmentation]", *(line(name, value) for name, value in inner.items()), ""])


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return flat


def _wrong(name: str, value: Any, known: Mapping[str, Any]) -> str:
    if name not in known:
        names = ", ".join(field.name for field in fields(FaceRecipe))
        return f"{name}: no such setting; those are {names}, and augmentation.*"
    kind = type(known[name])
    if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else kind):
        return f"{name}: expected {kind.__name__}, got {value!r}"
    if kind is str:
        return ""
    if name in _NATURAL:
        return "" if value >= 0 else f"{name}: expected 0 or more, got {value}"
    low, high = _LIMITS.get(name, (0.0, 1.0))
    if name == "channels" and value == 2:
        return "channels: expected 1 or 3, got 2"
    return "" if low <= value <= high else f"{name}: expected {low} to {high}, got {value}"
