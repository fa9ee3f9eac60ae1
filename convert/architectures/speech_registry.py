"""The speech models by the name that `train speech --architecture` takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from convert.architectures.speech import separable
from convert.architectures.speech_fitted import elm, svm
from convert.architectures.speech_papers import cnn, cnn_lstm, lstm
from edge.errors import ConfigError


@dataclass(frozen=True, slots=True)
class SpeechArchitecture:
    """`build` makes a network from shape and classes, or `solve` a model from tensors, labels, classes and a seed."""

    about: str
    build: Callable[..., Any] | None = None
    solve: Callable[..., Any] | None = None
    log_mel: bool = False


SPEECH_ARCHITECTURES = {
    "separable": SpeechArchitecture("depthwise-separable residual network for the device", separable),
    "separable-wide": SpeechArchitecture("three times as many channels: a teacher", partial(separable, width=3)),
    "separable-causal": SpeechArchitecture("that looks at the past alone", partial(separable, causal=True)),
    "separable-attention": SpeechArchitecture("that weighs moments before pooling", partial(separable, attention=True)),
    "lstm": SpeechArchitecture("LSTM on MFCC", lstm),
    "cnn": SpeechArchitecture("CNN on MFCC", cnn),
    "cnn-lstm": SpeechArchitecture("CNN and LSTM on the log-mel spectrogram", cnn_lstm, log_mel=True),
    "svm": SpeechArchitecture("linear SVM on statistics of the features", solve=svm),
    "elm": SpeechArchitecture("extreme learning machine on the same statistics", solve=elm),
}


def speech_architecture(name: str) -> SpeechArchitecture:
    """The architecture `name`.

    Raises:
        ConfigError: there is none of this name.
    """
    if name not in SPEECH_ARCHITECTURES:
        raise ConfigError(f"architecture: expected one of {', '.join(SPEECH_ARCHITECTURES)}, got {name!r}.")
    return SPEECH_ARCHITECTURES[name]
