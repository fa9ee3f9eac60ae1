"""The last minutes outlive the process, and no more than them."""

from __future__ import annotations

import json

from edge.service.recorder import Recorder


def test_what_a_killed_process_noted_is_still_there(tmp_path):
    for number in range(100):
        Recorder(tmp_path).note({"number": number})
    kept = json.loads((tmp_path / "flight.json").read_text())
    assert [each["number"] for each in kept] == list(range(40, 100))


def test_a_damaged_file_is_no_obstacle(tmp_path):
    (tmp_path / "flight.json").write_text('[{"half')
    Recorder(tmp_path).note({"number": 1})
    assert json.loads((tmp_path / "flight.json").read_text()) == [{"number": 1}]


def test_without_a_place_nothing_is_kept_and_nothing_breaks(tmp_path, caplog):
    Recorder(None).note({})
    recorder = Recorder(tmp_path / "none")
    recorder.note({"number": 1})
    recorder.note({"number": 2})
    assert len(caplog.records) == 1
