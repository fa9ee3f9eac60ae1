"""The small file that outlives a restart, or does not, and says so."""

from __future__ import annotations

import pytest

from edge.remembered import FILE, Remembered, from_environment


def test_what_was_put_is_there_after_a_restart(tmp_path) -> None:
    path = tmp_path / FILE
    assert Remembered(path).put("privacy", {"muted": ["camera"]})
    again = Remembered(path)
    assert again.get("privacy") == {"muted": ["camera"]}
    assert again.get("other") is None
    assert not again.damaged
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_without_a_folder_nothing_is_kept(monkeypatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    remembered = from_environment()
    assert not remembered.kept
    assert not remembered.put("privacy", {})
    assert remembered.get("privacy") == {}


def test_the_first_folder_of_systemd_is_used(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path}:/nonexistent")
    assert from_environment().put("a", 1)
    assert (tmp_path / FILE).exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 60_000, b" " * 70_000])
def test_a_damaged_file_is_known_as_such_until_it_is_written_anew(tmp_path, content, caplog) -> None:
    path = tmp_path / FILE
    path.write_bytes(content)
    remembered = Remembered(path)
    assert remembered.damaged
    assert "cannot be understood" in caplog.text
    assert remembered.put("a", 1)
    assert not Remembered(path).damaged


def test_a_folder_that_is_gone_is_told(tmp_path, caplog) -> None:
    remembered = Remembered(tmp_path / "gone" / FILE)
    assert not remembered.put("a", 1)
    assert "a restart will not know of it" in caplog.text
