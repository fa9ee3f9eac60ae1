"""Schemathesis against the running server: whatever it makes up, each answer is one that the document describes."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings

from edge.config import WebConfig
from edge.web.openapi import MEDIA, document, page

schemathesis = pytest.importorskip("schemathesis")
_checks = pytest.importorskip("schemathesis.specs.openapi.checks")

_STREAMS = ("/v1/events", "/v1/now", "/v1/view")
_OF_A_SERVICE = ("/v1/settings", "/v1/config", "/v1/commands/{name}", "/metrics")
_DOCUMENT = document(WebConfig())
_FINITE = {**_DOCUMENT, "paths": {path: body for path, body in _DOCUMENT["paths"].items() if path not in _STREAMS}}
_CHECKS = [
    schemathesis.checks.not_a_server_error,
    _checks.status_code_conformance,
    _checks.content_type_conformance,
    _checks.response_schema_conformance,
]


@schemathesis.serializer(*(media for kind in MEDIA.values() for media in kind if not media.startswith("image/")))
def media(_context, value) -> bytes:
    """What it makes up is no media; that is the point."""
    return value if isinstance(value, bytes) else repr(value).encode()


@schemathesis.openapi.from_dict(_FINITE).parametrize()
@settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.generate],
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_described(case, server, device):
    url = device.url if case.path in _OF_A_SERVICE else server.url
    case.validate_response(case.call(base_url=url, timeout=60), checks=_CHECKS)


def test_the_page_names_every_path_and_needs_no_network():
    text = page(_DOCUMENT)
    assert all(path in text for path in _DOCUMENT["paths"])
    assert "src=" not in text
