"""One family of errors. A message says where, what was expected, what was received, what to do."""


class EdgeError(Exception):
    """Base of every error that this project raises for a user to read."""


class ConfigError(EdgeError, ValueError):
    """The configuration, or an argument, cannot be used."""


class ModelError(EdgeError):
    """A model package is missing, damaged or not what it says it is."""


class CaptureError(EdgeError, OSError):
    """A camera, a microphone or a media file cannot be opened or read."""


class PublishError(EdgeError):
    """The MQTT broker cannot be used as configured."""
