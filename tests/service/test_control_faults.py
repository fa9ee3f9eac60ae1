"""A mistake of ours in carrying out a command: told to whoever asked, and the next command is obeyed."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest

from edge.config import Config, DeviceConfig, MqttConfig
from edge.publish import Mailbox, Publisher
from edge.remembered import Remembered
from edge.service.control import Control
from edge.service.privacy import Privacy


class Broken:
    """Stands for models that cannot be listed."""

    @property
    def models(self):
        raise RuntimeError("not foreseen")


@pytest.fixture
def mailbox(mosquitto):
    """Of a device whose `describe` fails, while its thread of control runs."""
    mailbox, stop = Mailbox(), threading.Event()
    config = replace(Config(), device=DeviceConfig(id="kitchen-pi"), mqtt=MqttConfig(url=mosquitto.url))
    publisher = Publisher(config.mqtt, config.device, mailbox=mailbox)
    privacy = Privacy(config.privacy, Remembered(None))
    control = Control(config, mailbox, publisher, Broken(), None, privacy, {}, stop, None)
    publisher.start()
    thread = threading.Thread(target=control.control)
    thread.start()
    yield mailbox
    stop.set()
    thread.join(10)
    publisher.close(5)


def test_an_unexpected_error_is_answered_and_the_next_command_obeyed(mailbox, subscriber, validators, caplog) -> None:
    for name in ("describe", "ping"):
        mailbox.receive(name, json.dumps({"transaction": name}).encode(), retained=False)
    failed = subscriber.wait_for(lambda heard: heard.on("response/describe"))[0].json()
    validators["response"].validate(failed)
    assert (failed["ok"], failed["error"]["code"], failed["transaction"]) == (False, "failed", "describe")
    assert "the log of the device" in failed["error"]["message"]
    assert subscriber.wait_for(lambda heard: heard.on("response/ping"))[0].json()["ok"]
    assert any("RuntimeError: not foreseen" in (record.exc_text or "") for record in caplog.records)
