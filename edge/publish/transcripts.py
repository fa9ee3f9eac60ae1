"""What the hub's own assistant has recognised: messages of one MQTT topic -> words. Bounded, and never in the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from paho.mqtt.client import topic_matches_sub

from edge.publish.bucket import Bucket
from edge.publish.strict_json import MOST_BYTES, read_object

_LOG = logging.getLogger(__name__)

#: An assistant hears a sentence now and then; more of them are let go.
BURST = 5
PER_S = 1.0
_MOST_CHARACTERS = 1000
# How sure a transcript is that does not say it.
_CONFIDENCE = 0.8


def read_transcript(payload: bytes) -> tuple[str, float]:
    """The words and how sure they are, in [0, 1].

    Args:
        payload: plain text, or an object with ``text`` and perhaps ``likelihood`` or ``confidence``, as Rhasspy's
            ``hermes/asr/textCaptured`` has it.

    Raises:
        ValueError: it is neither; the message quotes nothing of it.
    """
    if not payload.lstrip().startswith(b"{"):
        if len(payload) > MOST_BYTES:
            raise ValueError(f"expected at most {MOST_BYTES} bytes, got {len(payload)}")
        try:
            return payload.decode("utf-8").strip()[:_MOST_CHARACTERS], _CONFIDENCE
        except UnicodeDecodeError as error:
            raise ValueError(f"expected UTF-8, got something else at byte {error.start}") from error
    body = read_object(payload)
    text = body.get("text")
    if not isinstance(text, str):
        raise ValueError('expected an object with the key "text"')  # noqa: TRY004 - the caller's one kind of no
    given = body.get("likelihood", body.get("confidence", _CONFIDENCE))
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 <= given <= 1:
        raise ValueError("likelihood: expected a number from 0 to 1")
    return text.strip()[:_MOST_CHARACTERS], float(given)


class Transcripts:
    """Takes what comes on `topic` (which may hold + and #) and hands it to `hear`, which returns at once."""

    def __init__(self, topic: str, hear: Callable[[str, float], None]) -> None:
        self.topic = topic
        self._hear = hear
        self._pace = Bucket(BURST, PER_S, time.monotonic())
        self._told = ""

    def heard(self, topic: str, payload: bytes, *, retained: bool) -> bool:
        """A message came; whether it is one of these. A retained one was said some time ago, and is let go."""
        if not topic_matches_sub(self.topic, topic):
            return False
        if retained or not payload or not self._pace.take(time.monotonic()):
            return True
        try:
            text, confidence = read_transcript(payload)
        except ValueError as error:
            if str(error) != self._told:  # once for each kind of mistake
                self._told = str(error)
                _LOG.warning("%s: a transcript that cannot be read: %s", self.topic, error)
            return True
        if text:
            self._hear(text, confidence)
        return True
