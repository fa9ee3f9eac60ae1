"""Where a face network looks: Grad-CAM (Selvaraju et al. 2017) and feature maps, as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.float_model import load_keras
from convert.run import Run, read_run
from edge.errors import ConfigError
from edge.perceive.inputs import FaceInput
from edge.perceive.pictures import face_tensor

_SIDE = 192  # pixels of each tile
_MAPS = 16  # channels of a feature map that are shown, those with most activity
_ALPHA = 0.5


def explain(run: Path, images: Sequence[Path], out: Path, emotion: str | None, layer: str | None = None) -> list[Path]:
    """Write ``<image>-gradcam.png`` and ``<image>-features.png`` for each of `images` to `out`.

    Grad-CAM: the face, and how much each place speaks for `emotion` (without it, for the network's own answer), red
    most. Features: the channels of `layer` with the most activity.

    Args:
        run: folder of a run, or a .keras file with a run.json beside it.
        images: pictures of one face each, cut like the training data.
        layer: its name in the network; without it the last one that still has places.

    Returns:
        The files written.

    Raises:
        ConfigError: a picture, the run, the emotion or the layer cannot be used.
    """
    path = run / "model.keras" if run.is_dir() else run
    about = read_run(path.parent)
    if not isinstance(about.input, FaceInput):
        raise ConfigError(f"{path}: expected the run of a face model.")
    if emotion is not None and emotion not in about.labels:
        raise ConfigError(f"--emotion: expected one of {', '.join(about.labels)}, got {emotion!r}.")
    model = load_keras(path, out / "keras.log")
    candidates = [_layer(model, layer)] if layer else _layers(model)[::-1]
    written = []
    for image in images:
        label = about.labels.index(emotion) if emotion else None
        written += _explain_one(model, candidates, about, _read(image), label, out / image.stem)
    return written


def grad_cam(
    model: Any, layer: Any, tensor: NDArray[np.float32], label: int | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """How much each place of the output of `layer` speaks for `label`, without `label` for the largest of the logits.

    Args:
        tensor: float32 [H, W, C], one face.

    Returns:
        Heat float32 [h, w] in [0, 1], all 0 where no place matters; the layer's output [h, w, C]; the logits [K].
    """
    import keras
    import tensorflow as tf

    watched = keras.Model(model.input, [layer.output, model.output])
    with tf.GradientTape() as tape:
        features, logits = watched(tensor[np.newaxis], training=False)
        score = logits[0, int(np.argmax(logits[0])) if label is None else label]
    slopes = tape.gradient(score, features)
    maps = _places(np.asarray(features))
    if slopes is None:
        return np.zeros(maps.shape[:2], np.float32), maps, np.asarray(logits[0])
    weighted = np.maximum((maps * _places(np.asarray(slopes)).mean(axis=(0, 1))).sum(axis=-1), 0)
    return np.asarray(weighted / max(float(weighted.max()), 1e-12), np.float32), maps, np.asarray(logits[0])


def _places(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """[1, h, w, C] or tokens [1, T, C], perhaps with a class token in front -> [h, w, C]."""
    one: NDArray[np.float32] = features[0]
    if one.ndim == 3:
        return one
    side = int(len(one) ** 0.5)
    return one[len(one) - side * side :].reshape(side, side, -1)


def _layers(model: Any) -> list[Any]:
    """The layers with places: a map larger than 1x1, or tokens."""
    found = [layer for layer in model.layers if _has_places(layer)]
    if not found:
        raise ConfigError("the network has no layer with places to show.")
    return found


def _layer(model: Any, name: str) -> Any:
    found = _layers(model)
    for layer in found:
        if layer.name == name:
            return layer
    names = ", ".join(layer.name for layer in found[-12:])
    raise ConfigError(f"--layer: expected one with places; the last are {names}; got {name!r}.")


def _has_places(layer: Any) -> bool:
    try:
        shape = layer.output.shape
    except AttributeError:
        return False
    return (len(shape) == 4 and min(shape[1:3]) > 1) or (len(shape) == 3 and (shape[1] or 0) >= 4)


def _read(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ConfigError(f"{path}: expected a picture, cannot read it.")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def _explain_one(
    model: Any, candidates: list[Any], run: Run, face: NDArray[np.uint8], label: int | None, stem: Path
) -> list[Path]:
    spec = run.input
    assert isinstance(spec, FaceInput)  # noqa: S101 - checked by the caller, for mypy
    tensor = face_tensor(face, spec)
    # The last layer that matters: behind a transformer's last block only the class token does.
    for layer in candidates:
        heat, features, logits = grad_cam(model, layer, tensor, label)
        if heat.any():
            break
    answer = int(np.argmax(logits)) if label is None else label
    seen = cv2.resize(cv2.cvtColor(face, cv2.COLOR_RGB2BGR), (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    wide = cv2.resize(heat, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    colours = cv2.applyColorMap(np.uint8(np.clip(wide, 0, 1) * 255), cv2.COLORMAP_JET)
    laid_over = cv2.addWeighted(seen, 1 - _ALPHA, colours, _ALPHA, 0)
    probability = np.exp(logits - logits.max())
    text = f"{run.labels[answer]} {100 * float(probability[answer] / probability.sum()):.0f} %"
    caption = np.full((24, 2 * _SIDE, 3), 255, np.uint8)
    cv2.putText(caption, text, (6, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    picture = np.vstack([np.hstack([seen, laid_over]), caption])
    files = [stem.with_name(f"{stem.name}-gradcam.png"), stem.with_name(f"{stem.name}-features.png")]
    for path, content in zip(files, (picture, _feature_maps(features)), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(path), content):
            raise ConfigError(f"{path}: cannot be written.")
    return files


def _feature_maps(features: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The most active channels of [h, w, C] as a square of grey tiles, each from its least to its greatest value."""
    active = np.argsort(-features.std(axis=(0, 1)), kind="stable")[:_MAPS]
    tiles = []
    for channel in active:
        values = features[..., channel]
        scaled = (values - values.min()) / max(float(np.ptp(values)), 1e-12)
        tile = cv2.resize(np.uint8(255 * scaled), (_SIDE // 2, _SIDE // 2), interpolation=cv2.INTER_NEAREST)
        tiles.append(cv2.copyMakeBorder(tile, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=255))
    columns = int(np.ceil(len(tiles) ** 0.5))
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    return np.asarray(
        np.vstack([np.hstack(tiles[row : row + columns]) for row in range(0, len(tiles), columns)]), np.uint8
    )
