"""Keeps Home Assistant's discovery topics as the configuration asks: announced, again after its restart, removed."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass

from edge.config import DeviceConfig, HomeAssistantConfig
from edge.publish import payloads
from edge.publish.homeassistant import BIRTH, announcements
from edge.remembered import Remembered

_LOG = logging.getLogger(__name__)
_NAME = "homeassistant"


@dataclass(frozen=True, slots=True)
class Announcement:
    """A retained payload for `topic`, as it stands; an empty one removes what was announced there."""

    topic: str
    payload: bytes


class Announcer:
    """What is announced is remembered, so that what is not wanted any more (another name, another form, switched off)
    is removed with the next connection, also after a restart.

    Args:
        root: the device's own topics, with a slash at the end.
        remembered: where announced topics outlive a restart, if anything does.
    """

    def __init__(self, home: HomeAssistantConfig, device: DeviceConfig, root: str, remembered: Remembered) -> None:
        self._device = device
        self._root = root
        self._remembered = remembered
        self._lock = threading.Lock()
        self._due: deque[Announcement] = deque()
        self._unanswered: dict[int, str] = {}
        said = remembered.get(_NAME)
        self._announced = {topic for topic in said if isinstance(topic, str)} if isinstance(said, list) else set()
        self._home = home
        self._wanted = announcements(home, device, root)

    @property
    def subscriptions(self) -> list[str]:
        """Topics to listen to."""
        return [f"{self._home.prefix}/{BIRTH}"] if self._home.enabled else []

    def adopt(self, home: HomeAssistantConfig) -> None:
        """Announce as `home` asks from now on."""
        with self._lock:
            self._home = home
            self._wanted = announcements(home, self._device, self._root)
        self.repeat()

    def repeat(self) -> None:
        """All is due: there is a new connection, or Home Assistant has started."""
        with self._lock:
            # Removed first: Home Assistant refuses a second entity with the id of one that is still there.
            stale = sorted(topic for topic in self._announced if topic not in self._wanted)
            self._due = deque(Announcement(topic, b"") for topic in stale)
            self._due.extend(Announcement(topic, payloads.encode(body)) for topic, body in self._wanted.items())
            self._unanswered.clear()
            if not self._announced >= self._wanted.keys():
                self._announced |= self._wanted.keys()
                self._remember()  # before it is said: what is said must be found again

    def heard(self, topic: str, payload: bytes) -> bool:
        """A message came; True if it was Home Assistant's birth, and all is due again."""
        born = topic in self.subscriptions and payload == b"online"
        if born:
            _LOG.info("Home Assistant has started: announcing this device again")
            self.repeat()
        return born

    def next(self) -> Announcement | None:
        """What is to be sent now, None if nothing is."""
        with self._lock:
            return self._due.popleft() if self._due else None

    def sent(self, announcement: Announcement, message_id: int) -> None:
        """`next` was handed to the broker under `message_id`."""
        if not announcement.payload:
            self._unanswered[message_id] = announcement.topic

    def answered(self, message_id: int) -> None:
        """The broker has taken a message: a removal of ours need not be remembered any more."""
        with self._lock:
            topic = self._unanswered.pop(message_id, None)
            if topic is not None and topic not in self._wanted:
                self._announced.discard(topic)
                self._remember()

    def _remember(self) -> None:
        self._remembered.put(_NAME, sorted(self._announced))
