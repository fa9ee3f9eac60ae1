"""Early fusion, as an experiment: what both networks know before their last layers, joined and classified by another.

Nothing of it ships. It needs the voice's embedding at the moment of the face's, so it can neither wait for a sense nor
weigh how old or how good it is, and it must be trained anew with every new model of a face or a voice. Here it is only
compared with late fusion, on the same synthetic pairs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convert.card import comparison
from convert.datasets.fer2013 import load
from convert.datasets.speech import load_corpora
from convert.embeddings import before_last, embeddings
from convert.float_model import load_keras
from convert.folds import fold_folders, held_out_voices
from convert.heard import held_out_noise, noise_windows
from convert.keras_start import start_keras
from convert.metrics import figures, uar
from convert.pairs import MISSING, NOISE, VOICE_AT_LEAST, fresh_places, noise_places
from convert.representative import SEED
from convert.run import read_run
from convert.senses import Senses, what_senses_said
from convert.train_fusion import (
    BOTH,
    NO_VOICE,
    NOISE_AS_VOICE,
    NOISE_ON_DEVICE,
    SIZES,
    Figures,
    Sizes,
    fusion_figures,
    mean_of_folds,
    pairs_tried,
)
from convert.voices import Voices, load_voices
from edge.errors import ConfigError
from edge.perceive.features import normalise_frames
from edge.perceive.inputs import FaceInput
from edge.perceive.runtime import softmax
from edge.records import EMOTIONS

_HIDDEN = 64
_DROPOUT = 0.3
_BATCH = 256
_LEARNING_RATE = 1e-3
_NAME = "early"


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What a network knows of N examples: values float32 [N, D], labels int64 [N] (indices of EMOTIONS)."""

    values: NDArray[np.float32]
    labels: NDArray[np.int64]


