"""Measure a detector package beside others, in one run, on photos of people and of other things."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.datasets.photos import Photo, boxed_photos, faceless_photos, test_photos, training_photos
from convert.detection_figures import FRONTAL, HALF_TURNED, figures, only, ranked, share_of_height, turns
from convert.detector_peers import Haar, YuNet
from edge.errors import ConfigError
from edge.perceive.detector import CellDetector, Detection, FaceDetector
from edge.perceive.package import load_package
from edge.perceive.quality import turn
from edge.records import Box

# Human and automatic boxes of one face agree at 0.66 to 0.69 on average; those of faces/ are coarse.
_IOU, _COARSE_IOU = 0.4, 0.35
_LARGER, _LARGE = 0.08, 0.2  # of the picture's height
_LEAST = 0.01  # what scores less is not even ranked
_PEER_SCORE = 0.6  # at which OpenCV's examples run YuNet
_RUNS = 60
_LONGEST_MS = 2000
_DRAWN_PX = 320
_DRAWN = 12


@dataclass(frozen=True, slots=True, eq=False)
class _Set:
    """Photos, their pictures, and the share of the picture's height that each face has."""

    photos: list[Photo]
    images: list[NDArray[np.uint8]]

    def larger(self, share: float) -> list[Photo]:
        """The photos with all smaller faces ignored."""
        return [
            only(photo, share_of_height(photo, image.shape[0]) >= share)
            for photo, image in zip(self.photos, self.images, strict=True)
        ]


def evaluate_detector(
    folder: Path, data: Path, yunet: Path | None = None, labels: Path | None = None
) -> dict[str, Any]:
    """Figures of the package in `folder` and of its peers, as a dict for JSON.

    Args:
        data: holds ``photos``; ``faces`` and ``noface`` are measured where they are.
        yunet: folder of YuNet's ONNX files; None: without it.
        labels: other labels of the held-out photos (`label_photos`), to measure against as well.

    Raises:
        ConfigError, ModelError: the photos or a model cannot be used.
    """
    cv2.setNumThreads(1)
    package = load_package(folder, "detector")
    ours = CellDetector(package, _LEAST)
    detectors: dict[str, tuple[FaceDetector, float]] = {package.name: (ours, ours.threshold)}
    # What is ranked is found at scores that nobody ships, where there is far more of it: time is taken without.
    timed: dict[str, FaceDetector] = {package.name: CellDetector(package)}
    if yunet:
        for side in (320, 640):
            path = yunet / f"yunet_n_{side}_{side}.onnx"
            detectors[f"YuNet {side}"] = (YuNet(path, side), _PEER_SCORE)
            timed[f"YuNet {side}"] = YuNet(path, side, _PEER_SCORE)
    with suppress(ConfigError):  # OpenCV 5 has none
        detectors["Haar"] = (Haar(), _PEER_SCORE)
        timed["Haar"] = Haar()
    test = _read(test_photos(data / "photos"))
    held_out = _read(training_photos(data / "photos", "held_out"))
    looks = _read(training_photos(data / "photos", "held_out", labels)) if labels else None
    coarse = _read(boxed_photos(data / "faces")) if (data / "faces").is_dir() else None
    nothing = _read(faceless_photos(data / "noface")) if (data / "noface").is_dir() else None
    found = {
        name: {
            part: [detector.detect(image) for image in group.images]
            for part, group in (
                ("test", test),
                ("held_out", held_out),
                ("looks", looks),
                ("faces", coarse),
                ("noface", nothing),
            )
            if group
        }
        for name, (detector, _) in detectors.items()
    }
    report: dict[str, Any] = {"model": package.name, "input": package.description["input"], "detectors": {}}
    truth_of_yaw = found.get("YuNet 640", {}).get("test")
    for name, (_, threshold) in detectors.items():
        rows = found[name]
        entry: dict[str, Any] = {
            "test, faces of 8 % of the height": figures(test.larger(_LARGER), rows["test"], _IOU, threshold),
            "test, all faces": figures(test.photos, rows["test"], _IOU, threshold),
            "held out, against the teacher": figures(held_out.photos, rows["held_out"], _IOU, threshold),
        }
        if looks:
            entry["held out, against several looks"] = figures(looks.photos, rows["looks"], _IOU, threshold)
            entry["frontal, by size, against several looks"] = _by_size(looks, rows["looks"], threshold, frontal=True)
            entry["by turn, against several looks"] = _by_turn(looks, rows["looks"], threshold)
        if coarse:
            entry["faces"] = figures(coarse.photos, rows["faces"], _COARSE_IOU, threshold)
        if nothing:
            fired = [max((item.score for item in items), default=0.0) for items in rows["noface"]]
            entry["pictures without a face that fire"] = {
                "of": len(fired),
                "at the threshold": sum(score >= threshold for score in fired),
                "at 0.6": sum(score >= _PEER_SCORE for score in fired),
            }
        entry["by turn"] = _by_turn(held_out, rows["held_out"], threshold)
        if truth_of_yaw is not None:
            entry["test, large faces by turn"] = _large_by_turn(test, rows["test"], truth_of_yaw, threshold)
        entry["by size"] = _by_size(test, rows["test"], threshold)
        entry["frontal, by size"] = _by_size(held_out, rows["held_out"], threshold, frontal=True)
        entry["by source"] = _by_source(held_out, rows["held_out"], threshold)
        report["detectors"][name] = entry
    report["milliseconds"] = _milliseconds(timed, test.images)
    return report


