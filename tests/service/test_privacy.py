"""What is muted after a restart: whoever spoke last is heard."""

from __future__ import annotations

from edge.config import PrivacyConfig
from edge.remembered import FILE, Remembered
from edge.service.privacy import Privacy


def restarted(path, start_muted: str = "none") -> Privacy:
    return Privacy(PrivacyConfig(start_muted), Remembered(path))


def test_the_file_counts_until_a_command_comes(tmp_path) -> None:
    path = tmp_path / FILE
    assert restarted(path).muted == set()
    assert restarted(path, "camera").muted == {"camera"}
    assert restarted(path, "all").muted == {"camera", "microphone"}


def test_a_command_outlives_a_restart(tmp_path) -> None:
    path = tmp_path / FILE
    assert restarted(path).say({"camera", "microphone"}, muted=True)
    assert restarted(path).say({"microphone"}, muted=False)
    assert restarted(path).muted == {"camera"}


def test_a_changed_file_outweighs_an_older_command(tmp_path) -> None:
    path = tmp_path / FILE
    restarted(path).say({"camera"}, muted=True)
    assert restarted(path, "microphone").muted == {"microphone"}
    running = restarted(path)
    running.adopt(PrivacyConfig("none"))
    assert running.muted == {"camera"}
    running.adopt(PrivacyConfig("all"))
    assert running.muted == {"camera", "microphone"}
    assert restarted(path, "all").muted == {"camera", "microphone"}


def test_a_damaged_memory_mutes_everything(tmp_path) -> None:
    path = tmp_path / FILE
    path.write_text("{")
    assert restarted(path).muted == {"camera", "microphone"}
    path.write_text('{"privacy": {"start_muted": "none", "muted": 7}}')
    assert restarted(path).muted == {"camera", "microphone"}


def test_without_a_folder_it_is_said_that_nothing_is_kept() -> None:
    privacy = Privacy(PrivacyConfig(), Remembered(None))
    assert not privacy.say({"camera"}, muted=True)
    assert privacy.muted == {"camera"}
