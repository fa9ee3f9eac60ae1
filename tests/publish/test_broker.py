"""Address and credentials: taken from where the configuration says, refused with one clear message, never shown."""

from __future__ import annotations

import pytest

from edge.config import MqttConfig
from edge.errors import ConfigError, PublishError
from edge.publish.broker import find_broker


@pytest.fixture(autouse=True)
def _no_credentials_around(monkeypatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("EMOTION_EDGE_MQTT_PASSWORD", raising=False)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("mqtt://hub", "hub", 1883),
        ("mqtts://hub.example", "hub.example", 8883),
        ("mqtt://10.0.0.7:2883", "10.0.0.7", 2883),
        ("mqtt://[fe80::1]:1884", "fe80::1", 1884),
    ],
)
def test_the_url_gives_host_port_and_tls(url, host, port) -> None:
    broker = find_broker(MqttConfig(url=url))
    assert (broker.host, broker.port, broker.tls is not None) == (host, port, url.startswith("mqtts"))
    assert str(broker).startswith(url)


@pytest.mark.parametrize("url", ["mqtt://hub:port", "mqtt://hub:99999", "mqtt://:1883"])
def test_a_url_that_names_no_broker_is_refused(url) -> None:
    with pytest.raises(ConfigError, match=r"\[mqtt\] url: expected"):
        find_broker(MqttConfig(url=url))


def test_the_password_comes_from_the_first_place_that_has_one(tmp_path, monkeypatch) -> None:
    file, credentials = tmp_path / "password", tmp_path / "credentials"
    file.write_text("from file\n")
    credentials.mkdir()
    monkeypatch.setenv("EMOTION_EDGE_MQTT_PASSWORD", "from environment")
    assert find_broker(MqttConfig(username="pi")).password == "from environment"
    with_file = MqttConfig(username="pi", password_file=str(file))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert find_broker(with_file).password == "from file"
    (credentials / "mqtt-password").write_text("from systemd")
    assert find_broker(with_file).password == "from systemd"


def test_a_password_is_not_shown(monkeypatch) -> None:
    monkeypatch.setenv("EMOTION_EDGE_MQTT_PASSWORD", "s3cret")
    broker = find_broker(MqttConfig(username="pi"))
    assert "s3cret" not in f"{broker} {broker!r}"


def test_a_password_file_that_cannot_be_read_is_one_clear_error(tmp_path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    for path, reason in ((tmp_path / "missing", "No such file"), (empty, "empty"), (tmp_path, "directory")):
        with pytest.raises(PublishError, match=rf"password_file: {path}.*{reason}"):
            find_broker(MqttConfig(username="pi", password_file=str(path)))


def test_a_certificate_file_that_cannot_be_used_is_one_clear_error(tmp_path) -> None:
    text = tmp_path / "ca.pem"
    text.write_text("not a certificate")
    for path, reason in ((tmp_path / "missing.pem", "No such file"), (text, "PEM")):
        with pytest.raises(PublishError, match=rf"ca_file: {path}: .*{reason}"):
            find_broker(MqttConfig(url="mqtts://hub", ca_file=str(path)))


def test_keys_that_contradict_each_other_are_refused(monkeypatch) -> None:
    with pytest.raises(ConfigError, match="not encrypted"):
        find_broker(MqttConfig(url="mqtt://hub", ca_file="/etc/ca.pem"))
    monkeypatch.setenv("EMOTION_EDGE_MQTT_PASSWORD", "s3cret")
    with pytest.raises(ConfigError, match="username"):
        find_broker(MqttConfig())
