"""The API: routes, limits, and answers as openapi.py describes them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

import edge
from edge.config import Config
from edge.web.access import Access, RateLimit
from edge.web.answers import need, told
from edge.web.gate import PAGE, Gate
from edge.web.judge import Kind, Unreadable, Work, lacking
from edge.web.now import Now
from edge.web.openapi import MEDIA, document, page
from edge.web.pool import NotReady, Process, TooLong
from edge.web.running import Running

# An upload waits so long for its turn; the ones before it are analysed meanwhile.
_TURN_S = 60.0
#: The page's own files: plain HTML, CSS and modules, as the browser takes them.
_FILES = Path(__file__).with_name("page")


class Api:
    """The application.

    Args:
        now: what the running service shows; None: there is no service here, only analysis.
        file: the service's configuration file; None: there is none.
    """

    def __init__(
        self,
        config: Config,
        access: Access,
        now: Now | None = None,
        file: Path | None = None,
    ) -> None:
        self._config = config.web
        self._access = access
        self._now = now
        self._running = Running(now, file, partial(lacking, config))
        self._rate = RateLimit(config.web.requests_per_minute)
        self._process = Process(config)
        # One upload is analysed, one more is read meanwhile; the others wait in the network, not in our memory.
        self._uploads = asyncio.Semaphore(2)
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._begun = time.monotonic()

    def application(self) -> ASGIApp:
        routes: list[BaseRoute] = [
            Route("/", self._get_start, methods=["GET"]),
            Mount(PAGE, StaticFiles(directory=_FILES)),
            Route("/v1/health", self._get_health, methods=["GET"]),
            Route("/v1/openapi.json", self._get_document, methods=["GET"]),
            Route("/v1/docs", self._get_page, methods=["GET"]),
            *(Route(f"/v1/{kind}", self._post(kind), methods=["POST"]) for kind in MEDIA),
            *self._running.routes(),
        ]
        app = Starlette(routes=routes, exception_handlers={HTTPException: told}, lifespan=self._lifespan)
        return Gate(app, self._access, self._rate)

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        yield
        self._process.close()

    async def _get_start(self, _request: Request) -> Response:
        return FileResponse(_FILES / "index.html")

    async def _get_health(self, request: Request) -> Response:
        need(request, "read")
        return JSONResponse(
            {
                "status": "ok",
                "version": edge.__version__,
                "uptime_s": round(time.monotonic() - self._begun, 1),
                "uploads_waiting": self._waiting,
                "service": self._now.onlookers.health if self._now else None,
            }
        )

    async def _get_document(self, request: Request) -> Response:
        need(request, "read")
        return JSONResponse(document(self._config))

    async def _get_page(self, request: Request) -> Response:
        need(request, "read")
        return HTMLResponse(page(document(self._config)))

    def _post(self, kind: Kind) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            need(request, "analyze")
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
        except NotReady as error:
            raise HTTPException(503, f"nothing can be analysed here: {error}") from error
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
