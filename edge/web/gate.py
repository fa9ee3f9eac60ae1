"""In front of everything: who may come in, and what a browser may do with the answers.

What another web site in a browser on this machine could do to a server on loopback, and what stops it here:

- Ask under a name of its own that it lets point to 127.0.0.1 (DNS rebinding), and read the answers: the Host header
  must be a name of loopback.
- Send a form or a simple POST, without reading the answer: the Origin must be our own; so must Sec-Fetch-Site, which
  tells of pictures and scripts that are asked for without an Origin.
- Show our page in a frame and have it clicked on: frame-ancestors.

With tokens none of this is possible to begin with: a token is never in a cookie, so no browser sends it by itself.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.web.access import Access, RateLimit, is_loopback
from edge.web.answers import error

#: Below it are the page's own files, the same everywhere and without anything of this device: they need no token.
PAGE = "/page"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_API = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
_FILES = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'",
}


class Gate:
    """Who does not hold a token learns nothing, not even what there is, but for the empty page that asks for one."""

    def __init__(self, app: ASGIApp, access: Access, rate: RateLimit) -> None:
        self._app, self._access, self._rate = app, access, rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        public = scope["method"] in ("GET", "HEAD") and (scope["path"] == "/" or scope["path"].startswith(f"{PAGE}/"))
        refusal = self._refusal(Request(scope), scope, public)
        headers = {**_HEADERS, **(_FILES if public else _API)}

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            await send(message)

        await (refusal or self._app)(scope, receive, with_headers)

    def _refusal(self, request: Request, scope: Scope, public: bool) -> Response | None:
        if self._access.open and not _from_here(request, public):
            return error(403, "only programs on this machine may ask, under its name localhost: or set tokens")
        if public:
            return None
        scopes = self._access.scopes(request.headers.get("authorization"))
        if scopes is None:  # before anything is counted: who holds no token cannot use up the requests of one who does
            hint = "expected the header 'Authorization: Bearer TOKEN' with a token of this device"
            return error(401, hint, {"WWW-Authenticate": "Bearer"})
        caller = request.client.host if request.client else ""
        if wait_s := self._rate.wait_s(caller):
            return error(429, "too many requests: send fewer", {"Retry-After": str(int(wait_s) + 1)})
        scope["scopes"] = scopes
        return None


def _from_here(request: Request, public: bool) -> bool:
    """Without tokens, being on this machine is the permission: a page from elsewhere in a browser here has it not."""
    if not is_loopback(request.url.hostname or ""):
        return False
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{request.headers.get('host')}":
        return False
    # A link from elsewhere may lead to the page itself, which has nothing of this device in it.
    return public or request.headers.get("sec-fetch-site", "none") in ("none", "same-origin")
