"""What Home Assistant's topics are told with each connection, and what of it a restart must know: with a real file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edge.config import DeviceConfig, HomeAssistantConfig
from edge.publish.announcer import Announcement, Announcer
from edge.publish.homeassistant import announcements
from edge.remembered import Remembered

HOME = HomeAssistantConfig(enabled=True)
DEVICE = DeviceConfig(id="kitchen-pi")
ROOT = "emotion/kitchen-pi/"
TOPIC = "homeassistant/device/kitchen-pi/config"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "remembered.json"


def announcer(file: Path, home: HomeAssistantConfig = HOME, device: DeviceConfig = DEVICE) -> Announcer:
    """As after a start of the service: nothing but the file is known."""
    return Announcer(home, device, ROOT, Remembered(file))


def sent(announcer: Announcer) -> list[Announcement]:
    """All that is due, handed to a broker that has not answered yet; message ids count from 1."""
    found = []
    while due := announcer.next():
        found.append(due)
        announcer.sent(due, len(found))
    return found


def remembered(file: Path) -> list[str]:
    return json.loads(file.read_text())["homeassistant"]


def test_a_connection_is_told_once_what_home_assistant_is_to_know(file) -> None:
    ours = announcer(file)
    assert ours.next() is None  # not before there is a connection
    ours.repeat()
    assert remembered(file) == [TOPIC]  # before it is said
    (told,) = sent(ours)
    assert told.topic == TOPIC
    assert json.loads(told.payload) == announcements(HOME, DEVICE, ROOT)[TOPIC]
    ours.answered(1)
    assert remembered(file) == [TOPIC]
    assert ours.next() is None


def test_home_assistants_birth_makes_all_due_again_and_nothing_else_does(file) -> None:
    ours = announcer(file)
    assert ours.subscriptions == ["homeassistant/status"]
    for topic, payload in (("homeassistant/status", b"offline"), ("other/status", b"online")):
        assert not ours.heard(topic, payload)
        assert ours.next() is None
    assert ours.heard("homeassistant/status", b"online")
    assert [each.topic for each in sent(ours)] == [TOPIC]


def test_what_a_former_name_announced_is_removed_first_and_forgotten_when_the_broker_has_it(file) -> None:
    before = announcer(file)
    before.repeat()
    sent(before)
    ours = announcer(file, device=DeviceConfig(id="cellar-pi"))
    ours.repeat()
    new = "homeassistant/device/cellar-pi/config"
    told = sent(ours)
    assert [(each.topic, each.payload == b"") for each in told] == [(TOPIC, True), (new, False)]
    assert remembered(file) == sorted([TOPIC, new])
    # The connection ends before the broker has answered: it is removed again with the next.
    ours.repeat()
    ours.answered(1)
    assert remembered(file) == sorted([TOPIC, new])
    assert [each.payload == b"" for each in sent(ours)] == [True, False]
    ours.answered(1)
    assert remembered(file) == [new]
    ours.repeat()
    assert [each.topic for each in sent(ours)] == [new]


def test_switched_off_while_it_runs_all_is_removed_and_on_again_announced(file) -> None:
    ours = announcer(file)
    ours.repeat()
    sent(ours)
    ours.adopt(replace(HOME, enabled=False))
    assert ours.subscriptions == []
    assert not ours.heard("homeassistant/status", b"online")
    assert sent(ours) == [Announcement(TOPIC, b"")]
    # Wanted again before the broker has answered: then its answer must not make us forget the topic.
    ours.adopt(HOME)
    ours.answered(1)
    assert remembered(file) == [TOPIC]
    assert [each.payload != b"" for each in sent(ours)] == [True]


def test_off_and_never_announced_it_says_and_writes_nothing(file) -> None:
    ours = announcer(file, replace(HOME, enabled=False))
    ours.repeat()
    assert sent(ours) == []
    assert not file.exists()


@pytest.mark.parametrize("damage", ['{"homeassistant": "all"}', '{"homeassistant": [7, null]}', "no JSON"])
def test_a_memory_that_makes_no_sense_is_none(file, damage) -> None:
    file.write_text(damage)
    ours = announcer(file)
    ours.repeat()
    assert [each.topic for each in sent(ours)] == [TOPIC]
