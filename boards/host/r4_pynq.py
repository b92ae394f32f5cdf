# SPDX-License-Identifier: Apache-2.0
"""Registers and memory for r4.py on PYNQ.

    import r4, r4_pynq

    mmio, memory = r4_pynq.load("r4.bit", clock_mhz=249.9975)
    accelerator = r4.Accelerator.open(".", mmio, memory)

r4.hwh lies beside r4.bit. Nothing here was run on a board, and PYNQ's names are not verified.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import r4_regs as regs
from numpy.typing import NDArray
from r4_types import HostTime, R4Error

POLL_SECONDS = 50e-6


class PynqMmio(HostTime):
    """The registers. PYNQ takes interrupts through an AXI interrupt controller, which the design does not have.

    So `wait_irq` looks at STATUS and IRQ_ENABLE, whose product is the interrupt line.
    """

    def __init__(self, mmio: Any) -> None:
        self._words: NDArray[np.uint32] = mmio.array
        self._enabled = False

    def read32(self, offset: int) -> int:
        return int(self._words[offset >> 2])

    def write32(self, offset: int, value: int) -> None:
        if offset == regs.R4_CONTROL:
            self._enabled = bool(value & regs.R4_CONTROL_IRQ_ENABLE)
        self._words[offset >> 2] = value

    def wait_irq(self, timeout: float) -> bool:
        deadline = self.now_ns() + round(timeout * 1e9)
        while True:
            if self._enabled and self.read32(regs.R4_STATUS) & regs.R4_STATUS_DONE:
                return True
            if self.now_ns() >= deadline:
                return False
            self.sleep(POLL_SECONDS)


class PynqBuffer:
    """A buffer of pynq.allocate; its cache is kept as a whole."""

    def __init__(self, buffer: Any) -> None:
        self._buffer = buffer
        self.array: NDArray[np.uint8] = np.asarray(buffer)
        self.address = int(buffer.device_address)

    def flush(self, size: int) -> None:
        del size
        self._buffer.flush()

    def invalidate(self, size: int) -> None:
        del size
        self._buffer.invalidate()

    def free(self) -> None:
        self._buffer.freebuffer()


class PynqMemory:
    """Contiguous memory of PYNQ."""

    def __init__(self, allocate: Any) -> None:
        self._allocate = allocate

    def allocate(self, size: int) -> PynqBuffer:
        try:
            return PynqBuffer(self._allocate(shape=(size,), dtype=np.uint8))
        except RuntimeError as error:
            raise MemoryError(f"what PYNQ can reserve ({error})") from error


def load(bitfile: str, *, clock_mhz: float, cell: str = "r4") -> tuple[PynqMmio, PynqMemory]:
    """Loads a bitstream with its .hwh, sets PL0, and gives the registers of the block design's `cell`, and memory.

    Raises R4Error without PYNQ, and where the bitstream has no such cell.
    """
    try:
        pynq: Any = importlib.import_module("pynq")
    except ImportError as error:
        raise R4Error(
            f"pynq: must be installed to load {bitfile}, not missing ({error}); "
            "run it on a PYNQ image, or load with load.sh and leave --pynq out"
        ) from None
    overlay = pynq.Overlay(bitfile)
    pynq.Clocks.fclk0_mhz = clock_mhz
    if cell not in overlay.ip_dict:
        known = ", ".join(overlay.ip_dict) or "none"
        raise R4Error(
            f"{bitfile}: cell {cell} must be in the block design, not {known}; load r4.bit with its r4.hwh"
        )
    found = overlay.ip_dict[cell]
    return PynqMmio(pynq.MMIO(found["phys_addr"], regs.R4_MAP_BYTES)), PynqMemory(pynq.allocate)
