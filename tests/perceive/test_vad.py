"""A voice is heard, noise and silence are not."""

from __future__ import annotations

import csv
import math
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from edge.demo.clip import synthetic_voice
from edge.perceive.vad import CHUNK_SAMPLES, CascadeActivity, SileroActivity, WebRtcActivity, level_dbfs

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def spoken(samples: np.ndarray, voice: SileroActivity | None = None) -> float:
    voice = voice or SileroActivity(-55)
    chunks = samples[: len(samples) // CHUNK_SAMPLES * CHUNK_SAMPLES].reshape(-1, CHUNK_SAMPLES)
    return float(np.mean([voice.probability(chunk) > 0.5 for chunk in chunks]))


def read(path: Path) -> np.ndarray:
    resampler = av.AudioResampler("flt", "mono", 16_000)
    with av.open(str(path)) as container:
        return np.concatenate([r.to_ndarray()[0] for f in container.decode(audio=0) for r in resampler.resample(f)])


def test_levels():
    assert level_dbfs(np.zeros(512, np.float32)) == -math.inf
    assert level_dbfs(np.ones(512, np.float32)) == pytest.approx(0)
    assert level_dbfs(np.full(512, 0.1, np.float32)) == pytest.approx(-20, abs=1e-3)


def test_a_synthetic_voice_is_a_voice_until_it_is_too_soft():
    assert spoken(synthetic_voice(6)) > 0.5
    assert spoken(synthetic_voice(6) * 1e-4) == 0


def test_noise_and_silence_are_no_voice():
    noise = np.random.default_rng(0).normal(0, 0.05, 16_000 * 4).astype(np.float32)
    assert spoken(noise) < 0.05
    assert spoken(np.zeros(16_000, np.float32)) == 0


def test_webrtc_hears_voices_too_and_costs_no_network():
    voice = WebRtcActivity(-55)
    chunks = synthetic_voice(6)[: 180 * CHUNK_SAMPLES].reshape(-1, CHUNK_SAMPLES)
    shares = [voice.probability(chunk) for chunk in chunks]
    assert set(np.round(np.multiply(shares, 3), 6)) <= {0, 1, 2, 3}
    assert np.mean(np.array(shares) >= 0.5) > 0.5
    voice.reset()
    assert voice.probability(np.zeros(CHUNK_SAMPLES, np.float32)) == 0
    assert voice.probability(chunks[20] * 1e-4) == 0


def test_the_cascade_confirms_a_voice_and_soon_no_longer_the_noise_after_it():
    voice = CascadeActivity(-55)
    assert not voice.confirmed()  # nobody has spoken yet
    voice.reset()
    noise = np.random.default_rng(0).normal(0, 0.05, 16_000 * 4).astype(np.float32)
    told = []
    for sound in (synthetic_voice(4), noise):
        for chunk in sound[: len(sound) // CHUNK_SAMPLES * CHUNK_SAMPLES].reshape(-1, CHUNK_SAMPLES):
            voice.probability(chunk)
            told.append(voice.confirmed())
    assert all(told[50:125])
    assert not any(told[125 + 47 + 32 :])
    voice.quiet_dbfs = -20.0
    assert voice.probability(noise[:CHUNK_SAMPLES]) == 0


def test_the_network_starts_no_threads_that_would_only_wait():
    code = """
import os
import numpy as np
from edge.perceive.vad import CHUNK_SAMPLES, SileroActivity

voice = SileroActivity(-90)
before = len(os.listdir("/proc/self/task"))
voice.probability(np.full(CHUNK_SAMPLES, 0.1, np.float32))
print(len(os.listdir("/proc/self/task")) - before, "OMP_THREAD_LIMIT" in os.environ)
"""
    environment = {key: value for key, value in os.environ.items() if key != "OMP_THREAD_LIMIT"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["0", "False"]


def test_it_forgets_after_a_second_of_silence():
    voice, fresh = SileroActivity(-55), SileroActivity(-55)
    spoken(synthetic_voice(2), voice)
    spoken(np.zeros(CHUNK_SAMPLES * 32, np.float32), voice)
    chunk = synthetic_voice(1)[:CHUNK_SAMPLES]
    assert voice.probability(chunk) == pytest.approx(fresh.probability(chunk))


@pytest.mark.skipif(not DATA.is_dir(), reason="the data packs are not here")
def test_people_are_heard_and_other_sounds_are_not():
    people = [read(path) for path in sorted((DATA / "ravdess").glob("03-01-0[1-8]-01-01-01-0[12].flac"))]
    assert np.mean([spoken(clip) > 0.1 for clip in people]) == 1.0
    with (DATA / "noise" / "noise.csv").open(encoding="utf-8") as rows:
        names = [row["file"] for row in csv.DictReader(rows) if row["class"] != "baby_cry"]
    assert np.mean([spoken(read(DATA / "noise" / name)) for name in names[::8]]) < 0.05
