"""What a person is told of each way a connection can fail: the errors are real ones, of real sockets and of OpenSSL."""

from __future__ import annotations

import socket
import ssl

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from edge.publish import advice
from edge.publish.broker import Broker
from tests.publish.network import failed_handshake

HUB = Broker("hub", 1883, None, "pi", "s3cret")
SAFE_HUB = Broker("hub", 8883, ssl.create_default_context(), "pi", "s3cret")


def refused() -> OSError:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # bound, not listening
        with pytest.raises(ConnectionRefusedError) as failure:
            socket.create_connection(probe.getsockname(), 5)
    return failure.value


def no_name() -> OSError:
    with pytest.raises(socket.gaierror) as failure:
        socket.getaddrinfo("hub", 1883, flags=socket.AI_NUMERICHOST)  # asks no server
    return failure.value


def nonsense_name() -> ValueError:
    with pytest.raises(ValueError, match="label") as failure:
        socket.getaddrinfo("a" * 70 + ".example", 1883)
    return failure.value


def reset() -> OSError:
    return ConnectionResetError(104, "Connection reset by peer")


@pytest.mark.parametrize(
    ("broker", "error", "told"),
    [
        (HUB, no_name, "mqtt://hub:1883: the host name is not known"),
        (HUB, nonsense_name, "mqtt://hub:1883: the host name is not known"),
        (HUB, refused, "mqtt://hub:1883: connection refused: expected a broker on this port"),
        (SAFE_HUB, refused, "mqtts://hub:8883: connection refused"),
        (HUB, reset, "mqtt://hub:1883: Connection reset by peer: expected a connection to the broker"),
        (SAFE_HUB, reset, "mqtts://hub:8883: TLS failed: Connection reset by peer. If this port is not encrypted"),
        (SAFE_HUB, failed_handshake, "mqtts://hub:8883: TLS failed: WRONG_VERSION_NUMBER. If this port is not"),
        (HUB, lambda: TimeoutError("timed out"), "mqtt://hub:1883: no answer to the connection: check address"),
        (HUB, lambda: OSError(113, "No route to host"), "mqtt://hub:1883: No route to host: expected a connection"),
    ],
)
def test_why_a_broker_is_not_reached(broker, error, told) -> None:
    message = advice.unreachable(broker, error())
    assert message.startswith(told)
    assert "[mqtt] url" in message
    assert "s3cret" not in message


def test_a_certificate_that_is_not_accepted_names_ca_file(certificates) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    broker = server.wrap_bio(to_server, to_client, server_side=True)
    client = ssl.create_default_context().wrap_bio(to_client, to_server, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):  # its hello is said
        client.do_handshake()
    with pytest.raises(ssl.SSLWantReadError):  # answered, with the certificate
        broker.do_handshake()
    with pytest.raises(ssl.SSLCertVerificationError) as failure:
        client.do_handshake()
    message = advice.unreachable(SAFE_HUB, failure.value)
    assert message.startswith("mqtts://hub:8883: its certificate is not accepted: ")
    assert failure.value.verify_message in message
    assert "[mqtt] ca_file" in message


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (advice.BAD_CREDENTIALS, "refused: bad user name or password (code 134). Check [mqtt] username"),
        (advice.NOT_AUTHORIZED, "refused: not authorized (code 135). Check [mqtt] username"),
        (advice.UNSUPPORTED_PROTOCOL, "(code 132). Set [mqtt] protocol"),
        (138, "refused: banned (code 138). See the broker's log for client edge-1"),
    ],
)
def test_a_refusal_says_the_brokers_reason_and_what_to_do(code, told) -> None:
    message = advice.refused(HUB, ReasonCode(PacketTypes.CONNACK, identifier=code), "edge-1")
    assert message.startswith("mqtt://hub:1883: refused: ")
    assert told in message
    assert "s3cret" not in message


def test_the_other_kind_of_port_is_suggested_only_where_it_could_be() -> None:
    assert "write mqtts://" in advice.hung_up(HUB)
    assert "mqtts:// in" not in advice.hung_up(SAFE_HUB)
    assert "within 2.5 s" in advice.mute(HUB, 2.5)


def test_a_twin_is_told_as_surely_as_it_is_known() -> None:
    sure, unsure = (advice.twin(HUB, "edge-1", sure=sure) for sure in (True, False))
    assert "another client took over the client id edge-1" in sure
    assert "as if another client had the client id edge-1" in unsure
    assert all("[device] id" in message for message in (sure, unsure))
