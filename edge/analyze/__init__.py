"""`emotion-edge analyze`: recordings through the service's own perception and fusion; tables, plots, a report."""
