# SPDX-License-Identifier: Apache-2.0
"""Shows the progress of long steps, in a terminal or as lines of a log file or notebook."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rtl4ml.errors import readable

SECONDS_A_LINE = 10.0  # while a step goes on

Tell = Callable[[int, int], None]  # is told how many of how many are done
Step = Callable[[str], AbstractContextManager[Tell]]  # shows the step of a text while its block runs


def silent(_what: str) -> AbstractContextManager[Tell]:
    """The step that shows nothing."""
    return nullcontext(lambda _done, _of: None)


class Count:
    """A step's text, and how many of how many are done once that is known."""

    def __init__(self, what: str) -> None:
        self.text = self._what = readable(what)
        self._start = time.monotonic()

    def tell(self, done: int, of: int, note: str = "") -> None:
        """Puts the numbers into the text, and a note behind them."""
        self.text = readable(f"{self._what}: {done:,} of {of:,}{f', {note}' if note else ''}")

    @property
    def seconds(self) -> float:
        """Since the step began."""
        return time.monotonic() - self._start


@contextmanager
def lines(count: Count, write: Callable[[str], None]) -> Iterator[None]:
    """Writes a line every few seconds while the block runs, and one once it is done; none where it fails."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(SECONDS_A_LINE):
            try:
                write(f"{count.text} ({count.seconds:.0f} s so far)")
            except OSError:  # nobody reads any more; the block goes on
                return

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    write(f"done {count.text} ({count.seconds:.1f} s)")


@contextmanager
def printed(what: str) -> Iterator[Tell]:
    """A step of a script or a notebook: its lines go to stdout, as hls4ml's backends talk."""
    count = Count(what)
    with lines(count, lambda line: print(line, flush=True)):
        yield count.tell
