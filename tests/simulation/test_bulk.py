# SPDX-License-Identifier: Apache-2.0
"""simulation.bulk: exact beats and cycle stamps through the C++ harness, and every way in which a run can go wrong."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rtl_runner

from rtl4ml.errors import EnvironmentProblem, SimulationFailed
from rtl4ml.ir.types import Ints
from rtl4ml.simulation.bulk import Simulator, build

HERE = Path(__file__).resolve().parents[1] / "rtl"
CELLS = [rtl_runner.RTL / f"r4_{x}.sv" for x in ("fifo", "axis_in", "axis_out")]
IO: dict[str, Any] = {
    "in_dtype": "u1",
    "out_beats": 6,
    "out_lanes": 2,
    "out_dtype": "i2",
}  # passing_top as it is


@pytest.fixture(scope="module")
def passing(tmp_path_factory: pytest.TempPathFactory) -> Simulator:
    return build(tmp_path_factory.mktemp("passing"), "passing_top", [*CELLS, HERE / "passing_top.sv"])


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Simulator:
    return build(tmp_path_factory.mktemp("broken"), "broken_top", [HERE / "broken_top.sv"])


def elements(x: Ints, bits: int) -> Ints:
    """The low bits of every container, as a signed element: what passing_top is to make of them."""
    low = x & ((1 << bits) - 1)
    return np.where(low >> (bits - 1) == 1, low - (1 << bits), low)


def test_exact_with_latency_and_interval(passing: Simulator, rng: np.random.Generator) -> None:
    x = rng.integers(0, 256, (50, 6, 2))
    run = passing.run(x, **IO)
    np.testing.assert_array_equal(run.y, elements(x, 5))
    assert run.y.dtype == np.int64
    assert run.latency == 5 + 3  # beat 5 is taken 5 cycles after beat 0, each of the three cells takes one
    assert run.interval == 6
    assert run.intervals is not None
    assert run.intervals.tolist() == [6] * 49
    assert [e.tolist() for e in run.ends] == [list(range(8, 8 + 6 * 50, 6))]
    assert run.cycles == 50 * 6 + 3
    assert run.fifos == {"u_axis_in.u_beats": 1, "u_axis_in.gen_flag[0].u_flags": 1, "u_fifo": 1}


def test_an_output_that_is_complete_before_the_input_waits_for_it(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    simulator = build(tmp_path, "passing_top", [*CELLS, HERE / "passing_top.sv"], parameters={"Keep": 2})
    x = rng.integers(0, 256, (40, 6, 2))
    for stalls in ("none", "random"):
        run = simulator.run(x, **{**IO, "out_beats": 2}, stalls=stalls)
        np.testing.assert_array_equal(run.y, elements(x, 5)[:, :2])
        if stalls == "none":
            assert run.latency == 5 + 2
            assert run.interval == 6


def test_wide_ports_and_single_beats(tmp_path: Path, rng: np.random.Generator) -> None:
    parameters = {"Lanes": 3, "ElemWidth": 40, "InContainer": 64, "OutContainer": 64, "Beats": 1, "Keep": 1}
    blank = tmp_path / "with a blank"  # in which GNU make cannot build
    simulator = build(blank, "passing_top", [*CELLS, HERE / "passing_top.sv"], parameters=parameters)
    x = rng.integers(-(2**63), 2**63 - 1, (33, 1, 3))
    for stalls in ("none", "random"):
        run = simulator.run(x, in_dtype="i8", out_beats=1, out_lanes=3, out_dtype="i8", stalls=stalls)
        np.testing.assert_array_equal(run.y, elements(x, 40))
    assert simulator.run(x, in_dtype="i8", out_beats=1, out_lanes=3, out_dtype="i8").latency == 3


def test_stalls_change_the_cycles_and_nothing_else(passing: Simulator, rng: np.random.Generator) -> None:
    x = rng.integers(0, 256, (400, 6, 2))
    runs = [passing.run(x, **IO, stalls="random", seed=s) for s in (1, 1, 2)]
    for run in runs:
        np.testing.assert_array_equal(run.y, elements(x, 5))
        assert run.latency is None
        assert run.interval is None
        assert run.cycles > 400 * 6 * 1.2
        assert run.fifos == {
            "u_axis_in.u_beats": 2,
            "u_axis_in.gen_flag[0].u_flags": 2,
            "u_fifo": 5,
        }  # filled by the sink's stalls
    assert runs[0].cycles == runs[1].cycles
    assert runs[0].cycles != runs[2].cycles


@pytest.mark.parametrize("stalls", ["none", "random"])
def test_several_processes_share_the_frames(
    passing: Simulator, rng: np.random.Generator, stalls: Any
) -> None:
    x = rng.integers(0, 256, (101, 6, 2))
    seen: list[int] = []
    run = passing.run(x, **IO, stalls=stalls, processes=2, progress=seen.append)
    np.testing.assert_array_equal(run.y, elements(x, 5))
    assert seen[-1] == 101
    if stalls == "none":
        assert (run.latency, run.interval) == (8, 6)
        assert run.cycles == 101 * 6 + 2 * 3


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_frames(passing: Simulator, count: int) -> None:
    run = passing.run(np.ones((count, 6, 2), np.int64), **IO)
    assert run.y.shape == (count, 6, 2)
    assert np.all(run.y == 1)
    assert run.latency == (8 if count else None)
    assert run.interval == (6 if count >= 3 else None)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"out_beats": 5}, "m_axis_tlast must be 1, not 0 (frame 0, beat 4 of 5)"),
        ({"out_beats": 7}, "m_axis_tlast must be 0, not 1 (frame 0, beat 5 of 7)"),
        ({"out_lanes": 1}, "m_axis_tdata must have 2 bytes, not 4"),
        ({"in_dtype": "u2"}, "s_axis_tdata must have 4 bytes, not 2"),
    ],
)
def test_a_top_of_another_shape_is_one_line(passing: Simulator, changed: dict[str, Any], text: str) -> None:
    message = f"passing_top: {text}; the emitted RTL is wrong, report it with the model"
    with pytest.raises(SimulationFailed, match=f"^{re.escape(message)}$"):
        passing.run(np.ones((2, 6, 2), np.int64), **{**IO, **changed})


def test_a_deadlock_says_where(tmp_path: Path) -> None:
    simulator = build(tmp_path, "passing_top", [*CELLS, HERE / "passing_top.sv"], parameters={"Stuck": 1})
    text = (
        "passing_top: deadlock: some beat must move within 500 cycles, not none since cycle 12 (input frame 2 beat 0 "
        "of 6 not taken; output frame 0 beat 5 of 6 not offered; FIFOs hold u_axis_in.gen_flag[0].u_flags 2, "
        "u_axis_in.u_beats 2, u_fifo 5); the emitted RTL is wrong, report it with the model"
    )
    with pytest.raises(SimulationFailed, match=f"^{re.escape(text)}$"):
        simulator.run(np.ones((20, 6, 2), np.int64), **IO, patience=500)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (0, None),
        (1, "an offered beat must stay, not change"),
        (2, "m_axis_tlast must be 1, not 0 (frame 0, beat 1 of 2)"),
        (3, "an output frame must follow its input frame, not come without one"),
        (4, "an output frame must follow its input frame, not come without one"),
        (5, "the design must not stop by itself"),
        (6, "an offered beat must stay, not change"),
        (
            7,
            "frames of the right length must not be counted or marked as wrong, not 7 counted and 0 marked; ",
        ),
        (
            8,
            "frames of the right length must not be counted or marked as wrong, not 0 counted and 40 marked; ",
        ),
    ],
)
def test_broken_rules_are_noticed(
    broken: Simulator, rng: np.random.Generator, fault: int, text: str | None
) -> None:
    frames = rng.integers(0, 256, (2 if fault == 3 else 40, 2, 1))
    frames[0, 0] = fault
    stalls: Any = "random" if fault in (0, 1, 6) else "none"
    io: dict[str, Any] = {"in_dtype": "u1", "out_beats": 2, "out_lanes": 1, "out_dtype": "u1"}
    if text is None:
        np.testing.assert_array_equal(broken.run(frames, **io, stalls=stalls).y, frames)
        return
    with pytest.raises(SimulationFailed, match=f"^broken_top: {re.escape(text)}"):
        broken.run(frames, **io, stalls=stalls)


def test_a_build_is_kept_and_an_interrupted_one_is_not(tmp_path: Path) -> None:
    source = tmp_path / "broken_top.sv"
    source.write_bytes((HERE / "broken_top.sv").read_bytes())
    binary = build(tmp_path, "broken_top", [source]).binary
    built = binary.stat().st_mtime_ns
    assert build(tmp_path, "broken_top", [source]).binary.stat().st_mtime_ns == built
    with source.open("a") as f:
        f.write("// another text\n")
    rebuilt = build(tmp_path, "broken_top", [source]).binary.stat().st_mtime_ns
    assert rebuilt != built
    (binary.parent / "built.key").unlink()  # is written last
    assert build(tmp_path, "broken_top", [source]).binary.stat().st_mtime_ns != rebuilt
    whole = binary.read_bytes()
    binary.write_bytes(whole[: len(whole) // 2])
    assert len(build(tmp_path, "broken_top", [source]).binary.read_bytes()) == len(whole)


def test_rtl_that_does_not_compile_is_one_line(tmp_path: Path) -> None:
    source = tmp_path / "broken_top.sv"
    source.write_text("module broken_top (input logic a);\n  assign b = a\nendmodule\n")
    with pytest.raises(SimulationFailed) as caught:
        build(tmp_path, "broken_top", [source])
    log = tmp_path / "verilator" / "build.log"
    text = r"broken_top: Verilator must compile it, not stop with .%Error: .*syntax error.*; see "
    assert re.fullmatch(text + re.escape(str(log)), str(caught.value))
    assert log.is_file()


def test_a_missing_compiler_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EnvironmentProblem, match=r"^perl: must be in PATH, not missing; "):
        build(tmp_path, "broken_top", [HERE / "broken_top.sv"])


def test_a_full_disk_is_one_line(passing: Simulator, tmp_path: Path) -> None:
    np.ones((400, 6, 2), np.uint8).tofile(tmp_path / "in")
    numbers = {
        "in_beats0": 6,
        "out_beats0": 6,
        "in_bytes0": 2,
        "out_bytes0": 4,
        "stalls": 0,
        "seed": 0,
        "patience": 100,
        "latency": 1,
        "dram_bytes": 16,
    }
    files = {
        "in0": tmp_path / "in",
        "out0": "/dev/full",
        "stamps": tmp_path / "stamps",
        "stats": tmp_path / "stats",
    }
    command = [str(passing.binary), "--frames=400", *(f"--{k}={v}" for k, v in {**numbers, **files}.items())]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 4
    assert run.stderr == "/dev/full: No space left on device\n"
    assert not (tmp_path / "stats").exists()


def test_arguments_are_checked(passing: Simulator) -> None:
    with pytest.raises(ValueError, match=r"^frames must be \(N, beats, lanes\), not \(6, 2\)$"):
        passing.run(np.ones((6, 2), np.int64), **IO)
    with pytest.raises(ValueError, match=r"^stalls must be 'none' or 'random', not 'some'$"):
        passing.run(np.ones((1, 6, 2), np.int64), **IO, stalls="some")  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_runtime_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def compiled(name: str) -> bool:
        binary = build(tmp_path / name, "broken_top", [HERE / "broken_top.sv"]).binary
        assert binary.is_file()
        return "/verilated.cpp\n" in (binary.parent / "build.log").read_text()

    monkeypatch.setenv("RTL4ML_CACHE", str(tmp_path / "cache"))
    assert [compiled("first"), compiled("second")] == [True, False]
    (entry,) = (tmp_path / "cache").iterdir()
    entry.write_bytes(entry.read_bytes()[:-1])
    assert [compiled("damaged"), compiled("mended")] == [True, False]
    (tmp_path / "file").touch()
    monkeypatch.setenv("RTL4ML_CACHE", str(tmp_path / "file"))  # cannot be written: done without
    assert compiled("third")
