"""The settings tree: one frozen dataclass a section; `config_toml` reads it from one file.

Every key has a default, so an empty file (or none) is a valid configuration. `systemd/config.toml` shows each key
with its default; a test keeps the two equal.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

CONTEXTS = ("home", "vehicle-private", "research", "medical", "safety", "workplace", "education")
#: Banned there by the EU AI Act, Art. 5(1)(f), unless for a medical or safety reason.
BANNED_CONTEXTS = ("workplace", "education")
ACCELERATORS = ("auto", "cpu", "gpu", "npu", "external")
DEFAULT_PATH = Path("/etc/emotion-edge/config.toml")
#: The broker's password: a file beside the configuration, which the unit loads as a credential of this name
#: (LoadCredential=mqtt-password:/etc/..., systemd.exec(5)).
PASSWORD_NAME = "mqtt-password"  # noqa: S105 - the file's name, not a password


def _key(
    default: Any, *, low: float | None = None, high: float | None = None, choices: tuple[Any, ...] = (), form: str = ""
) -> Any:
    """A field with its bounds (inclusive), its choices, or the regular expression that it must match whole."""
    return field(default=default, metadata={"low": low, "high": high, "choices": choices, "form": form})


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """Who speaks. `id` is part of every topic; empty means this machine's host name."""

    id: str = _key("", form=r"[A-Za-z0-9_.-]{0,64}")
    place: str = ""

    @property
    def name(self) -> str:
        return self.id or re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname())[:64] or "emotion-edge"


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """Where pictures come from.

    `source`: ``picamera2`` (or ``picamera2:1`` for the second), ``v4l2:INDEX``, ``v4l2:NAME``, an ``rtsp://`` or
    ``http(s)://`` url, ``gstreamer:PIPELINE`` (without its sink), ``file:VIDEO`` or ``images:FOLDER``. Urls and
    files keep their own size; of their pictures at most `fps` a second are taken. `rotation_deg` is clockwise; `mirror`
    comes after it.
    """

    enabled: bool = True
    source: str = _key("v4l2:0", form=r"picamera2(:\d+)?|(v4l2|gstreamer|file|images):.+|(rtsp|rtsps|http|https)://.+")
    width_px: int = _key(640, low=64, high=4096)
    height_px: int = _key(480, low=64, high=4096)
    fps: float = _key(15.0, low=0.2, high=120)
    rotation_deg: int = _key(0, choices=(0, 90, 180, 270))
    mirror: bool = False


@dataclass(frozen=True, slots=True)
class MicrophoneConfig:
    """Where sound comes from: `source` is ``default``, ``device:NAME`` (part of its name), or ``file:PATH``."""

    enabled: bool = True
    source: str = _key("default", form=r"default|(device|file):.+")


@dataclass(frozen=True, slots=True)
class ReplayConfig:
    """How ``file:`` and ``images:`` sources are read.

    `pace`: ``real`` at the speed of the recording, ``fast`` as fast as the machine allows, with the file's own time.
    `repeat`: begin again at the end, for ever.
    """

    pace: str = _key("real", choices=("real", "fast"))
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class FaceConfig:
    """Faces: the model packages, how small and how poor a face may be, how many are followed, when one is forgotten.

    `detector`: ``face-detector-far`` finds smaller faces for more work. `detection_score`: a face scores at least this;
    0: the detector's choice.
    """

    model: str = "face-emotion"
    detector: str = "face-detector"
    detection_score: float = _key(0.0, low=0, high=0.99)
    detect_every: int = _key(2, low=1, high=30)
    smallest_px: int = _key(60, low=24, high=2000)
    most_faces: int = _key(4, low=1, high=32)
    least_quality: float = _key(0.15, low=0, high=1)
    track_iou: float = _key(0.3, low=0.05, high=0.95)
    track_lost_ms: int = _key(1500, low=50, high=10_000)
    confirm_frames: int = _key(3, low=1, high=100)


@dataclass(frozen=True, slots=True)
class SpeechConfig:
    """Speech: the model package, when sound counts as a voice, how often a window of it is classified.

    `voice_activity`: ``cascade`` asks Silero's network where WebRTC's detector hears speech; ``silero`` asks it all the
    time; ``webrtc`` never, and needs a model with the class no_speech.
    """

    model: str = "speech-emotion"
    voice_activity: str = _key("cascade", choices=("cascade", "webrtc", "silero"))
    quiet_dbfs: float = _key(-55.0, low=-100, high=0)
    voice_threshold: float = _key(0.5, low=0.01, high=0.99)
    least_speech_ratio: float = _key(0.25, low=0.01, high=1)
    hop_ms: int = _key(500, low=50, high=10_000)


@dataclass(frozen=True, slots=True)
class TextConfig:
    """Words, a third sense, off by default: English, judged by their sentiment.

    `source`: ``pocketsphinx`` or ``sherpa-onnx:FOLDER`` recognise them on this device; ``hub`` takes what the hub's own
    assistant has recognised, from the MQTT topic `topic`. `publish_words`: whether ``observation/text`` carries them.
    """

    enabled: bool = False
    source: str = _key("pocketsphinx", form=r"pocketsphinx|hub|sherpa-onnx:.+")
    topic: str = _key("hermes/asr/textCaptured", form=r"(?=.{1,200}$)((\+|[^+#/\x00\s]*)/)*(\+|#|[^+#/\x00\s]*)")
    publish_words: bool = False

    @property
    def recognises(self) -> bool:
        """Words are recognised here, out of the microphone's sound."""
        return self.enabled and self.source != "hub"


