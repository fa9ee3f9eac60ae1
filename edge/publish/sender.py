"""Brings what is to be sent to the broker: a thread of its own that connects, sends, and says goodbye."""

from __future__ import annotations

import logging
import math
import threading
import time

from paho.mqtt.reasoncodes import ReasonCode

from edge.config import MqttConfig
from edge.publish.announcer import Announcer
from edge.publish.broker import Broker
from edge.publish.connection import Bell, Connection, ConnectionEnded, Incoming
from edge.publish.dialer import Dialer, NotConnected
from edge.publish.envelope import wrap
from edge.publish.mailbox import Mailbox
from edge.publish.outbox import Outbox
from edge.publish.outgoing import Message, Outgoing
from edge.publish.transcripts import Transcripts
from edge.publish.vehicle import Vehicle

_log = logging.getLogger(__name__)

#: paho looks after keep-alive when it is called: at least this often.
_TURN_S = 1.0
#: What says nothing about a device that was removed long ago; the will and `info` stay.
_EXPIRING = ("state", "health")
#: When `finish` stops draining and says goodbye, and when it gives up on that: shares of its time.
_DRAINED_SHARE, GIVEN_UP_SHARE = 0.65, 0.95


class Sender:
    """Sends under `root` what the others hold: vehicle signals, answers, announcements, and what is outgoing.

    Args:
        mqtt: what is asked of the connection; its rates are none of the sender's.
        client_id: by which the broker knows this device.
        root: the device's own topics, with a slash at the end.
        bell: rung when there is something to send.
        mailbox: where commands are left and answers fetched; None: the device takes no commands.
        vehicle: where signals of a vehicle come from; None: there are none.
        transcripts: who is told what the hub's assistant has recognised; None: nobody.
    """

    def __init__(
        self,
        broker: Broker,
        mqtt: MqttConfig,
        client_id: str,
        root: str,
        *,
        bell: Bell,
        outbox: Outbox,
        outgoing: Outgoing,
        announcer: Announcer,
        mailbox: Mailbox | None,
        vehicle: Vehicle | None,
        transcripts: Transcripts | None,
    ) -> None:
        self._mqtt, self._client_id, self._root = mqtt, client_id, root
        self._bell, self._outbox, self._outgoing = bell, outbox, outgoing
        self._announcer, self._mailbox, self._vehicle = announcer, mailbox, vehicle
        self._transcripts = transcripts
        self._broker = broker
        self._dialer = Dialer(broker, mqtt.protocol, client_id, self._connect, self._meanwhile)
        self._subscribe_again = False
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._closing = threading.Event()
        self._goodbye_s = self._deadline_s = math.inf
        #: There was a connection, and the broker has not acknowledged that it ends.
        self.goodbye_owed = False
        #: The MQTT version of this connection, None without one.
        self.protocol: str | None = None
        #: How many there have been since the start.
        self.connections = 0
        #: Counts the rounds of a connection's work: a number that stands still while connected is a thread that hangs.
        self.rounds = 0
        self._dropped_told = 0
        self._refusals_told: set[int] = set()
        self._refused_now = False

    def start(self) -> None:
        self._thread.start()

    def subscribe_again(self) -> None:
        """What is subscribed to has changed: the next round does it."""
        self._subscribe_again = True

    def finish(self, now_s: float, timeout_s: float) -> None:
        """Send what waits, then say goodbye, all within `timeout_s` of `now_s`."""
        self._goodbye_s, self._deadline_s = now_s + timeout_s * _DRAINED_SHARE, now_s + timeout_s * GIVEN_UP_SHARE
        self._outbox.hurry()
        self._closing.set()
        self._bell.ring()

    def join(self, timeout_s: float) -> None:
        """Wait for the end, if it was started."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def alive(self) -> bool:
        """The thread runs."""
        return self._thread.is_alive()

    def tell_dropped(self) -> None:
        """In the log, once for each event."""
        if lost := self._outbox.dropped - self._dropped_told:
            self._dropped_told += lost
            _log.warning("%d events were forced out of the outbox, the oldest first; a gap record tells of them", lost)

    # What follows runs in the sender's thread.

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
        return self._deadline_s - time.monotonic() if self._outbox.queued else 0.0

    def _meanwhile(self) -> str:
        if self._outbox.keeps:
            return "; events wait in the outbox"
        return "; events wait in memory, and are lost with the process"

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
        self.connections += 1
        self.goodbye_owed = True
        self._refused_now = False
        self.protocol = connection.protocol
        self.tell_dropped()
        try:
            connection.publish(self._root + "availability", b"online", qos=1, retain=True)
            self._announcer.repeat()
            self._subscribe_again = True
            while True:
                self.rounds += 1
                if self._subscribe_again:
                    self._subscribe_again = False
                    connection.subscribe(self._subscriptions())
                    if self._transcripts is not None:  # at QoS 0: a session keeps none of what was said meanwhile
                        connection.subscribe([self._transcripts.topic], qos=0)
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
            self.goodbye_owed = False  # the broker says it for us: the will
            return False
        finally:
            self.protocol = None
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
        elif self._transcripts is not None:
            self._transcripts.heard(message.topic, message.payload, retained=message.retained)

    def _say_goodbye(self, connection: Connection) -> None:
        connection.publish(self._root + "availability", b"offline", qos=1, retain=True)
        while not connection.settled and time.monotonic() < self._deadline_s:
            connection.turn(self._deadline_s - time.monotonic(), self._bell)
        self.goodbye_owed = not connection.settled
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
