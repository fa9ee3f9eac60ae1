"""The networks that papers report on FER2013, from Keras Applications and KerasHub; only the CNN is written here."""

from __future__ import annotations

from typing import Any

from edge.errors import ConfigError

# Keras Applications' name -> (range that its ImageNet weights were trained with, least side of the input).
_APPLICATIONS = {
    "VGG16": ("caffe", 32),
    "DenseNet121": ("torch", 32),
    "InceptionV3": ("signed", 75),
    "EfficientNetV2B0": ("signed", 32),
}
_CAFFE_MEAN = (103.939, 116.779, 123.68)  # blue, green, red; of Keras' own preprocess_input
_TORCH_MEAN, _TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_RESNET_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}  # He et al. 2016, table 1
_CNN_CHANNELS = (64, 128, 256, 512)


def cnn(shape: tuple[int, ...], classes: int, dropout: float) -> Any:
    """The usual CNN of FER2013 papers: four pairs of 3x3 convolutions with max pooling, and a dense layer."""
    import keras
    from keras import layers

    inputs = x = layers.Input(shape, name="face")
    for channels in _CNN_CHANNELS:
        for _ in range(2):
            x = layers.Conv2D(channels, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.MaxPooling2D(2)(x)
        x = layers.Dropout(dropout / 2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(256, use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name="cnn")


def application(name: str, shape: tuple[int, ...], classes: int, dropout: float, weights: str | None) -> Any:
    """The network `name` of keras.applications, for pixels in [-1, 1].

    Args:
        weights: None, ``imagenet`` (Keras downloads them once) or a file of weights without the top.
    """
    import keras
    from keras import layers

    preprocessing, least = _APPLICATIONS[name]
    inputs = layers.Input(shape, name="face")
    x = _as_trained(_at_least(_three_channels(inputs), least), preprocessing)
    options = {"include_preprocessing": False} if name.startswith("EfficientNetV2") else {}
    try:
        body = getattr(keras.applications, name)(include_top=False, weights=weights, input_tensor=x, **options)
    except Exception as error:  # Keras raises a bare one where it cannot download
        if weights is None:
            raise
        raise ConfigError(f"{name}: weights {weights} cannot be used: {str(error).splitlines()[0]}") from error
    x = layers.GlobalAveragePooling2D()(body.output)
    x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name=name.lower())


def resnet(depth: int, shape: tuple[int, ...], classes: int, dropout: float) -> Any:
    """ResNet-18 or -34 of KerasHub, for pixels in [-1, 1]."""
    import keras
    from keras import layers

    body = _hub().ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 128, 256, 512],
        stackwise_num_blocks=list(_RESNET_BLOCKS[depth]),
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="basic_block",
        image_shape=shape,
    )
    x = layers.GlobalAveragePooling2D()(body.output)
    x = layers.Dropout(dropout)(x)
    return keras.Model(body.inputs, layers.Dense(classes, name="logits")(x), name=f"resnet{depth}")


def vit(patch: int, shape: tuple[int, ...], classes: int, dropout: float) -> Any:
    """ViT-B/16 or B/32 (Dosovitskiy et al. 2021) of KerasHub, for pixels in [-1, 1] and sides of any length."""
    import keras
    from keras import layers

    inputs = layers.Input(shape, name="face")
    height, width = (-(-side // patch) * patch for side in shape[:2])
    x = _resized(_three_channels(inputs), height, width)
    body = _hub().ViTBackbone(
        image_shape=(height, width, 3),
        patch_size=(patch, patch),
        num_layers=12,
        num_heads=12,
        hidden_dim=768,
        mlp_dim=3072,
    )
    # Its blocks as layers of this model, so that what is between them can be looked at.
    x = body.get_layer("vit_patching_and_embedding")(x)
    encoder = body.get_layer("vit_encoder")
    for block in encoder.encoder_layers:
        x = block(x)
    x = encoder.layer_norm(x)
    x = layers.Dropout(dropout)(x[:, 0])  # the class token
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name=f"vit-b{patch}")


def _hub() -> Any:
    try:
        import keras_hub
    except ImportError as error:
        raise ConfigError(
            f"this architecture comes from KerasHub: {error}. Install it with \"pip install 'emotion-edge[papers]'\"."
        ) from error
    return keras_hub.models


def _three_channels(x: Any) -> Any:
    from keras import layers

    return layers.Concatenate()([x, x, x]) if x.shape[-1] == 1 else x


def _at_least(x: Any, side: int) -> Any:
    height, width = x.shape[1:3]
    return _resized(x, max(height, side), max(width, side))


def _resized(x: Any, height: int, width: int) -> Any:
    from keras import layers

    return x if x.shape[1:3] == (height, width) else layers.Resizing(height, width)(x)


def _as_trained(x: Any, preprocessing: str) -> Any:
    """From [-1, 1] to what keras.applications' preprocess_input gives."""
    from keras import layers

    if preprocessing == "caffe":
        blue_green_red = layers.Concatenate()([x[..., 2:], x[..., 1:2], x[..., :1]])
        return layers.Rescaling(127.5, [127.5 - mean for mean in _CAFFE_MEAN])(blue_green_red)
    if preprocessing == "torch":
        offsets = [(0.5 - mean) / std for mean, std in zip(_TORCH_MEAN, _TORCH_STD, strict=True)]
        return layers.Rescaling([0.5 / std for std in _TORCH_STD], offsets)(x)
    return x
