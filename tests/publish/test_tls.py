"""Who is who: the broker by its certificate and host name, always; the device by its own certificate if asked."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import fields

import pytest

from edge.config import MqttConfig
from edge.errors import ConfigError, PublishError
from edge.publish.broker import find_broker
from tests.publish.network import warnings


def test_a_broker_with_the_certificate_of_another_host_gets_nothing(
    start_mosquitto, publish_to, event_of, certificates, caplog, until
) -> None:
    """Signed by the right authority, but made for elsewhere.example, as a stolen certificate would be."""
    broker = start_mosquitto(
        f"allow_anonymous true\ncertfile {certificates}/other.pem\nkeyfile {certificates}/other.key"
    )
    publisher = publish_to(f"mqtts://localhost:{broker.port}", ca_file=str(certificates / "ca.pem"))
    publisher.publish_event(event_of())
    until(lambda: any("Hostname mismatch" in message for message in warnings(caplog)))
    assert not publisher.connected
    assert "CONNECT" not in broker.log.read_text()


def test_no_key_of_the_configuration_turns_the_check_off() -> None:
    context = find_broker(MqttConfig(url="mqtts://hub")).tls
    assert context is not None
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert [key.name for key in fields(MqttConfig) if "insecure" in key.name or "verify" in key.name] == []


def test_a_broker_may_ask_for_a_client_certificate(
    start_mosquitto, publish_to, event_of, certificates, caplog, until
) -> None:
    broker = start_mosquitto(
        f"certfile {certificates}/server.pem\nkeyfile {certificates}/server.key\n"
        f"cafile {certificates}/ca.pem\nrequire_certificate true\nuse_identity_as_username true"
    )
    url, ca_file = f"mqtts://localhost:{broker.port}", str(certificates / "ca.pem")
    keys = {"cert_file": str(certificates / "client.pem"), "key_file": str(certificates / "client.key")}
    publisher = publish_to(url, ca_file=ca_file, **keys)
    publisher.publish_event(event_of())
    until(lambda: publisher.events == 1 and publisher.queued == 0)
    assert "u'kitchen-pi'" in broker.log.read_text()  # the certificate's name is the user for access lists
    assert publisher.close(5)
    caplog.clear()
    stranger = publish_to(url, ca_file=ca_file)
    until(lambda: warnings(caplog))
    assert not stranger.connected


def test_certificate_files_that_cannot_be_used_are_one_clear_error(certificates) -> None:
    def find(**keys: str) -> None:
        find_broker(MqttConfig(url="mqtts://hub", **keys))

    with pytest.raises(PublishError, match=r"cert_file, key_file: .*missing\.pem.*No such file"):
        find(cert_file=str(certificates / "missing.pem"))
    with pytest.raises(PublishError, match="KEY_VALUES_MISMATCH"):
        find(cert_file=str(certificates / "client.pem"), key_file=str(certificates / "server.key"))
    locked = certificates / "locked.key"
    subprocess.run(
        ["openssl", "ec", "-aes256", "-passout", "pass:s3cret", "-in", certificates / "client.key", "-out", locked],
        check=True,
        capture_output=True,
    )
    with pytest.raises(PublishError, match=r"locked\.key: expected a key without a passphrase"):
        find(cert_file=str(certificates / "client.pem"), key_file=str(locked))
    with pytest.raises(ConfigError, match=r"cert_file: expected the certificate of key_file"):
        find(key_file=str(locked))
    with pytest.raises(ConfigError, match=r"cert_file: is set, but mqtt://hub is not encrypted"):
        find_broker(MqttConfig(url="mqtt://hub", cert_file="client.pem"))
