"""From a map of features to logits: three ways, for any network."""

from __future__ import annotations

from typing import Any, Literal, get_args

#: ``pool`` averages the map. ``weighted`` gives each place of each channel a weight of its own, as faces are aligned
#: (MobileFaceNet's global depthwise convolution, Chen et al. 2018). ``attention`` is patch extraction and attention.
Head = Literal["pool", "weighted", "attention"]
HEADS: tuple[str, ...] = get_args(Head)


def attach(inputs: Any, x: Any, classes: int, head: Head, dropout: float, name: str) -> Any:
    """The model from `inputs` over the feature map `x` [B, h, w, C] to logits [B, classes]."""
    import keras
    from keras import layers

    pooled = {"pool": _pool, "weighted": _weighted, "attention": _attention}[head](x)
    x = layers.Dropout(dropout)(pooled)
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name=name)


def _pool(x: Any) -> Any:
    from keras import layers

    return layers.GlobalAveragePooling2D()(x)


def _weighted(x: Any) -> Any:
    import keras
    from keras import layers

    height, width = x.shape[1:3]
    x = layers.DepthwiseConv2D(
        (height, width),
        padding="valid",
        use_bias=False,
        depthwise_initializer=keras.initializers.Constant(1 / (height * width)),  # starts as the average
    )(x)
    return layers.Flatten()(layers.BatchNormalization()(x))


def _attention(x: Any) -> Any:
    """Patch extraction and attention after PAtt-Lite (Ngwe et al. 2023), the attention being between patches.

    The authors' code puts its attention behind the pooling, where on a matrix [B, C] it mixes the images of a batch.
    """
    from keras import layers

    channels = x.shape[-1]
    x = layers.SeparableConv2D(channels, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.SeparableConv2D(channels, 2, padding="same", activation="relu")(x)
    x = layers.Conv2D(channels, 1, activation="relu")(x)
    patches = layers.Reshape((-1, channels))(x)
    attended = layers.Attention(use_scale=True)([patches, patches])
    return layers.GlobalAveragePooling1D()(layers.Add()([patches, attended]))
