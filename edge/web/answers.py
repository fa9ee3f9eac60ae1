"""How everything that is wrong is answered: its status, and a code and a message as JSON."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_CODES = {
    400: "malformed",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    409: "conflict",
    413: "too_large",
    415: "wrong_media_type",
    422: "unreadable",
    429: "too_many_requests",
    503: "unavailable",
    504: "took_too_long",
}


def error(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer of a mistake."""
    return JSONResponse({"error": {"code": _CODES[status], "message": message}}, status, dict(headers or {}))


async def told(_request: Request, raised: Exception) -> Response:
    """The answer to an HTTPException."""
    assert isinstance(raised, HTTPException)  # noqa: S101 - registered for nothing else
    status = raised.status_code if raised.status_code in _CODES else 400
    return error(status, raised.detail, raised.headers)


def need(request: Request, scope: str) -> None:
    """Raises:
    HTTPException: whoever asks may not do this.
    """
    if scope not in request.scope["scopes"]:
        raise HTTPException(403, f"this token lacks the scope {scope!r}")
