"""What the two flows promise about loss and order, with threads as in the service."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from edge.demo.clip import synthetic_voice
from edge.records import AudioChunk, Frame
from edge.service.flow import FastFlow, LiveFlow

MS = 1_000_000


def chunks(seconds: float) -> list[AudioChunk]:
    """A voice that begins now: live flows let time pass by the clock."""
    sound, now_ns = synthetic_voice(seconds), time.monotonic_ns()
    return [AudioChunk(sound[n * 512 : (n + 1) * 512], 16_000, now_ns + n * 32 * MS) for n in range(len(sound) // 512)]


def run(flow) -> list[threading.Thread]:
    threads = [threading.Thread(target=work) for work in flow.work()]
    for thread in threads:
        thread.start()
    return threads


def test_sound_that_nobody_takes_is_dropped_and_counted(steps):
    flow = LiveFlow(steps)
    dropped = [flow.deliver_chunk(chunk) for chunk in chunks(6)]
    assert sum(dropped) == 156
    assert dropped[156] == 156


def test_of_frames_the_newest_wins(steps):
    flow = LiveFlow(steps)
    frames = [Frame(np.zeros((60, 80, 3), np.uint8), n, n) for n in range(3)]
    assert [flow.deliver_frame(frame) for frame in frames] == [0, 1, 1]


@pytest.mark.parametrize("kind", [LiveFlow, FastFlow])
def test_all_sound_is_heard_before_the_end(steps, kind):
    flow = kind(steps)
    threads = run(flow)
    steps.camera_ended.set()
    assert [flow.deliver_chunk(chunk) for chunk in chunks(4)] == [0] * 125
    steps.microphone_ended.set()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert steps.meters.speech >= 4
    assert steps.publisher.events == steps.meters.events >= 2  # the voice came and left


@pytest.mark.parametrize("kind", [LiveFlow, FastFlow])
def test_stop_ends_every_thread_whatever_waits(steps, kind):
    flow = kind(steps)
    threads = run(flow)
    flow.deliver_chunk(chunks(1)[0])
    steps.stop.set()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)


def test_a_fast_replay_waits_for_room_instead_of_dropping(steps):
    flow = FastFlow(steps)
    delivered = threading.Thread(target=lambda: [flow.deliver_chunk(chunk) for chunk in chunks(1)])
    delivered.start()
    delivered.join(0.5)
    assert delivered.is_alive()  # nobody takes: it waits
    steps.stop.set()
    delivered.join(10)
    assert not delivered.is_alive()
