"""The plot: of bounded size, true to what was seen, safe with any title."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from edge.analyze.timeline import Timeline, clock
from edge.analyze.walk import Step
from edge.records import EMOTIONS, Box, FaceObservation

MS = 1_000_000
SVG = "{http://www.w3.org/2000/svg}"


def seen(time_ns: int, emotion: str) -> Step:
    probabilities = np.array([0.94 if each == emotion else 0.01 for each in EMOTIONS], np.float32)
    face = FaceObservation(1, Box(0, 0, 50, 50), 1.0, 1.0, probabilities, time_ns)
    return Step(time_ns, None, [face], [], None, 1)


def collected(seconds: float, emotion: str = "sad") -> Timeline:
    timeline = Timeline(500 * MS)
    for number in range(int(seconds * 25)):
        timeline.add(seen(number * 40 * MS, emotion))
    return timeline


def test_its_size_does_not_grow_with_the_recording():
    short, long = (len(collected(seconds).svg("t")) for seconds in (20, 4000))
    assert long < 1.5 * short + 2000


def test_shares_are_the_mean_over_time():
    timeline = Timeline(500 * MS)
    for number in range(3000):  # two minutes: a quarter happy, the rest sad
        timeline.add(seen(number * 40 * MS, "happy" if number < 750 else "sad"))
    shares = timeline.shares("face")
    assert shares["happy"] == pytest.approx(0.01 + 0.93 / 4, abs=0.01)
    assert shares["sad"] == pytest.approx(0.01 + 0.93 * 3 / 4, abs=0.01)
    assert timeline.shares("speech") == {}


def test_a_pause_stays_empty():
    timeline = Timeline(500 * MS)
    for number in [*range(50), *range(200, 250)]:
        timeline.add(seen(number * 40 * MS, "sad"))
    areas = ET.fromstring(timeline.svg("t")).findall(f".//{SVG}path")
    assert len(areas) == 2 * len(EMOTIONS)


def test_a_title_is_only_text():
    root = ET.fromstring(collected(1).svg("<b>&\"' 表情"))
    assert root.findtext(f"{SVG}title") == "<b>&\"' 表情"


def test_nothing_seen_is_a_plot_too():
    assert ET.fromstring(Timeline(1).svg("t")).findall(f".//{SVG}path") == []


@pytest.mark.parametrize(("time_s", "text"), [(0, "0 s"), (4.25, "4.25 s"), (62, "1:02"), (3605, "1:00:05")])
def test_times_read_as_people_write_them(time_s: float, text: str):
    assert clock(time_s) == text
