"""The AsyncAPI document: shipped as generated, whole, and true to the schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from edge.publish import schemas
from edge.publish.asyncapi import document
from tests.publish.test_schemas import EXAMPLES, PAYLOADS

# Of the npm package @asyncapi/specs; not a part of this project.
SPECIFICATION = Path(__file__).parents[2] / "node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json"
SHIPPED = Path(__file__).parents[2] / "docs" / "asyncapi.json"


def test_the_shipped_file_is_what_the_command_prints() -> None:
    assert json.loads(SHIPPED.read_text(encoding="utf-8")) == document(), "emotion-edge asyncapi > docs/asyncapi.json"


@pytest.mark.skipif(not SPECIFICATION.is_file(), reason="needs: npm install --no-save @asyncapi/specs")
def test_it_is_asyncapi_3() -> None:
    """By the AsyncAPI initiative's own JSON Schema of the specification."""
    judge = Draft7Validator(json.loads(SPECIFICATION.read_text(encoding="utf-8")))
    judge.validate(document())
    document_with_a_slip = document()
    document_with_a_slip["channels"]["event"]["adress"] = "emotion"
    assert not judge.is_valid(document_with_a_slip)


def references(part: Any):
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_every_reference_leads_somewhere() -> None:
    whole = document()
    found = set(references(whole))
    for reference in found:
        assert reference.startswith("#/"), reference
        part = whole
        for step in reference[2:].split("/"):
            part = part[step]
    assert "#/components/schemas/probabilities" in found


def test_every_payload_is_in_it() -> None:
    assert {name for channel in document()["channels"].values() for name in channel["messages"]} == {
        "availability",
        *PAYLOADS,
    }
    addresses = [channel["address"] for channel in document()["channels"].values()]
    assert len(addresses) == len(set(addresses))
    assert document()["channels"]["event"]["address"] == "emotion/{device}/event"
    assert document()["operations"]["event"]["action"] == "send"


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_its_schemas_judge_as_the_shipped_ones(name: str, example: str) -> None:
    whole = document()
    body = json.loads(example)
    judge = Draft202012Validator({**whole, "$ref": f"#/components/schemas/{name}-payload"})
    judge.validate(body)
    for key in schemas.read(name).get("required", ()):
        assert not judge.is_valid({other: value for other, value in body.items() if other != key}), key
    assert not judge.is_valid({**body, "image": "..."})
