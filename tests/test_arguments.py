"""Arguments: each command helps with an example, wrong values are wrong usage."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.arguments import build_parser
from edge.cli import _COMMANDS


@pytest.mark.parametrize("command", sorted(_COMMANDS))
def test_each_command_helps_with_an_example(command: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="0"):
        build_parser().parse_args([command, "--help"])
    assert f"Example: {'sudo ' if command in ('doctor', 'report') else ''}emotion-edge {command}" in " ".join(
        capsys.readouterr().out.split()
    )


def test_a_part_of_the_files_is_read():
    options = build_parser().parse_args(["analyze", "a", "b", "--shard", "2/8", "--config", "c.toml"])
    assert (options.command, options.shard, options.jobs) == ("analyze", (2, 8), 0)
    assert (options.paths, options.config) == ([Path("a"), Path("b")], Path("c.toml"))


@pytest.mark.parametrize(
    "line",
    [
        *(f"demo --live --seconds {seconds}" for seconds in ("inf", "nan", "-1", "0", "soon")),
        *(f"analyze a --shard {part}" for part in ("0/2", "3/2", "1", "1/2/3", "one/two")),
        *(f"analyze a --jobs {jobs}" for jobs in ("0", "1025", "few")),
        "demo --live --clip a.mp4",
    ],
)
def test_a_wrong_value_is_wrong_usage_and_named(line: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="2"):
        build_parser().parse_args(line.split())
    assert line.split()[-2] in capsys.readouterr().err
