"""Getting a connection: which protocol to speak, how long to wait, when to try again, what to say when it fails."""

from __future__ import annotations

import logging
import random
import ssl
import time
from collections.abc import Callable

from edge.errors import PublishError
from edge.publish import advice
from edge.publish.broker import Broker
from edge.publish.connection import Bell, Connection, ConnectionEnded

_log = logging.getLogger(__name__)

#: A broker that understands CONNECT answers at once; this is for slow networks.
_ANSWER_S = 4.0
#: As long as it is not known that the broker speaks MQTT 5: some that do not, never answer.
_TRIAL_S = 2.0
#: The longest pause between two attempts: the first, and the one that it grows to.
_PAUSE_S = (1.0, 60.0)
#: So many connections in a row, each opened at the first attempt and ended soon, with no message of ours unanswered, by
#: a broker that lives: another client has our name. mosquitto 2.0.11 gives no reason when it closes the older of two.
_MOST_SWAPS = 4
#: The longest while the broker is just not there: it is asked often enough to be found within 10 s of its return.
_AWAY_S = 8.0
#: After a connection that held this long, pauses begin at the first one again.
_GOOD_S = 10.0

Connect = Callable[[str], Connection]
Patience = Callable[[], float]


class NotConnected(PublishError):
    """No connection this time; the message says why and what to do."""


class _WrongProtocol(NotConnected):
    """The broker says that it does not speak this version."""


class _Silent(NotConnected):
    """TCP was accepted, but MQTT got no answer: perhaps it is the version."""


class _GivenUp(NotConnected):
    """The caller has no patience left."""


