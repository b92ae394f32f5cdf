# SPDX-License-Identifier: Apache-2.0
"""The driver's values: its errors, what it asks of registers and memory, and what it counts.

r4.py takes all of it in and is what a user imports. Needs NumPy alone.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class R4Error(Exception):
    """Base of the driver's errors. The text is one line: the rule, "not" what was found, the way out."""


class WrongDevice(R4Error):
    """The hardware is not the accelerator of this folder, or not at its clock."""


class BadCube(R4Error):
    """Counts of another dtype, shape or layout than the design takes, or more than the memory holds."""


class Busy(R4Error):
    """A call that does not go with the jobs that run."""


class JobFailed(R4Error):
    """A job that ended without its result.

    status:   register STATUS at its end
    counters: what the hardware counted until then
    """

    def __init__(self, text: str, status: int, counters: Counters) -> None:
        super().__init__(f"{text} ({counters})")
        self.status, self.counters = status, counters


class JobTimeout(JobFailed):
    """A job that did not end in time; it was aborted, and the next one may run unless the text says otherwise."""


class Mmio(Protocol):
    """The accelerator's registers, its interrupt, and the clock of whoever waits for it."""

    def read32(self, offset: int) -> int:
        """The word at a byte offset that is a multiple of 4."""

    def write32(self, offset: int, value: int) -> None:
        """Writes a word; it has arrived before the next access does."""

    def wait_irq(self, timeout: float) -> bool:
        """Whether the interrupt line was high within `timeout` seconds, 0 for whether it is now."""

    def now_ns(self) -> int:
        """Nanoseconds of a clock that never goes back."""

    def sleep(self, seconds: float) -> None:
        """Returns after `seconds`."""


class HostTime:
    """`now_ns` and `sleep` of an `Mmio` whose time is that of the host."""

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Buffer(Protocol):
    """Memory that processor and hardware share.

    array:   its bytes, as the processor sees them
    address: as the hardware addresses it, a multiple of 16
    """

    array: NDArray[np.uint8]
    address: int

    def flush(self, size: int) -> None:
        """Makes the first `size` bytes that the processor wrote visible to the hardware."""

    def invalidate(self, size: int) -> None:
        """Makes the first `size` bytes that the hardware wrote visible to the processor."""

    def free(self) -> None:
        """Gives the memory back."""


class Memory(Protocol):
    """Where buffers come from."""

    def allocate(self, size: int) -> Buffer:
        """A buffer of `size` bytes. Raises MemoryError where there is no room, with what there is."""


@dataclass(frozen=True)
class Counters:
    """Register values of a job. cycles: of its run; first_frame: from its start to its first frame's end.

    starved: the network could take input and none was there. blocked: it offered output that was not taken.
    Counters(cycles=13460, starved=210, blocked=0, frames_done=64, first_frame=404, frame_errors=0, axi_errors=0)
    """

    cycles: int
    starved: int
    blocked: int
    frames_done: int
    first_frame: int
    frame_errors: int
    axi_errors: int

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in asdict(self).items())


@dataclass(frozen=True)
class Measurement:
    """Speed of repeated jobs without the host's copies.

    frames_per_second is by the host's clock, cycles_per_frame by the hardware's; latency_us: start to the first frame;
    starved, blocked: shares of the cycles. Measurement(12, 49152, 1.22e6, 204.1, 1.6, 0.0, 0.0, 249.998)
    """

    jobs: int
    frames: int
    frames_per_second: float
    cycles_per_frame: float
    latency_us: float
    starved: float
    blocked: float
    clock_mhz: float