class EarlyFusion:
    """A network on the joined embeddings of a face and a voice, trained at once.

    Args:
        faces, voices: what it is trained on, paired by their labels.
        noises: float32 [N, D] as the voices' values, perhaps none: they stand for some voices; senses are missing too.
    """

    def __init__(self, faces: Known, voices: Known, noises: NDArray[np.float32], sizes: Sizes) -> None:
        import keras
        from keras import layers

        self._face_scale, self._voice_scale = _scale(faces.values), _scale(voices.values)
        rng = np.random.default_rng(sizes.seed)
        labels = np.arange(sizes.pairs) % len(EMOTIONS)
        tensors = self._tensors(
            faces.values[_of(faces.labels, labels, rng)], voices.values[_of(voices.labels, labels, rng)]
        )
        self._disturb(tensors, noises, rng)
        keras.utils.set_random_seed(sizes.seed)
        inputs = layers.Input((tensors.shape[1],))
        x = layers.Dropout(_DROPOUT)(layers.Dense(_HIDDEN, activation="relu")(inputs))
        self._network = keras.Model(inputs, layers.Dense(len(EMOTIONS))(x))
        steps = max(1, len(tensors) // _BATCH) * sizes.epochs
        self._network.compile(
            keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(_LEARNING_RATE, steps), weight_decay=0.01),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=False,
        )
        self._network.fit(tensors, labels, batch_size=_BATCH, epochs=sizes.epochs, verbose=0)

    def answer(
        self, faces: NDArray[np.float32], voices: NDArray[np.float32], heard: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Probabilities float32 [N, 7] for embeddings float32 [N, D] of each; `heard` bool [N]: a voice is there."""
        tensors = self._tensors(faces, voices)
        tensors[~heard, faces.shape[1] + 1 :] = 0
        return softmax(np.asarray(self._network.predict(tensors, verbose=0, batch_size=4096), np.float32))

    def _tensors(self, faces: NDArray[np.float32], voices: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 [N, D of faces + 1 + D of voices + 1]: both standardised, each with a one for being there."""
        there = np.ones((len(faces), 1), np.float32)
        parts = [_scaled(faces, self._face_scale), there, _scaled(voices, self._voice_scale), there]
        return np.concatenate(parts, axis=1)

    def _disturb(self, tensors: NDArray[np.float32], noises: NDArray[np.float32], rng: np.random.Generator) -> None:
        """Take away senses, and voices for noises, as often as in the training of late fusion."""
        width = len(self._face_scale[0])
        chance = rng.random(len(tensors))
        tensors[chance < MISSING, : width + 1] = 0
        tensors[(chance >= MISSING) & (chance < 2 * MISSING), width + 1 :] = 0
        noisy = np.flatnonzero((chance >= 2 * MISSING) & (rng.random(len(tensors)) < NOISE))
        if len(noises):
            drawn = noises[rng.integers(len(noises), size=len(noisy))]
            tensors[noisy, width + 1 : -1] = _scaled(drawn, self._voice_scale)


def compare_early(speech: Path, face: Path, face_run: Path, data: Path, out: Path, sizes: Sizes = SIZES) -> Figures:
    """Late fusion's figures, as of `train_fusion`, and those of ``early`` beside them; report.json and .md in `out`.

    The early fusion of a fold is trained on what that fold's own float model knows of the actors that it was trained
    on, and of PublicTest's faces; tried on the held-out actors, noises and PrivateTest.

    Args:
        face: the package that the late fusion hears.
        face_run: the float network that it was made of.

    Raises:
        ConfigError, ModelError: something is missing.
    """
    log = out / "keras.log"
    start_keras(log, tensorflow=True)
    spec = read_run(face_run).input
    if not isinstance(spec, FaceInput):
        raise ConfigError(f"{face_run}: expected a run of a face model.")
    network = load_keras(face_run / "model.keras", log)
    halves = [load(data / "fer2013", split) for split in ("public_test", "private_test")]
    public, private = (Known(embeddings(network, faces, spec), faces.labels) for faces in halves)
    senses = what_senses_said(speech, face, data)
    measured = []
    for fold, folder in enumerate(fold_folders(speech)):
        late = fusion_figures(senses, fold, sizes, out / "late")
        for condition, values in _early(senses, fold, folder, data, public, private, sizes, log).items():
            late[condition][_NAME] = values
        measured.append(late)
    metrics = mean_of_folds(measured)
    title = "synthetic pairs, unheard actors"
    (out / "report.json").write_text(json.dumps({title: metrics}, indent=2) + "\n", encoding="utf-8")
    (out / "report.md").write_text("\n".join([*comparison(title, metrics), ""]), encoding="utf-8")
    return metrics


def _early(
    senses: Senses, fold: int, folder: Path, data: Path, public: Known, private: Known, sizes: Sizes, log: Path
) -> dict[str, dict[str, float]]:
    """UAR and ECE of an early fusion in each condition that a fold's noises allow."""
    run, spec, unheard = held_out_voices(folder, data)
    inner = before_last(load_keras(folder / "model.keras", log))

    def known(tensors: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(inner.predict(tensors, verbose=0), np.float32)

    def spoken(voices: Voices) -> Known:
        return Known(known(np.stack([normalise_frames(window, spec) for window in voices.windows])), voices.labels)

    ravdess = [clip for clip in load_corpora(data) if clip.corpus == "ravdess"]
    voices = spoken(load_voices([clip for clip in ravdess if clip.speaker not in run.about["held_out"]], spec, SEED))
    tried = spoken(unheard)
    others = [path for path in fold_folders(folder.parent) if path != folder]
    learned = noise_windows([sound for path in others for sound in held_out_noise(path, data)], spec)
    fusion = EarlyFusion(public, voices, known(learned) if len(learned) else voices.values[:0], sizes)

    count = pairs_tried(senses, fold)
    places = fresh_places(senses.private, senses.voices[fold], count, sizes.seed)
    seen, labels = private.values[places[:, 0]], private.labels[places[:, 0]]
    voice = tried.values[places[:, 1]]
    always = np.ones(count, bool)
    conditions = {BOTH: (voice, always), NO_VOICE: (voice, ~always)}
    noises = senses.noises[fold]
    if len(noises.labels):
        alone = known(noise_windows(held_out_noise(folder, data), spec))
        raw, on_device = noise_places(noises, count, sizes.seed)
        conditions[NOISE_AS_VOICE] = alone[raw], always
        conditions[NOISE_ON_DEVICE] = alone[on_device], noises.quality[on_device] >= VOICE_AT_LEAST
    answers = {name: fusion.answer(seen, *heard) for name, heard in conditions.items()}
    return {
        name: {"uar": round(uar(said.argmax(axis=1), labels), 4), "ece": figures(said, labels)["ece"]}
        for name, said in answers.items()
    }


def _of(labels: NDArray[np.int64], wanted: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """int64 [len(wanted)]: places of random examples whose label is the one that is wanted."""
    places = np.zeros(len(wanted), np.int64)
    for label in np.unique(wanted):
        here = wanted == label
        places[here] = rng.choice(np.flatnonzero(labels == label), int(here.sum()))
    return places


def _scale(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return values.mean(axis=0), values.std(axis=0) + 1e-3


def _scaled(values: NDArray[np.float32], scale: tuple[NDArray[np.float32], NDArray[np.float32]]) -> NDArray[np.float32]:
    mean, std = scale
    return np.asarray((values - mean) / std, np.float32)
