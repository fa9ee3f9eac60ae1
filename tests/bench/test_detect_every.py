"""`python -m bench.detect_every`: what is compared with itself does not differ, and rarer searches find later."""

from __future__ import annotations

from pathlib import Path

from bench.detect_every import Difference, frames, looked
from edge.config import Config
from edge.demo.clip import write_clip
from edge.service.models import load_models


def test_rarer_searches_cost_what_is_told(tmp_path: Path):
    clip = tmp_path / "clip.mkv"
    write_clip(clip, 6, (320, 240))
    loaded = load_models(Config())
    for swing in (False, True):
        seen = [*frames(clip, swing)]
        first = looked(loaded, 1, seen)
        same, rarer = Difference(), Difference()
        same.add(*first, first[1])
        rarer.add(*looked(loaded, 5, seen), first[1])
        assert (len(seen), same.searches, same.overlap, same.expression, same.label) == (90, 90, same.both, 0, 0)
        assert rarer.searches <= 18
        assert rarer.frames < same.frames
        assert 0 < rarer.overlap < rarer.both
        assert "boxes overlap by" in str(rarer)
