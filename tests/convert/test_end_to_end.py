"""What a face package says of faces that the shipped detector finds and cuts out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from convert.cli import main
from convert.end_to_end import evaluate_end_to_end, framed
from edge.errors import ConfigError
from edge.perceive.package import find_package

MODEL, DETECTOR = find_package("face-emotion-small"), find_package("face-detector")


def _data(folder: Path, happy: int, blank: int) -> Path:
    """A folder of 48x48 test pictures: a smiling face, framed as FER2013 frames it, and grey ones of `neutral`."""
    for split in ("train", "test"):
        for label, count in (("happy", happy), ("neutral", blank)):
            (folder / split / label).mkdir(parents=True)
            for number in range(count):
                face = cv2.cvtColor(astronaut()[66 : 66 + 104, 174 : 174 + 104], cv2.COLOR_RGB2GRAY)
                picture = (
                    cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA)
                    if label == "happy"
                    else np.full((48, 48), 120, np.uint8)
                )
                cv2.imwrite(str(folder / split / label / f"{number}.png"), cv2.add(picture, 3 * number))
    return folder


def test_faces_are_found_cut_out_and_judged(tmp_path: Path):
    measured = evaluate_end_to_end(MODEL, _data(tmp_path, 4, 2), DETECTOR)
    (split,) = {name.split(",")[0] for name in measured if "test" in name.split(",")[0].split(" ")}
    kinds = ("as cut", "as found", "as found, level")
    assert [(measured[f"{split}, {kind}"]["count"], measured[f"{split}, {kind}"]["accuracy"]) for kind in kinds] == [
        (4, 1.0)
    ] * 3
    assert measured[f"{split}, as found"]["found"] == round(4 / 6, 4)


def test_the_command_prints_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    data = str(_data(tmp_path, 2, 1))
    command = ["evaluate", "face", "--model", str(MODEL), "--data", data, "--detector", str(DETECTOR)]
    assert main(command) == 0
    assert "as found, level" in capsys.readouterr().out
    assert main([*command, "--out", str(tmp_path / "report")]) == 1
    assert "leave --out away" in capsys.readouterr().err


def test_nothing_found_is_no_figure(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"found none of the \d faces"):
        evaluate_end_to_end(MODEL, _data(tmp_path, 0, 2), DETECTOR)


def test_colours_survive_the_frame():
    picture = np.zeros((48, 48, 3), np.uint8)
    picture[:, :, 0] = 200
    frame = framed(picture)
    assert frame[240, 320].tolist() == [200, 0, 0]
    assert frame[0, 0].tolist() == [67, 67, 67]
