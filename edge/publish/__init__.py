"""Events -> MQTT, and commands back. Records come in; topics, payloads and the broker are known here only."""

from edge.publish.mailbox import Mailbox
from edge.publish.publisher import Publisher

__all__ = ["Mailbox", "Publisher"]
