"""What the tests of several rooms share: a real mosquitto, a subscriber that remembers, the schemas as judges."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import paho.mqtt.client as paho
import pytest
from hypothesis import settings
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from edge.publish import schemas

T = TypeVar("T")
_START_S = 10.0

# How long a case takes says something of the machine, not of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


_PACKS = Path(__file__).parents[1].parent / "shared" / "data"


class Mosquitto:
    """Debian's mosquitto as a child process, on a free loopback port that it keeps over restarts.

    `options` are lines of mosquitto.conf(5) for its listener. `stop` keeps retained messages and sessions (what
    subscribers with a session miss is delivered later), `kill` loses them.
    """

    scheme = "mqtt"

    def __init__(self, program: str, folder: Path, options: str = "allow_anonymous true") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.host, self.port = "127.0.0.1", _free_port()
        self.log = folder / "mosquitto.log"
        self._program = program
        self._configuration = folder / "mosquitto.conf"
        self._options = options
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    def configuration(self) -> str:
        return (
            f"listener {self.port} {self.host}\n{self._options}\n"
            f"user {getpass.getuser()}\npersistence true\npersistence_location {self._folder}/\nmax_queued_messages 0\n"
        )

    def start(self) -> None:
        self._configuration.write_text(self.configuration())
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([self._program, "-v", "-c", self._configuration], stdout=log, stderr=log)
        for _ in range(int(_START_S / 0.02)):
            try:
                socket.create_connection((self.host, self.port), timeout=1).close()
                return
            except ConnectionRefusedError:
                if self._process.poll() is not None:
                    break
                time.sleep(0.02)
        raise RuntimeError(f"mosquitto does not accept connections:\n{self.log.read_text()}")

    def stop(self) -> None:
        """End it in order; no effect when it does not run."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(_START_S)

    def kill(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait(_START_S)


class Message(NamedTuple):
    topic: str
    payload: bytes
    qos: int
    retain: bool

    def json(self) -> Any:
        return json.loads(self.payload)


class Subscriber:
    """Hears everything below `topic`, with a session of its own: a restart of the broker loses nothing."""

    def __init__(self, url: str, topic: str = "#") -> None:
        address = urlsplit(url)
        self._messages: list[Message] = []
        self._news = threading.Condition()
        self._subscribed = threading.Event()
        self._topic = topic
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=f"test-{uuid.uuid4().hex[:12]}",
            clean_session=False,
            protocol=paho.MQTTv311,
        )
        self._client.on_connect = lambda client, *_: client.subscribe(self._topic, qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._heard
        self._client.connect(address.hostname or "", address.port or 1883)
        self._client.loop_start()
        if not self._subscribed.wait(_START_S):
            raise RuntimeError(f"{url}: no acknowledgement of the subscription")

    @property
    def messages(self) -> list[Message]:
        """All that were heard, in order."""
        with self._news:
            return list(self._messages)

    def on(self, name: str) -> list[Message]:
        """Those whose topic ends with /`name`."""
        return [message for message in self.messages if message.topic.endswith(f"/{name}")]

    def wait_for(self, wanted: Callable[[Subscriber], T], timeout_s: float = 15.0) -> T:
        """Ask `wanted` after each message until it gives something true, and return that."""
        end_s = time.monotonic() + timeout_s
        while not (found := wanted(self)):
            with self._news:
                left_s = end_s - time.monotonic()
                if left_s <= 0:
                    topics = [message.topic for message in self._messages]
                    raise AssertionError(f"not heard within {timeout_s} s; heard {len(topics)}: {topics[-20:]}")
                self._news.wait(min(left_s, 0.1))
            time.sleep(0.01)  # let more than one come: `wanted` may look through all of them
        return found

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _heard(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        with self._news:
            self._messages.append(Message(message.topic, bytes(message.payload), message.qos, message.retain))
            self._news.notify_all()


@pytest.fixture(scope="session")
def packs() -> Callable[[str], Path]:
    """The folder of a real data pack: packs("fer2013"); skips where it is absent."""

    def find(name: str) -> Path:
        if not (_PACKS / name).is_dir():
            pytest.skip(f"needs the data pack {name} in {_PACKS}")
        return _PACKS / name

    return find


@pytest.fixture(scope="session")
def mosquitto_program() -> str:
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        reason = "mosquitto is not installed: apt install mosquitto"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return program


@pytest.fixture
def start_mosquitto(mosquitto_program: str, tmp_path: Path) -> Iterator[Callable[[str], Mosquitto]]:
    """Starts a broker with these lines of configuration instead of ``allow_anonymous true``."""
    brokers: list[Mosquitto] = []

    def start(options: str) -> Mosquitto:
        broker = Mosquitto(mosquitto_program, tmp_path / f"mosquitto-{len(brokers)}", options)
        brokers.append(broker)
        broker.start()
        return broker

    yield start
    for broker in brokers:
        broker.kill()


@pytest.fixture
def mosquitto(start_mosquitto: Callable[[str], Mosquitto]) -> Mosquitto:
    """A running broker that lets everybody in."""
    return start_mosquitto("allow_anonymous true")


@pytest.fixture
def subscribe() -> Iterator[Callable[[str], Subscriber]]:
    """Subscribes to everything at a url."""
    subscribers: list[Subscriber] = []

    def start(url: str) -> Subscriber:
        subscribers.append(Subscriber(url))
        return subscribers[-1]

    yield start
    for subscriber in subscribers:
        subscriber.close()


@pytest.fixture
def subscriber(mosquitto: Mosquitto, subscribe: Callable[[str], Subscriber]) -> Subscriber:
    """Hears everything that `mosquitto` is told."""
    return subscribe(mosquitto.url)


@pytest.fixture(scope="session")
def validators() -> dict[str, Draft202012Validator]:
    """For each payload the check against its shipped schema."""
    read = {name: schemas.read(name) for name in schemas.NAMES}
    registry = Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in read.values())
    return {name: Draft202012Validator(schema, registry=registry) for name, schema in read.items()}
