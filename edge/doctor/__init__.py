"""`emotion-edge doctor`: is everything there that the service needs, and what to do where it is not."""

from edge.doctor.report import run_devices, run_doctor

__all__ = ["run_devices", "run_doctor"]
