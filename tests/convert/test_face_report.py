from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np

from convert.cli import main
from convert.datasets.faces import LABELS
from convert.disturb import DISTURBANCES
from edge.perceive.package import find_package, load_package


def test_a_report_holds_every_split_label_and_change(small_fer: Path, tmp_path: Path, capsys):
    package = shutil.copytree(find_package("face-emotion"), tmp_path / "package")
    command = ["evaluate", "face", "--model", str(package), "--data", str(small_fer), "--out", str(tmp_path)]
    assert main([*command, "--record", "--json", str(tmp_path / "figures.json")]) == 0
    assert "FER2013 PrivateTest, FER+ majority" in capsys.readouterr().out
    report = json.loads((tmp_path / "report.json").read_text())
    assert json.loads((tmp_path / "figures.json").read_text()) == report["measured"]
    counts = {name: values["count"] for name, values in report["measured"].items()}
    assert counts["FER2013 PrivateTest"] == 14
    assert counts["FER2013 PrivateTest without twins"] == 13
    assert counts["FER2013 PublicTest without twins"] == 14
    assert counts["FER2013 PrivateTest, FER+ majority"] == 13  # one row's votes are not known
    assert set(report["robustness"]["changes"]) == {"as it is", *DISTURBANCES}
    # All votes of the fixture say angry: accuracy by FER+ is the share of that answer.
    by_votes = report["measured"]["FER2013 PublicTest, FER+ majority"]
    assert by_votes["accuracy"] == by_votes["recall"]["angry"]

    text = (tmp_path / "README.md").read_text()
    for picture in ("confusion-fer2013-publictest", "reliability-fer2013-privatetest", "coverage", "robustness"):
        assert f"({picture}.png)" in text
        assert (tmp_path / f"{picture}.png").is_file()
    assert "| 24 pixels wide |" in text

    # The package tells it too, and is still one.
    card = (package / "README.md").read_text()
    assert "| 24 pixels wide | " in card
    assert "| FER2013 PrivateTest, FER+ majority | 13 | " in card
    assert "Right on FER2013 PrivateTest: " in card
    assert load_package(package, "face").metrics == load_package(find_package("face-emotion"), "face").metrics
    assert main([*command[:6], "--record"]) == 1
    assert "expected --out too" in capsys.readouterr().err


def test_contempt_is_measured_where_the_data_and_the_package_know_it(tmp_path: Path):
    rng = np.random.default_rng(0)
    for label in LABELS:
        (tmp_path / "tree" / "test" / label).mkdir(parents=True)
        (tmp_path / "tree" / "train" / label).mkdir(parents=True)
        for number in range(2):
            for split in ("train", "test"):
                name = str(tmp_path / "tree" / split / label / f"{number}.png")
                cv2.imwrite(name, rng.integers(0, 256, (48, 48), np.uint8))
    for package, splits in (("face-emotion", 2), ("face-emotion-ferplus", 4)):
        out = tmp_path / package
        command = ["evaluate", "face", "--model", str(find_package(package)), "--data", str(tmp_path / "tree")]
        assert main([*command, "--json", str(tmp_path / "figures.json")]) == 0
        assert main([*command, "--out", str(out)]) == 0
        report = json.loads((out / "report.json").read_text())["measured"]
        plain = json.loads((tmp_path / "figures.json").read_text())
        assert list(report) == list(plain)
        assert len(report) == splits
    (eight,) = (values for name, values in report.items() if name.endswith("test, eight labels"))
    assert eight["count"] == 16
    confusion = np.array(eight["confusion"])
    assert confusion.sum(axis=1).tolist() == [2] * 8  # a row for each label, of its two pictures
    recall = {label: confusion[row, row] / 2 for row, label in enumerate(LABELS)}
    assert eight["recall"] == recall
    assert "| contempt |" in (out / "README.md").read_text()
