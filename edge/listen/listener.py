"""The listener's own loop: connect, hear, tell, and at the end the summary and the verdict."""

from __future__ import annotations

import json
import logging
import math
import secrets
import signal
import time
from collections.abc import Callable, Iterable
from typing import Any, cast

from edge.config import MqttConfig
from edge.errors import PublishError
from edge.listen.device import Device, Heard
from edge.listen.judge import schema_judge
from edge.listen.screen import Screen, clock_line
from edge.listen.subscription import Subscription
from edge.publish.broker import Broker, find_broker
from edge.publish.connection import Bell, ConnectionEnded
from edge.publish.dialer import Dialer, NotConnected

_log = logging.getLogger(__name__)

#: How often gaps are looked for.
_TURN_S = 0.5
_GRANT_S = 10.0
#: Devices that are remembered: a broker full of made-up names must not fill this machine.
_MOST_DEVICES = 10_000

Print = Callable[[str], None]


def run_listen(
    mqtt: MqttConfig,
    *,
    device: str = "",
    verify: bool = False,
    as_json: bool = False,
    seconds: float = math.inf,
    write: Print = print,
    screen: Screen | None = None,
) -> int:
    """Tell what is heard until `seconds` are over, or SIGINT or SIGTERM; then a summary.

    Args:
        mqtt: broker, credentials, protocol and base topic, by the rules of the service.
        device: only this one; empty: all.
        as_json: one JSON object a line, for another program.
        screen: draws on a terminal what would else be a line each; the summary is lines all the same.

    Returns:
        0; with `verify` 1 if an event is missing, a payload is invalid, or nothing was heard.

    Raises:
        ConfigError, PublishError: the broker cannot be entered as configured, or is not there.
        EdgeError: `verify` without jsonschema.
    """
    listener = Listener(mqtt, device=device, verify=verify, as_json=as_json, write=write, screen=screen)
    before = {number: signal.signal(number, lambda *_: listener.stop()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        listener.listen(time.monotonic() + seconds)
    finally:
        listener.leave_screen()
        for number, handler in before.items():
            signal.signal(number, handler)
    listener.sum_up()
    return 0 if not verify or listener.sound else 1


class Listener:
    """Hears the devices below a base topic; arguments as `run_listen`."""

    def __init__(
        self,
        mqtt: MqttConfig,
        *,
        device: str,
        verify: bool,
        as_json: bool,
        write: Print,
        screen: Screen | None = None,
    ) -> None:
        self._broker: Broker = find_broker(mqtt)
        self._base = mqtt.base_topic.rstrip("/") + "/"
        self._topic = f"{self._base}{device or '+'}/#"
        self._client_id = f"emotion-listen-{secrets.token_hex(6)}"
        self._dialer = Dialer(self._broker, mqtt.protocol, self._client_id, self._connect)
        self._judge = schema_judge() if verify else None
        self._as_json = as_json
        self._write = write
        self._screen = screen
        self._drawing = False
        self._bell = Bell()
        self._end_s = math.inf
        self._devices: dict[str, Device] = {}
        self._unheard = 0

    @property
    def sound(self) -> bool:
        """Something was heard, and nothing is wrong with it."""
        return bool(self._devices) and all(device.sound for device in self._devices.values())

    def stop(self) -> None:
        """End `listen` soon; may be called from a signal handler."""
        self._end_s = -math.inf
        self._bell.ring()

    def listen(self, end_s: float) -> None:
        """Until the monotonic time `end_s`, or `stop`. Only the first connection must work at once."""
        self._end_s = min(self._end_s, end_s)
        connection = self._dial()
        if self._screen is not None:
            self._drawing = True
            self._screen.open()
        self._say(f"listening to {self._topic} on {self._broker} with MQTT {connection.protocol}; Ctrl-C ends")
        while self._left_s() > 0:
            try:
                self._hear(connection)
            except ConnectionEnded as end:
                connection.close(goodbye=False)
                self._dialer.ended(end, connection)
                self._say(f"connection to {self._broker} lost: {end}. Connecting again")
                if not (again := self._dial_again()):
                    return
                connection = again
                if connection.resumed:
                    self._say("connected again; the broker kept what was sent meanwhile")
                    continue
                for device in self._devices.values():
                    device.ledger.listen_anew()
                self._say("connected again; what was sent meanwhile is not judged")
        connection.close(goodbye=True)

    def leave_screen(self) -> None:
        """From here on lines are printed."""
        if self._screen is not None and self._drawing:
            self._screen.draw(self._devices.values(), time.monotonic(), at_once=True)
            self._screen.close()
        self._drawing = False

    def sum_up(self) -> None:
        """Print a line a device, and the verdict where it was asked for."""
        for device in self._devices.values():
            self._tell(device.final())
        for device in sorted(self._devices.values(), key=lambda device: device.id):
            counts = {
                "device": device.id,
                "available": device.available,
                "messages": device.messages,
                "events": device.ledger.events,
                "duplicates": device.ledger.duplicates,
                "restarts": device.ledger.restarts,
                "missing": device.ledger.missing,
                "told lost": device.ledger.conceded,
                "invalid": device.invalid,
            }
            if self._as_json:
                self._write(json.dumps({"summary": counts}))
            else:
                self._write(", ".join(f"{key} {value}" for key, value in counts.items()))
        if self._unheard:
            self._say(f"{self._unheard} messages of more than {_MOST_DEVICES} devices were not followed")
        if not self._devices:
            self._say(f"nothing was heard below {self._base}: expected devices that publish to {self._broker}")
        if self._judge is not None:
            good = self.sound
            self._say("verified: no gap, no invalid payload" if good else "not verified: see above", good=good)

    def _left_s(self) -> float:
        return self._end_s - time.monotonic()

    def _connect(self, protocol: str) -> Subscription:
        return Subscription(self._broker, protocol, client_id=self._client_id, topic=self._topic, on_message=self._take)

    def _dial(self) -> Subscription:
        """A connection whose subscription was granted. Raises PublishError: with what to do."""
        connection = cast("Subscription", self._dialer.dial(self._bell, self._left_s))  # what _connect makes
        connection.ask()
        until_s = time.monotonic() + _GRANT_S
        while connection.granted is None:
            if time.monotonic() > until_s:
                raise PublishError(f"{self._broker}: no answer to the subscription within {_GRANT_S:g} s. See its log")
            connection.turn(_TURN_S, self._bell)
        if connection.granted.is_failure:
            raise PublishError(
                f"{self._broker}: refuses to let us read {self._topic}: {str(connection.granted).lower()} "
                f"(code {connection.granted.value}). Check the broker's access list for this user"
            )
        return connection

    def _dial_again(self) -> Subscription | None:
        while self._left_s() > 0:
            pause_s = self._dialer.pause_s()
            time.sleep(max(0.0, min(pause_s, self._left_s())))
            try:
                return self._dial()
            except (NotConnected, ConnectionEnded) as failure:
                _log.debug("%s", failure)
        return None

    def _hear(self, connection: Subscription) -> None:
        while self._left_s() > 0:
            connection.turn(min(_TURN_S, self._left_s()), self._bell)
            now_s = time.monotonic()
            for device in self._devices.values():
                self._tell(device.overdue(now_s))
            if self._screen is not None:
                self._screen.draw(self._devices.values(), now_s)

    def _take(self, topic: str, payload: bytes) -> None:
        name, _, rest = topic.removeprefix(self._base).partition("/")
        device = self._devices.get(name)
        if device is None:
            if len(self._devices) >= _MOST_DEVICES:
                self._unheard += 1
                return
            device = self._devices[name] = Device(name, self._judge)
        self._tell(device.take(rest, payload, time.monotonic()))

    def _tell(self, told: Iterable[Heard]) -> None:
        for heard in told:
            if self._as_json:
                line: dict[str, Any] = {"device": heard.device, "topic": heard.name}
                if heard.problem:
                    line["problem"] = heard.text
                if heard.body is not None:
                    line["payload"] = heard.body
                self._write(json.dumps(line))
            elif self._screen is not None and self._drawing:
                self._screen.tell(heard, clock_line(heard), time.monotonic())
            else:
                self._write(clock_line(heard))

    def _say(self, text: str, **values: Any) -> None:
        if self._screen is not None and self._drawing:
            self._screen.say(text)
        else:
            self._write(json.dumps({"note": text, **values}) if self._as_json else text)
