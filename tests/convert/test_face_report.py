from __future__ import annotations

import json
from pathlib import Path

from convert.cli import main
from convert.disturb import DISTURBANCES
from edge.perceive.package import find_package


def test_a_report_holds_every_split_label_and_change(small_fer: Path, tmp_path: Path, capsys):
    package = find_package("face-emotion")
    command = ["evaluate", "face", "--model", str(package), "--data", str(small_fer), "--out", str(tmp_path)]
    assert main([*command, "--json", str(tmp_path / "figures.json")]) == 0
    assert "FER2013 PrivateTest, FER+ majority" in capsys.readouterr().out
    report = json.loads((tmp_path / "report.json").read_text())
    assert json.loads((tmp_path / "figures.json").read_text()) == report["measured"]
    counts = {name: values["count"] for name, values in report["measured"].items()}
    assert counts["FER2013 PrivateTest"] == 14
    assert counts["FER2013 PrivateTest without twins"] == 13
    assert counts["FER2013 PrivateTest, FER+ majority"] == 13  # one row's votes are not known
    assert set(report["robustness"]["changes"]) == {"as it is", *DISTURBANCES}
    # All votes of the fixture say angry: accuracy by FER+ is the share of that answer.
    by_votes = report["measured"]["FER2013 PublicTest, FER+ majority"]
    assert by_votes["accuracy_of_8"] == by_votes["recall"]["angry"]

    text = (tmp_path / "README.md").read_text()
    for picture in ("confusion-fer2013-publictest", "reliability-fer2013-privatetest", "coverage", "robustness"):
        assert f"({picture}.png)" in text
        assert (tmp_path / f"{picture}.png").is_file()
    assert "| 24 pixels wide |" in text
