"""The local API over HTTP (extra ``web``): analysis of what is sent, live events, health. Off unless switched on."""

from edge.web.server import WebServer, serve

__all__ = ["WebServer", "serve"]
