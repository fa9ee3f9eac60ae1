"""Which emotion the labels of a model mean, whatever words its author used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.records import EMOTIONS

# Other data sets' words for the same classes. Contempt (AffectNet-8, FER+) has no place among the seven: its
# probability is left out and the others are scaled up to 1 again.
_ALIASES = {
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprised": "surprise",
    "calm": "neutral",
}
#: The class of windows in which nobody speaks; it is no emotion either.
NO_SPEECH = "no_speech"
LEFT_OUT = ("contempt", NO_SPEECH)
#: Every word that a package may use.
KNOWN = frozenset((*EMOTIONS, *_ALIASES, *LEFT_OUT))


def emotion_matrix(labels: Sequence[str]) -> NDArray[np.float32]:
    """float32 [labels, K] of 0 and 1: which of EMOTIONS each of `labels` counts as; a row of zeros for one of none."""
    matrix = np.zeros((len(labels), len(EMOTIONS)), np.float32)
    for row, label in enumerate(labels):
        if label not in LEFT_OUT:
            matrix[row, EMOTIONS.index(_ALIASES.get(label, label))] = 1
    return matrix


def emotion_of(label: str) -> str | None:
    """The one of EMOTIONS that `label` means; None for contempt, for no speech and for what is not known."""
    word = _ALIASES.get(label, label)
    return word if word in EMOTIONS else None
