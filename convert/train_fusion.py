"""Train the late fusion on synthetic pairs, and measure it by people and pictures that it never met."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.calibrate import fit_temperature
from convert.evaluate import outputs
from convert.int8 import convert_int8
from convert.keras_start import start_keras
from convert.metrics import figures, uar
from convert.package import write_package
from convert.pairs import VOICE_AT_LEAST, Pair, Said, as_tensors, fresh_pairs, noise_places, training_pairs, with_speech
from convert.run import Run
from convert.senses import Senses, joined, what_senses_said, write_senses
from edge.fuse.pooling import POOLS
from edge.perceive.fusion_input import FusionInput
from edge.perceive.package import load_package
from edge.perceive.runtime import Model, softmax
from edge.records import EMOTIONS, Sensed

FUSION_INPUT = FusionInput(least_probability=1e-3, fade_ms=2000)
#: The weights of the rules, the defaults of the section [fusion].
WEIGHTS = {"face": 0.7, "speech": 0.3}
_REPRESENTATIVE = 500
_BATCH = 256
_LEARNING_RATE = 2e-3
_FACES_OF = 4  # test pairs for each clip
#: The conditions in which ways of fusion are compared.
BOTH, NO_VOICE = "face and voice", "no voice"
NOISE_AS_VOICE, NOISE_ON_DEVICE = "noise as the voice", "noise as the voice, as the device hears it"
#: UAR and ECE by condition and strategy.
Figures = dict[str, dict[str, dict[str, float]]]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is drawn and trained."""

    pairs: int = 60_000
    epochs: int = 12
    seed: int = 7


#: Those of the package that ships.
SIZES = Sizes()


def train_fusion(speech: Path, face: Path, data: Path, out: Path, sizes: Sizes = SIZES) -> Figures:
    """Write the run `out`; the figures, by condition and strategy.

    Each fold's figures are of a fusion trained without its actors, without its noises and on PublicTest's faces only,
    tried on PrivateTest's. The run's model is trained on all actors and PublicTest.

    Args:
        speech: the run of the speech model with its fold models.
        face: a face package.

    Raises:
        ConfigError, ModelError: something is missing.
    """
    start_keras(out.with_name(f"{out.name}.log"), tensorflow=True)
    senses = what_senses_said(speech, face, data)
    metrics = mean_of_folds([fusion_figures(senses, fold, sizes, out) for fold in range(len(senses.voices))])
    everybody = joined(senses.voices), joined(senses.noises)
    network, _, _ = _trained(senses.public, *everybody, sizes, out)
    about = {"data": ["fer2013", "ravdess", "noise"], "sizes": asdict(sizes), "figures": metrics}
    Run("fusion", FUSION_INPUT, EMOTIONS, about).write(out)
    network.save(out / "model.keras")
    write_senses(senses, out)
    return metrics


