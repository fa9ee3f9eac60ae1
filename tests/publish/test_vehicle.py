"""A vehicle: the overlay by COVESA's own tool, the topics by a real broker, the databroker's calls by a real gRPC
server of KUKSA's own protocol that knows the signals of the overlay and no other."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent import futures
from pathlib import Path

import pytest
import yaml

from edge.config import DeviceConfig, HomeAssistantConfig, MqttConfig, VehicleConfig
from edge.errors import ConfigError, PublishError
from edge.publish import Publisher, payloads
from edge.publish.vehicle import signals
from edge.records import EMOTIONS, UNCERTAIN

OVERLAY = Path(__file__).parents[2] / "docs" / "vehicle" / "apparent-emotion.vspec"
DEVICE = DeviceConfig(id="van-7")
#: What the overlay is laid over: the branches of the standard catalogue that it extends.
BASE = "".join(
    f"{path}:\n  type: branch\n  description: {path}.\n" for path in ("Vehicle", "Vehicle.Driver", "Vehicle.Cabin")
)
UNITS = """percent:
  definition: Relation measured in percent
  unit: percent
  quantity: relation
  allowed-datatypes: [numeric]
"""
QUANTITIES = "relation:\n  definition: A relation\n  remark: ''\n"


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory) -> dict[str, dict]:
    """VSS path -> the signal, as vss-tools exports the overlay."""
    if sys.version_info < (3, 11):
        pytest.skip("vss-tools needs Python 3.11")
    folder = tmp_path_factory.mktemp("vss")
    for name, text in (("base.vspec", BASE), ("units.yaml", UNITS), ("quantities.yaml", QUANTITIES)):
        (folder / name).write_text(text)
    arguments = ["--vspec", "base.vspec", "--overlays", OVERLAY, "--units", "units.yaml"]
    arguments += ["--quantities", "quantities.yaml", "--strict", "--output", "vss.json"]
    vspec = Path(sys.executable).with_name("vspec")
    command = [vspec, "export", "json", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, dict] = {}

    def walk(path: str, node: dict) -> None:
        if node["type"] != "branch":
            found[path] = node
        for name, child in node.get("children", {}).items():
            walk(f"{path}.{name}", child)

    walk("Vehicle", json.loads((folder / "vss.json").read_text())["Vehicle"])
    return found


def state_of(event_of, emotion: str = "happy", people: int = 1) -> payloads.Body:
    estimate = event_of(emotion).estimate if people else None
    return payloads.state(estimate, people, DEVICE, now_ns=0, offset_ns=0)


def test_the_overlay_has_the_signals_that_are_published(catalogue, event_of) -> None:
    assert set(catalogue) == set(signals(state_of(event_of)))


@pytest.mark.parametrize("emotion", [*EMOTIONS, UNCERTAIN, None])
def test_every_value_is_one_that_the_overlay_allows(catalogue, event_of, emotion) -> None:
    values = signals(state_of(event_of, emotion, people=1) if emotion else state_of(event_of, people=0))
    kinds = {"float": float, "string": str, "uint8": int}
    for path, value in values.items():
        signal = catalogue[path]
        assert isinstance(value, kinds[signal["datatype"]])
        assert value in signal.get("allowed", [value])
        if "min" in signal:
            assert signal["min"] <= value <= signal["max"]


def test_the_overlay_is_plain_yaml_that_knows_every_label() -> None:
    overlay = yaml.safe_load(OVERLAY.read_text(encoding="utf-8"))
    allowed = overlay["Vehicle.Driver.ApparentEmotion.Label"]["allowed"]
    assert allowed == [*(name.upper() for name in (*EMOTIONS, UNCERTAIN)), "NOBODY"]


@pytest.fixture
def drive(mosquitto):
    """A started publisher in a vehicle; keywords are keys of [vehicle]."""
    running = []

    def start(state_hz: float = 50, **keys) -> Publisher:
        vehicle = VehicleConfig(enabled=True, **keys)
        running.append(Publisher(MqttConfig(url=mosquitto.url, state_hz=state_hz), DEVICE, vehicle=vehicle))
        running[-1].start()
        return running[-1]

    yield start
    for publisher in running:
        publisher.close(0.5)


def test_the_state_is_told_as_topics_on_change(subscriber, drive, event_of, mosquitto, subscribe) -> None:
    publisher = drive()
    root = "vss/Vehicle/Driver/ApparentEmotion"
    publisher.publish_state(event_of("happy").estimate, 2)
    subscriber.wait_for(lambda heard: [m for m in heard.on("PeopleInView") if m.json()["value"] == 2])
    publisher.publish_state(None, 0)
    subscriber.wait_for(lambda heard: [m for m in heard.on("PeopleInView") if m.json()["value"] == 0])
    labels = [message.json()["value"] for message in subscriber.on("Label")]
    assert labels == ["HAPPY", "NOBODY"]
    assert subscriber.on("Label")[0].topic == f"{root}/Label"
    assert subscriber.on("Confidence")[0].json()["value"] == 70.0
    newcomer = subscribe(mosquitto.url)
    label = newcomer.wait_for(lambda heard: heard.on("Label"))[0]
    assert (label.retain, label.json()["value"]) == (True, "NOBODY")


def test_a_new_rate_reaches_the_signals(subscriber, drive, event_of) -> None:
    publisher = drive(state_hz=0.01)
    label = "Vehicle/Driver/ApparentEmotion/Label"
    publisher.publish_state(event_of("happy").estimate, 1)
    subscriber.wait_for(lambda heard: heard.on(label))
    publisher.publish_state(event_of("sad").estimate, 1)
    time.sleep(1)
    assert len(subscriber.on(label)) == 1  # held back, for a minute and a half
    publisher.adopt(MqttConfig(state_hz=10.0), HomeAssistantConfig())
    subscriber.wait_for(lambda heard: [m.json()["value"] for m in heard.on(label)] == ["HAPPY", "SAD"])


def test_it_is_off_by_default(mosquitto, subscriber, publish_to, event_of) -> None:
    publish_to(mosquitto.url).publish_state(event_of().estimate, 1)
    subscriber.wait_for(lambda heard: heard.on("state"))
    assert not [message.topic for message in subscriber.messages if message.topic.startswith("vss")]


@pytest.fixture
def databroker(catalogue):
    """A gRPC server of kuksa.val.v1 and v2: `values` by path, `address`; refuses paths that are not in the overlay."""
    grpc = pytest.importorskip("grpc")
    from kuksa.val.v1 import types_pb2 as types_v1
    from kuksa.val.v1 import val_pb2 as v1
    from kuksa.val.v1 import val_pb2_grpc as service_v1
    from kuksa.val.v2 import val_pb2 as v2
    from kuksa.val.v2 import val_pb2_grpc as service_v2

    types = {"float": types_v1.DATA_TYPE_FLOAT, "string": types_v1.DATA_TYPE_STRING, "uint8": types_v1.DATA_TYPE_UINT8}

    class First(service_v1.VALServicer):
        def GetServerInfo(self, request, context):
            return v1.GetServerInfoResponse(name="test", version="0")

        def Get(self, request, context):
            entries = []
            for entry in request.entries:
                if entry.path not in catalogue:
                    context.abort(grpc.StatusCode.NOT_FOUND, f"path {entry.path} is not known")
                metadata = types_v1.Metadata(data_type=types[catalogue[entry.path]["datatype"]])
                entries.append(types_v1.DataEntry(path=entry.path, metadata=metadata))
            return v1.GetResponse(entries=entries)

    class Second(service_v2.VALServicer):
        def PublishValue(self, request, context):
            value = request.data_point.value
            self.values[request.signal_id.path] = getattr(value, value.WhichOneof("typed_value"))
            self.tokens.update(text for key, text in context.invocation_metadata() if key == "authorization")
            return v2.PublishValueResponse()

    second = Second()
    second.values, second.tokens = {}, set()
    server = grpc.server(futures.ThreadPoolExecutor(4))
    service_v1.add_VALServicer_to_server(First(), server)
    service_v2.add_VALServicer_to_server(second, server)
    second.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    second.server = server
    yield second
    server.stop(0)


def test_the_state_is_set_in_a_databroker(databroker, drive, event_of, until, tmp_path) -> None:
    databroker.server.start()
    (tmp_path / "token").write_text("t0ken\n")
    publisher = drive(databroker=databroker.address, token_file=str(tmp_path / "token"))
    publisher.publish_state(event_of("sad").estimate, 2)
    until(lambda: len(databroker.values) == 5)
    assert databroker.values["Vehicle.Driver.ApparentEmotion.Label"] == "SAD"
    assert databroker.values["Vehicle.Driver.ApparentEmotion.Confidence"] == pytest.approx(70.0)
    assert databroker.values["Vehicle.Driver.ApparentEmotion.Valence"] == pytest.approx(0.62, abs=1e-6)
    assert databroker.values["Vehicle.Cabin.PeopleInView"] == 2
    assert databroker.tokens == {"Bearer t0ken"}
    publisher.publish_state(None, 0)
    until(lambda: databroker.values["Vehicle.Driver.ApparentEmotion.Label"] == "NOBODY")


def test_a_databroker_that_comes_later_gets_the_newest(databroker, drive, event_of, until, caplog) -> None:
    publisher = drive(databroker=databroker.address)
    for emotion in ("sad", "angry"):
        publisher.publish_state(event_of(emotion).estimate, 1)
    until(lambda: any("[vehicle] databroker" in message for message in caplog.messages))
    databroker.server.start()
    until(lambda: databroker.values.get("Vehicle.Driver.ApparentEmotion.Label") == "ANGRY", timeout_s=60)
    assert publisher.events == 0


def test_what_cannot_be_is_one_clear_error(tmp_path) -> None:
    def build(**keys) -> None:
        Publisher(MqttConfig(), DEVICE, vehicle=VehicleConfig(enabled=True, **keys))

    with pytest.raises(ConfigError, match=r"\[vehicle\] databroker: expected host:port, got 'hub'"):
        build(databroker="hub")
    with pytest.raises(PublishError, match=r"token_file: .*none: No such file"):
        build(databroker="hub:55555", token_file=str(tmp_path / "none"))


def test_without_kuksa_client_the_extra_is_named(tmp_path) -> None:
    (tmp_path / "kuksa_client").mkdir()
    (tmp_path / "kuksa_client" / "__init__.py").write_text("raise ImportError('not here')")
    config = tmp_path / "config.toml"
    config.write_text('[vehicle]\nenabled = true\ndatabroker = "hub:55555"\n')
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from edge.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "run", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "pip install 'emotion-edge[vehicle]'" in done.stderr
