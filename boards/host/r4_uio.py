# SPDX-License-Identifier: Apache-2.0
"""Registers and memory for r4.py on Linux: a UIO device and a buffer of u-dma-buf, both found by name in sysfs.

u-dma-buf (github.com/ikwzm/udmabuf) is a kernel module that is built for the board's kernel. Formats of its attributes
are those of its Readme. Nothing here was run on a board.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import select
import struct
from pathlib import Path

import numpy as np
import r4_regs as regs
from numpy.typing import NDArray
from r4_types import HostTime, R4Error

PAGE = 4096
CLASSES = ("u-dma-buf", "udmabuf")  # of sysfs: new and old name of the module


class UioMmio(HostTime):
    """The registers and the interrupt, by the UIO device whose name is that of its node in the device tree.

    root: where dev and sys lie; other than / in tests. Raises R4Error where the device is not there or not accessible.
    """

    def __init__(self, name: str = "r4", *, root: str | Path = "/") -> None:
        there = sorted((Path(root) / "sys/class/uio").glob("uio*"))
        found = [p for p in there if (p / "name").is_file() and (p / "name").read_text().strip() == name]
        if not found:
            names = ", ".join((p / "name").read_text().strip() for p in there if (p / "name").is_file())
            raise R4Error(
                f"a UIO device named {name} must be there, not {names or 'none'}; apply the overlay (load.sh), with "
                "uio_pdrv_genirq.of_id=generic-uio on the kernel's command line"
            )
        path = Path(root) / "dev" / found[0].name
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_SYNC)
        except OSError as error:
            raise R4Error(
                f"{path}: must be open to read and write, not {error.strerror}; run as root"
            ) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise R4Error(f"{path}: must have one user, not two; end the other program") from error
        self._map = mmap.mmap(self._fd, regs.R4_MAP_BYTES)
        self._words: NDArray[np.uint32] = np.frombuffer(self._map, "<u4")

    def read32(self, offset: int) -> int:
        return int(self._words[offset >> 2])

    def write32(self, offset: int, value: int) -> None:
        self._words[offset >> 2] = value

    def wait_irq(self, timeout: float) -> bool:
        # A UIO interrupt is off once it came; 1 turns it on again. While the line is high it comes at once.
        os.write(self._fd, struct.pack("=I", 1))
        ready, _, _ = select.select([self._fd], [], [], timeout)
        if ready:
            os.read(self._fd, 4)  # how many there were: no matter
        return bool(ready)


class UdmabufBuffer:
    """A part of the memory of u-dma-buf."""

    def __init__(self, memory: UdmabufMemory, start: int, size: int) -> None:
        self.start, self.size = start, size
        self.array: NDArray[np.uint8] = memory.array[start : start + size]
        self.address = memory.address + start
        self._memory = memory

    def flush(self, size: int) -> None:
        self._memory.sync("sync_for_device", self.start, size)

    def invalidate(self, size: int) -> None:
        self._memory.sync("sync_for_cpu", self.start, size)

    def free(self) -> None:
        self._memory.release(self)


class UdmabufMemory:
    """The memory of a u-dma-buf device, by its name; buffers are parts of it. Raises R4Error where it is not there."""

    def __init__(self, name: str = "udmabuf-r4", *, root: str | Path = "/") -> None:
        known = [Path(root) / "sys/class" / c / name for c in CLASSES]
        found = [p for p in known if p.is_dir()]
        if not found:
            raise R4Error(
                f"a u-dma-buf device named {name} must be there, not none; load its kernel module, then apply the "
                "overlay (load.sh)"
            )
        self._sys = found[0]
        self.address = int((self._sys / "phys_addr").read_text(), 0)
        self.size = int((self._sys / "size").read_text(), 0)
        path = Path(root) / "dev" / name
        try:
            # Without O_SYNC: the processor's cache stays on, and sync_for_* keep it right.
            fd = os.open(path, os.O_RDWR)
        except OSError as error:
            raise R4Error(
                f"{path}: must be open to read and write, not {error.strerror}; run as root"
            ) from error
        self._map = mmap.mmap(fd, self.size)
        os.close(fd)
        self.array: NDArray[np.uint8] = np.frombuffer(self._map, np.uint8)
        self._used: list[UdmabufBuffer] = []

    def allocate(self, size: int) -> UdmabufBuffer:
        """The first gap that is long enough, at a page."""
        start = 0
        for buffer in sorted(self._used, key=lambda b: b.start):
            if buffer.start - start >= size:
                break
            start = -(-(buffer.start + buffer.size) // PAGE) * PAGE
        if start + size > self.size:
            used = sum(b.size for b in self._used)
            raise MemoryError(f"the {self.size - used} of {self.size} bytes that are left")
        made = UdmabufBuffer(self, start, size)
        self._used.append(made)
        return made

    def release(self, buffer: UdmabufBuffer) -> None:
        """Gives a buffer's part back."""
        self._used.remove(buffer)

    def sync(self, attribute: str, start: int, size: int) -> None:
        """Cache lines of a range are written back (sync_for_device) or dropped (sync_for_cpu).

        One write tells it all: offset in the upper word, in the lower one the size, a multiple of 16 of which the low
        bits are free, the direction in bits 3:2 (0: both ways) and 1 in bit 0.
        """
        length = -(-size // 64) * 64
        (self._sys / attribute).write_text(f"0x{start:08X}{length | 1:08X}")
