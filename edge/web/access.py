"""Who may do what: tokens with scopes, and how often."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from edge.config import WebConfig
from edge.errors import ConfigError

#: read: numbers and words; view: the live picture; analyze: uploads; control: mute, thresholds, the configuration file.
SCOPES = ("read", "view", "analyze", "control")
#: The credential's name in the unit: LoadCredential=web-tokens:/etc/... (systemd.exec(5)).
CREDENTIAL = "web-tokens"
_LEAST_LENGTH = 20  # about 100 bits from base64: nobody guesses it at any rate that we answer
# Addresses remembered for the rate limit; an attacker with more than that only loses his own place.
_MOST_CALLERS = 1024


@dataclass(frozen=True, slots=True)
class Token:
    """One line of the tokens file; the token itself is not kept, only its SHA-256."""

    name: str
    scopes: frozenset[str]
    digest: bytes


class Access:
    """Judges callers by their tokens. Without any token everybody may do everything, which loopback alone is given."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens

    @property
    def open(self) -> bool:
        return not self._tokens

    def scopes(self, authorization: str | None) -> frozenset[str] | None:
        """What the bearer of this ``Authorization`` header may do; None: not known."""
        if self.open:
            return frozenset(SCOPES)
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        digest = hashlib.sha256(given.strip().encode()).digest()
        found = None
        for token in self._tokens:  # all of them: the time tells nothing
            if hmac.compare_digest(token.digest, digest):
                found = token.scopes
        return found


def read_access(config: WebConfig) -> Access:
    """The tokens from the systemd credential ``web-tokens``, else from `tokens_file`.

    Raises:
        ConfigError: the file cannot be read or holds mistakes, or there is none and the address is not loopback.
    """
    credential = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / CREDENTIAL
    path = credential if credential.is_file() else Path(config.tokens_file) if config.tokens_file else None
    tokens = _read(path) if path else []
    if not tokens and not is_loopback(config.host):
        raise ConfigError(
            f"[web] host {config.host!r} can be reached by others: expected tokens in tokens_file, found none. "
            "Add a line 'NAME read,analyze TOKEN', with a token from: openssl rand -base64 24"
        )
    return Access(tokens)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read(path: Path) -> list[Token]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"[web] tokens_file {path}: cannot be read: {error}") from error
    tokens = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split()
        scopes = frozenset(parts[1].split(",")) if len(parts) == 3 else frozenset()
        if len(parts) != 3 or not scopes <= set(SCOPES) or not re.fullmatch(r"[\x21-\x7e]+", parts[2]):
            raise ConfigError(f"{path}:{number}: expected 'NAME SCOPES TOKEN', scopes of {','.join(SCOPES)}")
        if len(parts[2]) < _LEAST_LENGTH:
            raise ConfigError(f"{path}:{number}: expected a token of at least {_LEAST_LENGTH} characters")
        tokens.append(Token(parts[0], scopes, hashlib.sha256(parts[2].encode()).digest()))
    return tokens


class RateLimit:
    """A bucket for each caller: `per_minute` requests in the long run, as many at once. One thread owns it."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait_s(self, caller: str) -> float:
        """0 and one request is counted, or how long this caller has to wait for the next."""
        now = time.monotonic()
        left, since = self._buckets.pop(caller, (float(self._per_minute), now))
        left = min(self._per_minute, left + (now - since) * self._per_minute / 60)
        allowed = left >= 1
        self._buckets[caller] = (left - allowed, now)
        while len(self._buckets) > _MOST_CALLERS:
            self._buckets.pop(next(iter(self._buckets)))  # who was quiet for longest
        return 0.0 if allowed else (1 - left) * 60 / self._per_minute
