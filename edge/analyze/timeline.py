"""Probabilities over time as an SVG picture: stacked for each sense, events marked. Of bounded size for any length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from edge.analyze.walk import Step
from edge.palette import hexadecimal
from edge.records import EMOTIONS, EmotionEvent, FaceObservation, SpeechObservation

#: Columns of the plot; a longer recording makes each of them longer, not more of them.
_BINS = 400
_FIRST_BIN_NS = 50_000_000
#: Marks a plot can carry; more of them would hide it. events.csv has all.
_MARKS = 300
#: An observation is drawn back to the one before it, at most this far: the frames of a slow camera touch each other.
_FACE_NS = 500_000_000
_TEXT_NS = 2_000_000_000  # an utterance, more or less

_LEVELS = 200  # of a whole stack
_WIDTH, _LEFT, _RIGHT, _STRIP, _GAP, _TOP = 1000, 70, 26, 84, 14, 34
_SVG = "http://www.w3.org/2000/svg"


class Timeline:
    """Collects what one recording shows, in at most _BINS columns of time for each sense.

    Args:
        hop_ns: how much time a window of speech stands for.
    """

    def __init__(self, hop_ns: int) -> None:
        self._hop_ns = hop_ns
        self._bin_ns = _FIRST_BIN_NS
        self._sums: dict[str, NDArray[np.float64]] = {}
        self._last_ns: dict[str, int] = {}
        self._end_ns = 0
        self.marks: list[tuple[int, EmotionEvent]] = []
        self.unmarked = 0

    def add(self, step: Step) -> None:
        """Take a step; their times do not go back."""
        self._end_ns = max(self._end_ns, step.time_ns)
        faces = [observation for observation in step.observations if isinstance(observation, FaceObservation)]
        for observation in faces[:1] or step.observations:  # the largest face; a voice and its words
            if isinstance(observation, FaceObservation):
                self._stand("face", observation.probabilities, observation.captured_ns, _FACE_NS)
            elif isinstance(observation, SpeechObservation):
                self._stand("speech", observation.probabilities, observation.end_ns, self._hop_ns)
            else:
                self._stand("text", observation.probabilities, observation.said_ns, _TEXT_NS)
        if step.estimate:
            probabilities = np.array([step.estimate.probabilities[emotion] for emotion in EMOTIONS])
            self._stand("fused", probabilities, step.time_ns, _FACE_NS)
        for event in step.events:
            if len(self.marks) < _MARKS:
                self.marks.append((event.estimate.time_ns, event))
            else:
                self.unmarked += 1

    def shares(self, sense: str) -> dict[str, float]:
        """The mean probability of each emotion over the time that `sense` saw or heard somebody; empty if never."""
        if sense not in self._sums:
            return {}
        sums = self._sums[sense]
        seen = sums[:, -1] > 0
        means = (sums[seen, :-1] / sums[seen, -1:]).mean(axis=0)
        return {emotion: round(float(mean), 4) for emotion, mean in zip(EMOTIONS, means, strict=True)}

    def svg(self, title: str) -> str:
        """The plot; `title` is for those who do not see it."""
        senses = [sense for sense in ("face", "speech", "text", "fused") if sense in self._sums]
        height = _TOP + len(senses) * (_STRIP + _GAP) + 24
        root = ET.Element(
            "svg",
            {"xmlns": _SVG, "viewBox": f"0 0 {_WIDTH} {height}", "role": "img", "font-family": "sans-serif"},
        )
        ET.SubElement(root, "title").text = title
        # Grey that reads on white and on black: the plot stands in pages of both.
        _legend(root)
        for number, sense in enumerate(senses):
            self._strip(root, sense, _TOP + number * (_STRIP + _GAP))
        bottom = _TOP + len(senses) * (_STRIP + _GAP) - _GAP
        self._axis(root, bottom)
        for time_ns, event in self.marks:
            self._mark(root, time_ns, event, bottom)
        return ET.tostring(root, encoding="unicode")

    def _stand(self, sense: str, probabilities: NDArray[np.floating], end_ns: int, most_ns: int) -> None:
        """`probabilities` hold from the observation before, but at most for `most_ns`, until `end_ns`."""
        begin_ns = max(self._last_ns.get(sense, -1), end_ns - most_ns, 0)
        self._last_ns[sense] = end_ns
        while end_ns // self._bin_ns >= _BINS:
            self._halve()
        sums = self._sums.setdefault(sense, np.zeros((_BINS, len(EMOTIONS) + 1)))
        first, last = begin_ns // self._bin_ns, max(begin_ns, end_ns - 1) // self._bin_ns
        sums[first : last + 1, :-1] += probabilities
        sums[first : last + 1, -1] += 1

    def _halve(self) -> None:
        self._bin_ns *= 2
        for sense, sums in self._sums.items():
            half = np.zeros_like(sums)
            half[: _BINS // 2] = sums[0::2] + sums[1::2]
            self._sums[sense] = half

    def _x(self, time_ns: float) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * time_ns / max(self._end_ns, 1), 1)

    def _strip(self, root: ET.Element, sense: str, top: int) -> None:
        sums = self._sums[sense]
        frame = {"x": str(_LEFT), "y": str(top), "width": str(_WIDTH - _LEFT - _RIGHT), "height": str(_STRIP)}
        ET.SubElement(root, "rect", {**frame, "fill": "#808080", "fill-opacity": "0.12"})
        label = ET.SubElement(root, "text", {**_TEXT, "x": str(_LEFT - 8), "y": str(top + _STRIP // 2 + 5)})
        label.set("text-anchor", "end")
        label.text = sense
        # In columns and _LEVELS steps, whole numbers: a tenth of the size of a drawing in pixels.
        columns = max(self._end_ns, 1) / self._bin_ns
        across, up = (_WIDTH - _LEFT - _RIGHT) / columns, _STRIP / _LEVELS
        group = ET.SubElement(root, "g", {"transform": f"translate({_LEFT} {top}) scale({across:.5g} {up:.5g})"})
        for first, last in _runs(sums[:, -1] > 0):
            part = sums[first : last + 1]
            levels = np.rint(_LEVELS * (1 - np.cumsum(part[:, :-1] / part[:, -1:], axis=1))).astype(int)
            # From the top of the stack down: each area covers the lower part of the one before it.
            for number in reversed(range(len(EMOTIONS))):
                path = _steps_path(first, min(columns, last + 1), levels[:, number])
                ET.SubElement(group, "path", {"d": path, "fill": hexadecimal(EMOTIONS[number])})

    def _axis(self, root: ET.Element, bottom: int) -> None:
        for time_s in _ticks(self._end_ns / 1e9):
            x = str(self._x(time_s * 1e9))
            ET.SubElement(root, "line", {**_LINE, "x1": x, "x2": x, "y1": str(bottom), "y2": str(bottom + 5)})
            text = ET.SubElement(root, "text", {**_TEXT, "x": x, "y": str(bottom + 19), "text-anchor": "middle"})
            text.text = clock(time_s)

    def _mark(self, root: ET.Element, time_ns: int, event: EmotionEvent, bottom: int) -> None:
        x = str(self._x(time_ns))
        group = ET.SubElement(root, "g")
        about = f"{clock(time_ns / 1e9)} {event.type} {event.estimate.subject}: {event.estimate.emotion}"
        ET.SubElement(group, "title").text = about
        ends = {"x1": x, "x2": x, "y1": str(_TOP - 6), "y2": str(bottom)}
        ET.SubElement(group, "line", {**_LINE, **ends, "stroke-dasharray": "2 3"})
        marker = hexadecimal(event.estimate.emotion)
        ET.SubElement(group, "circle", {"cx": x, "cy": str(_TOP - 8), "r": "4", "fill": marker, "stroke": "#808080"})


_LINE = {"stroke": "#808080", "stroke-width": "1"}
_TEXT = {"fill": "#808080", "font-size": "13"}


def clock(time_s: float) -> str:
    """A time of a recording: 4.2 s, 1:02, 1:00:05."""
    if time_s < 60:
        return f"{time_s:.4g} s"
    minutes, seconds = divmod(round(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _runs(some: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """First and last index of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], some, [False]]).astype(np.int8)))
    for first, beyond in zip(edges[0::2], edges[1::2], strict=True):
        yield int(first), int(beyond) - 1


