"""What the outbox promises, measured: `python -m bench.reliability` prints the table of docs/reliability.md."""