def _trained(faces: Said, voices: Said, noises: Said, sizes: Sizes, out: Path) -> tuple[Any, bytes, float]:
    """The float network, the int8 model and its temperature."""
    import keras

    from convert.architectures.fusion import late_fusion

    pairs = training_pairs(faces, voices, noises, sizes.pairs, sizes.seed)
    tensors, labels = as_tensors(pairs, FUSION_INPUT)
    keras.utils.set_random_seed(sizes.seed)
    network = late_fusion(FUSION_INPUT.shape, len(EMOTIONS))
    steps = max(1, len(tensors) // _BATCH) * sizes.epochs
    network.compile(
        keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(_LEARNING_RATE, steps), weight_decay=0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    network.fit(tensors, labels, batch_size=_BATCH, epochs=sizes.epochs, verbose=0)
    tflite = convert_int8(network, tensors[:_REPRESENTATIVE], out.with_name(f"{out.name}.log"))
    return network, tflite, fit_temperature(network.predict(tensors, verbose=0, batch_size=4096), labels)


def fusion_figures(senses: Senses, fold: int, sizes: Sizes, out: Path) -> Figures:
    """UAR and ECE of every strategy in every condition, for the people and noises of one fold."""
    others = [number for number in range(len(senses.voices)) if number != fold]
    voices, noises = (joined([said[number] for number in others]) for said in (senses.voices, senses.noises))
    network, tflite, temperature = _trained(senses.public, voices, noises, sizes, out)
    run = Run("fusion", FUSION_INPUT, EMOTIONS, {})
    with tempfile.TemporaryDirectory() as folder:
        write_package(Path(folder), run, tflite, temperature)
        int8 = Model(load_package(Path(folder), "fusion"))
    both = fresh_pairs(senses.private, senses.voices[fold], pairs_tried(senses, fold), sizes.seed)
    conditions = {BOTH: both}
    heard = senses.noises[fold]
    if len(heard.labels):
        as_it_is, on_device = noise_places(heard, len(both), sizes.seed)

        def noise(place: int) -> Sensed | None:
            return heard.sensed(int(as_it_is[place]), 1.0, 300.0)

        def passed(place: int) -> Sensed | None:
            said = heard.sensed(int(on_device[place]), 1.0, 300.0)
            return said if said.quality >= VOICE_AT_LEAST else None

        conditions |= {NOISE_AS_VOICE: with_speech(both, noise), NOISE_ON_DEVICE: with_speech(both, passed)}
    conditions[NO_VOICE] = with_speech(both, lambda _: None)
    return {name: _strategies(pairs, network, int8, temperature) for name, pairs in conditions.items()}


def pairs_tried(senses: Senses, fold: int) -> int:
    """How many pairs the figures of a fold are of."""
    return _FACES_OF * len(senses.voices[fold].labels)


def mean_of_folds(measured: Sequence[Figures]) -> Figures:
    """The mean of the figures of all folds; a condition that not every fold could be tried in is left out."""
    conditions = [name for name in measured[0] if all(name in fold for fold in measured)]
    return {
        condition: {name: _mean([fold[condition][name] for fold in measured]) for name in measured[0][condition]}
        for condition in conditions
    }


def _strategies(pairs: list[Pair], network: Any, int8: Model, temperature: float) -> dict[str, dict[str, float]]:
    tensors, labels = as_tensors(pairs, FUSION_INPUT)
    answers = {
        "face alone": np.stack([_alone(pair.face) for pair in pairs]),
        "voice alone": np.stack([_alone(pair.speech) for pair in pairs]),
        **{name: np.stack([_pooled(pair, name) for pair in pairs]) for name in POOLS},
        "learned, float": softmax(network.predict(tensors, verbose=0, batch_size=4096), temperature),
        "learned": int8.emotions(outputs(int8, tensors)),
    }
    # A sense that says nothing is not asked: the device passes the other on as it is.
    single = np.array([pair.face is None or pair.speech is None for pair in pairs])
    for name in ("learned, float", "learned"):
        answers[name] = np.where(single[:, np.newaxis], answers["log_linear"], answers[name])
    return {
        name: {"uar": round(uar(said.argmax(axis=1), labels), 4), "ece": figures(said, labels)["ece"]}
        for name, said in answers.items()
    }


def _alone(sense: Sensed | None) -> NDArray[np.float32]:
    return np.full(len(EMOTIONS), 1 / len(EMOTIONS), np.float32) if sense is None else sense.probabilities


def _pooled(pair: Pair, strategy: str) -> NDArray[np.float32]:
    senses = {"face": pair.face, "speech": pair.speech}
    there = {name: sense for name, sense in senses.items() if sense is not None}
    weights = [WEIGHTS[name] * sense.quality for name, sense in there.items()]
    trust = max(sense.quality for sense in there.values())
    return np.asarray(POOLS[strategy]([sense.probabilities for sense in there.values()], weights, trust), np.float32)


def _mean(each: list[dict[str, float]]) -> dict[str, float]:
    return {key: round(float(np.mean([values[key] for values in each])), 4) for key in each[0]}


def fusion_table(metrics: Figures) -> str:
    """UAR of every strategy, a row, in every condition, a column, for a terminal."""
    lines = [f"{number}: {condition}" for number, condition in enumerate(metrics, 1)]
    lines.append(f"{'UAR':16}" + "".join(f"{number:>10}" for number in range(1, len(metrics) + 1)))
    for strategy in next(iter(metrics.values())):
        shares = "".join(f"{100 * answers[strategy]['uar']:8.2f} %" for answers in metrics.values())
        lines.append(f"{strategy:16}{shares}")
    return "\n".join(lines)
