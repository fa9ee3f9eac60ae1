"""Tokens: what a file may hold, what a caller must hold, how often he may ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config import WebConfig
from edge.errors import ConfigError
from edge.web.access import RateLimit, is_loopback, read_access

GOOD = "c29tZSB0b2tlbiBvZiBhIHRlc3Q"


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(f"# who may do what\npanel read {GOOD}\n\njob read,analyze {GOOD[::-1]}\n")
    return path


def test_a_token_opens_its_scopes_and_nothing_else(tokens: Path):
    access = read_access(WebConfig(tokens_file=str(tokens)))
    assert access.scopes(f"Bearer {GOOD}") == {"read"}
    assert access.scopes(f"bearer {GOOD[::-1]}") == {"read", "analyze"}
    for wrong in (None, "", "Bearer", f"Basic {GOOD}", f"Bearer {GOOD}x", f"Bearer {GOOD[:-1]}", "Bearer ä"):
        assert access.scopes(wrong) is None


def test_a_credential_of_systemd_comes_first(tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "web-tokens").write_text(f"panel analyze {GOOD}\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_access(WebConfig(tokens_file=str(tokens))).scopes(f"Bearer {GOOD}") == {"analyze"}


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "::", "kitchen.local"])
def test_others_are_let_in_by_token_only(host: str, tokens: Path):
    with pytest.raises(ConfigError, match="expected tokens in tokens_file"):
        read_access(WebConfig(host=host))
    assert not read_access(WebConfig(host=host, tokens_file=str(tokens))).open


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("panel read", "expected 'NAME SCOPES TOKEN'"),
        (f"panel fly {GOOD}", "scopes of read,view,analyze,control"),
        ("panel read short", "at least 20 characters"),
        (f"panel read {GOOD} more", "expected 'NAME SCOPES TOKEN'"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_without_the_token(text: str, why: str, tmp_path: Path):
    (tmp_path / "tokens").write_text(f"# comment\n{text}\n")
    with pytest.raises(ConfigError, match=why) as told:
        read_access(WebConfig(tokens_file=str(tmp_path / "tokens")))
    assert f"{tmp_path}/tokens:2:" in str(told.value)
    assert GOOD not in str(told.value)


def test_loopback():
    assert [is_loopback(host) for host in ("localhost", "127.0.0.1", "127.1.2.3", "::1")] == [True] * 4
    assert [is_loopback(host) for host in ("localhost.evil.example", "10.0.0.1", "", "0.0.0.0")] == [False] * 4


def test_each_caller_has_a_bucket_of_his_own():
    limit = RateLimit(3)
    assert [limit.wait_s("a") for _ in range(3)] == [0, 0, 0]
    assert 15 < limit.wait_s("a") <= 20
    assert limit.wait_s("b") == 0


def test_callers_do_not_fill_the_memory():
    limit = RateLimit(3)
    for number in range(5000):
        limit.wait_s(str(number))
    assert len(limit._buckets) <= 1024