class Dialer:
    """Opens connections to one broker.

    Args:
        protocol: ``5``, ``3.1.1``, or ``auto``: MQTT 5, and 3.1.1 with a broker that refuses it (remembered) or gives
            no answer to it (then 5 is tried again with the next connection, for the broker may just have been
            stopping; and once 5 was spoken, silence is no reason to fall back).
        connect: opens a connection with this protocol.
        meanwhile: what to add to the warning that it is tried again.
    """

    def __init__(
        self,
        broker: Broker,
        protocol: str,
        client_id: str,
        connect: Connect,
        meanwhile: Callable[[], str] = lambda: "",
    ) -> None:
        self._broker = broker
        self._client_id = client_id
        self._connect = connect
        self._meanwhile = meanwhile
        self._protocols = ["5", "3.1.1"] if protocol == "auto" else [protocol]
        self._speaks_5 = protocol == "5"
        self._told = ""
        self._longest_s = _PAUSE_S[0]
        self._connected_s: float | None = None
        self._swaps = 0
        self._twin_told = False
        self._refused = False
        #: The next connection should send one message at a time: the last may have ended because of one.
        self.cautious = False

    def dial(self, bell: Bell, patience_s: Patience) -> Connection:
        """A connection that the broker has accepted.

        Each new kind of failure is one warning, its repetitions are DEBUG.

        Args:
            bell: makes it ask `patience_s` again.
            patience_s: how many seconds the caller can still wait; not positive: give up.

        Raises:
            NotConnected: what was told in the log.
        """
        self._refused = False
        try:
            connection = self._dial(bell, patience_s)
        except _GivenUp:
            raise
        except NotConnected as failure:
            self._swaps = 0
            level = logging.DEBUG if str(failure) == self._told else logging.WARNING
            _log.log(level, "%s. Trying again%s", failure, self._meanwhile())
            self._told = str(failure)
            raise
        self._connected_s = time.monotonic()
        self._told = ""
        _log.info("connected to %s with MQTT %s", self._broker, connection.protocol)
        return connection

    def ended(self, end: ConnectionEnded, connection: Connection, *, refused: bool = False) -> None:
        """The connection that `dial` gave has ended. Where another client took our name, the next pause is long: two
        that push each other off would else do nothing else.

        Without the broker's word for it, only this counts as a sign of another client: a connection that ended soon,
        with nothing of ours unanswered (a message may be why), by a broker that lives (one that is stopped ends
        connections too).

        `refused`: the broker refused a message of it, and may have hung up for that (mosquitto does).
        """
        soon = self._connected_s is not None and time.monotonic() - self._connected_s < _GOOD_S
        unexplained = soon and not end.code
        self.cautious = unexplained and (refused or not connection.settled)
        if refused:
            self._longest_s = _PAUSE_S[0]  # an answer is progress: the next message may be welcome
        taken = unexplained and not self.cautious and connection.broker_lives()
        self._swaps = self._swaps + 1 if taken else 0
        if end.code != advice.SESSION_TAKEN_OVER and self._swaps < _MOST_SWAPS:
            return
        self._longest_s = _PAUSE_S[1]
        self._refused = True
        self._connected_s = None
        if not self._twin_told:
            self._twin_told = True
            _log.warning("%s", advice.twin(self._broker, self._client_id, sure=bool(end.code)))

    def pause_s(self) -> float:
        """How long to wait before the next attempt: longer each time, and spread at random, so that a hundred devices
        do not return to a restarted broker in the same instant. Longest after a refusal, or a failure of TLS."""
        if self._connected_s is not None and time.monotonic() - self._connected_s > _GOOD_S:
            self._longest_s = _PAUSE_S[0]
        self._connected_s = None
        longest_s = self._longest_s if self._refused else min(self._longest_s, _AWAY_S)
        self._longest_s = min(2 * self._longest_s, _PAUSE_S[1])
        return random.uniform(longest_s / 2, longest_s)  # noqa: S311 - jitter is no secret

    def _dial(self, bell: Bell, patience_s: Patience) -> Connection:
        protocols = list(self._protocols)
        while True:
            protocol = protocols.pop(0)
            try:
                return self._attempt(protocol, bell, patience_s)
            except _WrongProtocol:
                if not protocols:
                    raise
                _log.info("%s does not speak MQTT %s: MQTT %s from now on", self._broker, protocol, protocols[0])
                self._protocols = list(protocols)
            except _Silent as silence:
                if not protocols or self._speaks_5:
                    raise
                level = logging.DEBUG if self._told else logging.INFO
                _log.log(level, "%s. Trying MQTT %s", silence, protocols[0])

    def _attempt(self, protocol: str, bell: Bell, patience_s: Patience) -> Connection:
        try:
            connection = self._connect(protocol)
        except (OSError, ValueError) as error:
            self._refused = isinstance(error, ssl.SSLError)
            raise NotConnected(advice.unreachable(self._broker, error)) from error
        try:
            self._await_answer(connection, bell, patience_s)
        except Exception:
            connection.close(goodbye=False)
            raise
        self._speaks_5 = self._speaks_5 or protocol == "5"
        return connection

    def _await_answer(self, connection: Connection, bell: Bell, patience_s: Patience) -> None:
        trial = connection.protocol == "5" and not self._speaks_5
        limit_s = _TRIAL_S if trial else _ANSWER_S
        until_s = time.monotonic() + limit_s
        while connection.answer is None:
            left_s = until_s - time.monotonic()
            if patience_s() <= 0:
                raise _GivenUp(f"{self._broker}: given up")
            if left_s <= 0:
                raise _Silent(advice.mute(self._broker, limit_s))
            try:
                connection.turn(min(left_s, patience_s()), bell)
            except ConnectionEnded as end:
                if connection.answer is None and patience_s() > 0:
                    raise _Silent(advice.hung_up(self._broker)) from end
        reason = connection.answer
        if not reason.is_failure:
            return
        self._refused = True
        message = advice.refused(self._broker, reason, self._client_id)
        if reason.value == advice.UNSUPPORTED_PROTOCOL:
            raise _WrongProtocol(message)
        if reason.value in advice.NO_ENTRY:
            self._longest_s = _PAUSE_S[1]
        raise NotConnected(message)
