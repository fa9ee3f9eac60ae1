"""A device without senses: the real publisher with its outbox, told `hz` events a second, until SIGTERM.

Started as ``python -m bench.reliability.device URL FILE HZ SECONDS [CA_FILE]``; SECONDS 0 is for ever. At the end it
prints how many events it told and how many are still queued.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import time

from edge.config import DeviceConfig, MqttConfig
from edge.publish import Publisher
from edge.records import EMOTIONS, EmotionEstimate, EmotionEvent, Evidence


def event(number: int) -> EmotionEvent:
    """An event of both senses that happens now; its figures differ from number to number."""
    now_ns = time.monotonic_ns()
    raw = [(number * (7919 + 131 * place)) % 9973 + 1 for place in range(7)]
    probabilities = {name: value / sum(raw) for name, value in zip(EMOTIONS, raw, strict=True)}
    turned = dict(zip(EMOTIONS, reversed(probabilities.values()), strict=True))
    evidence = {
        "face": Evidence(0.7, probabilities["happy"], now_ns - 40_000_000, turned),
        "speech": Evidence(0.3, probabilities["sad"], now_ns - 310_000_000, probabilities),
    }
    estimate = EmotionEstimate(
        subject="face-3",
        emotion=max(probabilities, key=lambda name: probabilities[name]),
        confidence=max(probabilities.values()),
        probabilities=probabilities,
        valence=probabilities["happy"],
        arousal=-probabilities["fear"],
        agreement=probabilities["angry"],
        modalities=evidence,
        start_ns=now_ns - 2_000_000_000,
        time_ns=now_ns,
    )
    return EmotionEvent("emotion.change", estimate, "neutral", number % 60_000)


def main() -> None:
    url, file, hz, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
    logging.basicConfig(level="WARNING")
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    keys = {"ca_file": sys.argv[5]} if len(sys.argv) > 5 else {}
    publisher = Publisher(MqttConfig(url=url, outbox_file=file, **keys), DeviceConfig(id="bench"))
    publisher.start()
    begin, number = time.monotonic(), 0
    while not ended and not (seconds and number >= hz * seconds):
        while number < (time.monotonic() - begin) * hz:
            number += 1
            publisher.publish_event(event(number))
        time.sleep(min(0.01, 0.5 / hz))
    patience_s = time.monotonic() + 10
    while publisher.queued and time.monotonic() < patience_s and not ended:
        time.sleep(0.01)
    queued = publisher.queued
    publisher.close(5)
    print(json.dumps({"told": number, "queued": queued, "protocol": publisher.protocol}), flush=True)


if __name__ == "__main__":
    main()
