"""`emotion-edge listen`: what devices say, live in a terminal, for people who have no hub yet; or as a judge of it."""

from edge.listen.listener import run_listen
from edge.listen.screen import Screen

__all__ = ["Screen", "run_listen"]
