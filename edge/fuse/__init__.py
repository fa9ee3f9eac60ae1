"""Observations -> EmotionEstimate -> EmotionEvent; no I/O, no clock of its own."""

from edge.fuse.fuser import VOICE, EmotionFuser

__all__ = ["VOICE", "EmotionFuser"]
