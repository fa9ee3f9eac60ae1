"""What words say of an emotion: English sentiment by VADER (Hutto and Gilbert 2014), as probabilities of emotions."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError
from edge.installation import install_extra
from edge.records import EMOTIONS

#: Of the sentiment, in [-1, 1], by VADER's authors: what is nearer to 0 is neutral.
NEUTRAL_BELOW = 0.05
#: Words alone never make an emotion impossible: the share that is spread over all of them.
_SPREAD = 0.3
#: What a bad sentence may mean. VADER knows good from bad; it cannot tell one of these from another, so they share.
_UNPLEASANT = ("angry", "disgust", "fear", "sad")


class Sentiment(Protocol):
    """How pleasant a text is."""

    def valence(self, text: str) -> float:
        """From -1, bad, to 1, good; 0 where the words say nothing of it."""
        ...


class VaderSentiment:
    """English, by a lexicon of 7,500 words with rules for negation, degree, capitals and exclamation marks.

    Raises:
        ConfigError: vaderSentiment is not installed.
    """

    def __init__(self) -> None:
        try:
            from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
        except ImportError as error:
            raise ConfigError(
                f"[text] needs vaderSentiment, which is not installed. Install it with: {install_extra('words')}"
            ) from error
        self._analyzer = SentimentIntensityAnalyzer()

    def valence(self, text: str) -> float:
        return float(self._analyzer.polarity_scores(text)["compound"])


def emotions_of(valence: float) -> NDArray[np.float32]:
    """float32 [K] over EMOTIONS, sums to 1: good words are happy, bad ones angry, disgusted, afraid or sad alike."""
    said = dict.fromkeys(EMOTIONS, _SPREAD / len(EMOTIONS))
    said["neutral"] += (1 - _SPREAD) * (1 - abs(valence))
    for emotion in ("happy",) if valence > 0 else _UNPLEASANT:
        said[emotion] += (1 - _SPREAD) * abs(valence) / (1 if valence > 0 else len(_UNPLEASANT))
    return np.array([said[emotion] for emotion in EMOTIONS], np.float32)
