"""The command `emotion-convert`: train, quantize, evaluate and inspect models on a workstation."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from convert import cli_detector, cli_face, cli_release, cli_speech
from convert.cli_parts import described
from edge import __version__
from edge.errors import EdgeError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 0 done, 1 failed with a message, 2 wrong usage (argparse exits with it)."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        return int(arguments.command(arguments) or 0)
    except (EdgeError, OSError) as error:
        print(f"emotion-convert: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("emotion-convert: interrupted; 'train ... --resume' goes on where it was.", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = described(
        argparse.ArgumentParser,
        "Train, quantize and measure the models of emotion-edge.",
        "emotion-convert train face --data data/fer2013 --out runs/face\n"
        "  emotion-convert quantize runs/face --task face --calibration data/fer2013 --out models/face-emotion\n"
        "  emotion-convert evaluate face --model models/face-emotion --data data/fer2013",
        prog="emotion-convert",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="train a model from a data set")
    trained = train.add_subparsers(required=True, metavar="TASK")
    for part in (cli_face, cli_speech, cli_detector):
        part.add_train(trained)
    cli_release.add_commands(commands)
    evaluate = commands.add_parser("evaluate", help="measure a package or a run")
    evaluated = evaluate.add_subparsers(required=True, metavar="TASK")
    for part in (cli_face, cli_speech, cli_detector):
        part.add_evaluate(evaluated)
    cli_face.add_commands(commands)
    cli_detector.add_label(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
