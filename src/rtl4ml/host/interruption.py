# SPDX-License-Identifier: Apache-2.0
"""Signals that end a command, held back while something must not be left half done.

`listen` makes SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt in the main thread. Once: the work of tidying up is
not interrupted by a second signal. What is true of the files then is said by notes of the exception.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class _State:
    held: int = 0  # blocks that hold signals back
    waiting: bool = False  # a signal came meanwhile
    raised: bool = False


_state = _State()


def listen() -> None:
    """Makes the signals interrupt this process; those that it was started to ignore (as by nohup) stay ignored."""
    _state.held, _state.waiting, _state.raised = 0, False, False
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def happened() -> bool:
    """Whether a signal has interrupted this process."""
    return _state.raised


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    if _state.raised:
        return
    if _state.held:
        _state.waiting = True
        return
    _state.raised = True
    raise KeyboardInterrupt


@contextmanager
def held() -> Iterator[None]:
    """Lets a signal that comes during the block interrupt at its end."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted
        return
    _state.held += 1
    try:
        yield
    finally:
        _state.held -= 1
        if _state.waiting and not _state.held:
            _state.waiting, _state.raised = False, True
            raise KeyboardInterrupt
