"""Face detection: a picture in; boxes, scores and landmarks out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.perceive.engine import Engine, Placement
from edge.perceive.inputs import DetectorInput
from edge.perceive.package import ModelPackage
from edge.perceive.pictures import picture_tensor
from edge.records import Box

#: Pixels of the model's input between two cells of a level.
STRIDES = (8, 16, 32)
#: Numbers that each output of the model has for a cell.
SCORE, BOX, LANDMARKS = 1, 4, 10
#: What a package's outputs lie above what they mean, by their numbers for a cell: they are cut to 0..6, so that int8 is
#: spent on scores of 0.08 to 0.97, boxes of 0.05 to 20 cells and landmarks up to 6 cells from their cell.
OFFSETS = {SCORE: 2.5, BOX: 3.0, LANDMARKS: 3.0}
#: Cells that a unit of a landmark's answer stands for, in packages that are made now (``landmark_unit``); where a
#: package does not say, it is 1, with which the landmarks of a face that fills the picture were cut off.
LANDMARK_UNIT = 2.0
#: Cells that training lets answer for a face. What only a few of them take for one rarely is.
CELLS_OF_A_FACE = 9
# Boxes of one face overlap more than this, those of two faces in a crowd less.
_SAME_FACE_IOU = 0.4
# Cells whose boxes overlap more than this answer for the same face, each a little differently.
_SAME_ANSWER_IOU = 0.6
# Share of the best one's score below which a cell is not asked where landmarks are: small cells cannot reach those of a
# large face.
_SURE_ENOUGH = 0.5
_OWN_SHARE = 0.5  # of a face's score; the rest is the mean of the cells that answer for it
# Candidates that are compared with each other; a picture with more of them shows noise, not faces.
_MOST_CANDIDATES = 300


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


def cells(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Centres float32 [A, 2] (x, y) and strides float32 [A, 1], in pixels, of the cells of an input of this size.

    Level by level from the finest, row by row; a level has a cell for every whole or begun stride.
    """
    centres, strides = [], []
    for stride in STRIDES:
        rows, columns = np.mgrid[: -(-height // stride), : -(-width // stride)]
        centres.append((np.stack([columns.ravel(), rows.ravel()], axis=1) + 0.5) * stride)
        strides.append(np.full((rows.size, 1), stride))
    return np.concatenate(centres).astype(np.float32), np.concatenate(strides).astype(np.float32)


def decode_boxes(
    box: NDArray[np.float32], centres: NDArray[np.float32], strides: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Corners float32 [N, 4] (left, top, right, bottom): an offset and a logarithm of the size, in strides."""
    middle = centres + box[:, :2] * strides
    half = np.exp(box[:, 2:]) * strides / 2
    return np.concatenate([middle - half, middle + half], axis=1)


def decode_landmarks(
    landmarks: NDArray[np.float32], centres: NDArray[np.float32], strides: NDArray[np.float32]
) -> NDArray[np.float32]:
    """float32 [N, 5, 2]: offsets in strides from the cell's centre."""
    return centres[:, np.newaxis] + landmarks.reshape(-1, 5, 2) * strides[:, np.newaxis]


def suppressed(corners: NDArray[np.float32], scores: NDArray[np.float32], most_iou: float) -> NDArray[np.int64]:
    """Indices that greedy non-maximum suppression keeps of corners float32 [N, 4], the best first.

    Args:
        scores: float32 [N], above 0.
    """
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), 0.0, most_iou, top_k=_MOST_CANDIDATES)
    return np.asarray(kept, np.int64).ravel()


def same_face(corners: NDArray[np.float32], kept: NDArray[np.int64]) -> NDArray[np.bool_]:
    """bool [K, N]: which of N candidates answer for the same face as each of the K kept ones, itself included.

    Args:
        corners: of all candidates, float32 [N, 4].
    """
    left, top, right, bottom = corners.T
    wide = np.minimum(right[kept, np.newaxis], right) - np.maximum(left[kept, np.newaxis], left)
    high = np.minimum(bottom[kept, np.newaxis], bottom) - np.maximum(top[kept, np.newaxis], top)
    both = np.maximum(wide, 0) * np.maximum(high, 0)
    areas = (right - left) * (bottom - top)
    return np.asarray(both >= np.float32(_SAME_ANSWER_IOU) * (areas[kept, np.newaxis] + areas - both))


def agreement(logits: NDArray[np.float32], same: NDArray[np.bool_], kept: NDArray[np.int64]) -> NDArray[np.float32]:
    """The kept ones' score logits, float32 [K]: half its own, half the mean of the nine surest for the same face.

    Where fewer answer, the others count as if they said as little as a package's outputs can.

    Args:
        logits: of all N candidates, float32 [N].
        same: what `same_face` says.
    """
    least = -OFFSETS[SCORE]
    surest = np.sort(np.where(same, logits, np.float32(least)), axis=1)[:, -CELLS_OF_A_FACE:]
    missing = CELLS_OF_A_FACE - surest.shape[1]
    mean = (surest.sum(axis=1) + least * missing) / CELLS_OF_A_FACE
    return np.asarray(_OWN_SHARE * logits[kept] + (1 - _OWN_SHARE) * mean, np.float32)


def blending(scores: NDArray[np.float32], same: NDArray[np.bool_], kept: NDArray[np.int64]) -> NDArray[np.float32]:
    """Weights float32 [K, N] that sum to 1 of N candidates' landmarks in those of the K kept ones.

    By score, as BlazeFace does (Bazarevsky et al. 2019): each cell errs in another direction.

    Args:
        scores: of all candidates, float32 [N].
        same: what `same_face` says.
    """
    asked = same & (scores >= np.float32(_SURE_ENOUGH) * scores[kept, np.newaxis])
    weights = np.where(asked, scores, np.float32(0))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _sigmoid(logits: Any) -> Any:
    return 1 / (1 + np.exp(-logits))
