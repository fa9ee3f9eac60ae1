"""A databroker: a real gRPC server of KUKSA's own protocol, which knows the signals of the overlay and no other."""

from __future__ import annotations

import subprocess
import sys
from concurrent import futures

import pytest

from edge.config import MqttConfig, VehicleConfig
from edge.errors import ConfigError, PublishError
from edge.publish import Publisher
from tests.publish.conftest import DEVICE


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
