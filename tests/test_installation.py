"""The command that a message names is for the environment in which the program runs."""

from __future__ import annotations

import sys

import pytest

from edge.installation import install_extra, pip_install


def test_in_an_environment_of_ones_own_it_is_plain_pip():
    assert install_extra("metrics") == "pip install 'emotion-edge[metrics]'"
    assert pip_install("av") == "pip install av"


def test_on_an_installed_device_it_is_the_programs_own(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "prefix", "/opt/emotion-edge")
    assert install_extra("web") == "sudo /opt/emotion-edge/bin/pip install '/usr/share/emotion-edge/source[web]'"
    assert pip_install("'numpy<2'", "av") == "sudo /opt/emotion-edge/bin/pip install 'numpy<2' av"
