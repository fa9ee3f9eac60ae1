"""The device's voice on MQTT: any thread hands records over, `sender.py` brings them to the broker."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from edge.config import DeviceConfig, HomeAssistantConfig, MqttConfig, VehicleConfig
from edge.publish import payloads
from edge.publish.about import info
from edge.publish.announcer import Announcer
from edge.publish.broker import find_broker
from edge.publish.connection import Bell
from edge.publish.mailbox import Answer, Mailbox
from edge.publish.outbox import Outbox
from edge.publish.outgoing import Outgoing
from edge.publish.salvage import storage_path
from edge.publish.sender import GIVEN_UP_SHARE, Sender
from edge.publish.transcripts import Transcripts
from edge.publish.vehicle import Vehicle
from edge.records import EmotionEstimate, EmotionEvent, Health, ModelInfo, Observation, modality_of
from edge.remembered import Remembered

_log = logging.getLogger(__name__)


def measured_offset_ns() -> int:
    """UTC minus monotonic time, now: it changes when the clock is set."""
    return time.time_ns() - time.monotonic_ns()


class Publisher:
    """Publishes under ``<base topic>/<device>/``; docs/mqtt.md tells topics and payloads.

    Events are kept in the outbox until the broker has acknowledged them; of state, info and health only the newest
    counts.

    Args:
        vehicle: where the state goes too, as signals of a vehicle; None or not enabled: nowhere.
        mailbox: where commands are left and answers fetched; None: the device takes no commands.
        transcripts: who is told what the hub's assistant has recognised; None: nobody asks for it.
        home: whether and how to announce the device to Home Assistant.
        remembered: where what was announced outlives a restart.
        utc_offset_ns: what to add to a record's monotonic time to get UTC nanoseconds.

    Raises:
        ConfigError: the keys of [mqtt] contradict each other.
        PublishError: a password or certificate file cannot be read.
    """

    def __init__(
        self,
        mqtt: MqttConfig,
        device: DeviceConfig,
        *,
        vehicle: VehicleConfig | None = None,
        mailbox: Mailbox | None = None,
        transcripts: Transcripts | None = None,
        home: HomeAssistantConfig | None = None,
        remembered: Remembered | None = None,
        utc_offset_ns: Callable[[], int] = measured_offset_ns,
    ) -> None:
        self._mqtt = mqtt
        self._device = device
        self._mailbox = mailbox
        self._utc_offset_ns = utc_offset_ns
        self._broker = find_broker(mqtt)
        root = f"{mqtt.base_topic.rstrip('/')}/{device.name}/"
        self._announcer = Announcer(home or HomeAssistantConfig(), device, root, remembered or Remembered(None))
        self._vehicle = Vehicle(vehicle, mqtt.state_hz) if vehicle and vehicle.enabled else None
        self._bell = Bell()
        self._outbox = Outbox(
            storage_path(mqtt.outbox_file),
            most_bytes=mqtt.outbox_mb * 1_000_000,
            most_days=mqtt.outbox_days,
            commit_hz=mqtt.commit_hz,
            drain_hz=mqtt.drain_hz,
            utc_ms=self._utc_ms,
            clock_set=lambda: self.clock_synchronized is not False,
            gap_body=self._gap_body,
            on_ready=self._bell.ring,
        )
        self._outgoing = Outgoing(self._outbox, mqtt.state_hz, self._utc_ms)
        self._sender = Sender(
            self._broker,
            mqtt,
            f"emotion-edge-{device.name}",
            root,
            bell=self._bell,
            outbox=self._outbox,
            outgoing=self._outgoing,
            announcer=self._announcer,
            mailbox=mailbox,
            vehicle=self._vehicle,
            transcripts=transcripts,
        )
        #: Whether the clock on the wall is right, as somebody else finds out; None: nobody knows.
        self.clock_synchronized: bool | None = None
        #: Shown every event, state, health and info as it is made, whether the broker is there or not. They return at
        #: once; to be set before anything is published.
        self.onlookers: list[Callable[[str, payloads.Body], None]] = []

    @property
    def connected(self) -> bool:
        return self.protocol is not None

    @property
    def protocol(self) -> str | None:
        """The MQTT version of this connection, None without one."""
        return self._sender.protocol

    @property
    def reconnects(self) -> int:
        return max(0, self._sender.connections - 1)

    @property
    def rounds(self) -> int:
        """Counts the rounds of a connection's work: one that stands still while connected is a thread that hangs."""
        return self._sender.rounds

    @property
    def keeps(self) -> bool:
        """What was not acknowledged is on disk, for the next start."""
        return self._outbox.keeps

    @property
    def disk_problem(self) -> str:
        """Why events are not kept on disk, or soon will not be; "" if all is well."""
        return self._outbox.problem

    @property
    def queued(self) -> int:
        """Events that the broker has not acknowledged."""
        return self._outbox.queued

    @property
    def dropped(self) -> int:
        """Events that were forced out of the outbox."""
        return self._outbox.dropped

    @property
    def refused(self) -> int:
        """Events that the broker refused (only MQTT 5 tells)."""
        return self._outbox.refused

    @property
    def events(self) -> int:
        """Events handed over since the start."""
        return self._outbox.events

    def start(self) -> None:
        """Connect in the background; a broker that is not there is a warning in the log, and is tried again."""
        self._outbox.start()
        self._sender.start()
        if self._vehicle is not None:
            self._vehicle.start()

    def publish_event(self, event: EmotionEvent) -> None:
        """Queue an event under the next sequence number."""
        offset_ns, now_ns = self._utc_offset_ns(), time.monotonic_ns()
        observed_ns = payloads.observed_ns(event)

        def body_of(sequence: int) -> payloads.Body:
            body = payloads.event(
                event,
                self._device,
                sequence=sequence,
                event_id=payloads.uuid7(now_ns + offset_ns),
                offset_ns=offset_ns,
                clock_synchronized=self.clock_synchronized,
                latency_ms=max(0, now_ns - observed_ns) // 1_000_000,
            )
            self._show("event", body)
            return body

        self._outgoing.add_event(body_of, observed_ms=(observed_ns + offset_ns) // 1_000_000)

    def publish_state(self, estimate: EmotionEstimate | None, people: int) -> None:
        """The primary subject's estimate (None: nobody there): sent on change, at most `state_hz` times a second."""
        offset_ns, now_ns = self._utc_offset_ns(), time.monotonic_ns()
        body = payloads.state(estimate, people, self._device, now_ns=now_ns, offset_ns=offset_ns)
        if self._vehicle is not None:
            self._vehicle.put(body)
        self._put("state", body)

    def publish_observation(self, observation: Observation) -> None:
        """One modality's view, if [mqtt] observations is on; not kept while there is no connection."""
        if not self._mqtt.observations or not self.connected:
            return
        body = payloads.observation(observation, self._device, offset_ns=self._utc_offset_ns())
        self._outgoing.add_observation(f"observation/{modality_of(observation)}", body)
        self._bell.ring()

    def publish_health(self, health: Health) -> payloads.Body:
        """The service's numbers, with the publisher's own; the report as it is sent."""
        mqtt = {
            "connected": self.connected,
            "protocol": self.protocol,
            "reconnects": self.reconnects,
            "queued": self.queued,
            "dropped": self.dropped,
            "refused": self.refused,
            "outbox": self._outbox.health(),
        }
        utc_ns = time.monotonic_ns() + self._utc_offset_ns()
        report = payloads.health(health, mqtt, self._device, utc_ns=utc_ns)
        self._put("health", report)
        return report

    def publish_info(
        self,
        models: Sequence[ModelInfo],
        modalities: Sequence[str],
        use: str = "",
        live_view: bool = False,
        tells_words: bool = False,
    ) -> None:
        """What this device is and runs; sent again with each new connection.

        `use`: as [privacy] declares it; `live_view`, `tells_words`: whether [web] and [text] allow them.
        """
        observations = self._mqtt.observations
        self._put("info", info(models, modalities, observations, self._device, use, live_view, tells_words))

    def publish_response(self, name: str, body: payloads.Body) -> None:
        """The answer to a command; without a connection nobody waits for it, and only the newest few are kept."""
        if self._mailbox is not None:
            self._mailbox.answer(Answer(f"response/{name}", payloads.encode(body)))
            self._bell.ring()

    def adopt(self, mqtt: MqttConfig, home: HomeAssistantConfig) -> None:
        """Publish at the rates of `mqtt` from now on (nothing else of it is taken), and announce as `home` asks."""
        self._announcer.adopt(home)
        self._sender.subscribe_again()
        self._mqtt = replace(self._mqtt, state_hz=mqtt.state_hz, observations=mqtt.observations)
        self._outgoing.adopt_state_hz(mqtt.state_hz)
        if self._vehicle is not None:
            self._vehicle.adopt_hz(mqtt.state_hz)
        self._bell.ring()

    def close(self, timeout_s: float) -> bool:
        """Send what waits, publish ``offline``, disconnect; never takes longer than `timeout_s`.

        Returns:
            True if every event was acknowledged, and the goodbye too if there was a connection. Others wait in the
            outbox for the next start, if it is on disk.
        """
        now_s = time.monotonic()
        self._sender.finish(now_s, timeout_s)
        if self._vehicle is not None:
            self._vehicle.close(timeout_s * (1 - GIVEN_UP_SHARE))
        self._sender.join(timeout_s)
        stored = self._outbox.close(max(0.1, now_s + timeout_s - time.monotonic()))
        self._sender.tell_dropped()
        if self.queued and self._outbox.keeps and stored:
            _log.info("%d events wait in the outbox for the next start", self.queued)
        elif self.queued:
            _log.warning("%d events were not acknowledged by %s: lost", self.queued, self._broker)
        if self._sender.alive:  # in the operating system's name look-up or connect; it ends by itself
            return False
        self._bell.close()
        return not (self.queued or self._sender.goodbye_owed)

    def _utc_ms(self) -> int:
        return (time.monotonic_ns() + self._utc_offset_ns()) // 1_000_000

    def _gap_body(self, first: int, last: int, count: int | None, reason: str) -> payloads.Body:
        utc_ns = time.monotonic_ns() + self._utc_offset_ns()
        event_id = payloads.uuid7(utc_ns)
        return payloads.gap(first, last, count, reason, self._device, event_id=event_id, utc_ns=utc_ns)

    def _show(self, name: str, body: payloads.Body) -> None:
        for look in self.onlookers:
            look(name, body)

    def _put(self, name: str, body: payloads.Body) -> None:
        self._outgoing.put(name, body)
        self._show(name, body)
        self._bell.ring()
