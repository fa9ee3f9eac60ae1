"""What was heard of one device, and what of it breaks the contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from edge.listen import lines
from edge.listen.judge import Judge, parse
from edge.listen.ledger import Gap, Ledger
from edge.publish.envelope import unwrap

_AVAILABILITY = (b"online", b"offline")
_LINES = {"event": lines.event, "state": lines.state, "health": lines.health, "info": lines.info}


class Heard(NamedTuple):
    """One thing to tell: a message, or with `problem` a breach of the contract."""

    device: str
    name: str
    text: str
    body: Any = None
    problem: bool = False


@dataclass(slots=True)
class Device:
    """Takes the messages of the device `id`; `judge` is None where nobody asked for one."""

    id: str
    judge: Judge | None
    available: str = "unknown"
    messages: int = 0
    invalid: int = 0
    ledger: Ledger = field(default_factory=Ledger)

    def take(self, name: str, payload: bytes, now_s: float) -> Iterator[Heard]:
        """What to tell about a message on the topic `name` below the device's own."""
        self.messages += 1
        if name == "availability":
            yield from self._be(payload)
            return
        try:
            body = unwrap(parse(payload)) if name == "event" else parse(payload)
        except ValueError as error:
            yield self._breach(name, str(error))
            return
        if self.judge is not None and (mistake := self.judge(name, body)):
            yield self._breach(name, mistake, body)
            return
        if not isinstance(body, dict):
            yield self._breach(name, f"expected a JSON object, got {type(body).__name__}", body)
            return
        if name in _LINES and body.get("device") != self.id:
            yield self._breach(name, f"expected device {self.id!r} as in the topic, got {body.get('device')!r}", body)
            return
        if name == "event":
            yield from self._count(body, now_s)
        else:
            text = _LINES[name](body) if name in _LINES else lines.shown(payload.decode(errors="replace"))
            yield Heard(self.id, name, text, body)

    def overdue(self, now_s: float) -> Iterator[Heard]:
        for gap in self.ledger.overdue(now_s):
            yield self._gap(gap)

    def final(self) -> Iterator[Heard]:
        """Gaps that nobody was told of yet."""
        for gap in self.ledger.untold():
            yield self._gap(gap)

    @property
    def sound(self) -> bool:
        """No gap, none that the device itself tells of either, and no invalid payload."""
        return not (self.invalid or self.ledger.missing or self.ledger.conceded)

    def _be(self, payload: bytes) -> Iterator[Heard]:
        if payload not in _AVAILABILITY:
            if payload:  # empty: the retained message was deleted
                yield self._breach("availability", f"expected online or offline, got {payload[:40]!r}")
            return
        self.available = payload.decode()
        yield Heard(self.id, "availability", self.available, self.available)

    def _count(self, body: dict[str, Any], now_s: float) -> Iterator[Heard]:
        sequence, event_id = body.get("sequence"), body.get("id")
        if not isinstance(sequence, int) or isinstance(sequence, bool) or not isinstance(event_id, str):
            yield self._breach("event", "expected a whole number sequence and a text id", body)
            return
        if body.get("type") == "gap":
            yield from self._concede(body, sequence, event_id, now_s)
            return
        verdict = self.ledger.take(sequence, event_id, live=not body.get("late"), now_s=now_s)
        note = {"duplicate": " (again: same id)", "restart": " (the device began a new count)"}.get(verdict, "")
        yield Heard(self.id, "event", lines.event(body) + note, body)

    def _concede(self, body: dict[str, Any], last: int, event_id: str, now_s: float) -> Iterator[Heard]:
        first, count = body.get("first"), body.get("count")
        if not isinstance(first, int) or not isinstance(count, (int, type(None))) or not 0 < first <= last:
            yield self._breach("event", f"expected whole numbers first and count, first up to {last}", body)
        elif self.ledger.concede(Gap(first, last), event_id, count=count, now_s=now_s):
            many = "an unknown number" if count is None else count
            reason = lines.shown(body.get("reason"))
            text = f"gap: the device tells that {many} of sequence {Gap(first, last)} are lost: {reason}"
            yield Heard(self.id, "event", text, body, problem=True)

    def _breach(self, name: str, what: str, body: Any = None) -> Heard:
        self.invalid += 1
        return Heard(self.id, name, f"invalid payload: {lines.shown(what)}", body, problem=True)

    def _gap(self, gap: Gap) -> Heard:
        many = f"{gap.events} events are" if gap.events > 1 else "an event is"
        return Heard(self.id, "event", f"gap: {many} missing, sequence {gap}", None, problem=True)
