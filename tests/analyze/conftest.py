"""Recordings that the tests make themselves: the demo's clip, parts of it, and what is no recording."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import cv2
import psutil
import pytest
from skimage.data import astronaut, coins

from edge.config import CameraConfig, Config, DeviceConfig, MicrophoneConfig, MqttConfig, ReplayConfig
from edge.demo.clip import write_clip
from edge.service.models import LoadedModels, load_models

Spawned = Callable[[], list[psutil.Process]]


@pytest.fixture
def spawned() -> Spawned:
    """The processes that have been begun since, and still run: other tests' servers may have some as well."""

    def running() -> list[psutil.Process]:
        return [process for process in psutil.Process().children(recursive=True) if at_work(process)]

    def at_work(process: psutil.Process) -> bool:
        with suppress(psutil.NoSuchProcess):
            return process.status() != psutil.STATUS_ZOMBIE and "spawn_main" in " ".join(process.cmdline())
        return False

    before = running()
    return lambda: [process for process in running() if process not in before]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face that enters, stays and leaves, and a synthetic voice: 6 s, small, with PCM sound."""
    path = tmp_path_factory.mktemp("analyze") / "clip.mkv"
    write_clip(path, 6, (320, 240))
    return path


@pytest.fixture(scope="session")
def loaded() -> LoadedModels:
    return load_models(Config())


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    path = tmp_path / "astronaut.png"
    cv2.imwrite(str(path), astronaut()[:, :, ::-1])
    return path


@pytest.fixture
def faceless(tmp_path: Path) -> Path:
    path = tmp_path / "coins.jpg"
    cv2.imwrite(str(path), coins())
    return path


@pytest.fixture
def configure_file() -> Callable[[Path, str], Config]:
    """The configuration of a service that replays a file at full speed to the broker at a url."""

    def configure(path: Path, url: str) -> Config:
        return Config(
            device=DeviceConfig(id="replay"),
            camera=CameraConfig(source=f"file:{path}"),
            microphone=MicrophoneConfig(source=f"file:{path}"),
            replay=ReplayConfig(pace="fast"),
            mqtt=MqttConfig(url=url),
        )

    return configure
