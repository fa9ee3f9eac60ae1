"""Which devices a person has closed, also after a restart."""

from __future__ import annotations

from typing import Any

from edge.config import PrivacyConfig
from edge.remembered import Remembered

SENSORS = ("camera", "microphone")
_NAME = "privacy"


class Privacy:
    """What is muted: as `start_muted` says until somebody says otherwise, then as was said last.

    The last word counts, whoever said it: a changed `start_muted` in the file outweighs what was commanded before. A
    damaged memory mutes everything: better a device that must be opened again than one that opens by itself.
    """

    def __init__(self, config: PrivacyConfig, remembered: Remembered) -> None:
        self._remembered = remembered
        self._start_muted = config.start_muted
        said: Any = remembered.get(_NAME)
        if remembered.damaged:
            self.muted = set()
            self.say(set(SENSORS), muted=True)  # written at once: somebody else's word must not hide the damage
        elif isinstance(said, dict) and said.get("start_muted") == config.start_muted:
            muted = said.get("muted")
            self.muted = {name for name in SENSORS if not isinstance(muted, list) or name in muted}
        else:
            self.muted = sensors(config.start_muted)

    def say(self, names: set[str], muted: bool) -> bool:
        """Mute or unmute these; False if a restart will not know of it."""
        self.muted = self.muted | names if muted else self.muted - names
        return self._remembered.put(_NAME, {"start_muted": self._start_muted, "muted": sorted(self.muted)})

    def adopt(self, config: PrivacyConfig) -> None:
        """The file was read again: if it says something new, that counts."""
        if config.start_muted != self._start_muted:
            self._start_muted = config.start_muted
            self.say(set(SENSORS), muted=False)
            self.say(sensors(config.start_muted), muted=True)


def sensors(words: str) -> set[str]:
    """``none``, ``camera``, ``microphone`` or ``all`` as names of sensors."""
    return {"none": set(), "all": set(SENSORS)}.get(words, {words})
