# SPDX-License-Identifier: Apache-2.0
"""Lines of long steps: now and then while they go on, once when they are done, none where they fail."""

from __future__ import annotations

import re
import time

import pytest

from rtl4ml.host import progress


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS_A_LINE", 0.02)


def waited(written: list[str], text: str) -> bool:
    deadline = time.monotonic() + 20
    while not any(text in line for line in written) and time.monotonic() < deadline:
        time.sleep(0.01)
    return any(text in line for line in written)


def test_lines_come_now_and_then_and_once_it_is_done() -> None:
    written: list[str] = []
    count = progress.Count("count\x1b[2J")
    with progress.lines(count, written.append):
        assert waited(written, r"count\x1b[2J (0 s so far)")
        count.tell(3, 1200, "well")
        assert waited(written, r"count\x1b[2J: 3 of 1,200, well (")
    assert re.fullmatch(r"done count\\x1b\[2J: 3 of 1,200, well \(\d+\.\d s\)", written[-1])
    ended = len(written)
    time.sleep(0.1)
    assert len(written) == ended


def test_a_step_that_fails_is_not_done() -> None:
    written: list[str] = []
    with pytest.raises(ValueError, match="broken"), progress.lines(progress.Count("try"), written.append):
        raise ValueError("broken")
    ended = len(written)
    time.sleep(0.1)
    assert len(written) == ended
    assert not any(line.startswith("done") for line in written)


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_reader_that_has_gone_does_not_disturb_the_step() -> None:
    """As in `python script.py | head`: the step ends, and who writes next is told."""
    tried: list[str] = []

    def write(line: str) -> None:
        tried.append(line)
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError), progress.lines(progress.Count("work"), write):
        assert waited(tried, "so far")
        time.sleep(0.1)
        assert len(tried) == 1
    assert len(tried) == 2


def test_a_script_gets_them_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.printed("work") as tell:
        tell(2, 2)
    out, err = capsys.readouterr()
    assert re.fullmatch(r"done work: 2 of 2 \(\d+\.\d s\)\n", out.splitlines(keepends=True)[-1])
    assert err == ""


def test_the_silent_step_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.silent("work") as tell:
        tell(1, 2)
    assert capsys.readouterr() == ("", "")
