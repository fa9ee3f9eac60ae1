"""What the command `info` tells."""

from __future__ import annotations

import json

from edge.cli import main


def test_info_tells_version_and_where_each_model_runs(tmp_path, capsys):
    (tmp_path / "my.toml").write_text(
        '[inference]\naccelerator = "cpu"\nface_accelerator = "npu"\ndelegate = "/none"\n'
    )
    assert main(["info", "--config", str(tmp_path / "my.toml"), "--json"]) == 0
    detector, face, speech = json.loads(capsys.readouterr().out)["models"]
    assert (detector["task"], detector["name"]) == ("detector", "face-detector")
    assert (face["task"], face["accelerator"]) == ("face", "cpu")
    assert "no libLiteRtDispatch" in face["reason"]
    assert (speech["name"], speech["accelerator"], speech["reason"]) == ("speech-emotion", "cpu", "as configured")
    assert main(["info", "--config", str(tmp_path / "my.toml")]) == 0
    assert "runs on cpu, model.tflite: as configured" in capsys.readouterr().out


def test_info_tells_of_the_fusion_that_is_configured(tmp_path, capsys):
    (tmp_path / "my.toml").write_text(
        '[fusion]\nstrategy = "learned"\n'
        '[inference]\naccelerator = "npu"\nspeech_accelerator = "cpu"\ndelegate = "/none"\n'
    )
    assert main(["info", "--config", str(tmp_path / "my.toml"), "--json"]) == 0
    models = json.loads(capsys.readouterr().out)["models"]
    assert [model["task"] for model in models] == ["detector", "face", "speech", "fusion"]
    assert {model["golden"]["status"] for model in models} == {"passed"}
    assert ["npu cannot be used" in model["reason"] for model in models] == [True, True, False, False]
