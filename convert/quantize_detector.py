"""A trained detector to quantize: for one size of input, judged on photos that it was not trained on."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from convert.contract import Given
from convert.datasets.photos import Photo, boxed_photos, training_photos
from convert.detection_figures import figures, ranked
from convert.detection_gate import compare_detections, faces_found
from convert.examples import Sample
from convert.float_detector import detector_from_keras, load_detector
from convert.float_model import FloatModel, load_keras
from convert.gate import Finding, more_often
from convert.judging import Subject, Verdict, label_of
from convert.package import write_package
from convert.representative import balanced
from convert.run import Run, read_run
from edge.errors import ConfigError
from edge.perceive.cells import LANDMARK_UNIT
from edge.perceive.detector import CellDetector, Detection, letterbox
from edge.perceive.inputs import DetectorInput
from edge.perceive.package import load_package
from edge.perceive.pictures import picture_tensor

#: Photos to calibrate on, unless another number is asked for: each is many cells.
_COUNT = 64
#: Overlap at which a detection counts: human and automatic boxes of one face agree no better than 0.66 on average.
IOU = 0.4
# False positives a picture of held-out photos at the shipped threshold. Half of them are faces without a label, so a
# picture without a face fires half as often: what a camera in a home may do is 2 of 73.
_FALSE_A_PICTURE = 0.03
_LEAST = 0.01  # detections below this score are not even ranked
# On so many photos is looked whether another scaling of pixels fits better.
_PLAUSIBLE_ON = 60
_RANGES = ((-1.0, 1.0), (0.0, 1.0), (0.0, 255.0))
_MIRRORED = [1, 0, 2, 4, 3]  # left and right, of eyes and of mouth
_NOTHING = 0.05  # AP


def detector_subject(
    path: Path,
    data: Path,
    evaluate: Path | None,
    scheme: str,
    count: int | None,
    size: tuple[int, ...] | None,
    given: Given,
    log: Path,
) -> Subject:
    """The detector in `path`, a run's model.keras or a model of one's own, calibrated on the photos in `data`.

    Args:
        evaluate: a folder of photos with boxes.csv; None: the held-out photos of `data`.
        size: height, width and 3; None: the model's.
        given: how pixels are scaled, of a model of one's own; measured where that is certain.

    Raises:
        ConfigError: the model, the photos or the size cannot be used, or something is neither given nor certain.
    """
    photos = boxed_photos(evaluate) if evaluate else training_photos(data, "held_out")
    if path.name == "model.keras" and (path.parent / "run.json").is_file():
        if given.labels or given.input:
            raise ConfigError(f"{path.parent / 'run.json'}: says what the input is: leave the options for it out.")
        model, run, how = _of_run(path, size, log)
    else:
        model = load_detector(path, log, size)
        run, how = own_contract(model, given, photos)
    name = f"photos of {evaluate.name}" if evaluate else "held-out photos"
    judge = partial(DetectorJudge, run=run, name=name, photos=photos, scheme=scheme)
    sample = calibration(data, cast(DetectorInput, run.input), count or _COUNT)
    return Subject(model, run, how, sample, judge)


def _of_run(path: Path, size: tuple[int, ...] | None, log: Path) -> tuple[FloatModel, Run, dict[str, str]]:
    run = read_run(path.parent)
    spec = run.input
    if not isinstance(spec, DetectorInput):
        raise ConfigError(f"{path.parent / 'run.json'}: expected a run of the task 'detector', got {run.task!r}.")
    how = {"labels": "run.json", "input": "run.json"}
    if size:
        if len(size) != 3 or size[2] != 3 or any(side < 1 or side % 32 for side in size[:2]):
            raise ConfigError(f"--size: expected HxWx3 with multiples of 32, e.g. 288x384x3, got {size}")
        spec = replace(spec, height=size[0], width=size[1])
        run = replace(run, input=spec)
        how["size"] = "given"
    trained = load_keras(path, log)
    from convert.architectures.detector import pyramid

    fixed = pyramid(spec.shape, bounded=True)
    try:
        fixed.set_weights(trained.get_weights())
    except ValueError as error:
        raise ConfigError(
            f"{path}: expected the detector as this version trains it, got other weights: {error} Begin a training "
            f"with them (train detector --start {path.parent}), or use the version that made them."
        ) from error
    return detector_from_keras(fixed, path, log), run, how


def own_contract(model: FloatModel, given: Given, photos: list[Photo]) -> tuple[Run, dict[str, str]]:
    """The contract of a detector without run.json, and how each part of it came to be known.

    Raises:
        ConfigError: what is given contradicts the model, or how pixels are scaled is neither given nor certain.
    """
    height, width, channels = model.input_shape
    about = {"architecture": model.path.name}
    sides = {"height": height, "width": width, "channels": channels}
    if wrong := [f"{key} {given.value(key)}" for key in sides if given.value(key) not in (None, sides[key])]:
        raise ConfigError(f"{model.path}: has an input of {sides}, not of the {', '.join(wrong)} that is given.")
    if given.labels:
        raise ConfigError(f"{model.path}: a detector has no labels: leave --labels out.")
    low, high = given.value("low"), given.value("high")
    if (low is None) != (high is None):
        raise ConfigError(f"{model.path}: expected low and high, or none of them, got {dict(given.input or {})}.")
    if low is not None and high is not None:
        spec = DetectorInput(height, width, 3, float(low), float(high))
        return Run("detector", spec, ("face",), about), {"labels": "the task", "range": "given"}
    few, most = _some(photos)
    judged = []
    for ends in _RANGES:
        run = Run("detector", DetectorInput(height, width, 3, *ends), ("face",), about)
        hits = faces_found(ranked(few, detections(model.tflite, run, few), IOU), most)
        judged.append((hits, "{:g}..{:g}".format(*ends), run))
    judged.sort(key=lambda item: -int(item[0].sum()))
    (best, _, run), (next_best, *_) = judged[:2]
    found, others = (f"{hits.sum()} of {len(hits)} faces with {ends}" for hits, ends, _ in judged[:2])
    if not more_often(best, next_best):
        raise ConfigError(
            f"{model.path}: how its pixels are scaled is not certain: it finds {found}, {others}. Say which by --range."
        )
    how = {"labels": "the task", "range": f"measured: it finds {found}, {others}"}
    return run, how


def _some(photos: list[Photo]) -> tuple[list[Photo], float]:
    """Photos to try scalings on, and how many false positives are allowed on them."""
    few = photos[:: max(1, len(photos) // _PLAUSIBLE_ON)]
    return few, _FALSE_A_PICTURE * len(few)


def calibration(data: Path, spec: DetectorInput, count: int) -> Sample:
    """Letterboxed training photos, as evenly from all sources as there are."""
    photos = training_photos(data)
    chosen = [photos[index] for index in balanced([photo.source for photo in photos], count)]
    tensors = np.stack([picture_tensor(_letterboxed(photo, spec), spec) for photo in chosen])
    return Sample(tensors, tuple(photo.path.name for photo in chosen))


def _letterboxed(photo: Photo, spec: DetectorInput) -> NDArray[np.uint8]:
    picture = np.zeros(spec.shape, np.uint8)
    letterbox(photo.read(), picture)
    return picture


class DetectorJudge:
    """Judges on photos with boxes, by the device's own detection."""

    output: Literal["logits", "probabilities"] = "logits"

    def __init__(self, model: FloatModel, run: Run, name: str, photos: list[Photo], scheme: str) -> None:
        self._model, self._run, self._name, self._photos, self._scheme = model, run, name, photos, scheme
        self._heights = [photo.read().shape[0] for photo in photos]
        self._exact = detections(model.tflite, run, photos)

    def judge(self, tflite: bytes, in_float: int) -> Verdict:
        """`tflite` beside the float model; the threshold that the package ships with is its own."""
        photos = self._photos
        found = detections(tflite, self._run, photos)
        most = _FALSE_A_PICTURE * len(photos)
        compared = compare_detections(photos, self._exact, found, self._heights, IOU, most)
        threshold = min(0.99, round(ranked(photos, found, IOU).score_at(most) + 0.005, 2))
        metrics = {
            self._name: {
                "float": figures(photos, self._exact, IOU, threshold),
                label_of(self._scheme): figures(photos, found, IOU, threshold),
            }
        }
        return Verdict(self._name, compared, metrics, facts={"threshold": threshold, "landmark_unit": LANDMARK_UNIT})

    def implausible(self) -> list[Finding]:
        """Swapped landmarks, another scaling of pixels that fits better, or a detector that finds nothing."""
        own = ranked(self._photos, self._exact, IOU)
        findings = [*self._landmarks(own.error), *self._scaling()]
        if own.average_precision() < _NOTHING:
            message = (
                f"the float model finds next to nothing on {self._name}: average precision "
                f"{100 * own.average_precision():.1f} %."
            )
            findings.append(Finding("chance", message, "Check its input, its size and the photos; train it longer."))
        return findings

    def _landmarks(self, error: NDArray[np.float64]) -> list[Finding]:
        mirrored = [replace(photo, landmarks=photo.landmarks[:, _MIRRORED]) for photo in self._photos]
        other = ranked(mirrored, self._exact, IOU).error
        known = np.isfinite(error) & np.isfinite(other)
        if not more_often((other < error)[known], (other > error)[known]):
            return []
        return [
            Finding(
                "landmarks",
                f"its landmarks fit better with left and right exchanged, at {int(known.sum())} faces: mean error "
                f"{other[known].mean():.2f} instead of {error[known].mean():.2f} of the eyes' distance.",
                "Train it on landmarks in the order right eye, left eye, nose, right and left corner of the mouth, as "
                "the person has them.",
            )
        ]

    def _scaling(self) -> list[Finding]:
        spec: Any = self._run.input
        photos, most = _some(self._photos)

        def tried(other: DetectorInput) -> tuple[float, NDArray[np.bool_]]:
            run = replace(self._run, input=other)
            result = ranked(photos, detections(self._model.tflite, run, photos), IOU)
            return result.average_precision(), faces_found(result, most)

        precision, own = tried(spec)
        others = {
            ends: tried(replace(spec, low=ends[0], high=ends[1])) for ends in _RANGES if ends != (spec.low, spec.high)
        }
        (low, high), (better, best) = max(others.items(), key=lambda item: int(item[1][1].sum()))
        # The faces are found or not by the score of one false positive: only with all ranks do they say something.
        if better <= precision or not more_often(best, own):
            return []
        message = (
            f"pixels mapped onto {spec.low:g}..{spec.high:g} make the model find {own.sum()} of {len(own)} faces, onto "
            f"{low:g}..{high:g} {best.sum()}."
        )
        return [Finding("scaling", message, "Correct low and high in run.json, or --range.")]


def detections(tflite: bytes, run: Run, photos: Sequence[Photo]) -> list[list[Detection]]:
    """What the device finds in each of `photos` with a detector of `run` in the file `tflite`."""
    with tempfile.TemporaryDirectory() as draft:
        write_package(Path(draft), run, tflite, facts={"threshold": 0.5, "landmark_unit": LANDMARK_UNIT})
        detector = CellDetector(load_package(Path(draft), "detector"), _LEAST)
        return [detector.detect(photo.read()) for photo in photos]
