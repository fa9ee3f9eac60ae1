"""The service's own numbers are real."""

from __future__ import annotations

import time

import numpy as np
import psutil
import pytest

from edge.records import EMOTIONS, Box, FaceObservation
from edge.service.meters import Meters, percentiles, rss_bytes

FACE = FaceObservation(1, Box(0, 0, 9, 9), 0.9, 1.0, np.full(len(EMOTIONS), 1 / 7, np.float32), 0)


def test_memory_is_what_the_system_says():
    assert rss_bytes() == pytest.approx(psutil.Process().memory_info().rss, rel=0.05)


def test_cpu_share_counts_work():
    meters = Meters()
    meters.cpu_share()
    begin_s, worked_s = time.monotonic(), time.process_time()
    while time.process_time() - worked_s < 0.3:
        np.sort(np.random.default_rng(0).random(200_000))
    share = (time.process_time() - worked_s) / (time.monotonic() - begin_s)
    assert meters.cpu_share() == pytest.approx(share, rel=0.2)


def test_latency_is_of_the_time_since_the_last_report():
    meters = Meters()
    assert meters.latency_ms() == (None, None)
    for value in range(101):
        meters.fused([FACE], 0, float(value))
    assert meters.latency_ms() == (50.0, 95.0)
    assert meters.latency_ms() == (None, None)
    assert meters.faces == 101
    assert percentiles(list(meters.lately_ms)) == (50.0, 95.0)
