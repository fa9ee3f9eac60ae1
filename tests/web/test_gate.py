"""Who may come in: what another web site in the same browser can send is turned away, the page's own files are not."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from edge.web.access import Access, RateLimit, Token
from edge.web.gate import Gate

OWN = "http://127.0.0.1:8760"


async def _app(scope, receive, send) -> None:
    await PlainTextResponse(" ".join(sorted(Request(scope).scope.get("scopes", {"none"}))))(scope, receive, send)


def ask(method: str, path: str, headers: dict[str, str], tokens: list[Token] = []) -> httpx.Response:  # noqa: B006
    async def answer() -> httpx.Response:
        transport = httpx.ASGITransport(Gate(_app, Access(tokens), RateLimit(100)))
        async with httpx.AsyncClient(transport=transport, base_url=OWN) as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(answer())


@pytest.mark.parametrize(
    "headers",
    [
        {},  # a program
        {"Sec-Fetch-Site": "none"},  # an address typed in
        {"Sec-Fetch-Site": "same-origin", "Origin": OWN},  # our page
        {"Host": "localhost:8760", "Origin": "http://localhost:8760", "Sec-Fetch-Site": "same-origin"},
        {"Host": "[::1]:8760", "Origin": "http://[::1]:8760"},
    ],
)
def test_programs_and_our_own_page_are_let_in(headers):
    assert ask("POST", "/v1/commands/privacy", headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:8760"},  # DNS rebinding
        {"Host": "evil.example:8760", "Origin": "http://evil.example:8760", "Sec-Fetch-Site": "same-origin"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "https://evil.example"},  # a form, or a POST without a preflight
        {"Origin": "null"},  # ... from a sandboxed frame
        {"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "same-site"},  # another server on this machine
        {"Origin": "https://127.0.0.1:8760"},
        {"Sec-Fetch-Site": "cross-site"},  # a picture or a script: there is no Origin
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_what_another_site_can_make_a_browser_send_is_turned_away(headers):
    for method, path in (("POST", "/v1/commands/privacy"), ("GET", "/v1/view"), ("GET", "/v1/now")):
        assert ask(method, path, headers).status_code == 403


def test_a_link_from_elsewhere_leads_to_the_page_but_not_under_another_name():
    assert ask("GET", "/", {"Sec-Fetch-Site": "cross-site"}).status_code == 200
    assert ask("GET", "/", {"Host": "evil.example"}).status_code == 403
    assert ask("POST", "/", {"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_with_tokens_only_the_empty_page_is_for_everybody():
    tokens = [Token("panel", frozenset({"read"}), b"no digest of anything")]
    assert ask("GET", "/", {}, tokens).text == "none"
    assert ask("GET", "/page/main.js", {"Host": "kitchen-pi.local"}, tokens).status_code == 200
    for method, path in (("POST", "/"), ("GET", "/pages"), ("GET", "/page"), ("GET", "/metrics"), ("PUT", "/page/x")):
        assert ask(method, path, {}, tokens).status_code == 401


def test_a_browser_is_told_to_load_nothing_from_elsewhere_and_to_show_it_in_no_frame():
    headers = ask("GET", "/", {}).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert ask("GET", "/v1/health", {}).headers["cache-control"] == "no-store"
