"""The schemas are sound, ship with the package, and agree with the code and with the documentation."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from edge.publish import payloads, schemas
from edge.records import EMOTIONS, UNCERTAIN

REFERENCE = Path(__file__).parents[2] / "docs" / "mqtt.md"
EXAMPLES = re.findall(r"^```json (\S+)\n(.*?)^```", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
PAYLOADS = [name for name in schemas.NAMES if name != "common"]


@pytest.mark.parametrize("name", schemas.NAMES)
def test_a_schema_is_a_schema_and_knows_its_file(name) -> None:
    schema = schemas.read(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"].endswith(f"/{payloads.SCHEMA}/{name}.json")


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_payload_admits_no_unknown_key(name) -> None:
    assert schemas.read(name)["additionalProperties"] is False


def test_every_schema_file_is_named() -> None:
    files = Path(schemas.__file__).parent.glob("*.json")
    assert {file.stem for file in files} == set(schemas.NAMES)


def test_the_emotions_are_those_of_the_records() -> None:
    definitions = schemas.read("common")["$defs"]
    assert definitions["emotion"]["enum"] == [*EMOTIONS, UNCERTAIN]
    assert definitions["probabilities"]["required"] == list(EMOTIONS)


def test_the_reference_shows_an_example_of_every_payload() -> None:
    assert {name for name, _ in EXAMPLES} == set(PAYLOADS)


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_the_examples_in_the_reference_are_valid(validators, name, example) -> None:
    validators[name].validate(json.loads(example))


@pytest.mark.parametrize("name", PAYLOADS)
def test_the_reference_names_every_field(name) -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    unnamed = [key for key in schemas.read(name)["properties"] if f"`{key}`" not in text]
    assert not unnamed
