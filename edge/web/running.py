"""Routes about the running service: what it sees and hears, and what a person may change of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from edge.config import LIVE, THRESHOLDS
from edge.config_schema import config_schema
from edge.config_toml import load_config
from edge.errors import ConfigError
from edge.installation import install_extra
from edge.publish.commands import Refused
from edge.publish.strict_json import MOST_BYTES
from edge.service.metrics import Numbers
from edge.web import view
from edge.web.answers import need
from edge.web.config_file import Changed, Proposal, propose, write
from edge.web.now import Now

_IDLE_S = 15.0
# Closing a device takes up to 3 s, and commands are carried out one after the other.
_ANSWER_S = 10.0
#: The codes of refused commands (docs/mqtt.md) as statuses of HTTP.
_STATUSES = {"malformed": 400, "unknown": 404, "invalid": 422, "expired": 422}


class Running:
    """Routes that answer 503 where no service runs.

    Args:
        file: the configuration file; None: there is none.
        lacking: what keeps uploads from being analysed where no service runs; empty: nothing.
    """

    def __init__(self, now: Now | None, file: Path | None, lacking: Callable[[], str]) -> None:
        self._now = now
        self._file = file
        self._lacking = lacking

    def routes(self) -> list[Route]:
        return [
            Route("/v1/now", self._get_now, methods=["GET"]),
            Route("/v1/events", self._get_events, methods=["GET"]),
            Route("/v1/view", self._get_view, methods=["GET"]),
            Route("/v1/settings", self._get_settings, methods=["GET"]),
            Route("/v1/config", self._get_config, methods=["GET"]),
            Route("/v1/config", self._put_config, methods=["PUT"]),
            Route("/v1/commands/{name}", self._post_command, methods=["POST"]),
            Route("/metrics", self._get_metrics, methods=["GET"]),
        ]

    def _service(self, request: Request, scope: str) -> Now:
        need(request, scope)
        if self._now is None:
            raise HTTPException(503, "no service runs here: this is of 'emotion-edge run' with [web] enabled")
        return self._now

    def _listening(self, request: Request) -> Now:
        now = self._service(request, "read")
        if now.onlookers.full:
            raise HTTPException(503, "too many look on already: close one of them")
        return now

    async def _get_now(self, request: Request) -> Response:
        need(request, "read")
        if self._now is None and (why := await run_in_threadpool(self._lacking)):
            raise HTTPException(503, f"no service runs here, and nothing that is sent can be analysed: {why}")
        now = self._listening(request)
        return StreamingResponse(now.stream(request.scope["scopes"]), media_type="text/event-stream")

    async def _get_events(self, request: Request) -> Response:
        onlookers = self._listening(request).onlookers

        async def stream() -> AsyncIterator[bytes]:
            yield b": events of this device, as they come\n\n"
            async for event in onlookers.look_on(_IDLE_S):
                if event is None:
                    yield b": nothing new\n\n"
                    continue
                data = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
                yield f"id: {event['sequence']}\nevent: {event['type']}\ndata: {data}\n\n".encode()

        return StreamingResponse(stream(), media_type="text/event-stream")

    async def _get_view(self, request: Request) -> Response:
        shown = self._service(request, "view").view
        if shown is None:
            raise HTTPException(403, "the live view is off: allow it with [web] live_view = true")
        if shown.watching >= view.MOST:
            raise HTTPException(503, "too many watch already: close one of them")

        async def stream() -> AsyncIterator[bytes]:
            async for part in shown.watch(_IDLE_S):
                if part is not None:
                    yield part
                elif await request.is_disconnected():
                    return

        return StreamingResponse(stream(), media_type=f"multipart/x-mixed-replace; boundary={view.BOUNDARY}")

    async def _get_settings(self, request: Request) -> Response:
        now = self._service(request, "read")
        said, mistake = None, None
        try:
            said = load_config(self._file) if self._file else None
        except ConfigError as error:
            mistake = str(error)
        described = config_schema()["properties"]
        thresholds = {
            section: {
                key: {
                    **described[section]["properties"][key],
                    "in_force": getattr(getattr(now.service.config, section), key),
                    "file": getattr(getattr(said, section), key) if said else None,
                }
                for key in LIVE[section]
            }
            for section in THRESHOLDS
        }
        file = str(self._file) if self._file else None
        return JSONResponse({"thresholds": thresholds, "file": file, "mistake": mistake})

    async def _get_config(self, request: Request) -> Response:
        now, file = self._with_file(request)
        try:
            return _proposed(await run_in_threadpool(propose, file, now.service.config))
        except ConfigError as error:
            raise HTTPException(503, str(error)) from error

    async def _put_config(self, request: Request) -> Response:
        now, file = self._with_file(request)
        try:
            digest = json.loads(await _small_body(request))["digest"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise HTTPException(422, 'expected {"digest": "..."} with the digest that GET /v1/config gave') from None
        try:
            return _proposed(await run_in_threadpool(write, file, now.service.config, digest))
        except Changed as error:
            raise HTTPException(409, str(error)) from error
        except ConfigError as error:
            raise HTTPException(503, str(error)) from error

    def _with_file(self, request: Request) -> tuple[Now, Path]:
        now = self._service(request, "control")
        if self._file is None:
            raise HTTPException(503, "there is no configuration file: start the service with --config FILE")
        return now, self._file

    async def _post_command(self, request: Request) -> Response:
        service = self._service(request, "control").service
        try:
            asked = service.ask(request.path_params["name"], await _small_body(request))
            response: Mapping[str, Any] = await asyncio.wait_for(asyncio.wrap_future(asked), _ANSWER_S)
        except Refused as error:
            raise HTTPException(503, str(error)) from error
        except asyncio.TimeoutError:
            raise HTTPException(503, "the service has not answered in time: see its log") from None
        if refusal := response["error"]:
            raise HTTPException(_STATUSES.get(refusal["code"], 503), refusal["message"])
        return JSONResponse(response)

    async def _get_metrics(self, request: Request) -> Response:
        now = self._service(request, "read")
        numbers = Numbers()
        numbers.note(now.onlookers.health or {})
        try:
            text, media_type = numbers.exposition()
        except ImportError:
            raise HTTPException(503, f"needs prometheus-client: {install_extra('metrics')}") from None
        return Response(text, media_type=media_type)


def _proposed(proposal: Proposal) -> Response:
    return JSONResponse({"file": str(proposal.path), "diff": proposal.diff, "digest": proposal.digest})


async def _small_body(request: Request) -> bytes:
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > MOST_BYTES:
            raise HTTPException(413, f"expected at most {MOST_BYTES} bytes")
    return content
