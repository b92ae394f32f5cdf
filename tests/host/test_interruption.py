# SPDX-License-Identifier: Apache-2.0
"""Signals that end a command: held back where they must, and heard once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from rtl4ml.host import interruption


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The signals' handlers of before, put back; what happened is forgotten, or later tests would be interrupted."""
    before = {number: signal.getsignal(number) for number in interruption.SIGNALS}
    interruption.listen()
    yield
    interruption.listen()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", interruption.SIGNALS)
def test_a_signal_interrupts_once(number: int) -> None:
    assert not interruption.happened()
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    assert interruption.happened()
    os.kill(os.getpid(), number)  # while the command tidies up


def test_a_held_signal_interrupts_at_the_end_of_the_outermost_block() -> None:
    reached = []
    with pytest.raises(KeyboardInterrupt), interruption.held():
        with interruption.held():
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
            reached.append("inner")
        reached.append("outer")
    assert reached == ["inner", "outer"]
    with interruption.held():
        os.kill(os.getpid(), signal.SIGTERM)


def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interruption.listen()
    os.kill(os.getpid(), signal.SIGHUP)
    assert not interruption.happened()


def test_a_block_of_another_thread_holds_nothing_back() -> None:
    with pytest.raises(KeyboardInterrupt):
        thread = threading.Thread(target=_held_for_ever, args=[stop := threading.Event()], daemon=True)
        thread.start()
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            stop.set()
            thread.join()


def _held_for_ever(stop: threading.Event) -> None:
    with interruption.held():
        stop.wait(60)
