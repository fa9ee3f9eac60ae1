"""What is said of a process that ended, and what is kept of its warnings; how it ends is tested in test_batch.py."""

from __future__ import annotations

import logging
import signal

import pytest

from edge.analyze.processes import brought_down, project_warnings


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (-signal.SIGKILL, "(signal SIGKILL); memory has probably run out"),
        (-signal.SIGSEGV, "(signal SIGSEGV); the file is probably damaged"),
        (3, "(exit code 3); the file is probably damaged"),
        (None, "(exit code None); the file is probably damaged"),
    ],
)
def test_how_a_process_ended_is_told_with_what_it_probably_means(code: int | None, said: str):
    assert brought_down(code) == f"reading it brought the process down {said}"


def test_warnings_of_the_project_are_kept_and_not_told_elsewhere(caplog: pytest.LogCaptureFixture):
    with project_warnings() as said:
        logging.getLogger("edge.capture").warning("%d damaged packets", 3)
        logging.getLogger("edge.capture").info("nothing to worry about")
        logging.getLogger("other").warning("not ours")
    assert said == ["3 damaged packets"]
    assert caplog.messages == ["not ours"]
    logging.getLogger("edge.capture").warning("afterwards")
    assert said == ["3 damaged packets"]
    assert caplog.messages == ["not ours", "afterwards"]
