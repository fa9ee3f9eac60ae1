"""What the kernel's files say of the machine; the files are those of real machines, in a folder."""

from __future__ import annotations

import pytest

from edge.service.machine import Machine, cpu_temperature_c, throttling


def zones(folder, *told: tuple[str, str]):
    for number, (kind, millidegrees) in enumerate(told):
        zone = folder / f"thermal_zone{number}"
        zone.mkdir()
        (zone / "type").write_text(kind + "\n")
        (zone / "temp").write_text(millidegrees + "\n")
    return folder


def test_a_raspberry_pi_has_one_zone(tmp_path):
    assert cpu_temperature_c(zones(tmp_path, ("cpu-thermal", "48312"))) == pytest.approx(48.312)


def test_of_a_jetsons_zones_the_processor_counts(tmp_path):
    told = [("gpu-thermal", "52000"), ("cpu-thermal", "47500"), ("tj-thermal", "90000"), ("soc0-thermal", "49000")]
    assert cpu_temperature_c(zones(tmp_path, *told)) == pytest.approx(49.0)


def test_a_zone_that_does_not_answer_is_left_out(tmp_path):
    assert cpu_temperature_c(zones(tmp_path, ("acpitz", "27800"), ("iwlwifi", ""))) == pytest.approx(27.8)
    assert cpu_temperature_c(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("told", "reasons"),
    [
        ("0", ()),
        ("50000", ()),  # it was so since the boot, but it is not now
        ("50005", ("under-voltage", "throttled")),
        ("8", ("soft temperature limit",)),
    ],
)
def test_why_a_raspberry_pi_is_held_back(tmp_path, told, reasons):
    (tmp_path / "get_throttled").write_text(told + "\n")
    assert throttling(tmp_path / "get_throttled") == reasons


def test_other_firmware_does_not_tell(tmp_path):
    assert throttling(tmp_path / "none") is None


def test_each_look_tells_what_the_firmware_says_now(tmp_path):
    firmware = tmp_path / "get_throttled"
    firmware.write_text("50005\n")
    machine = Machine(firmware, lambda: True)
    assert machine.throttled is None
    machine.look()
    assert machine.throttled == ("under-voltage", "throttled")
    firmware.write_text("50000\n")
    machine.look()
    assert machine.throttled == ()


def test_a_clock_that_is_wrong_is_asked_for_at_each_look_and_a_right_one_once_a_minute(tmp_path, caplog):
    caplog.set_level("INFO")
    clock = [1000.0]
    answers = [None, False, False, True, False]
    machine = Machine(tmp_path / "none", lambda: answers.pop(0), lambda: clock[0])
    seen = []
    for _ in range(5):
        machine.look()
        seen.append(machine.clock_synchronized)
        clock[0] += 5
    assert seen == [None, False, False, True, True]
    assert answers == [False]  # the fifth look did not ask
    clock[0] += 60
    machine.look()
    assert machine.clock_synchronized is False
    told = [message.split(":")[0] for message in caplog.messages]
    assert told == ["the clock is not synchronised", "the clock is synchronised", "the clock is not synchronised"]
