"""Apparent emotion from a camera and a microphone, on the device, published over MQTT."""

__version__ = "0.1.0"
