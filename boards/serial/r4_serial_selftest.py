# SPDX-License-Identifier: Apache-2.0
"""Checks the accelerator behind a serial line: identity, results, speed.

    python3 r4_serial_selftest.py /dev/ttyUSB0

Ends with 0 where all is right, else with 2 and one line that says what is not.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import r4_serial


def main(
    arguments: Sequence[str] | None = None,
    *,
    opened: Callable[[str, Path], r4_serial.Accelerator] = r4_serial.open_port,
) -> int:
    """The command line. opened: makes the accelerator of a port and a folder."""
    parser = argparse.ArgumentParser(description="Checks the accelerator: identity, results, speed.")
    parser.add_argument("port", help="serial port, such as /dev/ttyUSB0 or COM3")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent, help="where interface.json is")
    given = parser.parse_args(arguments)
    try:
        accelerator = opened(given.port, given.folder)
        print("design: as interface.json says")
        start = time.monotonic()
        compared = accelerator.selftest()
        took = time.monotonic() - start
        print(f"results: 0 of {compared} values differ")
        print(f"speed: {took:.3f} s, line and host included")
    except r4_serial.R4Error as error:
        print(f"selftest: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
