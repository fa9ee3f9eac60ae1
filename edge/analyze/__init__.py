"""`emotion-edge analyze`: recordings through the service's own perception and fusion; tables, plots, a report."""

from edge.analyze.batch import Request, run_analyze

__all__ = ["Request", "run_analyze"]
