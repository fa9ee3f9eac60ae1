"""The rows of the local page in `make bench`, of a real service and a real browser, each looked at once."""

from __future__ import annotations

import re

from bench.web_page import rows


def test_every_row_comes(mosquitto_program: str):
    told = dict(rows(turns=1, seconds=0.5, detectors=["face-detector"]))
    assert re.fullmatch(r"\d+ kB", told["the page's script (at most 150 kB)"])
    assert re.fullmatch(r"\d+\.\d % of one core", told["face-detector: the service with nobody looking on"])
    for what in ("the page's stream", "live view (at most 10 % more)"):
        assert re.fullmatch(r"[+-]\d+\.\d % of CPU \(1 turns\)", told[f"face-detector: {what}"])
    assert re.fullmatch(r"\d+\.\d a second", told["face-detector: pictures of the live view"])
    assert told["face-detector: frames looked at (all, or it is no measurement)"].endswith(" of 15 a second")
    assert re.search(r"not measured|\d\.\d\d s", told["first view of the page, empty cache (under 1 s)"])
