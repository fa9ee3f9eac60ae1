"""Frames of a running sound, each computed once, whatever windows they are looked at in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.perceive.features import frame_values
from edge.perceive.inputs import SpeechInput


class FrameStream:
    """Samples in, windows of `frame_values` out: the same numbers as of the whole sound at once.

    A frame is computed when a window is asked for that holds it; the frames of a silence in which nobody asks are
    never computed.
    """

    def __init__(self, spec: SpeechInput) -> None:
        self._spec = spec
        self._span = (spec.frames - 1) * spec.step_samples + spec.frame_samples
        self._values = np.zeros((0, spec.values), np.float32)
        # From the first sample of the next frame on; `_before` is the sample before it.
        self._waiting: list[NDArray[np.float32]] = []
        self._count = 0
        self._before: float | None = None

    def push(self, samples: NDArray[np.float32]) -> None:
        """Go on with float32 [N] in [-1, 1] at the sample rate of the input."""
        self._waiting.append(samples)
        self._count += len(samples)
        if self._count > 2 * self._span:
            # No window reaches further back: what was computed before has left it as well.
            self._values = self._values[:0]
            self._skip((self._count - self._span) // self._spec.step_samples)

    def window(self) -> NDArray[np.float32]:
        """The newest `spec.frames` frames, float32 [frames, values].

        Raises:
            ValueError: fewer samples than a window came since the beginning.
        """
        waiting = self._joined()
        new = frame_values(waiting, self._spec, self._before)
        self._values = np.concatenate([self._values, new])[-self._spec.frames :]
        self._skip(len(new))
        if len(self._values) < self._spec.frames:
            raise ValueError(f"a window needs {self._spec.frames} frames, got {len(self._values)}")
        return self._values

    def clear(self) -> None:
        """Begin anew: what comes next does not follow what came."""
        self._values = self._values[:0]
        self._waiting, self._count, self._before = [], 0, None

    def _joined(self) -> NDArray[np.float32]:
        joined = np.concatenate(self._waiting) if self._waiting else np.zeros(0, np.float32)
        self._waiting = [joined]
        return joined

    def _skip(self, steps: int) -> None:
        passed = steps * self._spec.step_samples
        if passed == 0:
            return
        joined = self._joined()
        self._before = float(joined[passed - 1])
        self._waiting = [joined[passed:]]
        self._count = len(joined) - passed