def as_markdown(report: dict[str, Any]) -> str:
    """The report for a person."""
    lines = [
        f"# {report['model']}",
        "",
        "Recall at so many false positives in the whole set, IoU 0.4, ignored places not counted; the test photos "
        "favour YuNet, which labelled a part of them.",
        "",
        "| Detector | Data | Faces | at 5 | at 12 | at 25 | AP | at its threshold | false there |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, entry in report["detectors"].items():
        for part, values in entry.items():
            if "ap" in values:
                recalls = " | ".join(f"{values[f'recall_at_{count}']:.3f}" for count in (5, 12, 25))
                lines.append(
                    f"| {name} | {part} | {values['faces']} | {recalls} | {values['ap']:.3f} | "
                    f"{values['recall_at_threshold']:.3f} | {values['false_positives_at_threshold']} |"
                )
    titles = ("pictures without a face that fire", "test, large faces by turn", "by turn", "by size")
    several = ("frontal, by size, against several looks", "by turn, against several looks")
    for title in (*titles, "frontal, by size", *several, "by source"):
        told = {name: entry[title] for name, entry in report["detectors"].items() if title in entry}
        if told:
            lines += ["", f"## {title}", "", *(f"- {name}: {json.dumps(values)}" for name, values in told.items())]
    lines += ["", "## Time, test photos made 640x480, RGB to boxes and landmarks, one thread, in turns", ""]
    for name, values in report["milliseconds"].items():
        lines.append(f"- {name}: {values['median_ms']:.2f} ms, x {values['to_yunet_320']} of YuNet at 320")
    return "\n".join(lines)


def write_report(report: dict[str, Any], folder: Path, data: Path, out: Path) -> None:
    """``report.md``, ``report.json`` and ``examples.png`` (test photos with what the detector finds) in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (out / "report.md").write_text(as_markdown(report) + "\n\n![examples](examples.png)\n", encoding="utf-8")
    detector = CellDetector(load_package(folder, "detector"))
    photos = test_photos(data / "photos")
    drawn = [_drawn(photo, detector) for photo in photos[:: max(1, len(photos) // _DRAWN)][:_DRAWN]]
    drawn += [np.zeros_like(drawn[0])] * (-len(drawn) % 4)
    rows = [np.hstack(drawn[start : start + 4]) for start in range(0, len(drawn), 4)]
    cv2.imwrite(str(out / "examples.png"), np.vstack(rows)[:, :, ::-1])


def _read(photos: list[Photo]) -> _Set:
    return _Set(photos, [photo.read() for photo in photos])


def _share(photos: Sequence[Photo], found: Sequence[Sequence[Detection]], threshold: float) -> dict[str, Any]:
    order = ranked(photos, found, _IOU).above(threshold)
    if not order.faces:
        return {"faces": 0, "recall": None, "landmark_error": None, "landmark_error_median": None}
    errors = order.error[np.isfinite(order.error)]
    return {
        "faces": order.faces,
        "recall": round(float(order.right.sum()) / order.faces, 4),
        "landmark_error": round(float(errors.mean()), 4) if len(errors) else None,
        "landmark_error_median": round(float(np.median(errors)), 4) if len(errors) else None,
    }


def _by_turn(group: _Set, found: Sequence[Sequence[Detection]], threshold: float) -> dict[str, Any]:
    """By the teacher's landmarks; error of ours against them as a share of the eyes' distance."""
    bounds = {"frontal": (0, FRONTAL), "half-turned": (FRONTAL, HALF_TURNED), "turned": (HALF_TURNED, np.inf)}
    result = {}
    for name, (low, high) in bounds.items():
        kept = [only(photo, (turns(photo) >= low) & (turns(photo) < high)) for photo in group.photos]
        result[name] = _share(kept, found, threshold)
    return result


def _large_by_turn(
    group: _Set, found: Sequence[Sequence[Detection]], peer: Sequence[Sequence[Detection]], threshold: float
) -> dict[str, Any]:
    """Faces of more than a fifth of the height; whether they are turned is what YuNet's landmarks say."""
    kinds: dict[str, list[Photo]] = {"frontal and half-turned": [], "turned": [], "not known": []}
    for photo, detections in zip(group.larger(_LARGE), peer, strict=True):
        angles = np.full(len(photo.boxes), np.nan)
        for index, box in enumerate(photo.boxes):
            near = max(detections, key=lambda item: _iou(item, box), default=None)
            if near is not None and near.landmarks is not None and near.score > 0.3 and _iou(near, box) > _IOU:
                angles[index] = turn(near.landmarks)
        kinds["frontal and half-turned"].append(only(photo, angles < HALF_TURNED))
        kinds["turned"].append(only(photo, angles >= HALF_TURNED))
        kinds["not known"].append(only(photo, np.isnan(angles)))
    return {name: _share(photos, found, threshold) for name, photos in kinds.items()}


def _by_size(
    group: _Set, found: Sequence[Sequence[Detection]], threshold: float, frontal: bool = False
) -> dict[str, Any]:
    """Of all faces, or of the frontal ones by the teacher's landmarks."""
    bounds = (0.0, 0.04, 0.08, 0.12, 0.2, 0.4, 9.0)
    result = {}
    for low, high in pairwise(bounds):
        kept = []
        for photo, image in zip(group.photos, group.images, strict=True):
            share = share_of_height(photo, image.shape[0])
            wanted = (share >= low) & (share < high)
            kept.append(only(photo, wanted & (turns(photo) < FRONTAL) if frontal else wanted))
        result[f"{100 * low:.0f} % and more of the height"] = _share(kept, found, threshold)
    return result


def _by_source(group: _Set, found: Sequence[Sequence[Detection]], threshold: float) -> dict[str, Any]:
    result = {}
    for source in sorted({photo.source for photo in group.photos}):
        chosen = [index for index, photo in enumerate(group.photos) if photo.source == source]
        result[source] = _share([group.photos[i] for i in chosen], [found[i] for i in chosen], threshold)
    return result


def _milliseconds(detectors: dict[str, FaceDetector], photos: Sequence[NDArray[np.uint8]]) -> dict[str, Any]:
    """Of photos in the size of a camera's frame, in turns: what else the machine does falls on all alike."""
    taken: dict[str, list[float]] = {name: [] for name in detectors}
    calls: list[tuple[str, Callable[[NDArray[np.uint8]], object]]] = [(n, d.detect) for n, d in detectors.items()]
    for run in range(_RUNS):
        image = np.asarray(cv2.resize(photos[run % len(photos)], (640, 480)), np.uint8)
        for name, call in calls:
            if sum(taken[name]) > _LONGEST_MS:  # a cascade can take a second for a picture
                continue
            begin = time.perf_counter()
            call(image)
            taken[name].append((time.perf_counter() - begin) * 1000)
    medians = {name: statistics.median(values[len(values) // 10 :]) for name, values in taken.items()}
    yunet = medians.get("YuNet 320")
    return {
        name: {"median_ms": round(value, 3), "to_yunet_320": round(value / yunet, 3) if yunet else None}
        for name, value in medians.items()
    }


def _iou(detection: Detection, box: NDArray[np.float32]) -> float:
    return detection.box.iou(Box(*map(float, box)))


def _drawn(photo: Photo, detector: CellDetector) -> NDArray[np.uint8]:
    image = photo.read()
    scale = _DRAWN_PX / max(image.shape[:2])
    canvas = np.zeros((_DRAWN_PX, _DRAWN_PX, 3), np.uint8)
    small = cv2.resize(image, (round(image.shape[1] * scale), round(image.shape[0] * scale)))
    canvas[: small.shape[0], : small.shape[1]] = small
    for left, top, width, height in photo.boxes[~photo.ignored] * scale:
        cv2.rectangle(canvas, (int(left), int(top)), (int(left + width), int(top + height)), (90, 90, 255), 1)
    for detection in detector.detect(image):
        box = detection.box
        low = int(box.x * scale), int(box.y * scale)
        high = int((box.x + box.width) * scale), int((box.y + box.height) * scale)
        cv2.rectangle(canvas, low, high, (60, 255, 60), 1)
        cv2.putText(canvas, f"{detection.score:.2f}", low, cv2.FONT_HERSHEY_PLAIN, 0.7, (60, 255, 60))
        for x, y in [] if detection.landmarks is None else detection.landmarks * scale:
            cv2.circle(canvas, (int(x), int(y)), 1, (255, 255, 0), -1)
    return canvas
