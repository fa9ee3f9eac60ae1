"""What is installed with the device: pinned, hashed, listed, and asked after."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / "packaging").glob("requirements*.lock"))


def pinned(lock: Path) -> dict[str, str]:
    """Each package with the rest of its entry."""
    entries = re.split(r"^(?=[a-z0-9])", lock.read_text(encoding="utf-8"), flags=re.M)[1:]
    return {entry.partition("==")[0]: entry.partition("==")[2] for entry in entries}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_package_is_pinned_with_hashes_and_from_nowhere_in_particular(lock):
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [*wanted["dependencies"], *wanted["optional-dependencies"]["microphone"]]
    packages = pinned(lock)
    assert {re.match(r"[\w-]+", each)[0].lower() for each in named} <= set(packages)  # type: ignore[index]
    assert [name for name, entry in packages.items() if "--hash=sha256:" not in entry] == []
    assert "://" not in lock.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("told", "complaint", "code", "said"),
    [
        ('{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}', "", 0, "0 known in 1 packages\n"),
        (
            "",
            "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed\n",
            0,
            "cannot be reached from here, nothing was checked",
        ),
        (
            "",
            "ERROR:pip_audit._cli:invalid requirements input: x.lock\n",
            1,
            "gave no answer, and said:\nERROR:pip_audit",
        ),
        ("", "", 1, "gave no answer"),
        (
            '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]},'
            '{"name": "b", "skip_reason": "not found"}]}',
            "",
            1,
            "a 1: CVE-1, repaired in 2. Take it in with: make lock\nvulnerabilities: 1 known in 1 packages; 1 that",
        ),
    ],
)
def test_a_known_vulnerability_fails_and_no_network_is_said(tmp_path, told, complaint, code, said):
    (tmp_path / "stderr").write_text(complaint)
    command = [sys.executable, ROOT / "packaging/audit.py", tmp_path / "stderr"]
    done = subprocess.run(command, input=told, capture_output=True, text=True, check=False)
    assert (done.returncode, said in done.stdout) == (code, True), done


def test_the_bill_of_materials_lists_what_is_pinned():
    program = Path(sys.executable).with_name("cyclonedx-py")
    if not program.exists():
        pytest.skip("needs cyclonedx-bom")
    done = subprocess.run(
        [ROOT / "packaging/sbom.sh", program, "--no-validate"], capture_output=True, text=True, check=True
    )
    for lock, file in zip(LOCKS, done.stdout.split(), strict=True):
        bill = json.loads((ROOT / file).read_text(encoding="utf-8"))
        assert bill["bomFormat"] == "CycloneDX"
        assert bill["metadata"]["component"]["name"] == "emotion-edge"
        listed = {each["name"].lower(): each["version"] for each in bill["components"]}
        assert listed == {name: entry.split()[0] for name, entry in pinned(lock).items()}


def test_a_wheel_that_was_built_here_can_be_installed_by_its_own_lock(tmp_path):
    """As install.sh does from the .deb of `make deb WHEELS=1`: offline, with hashes."""
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    wheels.mkdir()
    about = "Metadata-Version: 2.1\nName: Py_Thing\nVersion: 1.2.0\n"
    with zipfile.ZipFile(wheels / "Py_Thing-1.2.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("thing.py", "ANSWER = 42\n")
        wheel.writestr("py_thing-1.2.0.dist-info/METADATA", about)
        wheel.writestr(
            "py_thing-1.2.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("py_thing-1.2.0.dist-info/RECORD", "")
    lock = wheels / "requirements.lock"
    with lock.open("w") as file:
        subprocess.run([ROOT / "packaging/lock-wheels.sh", wheels], stdout=file, check=True)
    assert re.fullmatch(r"py-thing==1\.2\.0 --hash=sha256:[0-9a-f]{64}\n", lock.read_text())
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", f"--find-links={wheels}", "--target", site]
    subprocess.run([*pip, "--require-hashes", "-r", lock], check=True)
    assert (site / "thing.py").is_file()
