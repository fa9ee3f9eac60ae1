"""Which operations run where."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from convert.cli import main
from convert.delegates import delegate_map
from edge.errors import ModelError
from edge.perceive.package import find_package


@pytest.fixture(scope="module")
def speech() -> bytes:
    return (find_package("speech-emotion") / "model.tflite").read_bytes()


def test_xnnpack_is_asked_and_the_edge_tpu_judged_by_its_rules(speech):
    mapped = delegate_map(speech)
    assert mapped["cpu"]["how"] == "measured with XNNPACK"
    assert mapped["cpu"]["runs"]["CONV_2D"] == 9
    tpu = mapped["edge_tpu"]
    why = {item["operation"]: item["why"] for item in tpu["stays"]}
    assert why["ABS"] == "not among the Edge TPU's operations"
    assert why["FULLY_CONNECTED"] == "comes after one that stays on the CPU"
    if shutil.which("edgetpu_compiler") is None:
        assert "coral.ai/docs/edgetpu/compiler" in tpu["advice"]
    counts = {sum(told["runs"].values()) + len(told["stays"]) for told in mapped.values()}
    assert len(counts) == 1


def test_an_external_delegate_is_loaded_and_asked(speech, tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler: apt-get install gcc libc6-dev")
    library = tmp_path / "delegate.so"
    source = Path(__file__).parents[1] / "perceive" / "delegate.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-lm"], check=True)
    told = delegate_map(speech, str(library))["external"]
    assert told["runs"] == {"FULLY_CONNECTED": 1}
    with pytest.raises(ModelError, match=r"none\.so cannot be loaded"):
        delegate_map(speech, "/none.so")


def test_a_float_file_is_refused_where_only_integers_run(tiny_keras, tmp_path, capsys):
    path = tiny_keras(".tflite")
    assert main(["inspect", str(path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["delegates"]["edge_tpu"]["runs"] == told["delegates"]["npu"]["runs"] == {}
    assert told["delegates"]["gpu"]["stays"] == []
    assert main(["inspect", str(path), "--text"]) == 0
    assert "needs int8 or uint8, has float32: use --scheme int8" in capsys.readouterr().out
