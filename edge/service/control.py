"""Carries out what a hub or a signal asks of the running service, in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import fields, replace
from typing import Any

import edge
from edge.config import LIVE, THRESHOLDS, Config
from edge.config_toml import with_values
from edge.errors import ConfigError
from edge.publish import Mailbox, Publisher, schemas
from edge.publish.commands import NAMES, Command, Received, Refused, read_command, response, response_name
from edge.records import AudioChunk, EmotionEvent, Frame, Modality
from edge.service.pipeline import Pipeline, modalities
from edge.service.privacy import Privacy, sensors
from edge.service.sensor import Sensor
from edge.service.steps import Steps

_LOG = logging.getLogger(__name__)

_LOOK_ROUND_S = 0.2
# A device that does not let go within this time is said to hang; what it still gives is dropped anyhow.
_CLOSE_S = 3.0
# The thread that fuses looks for orders five times a second.
_FUSE_S = 3.0
#: What each device is to the senses. Who closes the microphone wants no words judged either, wherever they come from.
SENSES: dict[str, tuple[Modality, ...]] = {"camera": ("face",), "microphone": ("speech", "text")}

AnySensor = Sensor[Frame] | Sensor[AudioChunk]


def senses_of(device: str, config: Config) -> list[Modality]:
    """The enabled senses that are silent while a person has muted `device`."""
    return [sense for sense in SENSES[device] if sense in modalities(config)]


class Control:
    """Commands from `mailbox`, and reloads, carried out one after the other.

    Args:
        devices: ``camera`` and ``microphone``, as far as they are enabled.
        reread: reads the configuration again as at the start; None: there is no file.
        step: called on each round of the thread's work.
    """

    def __init__(
        self,
        config: Config,
        mailbox: Mailbox,
        publisher: Publisher,
        pipeline: Pipeline,
        steps: Steps,
        privacy: Privacy,
        devices: Mapping[str, AnySensor],
        stop: threading.Event,
        reread: Callable[[], Config] | None,
        step: Callable[[], None] = lambda: None,
    ) -> None:
        #: What is in force now.
        self.config = config
        self.reload_asked = False
        self._mailbox = mailbox
        self._publisher = publisher
        self._pipeline = pipeline
        self._steps = steps
        self._privacy = privacy
        self._devices = devices
        self._stop = stop
        self._reread = reread
        self._step = step
        self._started = time.monotonic()
        self._outcomes: dict[str, Callable[[Command], dict[str, Any]]] = {
            "privacy": self._set_privacy,
            "reload": lambda _command: self._reload(),
            "thresholds": self._set_thresholds,
            "reset": self._reset,
            "ping": lambda _command: {"version": edge.__version__, "uptime_s": round(self._uptime_s(), 1)},
            "describe": lambda _command: {
                "commands": {name: schemas.read(f"command-{name}") for name in NAMES},
                "models": [
                    {
                        "task": model.task,
                        "name": model.name,
                        "accelerator": model.accelerator,
                        "reason": model.accelerator_reason,
                    }
                    for model in self._pipeline.models
                ],
            },
        }

    def control(self) -> None:
        """The thread's work, until `stop`."""
        while not self._stop.is_set():
            self._step()
            if self.reload_asked:
                self.reload_asked = False
                self._reload_by_signal()
            if received := self._mailbox.take(_LOOK_ROUND_S):
                self._answer(received)

    def tell_info(self) -> None:
        """Publish what this device is and runs."""
        config = self.config
        view = config.web.enabled and config.web.live_view
        words = config.text.publish_words
        self._publisher.publish_info(self._pipeline.models, modalities(config), config.privacy.use, view, words)

    def _answer(self, received: Received) -> None:
        utc_ns = time.time_ns()
        transaction: str | None = None
        result: dict[str, Any] | None = None
        refusal: Refused | None = None
        try:
            command = read_command(received, now_ns=time.monotonic_ns(), utc_ns=utc_ns)
            transaction = command.transaction
            result = self._outcomes[command.name](command)
            _LOG.info("command %s: done", command.name)
        except Refused as error:
            refusal, transaction = error, error.transaction or transaction
            _LOG.info("command %s: refused (%s)", response_name(received.name), error.code)
        except Exception:
            # A mistake of ours. Whoever asked is told, and no hub can end the service by asking again.
            _LOG.exception("command %s: unexpected error", response_name(received.name))
            refusal = Refused("failed", "an unexpected error, which the log of the device tells in full")
        name = response_name(received.name)
        body = response(self.config.device, name, transaction, utc_ns=utc_ns, result=result, refusal=refusal)
        if received.reply is None:
            self._publisher.publish_response(name, body)
        elif received.reply.set_running_or_notify_cancel():
            received.reply.set_result(body)

    def _uptime_s(self) -> float:
        return time.monotonic() - self._started

    def _set_privacy(self, command: Command) -> dict[str, Any]:
        names = sensors(command.arguments["sensor"])
        kept = self._privacy.say(names, command.arguments["muted"])
        self._follow_privacy()
        return {**self.states(), "kept": kept}

    def _follow_privacy(self) -> None:
        """Make the devices what `privacy` says."""
        hanging = []
        for name, muted in {name: name in self._privacy.muted for name in SENSES}.items():
            device, senses = self._devices.get(name), senses_of(name, self.config)
            if not senses:
                continue
            if muted == (senses[0] in self._steps.muted):
                continue
            if not muted:
                self._steps.muted.difference_update(senses)
                if device:
                    device.unmute()
                continue
            self._steps.muted.update(senses)  # first: what is on its way counts no more
            if device and not device.mute(_CLOSE_S):
                hanging.append(name)
            self._in_fusion(lambda senses=senses: [e for sense in senses for e in self._pipeline.fuser.drop(sense)])  # type: ignore[misc]
        if hanging:
            raise Refused(
                "failed",
                f"{' and '.join(hanging)}: has not let go of the device within {_CLOSE_S:g} s; nothing of it is used "
                "any more. Look at the device; restart the service if it stays so",
            )

    def states(self) -> dict[str, str]:
        """The present state of each device, as in health."""
        return {name: device.state if (device := self._devices.get(name)) else "off" for name in SENSES}

    def _set_thresholds(self, command: Command) -> dict[str, Any]:
        self._adopt(with_values(self.config, command.arguments))
        return self.thresholds()

    def thresholds(self) -> dict[str, Any]:
        """What is in force: section -> key -> value."""
        return {
            section: {key: getattr(getattr(self.config, section), key) for key in LIVE[section]}
            for section in THRESHOLDS
        }

    def _reset(self, command: Command) -> dict[str, Any]:
        fuser = self._pipeline.fuser
        self._in_fusion(fuser.close if command.arguments["what"] == "subjects" else fuser.forget_smoothing)
        return {}

    def _reload_by_signal(self) -> None:
        try:
            self._reload()
        except Refused as refusal:
            _LOG.error("reload: refused, what was in force stays so:\n%s", refusal)

    def _reload(self) -> dict[str, Any]:
        if self._reread is None:
            raise Refused("failed", "there is no configuration file to read again")
        try:
            wanted = self._reread()
        except ConfigError as error:
            raise Refused("failed", str(error)) from error
        adopted, applied, restart = difference(self.config, wanted)
        self._adopt(adopted)
        _LOG.info("reload: changed %s; needs a restart: %s", _words(applied), _words(restart))
        return {"applied": applied, "restart": restart}

    def _adopt(self, config: Config) -> None:
        before, self.config = self.config, config
        if any(getattr(before, section) != getattr(config, section) for section in THRESHOLDS):
            self._pipeline.adopt(config)
            self._in_fusion(lambda: self._pipeline.fuser.adopt(config.fusion))
        if (before.mqtt, before.homeassistant) != (config.mqtt, config.homeassistant):
            self._publisher.adopt(config.mqtt, config.homeassistant)
            self.tell_info()
        self._privacy.adopt(config.privacy)
        self._follow_privacy()

    def _in_fusion(self, change: Callable[[], list[EmotionEvent]]) -> None:
        try:
            self._steps.order(change).result(_FUSE_S)
        except NotInTime as error:
            raise Refused("failed", "fusion does not answer: see the log. Send it again when health is good") from error


def difference(current: Config, wanted: Config) -> tuple[Config, list[str], list[str]]:
    """What is in force when a running service adopts `wanted`, which keys that changes, and which need a restart."""
    adopted = current
    applied, restart = [], []
    for section in fields(Config):
        old, new = getattr(current, section.name), getattr(wanted, section.name)
        changed = [key.name for key in fields(old) if getattr(old, key.name) != getattr(new, key.name)]
        live = [key for key in changed if key in LIVE.get(section.name, ())]
        adopted = replace(adopted, **{section.name: replace(old, **{key: getattr(new, key) for key in live})})
        applied += [f"{section.name}.{key}" for key in live]
        restart += [f"{section.name}.{key}" for key in changed if key not in live]
    return adopted, applied, restart


def _words(keys: list[str]) -> str:
    return ", ".join(keys) or "nothing"
