"""Repeatable measurements; `python -m bench` prints a table. Not part of the installed package."""
