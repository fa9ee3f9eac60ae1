"""The device's side comes from the tests of publish."""

from __future__ import annotations

from tests.publish.conftest import event_of, health, models, publish_to, until

__all__ = ["event_of", "health", "models", "publish_to", "until"]
