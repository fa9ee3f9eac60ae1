"""Events -> MQTT, and commands back. Records come in; topics, payloads and the broker are known here only."""

from edge.publish.mailbox import Mailbox
from edge.publish.publisher import Publisher
from edge.publish.transcripts import Transcripts

__all__ = ["Mailbox", "Publisher", "Transcripts"]
