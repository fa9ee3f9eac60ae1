"""What a failed connection means, and what a user can do about it. No message ever holds a credential."""

from __future__ import annotations

import socket
import ssl

from paho.mqtt.reasoncodes import ReasonCode

from edge.publish.broker import Broker

UNSUPPORTED_PROTOCOL = 132
BAD_CREDENTIALS = 134
NOT_AUTHORIZED = 135
SESSION_TAKEN_OVER = 142
#: These, banned (138) and bad authentication method (140): a person has to act before it can work.
NO_ENTRY = (BAD_CREDENTIALS, NOT_AUTHORIZED, 138, 140)


def unreachable(broker: Broker, error: Exception) -> str:
    """Name, TCP and TLS: before any word of MQTT."""
    if isinstance(error, (socket.gaierror, ValueError)) and not isinstance(error, ssl.SSLError):
        return (
            f"{broker}: the host name is not known: expected the broker's name or address. Correct [mqtt] url, or DNS"
        )
    if isinstance(error, ConnectionRefusedError):
        return (
            f"{broker}: connection refused: expected a broker on this port. "
            "Start it (systemctl status mosquitto), let it listen on the network, or correct [mqtt] url"
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"{broker}: its certificate is not accepted: {error.verify_message}. "
            "Set [mqtt] ca_file to the authority that signed it, and use the host name that it was made for"
        )
    if isinstance(error, ssl.SSLError) or (broker.tls and isinstance(error, ConnectionError)):
        # Errors that OpenSSL did not make have no reason of its list.
        reason = getattr(error, "reason", None) or error.strerror or error
        return f"{broker}: TLS failed: {reason}. If this port is not encrypted, write mqtt:// in [mqtt] url"
    if isinstance(error, TimeoutError):
        return f"{broker}: no answer to the connection: check address, network and firewall, or correct [mqtt] url"
    what = error.strerror if isinstance(error, OSError) and error.strerror else error
    return f"{broker}: {what}: expected a connection to the broker. Check the network and [mqtt] url"


def mute(broker: Broker, wait_s: float) -> str:
    return (
        f"{broker}: the connection opened, but no MQTT answer came within {wait_s:g} s: expected an MQTT broker. "
        "Check [mqtt] url, and whether the broker hangs"
    )


def hung_up(broker: Broker) -> str:
    hint = "If this port is encrypted, write mqtts:// in [mqtt] url; else see" if broker.tls is None else "See"
    return f"{broker}: it closed the connection without a valid MQTT answer: expected an MQTT broker. {hint} its log"


def twin(broker: Broker, client_id: str, *, sure: bool) -> str:
    """Two clients with one identifier: the broker closes the older connection each time."""
    what = "another client took over" if sure else "connections end at once, as if another client had"
    return (
        f"{broker}: {what} the client id {client_id}: expected one device of this name. "
        "Give each device its own [device] id. Trying again about once a minute"
    )


def refused(broker: Broker, reason: ReasonCode, client_id: str) -> str:
    """The broker's own no, in CONNACK."""
    if reason.value in (BAD_CREDENTIALS, NOT_AUTHORIZED):
        advice = "Check [mqtt] username and the password, or the access list of the broker"
    elif reason.value == UNSUPPORTED_PROTOCOL:
        advice = 'Set [mqtt] protocol = "auto"'
    else:
        advice = f"See the broker's log for client {client_id}"
    return f"{broker}: refused: {str(reason).lower()} (code {reason.value}). {advice}"
