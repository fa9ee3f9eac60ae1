"""The doctor as a person calls it, with a real broker, real models, and devices that are there or not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edge.demo.clip import write_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    write_clip(path)
    return path


def examine(config: Path) -> tuple[int, dict[str, dict[str, str]]]:
    """The exit code, and the findings by their subject."""
    command = [sys.executable, "-m", "edge", "doctor", "--json", "--config", config]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)
    assert "Traceback" not in done.stderr
    told = json.loads(done.stdout)
    assert told["good"] == (done.returncode == 0)
    assert [f for f in told["findings"] if f["state"] == "failed" and len(f["fix"]) < 10] == []
    return done.returncode, {finding["subject"]: finding for finding in told["findings"]}


def write(path: Path, clip: Path, url: str, **changes: str) -> Path:
    sources = {"camera": f"file:{clip}", "microphone": f"file:{clip}", **changes}
    path.write_text("".join(f'[{name}]\nsource = "{source}"\n' for name, source in sources.items()))
    path.write_text(path.read_text() + f'[mqtt]\nurl = "{url}"\n[inference]\naccelerator = "cpu"\n')
    return path


def test_what_is_there_is_good(tmp_path, clip, mosquitto):
    _, found = examine(write(tmp_path / "config.toml", clip, mosquitto.url))
    good = ("python", "configuration", "model face-emotion", "model speech-emotion", "camera", "microphone", "broker")
    assert {name: found[name]["state"] for name in good} == dict.fromkeys(good, "good")
    assert "320 x 240" in found["camera"]["found"] or " x " in found["camera"]["found"]
    assert "MQTT 5" in found["broker"]["found"]
    assert {finding["state"] for name, finding in found.items() if name.startswith("runtime")} == {"good"}


def test_the_detector_and_the_fusion_that_are_configured_are_run_and_their_golden_vectors_checked(tmp_path, clip):
    config = write(tmp_path / "config.toml", clip, "mqtt://127.0.0.1:9")
    config.write_text(config.read_text() + '[face]\ndetector = "face-detector"\n[fusion]\nstrategy = "learned"\n')
    _, found = examine(config)
    names = [f"{what} {name}" for what in ("model", "golden vectors of") for name in ("face-detector", "fusion")]
    assert {name: found[name]["state"] for name in names} == dict.fromkeys(names, "good")


@pytest.mark.parametrize(
    ("source", "state", "found"),
    [
        ("hub", "good", "hub, from the topic hermes/asr/textCaptured"),
        ("sherpa-onnx:none", "failed", "none"),
    ],
)
def test_words_are_examined_where_they_are_wanted(tmp_path, clip, source: str, state: str, found: str):
    config = write(tmp_path / "config.toml", clip, "mqtt://127.0.0.1:9")
    config.write_text(config.read_text() + f'[text]\nenabled = true\nsource = "{source}"\n')
    _, findings = examine(config)
    assert findings["words"]["state"] == state
    assert found in findings["words"]["found"]


def test_each_failure_says_what_to_do(tmp_path, clip):
    config = write(tmp_path / "c.toml", clip, "mqtt://127.0.0.1:9", camera="v4l2:99", microphone="device:none such")
    code, found = examine(config)
    assert code == 1
    assert {found[name]["state"] for name in ("camera", "microphone", "broker")} == {"failed"}
    assert "v4l2:99" in found["camera"]["found"]
    assert found["broker"]["fix"].startswith("Start it")
    assert "none such" in found["microphone"]["found"]


def test_a_model_that_cannot_be_used_does_not_hide_the_rest(tmp_path, clip, mosquitto):
    config = write(tmp_path / "c.toml", clip, mosquitto.url)
    config.write_text(config.read_text() + f'[face]\nmodel = "{tmp_path}/no-model"\n')
    code, found = examine(config)
    assert code == 1
    assert found[f"model {tmp_path}/no-model"]["state"] == "failed"
    assert found["model speech-emotion"]["state"] == "good"


def test_a_configuration_with_mistakes_is_the_first_thing_to_mend(tmp_path):
    (tmp_path / "c.toml").write_text("[camera]\nfps = 0\n")
    code, found = examine(tmp_path / "c.toml")
    assert code == 1
    assert "fps" in found["configuration"]["found"]
    assert "camera" not in found


def test_a_running_device_is_not_disturbed(tmp_path, clip, mosquitto, subscriber):
    """The doctor has a client id of its own and no will: the hub hears nothing of it."""
    examine(write(tmp_path / "config.toml", clip, mosquitto.url))
    assert subscriber.messages == []
