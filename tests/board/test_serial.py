# SPDX-License-Identifier: Apache-2.0
"""The whole top of a board behind a serial line, bits in and bits out, by the driver r4_serial.py, unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import board_nets
import numpy as np
import pytest
import serial_boards

import rtl4ml
from rtl4ml.board.ecp5 import serial

TESTS = {"cube", "broken_packets", "driver_tries_again", "flood"}


def setup(folder: Path, rows: int, columns: int, **changes: Any) -> tuple[Any, ...]:
    """Host folder, sources, a cube and its result, of a shell around the stand-in."""
    made = serial_boards.fast(board_nets.stand_in(banded=False, **changes))
    s = made.shell
    kind = np.dtype(f"u{s.count_bytes}")
    cube = np.random.default_rng(0).integers(0, 256, (rows, columns, s.bands)).astype(kind)
    data = board_nets.expected(s, cube)
    if s.result == "raw":
        result = data.view(np.uint16).reshape(-1, s.out_beats)
        result = result.reshape(rows, columns) if s.out_beats == 1 else result
    elif s.result == "mask":
        result = np.unpackbits(data.reshape(rows, -1), axis=1, count=columns, bitorder="little").astype(bool)
    else:
        result = data.reshape(rows, columns)
    host = serial_boards.host(folder, serial_boards.interface(made), cube, result)
    return host, serial_boards.stand_in(made, folder), cube, result


@pytest.mark.gate
def test_pixels(tmp_path: Path) -> None:
    found = serial_boards.run(tmp_path, *setup(tmp_path, 2, 3, bands=10, lanes=2, result="map"))
    assert found.failures == dict.fromkeys(TESTS)
    assert found.measured["values"] == 3 + 6


@pytest.mark.gate
def test_pixels_on_a_line_2_per_cent_off(tmp_path: Path) -> None:
    given = setup(tmp_path, 1, 2, bands=6, lanes=3, result="map")
    for off in (-0.02, 0.02):
        found = serial_boards.run(tmp_path, *given, off=off, tests=("cube",))
        assert found.failures == {"cube": None}, off


@pytest.mark.gate
def test_images_and_a_flood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results of 16 bits, twice as long as their counts; two images at once are too many for the buffer."""
    monkeypatch.setattr(serial, "BUFFER_BYTES", 64)
    changes: dict[str, Any] = {"bands": 1, "lanes": 1, "count_bytes": 1, "frame": (4, 12), "result": "raw"}
    found = serial_boards.run(tmp_path, *setup(tmp_path, 8, 12, **changes), flood=6)
    assert found.failures == dict.fromkeys(TESTS)
    assert found.measured["values"] == 48 + 96


@pytest.mark.gate
def test_a_mask_of_images(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"bands": 3, "lanes": 1, "count_bytes": 1, "frame": (2, 5), "result": "mask"}
    found = serial_boards.run(tmp_path, *setup(tmp_path, 4, 5, **changes), tests=("cube",))
    assert found.failures == {"cube": None}


@pytest.mark.gate
def test_the_driver_on_a_whole_network(tmp_path: Path) -> None:
    """The folder of a design as it is written, but for a faster line."""
    design = rtl4ml.convert(board_nets.pixels(), out=tmp_path / "design", output="argmax")
    board = design.board(board="ulx3s", scale_log2=8)
    fast = serial_boards.fast(board.meaning.shell)
    serial.write(fast, board.spec, board.folder)
    sources = serial_boards.with_pll(sorted((board.folder / "rtl").glob("*.sv")), tmp_path)
    cube = np.random.default_rng(1).integers(0, 2**10, (2, 4, board_nets.BANDS)).astype(np.uint16)
    wanted = board.meaning.result(cube)
    (tmp_path / "mem").symlink_to(board.folder / "mem")
    found = serial_boards.run(tmp_path, board.folder / "host", sources, cube, wanted, tests=("cube",))
    assert found.failures == {"cube": None}
    assert found.measured["values"] == 7 * 37 + wanted.size
