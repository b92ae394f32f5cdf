# SPDX-License-Identifier: Apache-2.0
"""Checks the accelerator on the board: identity, clock, results in every layout, speed.

    sudo python3 selftest.py                              Linux, after load.sh
    sudo python3 selftest.py --pynq r4.bit                PYNQ, which loads the bitstream itself

Ends with 0 where all is right, else with 2 and one line that says what is not.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import r4
import r4_pynq
import r4_uio


def main(arguments: Sequence[str] | None = None, *, root: str = "/") -> int:
    """The command line. root: as of UioMmio."""
    parser = argparse.ArgumentParser(description="Checks the accelerator: identity, clock, results, speed.")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent, help="where interface.json is")
    parser.add_argument("--uio", default="r4", help="name of the UIO device")
    parser.add_argument("--memory", default="udmabuf-r4", help="name of the u-dma-buf device")
    parser.add_argument("--pynq", metavar="BIT", help="load this bitstream by PYNQ")
    parser.add_argument("--seconds", type=float, default=1.0, help="time to measure the speed; 0: not at all")
    parser.add_argument("--json", type=Path, help="write what was measured to this file")
    given = parser.parse_args(arguments)
    try:
        mmio: r4.Mmio
        memory: r4.Memory
        if given.pynq:
            clock = r4.Interface.read(given.folder).clock_mhz
            mmio, memory = r4_pynq.load(given.pynq, clock_mhz=clock)
        else:
            mmio, memory = r4_uio.UioMmio(given.uio, root=root), r4_uio.UdmabufMemory(given.memory, root=root)
        accelerator = r4.Accelerator.open(given.folder, mmio, memory)
        print(f"design and clock: as interface.json says; {accelerator.clock_mhz:.3f} MHz")
        compared = accelerator.selftest()
        print(f"results: 0 of {compared} values differ")
        if given.seconds > 0:
            found = accelerator.measure(given.seconds)
            print(
                f"speed: {found.frames_per_second:,.0f} frames/s, {found.cycles_per_frame:.2f} cycles a frame, "
                f"{found.latency_us:.1f} us to the first"
            )
            if given.json:
                given.json.write_text(json.dumps({"compared": compared, **asdict(found)}, indent=1) + "\n")
    except r4.R4Error as error:
        print(f"selftest: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
