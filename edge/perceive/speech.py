"""Speech in the sound: voice activity, features of a sliding window, classify."""

from __future__ import annotations

from collections import deque
from typing import cast

import numpy as np

from edge.config import SpeechConfig
from edge.perceive.features import normalise_frames
from edge.perceive.inputs import SpeechInput
from edge.perceive.runtime import Model
from edge.perceive.stream import FrameStream
from edge.perceive.vad import CHUNK_SAMPLES, VoiceActivity
from edge.records import AudioChunk, SpeechObservation

# What the window holds before anything was heard: noise at -65 dBFS, as a microphone in a quiet room gives. Digital
# zeros would be a sound that no microphone makes and no model was trained on.
_ROOM_NOISE = 10 ** (-65 / 20)
# Speech in this share of a window or more is as good as it gets: utterances have pauses.
_FULL_SPEECH_RATIO = 0.6


class SpeechPerception:
    """AudioChunks -> SpeechObservations, one every `hop_ms` while somebody speaks. One worker owns it.

    Whether somebody does is asked three times, the cheapest first: loudness, voice activity, and where the model has
    the class ``no_speech``, the model itself.

    Args:
        model: a package of the task ``speech``.
    """

    def __init__(self, config: SpeechConfig, voice: VoiceActivity, model: Model) -> None:
        self._spec = spec = cast(SpeechInput, model.package.input)  # load_package(..., "speech") made it so
        self._voice = voice
        self._model = model
        self._chunk_ns = CHUNK_SAMPLES * 1_000_000_000 // spec.sample_rate_hz
        self._window_chunks = -(-spec.window_samples // CHUNK_SAMPLES)
        self.adopt(config)
        #: Voice activity in the last chunk, in [0, 1].
        self.voice = 0.0
        self._frames = FrameStream(spec)
        self._spoken: deque[bool] = deque(maxlen=self._window_chunks)
        self._since_hop = 0
        self._end_ns: int | None = None
        self._reset()

    @property
    def spoken(self) -> bool:
        """Whether somebody speaks in the newest chunk."""
        return bool(self._spoken[-1])

    def confirmed(self) -> bool:
        """Whether what was taken for a voice lately is one, also by the slower judge of a cascade."""
        return self._voice.confirmed()

    def adopt(self, config: SpeechConfig) -> None:
        """Listen by `config` from the next chunk on; any thread."""
        self._config = config
        self._voice.quiet_dbfs = config.quiet_dbfs
        self._hop_chunks = max(1, config.hop_ms * self._spec.sample_rate_hz // (1000 * CHUNK_SAMPLES))

    def observe(self, chunk: AudioChunk) -> SpeechObservation | None:
        """Take the next chunk; an observation if it completes a hop in which somebody spoke.

        A jump in the chunks' times (sound was lost, or the device was opened again) empties the window.

        Raises:
            ValueError: the chunk is not float32 [CHUNK_SAMPLES] of finite values at the model's sample rate.
        """
        samples = chunk.samples
        if len(samples) != CHUNK_SAMPLES or chunk.sample_rate_hz != self._spec.sample_rate_hz:
            raise ValueError(
                f"a chunk must hold {CHUNK_SAMPLES} samples at {self._spec.sample_rate_hz} Hz, "
                f"got {len(samples)} at {chunk.sample_rate_hz} Hz"
            )
        if not np.isfinite(samples).all():
            raise ValueError("a chunk holds samples that are not finite numbers")
        if self._end_ns is not None and abs(chunk.start_ns - self._end_ns) > self._chunk_ns:
            self._reset()
        self._end_ns = chunk.end_ns
        self._frames.push(samples)
        self.voice = self._voice.probability(samples)
        self._spoken.append(self.voice >= self._config.voice_threshold)
        self._since_hop += 1
        if self._since_hop < self._hop_chunks:
            return None
        self._since_hop = 0
        ratio = sum(self._spoken) / self._window_chunks
        if ratio < self._config.least_speech_ratio or not any(list(self._spoken)[-self._hop_chunks :]):
            return None
        if not self._voice.confirmed():
            return None
        outputs = self._model.outputs(normalise_frames(self._frames.window(), self._spec))
        voice = self._model.voice_probability(outputs)
        if voice < self._config.voice_threshold:
            return None
        return SpeechObservation(
            speech_ratio=ratio,
            quality=min(1.0, ratio / _FULL_SPEECH_RATIO) * voice,
            probabilities=self._model.emotions(outputs),
            start_ns=chunk.end_ns - self._spec.window_ms * 1_000_000,
            end_ns=chunk.end_ns,
        )

    def _reset(self) -> None:
        noise = np.random.default_rng(0).normal(0, _ROOM_NOISE, self._window_chunks * CHUNK_SAMPLES)
        self._frames.clear()
        self._frames.push(noise.astype(np.float32))
        self._spoken.extend([False] * self._window_chunks)
        self._since_hop = 0
        self._end_ns = None
        self._voice.reset()
