"""Where the broker is and how it is entered: address, TLS, credentials, from the configuration."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from edge.config import PASSWORD_NAME, MqttConfig
from edge.errors import ConfigError, PublishError

PASSWORD_VARIABLE = "EMOTION_EDGE_MQTT_PASSWORD"  # noqa: S105 - the variable's name, not a password
_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True, eq=False)
class Broker:
    """An address and the right to enter; the password is never shown."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    username: str | None
    password: str | None = field(repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtt' if self.tls is None else 'mqtts'}://{host}:{self.port}"


def find_broker(mqtt: MqttConfig) -> Broker:
    """Read what `mqtt` names: url, certificate authorities, password.

    Raises:
        ConfigError: the keys contradict each other.
        PublishError: a file cannot be read.
    """
    try:
        url = urlsplit(mqtt.url)
        port = url.port or _PORTS[url.scheme]
    except (KeyError, ValueError) as error:
        raise ConfigError(
            f"[mqtt] url: expected mqtt://host[:port] or mqtts://host[:port], got {mqtt.url!r}"
        ) from error
    if not url.hostname:
        raise ConfigError(f"[mqtt] url: expected a host name after ://, got {mqtt.url!r}")
    for key, value in (("ca_file", mqtt.ca_file), ("cert_file", mqtt.cert_file), ("key_file", mqtt.key_file)):
        if url.scheme == "mqtt" and value:
            raise ConfigError(
                f"[mqtt] {key}: is set, but {mqtt.url} is not encrypted: write mqtts:// in url, or remove {key}"
            )
    if mqtt.key_file and not mqtt.cert_file:
        raise ConfigError("[mqtt] cert_file: expected the certificate of key_file, got an empty text")
    password = find_password(mqtt)
    if password is not None and not mqtt.username:
        raise ConfigError("[mqtt] username: expected a name, since a password is given; got an empty text")
    return Broker(
        host=url.hostname,
        port=port,
        tls=_tls(mqtt) if url.scheme == "mqtts" else None,
        username=mqtt.username or None,
        password=password,
    )


def find_password(mqtt: MqttConfig) -> str | None:
    """The systemd credential, else `password_file`, else the environment; None when there is none.

    An empty credential is none: the unit loads it from a file that the installer leaves empty.

    Raises:
        PublishError: a file cannot be read.
    """
    credential = Path(os.environ.get("CREDENTIALS_DIRECTORY", "")) / PASSWORD_NAME
    if "CREDENTIALS_DIRECTORY" in os.environ and credential.exists() and credential.stat().st_size:
        return _read(credential, f"systemd credential {PASSWORD_NAME}")
    if mqtt.password_file:
        return _read(Path(mqtt.password_file), "[mqtt] password_file")
    return os.environ.get(PASSWORD_VARIABLE) or None


def _read(path: Path, what: str) -> str:
    try:
        password = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise PublishError(
            f"{what}: {path}: {reason}: expected a file with the password in one line, readable by this user"
        ) from error
    if not password:
        raise PublishError(f"{what}: {path}: expected the password in one line, got an empty file")
    return password


def _tls(mqtt: MqttConfig) -> ssl.SSLContext:
    """The system's authorities, or only those in `ca_file`; the broker's name is always checked: no key turns it off.
    With `cert_file` the broker can know us by our certificate."""
    ca_file = mqtt.ca_file
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:  # SSLError is an OSError; named for the reader
        reason = "not a PEM certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise PublishError(
            f"[mqtt] ca_file: {ca_file}: {reason}: expected the PEM certificate of the broker's authority"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if mqtt.cert_file:
        _identify(context, mqtt.cert_file, mqtt.key_file)
    return context


def _identify(context: ssl.SSLContext, cert_file: str, key_file: str) -> None:
    def no_passphrase() -> str:
        # Without this OpenSSL asks on the terminal, where nobody is.
        raise PublishError(f"[mqtt] key_file: {key_file or cert_file}: expected a key without a passphrase")

    try:
        context.load_cert_chain(cert_file, key_file or None, password=no_passphrase)
    except (OSError, ssl.SSLError) as error:
        reason = (error.reason or "not PEM") if isinstance(error, ssl.SSLError) else error.strerror
        raise PublishError(
            f"[mqtt] cert_file, key_file: {cert_file}, {key_file or 'no key_file'}: {reason}: expected a PEM "
            "certificate and its private key, readable by this user"
        ) from error