def _steps_path(first: int, end: float, levels: NDArray[np.int_]) -> str:
    """The area below `levels`, one a column from `first` on, until `end`: steps, for nothing lies between them."""
    parts = [f"M{first} {_LEVELS}V{levels[0]}"]
    for column in np.flatnonzero(np.diff(levels)) + 1:
        parts.append(f"H{first + column}V{levels[column]}")
    return "".join([*parts, f"H{end:.3g}V{_LEVELS}z" if end < 100 else f"H{end:.5g}V{_LEVELS}z"])


def _ticks(length_s: float) -> list[float]:
    """About ten round times from 0 to `length_s`."""
    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
    step = next((step for step in steps if length_s / step <= 12), length_s / 10)
    return [round(n * step, 1) for n in range(int(length_s / step) + 1)] if length_s > 0 else [0.0]


def _legend(root: ET.Element) -> None:
    x = _LEFT
    for emotion in EMOTIONS:
        ET.SubElement(
            root, "rect", {"x": str(x), "y": "2", "width": "12", "height": "12", "fill": hexadecimal(emotion)}
        )
        ET.SubElement(root, "text", {**_TEXT, "x": str(x + 17), "y": "13"}).text = emotion
        x += 30 + 8 * len(emotion)


def bars(shares: Mapping[str, float]) -> str:
    """Probabilities as horizontal bars, SVG."""
    height = 20 * len(EMOTIONS)
    root = ET.Element("svg", {"xmlns": _SVG, "viewBox": f"0 0 300 {height}", "role": "img", "width": "300"})
    ET.SubElement(root, "title").text = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    for number, emotion in enumerate(EMOTIONS):
        y = 20 * number
        name = ET.SubElement(root, "text", {**_TEXT, "x": "64", "y": str(y + 14), "text-anchor": "end"})
        name.text = emotion
        bar = {"x": "70", "y": str(y + 3), "width": f"{185 * shares[emotion]:.1f}", "height": "14"}
        ET.SubElement(root, "rect", {**bar, "fill": hexadecimal(emotion)})
        share = ET.SubElement(root, "text", {**_TEXT, "x": f"{75 + 185 * shares[emotion]:.1f}", "y": str(y + 14)})
        share.text = f"{shares[emotion]:.0%}"
    return ET.tostring(root, encoding="unicode")
