from __future__ import annotations

import asyncio
import json

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from edge.web.answers import error, need, told


def body(response) -> dict:
    return json.loads(response.body)


def test_a_mistake_has_a_status_a_code_and_words() -> None:
    answer = error(429, "wait a second", {"Retry-After": "1"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert answer.media_type == "application/json"
    assert body(answer) == {"error": {"code": "too_many_requests", "message": "wait a second"}}


def test_what_a_library_raises_is_answered_in_the_same_form() -> None:
    request = Request({"type": "http", "headers": []})
    answer = asyncio.run(told(request, HTTPException(405, "no such method", {"Allow": "GET"})))
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert body(answer) == {"error": {"code": "method_not_allowed", "message": "no such method"}}
    # One that the reference does not name is the caller's mistake in general.
    assert asyncio.run(told(request, HTTPException(431, "too long"))).status_code == 400


def test_a_token_without_the_scope_is_told_which_it_lacks() -> None:
    request = Request({"type": "http", "headers": [], "scopes": frozenset({"read"})})
    need(request, "read")
    with pytest.raises(HTTPException, match="lacks the scope 'control'") as raised:
        need(request, "control")
    assert raised.value.status_code == 403
