"""Runs as root inside a booted container: what a person does with the service, and what came of it, as JSON.

Arguments: the folder for results.json. The service, its configuration and a password for the broker are in place.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import paho.mqtt.client as paho

RESULTS = Path(sys.argv[1])
PASSWORD = "correct horse battery staple"
UNIT = "emotion-edge.service"


def system(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)


def unit(name: str) -> str:
    return system("systemctl", "show", "--value", "-p", name, UNIT).stdout.strip()


def journal() -> str:
    return system("journalctl", "--no-pager", "-o", "cat", "-u", UNIT).stdout


def wait_for(holds, seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def broker() -> list[str]:
    """Starts a mosquitto that asks for a password; the list is of what it hears of the device's availability."""
    folder = Path("/run/broker")
    folder.mkdir()
    system("mosquitto_passwd", "-b", "-c", str(folder / "passwords"), "device", PASSWORD)
    (folder / "conf").write_text(f"listener 1883 127.0.0.1\npassword_file {folder}/passwords\nuser root\n")
    subprocess.Popen(["mosquitto", "-c", folder / "conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    heard: list[str] = []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "hub")
    client.username_pw_set("device", PASSWORD)
    client.on_connect = lambda client, *_: client.subscribe("emotion/boot/availability", 1)
    client.on_message = lambda _c, _u, message: heard.append(message.payload.decode())

    def connected() -> bool:
        try:
            return client.connect("127.0.0.1") == 0
        except OSError:
            return False

    wait_for(connected)
    threading.Thread(target=client.loop_forever, daemon=True).start()
    return heard


def main() -> dict[str, object]:
    seen: dict[str, object] = {}
    heard = broker()
    begin = time.monotonic()
    seen["start"] = system("systemctl", "start", UNIT).returncode
    seen["started_s"] = time.monotonic() - begin
    seen["active"], seen["status_text"] = unit("ActiveState"), unit("StatusText")
    if seen["start"]:
        raise RuntimeError("did not start")
    seen["let in by the broker"] = wait_for(lambda: heard[-1:] == ["online"])
    process = int(unit("MainPID"))
    environment = Path(f"/proc/{process}/environ").read_bytes()
    seen["environment"] = [entry.decode() for entry in environment.split(b"\0") if entry]
    seen["password in environment"] = PASSWORD.encode() in environment
    seen["user"] = Path(f"/proc/{process}").stat().st_uid
    seen["core limit"] = next(
        line for line in Path(f"/proc/{process}/limits").read_text().splitlines() if line.startswith("Max core")
    ).split()[4:6]
    seen["state"] = {path.name: oct(path.stat().st_mode) for path in Path("/var/lib/emotion-edge/").iterdir()}

    # A person's commands enter the broker by the password that the installer has put beside the configuration.
    doctor = system("/opt/emotion-edge/bin/emotion-edge", "doctor", "--json")
    seen["doctor"] = {found["subject"]: found for found in json.loads(doctor.stdout)["findings"]}

    config = Path("/etc/emotion-edge/config.toml")
    config.write_text(config.read_text() + "\n[fusion]\ndwell_ms = 123\n")
    seen["reload"] = system("systemctl", "reload", UNIT).returncode
    seen["reload told"] = wait_for(lambda: "reload: changed fusion.dwell_ms" in journal(), 10)

    os.kill(process, 10)  # SIGUSR1: see hanging.py
    seen["started again"] = wait_for(lambda: unit("NRestarts") == "1" and unit("ActiveState") == "active", 60)
    seen["another process"] = int(unit("MainPID")) not in (0, process)
    seen["back at the broker"] = wait_for(lambda: heard[-1:] == ["online"] and "offline" in heard)

    begin = time.monotonic()
    seen["stop"] = system("systemctl", "stop", UNIT).returncode
    seen["stopped_s"] = time.monotonic() - begin
    seen["result"], seen["exit"] = unit("Result"), unit("ExecMainStatus")
    seen["goodbye"] = wait_for(lambda: heard[-1:] == ["offline"], 5)

    # The second name of the same unit: a place of its own.
    seen["start of another place"] = system("systemctl", "start", "emotion-edge@cabin").returncode
    seen["places"] = sorted(path.name for path in Path("/var/lib").glob("emotion-edge*"))
    system("systemctl", "stop", "emotion-edge@cabin")
    seen["journal"] = journal()
    return seen


try:
    outcome = main()
except Exception as error:
    outcome = {"error": repr(error), "journal": journal()}
finally:
    (RESULTS / "results.json").write_text(json.dumps(outcome, indent=1))
