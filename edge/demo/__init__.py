"""`emotion-edge demo`: the main job with nothing but this project. Clip or camera in, events out over MQTT, printed."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from edge.capture import microphone_source
from edge.config import CameraConfig, Config, DeviceConfig, HealthConfig, MicrophoneConfig, MqttConfig, ReplayConfig
from edge.demo.broker import EmbeddedBroker
from edge.demo.clip import write_clip
from edge.errors import CaptureError, EdgeError
from edge.records import UNCERTAIN
from edge.service.meters import percentiles
from edge.service.service import Service
from edge.service.stopping import StopRequest

_DEVICE = "demo"
_CONNECT_S = 10


class Subscriber:
    """Subscribes to the demo's events and prints each as it arrives; a context manager."""

    def __init__(self, port: int) -> None:
        self.events = 0
        self._subscribed = threading.Event()
        self._gone = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "demo-subscriber")
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(f"emotion/{_DEVICE}/event", 1), (f"emotion/{_DEVICE}/availability", 1)]
        )
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._take
        self._port = port

    def __enter__(self) -> Subscriber:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        if not self._subscribed.wait(_CONNECT_S):
            raise EdgeError(f"demo: the embedded MQTT broker on port {self._port} does not answer")
        return self

    def __exit__(self, *_: object) -> None:
        # The service says `offline` last: when that is here, every event before it is too.
        self._gone.wait(2)
        self._client.disconnect()
        self._client.loop_stop()

    def _take(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic.endswith("/availability"):
            if message.payload == b"offline":
                self._gone.set()
            return
        self.events += 1
        print(describe(json.loads(message.payload)), flush=True)


def describe(event: dict[str, Any]) -> str:
    """One line about an event."""
    senses = " ".join(f"{name} {sense['weight']:.2f}" for name, sense in event["modalities"].items())
    lasted = event["previous"] not in (None, UNCERTAIN)
    before = f" (was {event['previous']}, {event['duration_ms'] / 1000:.1f} s)" if lasted else ""
    return (
        f"{event['time'][11:23]}  {event['type']:<15} {event['subject']:<8} {event['emotion']:<9} "
        f"{event['confidence']:.2f}  valence {event['valence']:+.2f} arousal {event['arousal']:+.2f}  "
        f"[{senses}]{before}"
    )


def run_demo(
    config: Config, clip: Path | None, live: bool, seconds: float, request: StopRequest
) -> tuple[int, list[str]]:
    """Run the demo to its end; the exit code, and the threads that would not end.

    Args:
        config: where the camera and the microphone are, for `live`.
        clip: a video to replay instead of the demo's own.
        seconds: how long `live` runs.
        request: ends it earlier.

    Raises:
        EdgeError: a library of the demo is missing, or the clip cannot be read.
    """
    with EmbeddedBroker() as broker, _recording(config, clip, live) as chosen:
        config = replace(
            chosen,
            device=DeviceConfig(id=_DEVICE, place="here"),
            mqtt=MqttConfig(url=broker.url, protocol="3.1.1"),  # all that amqtt speaks
            health=HealthConfig(interval_s=1.0),
        )
        service = Service(config, request)
        what = f"camera and microphone for {seconds:g} s" if live else f"replaying {clip or 'its own clip'}"
        print(f"broker on {broker.url}, {what}; events as they arrive over MQTT:")
        with Subscriber(broker.port) as subscriber:
            if live:
                timer = threading.Timer(seconds, request.ask)
                timer.daemon = True
                timer.start()
            code = service.run()
        print(_summary(service, subscriber.events))
    return code, service.stuck


@contextmanager
def _recording(config: Config, clip: Path | None, live: bool) -> Iterator[Config]:
    if live:
        yield config
        return
    with tempfile.TemporaryDirectory(prefix="emotion-edge-demo-") as folder:
        if clip is None:
            clip = Path(folder) / "clip.mkv"
            write_clip(clip)
        elif not clip.is_file():
            raise CaptureError(f"{clip}: expected a video file, found none")
        source = f"file:{clip}"
        microphone = MicrophoneConfig(source=source)
        try:
            sound = microphone_source(microphone, ReplayConfig(), 0)
            sound.open()
            sound.close()
        except CaptureError as error:
            print(f"going on without sound: {error}")
            microphone = MicrophoneConfig(enabled=False)
        # What the configuration says of a camera on this device (size, rotation) is not about this clip.
        yield replace(config, camera=CameraConfig(source=source), microphone=microphone, replay=ReplayConfig())


def _summary(service: Service, received: int) -> str:
    meters = service.meters
    camera = service.camera.health() if service.camera else None
    microphone = service.microphone.health() if service.microphone else None
    p50_ms, p95_ms = percentiles(list(meters.lately_ms))
    latency = "no face, no latency" if p50_ms is None else f"latency p50 {p50_ms:.0f} ms, p95 {p95_ms:.0f} ms"
    frames = f"{camera.read} frames ({camera.dropped} dropped)" if camera else "no camera"
    sound = f"{microphone.read * 0.032:.1f} s of sound ({microphone.dropped} losses)" if microphone else "no sound"
    return (
        f"\n{frames}, {meters.faces} faces; {sound}, {meters.speech} windows of speech\n"
        f"{meters.events} events published, {received} received; {latency} from frame to publisher"
    )
