"""The API: routes, limits, and answers as openapi.py describes them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import edge
from edge.config import Config
from edge.web.access import Access, RateLimit, is_loopback
from edge.web.judge import Kind, Unreadable, Work
from edge.web.onlookers import Onlookers
from edge.web.openapi import MEDIA, document, page
from edge.web.pool import Process, TooLong

# An upload waits so long for its turn; the ones before it are analysed meanwhile.
_TURN_S = 60.0
_IDLE_S = 15.0
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Api:
    """The application.

    Args:
        service: what the running service shows; None: there is no service here, only analysis.
    """

    def __init__(
        self,
        config: Config,
        access: Access,
        service: Onlookers | None = None,
    ) -> None:
        self._config = config.web
        self._access = access
        self._service = service
        self._rate = RateLimit(config.web.requests_per_minute)
        self._process = Process(config)
        # One upload is analysed, one more is read meanwhile; the others wait in the network, not in our memory.
        self._uploads = asyncio.Semaphore(2)
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._begun = time.monotonic()

    def application(self) -> ASGIApp:
        routes = [
            Route("/v1/health", self._get_health, methods=["GET"]),
            Route("/v1/events", self._get_events, methods=["GET"]),
            Route("/v1/openapi.json", self._get_document, methods=["GET"]),
            Route("/v1/docs", self._get_page, methods=["GET"]),
            *(Route(f"/v1/{kind}", self._post(kind), methods=["POST"]) for kind in MEDIA),
        ]
        return _Gate(
            Starlette(routes=routes, exception_handlers={HTTPException: _told}, lifespan=self._lifespan),
            self._access,
            self._rate,
            open_hosts=self._access.open,
        )

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        yield
        self._process.close()

    async def _get_health(self, request: Request) -> Response:
        _need(request, "read")
        return JSONResponse(
            {
                "status": "ok",
                "version": edge.__version__,
                "uptime_s": round(time.monotonic() - self._begun, 1),
                "uploads_waiting": self._waiting,
                "service": dict(self._service.health) if self._service and self._service.health else None,
            }
        )

    async def _get_document(self, request: Request) -> Response:
        _need(request, "read")
        return JSONResponse(document(self._config))

    async def _get_page(self, request: Request) -> Response:
        _need(request, "read")
        return HTMLResponse(page(document(self._config)))

    async def _get_events(self, request: Request) -> Response:
        _need(request, "read")
        events = self._service
        if events is None:
            raise HTTPException(503, "no service runs here: events come from 'emotion-edge run' with [web] enabled")
        if events.full:
            raise HTTPException(503, "too many look on already: close one of them")

        async def stream() -> AsyncIterator[bytes]:
            yield b": events of this device, as they come\n\n"
            async for event in events.look_on(_IDLE_S):
                if event is None:
                    yield b": nothing new\n\n"
                    continue
                data = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
                yield f"id: {event['sequence']}\nevent: {event['type']}\ndata: {data}\n\n".encode()

        return StreamingResponse(stream(), media_type="text/event-stream")

    def _post(self, kind: Kind) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            _need(request, "analyze")
            given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if given not in MEDIA[kind]:
                expected = ", ".join(MEDIA[kind])
                raise HTTPException(415, f"Content-Type: expected one of {expected}, got {given[:80] or 'none'}")
            self._check_length(request)
            self._waiting += 1
            try:
                await asyncio.wait_for(self._uploads.acquire(), _TURN_S)
            except asyncio.TimeoutError:
                raise HTTPException(503, "too many uploads wait already: send it again later", _RETRY) from None
            finally:
                self._waiting -= 1
            try:
                content = await asyncio.wait_for(self._content(request), self._config.upload_s)
                async with self._turn:
                    return await self._judged(Work(kind, content, self._config.recording_s))
            except asyncio.TimeoutError:
                raise HTTPException(408, f"the upload took longer than {self._config.upload_s:g} s") from None
            except ClientDisconnect:
                raise HTTPException(408, "the upload ended early") from None
            finally:
                self._uploads.release()

        return answer

    async def _judged(self, work: Work) -> Response:
        try:
            answer = await run_in_threadpool(self._process.ask, work, self._config.analysis_s)
        except TooLong:
            limit = f"the analysis took longer than {self._config.analysis_s:g} s: send a shorter recording"
            raise HTTPException(504, limit) from None
        if isinstance(answer, Unreadable):
            raise HTTPException(422, answer.message)
        return JSONResponse(answer)

    def _check_length(self, request: Request) -> None:
        length = request.headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._most_bytes:
            raise HTTPException(413, self._too_large)

    async def _content(self, request: Request) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > self._most_bytes:
                raise HTTPException(413, self._too_large)
            parts.append(part)
        return b"".join(parts)

    @property
    def _most_bytes(self) -> int:
        return self._config.upload_mb * 1_000_000

    @property
    def _too_large(self) -> str:
        return f"expected at most {self._config.upload_mb} MB: send a shorter recording, or a smaller picture"


_RETRY = {"Retry-After": "30"}
_CODES = {
    400: "malformed",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
    415: "wrong_media_type",
    422: "unreadable",
    429: "too_many_requests",
    503: "unavailable",
    504: "took_too_long",
}


def _need(request: Request, scope: str) -> None:
    if scope not in request.scope["scopes"]:
        raise HTTPException(403, f"this token lacks the scope {scope!r}")


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": {"code": _CODES[status], "message": message}}, status, dict(headers or {}))


async def _told(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    status = error.status_code if error.status_code in _CODES else 400
    return _error(status, error.detail, error.headers)


class _Gate:
    """In front of everything: who does not hold a token learns nothing, not even what there is."""

    def __init__(self, app: ASGIApp, access: Access, rate: RateLimit, open_hosts: bool) -> None:
        self._app, self._access, self._rate, self._open = app, access, rate, open_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(Request(scope), scope)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
            await send(message)

        await (refusal or self._app)(scope, receive, with_headers)

    def _refusal(self, request: Request, scope: Scope) -> Response | None:
        scopes = self._access.scopes(request.headers.get("authorization"))
        if scopes is None:  # first of all: who holds no token cannot use up the requests of one who does
            hint = "expected the header 'Authorization: Bearer TOKEN' with a token of this device"
            return _error(401, hint, {"WWW-Authenticate": "Bearer"})
        caller = request.client.host if request.client else ""
        if wait_s := self._rate.wait_s(caller):
            return _error(429, "too many requests: send fewer", {"Retry-After": str(int(wait_s) + 1)})
        # Without tokens, being on this machine is the permission: a page from elsewhere in a browser here has it too,
        # unless names other than loopback's (DNS rebinding) and requests from other pages are turned away.
        if self._open and not (is_loopback(request.url.hostname or "") and "origin" not in request.headers):
            return _error(403, "only programs on this machine may ask, under its name localhost: or set tokens")
        scope["scopes"] = scopes
        return None
