"""What we call of picamera2 exists in the real picamera2, read from its source: it cannot be imported off a Pi."""

import ast
import importlib.util
import inspect
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edge.capture import camera_source, raspberry_camera
from edge.config import CameraConfig, ReplayConfig
from edge.errors import CaptureError


@pytest.fixture(scope="module")
def picamera2_source(tmp_path_factory):
    """{file name: source} of the installed picamera2, else of the newest wheel."""
    spec = importlib.util.find_spec("picamera2")
    if spec is not None and spec.origin:
        return {path.name: path.read_text() for path in Path(spec.origin).parent.glob("*.py")}
    folder = tmp_path_factory.mktemp("picamera2")
    download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
    try:
        done = subprocess.run(
            [*download, "--timeout", "5", "--retries", "0", "--dest", str(folder), "picamera2>=0.3.22"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("picamera2 is not installed and could not be downloaded within 30 s")
    wheels = list(folder.glob("*.whl"))
    if not wheels:
        pytest.skip(f"picamera2 is not installed and cannot be downloaded: {done.stderr.strip()[-200:]}")
    with zipfile.ZipFile(wheels[0]) as wheel:
        return {
            Path(name).name: wheel.read(name).decode()
            for name in wheel.namelist()
            if name.startswith("picamera2/") and name.count("/") == 1 and name.endswith(".py")
        }


def signatures(source: str, class_name: str) -> dict[str, inspect.Signature]:
    """The methods of a class, without overload stubs; `self` is left out."""
    body = next(node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == class_name)
    found = {}
    for method in body.body:
        if isinstance(method, ast.FunctionDef):
            static = any(isinstance(mark, ast.Name) and mark.id == "staticmethod" for mark in method.decorator_list)
            names = [argument.arg for argument in method.args.args][0 if static else 1 :]
            required = len(names) - len(method.args.defaults)
            found[method.name] = inspect.Signature(
                [
                    inspect.Parameter(
                        name,
                        inspect.Parameter.POSITIONAL_OR_KEYWORD,
                        default=inspect.Parameter.empty if number < required else None,
                    )
                    for number, name in enumerate(names)
                ]
            )
    return found


def our_calls() -> list[tuple[str, ast.Call]]:
    """(method, call) for each call of ours on picamera2's class or object."""
    calls = []
    for node in ast.walk(ast.parse(inspect.getsource(raspberry_camera))):
        if isinstance(node, ast.Call):
            target = ast.unparse(node.func)
            if target == "Picamera2":
                calls.append(("__init__", node))
            elif target.startswith(("Picamera2.", "self._picamera.", "camera.")) and target != "camera.get":
                method = target.rpartition(".")[2]
                calls += [] if target.startswith("camera.source") else [(method, node)]
    return calls


def test_every_call_fits_the_real_signature(picamera2_source):
    real = signatures(picamera2_source["picamera2.py"], "Picamera2")
    calls = our_calls()
    assert {"__init__", "global_camera_info", "create_video_configuration", "configure", "start", "capture_array"} <= {
        method for method, _ in calls
    }
    for method, call in calls:
        assert method in real, f"picamera2 has no {method}"
        real[method].bind(*call.args, **{keyword.arg: keyword.value for keyword in call.keywords})


def test_a_time_out_is_one_of_futures_and_bgr888_is_rgb_in_memory(picamera2_source):
    assert "self._future.result(timeout=timeout)" in picamera2_source["job.py"]
    assert '"BGR888": "RGB"' in picamera2_source["request.py"].replace("'", '"')


@pytest.mark.skipif(importlib.util.find_spec("picamera2") is not None, reason="picamera2 is installed here")
def test_without_the_library_the_message_names_the_package():
    camera = camera_source(CameraConfig(source="picamera2:1"), ReplayConfig(), 0)
    with pytest.raises(
        CaptureError, match=r"picamera2:1: expected the picamera2 library.*emotion-edge\[raspberry-pi\]"
    ):
        camera.open()
    camera.close()
