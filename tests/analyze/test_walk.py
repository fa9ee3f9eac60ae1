"""A file in file time gives what the service would publish of it."""

from __future__ import annotations

import json
from pathlib import Path

from edge.analyze.seeing import Seen, seen
from edge.analyze.walk import media, steps
from edge.config import Config
from edge.records import AudioChunk
from edge.service.models import LoadedModels
from edge.service.pipeline import build_pipeline
from edge.service.service import Service
from edge.service.stopping import StopRequest


def test_frames_and_chunks_come_in_the_order_of_their_ends(clip: Path):
    ends = []
    for item in media(clip, seen(clip, 15, None), True, lambda why: None):
        ends.append(item.time_ns if isinstance(item, Seen) else item.end_ns)
        if len(ends) > 200:
            break
    assert ends == sorted(ends)
    assert len(set(ends)) > 100


def test_the_events_are_those_of_the_service(clip: Path, loaded: LoadedModels, subscriber, mosquitto, configure_file):
    found = []
    pipeline = build_pipeline(Config(), loaded=loaded)
    for step in steps(pipeline, media(clip, seen(clip, 15, pipeline.face), True, lambda why: None)):
        found += [(e.type, e.estimate.subject, e.estimate.emotion, e.previous, e.duration_ms) for e in step.events]
    config = configure_file(clip, mosquitto.url)
    assert Service(config, StopRequest()).run() == 0
    events = subscriber.wait_for(lambda heard: len(heard.on("event")) >= len(found) and heard.on("event"))
    published = [json.loads(event.payload) for event in sorted(events, key=lambda event: event.json()["sequence"])]
    keys = ("type", "subject", "emotion", "previous", "duration_ms")
    assert [tuple(event[key] for key in keys) for event in published] == found
    assert len(found) >= 4


def test_a_stream_that_breaks_off_is_told_and_the_other_goes_on(tmp_path: Path, clip: Path):
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(clip.read_bytes()[:100_000])
    why: list[str] = []
    kinds = {type(item) for item in media(cut, seen(cut, 15, None), True, why.append)}
    assert kinds == {Seen, AudioChunk}
