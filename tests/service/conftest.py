"""The real service as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.config import Config, FaceConfig, MqttConfig
from edge.demo.clip import write_clip
from edge.publish import Publisher
from edge.service.meters import Meters
from edge.service.pace import Pace
from edge.service.pipeline import build_pipeline
from edge.service.progress import Progress
from edge.service.steps import Steps


class Running:
    """`emotion-edge ...` as a child process, `under` another command; `log` is what it has said so far."""

    def __init__(self, arguments: list[str], **options: Any) -> None:
        self.process = subprocess.Popen(
            [*options.pop("under", []), sys.executable, "-m", "edge", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=options.pop("env", {**os.environ, "PYTHONUNBUFFERED": "1"}),
            **options,
        )
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def log(self) -> str:
        with self._news:
            return "".join(self._lines)

    def wait_for(self, text: str, timeout_s: float = 100) -> None:
        """Wait until the process has said `text`."""
        with self._news:
            if not self._news.wait_for(lambda: text in "".join(self._lines), timeout_s):
                raise AssertionError(f"not said within {timeout_s} s: {text!r}; said:\n{''.join(self._lines)}")

    def wait(self, timeout_s: float = 100) -> int:
        """The exit code; its last words are in `log` then."""
        code = self.process.wait(timeout_s)
        self._reader.join(5)
        return code

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(5)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self._lines.append(line)
                self._news.notify_all()


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    """Start `emotion-edge` with these arguments; killed at the end of the test if it still runs."""
    running: list[Running] = []

    def begin(*arguments: str | Path, **options: Any) -> Running:
        running.append(Running([str(argument) for argument in arguments], **options))
        return running[-1]

    yield begin
    for each in running:
        each.close()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's clip: a face that enters, stays and leaves, and a synthetic voice."""
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    write_clip(path)
    return path


@pytest.fixture
def configure(tmp_path: Path) -> Callable[..., Path]:
    """Write a configuration: configure(camera={"source": ...}, ...); what is not given keeps its default."""

    def write(**sections: dict[str, Any]) -> Path:
        path = tmp_path / "config.toml"
        lines = []
        for section, values in sections.items():
            lines.append(f"[{section}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def steps():
    """Real perception, real fusion, and a publisher that is never connected."""
    config = replace(Config(), face=FaceConfig(confirm_frames=1), mqtt=MqttConfig(url="mqtt://127.0.0.1:9"))
    events = [threading.Event() for _ in range(3)]
    return Steps(
        build_pipeline(config), Publisher(config.mqtt, config.device), Meters(), *events, Progress(), Pace(15.0)
    )
