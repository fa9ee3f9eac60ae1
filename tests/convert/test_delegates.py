"""Which operations run where."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from convert.cli import main
from convert.delegates import delegate_lines, delegate_map
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


# What Coral's documentation shows of version 16 with -s (coral.ai/docs/edgetpu/compiler); the compiler itself is for
# x86-64 Debian, from a source of its own, and not asked for by the tests.
_STANDS_IN = """#!/bin/sh
[ "$1" = -s ] && [ "$2" = -o ] && [ -d "$3" ] && [ "$(head -c 8 "$4" | tail -c 4)" = TFL3 ] || exit 2
cp "$4" "$3/model_edgetpu.tflite"
cat << 'END'
Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.

Model compiled successfully in 557 ms.

Input model: model.tflite
Number of Edge TPU subgraphs: 1
Total number of operations: 12
Operation log: model_edgetpu.log

Model successfully compiled but not all operations are supported by the Edge TPU.
Number of operations that will run on Edge TPU: 9
Number of operations that will run on CPU: 3

Operator                       Count      Status

CONV_2D                        9          Mapped to Edge TPU
ABS                            1          Operation not supported
FULLY_CONNECTED                2          More than one subgraph is not supported
Compilation child process completed within timeout period.
Compilation succeeded!
END
"""
_FAILS = """#!/bin/sh
echo "Edge TPU Compiler version 16.0.384591198"
echo "Invalid model: model.tflite"
echo "Model not quantized"
exit 1
"""


@pytest.mark.parametrize("script", [_STANDS_IN, _FAILS, "#!/bin/sh\nexec sleep 60\n"])
def test_the_compiler_of_the_edge_tpu_is_asked_where_it_is_installed(speech, script, tmp_path, monkeypatch):
    compiler = tmp_path / "edgetpu_compiler"
    compiler.write_text(script)
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("convert.delegates._COMPILE_S", 1 if "sleep" in script else 60)
    tpu = delegate_map(speech)["edge_tpu"]
    if script == _STANDS_IN:
        assert tpu["how"] == "Edge TPU Compiler version 16.0.384591198"
        assert tpu["runs"] == {"CONV_2D": 9}
        assert [stays["why"] for stays in tpu["stays"]][1:] == ["More than one subgraph is not supported"] * 2
        assert any("edge_tpu: 9 of 12 operations" in line for line in delegate_lines({"edge_tpu": tpu}))
    else:
        assert "edgetpu_compiler did not compile it: " in tpu["advice"]
        assert ("Model not quantized" if script == _FAILS else "timed out") in tpu["advice"]
        assert tpu["stays"]


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
