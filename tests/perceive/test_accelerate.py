"""Models on accelerators, by real ones: a software Vulkan driver, and delegates compiled here from C."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from edge.perceive.accelerate import Wanted, choose, open_model
from edge.perceive.package import find_package, load_package
from edge.perceive.runtime import Model
from edge.remembered import FILE, Remembered

_SWIFTSHADER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")
_ICD_VARIABLES = ("VK_ICD_FILENAMES", "VK_DRIVER_FILES", "VK_ADD_DRIVER_FILES")


@pytest.fixture(scope="module")
def compile_delegate(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Path of the delegate in delegate.c, compiled with a flaw: compile_delegate("CRASHES")."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler: apt-get install gcc libc6-dev")
    folder = tmp_path_factory.mktemp("delegates")

    def build(flaw: str = "NONE") -> str:
        library = folder / f"{flaw.lower()}.so"
        source = Path(__file__).with_name("delegate.c")
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", f"-D{flaw}", "-o", library, source, "-lm"], check=True)
        return str(library)

    return build


@pytest.fixture
def face():
    return load_package(find_package("face-emotion"), "face")


@pytest.fixture
def tensors(face) -> np.ndarray:
    return np.random.default_rng(3).uniform(-1, 1, (10, *face.input.shape)).astype(np.float32)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _ICD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("edge.perceive.accelerate._ICD_FOLDERS", ())


@pytest.fixture
def swiftshader(monkeypatch: pytest.MonkeyPatch, no_gpu: None) -> None:
    if not _SWIFTSHADER.is_file():
        pytest.skip(f"needs a software Vulkan driver: apt-get install chromium-common libvulkan1 ({_SWIFTSHADER})")
    monkeypatch.setenv("VK_ICD_FILENAMES", str(_SWIFTSHADER))


def test_a_delegate_computes_its_operation_as_the_cpu_does(face, tensors, compile_delegate, tmp_path):
    log = tmp_path / "log"
    wanted = Wanted("external", delegate=compile_delegate(), options={"log": str(log)})
    model, choice = open_model(face, wanted)
    assert (choice.accelerator, choice.reason) == ("external", "as configured")
    probed = len(log.read_text().splitlines())
    cpu = Model(face)
    for tensor in tensors:
        np.testing.assert_array_equal(model.outputs(tensor), cpu.outputs(tensor))
    assert len(log.read_text().splitlines()) == probed + len(tensors)  # the delegate it was, not the CPU


@pytest.mark.parametrize(
    ("flaw", "told"),
    [
        ("FAILS", "cannot be loaded: .*no such device"),
        ("CRASHES", r"it crashed \(SIGABRT\)"),
        ("WRONG", r"its outputs differ from the CPU's by \d+\.\d %"),
    ],
)
def test_a_delegate_with_a_flaw_costs_one_warning_and_the_model_runs_on_the_cpu(
    face, tensors, compile_delegate, caplog, flaw, told
):
    wanted = Wanted("external", delegate=compile_delegate(flaw))
    with caplog.at_level(logging.WARNING):
        model, choice = open_model(face, wanted)
    (warning,) = caplog.records
    assert warning.getMessage().startswith("face-emotion: the accelerator 'external' cannot be used: ")
    caplog.clear()
    assert choice.accelerator == "cpu"
    assert re.search(told, choice.reason)
    np.testing.assert_array_equal(model.outputs(tensors[0]), Model(face).outputs(tensors[0]))


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (Wanted("external", delegate="/none.so"), "/none.so cannot be loaded"),
        (Wanted("npu", delegate="/none"), "no libLiteRtDispatch"),
        (Wanted("gpu"), "no Vulkan driver is installed"),
    ],
)
def test_an_accelerator_that_is_not_there_is_named(face, no_gpu, wanted, told):
    choice = choose(face, wanted)
    assert choice.accelerator == "cpu"
    assert told in choice.reason


def test_the_gpu_answers_as_the_cpu_does(face, tensors, swiftshader):
    """The same file on both: the float16 variant, for which the GPU asks."""
    model, choice = open_model(face, Wanted("gpu"))
    assert (choice.accelerator, choice.file) == ("gpu", "model_float16.tflite"), choice.reason
    cpu = Model(face, file=choice.file)
    for tensor in tensors[:3]:
        np.testing.assert_allclose(model.probabilities(tensor), cpu.probabilities(tensor), atol=2e-2)


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.perceive.accelerate._MEASURE_S", 0.1)


def test_auto_measures_once_and_remembers_until_something_changes(face, compile_delegate, no_gpu, briefly, tmp_path):
    library = compile_delegate()
    wanted = Wanted("auto", delegate=library)
    kept = tmp_path / FILE
    first = choose(face, wanted, Remembered(kept))
    assert first.p50_ms > 0
    assert "external has" in first.reason
    key = Remembered(kept).get("accelerators")["face"]["key"]
    assert choose(face, wanted, Remembered(kept)) == first
    # What is remembered is used: a made-up time comes back.
    Remembered(kept).put("accelerators", {"face": {"key": key, **asdict(replace(first, p50_ms=123.0))}})
    assert choose(face, wanted, Remembered(kept)).p50_ms == 123
    Path(library).touch()
    assert choose(face, wanted, Remembered(kept)).p50_ms != 123
    assert Remembered(kept).get("accelerators")["face"]["key"] != key


def test_auto_lives_with_a_delegate_that_crashes_and_without_any(face, compile_delegate, no_gpu, briefly):
    choice = choose(face, Wanted("auto", delegate=compile_delegate("CRASHES")))
    assert (choice.accelerator, choice.reason) == ("cpu", "auto: external does not work: it crashed (SIGABRT)")
    assert choose(face, Wanted("auto")).reason == "auto: no other accelerator found"
