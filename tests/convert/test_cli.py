from __future__ import annotations

from pathlib import Path

import pytest

from convert.cli import main

_COMMANDS = (
    [],
    ["train", "face"],
    ["train", "speech"],
    ["train", "fusion"],
    ["quantize"],
    ["evaluate", "face"],
    ["evaluate", "speech"],
    ["inspect"],
    ["golden"],
    ["bench"],
    ["export"],
    ["compare"],
    ["search"],
    ["explain"],
    ["recipe"],
)


@pytest.mark.parametrize("command", _COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([*command, "--help"])
    assert end.value.code == 0
    assert " ".join(["emotion-convert", *command]) in capsys.readouterr().out.split("example:")[1]


def test_version(capsys):
    from edge import __version__

    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["train"], ["train", "face", "--epochs", "0"], ["evaluate", "speech"]])
def test_wrong_usage_is_2(arguments):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["quantize", "{}", "--task", "face", "--calibration", "{}", "--out", "{}/out"], "emotion-convert train"),
        (["inspect", "{}"], "model.json"),
    ],
)
def test_a_users_mistake_is_one_message(arguments, message, tmp_path: Path, capsys):
    assert main([argument.format(tmp_path) for argument in arguments]) == 1
    errors = capsys.readouterr().err
    assert message in errors
    assert "Traceback" not in errors
    assert len(errors.strip().splitlines()) == 1
