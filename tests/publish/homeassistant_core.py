"""A real Home Assistant core without its web page, for the tests that have one: see docs/homeassistant.md."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

#: An integration of our own inside Home Assistant: writes down all states, and calls the services that it finds asked
#: for in a file.
_WITNESS = """
import json, os
from datetime import timedelta
from homeassistant.helpers import entity_registry
from homeassistant.helpers.event import async_track_time_interval

async def async_setup(hass, config):
    folder = hass.config.path("witness")
    async def look(_now):
        registry = entity_registry.async_get(hass).entities.values()
        states = {s.entity_id: {"state": s.state, "attributes": dict(s.attributes)} for s in hass.states.async_all()}
        known = {e.entity_id: {"unique_id": e.unique_id, "disabled": e.disabled} for e in registry}
        with open(folder + ".new", "w") as file:
            json.dump({"states": states, "registry": known}, file, default=str)
        os.replace(folder + ".new", folder + ".json")
        if os.path.exists(folder + ".ask"):
            with open(folder + ".ask") as file:
                ask = json.load(file)
            os.remove(folder + ".ask")
            await hass.services.async_call(*ask)
    async_track_time_interval(hass, look, timedelta(seconds=0.5))
    return True
"""


class HomeAssistantCore:
    """`program` (``hass``) as a child process with an MQTT integration for the broker at `port`."""

    def __init__(self, program: str, folder: Path, broker_port: int, http_port: int) -> None:
        self._folder = folder
        told = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=120, check=True).stdout
        #: Year and month of its release.
        self.version = tuple(int(part) for part in told.split(".")[:2])
        (folder / ".storage").mkdir(parents=True)
        witness = folder / "custom_components" / "witness"
        witness.mkdir(parents=True)
        (witness / "__init__.py").write_text(_WITNESS)
        manifest = {"domain": "witness", "name": "Witness", "version": "1.0", "dependencies": [], "codeowners": []}
        (witness / "manifest.json").write_text(json.dumps(manifest))
        (folder / "configuration.yaml").write_text(
            f"http:\n  server_host: 127.0.0.1\n  server_port: {http_port}\nwitness:\nlogger:\n  default: warning\n"
        )
        entry = {
            "entry_id": "mqtt",
            "version": 1,
            "minor_version": 1,
            "domain": "mqtt",
            "title": "broker",
            "data": {"broker": "127.0.0.1", "port": broker_port, "discovery": True},
            "options": {},
            "pref_disable_new_entities": False,
            "pref_disable_polling": False,
            "source": "user",
            "unique_id": None,
            "disabled_by": None,
        }
        storage = {"version": 1, "minor_version": 1, "key": "core.config_entries", "data": {"entries": [entry]}}
        (folder / ".storage" / "core.config_entries").write_text(json.dumps(storage))
        self._log = (folder / "hass.log").open("wb")
        self._process = subprocess.Popen(
            [program, "--config", str(folder), "--skip-pip"],
            stdout=self._log,
            stderr=self._log,
            env={**os.environ, "PATH": f"{Path(program).parent}:{os.environ['PATH']}"},
        )

    @property
    def log(self) -> str:
        return (self._folder / "hass.log").read_text(errors="replace")

    def seen(self) -> dict[str, dict[str, Any]]:
        """All states and all registered entities, as of the last half second; empty before the first."""
        path = self._folder / "witness.json"
        if not path.exists():
            return {"states": {}, "registry": {}}
        seen: dict[str, dict[str, Any]] = json.loads(path.read_text())
        return seen

    def ask(self, domain: str, service: str, data: dict[str, Any]) -> None:
        """Call a service, as a person would who taps the dashboard."""
        path = self._folder / "witness.asking"
        path.write_text(json.dumps([domain, service, data]))
        path.rename(self._folder / "witness.ask")

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
