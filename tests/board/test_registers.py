# SPDX-License-Identifier: Apache-2.0
"""The register map: its files, the addresses of r4_axil_regs, and what every register does on the simulated shell."""

from __future__ import annotations

import json
import re
from pathlib import Path

import board_nets
import numpy as np
import pytest

from rtl4ml.board import registers
from rtl4ml.board.bulk import BoardSimulator, Job, Outcome
from rtl4ml.board.registers import REGISTERS, constants
from rtl4ml.emit.library import library

HOST = Path(__file__).resolve().parents[2] / "boards" / "host"
R = {r.name: r for r in REGISTERS}
CONTROL = R["CONTROL"].address


def test_the_files_of_the_host_are_those_of_the_map(tmp_path: Path) -> None:
    for path in registers.write(tmp_path):
        assert path.read_text() == (HOST / path.name).read_text(), (
            f"{path.name}: run registers.write on boards/host"
        )


def test_the_map_is_consistent() -> None:
    addresses = [r.address for r in REGISTERS]
    assert addresses == sorted(set(addresses))
    assert all(a % 4 == 0 and a < registers.CONSTANTS["MAP_BYTES"] for a in addresses)
    for r in REGISTERS:
        for f, g in zip(r.fields, r.fields[1:], strict=False):
            assert f.low + f.width <= g.low, (r.name, f.name)
    found = {r["name"]: r["address"] for r in json.loads(registers.json_text())["registers"]}
    assert found == {r.name: r.address for r in REGISTERS}


def test_the_hardware_has_the_addresses_of_the_map() -> None:
    text = (library() / "r4_axil_regs.sv").read_text()
    found = {m[1]: int(m[2], 16) for m in re.finditer(r"logic \[11:0\] Addr(\w+)\s*= 12'h(\w+);", text)}
    assert found == {r.name.title().replace("_", ""): r.address for r in REGISTERS}
    for name in ("ID_VALUE", "VERSION_VALUE"):
        value = re.search(rf"{name.title().replace('_', '')}\s*= 32'h([\w_]+);", text)
        assert value
        assert int(value[1].replace("_", ""), 16) == registers.CONSTANTS[name]


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> BoardSimulator:
    """Single pixels of 4 bands of uint16, four a beat, in BIP alone."""
    shell = board_nets.stand_in(bands=4, lanes=4, banded=False)
    return board_nets.simulator(shell, tmp_path_factory.mktemp("registers"))


def run(
    simulator: BoardSimulator, *accesses: tuple[int, int | None] | tuple[int, int, int], busy: bool = False
) -> Outcome:
    """Accesses on a shell whose job was refused, or while one runs."""
    cube = np.zeros((1, 1000 if busy else 1, 4), np.uint16)
    job = Job(cube=cube, driver=False, accesses=accesses, registers={} if busy else {"FRAMES": 0})
    (found,) = simulator.run([job], stalls=True, seed=4, refresh=False)
    return found


def test_words_are_kept_by_bytes(simulator: BoardSimulator) -> None:
    kept = [r for r in REGISTERS if r.access == "rw"]
    accesses: list[tuple[int, int | None] | tuple[int, int, int]] = []
    for k, r in enumerate(kept):
        accesses += [(r.address, 0x01020304 + k), (r.address, 0xA0B0C0D0, 1 << (k % 4))]
    accesses += [(r.address, None) for r in kept]
    read = run(simulator, *accesses).read
    for k, (r, value) in enumerate(zip(kept, read, strict=True)):
        mask = 0xFF << (8 * (k % 4))
        wanted = ((0x01020304 + k) & ~mask) | (0xA0B0C0D0 & mask)
        if r.name in ("SRC_HIGH", "DST_HIGH", "SPILL_HIGH"):  # 40 bits of an address
            wanted &= 0xFF
        if r.name == "LAYOUT":  # BIP alone
            wanted = 0
        assert value == wanted, r.name


def test_an_address_without_a_register_reads_zero_and_takes_a_write(simulator: BoardSimulator) -> None:
    free = sorted(set(range(0, 4096, 4)) - {r.address for r in REGISTERS})[::7]
    accesses = [(a, v) for a in free for v in (0xFFFFFFFF, None)]
    assert set(run(simulator, *accesses).read) == {0}


def test_what_hardware_says_cannot_be_written(simulator: BoardSimulator) -> None:
    shell = simulator.shell
    fixed = ["ID", "VERSION", *(f"SIGNATURE{k}" for k in range(4))]
    fixed += ["BANDS", "CAPABILITIES", "FRAME_ROWS", "FRAME_COLUMNS", "FRAME_BYTES", "SPILL_BYTES"]
    accesses = [(R[name].address, value) for name in fixed for value in (0x5A5A5A5A, None)]
    words = np.frombuffer(bytes.fromhex(shell.signature), "<u4").tolist()
    wanted = [0x4C4D3452, 0x00010000, *words, 4, 0x00100002, 1, 1, 2, 0]
    assert list(run(simulator, *accesses).read) == wanted


def test_a_running_job_is_not_changed_nor_started_again(simulator: BoardSimulator) -> None:
    job = [r for r in REGISTERS if r.job]
    accesses: list[tuple[int, int | None]] = [(r.address, None) for r in job]
    accesses += [(r.address, 0xFFFFFFFF) for r in job]
    accesses += [(r.address, None) for r in job]
    accesses += [(CONTROL, constants()["R4_CONTROL_START"] | constants()["R4_CONTROL_IRQ_ENABLE"])]
    accesses += [(R["SCRATCH"].address, 77), (R["SCRATCH"].address, None), (R["STATUS"].address, None)]
    found = run(simulator, *accesses, busy=True)
    n = len(job)
    assert found.read[:n] == found.read[n : 2 * n]
    assert found.read[2 * n :] == (77, constants()["R4_STATUS_BUSY"])
    assert (found.frames_done, found.flags) == (1000, frozenset())


def test_control_reads_as_the_enable_bit_and_clear_clears_done(simulator: BoardSimulator) -> None:
    enable, clear = constants()["R4_CONTROL_IRQ_ENABLE"], constants()["R4_CONTROL_CLEAR"]
    status = R["STATUS"].address
    done = constants()["R4_STATUS_DONE"] | constants()["R4_STATUS_BAD_LENGTH"]
    cube = np.zeros((1, 1, 4), np.uint16)
    start = constants()["R4_CONTROL_START"] | enable
    accesses = (
        (CONTROL, None),
        (status, None),
        (CONTROL, clear),
        (status, None),
        (CONTROL, None),
        (CONTROL, start),
    )
    (found,) = simulator.run([Job(cube=cube, driver=False, registers={"FRAMES": 0}, accesses=accesses)])
    assert found.read == (enable, done, constants()["R4_STATUS_BAD_LENGTH"], 0)


def test_free_cycles_count_always(simulator: BoardSimulator) -> None:
    free = R["FREE_CYCLES"].address
    first, second = run(simulator, (free, None), (free, None)).read
    assert 0 < second - first < 40
