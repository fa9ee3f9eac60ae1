"""What the parts of `emotion-convert`'s command line share."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from convert.table import figures_table


def described(make: Any, text: str, example: str, *names: str, **options: str) -> Any:
    """A parser made by `make` (a class, or the `add_parser` of a group) with a description and an example."""
    if names:
        options["help"] = text
    return make(
        *names,
        description=text,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **options,
    )


def add_data(command: argparse.ArgumentParser, what: str = "folder of the data set") -> None:
    """The option ``--data``."""
    command.add_argument("--data", type=Path, required=True, metavar="DIR", help=what)


def add_run(command: argparse.ArgumentParser) -> None:
    """The options of a training: where, how long, whether it goes on."""
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    command.add_argument("--epochs", type=positive, help="other than the recipe's")
    command.add_argument("--resume", action="store_true", help="go on after the last epoch that is kept in --out")


def above_zero(text: str) -> float:
    """A number above 0, for argparse."""
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected more than 0, got {text}")
    return value


def positive(text: str) -> int:
    """A whole number of 1 or more, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {value}")
    return value


def add_figures(command: argparse.ArgumentParser) -> None:
    """The option ``--json``, for `write_figures`."""
    command.add_argument("--json", metavar="FILE", help="write all figures there; - for standard output")


def write_figures(measured: dict[str, Any], target: str | None) -> None:
    """Print `measured` as a table, or as JSON where `target` is ``-``; write JSON to any other `target`."""
    text = json.dumps(measured, indent=2)
    if target == "-":
        print(text)
        return
    print(figures_table(measured))
    if target is not None:
        Path(target).write_text(text + "\n", encoding="utf-8")