@dataclass(frozen=True, slots=True)
class FusionConfig:
    """How the senses become one estimate, and when an estimate becomes an event.

    `strategy`: ``learned`` by the package `model`, which knows how far to trust each sense, or a rule: ``log_linear``,
    ``average`` or ``max``, by the weights of the senses.
    """

    strategy: str = _key("log_linear", choices=("log_linear", "average", "max", "learned"))
    model: str = "fusion"
    face_weight: float = _key(0.7, low=0, high=1)
    speech_weight: float = _key(0.3, low=0, high=1)
    text_weight: float = _key(0.2, low=0, high=1)
    face_fade_ms: int = _key(500, low=10, high=60_000)
    speech_fade_ms: int = _key(1500, low=10, high=60_000)
    text_fade_ms: int = _key(4000, low=10, high=60_000)
    smoothing_ms: int = _key(600, low=0, high=60_000)
    uncertain_below: float = _key(0.4, low=0, high=1)
    hysteresis: float = _key(0.1, low=0, high=1)
    dwell_ms: int = _key(700, low=0, high=60_000)
    absent_ms: int = _key(2000, low=100, high=600_000)


@dataclass(frozen=True, slots=True)
class InferenceConfig:
    """How models run: `threads` of the TFLite interpreter, for each model; and where.

    `accelerator`: ``auto`` takes what is faster of the CPU and what else is found; ``gpu`` by LiteRT over Vulkan;
    ``npu`` by a vendor's LiteRT dispatch library, `delegate` being its folder; ``external`` by the TFLite delegate in
    the shared library `delegate`, with `delegate_options` (``key=value;key=value``). What cannot be used is replaced by
    the CPU. `face_accelerator`, `detector_accelerator`, `speech_accelerator`: for that model alone; empty: as
    `accelerator`.
    """

    threads: int = _key(1, low=1, high=64)
    accelerator: str = _key("auto", choices=ACCELERATORS)
    face_accelerator: str = _key("", choices=("", *ACCELERATORS))
    detector_accelerator: str = _key("", choices=("", *ACCELERATORS))
    speech_accelerator: str = _key("", choices=("", *ACCELERATORS))
    delegate: str = ""
    delegate_options: str = _key("", form=r"([^=;]+=[^;]*(;[^=;]+=[^;]*)*;?)?")

    def accelerator_of(self, task: str) -> str:
        """The accelerator that is asked for, for the model of `task`."""
        if task == "fusion":  # a call takes microseconds: no accelerator is worth its trouble
            return "cpu"
        return getattr(self, f"{task}_accelerator", "") or self.accelerator

    @property
    def options(self) -> dict[str, str]:
        """`delegate_options` as a dictionary."""
        pairs = (pair.split("=", 1) for pair in self.delegate_options.split(";") if pair)
        return {key.strip(): value.strip() for key, value in pairs}


@dataclass(frozen=True, slots=True)
class MqttConfig:
    """The hub. `url`: ``mqtt://host[:1883]`` or ``mqtts://host[:8883]``; never a password in it.

    The password comes from the systemd credential ``mqtt-password`` (for a command that systemd did not start: from the
    file of this name beside the configuration), else `password_file`, else the environment variable
    EMOTION_EDGE_MQTT_PASSWORD. `protocol`: ``auto`` tries MQTT 5 and falls back to 3.1.1. `outbox_file`: where
    events wait for the hub; empty is outbox.sqlite in the state directory that systemd gives, else memory. `commit_hz`:
    how often a second, in the long run, the outbox writes to the disk.
    """

    url: str = _key("mqtt://localhost:1883", form=r"mqtts?://[^/@\s]+")
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    protocol: str = _key("auto", choices=("auto", "5", "3.1.1"))
    base_topic: str = _key("emotion", form=r"[^+#/\x00\s][^+#\x00\s]*")
    keepalive_s: int = _key(30, low=5, high=3600)
    session_expiry_s: int = _key(0, low=0, high=86_400)
    state_expiry_s: int = _key(3600, low=1800, high=31_536_000)
    outbox_file: str = ""
    outbox_mb: int = _key(64, low=1, high=10_000)
    outbox_days: float = _key(7.0, low=0.001, high=3650)
    commit_hz: float = _key(0.75, low=0.1, high=10)
    drain_hz: float = _key(2000.0, low=1, high=10_000)
    state_hz: float = _key(2.0, low=0.01, high=50)
    observations: bool = False
    envelope: str = _key("plain", choices=("plain", "cloudevents", "cloudevents-binary"))


