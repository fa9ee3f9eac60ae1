"""Training views for the face detector: crops of photos at a wanted face size, mosaics, and what cameras do to both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.datasets.photos import MIRRORED, Photo
from convert.paste_faces import paste_faces
from convert.paste_masks import draw_mask

#: Most faces of a view that training looks at, and the numbers for each: box (left, top, right, bottom), ten
#: landmark coordinates, 1 if they are known, 1 for a face, 0 for a place to ignore, -1 for none.
MOST_FACES = 32
TARGET = 16

_LARGEST_PX = 640  # of a photo's longer side, kept in memory
_MOST_ENLARGED = 1.6  # more would show faces that were too small in the photo for its labels
_SMALLEST_FACE_PX = 11.0  # of a view; what is smaller is neither wanted nor punished
_LEAST_VISIBLE = 0.6  # share of a face inside the view that makes it a face; below it is ignored
_MOSAIC, _BACKGROUND, _WHOLE, _TURNED = 0.25, 0.14, 0.2, 0.12
_WHOLE_AT_THE_END = 0.6
_MONOCHROME, _DARK, _BLURRED, _NOISY = 0.12, 0.06, 0.1, 0.06
# Most photos are enlarged to fill a view, which no camera's picture is: in mosaics they are not, and cameras sharpen.
_SHARPENED = 0.2
_SMALLEST_WANTED_PX = 12.0  # less than what the near input has to find: 8 % of its height is 26 pixels
_LARGEST_WANTED = 1.1  # of the view's side: a person who leans over to the camera
_DRAWS = 10  # of a face until one is found that is large enough in its photo for the size wanted
_HARD = 0.4  # share of backgrounds taken from those that mislead detectors
_TURN_DEGREES = 30.0
_MASKED, _COVERED = 0.12, 0.12  # share of the faces
_PASTED = 0.3  # share of backgrounds that get faces of other expressions than people show to photographers


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A photo in memory."""

    image: NDArray[np.uint8]
    photo: Photo


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A picture uint8 [H, W, 3] with its faces in its own pixels; corners float32 [N, 4]."""

    image: NDArray[np.uint8]
    corners: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    ignored: NDArray[np.bool_]


def load_scenes(photos: Sequence[Photo]) -> list[Scene]:
    """Read photos, shrunk to at most 640 pixels, their coordinates with them."""
    scenes = []
    for photo in photos:
        image = photo.read()
        factor = min(1.0, _LARGEST_PX / max(image.shape[:2]))
        if factor < 1:
            size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        scenes.append(Scene(image, photo.scaled(factor)))
    return scenes


class Views:
    """Makes random views.

    Args:
        photos: with faces.
        backgrounds, hard: without.
        faces: uint8 [N, S, S], grey, each filled by a face as FER2013's pictures are, to paste into backgrounds.
        whole: most views, and parts of mosaics, are whole photos, as the device sees them: for the end of a training.
    """

    def __init__(
        self,
        photos: Sequence[Scene],
        backgrounds: Sequence[Scene],
        hard: Sequence[Scene],
        faces: NDArray[np.uint8] | None = None,
        whole: bool = False,
    ) -> None:
        self._photos, self._backgrounds, self._hard, self._faces = photos, backgrounds, hard, faces
        self._whole = _WHOLE_AT_THE_END if whole else _WHOLE
        # A photo of many faces has more to teach than a portrait, but not so many times as much.
        faces_of = np.array([max(1, (~scene.photo.ignored).sum()) for scene in photos])
        self._shown = np.cumsum(np.sqrt(faces_of))

    def view(self, height: int, width: int, rng: np.random.Generator) -> View:
        """One view of so many pixels."""
        mosaic = rng.random() < _MOSAIC
        view = self._mosaic(height, width, rng) if mosaic else self._crop(width, height, rng)
        if rng.random() < 0.5:
            view = _mirrored(view)
        return View(_photographed(_occluded(view, rng), rng), view.corners, view.landmarks, view.ignored)

    def _mosaic(self, height: int, width: int, rng: np.random.Generator) -> View:
        """Four crops around a random point (Bochkovskiy et al. 2020, YOLOv4)."""
        image = np.empty((height, width, 3), np.uint8)
        column, row = (int(value) for value in rng.uniform(0.35, 0.65, 2) * (width, height))
        parts = []
        for left, top, right, bottom in (
            (0, 0, column, row), (column, 0, width, row), (0, row, column, height), (column, row, width, height)
        ):  # fmt: skip
            part = self._crop(right - left, bottom - top, rng)
            image[top:bottom, left:right] = part.image
            offset = np.array([left, top], np.float32)
            parts.append((part.corners + np.tile(offset, 2), part.landmarks + offset, part.ignored))
        corners, landmarks, ignored = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return View(image, corners, landmarks, ignored)

    def _crop(self, width: int, height: int, rng: np.random.Generator) -> View:
        if rng.random() < _BACKGROUND:
            scenes = self._hard if rng.random() < _HARD else self._backgrounds
            scene = _any(scenes, rng)
            fit = max(width / scene.image.shape[1], height / scene.image.shape[0])
            view = _cut(scene, self._plain(width, height, rng), fit * rng.uniform(0.7, 2.0), None, rng)
            if self._faces is not None and rng.random() < _PASTED:
                corners = paste_faces(view.image, self._faces, rng, _SMALLEST_WANTED_PX)
                unknown = np.full((len(corners), 5, 2), np.nan, np.float32)
                return View(view.image, corners, unknown, np.zeros(len(corners), bool))
            return view
        whole = rng.random() < self._whole
        # As many faces of each octave: a camera sees them small more often, but misses those anyway.
        wanted = float(np.exp(rng.uniform(np.log(_SMALLEST_WANTED_PX), np.log(_LARGEST_WANTED * min(width, height)))))
        for _ in range(_DRAWS):
            scene = self._photos[int(np.searchsorted(self._shown, rng.random() * self._shown[-1], side="right"))]
            faces = np.flatnonzero(~scene.photo.ignored)
            fit = min(width / scene.image.shape[1], height / scene.image.shape[0])
            if whole or not len(faces):
                return _cut(scene, self._plain(width, height, rng), fit * rng.uniform(0.8, 1.4), None, rng)
            box = scene.photo.boxes[rng.choice(faces)]
            scale = wanted / float(max(box[2], box[3]))
            possible = min(max(scale, 0.4 * fit), max(_MOST_ENLARGED, fit))
            if possible == scale:
                break
        return _cut(scene, self._behind(width, height, rng), possible, box, rng)

    def _behind(self, width: int, height: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """What a view shows where its photo ends: another picture, lest the end betray the face."""
        if rng.random() < 0.35:
            return self._plain(width, height, rng)
        scenes = self._hard if rng.random() < _HARD / 2 else self._backgrounds
        image = _any(scenes, rng).image
        scale = max(width / image.shape[1], height / image.shape[0], rng.uniform(0.3, 1.0))
        wide, high = min(image.shape[1], int(width / scale)), min(image.shape[0], int(height / scale))
        left, top = rng.integers(image.shape[1] - wide + 1), rng.integers(image.shape[0] - high + 1)
        part = image[top : top + high, left : left + wide]
        return np.array(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)

    def _plain(self, width: int, height: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """The border of a letterbox, or one colour."""
        colour = rng.integers(0, 256, 3) if rng.random() < 0.3 else np.zeros(3)
        return np.full((height, width, 3), colour, np.uint8)


def _any(scenes: Sequence[Scene], rng: np.random.Generator) -> Scene:
    return scenes[int(rng.integers(len(scenes)))]


def _cut(
    scene: Scene,
    behind: NDArray[np.uint8],
    scale: float,
    around: NDArray[np.float32] | None,
    rng: np.random.Generator,
) -> View:
    """A part of the scene, enlarged by `scale`, with the face `around` somewhere in it, laid on `behind`."""
    height, width = behind.shape[:2]
    stretch = float(np.exp(rng.normal(0, 0.06)))
    across, down = scale * stretch, scale / stretch
    wide, high = width / across, height / down  # of the part, in pixels of the scene
    if around is None:
        left, top = rng.uniform(0, 1, 2) * (scene.image.shape[1] - wide, scene.image.shape[0] - high)
    else:
        left, top = around[:2] - rng.uniform(0, 1, 2) * ((wide, high) - around[2:])
    matrix = np.array([[across, 0, -left * across], [0, down, -top * down]])
    turn = rng.uniform(-_TURN_DEGREES, _TURN_DEGREES) if rng.random() < _TURNED else 0.0
    if turn:
        rotation = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 1.0)
        matrix = rotation @ np.vstack([matrix, [0, 0, 1]])
    return _inside(_warped(scene.image, matrix, behind), scene.photo, matrix, turn)


def _warped(image: NDArray[np.uint8], matrix: NDArray[np.float64], behind: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """warpAffine onto `behind`, without its aliasing: shrunk by area first where the scale asks for it."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale < 0.5:  # as `letterbox` does
        shrink = max(scale * 1.1, 0.02)
        size = (max(1, round(image.shape[1] * shrink)), max(1, round(image.shape[0] * shrink)))
        matrix = matrix @ np.diag([image.shape[1] / size[0], image.shape[0] / size[1], 1.0])
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    size = (behind.shape[1], behind.shape[0])
    cv2.warpAffine(image, matrix, size, behind, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
    return behind


def _inside(image: NDArray[np.uint8], photo: Photo, matrix: NDArray[np.float64], turn: float) -> View:
    """The faces of `photo` as they lie in the view: cut at its border, left out where nothing is seen of them."""
    height, width = image.shape[:2]
    landmarks = photo.landmarks @ matrix[:, :2].T + matrix[:, 2]
    middle = (photo.boxes[:, :2] + photo.boxes[:, 2:] / 2) @ matrix[:, :2].T + matrix[:, 2]
    sides = photo.boxes[:, 2:] * np.sqrt((matrix[:, :2] ** 2).sum(axis=0))
    if turn:
        # A turned face is no wider than a straight one; its box lies between the two, as the teacher's boxes do.
        share = abs(np.sin(np.radians(turn)))
        sides = sides * (1 - share) + sides[:, ::-1] * share
    corners = np.concatenate([middle - sides / 2, middle + sides / 2], axis=1)
    cut = np.clip(corners, 0, [width, height, width, height])
    area = np.prod(cut[:, 2:] - cut[:, :2], axis=1)
    visible = area / np.maximum(np.prod(sides, axis=1), 1e-6)
    kept = visible > 0.05
    small = np.sqrt(np.prod(sides, axis=1)) < _SMALLEST_FACE_PX
    ignored = photo.ignored | (visible < _LEAST_VISIBLE) | small
    return View(image, cut[kept].astype(np.float32), landmarks[kept].astype(np.float32), ignored[kept])


def _mirrored(view: View) -> View:
    width = view.image.shape[1]
    corners = view.corners.copy()
    corners[:, [0, 2]] = width - view.corners[:, [2, 0]]
    landmarks = view.landmarks[:, MIRRORED] * np.array([-1, 1], np.float32) + np.array([width, 0], np.float32)
    return View(np.ascontiguousarray(view.image[:, ::-1]), corners, landmarks, view.ignored)


def _occluded(view: View, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Something in front of a face: a mask, or a rectangle of one colour or of the view itself, up to half of it."""
    image = view.image
    shown = ~view.ignored
    for (left, top, right, bottom), landmarks in zip(view.corners[shown], view.landmarks[shown], strict=True):
        kind = rng.random()
        if kind < _MASKED:
            draw_mask(image, landmarks, rng)
        if not _MASKED <= kind < _MASKED + _COVERED:
            continue
        wide, high = rng.uniform(0.25, 0.6, 2) * (right - left, bottom - top)
        x, y = rng.uniform((left, top), (right - wide, bottom - high)).astype(int)
        patch = image[y : y + int(high), x : x + int(wide)]
        if patch.size:
            patch[:] = (
                rng.integers(0, 256, 3)
                if rng.random() < 0.6
                else np.roll(image, 37, axis=0)[: patch.shape[0], : patch.shape[1]]
            )
    return image


def _photographed(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Light, colour, focus and noise as a cheap camera has them."""
    tone = np.linspace(0, 1, 256)[:, None]
    gain = rng.uniform(0.6, 1.25) * rng.uniform(0.85, 1.15, 3)
    dark = rng.random() < _DARK
    if dark:
        gain = gain * rng.uniform(0.15, 0.5)
    table = (tone ** np.exp(rng.normal(0, 0.25)) - 0.5) * gain + 0.5 * min(1.0, float(gain.mean()))
    table = table + rng.uniform(-0.12, 0.12)
    image = np.asarray(cv2.LUT(image, np.clip(table * 255, 0, 255).astype(np.uint8)[:, None, :]), np.uint8)
    if rng.random() < _MONOCHROME:  # monochrome and infrared cameras, old photos
        image = np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)
    if rng.random() < _BLURRED:
        length = int(rng.integers(2, 6))
        kernel = (length, 1) if rng.random() < 0.3 else (1, length) if rng.random() < 0.3 else (length, length)
        image = np.asarray(cv2.blur(image, kernel), np.uint8)
    elif rng.random() < _SHARPENED:
        amount, radius = rng.uniform(0.3, 1.2), rng.uniform(0.8, 1.6)
        image = np.asarray(cv2.addWeighted(image, 1 + amount, cv2.GaussianBlur(image, (0, 0), radius), -amount, 0))
    if dark or rng.random() < _NOISY:
        noise = rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(2, 14))
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return image


def target(view: View) -> NDArray[np.float32]:
    """float32 [MOST_FACES, TARGET]: the view's faces for the loss, the largest first.

    Where there are more, the last row is a place to ignore that holds all others: they must not count as mistakes.
    """
    rows = np.full((MOST_FACES, TARGET), -1, np.float32)
    sides = view.corners[:, 2:] - view.corners[:, :2]
    order = np.lexsort((-sides.prod(axis=1), view.ignored))
    if len(order) > MOST_FACES:
        order, rest = order[: MOST_FACES - 1], view.corners[order[MOST_FACES - 1 :]]
        rows[-1] = 0
        rows[-1, :4] = [*rest[:, :2].min(axis=0), *rest[:, 2:].max(axis=0)]
    size = np.array(view.image.shape[1::-1], np.float32)
    for row, index in zip(rows, order, strict=False):
        points = view.landmarks[index]
        known = bool(np.isfinite(points).all() and (points >= 0).all() and (points < size).all())
        row[:4] = view.corners[index]
        row[4:14] = points.ravel() if known else 0
        row[14] = known
        row[15] = 0 if view.ignored[index] else 1
    return rows
