"""Face detection: a picture in; boxes, scores and landmarks out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.perceive.cells import (
    BOX,
    LANDMARKS,
    OFFSETS,
    SCORE,
    agreement,
    blending,
    cells,
    decode_boxes,
    decode_landmarks,
    same_face,
    suppressed,
)
from edge.perceive.engine import Engine, Placement
from edge.perceive.inputs import DetectorInput
from edge.perceive.package import ModelPackage
from edge.perceive.pictures import picture_tensor
from edge.records import Box

# Boxes of one face overlap more than this, those of two faces in a crowd less.
_SAME_FACE_IOU = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """A face found in one picture; `score` in [0, 1].

    `landmarks` float32 [5, 2], x and y in pixels of the picture: the person's right eye, left eye, tip of the nose,
    right and left corner of the mouth. None where nobody knows.
    """

    box: Box
    score: float
    landmarks: NDArray[np.float32] | None = None


class FaceDetector(Protocol):
    """Finds faces in uint8 [H, W, 3] RGB pictures; the largest face first."""

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]: ...


class CellDetector:
    """A detector package: its model answers for every cell of three grids with a score, a box and five landmarks.

    Not thread-safe: one worker owns it.

    Args:
        package: of the task ``detector``.
        least_score: a face scores at least this; None: what the package says (``threshold``).
        smallest_px: faces whose longer side is smaller, in pixels of the picture, are left out.

    Raises:
        ModelError: the file is no model, or its tensors are not those of a detector of `package.input`.
    """

    def __init__(
        self,
        package: ModelPackage,
        least_score: float | None = None,
        smallest_px: int = 0,
        placement: Placement | None = None,
        file: str = "model.tflite",
    ) -> None:
        self.package = package
        self._spec = cast(DetectorInput, cast(object, package.input))  # load_package(..., "detector") made it so
        self._engine = Engine(package.folder / file, placement)
        self._centres, self._strides = cells(self._spec.height, self._spec.width)
        count = len(self._centres)
        got = (self._engine.input_shape, sorted(self._engine.output_shapes))
        expected = ((1, *self._spec.shape), [(1, count, SCORE), (1, count, BOX), (1, count, LANDMARKS)])
        if got != expected:
            raise ModelError(
                f"{package.folder / file}: expected one input of the shape {expected[0]} and outputs of the shapes "
                f"{expected[1]}, got {got[0]} and {got[1]}."
            )
        self._places = {shape[2]: place for place, shape in enumerate(self._engine.output_shapes)}
        self._silent = self._engine.quantized_output(self._places[SCORE], np.zeros(1, np.float32))
        units = {SCORE: 1.0, BOX: 1.0, LANDMARKS: self._number("landmark_unit", 1.0, 16.0)}
        self._meaning = {}  # of each output: what its numbers are multiplied by, and what is then added
        for kind, place in self._places.items():
            scale, shift = self._engine.output_scale(place)
            self._meaning[kind] = np.float32(scale * units[kind]), np.float32((shift - OFFSETS[kind]) * units[kind])
        self._picture = np.zeros(self._spec.shape, np.uint8)
        self._filled = (0, 0)
        self._levels = self._engine.quantized(picture_tensor(np.arange(256, dtype=np.uint8), self._spec))
        # Where the 256 levels become -128 to 127 in order, all that changes is the highest bit, and that in place.
        self._shifted = self._levels.dtype == np.int8 and np.array_equal(self._levels.ravel(), np.arange(-128, 128))
        self._tensor = self._picture.view(np.int8) if self._shifted else np.zeros(self._spec.shape, self._levels.dtype)
        self.adopt(least_score, smallest_px)

    def adopt(self, least_score: float | None, smallest_px: int) -> None:
        """Find by these from the next picture on: a face scores at least so much (None: the package's own choice), and
        its longer side has at least so many pixels."""
        score = self.threshold if least_score is None else least_score
        self._least_logit = math.log(score / (1 - score)) if score > 0 else -math.inf
        self._smallest = smallest_px

    @property
    def threshold(self) -> float:
        """The score from which on the package's own figures count a face."""
        return self._number("threshold", 0.5, 1.0)

    def _number(self, key: str, otherwise: float, below: float) -> float:
        value = self.package.description.get(key, otherwise)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < below:
            raise ModelError(
                f"{self.package.folder / 'model.json'}: {key}: expected a number between 0 and {below:g}, "
                f"got {value!r}."
            )
        return float(value)

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        tensor, scale = self._letterboxed(image)
        outputs = self._engine.run_quantized(tensor)
        chosen = np.flatnonzero(outputs[self._places[SCORE]] > self._silent)  # at its bound a cell says nothing
        logits = self._meant(outputs, SCORE, chosen)[:, 0]
        likely = np.flatnonzero(logits >= self._least_logit)
        if not likely.size:
            return []
        corners = decode_boxes(self._meant(outputs, BOX, chosen), self._centres[chosen], self._strides[chosen])
        shares = _sigmoid(logits)
        kept = likely[suppressed(corners[likely], shares[likely], _SAME_FACE_IOU)]
        same = same_face(corners, kept)
        agreed = agreement(logits, same, kept)
        weights = blending(shares, same, kept)
        asked = np.flatnonzero(weights.any(axis=0))
        answering = chosen[asked]
        places = self._meant(outputs, LANDMARKS, answering)
        points = decode_landmarks(places, self._centres[answering], self._strides[answering])
        points = (weights[:, asked] @ points.reshape(-1, LANDMARKS)).reshape(-1, 5, 2) / scale
        found = []
        height, width = image.shape[:2]
        for corner, logit, point in zip((corners[kept] / scale).tolist(), agreed.tolist(), points, strict=True):
            left, top, right, bottom = corner
            box = Box(left, top, right - left, bottom - top)
            # A face that too few cells see, one that nobody wanted, a box whose middle is outside.
            if logit < self._least_logit or max(box.width, box.height) < self._smallest:
                continue
            if 0 <= left + box.width / 2 <= width and 0 <= top + box.height / 2 <= height:
                found.append(Detection(box, float(_sigmoid(logit)), point))
        return sorted(found, key=lambda detection: detection.box.width * detection.box.height, reverse=True)

    def seen(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the model reads of a picture: float32 of the input's shape, as its own number type can hold it."""
        return self._engine.real(self._letterboxed(image)[0])

    def answers(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The model's own answers, float32 [cells, 15]: score, box and landmarks, each `OFFSETS` above its meaning."""
        outputs = self._engine.run_quantized(self._letterboxed(image)[0])
        places = [self._places[kind] for kind in (SCORE, BOX, LANDMARKS)]
        return np.concatenate([self._engine.real_output(place, outputs[place]) for place in places], axis=1)

    def _meant(self, outputs: list[NDArray[Any]], kind: int, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        """One output's logits or cells, of the chosen cells: few of thousands are worth converting."""
        factor, shift = self._meaning[kind]
        # By default NumPy 1 would make 16-bit floats of int8.
        meant: NDArray[np.float32] = np.multiply(outputs[self._places[kind]][chosen], factor, dtype=np.float32)
        meant += shift
        return meant

    def _letterboxed(self, image: NDArray[np.uint8]) -> tuple[NDArray[Any], float]:
        """The model's tensor, the picture in its top left corner, and how far the picture was shrunk or enlarged."""
        # Into the same memory each time: fresh pages cost more than the table.
        if self._shifted:  # in a sixth of the table's time
            self._filled, scale = letterbox(image, self._picture, self._filled, black=128)
            part = self._picture[: self._filled[0], : self._filled[1]]
            np.bitwise_xor(part, 128, out=part)
            return self._tensor, scale
        self._filled, scale = letterbox(image, self._picture, self._filled)
        # A table instead of arithmetic: each of the 256 levels has one place in the model's own numbers.
        return cv2.LUT(self._picture, self._levels, dst=self._tensor), scale


def letterbox(
    image: NDArray[np.uint8], picture: NDArray[np.uint8], filled: tuple[int, int] = (0, 0), black: int = 0
) -> tuple[tuple[int, int], float]:
    """Fit `image` with its proportions into the top left corner of `picture`, `black` where it does not reach.

    Args:
        image: uint8 [h, w, C].
        picture: uint8 [H, W, C], written to.
        filled: what an earlier call returned for the same `picture`: its rest is black already.

    Returns:
        The height and width that are filled, and what coordinates of `image` are multiplied by.
    """
    height, width = image.shape[:2]
    scale = min(picture.shape[0] / height, picture.shape[1] / width)
    high, wide = max(1, round(height * scale)), max(1, round(width * scale))
    if (high, wide) != filled:
        picture[:] = black
    # Averaging where pixels would be left out; between half and full size every pixel counts anyway.
    interpolation = cv2.INTER_AREA if scale <= 0.5 else cv2.INTER_LINEAR
    cv2.resize(image, (wide, high), dst=picture[:high, :wide], interpolation=interpolation)
    return (high, wide), scale


def _sigmoid(logits: Any) -> Any:
    return 1 / (1 + np.exp(-logits))