@dataclass(frozen=True, slots=True)
class VehicleConfig:
    """The state as signals of a vehicle (COVESA VSS): MQTT topics, and a KUKSA databroker at ``host:port`` if given."""

    enabled: bool = False
    base_topic: str = _key("vss", form=r"[^+#/\x00\s][^+#\x00\s]*")
    databroker: str = ""
    ca_file: str = ""
    token_file: str = ""


@dataclass(frozen=True, slots=True)
class HomeAssistantConfig:
    """Announcing the device to Home Assistant: as one ``device`` (2024.11 and newer), or ``entity`` by entity.

    `prefix` is the discovery prefix of its MQTT integration.
    """

    enabled: bool = False
    discovery: str = _key("device", choices=("device", "entity"))
    prefix: str = _key("homeassistant", form=r"[^+#/\x00\s][^+#\x00\s]*")


@dataclass(frozen=True, slots=True)
class PrivacyConfig:
    """`start_muted`: which devices stay closed from the first start on, until the command ``privacy`` opens them.

    `context`: where and for what it is used, as a person declares it; `reason`: why it is allowed there. At work and in
    education the EU AI Act (Regulation (EU) 2024/1689, Art. 5(1)(f)) bans it but for medical or safety reasons.
    """

    start_muted: str = _key("none", choices=("none", "camera", "microphone", "all"))
    context: str = _key("home", choices=CONTEXTS)
    reason: str = _key("", choices=("", "medical", "safety"))

    @property
    def use(self) -> str:
        """The declared use, in words."""
        return f"{self.context}, for {self.reason} reasons" if self.reason else self.context


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """The numbers of health for Prometheus, on this machine only.

    `address`: ``127.0.0.1:PORT``, ``[::1]:PORT`` or ``unix:PATH``.
    """

    enabled: bool = False
    address: str = _key("127.0.0.1:9464", form=r"(127\.0\.0\.1|\[::1\]):\d{1,5}|unix:/.+")


@dataclass(frozen=True, slots=True)
class HealthConfig:
    """How often the service reports its own state."""

    interval_s: float = _key(10.0, low=0.5, high=3600)


@dataclass(frozen=True, slots=True)
class WebConfig:
    """The local page and the API over HTTP, off by default. Beyond loopback tokens are needed (docs/api.md).

    `live_view`: whoever may, can see on the page what the camera sees. It is never stored.
    `requests_per_minute` is for each caller; `upload_mb`, `upload_s`, `recording_s` and `analysis_s` bound one upload:
    its size, the time it may take to arrive, its length, the time its analysis may take.
    """

    enabled: bool = False
    host: str = _key("127.0.0.1", form=r"[A-Za-z0-9.:_-]+")
    port: int = _key(8760, low=1, high=65535)
    tokens_file: str = ""
    live_view: bool = False
    cert_file: str = ""
    key_file: str = ""
    requests_per_minute: int = _key(600, low=1, high=100_000)
    upload_mb: int = _key(32, low=1, high=1024)
    upload_s: float = _key(60.0, low=1, high=3600)
    recording_s: float = _key(60.0, low=1, high=3600)
    analysis_s: float = _key(60.0, low=1, high=3600)


@dataclass(frozen=True, slots=True)
class LogConfig:
    level: str = _key("INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))


@dataclass(frozen=True, slots=True)
class Config:
    """The whole tree; each field is a section of the file."""

    device: DeviceConfig = field(default_factory=DeviceConfig)
    camera: CameraConfig = field(default_factory=CameraConfig)
    microphone: MicrophoneConfig = field(default_factory=MicrophoneConfig)
    replay: ReplayConfig = field(default_factory=ReplayConfig)
    face: FaceConfig = field(default_factory=FaceConfig)
    speech: SpeechConfig = field(default_factory=SpeechConfig)
    text: TextConfig = field(default_factory=TextConfig)
    fusion: FusionConfig = field(default_factory=FusionConfig)
    inference: InferenceConfig = field(default_factory=InferenceConfig)
    mqtt: MqttConfig = field(default_factory=MqttConfig)
    vehicle: VehicleConfig = field(default_factory=VehicleConfig)
    homeassistant: HomeAssistantConfig = field(default_factory=HomeAssistantConfig)
    privacy: PrivacyConfig = field(default_factory=PrivacyConfig)
    health: HealthConfig = field(default_factory=HealthConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    web: WebConfig = field(default_factory=WebConfig)
    log: LogConfig = field(default_factory=LogConfig)


SECTIONS: dict[str, type[Any]] = {
    section.name: section.default_factory  # type: ignore[misc]
    for section in fields(Config)
}
#: The sections of thresholds: the command `thresholds` sets them, and a reload, while the service runs.
THRESHOLDS = ("fusion", "face", "speech")
#: Of these sections, what is built at the start and stays.
AT_START = ("model", "detector", "strategy", "voice_activity")
#: What can change while the service runs; every other key needs a restart.
LIVE: dict[str, tuple[str, ...]] = {
    **{name: tuple(key.name for key in fields(SECTIONS[name]) if key.name not in AT_START) for name in THRESHOLDS},
    "mqtt": ("state_hz", "observations"),
    "homeassistant": ("enabled", "discovery", "prefix"),
    "privacy": ("start_muted",),
    "health": ("interval_s",),
}
