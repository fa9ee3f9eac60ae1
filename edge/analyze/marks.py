"""Boxes, labels and bars, drawn where faces were found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.analyze.canvas import Canvas, RgbCanvas
from edge.palette import COLOURS
from edge.records import EMOTIONS, FaceObservation


def draw(image: NDArray[np.uint8], faces: Sequence[FaceObservation]) -> NDArray[np.uint8]:
    """A copy of uint8 [H, W, 3] RGB with each face's box, id, emotion and the bars of its probabilities."""
    drawn: NDArray[np.uint8] = image.copy()
    mark(RgbCanvas(drawn), image.shape[0], faces)
    return drawn


def mark(canvas: Canvas, height_px: int, faces: Sequence[FaceObservation]) -> None:
    """Draw each face's box, id, emotion and the bars of its probabilities on a picture of this height."""
    # Sizes follow the picture: what reads at 360 pixels must read at 2160.
    scale = max(height_px / 480, 0.7)
    line = max(1, round(2 * scale))
    for face in faces:
        best = int(np.argmax(face.probabilities))
        colour = COLOURS[EMOTIONS[best]]
        left, top = round(face.box.x), round(face.box.y)
        right, bottom = round(face.box.x + face.box.width), round(face.box.y + face.box.height)
        canvas.outline(left, top, right, bottom, colour, line)
        label = f"face-{face.track_id} {EMOTIONS[best]} {face.probabilities[best]:.2f}"
        height = round(20 * scale)
        label_top = max(0, top - height)
        canvas.shade(left, label_top, round(len(label) * 9.5 * scale), height, [colour])
        canvas.write(label, left + 3, label_top + round(15 * scale), 0.5 * scale, colour)
        _bars(canvas, face.probabilities.tolist(), left, right, top, scale)


def _bars(canvas: Canvas, probabilities: list[float], left: int, right: int, top: int, scale: float) -> None:
    """Beside the box where there is room: right, else left, else inside."""
    width, step, text = round(104 * scale), round(15 * scale), round(42 * scale)
    x = right + 3 if right + 3 + width <= canvas.width else left - width - 3
    x = x if x >= 0 else left + 3
    top = max(0, top)
    canvas.shade(x, top, width, step, [COLOURS[emotion] for emotion in EMOTIONS])
    for number, (emotion, probability) in enumerate(zip(EMOTIONS, probabilities, strict=True)):
        y, colour = top + number * step, COLOURS[emotion]
        length = max(1, round((width - text - 3) * probability))
        canvas.fill(x + text, y + 3, x + text + length, y + step - 3, colour)
        canvas.write(emotion[:4], x + 3, y + step - round(4 * scale), 0.4 * scale, colour)
