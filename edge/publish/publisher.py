"""The device's voice on MQTT: any thread hands records over, a thread of its own brings them to the broker."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from paho.mqtt.reasoncodes import ReasonCode

from edge.config import DeviceConfig, HomeAssistantConfig, MqttConfig, VehicleConfig
from edge.publish import payloads
from edge.publish.announcer import Announcer
from edge.publish.broker import find_broker
from edge.publish.connection import Bell, Connection, ConnectionEnded, Incoming
from edge.publish.dialer import Dialer, NotConnected
from edge.publish.envelope import wrap
from edge.publish.mailbox import Answer, Mailbox
from edge.publish.outbox import Outbox
from edge.publish.outgoing import Message, Outgoing
from edge.publish.salvage import storage_path
from edge.publish.vehicle import Vehicle
from edge.records import EmotionEstimate, EmotionEvent, FaceObservation, Health, ModelInfo, SpeechObservation
from edge.remembered import Remembered

_log = logging.getLogger(__name__)

#: paho looks after keep-alive when it is called: at least this often.
_TURN_S = 1.0
#: What says nothing about a device that was removed long ago; the will and `info` stay.
_EXPIRING = ("state", "health")
#: When `close` stops draining and says goodbye, and when it gives up on that: shares of its time.
_DRAINED_SHARE, _GIVEN_UP_SHARE = 0.65, 0.95


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
        home: HomeAssistantConfig | None = None,
        remembered: Remembered | None = None,
        utc_offset_ns: Callable[[], int] = measured_offset_ns,
    ) -> None:
        self._mqtt = mqtt
        self._device = device
        self._mailbox = mailbox
        self._utc_offset_ns = utc_offset_ns
        self._broker = find_broker(mqtt)
        self._client_id = f"emotion-edge-{device.name}"
        self._root = f"{mqtt.base_topic.rstrip('/')}/{device.name}/"
        self._announcer = Announcer(home or HomeAssistantConfig(), device, self._root, remembered or Remembered(None))
        self._subscribe_again = False
        self._dialer = Dialer(self._broker, mqtt.protocol, self._client_id, self._connect, self._meanwhile)
        self._vehicle = Vehicle(vehicle, mqtt.state_hz) if vehicle and vehicle.enabled else None
        self._bell = Bell()
        self._outbox = Outbox(
            storage_path(mqtt.outbox_file),
            most_bytes=mqtt.outbox_mb * 1_000_000,
            most_days=mqtt.outbox_days,
            commit_hz=mqtt.commit_hz,
            drain_hz=mqtt.drain_hz,
            utc_ms=self._utc_ms,
            gap_body=self._gap_body,
            on_ready=self._bell.ring,
        )
        self._outgoing = Outgoing(self._outbox, mqtt.state_hz, self._utc_ms)
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._closing = threading.Event()
        self._goodbye_s = self._deadline_s = math.inf
        self._goodbye_owed = False
        self._protocol: str | None = None
        self._connections = 0
        #: Whether the clock on the wall is right, as somebody else finds out; None: nobody knows.
        self.clock_synchronized: bool | None = None
        #: Shown every event, state, health and info as it is made, whether the broker is there or not. They return at
        #: once; to be set before anything is published.
        self.onlookers: list[Callable[[str, payloads.Body], None]] = []
        #: Counts the rounds of a connection's work: a number that stands still while connected is a thread that hangs.
        self.rounds = 0
        self._dropped_told = 0
        self._refusals_told: set[int] = set()
        self._refused_now = False

    @property
    def connected(self) -> bool:
        return self._protocol is not None

    @property
    def protocol(self) -> str | None:
        """The MQTT version of this connection, None without one."""
        return self._protocol

    @property
    def reconnects(self) -> int:
        return max(0, self._connections - 1)

    @property
    def keeps(self) -> bool:
        """What was not acknowledged is on disk, for the next start."""
        return self._outbox.keeps

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
        self._thread.start()
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

    def publish_observation(self, observation: FaceObservation | SpeechObservation) -> None:
        """One modality's view, if [mqtt] observations is on; not kept while there is no connection."""
        if not self._mqtt.observations or not self.connected:
            return
        name = "observation/face" if isinstance(observation, FaceObservation) else "observation/speech"
        body = payloads.observation(observation, self._device, offset_ns=self._utc_offset_ns())
        self._outgoing.add_observation(name, body)
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

    def publish_info(self, models: Sequence[ModelInfo], modalities: Sequence[str], use: str = "") -> None:
        """What this device is and runs; sent again with each new connection. `use`: as [privacy] declares it."""
        self._put("info", payloads.info(models, modalities, self._mqtt.observations, self._device, use))

    def publish_response(self, name: str, body: payloads.Body) -> None:
        """The answer to a command; without a connection nobody waits for it, and only the newest few are kept."""
        if self._mailbox is not None:
            self._mailbox.answer(Answer(f"response/{name}", payloads.encode(body)))
            self._bell.ring()

    def adopt(self, mqtt: MqttConfig, home: HomeAssistantConfig) -> None:
        """Publish at the rates of `mqtt` from now on (nothing else of it is taken), and announce as `home` asks."""
        self._announcer.adopt(home)
        self._subscribe_again = True
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
        self._goodbye_s, self._deadline_s = now_s + timeout_s * _DRAINED_SHARE, now_s + timeout_s * _GIVEN_UP_SHARE
        self._outbox.hurry()
        self._closing.set()
        self._bell.ring()
        if self._vehicle is not None:
            self._vehicle.close(timeout_s * (1 - _GIVEN_UP_SHARE))
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        stored = self._outbox.close(max(0.1, now_s + timeout_s - time.monotonic()))
        self._tell_dropped()
        if self.queued and self._outbox.keeps and stored:
            _log.info("%d events wait in the outbox for the next start", self.queued)
        elif self.queued:
            _log.warning("%d events were not acknowledged by %s: lost", self.queued, self._broker)
        if self._thread.is_alive():  # in the operating system's name look-up or connect; it ends by itself
            return False
        self._bell.close()
        return not (self.queued or self._goodbye_owed)

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

    # What follows runs in the publisher's thread.

    def _run(self) -> None:
        last = False
        while not last:
            last = self._closing.is_set()  # events that wait get one more attempt
            if last and self._patience_s() <= 0:
                return
            try:
                if self._serve(self._dialer.dial(self._bell, self._patience_s)):
                    return
            except NotConnected:
                pass  # the dialer has told it
            except Exception:
                _log.exception("%s: unexpected error, connecting again", self._broker)
            self._closing.wait(self._dialer.pause_s())

    def _patience_s(self) -> float:
        if not self._closing.is_set():
            return math.inf
        return self._deadline_s - time.monotonic() if self.queued else 0.0

    def _meanwhile(self) -> str:
        return "; events wait in the outbox" if self.keeps else "; events wait in memory, and are lost with the process"

    def _connect(self, protocol: str) -> Connection:
        return Connection(
            self._broker,
            protocol,
            client_id=self._client_id,
            keepalive_s=self._mqtt.keepalive_s,
            will=(self._root + "availability", "offline"),
            on_answer=self._answered,
            session_s=self._mqtt.session_expiry_s,
            on_message=self._received,
            cautious=self._dialer.cautious,
        )

    def _serve(self, connection: Connection) -> bool:
        """Send over `connection` until it ends (False) or the goodbye is said (True)."""
        self._outgoing.begin()
        if self._vehicle is not None:
            self._vehicle.repeat()
        self._connections += 1
        self._goodbye_owed = True
        self._refused_now = False
        self._protocol = connection.protocol
        self._tell_dropped()
        try:
            connection.publish(self._root + "availability", b"online", qos=1, retain=True)
            self._announcer.repeat()
            self._subscribe_again = True
            while True:
                self.rounds += 1
                if self._subscribe_again:
                    self._subscribe_again = False
                    connection.subscribe(self._subscriptions())
                wait_s = self._send_due(connection)
                closing = self._closing.is_set()
                if closing and ((wait_s is None and connection.settled) or time.monotonic() > self._goodbye_s):
                    self._say_goodbye(connection)
                    return True
                limit_s = self._goodbye_s - time.monotonic() if closing else _TURN_S
                connection.turn(min(_TURN_S, limit_s, _TURN_S if wait_s is None else wait_s), self._bell)
        except ConnectionEnded as end:
            self._dialer.ended(end, connection, refused=self._refused_now)
            _log.warning("connection to %s lost: %s. Connecting again%s", self._broker, end, self._meanwhile())
            self._goodbye_owed = False  # the broker says it for us: the will
            return False
        finally:
            self._protocol = None
            self._outgoing.end()
            connection.close(goodbye=False)

    def _send_due(self, connection: Connection) -> float | None:
        """Send what is due; returns after how many seconds more will be, None if nothing is known to come."""

        def send(message: Message) -> int:
            envelope = self._mqtt.envelope if message.name == "event" else "plain"  # a gap record comes there too
            wrapped = wrap(message.payload, envelope, binary=connection.protocol == "5")
            return connection.publish(
                self._root + message.name,
                wrapped.payload,
                qos=message.qos,
                retain=message.retain,
                expiry_s=self._mqtt.state_expiry_s if message.name in _EXPIRING else None,
                content_type=wrapped.content_type,
                attributes=wrapped.attributes,
            )

        while connection.ready:
            if self._vehicle is not None and (signal := self._vehicle.take(time.monotonic_ns())):
                expiry_s = self._mqtt.state_expiry_s
                connection.publish(signal.topic, signal.payload, qos=1, retain=True, expiry_s=expiry_s)
            # First of ours: somebody waits for it, and there are never more than a few.
            elif self._mailbox is not None and (answer := self._mailbox.next_answer()):
                connection.publish(self._root + answer.name, answer.payload, qos=1)
            elif told := self._announcer.next():
                self._announcer.sent(told, connection.publish(told.topic, told.payload, qos=1, retain=True))
            elif not self._outgoing.send_one(send, time.monotonic_ns(), hurry=self._closing.is_set()):
                return self._outgoing.wait_s(time.monotonic_ns())
        return _TURN_S  # the network or the broker is behind: it wakes us

    def _subscriptions(self) -> list[str]:
        commands = [self._root + "command/+"] if self._mailbox is not None else []
        return [*commands, *self._announcer.subscriptions]

    def _received(self, message: Incoming) -> None:
        """Never raises, and only hands over: this is the network's thread."""
        command = self._root + "command/"
        if self._announcer.heard(message.topic, message.payload):
            return
        if self._mailbox is not None and message.topic.startswith(command):
            name = message.topic.removeprefix(command)
            self._mailbox.receive(name, message.payload, retained=message.retained, expiry_s=message.expiry_s)

    def _say_goodbye(self, connection: Connection) -> None:
        connection.publish(self._root + "availability", b"offline", qos=1, retain=True)
        while not connection.settled and time.monotonic() < self._deadline_s:
            connection.turn(self._deadline_s - time.monotonic(), self._bell)
        self._goodbye_owed = not connection.settled
        connection.close(goodbye=True)

    def _answered(self, message_id: int, reason: ReasonCode) -> None:
        if not reason.is_failure:
            self._announcer.answered(message_id)
        self._outgoing.answered(message_id, reason.value)
        self._refused_now = self._refused_now or reason.is_failure
        if reason.is_failure and reason.value not in self._refusals_told:
            self._refusals_told.add(reason.value)
            _log.warning(
                "%s refuses a message under %s: %s (code %d). Check the broker's access list for client %s",
                self._broker,
                self._root,
                str(reason).lower(),
                reason.value,
                self._client_id,
            )

    def _tell_dropped(self) -> None:
        if lost := self.dropped - self._dropped_told:
            self._dropped_told += lost
            _log.warning("%d events were forced out of the outbox, the oldest first; a gap record tells of them", lost)
