"""Words, the third sense: utterances are cut out of the sound, recognised, and judged by what they say."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.perceive.recognition import Recognizer, Transcript
from edge.perceive.sentiment import NEUTRAL_BELOW, Sentiment, emotions_of
from edge.records import AudioChunk, TextObservation

# In chunks of 32 ms. Voice activity begins a little after the voice does; pauses inside a sentence are shorter than
# what ends it; a longer utterance is cut, so that memory and the wait for its words are bounded.
_BEFORE, _PAUSE, _SHORTEST, _LONGEST = 8, 20, 10, 313


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """What somebody said: `samples` float32 [N] in [-1, 1] at 16 kHz; `end_ns` is the time of its end."""

    samples: NDArray[np.float32]
    end_ns: int


class Words:
    """`hear` belongs to the thread of the sound, `understand` to one that has time; they share nothing that changes.

    Args:
        recognizer: None where words come from elsewhere (`read`).
        tell: whether an observation carries its words; else they are forgotten here.
    """

    def __init__(self, recognizer: Recognizer | None, sentiment: Sentiment, tell: bool = False) -> None:
        self._recognizer = recognizer
        self._sentiment = sentiment
        self._tell = tell
        self._before: deque[AudioChunk] = deque(maxlen=_BEFORE)
        self._said: list[AudioChunk] = []
        self._spoken = self._silent = 0

    @property
    def hears(self) -> bool:
        """Whether words are recognised here, out of the sound."""
        return self._recognizer is not None

    def hear(self, chunk: AudioChunk, spoken: bool) -> Utterance | None:
        """Take the next chunk and whether somebody speaks in it; an utterance if it ends here.

        A jump in the chunks' times (sound was lost, the device was closed) drops what was begun.
        """
        if self._recognizer is None:
            return None
        last = self._said[-1] if self._said else self._before[-1] if self._before else None
        if last and abs(chunk.start_ns - last.end_ns) > chunk.end_ns - chunk.start_ns:
            self._forget()
        if not self._said and not spoken:
            self._before.append(chunk)
            return None
        if not self._said:
            self._said.extend(self._before)
            self._before.clear()
        self._said.append(chunk)
        self._spoken += spoken
        self._silent = 0 if spoken else self._silent + 1
        return self.finish() if self._silent >= _PAUSE or len(self._said) >= _LONGEST else None

    def finish(self) -> Utterance | None:
        """No more sound comes: the utterance that was begun, if it is one."""
        said, enough = self._said, self._spoken >= _SHORTEST
        self._forget()
        return Utterance(np.concatenate([chunk.samples for chunk in said]), said[-1].end_ns) if enough else None

    def understand(self, utterance: Utterance) -> TextObservation | None:
        """What the words of `utterance` say; None where there are none. Takes as long as the recognizer needs."""
        if self._recognizer is None:
            return None
        return self.read(self._recognizer.transcribe(utterance.samples), utterance.end_ns)

    def read(self, transcript: Transcript, said_ns: int) -> TextObservation | None:
        """What these words say. `quality` is how sure they are, times how much they say: neutral words can be said in
        any emotion, so they count for nothing."""
        if not transcript.text.strip():
            return None
        valence = self._sentiment.valence(transcript.text)
        strength = abs(valence) if abs(valence) >= NEUTRAL_BELOW else 0.0
        return TextObservation(
            quality=strength * transcript.confidence,
            probabilities=emotions_of(valence if strength else 0.0),
            said_ns=said_ns,
            words=transcript.text if self._tell else "",
        )

    def _forget(self) -> None:
        self._before.clear()
        self._said = []
        self._spoken = self._silent = 0
