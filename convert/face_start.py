"""A face network with the weights that a training begins with."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from convert.architectures.registry import build_face_network
from convert.contract import prepared
from convert.datasets.faces import LABELS, Faces
from convert.dequantize import restore
from convert.face_recipe import FaceRecipe
from convert.run import read_run
from edge.errors import ConfigError

_RESTORED_ON = 512  # faces on which the statistics of batch normalisation are found again


def network(recipe: FaceRecipe, faces: Faces, start: str | None = None, second: str | None = None) -> Any:
    """The uncompiled `keras.Model` that `recipe` names, with the weights of `start` as far as there are any.

    Args:
        faces: to find the statistics of an int8 package's normalisation again, and the components of `recipe.pca`, on.
        start: ``imagenet``, a file of such weights, a run, a .keras file or an int8 package.
        second: name of a second head for the votes; both stand side by side in the output of a layer ``both``.

    Raises:
        ConfigError: the recipe names no network, or `start` is none or does not fit.
    """
    import keras
    from keras import layers

    weights = start if start == "imagenet" or _only_weights(start) else None
    made = build_face_network(
        recipe.architecture, recipe.input.shape, recipe.classes, recipe.dropout, recipe.head or None, weights
    )
    if keras.backend.backend() == "tensorflow":
        from convert.fused_normalisation import fused

        made = fused(made)
    source = Path(start) if start and not weights else None
    if source and (source / "model.json").is_file():
        sample = np.random.default_rng(recipe.seed).permutation(len(faces))[:_RESTORED_ON]
        restore(made, source, prepared(faces.images[sample], recipe.input))
        source = None
    inputs, logits = made.inputs[0], made.output
    embedding = made.get_layer("logits").input
    if recipe.pca:
        inputs = layers.Input(recipe.input.shape, name="face")
        inner = keras.Model(made.inputs, [logits, embedding], name=made.name)
        logits, embedding = inner(_pca(faces, recipe, inputs))
    outputs = logits
    if second:
        votes = layers.Dense(len(LABELS), name=second)(embedding)
        outputs = layers.Concatenate(name="both")([logits, votes])
    model = keras.Model(inputs, outputs, name=recipe.architecture)
    if source:
        _take_over(made if recipe.pca else model, source)
    return model


def _pca(faces: Faces, recipe: FaceRecipe, inputs: Any) -> Any:
    """Fixed layers that keep the share `pca` of the training pixels' variance, and give a picture again."""
    from keras import layers
    from sklearn.decomposition import PCA

    sample = np.random.default_rng(recipe.seed).permutation(len(faces))[:10_000]
    pixels = prepared(faces.images[sample], recipe.input).reshape(len(sample), -1)
    pca = PCA(recipe.pca, svd_solver="full").fit(pixels)
    down, up = layers.Dense(int(pca.n_components_), trainable=False), layers.Dense(pixels.shape[1], trainable=False)
    x = layers.Reshape(recipe.input.shape)(up(down(layers.Flatten()(inputs))))
    down.set_weights([pca.components_.T, -pca.mean_ @ pca.components_.T])
    up.set_weights([pca.components_, pca.mean_])
    return x


def _only_weights(start: str | None) -> bool:
    """Whether it is a Keras 2 file of weights without their network, as Keras Applications' are."""
    if not start or Path(start).suffix != ".h5" or not Path(start).is_file():
        return False
    import h5py  # type: ignore[import-untyped]

    try:
        with h5py.File(start) as file:
            return "model_config" not in file.attrs
    except OSError:
        return False


def provenance(start: str | None) -> Any:
    """What is told of the beginning: how a run was trained; of anything else its name, never where it lies."""
    if not start or start == "imagenet":
        return start
    folder = Path(start) if Path(start).is_dir() else Path(start).parent
    return read_run(folder).about if (folder / "run.json").is_file() else Path(start).resolve().name


def _take_over(network: Any, source: Path) -> None:
    """Copy the weights of the model in `source` into `network`, layer by layer, as far as both are the same."""
    import keras

    path = source / "model.keras" if source.is_dir() else source
    try:
        known = keras.models.load_model(path, compile=False)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: expected a Keras model to start from: {str(error).splitlines()[0]}") from error
    pairs = [
        (old, new)
        for old, new in zip(_weighted(known), _weighted(network), strict=False)
        if [weight.shape for weight in old.weights] == [weight.shape for weight in new.weights]
    ]
    taken = sum(math.prod(weight.shape) for old, _ in pairs for weight in old.weights)
    if taken < 0.5 * network.count_params():
        raise ConfigError(f"{path}: expected the network of the recipe, but most of its layers have other shapes.")
    for old, new in pairs:
        new.set_weights(old.get_weights())


def _weighted(model: Any) -> list[Any]:
    return [layer for layer in model.layers if layer.weights]
