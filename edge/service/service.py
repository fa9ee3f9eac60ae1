"""The running service: its sensors and threads, its health, its end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from edge.config import Config
from edge.perceive.recognition import Transcript
from edge.publish import Mailbox, Publisher, Transcripts
from edge.records import Health, SensorHealth
from edge.remembered import from_environment
from edge.service.control import AnySensor, Control, senses_of
from edge.service.devices import build_sensors, is_recording
from edge.service.flow import FastFlow, Flow, LiveFlow
from edge.service.machine import Machine, cpu_temperature_c
from edge.service.meters import Meters, rss_bytes
from edge.service.metrics import Metrics
from edge.service.notify import notifier, watchdog_s
from edge.service.pace import Pace
from edge.service.pipeline import build_pipeline, first_track
from edge.service.privacy import Privacy
from edge.service.progress import Progress, Watchdog
from edge.service.recorder import recorder
from edge.service.steps import Onlooker, Steps
from edge.service.stopping import StopRequest
from edge.service.threads import Threads

_LOG = logging.getLogger(__name__)

_LOOK_ROUND_S = 0.25
# Heat is slow.
_MACHINE_S = 5.0
# From SIGTERM to the end: at most the sum of these, under the 3 s that a hub (or an impatient person) waits.
_JOIN_S = 1.2
_PUBLISHER_CLOSE_S = 1.2
# After a recording nobody is in a hurry: its last events may take the time of a slow network.
_DELIVER_S = 10.0


class Service:
    """Camera and microphone in, events out, until `request` is asked, or until every recording has ended.

    Args:
        reread: reads the configuration again, for a reload.

    Raises (at construction, before any device is touched or thread started):
        ConfigError: the configuration contradicts itself.
        ModelError: a model cannot be used.
        PublishError: the MQTT settings can never work.
    """

    def __init__(self, config: Config, request: StopRequest, reread: Callable[[], Config] | None = None) -> None:
        self._request = request
        self._notifier = notifier()
        self._progress = Progress()
        self._recorder = recorder()
        self._metrics = Metrics(config.metrics.address) if config.metrics.enabled else None
        self._pace = Pace(config.camera.fps)
        self._watchdog = Watchdog(self._rounds, watchdog_s())
        remembered = from_environment()
        self._privacy = privacy = Privacy(config.privacy, remembered)
        self._stop = threading.Event()
        self._threads = Threads(self._progress, self._stop)
        #: Threads that would not end: they may be inside a driver, and leave no clean way out of the process.
        self.stuck: list[str] = []
        self._machine = Machine()
        self.pipeline = build_pipeline(
            config, remembered, first_track=first_track(recording=is_recording(config.camera.source))
        )
        self._mailbox = mailbox = Mailbox()
        hub = config.text.enabled and config.text.source == "hub"
        self.publisher = Publisher(
            config.mqtt,
            config.device,
            mailbox=mailbox,
            transcripts=Transcripts(config.text.topic, self._hear_hub) if hub else None,
            home=config.homeassistant,
            vehicle=config.vehicle,
            remembered=remembered,
        )
        self.meters = Meters()
        steps = Steps(
            self.pipeline,
            self.publisher,
            self.meters,
            self._stop,
            camera_ended=threading.Event(),
            microphone_ended=threading.Event(),
            progress=self._progress,
            pace=self._pace,
        )
        steps.muted |= {sense for name in privacy.muted for sense in senses_of(name, config)}
        self._steps = steps
        self._flow: Flow = FastFlow(steps) if config.replay.pace == "fast" else LiveFlow(steps)
        self.camera, self.microphone = build_sensors(config, self._flow, steps, privacy.muted)
        devices: dict[str, AnySensor] = {sensor.kind: sensor for sensor in (self.camera, self.microphone) if sensor}
        if not remembered.kept:
            _LOG.info("no $STATE_DIRECTORY: a restart will not know what was muted")
        if privacy.muted:
            _LOG.info("muted from the start: %s", ", ".join(sorted(privacy.muted)))
        self._control = Control(
            config,
            mailbox,
            self.publisher,
            self.pipeline,
            steps,
            privacy,
            devices,
            self._stop,
            reread,
            step=lambda: self._progress.step("control"),
        )

    def reload(self) -> None:
        """Ask for the configuration to be read again; returns at once, safe in a signal handler."""
        self._control.reload_asked = True

    @property
    def config(self) -> Config:
        """What is in force now."""
        return self._control.config

    @property
    def onlookers(self) -> list[Onlooker]:
        """Whoever is shown frames and sound as they are perceived; to be set before `run`."""
        return self._steps.onlookers

    def ask(self, name: str, payload: bytes) -> Future[Mapping[str, Any]]:
        """Have a command carried out as if the hub had sent it; the body of its response.

        Raises:
            Refused: too many wait already.
        """
        return self._mailbox.ask(name, payload)

    def present(self) -> dict[str, Any]:
        """What health does not tell soon enough: the state of each device, what is muted, the thresholds in force."""
        return {
            **self._control.states(),
            "muted": sorted(self._privacy.muted),
            "hub": self.publisher.connected,
            "thresholds": self._control.thresholds(),
        }

    def run(self, watch: Callable[[str], object] | None = None) -> int:
        """Run until the end; the exit code: 0, or 1 if something broke or would not end.

        Args:
            watch: is given a line about the present state once a second.
        """
        sensors: list[AnySensor] = [s for s in (self.camera, self.microphone) if s]
        self._look_at_machine()  # first: what is told before the clock is set is marked so
        self.publisher.start()
        self._control.tell_info()
        workers = [self._threads.start(work, work.__name__) for work in self._flow.work()]
        for sensor in sensors:
            self._threads.start(sensor.run, sensor.kind)
        self._threads.start(self._control.control, "control")
        self._notifier.tell("READY=1", f"STATUS={self._line()}")
        try:
            self._supervise(workers, sensors, watch)
        finally:
            code = self._end(sensors)
        return code

    def health(self) -> Health:
        """The numbers of now; rates and latencies are since the last call."""
        off = SensorHealth(state="off")
        p50_ms, p95_ms = self.meters.latency_ms()
        return Health(
            uptime_s=self.meters.uptime_s,
            camera=self.camera.health() if self.camera else off,
            microphone=self.microphone.health() if self.microphone else off,
            faces_observed=self.meters.faces,
            faces_not_judged=self.meters.not_judged(),
            speech_observed=self.meters.speech,
            text_observed=self.meters.text,
            text_dropped=self._flow.words_dropped,
            events=self.meters.events,
            latency_p50_ms=p50_ms,
            latency_p95_ms=p95_ms,
            rss_bytes=rss_bytes(),
            cpu_share=self.meters.cpu_share(),
            temperature_c=cpu_temperature_c(),
            looked_hz=self._pace.rate_hz if self.camera else None,
            held_back=self._pace.held_back,
            skipped=self._pace.skipped,
            throttled=self._machine.throttled,
            clock_synchronized=self._machine.clock_synchronized,
        )

    def _hear_hub(self, text: str, confidence: float) -> None:
        self._flow.deliver_words(Transcript(text, confidence))

    def _rounds(self) -> dict[str, int]:
        """What the watchdog looks at: every thread of ours, and the publisher's while it is connected.

        While it connects, the operating system may look a name up for a minute, and no restart would mend that. A disk
        that hangs is not looked at either: events wait in memory for it, and a restart would lose them.
        """
        publisher = {"mqtt": self.publisher.rounds} if self.publisher.connected else {}
        return {**self._progress.rounds(), **publisher}

    def _supervise(
        self,
        workers: Sequence[threading.Thread],
        sensors: Sequence[AnySensor],
        watch: Callable[[str], object] | None,
    ) -> None:
        """Report health and wait for the end."""
        health_due = watch_due = 0.0
        machine_due = time.monotonic() + _MACHINE_S
        states: list[str] = []
        while not (self._request.asked or self._stop.is_set()) and any(worker.is_alive() for worker in workers):
            now = time.monotonic()
            if now >= machine_due:
                machine_due = now + _MACHINE_S
                self._look_at_machine()
            # Hubs learn at once that a sense or the disk is missing or back, not at the next regular report.
            current = [*(sensor.state for sensor in sensors), self.publisher.disk_problem]
            if now >= health_due or current != states:
                states = current
                health_due = now + self._control.config.health.interval_s
                self._tell_health()
                self._notifier.tell(f"STATUS={self._line()}")
            if self._watchdog.look():
                self._notifier.tell("WATCHDOG=1")
            if watch and now >= watch_due:
                watch_due = now + 1
                watch(self._line())
            self._stop.wait(_LOOK_ROUND_S)

    def _tell_health(self) -> None:
        report = self.publisher.publish_health(self.health())
        self._recorder.note(report)
        if self._metrics:
            self._metrics.note(report)

    def _look_at_machine(self) -> None:
        self._machine.look()
        self._pace.feel(bool(self._machine.throttled))
        self.publisher.clock_synchronized = self._machine.clock_synchronized

    def _end(self, sensors: Sequence[AnySensor]) -> int:
        self._notifier.tell("STOPPING=1")
        self._stop.set()
        # Closing ends a read that waits. Each in a thread: the other must not wait for a device that hangs.
        for sensor in sensors:
            self._threads.start(sensor.source.close, f"closing the {sensor.kind}")
        self.stuck = self._threads.join(_JOIN_S)
        self._tell_health()
        if self._metrics:
            self._metrics.close()
        deliver_by = time.monotonic() + _DELIVER_S
        while self._owes() and not (self._request.asked or self._threads.crashed) and time.monotonic() < deliver_by:
            time.sleep(_LOOK_ROUND_S)
        undelivered = self._owes() and not self._request.asked
        self.publisher.close(_PUBLISHER_CLOSE_S)  # tells what it could not deliver
        unread = any(sensor.failed for sensor in sensors)
        return 1 if self.stuck or self._threads.crashed or unread or undelivered else 0

    def _owes(self) -> bool:
        """Events would be lost with this process: not acknowledged, and not on disk for the next start."""
        return self.publisher.queued > 0 and not self.publisher.keeps

    def _line(self) -> str:
        estimate = self._steps.estimate
        emotion = f"{estimate.emotion} {estimate.confidence:.2f} ({estimate.subject})" if estimate else "nobody"
        camera = self.camera.state if self.camera else "off"
        microphone = self.microphone.state if self.microphone else "off"
        hub = "connected" if self.publisher.connected else "away"
        return (
            f"{emotion} | camera {camera}, microphone {microphone} | faces {self.meters.faces}, "
            f"speech {self.meters.speech}, events {self.meters.events} | hub {hub}"
        )
