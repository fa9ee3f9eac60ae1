"""The JSON Schema agrees with the configuration that it describes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from edge.config_schema import config_schema
from edge.config_toml import parse_config
from edge.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SHIPPED = Path(__file__).parents[1] / "systemd" / "config.toml"


@pytest.fixture(scope="module")
def schema():
    schema = config_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(json.loads(json.dumps(schema)))


def test_the_shipped_configuration_is_valid_with_every_key_uncommented(schema):
    import re

    text = re.sub(r"^# (\w+ = )", r"\1", SHIPPED.read_text(), flags=re.MULTILINE)
    schema.validate(tomllib.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        "[camera]\nfps = 0.0",
        '[mqtt]\nurl = "http://hub"',
        "[camera]\nmirror = 1",
        "[camera]\nflip = true",
        "[no_such]\nkey = 1",
        "[camera]\nrotation_deg = 45",
    ],
)
def test_what_the_service_refuses_the_schema_refuses(schema, text):
    with pytest.raises(ConfigError):
        parse_config(text)
    assert list(schema.iter_errors(tomllib.loads(text)))


def test_every_key_says_what_it_means_or_has_its_unit_in_its_name(schema):
    keys = {
        (name, key): told
        for name, section in schema.schema["properties"].items()
        for key, told in section["properties"].items()
    }
    assert "clockwise" in keys["camera", "rotation_deg"]["description"]
    assert "MQTT 5" in keys["mqtt", "protocol"]["description"]
    silent = [".".join(key) for key, told in keys.items() if "description" not in told]
    assert len(silent) < len(keys) / 4, silent


def test_an_editor_learns_choices_and_bounds(schema):
    camera = schema.schema["properties"]["camera"]["properties"]
    assert camera["rotation_deg"]["enum"] == [0, 90, 180, 270]
    assert (camera["fps"]["minimum"], camera["fps"]["default"]) == (0.2, 15.0)
