"""A face package is measured by the labels that it learned."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.evaluate import evaluate_face
from convert.face_report import face_report
from edge.perceive.package import find_package


@pytest.mark.parametrize(
    ("name", "kind", "count"), [("face-emotion", "", 14), ("face-emotion-ferplus", ", FER+ majority", 13)]
)
def test_by_fer2013s_labels_or_by_the_votes(small_fer: Path, name: str, kind: str, count: int):
    measured = evaluate_face(find_package(name), small_fer)
    assert {f"FER2013 {split}{kind}" for split in ("PublicTest", "PrivateTest")} < set(measured)
    assert measured[f"FER2013 PrivateTest{kind}"]["count"] == count


def test_robustness_too(small_fer: Path, tmp_path: Path):
    report = face_report(find_package("face-emotion-ferplus"), small_fer, tmp_path)
    assert report["robustness"]["split"] == "FER2013 PrivateTest, FER+ majority"
    changes = report["robustness"]["changes"]
    own = report["measured"]["FER2013 PrivateTest, FER+ majority"]
    assert changes["as it is"]["accuracy"] == own["accuracy"]
    assert "FER2013 PrivateTest" in report["measured"]
