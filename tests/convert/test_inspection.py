"""What is in a package, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.inspection import inspect_model, task_of
from edge.errors import ModelError
from edge.perceive.package import find_package


@pytest.mark.parametrize("name", ["fusion", "face-emotion"])
def test_a_package_is_told_with_its_operations_and_where_they_run(name: str):
    told = inspect_model(find_package(name))
    assert told["name"] == name
    assert told["tensor_types"].keys() <= {"int8", "int32"}
    assert told["macs"] > 0
    assert sum(told["operations"].values()) > 3
    assert "cpu" in told["delegates"]
    bare = inspect_model(find_package(name) / "model.tflite")
    assert bare == {key: told[key] for key in ("operations", "macs", "tensor_types", "delegates")}


def test_what_is_no_model_or_package_is_named(tmp_path: Path):
    with pytest.raises(ModelError, match="expected a package's contract"):
        task_of(tmp_path)
    (tmp_path / "model.json").write_text('{"task": "smell"}')
    with pytest.raises(ModelError, match=r"expected one of .*face.*, got 'smell'"):
        task_of(tmp_path)
    (tmp_path / "no.tflite").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="not a model that this TFLite runtime can read"):
        inspect_model(tmp_path / "no.tflite")
