# SPDX-License-Identifier: Apache-2.0
"""The driver r4.py, unchanged, on the RTL of the shell, by cocotb's bridge (sim/tb_board.py)."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import board_drivers
import board_nets
import numpy as np
import pytest
from board_benches import bench
from numpy.typing import NDArray

import rtl4ml
from rtl4ml.board.values import Shell
from rtl4ml.simulation.protocol import BenchResult

Cube = NDArray[np.unsignedinteger[Any]]
TESTS = {"jobs", "jobs_under_pauses", "errors_aborts_and_limits"}


def interface(shell: Shell) -> dict[str, Any]:
    """What the driver must know of a shell around a stand-in."""
    return {
        "input": {
            "dtype": f"uint{8 * shell.count_bytes}",
            "bands": shell.bands,
            "frame_rows": shell.frame_rows,
            "frame_columns": shell.frame_columns,
            "layouts": ["bip", "bil", "bsq"] if shell.banded else ["bip"],
        },
        "output": {
            "kind": shell.result,
            "dtype": f"uint{shell.out_container}",
            "shape": [] if shell.frame_rows * shell.frame_columns == 1 else [shell.out_beats],
            "frame_bytes": shell.frame_bytes,
        },
        "hardware": {"signature": shell.signature, "data_bytes": 16, "clock_mhz": 249.9975},
    }


def results(shell: Shell, cube: Cube) -> NDArray[Any]:
    """What the driver must give for a cube."""
    data = board_nets.expected(shell, cube)
    rows, columns, _ = cube.shape
    if shell.result == "mask":
        packed = data.reshape(rows, -(-columns // 8))
        return np.unpackbits(packed, axis=1, count=columns, bitorder="little").astype(bool)
    if shell.result == "map":
        return data.reshape(rows, columns)
    return data.view(np.uint16).reshape(rows, columns)


class Setup:
    """A shell around a stand-in, and a driver's folder for it."""

    def __init__(self, shell: Shell, folder: Path) -> None:
        self.shell, self.folder = shell, folder
        self.sources = board_nets.write(shell, folder)

    def host(self, name: str, alter: board_drivers.Alter | None = None) -> Path:
        host = self.folder / name
        host.mkdir()
        board_drivers.copy(host, alter)
        (host / "interface.json").write_text(json.dumps(interface(self.shell)))
        return host

    def jobs(self, *cubes: tuple[str, int, int]) -> list[tuple[str, Cube, NDArray[Any]]]:
        """Of layout, rows and columns each."""
        rng = np.random.default_rng(0)
        made = []
        for layout, rows, columns in cubes:
            cube = rng.integers(0, 256, (rows, columns, self.shell.bands))
            cube = cube.astype(f"u{self.shell.count_bytes}")
            made.append((layout, cube, results(self.shell, cube)))
        return made

    def run(self, host: Path, jobs: Any, **case: Any) -> BenchResult:
        return bench(self.folder / "build", host, self.sources, self.folder / "mem", jobs, **case)


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    return Setup(board_nets.stand_in(bands=10, lanes=2), tmp_path_factory.mktemp("pixels"))


@pytest.mark.early
@pytest.mark.gate
def test_driver_on_the_shell(pixels: Setup) -> None:
    host = pixels.host("host")
    jobs = pixels.jobs(
        ("bip", 3, 7), ("bip", 1, 1), ("bil", 2, 45), ("bil", 3, 7), ("bsq", 2, 33), ("bsq", 1, 3)
    )
    (_, counts, wanted), *_ = jobs
    np.save(host / "selftest_counts.npy", counts)
    np.save(host / "selftest_result.npy", wanted)
    found = pixels.run(host, jobs, probe=True, errors=[[0], [9]], aborts=[1, 40, 97, 150])
    assert found.failures == dict.fromkeys(TESTS)
    assert found.measured["values"] == sum(w.size for _, _, w in jobs)
    assert found.measured["clock_mhz"] == pytest.approx(250, rel=0.005)


MUTANTS: dict[str, board_drivers.Alter] = {
    "no flush": ("r4.py", "        counts.flush(job.count_bytes)\n", ""),
    "no invalidate": ("r4.py", "        result.invalidate(job.result_bytes)\n", ""),
    "wrong stride": ("r4.py", '"bsq": line * job.rows', '"bsq": line * job.columns'),
    "start before lengths": (
        "r4.py",
        "        write = self._mmio.write32\n",
        "        write = self._mmio.write32\n        write(regs.R4_CONTROL, 5)\n",
    ),
    "half an interrupt": (
        "r4.py",
        "regs.R4_CONTROL_IRQ_ENABLE | regs.R4_CONTROL_START",
        "regs.R4_CONTROL_START",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_fails_on_the_shell(name: str, pixels: Setup) -> None:
    host = pixels.host(name, MUTANTS[name])
    found = pixels.run(host, pixels.jobs(("bip", 2, 3), ("bsq", 2, 5)), tests=["jobs"])
    assert found.failures["jobs"], "the altered driver must fail"


@pytest.mark.slow
def test_driver_on_images(tmp_path: Path) -> None:
    shell = board_nets.stand_in(bands=3, lanes=1, count_bytes=1, frame=(5, 37), result="mask")
    setup = Setup(shell, tmp_path)
    found = setup.run(setup.host("host"), setup.jobs(("bip", 5, 37), ("bil", 10, 37), ("bsq", 5, 37)))
    assert found.failures == dict.fromkeys(TESTS)


@pytest.mark.slow
def test_driver_on_the_student(tmp_path: Path) -> None:
    """64 pixels of a trained student, whose board folder is used as it is written."""
    model = files("rtl4ml.models").joinpath("salinas_1dcnn.keras")
    design = rtl4ml.convert(str(model), out=tmp_path / "design", output="argmax")
    board = design.board()
    counts = board.meaning.counts
    rng = np.random.default_rng(0)
    jobs = []
    for layout, rows, columns in (("bip", 8, 8), ("bil", 2, 32)):
        cube = rng.integers(0, 2**13, (rows, columns, board.shell.bands)).astype(np.uint16)
        x = counts.preprocess(cube).reshape(-1, *design.graph.inputs[0].shape)
        jobs.append((layout, cube, design.emulate(x).astype(np.uint8).reshape(rows, columns)))
    host = board.folder / "host"
    sources = sorted((board.folder / "rtl").glob("*.sv"))
    found = bench(
        tmp_path / "build", host, sources, board.folder / "mem", jobs, tests=["jobs_under_pauses"], limit=2000
    )
    assert found.failures == {"jobs_under_pauses": None}
