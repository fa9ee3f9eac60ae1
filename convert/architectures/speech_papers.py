"""The speech networks that papers on edge devices use, to compare with."""

from __future__ import annotations

from typing import Any

from convert.architectures.speech import over_time

_LSTM = 64
_CNN = (64, 128, 128)


def lstm(shape: tuple[int, ...], classes: int, dropout: float = 0.3) -> Any:
    """Two LSTM layers (Hochreiter and Schmidhuber 1997) over the frames; arguments as `separable`'s."""
    import keras
    from keras import layers

    inputs = layers.Input(shape, name="speech")
    x = layers.LSTM(_LSTM, return_sequences=True, unroll=False)(inputs)
    x = layers.Dropout(dropout)(layers.LSTM(_LSTM)(x))
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name="lstm")


def cnn(shape: tuple[int, ...], classes: int, dropout: float = 0.3) -> Any:
    """Three convolutions over time, each with pooling (as Issa et al. 2020); arguments as `separable`'s."""
    import keras
    from keras import layers

    inputs, x = over_time(shape)
    x = _convolutions(x, (5, 1), (4, 1))
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name="cnn")


def cnn_lstm(shape: tuple[int, ...], classes: int, dropout: float = 0.3) -> Any:
    """Convolutions over the picture of a spectrogram, then an LSTM (Zhao et al. 2019); arguments as `separable`'s."""
    import keras
    from keras import layers

    inputs = layers.Input(shape, name="speech")
    x = _convolutions(layers.Reshape((*shape, 1))(inputs), (3, 3), (2, 2), (16, 32, 32))
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)
    x = layers.Dropout(dropout)(layers.LSTM(_LSTM)(x))
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name="cnn_lstm")


def _convolutions(x: Any, kernel: tuple[int, int], pool: tuple[int, int], channels: tuple[int, ...] = _CNN) -> Any:
    from keras import layers

    for count in channels:
        x = layers.Conv2D(count, kernel, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.MaxPooling2D(pool, padding="same")(x)
    return x
