# SPDX-License-Identifier: Apache-2.0
"""rtl4ml.simulation.protocol: the AXI4-Stream bench passes tops that are right, and fails those that are not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rtl_runner

import rtl4ml
from rtl4ml.cells.axis import container
from rtl4ml.emit import systemverilog
from rtl4ml.errors import SimulationFailed
from rtl4ml.host import frameworks
from rtl4ml.ir.types import Ints
from rtl4ml.simulation.protocol import BenchResult, check_top, run_bench

HERE = Path(__file__).resolve().parents[1] / "rtl"
CELLS = ["r4_fifo", "r4_axis_in", "r4_axis_out"]
TESTS = {
    "back_to_back",
    "random_stalls",
    "reset_in_mid_frame",
    "frame_too_short",
    "frame_too_long",
    "wrong_lengths_under_stalls",
}


def check(
    folder: Path, frames: Ints, *, keep: int, cells: Path = rtl_runner.RTL, **parameters: int
) -> BenchResult:
    """The bench on passing_top with elements of 5 bits."""

    def truth(x: Ints) -> Ints:
        low = x[:, :keep] & 31
        return np.where(low > 15, low - 32, low)

    return check_top(
        folder,
        "passing_top",
        [*(cells / f"{c}.sv" for c in CELLS), HERE / "passing_top.sv"],
        frames=frames,
        truth=truth,
        in_dtype="u1",
        out_dtype="i2",
        parameters={"Beats": frames.shape[1], "Keep": keep, **parameters},
        patience=5000,
    )


@pytest.mark.parametrize(("beats", "keep"), [(6, 6), pytest.param(6, 2, marks=pytest.mark.slow), (1, 1)])
def test_a_right_top_passes(tmp_path: Path, rng: np.random.Generator, beats: int, keep: int) -> None:
    result = check(tmp_path, rng.integers(0, 256, (5, beats, 2)), keep=keep)
    assert result.failures == dict.fromkeys(TESTS)
    assert result.passed


# Each breaks one line of a cell, and names tests that have to see it.
MUTANTS: list[tuple[str, str, str, set[str]]] = [
    ("r4_axis_in", "drop_q <= 1'b1;", "drop_q <= 1'b0;", {"frame_too_long", "wrong_lengths_under_stalls"}),
    ("r4_axis_in", "fill_q <= 1'b1;", "fill_q <= 1'b0;", {"frame_too_short", "wrong_lengths_under_stalls"}),
    ("r4_axis_in", "fill_q ? '0 : s_axis", "s_axis", {"frame_too_short"}),
    ("r4_axis_in", "errors_o + 32'd1", "errors_o", {"frame_too_short", "frame_too_long"}),
    ("r4_axis_in", ".x_data_i (wrong)", ".x_data_i (1'b0)", {"frame_too_short", "frame_too_long"}),
    ("r4_axis_out", "      count_q       <= '0;\n", "", {"reset_in_mid_frame"}),
    ("r4_axis_out", "(!m_axis_tvalid || m_axis_tready)", "1'b1", {"random_stalls"}),
    (
        "r4_axis_out",
        "flag_ready_o = wait_q || (load && last)",
        "flag_ready_o = wait_q || load",
        {"frame_too_short"},
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("cell", "right", "wrong", "seen"), MUTANTS)
def test_a_broken_cell_is_seen(
    tmp_path: Path, rng: np.random.Generator, cell: str, right: str, wrong: str, seen: set[str]
) -> None:
    for c in CELLS:
        text = (rtl_runner.RTL / f"{c}.sv").read_text()
        if c == cell:
            assert right in text
            text = text.replace(right, wrong)
        (tmp_path / f"{c}.sv").write_text(text)
    result = check(tmp_path, rng.integers(0, 256, (5, 6, 2)), keep=4, cells=tmp_path)
    assert seen <= {name for name, failure in result.failures.items() if failure is not None}
    assert not result.passed


def test_a_wrong_truth_fails_with_the_byte(tmp_path: Path, rng: np.random.Generator) -> None:
    frames = rng.integers(0, 256, (3, 2, 2))
    result = check_top(
        tmp_path,
        "passing_top",
        [*(rtl_runner.RTL / f"{c}.sv" for c in CELLS), HERE / "passing_top.sv"],
        frames=frames,
        truth=lambda x: (x & 31) ^ 32,
        in_dtype="u1",
        out_dtype="i2",
        parameters={"Beats": 2, "Keep": 2},
        tests=["back_to_back"],
    )
    assert set(result.failures) == {"back_to_back"}
    assert re.search(r"frame 0: byte 0 must be \d+, not \d+", str(result.failures["back_to_back"]))


def test_rtl_that_does_not_compile_is_one_line(tmp_path: Path) -> None:
    source = tmp_path / "top.sv"
    source.write_text("module top (input logic a);\n  assign b = a\nendmodule\n")
    with pytest.raises(SimulationFailed) as caught:
        run_bench("rtl4ml.sim.tb_top", top="top", sources=[source], folder=tmp_path / "build", case={})
    text = r"top: Verilator must compile it, not stop with .%Error: .*syntax error.*; see .*/build/build\.log"
    assert re.fullmatch(text, str(caught.value))


def test_a_bench_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    source = tmp_path / "top.sv"
    source.write_text("module top (input logic clk_i, output logic y_o);\n  assign y_o = clk_i;\nendmodule\n")
    with pytest.raises(
        SimulationFailed, match=r"^top: its bench rtl4ml\.sim\.tb_absent must leave results, not end"
    ):
        run_bench("rtl4ml.sim.tb_absent", top="top", sources=[source], folder=tmp_path / "build", case={})


def test_an_emitted_top_with_memories_a_skip_and_replays(tmp_path: Path, rng: np.random.Generator) -> None:

    q, layers = frameworks.qkeras(), frameworks.keras().layers
    four: Any = {x: q.quantized_bits(4, 0, alpha=1) for x in ("kernel_quantizer", "bias_quantizer")}

    x = layers.Input((12, 2))
    a = q.QActivation("quantized_bits(6, 1, alpha=1)")(x)
    b = q.QConv1D(4, 3, padding="same", **four)(a)
    b = q.QActivation("quantized_relu(4, 1)")(b)
    c = q.QConv1D(4, 3, padding="same", **four)(b)
    c = q.QActivation("quantized_bits(5, 1, alpha=1)")(c)
    y = layers.Flatten()(layers.MaxPooling1D(2)(layers.Add()([b, c])))
    y = q.QDense(3, **four)(y)
    model = frameworks.keras().Model(x, y)
    model.set_weights([rng.normal(0, 0.6, w.shape) for w in model.get_weights()])
    design = rtl4ml.convert(model, out=tmp_path / "design", target_interval=100)
    into, out = design.netlist.input, design.netlist.output
    shape, of = design.graph.inputs[0].shape, design.graph.inputs[0]

    def truth(frames: Ints) -> Ints:
        low = frames & ((1 << into.bits) - 1)
        values = np.where(low >> (into.bits - 1) == 1, low - (1 << into.bits), low).reshape(-1, *shape)
        return design.graph.emulate([values])[0].reshape(len(frames), out.beats, out.lanes)

    rtl = design.folder / "rtl"
    result = check_top(
        tmp_path,
        systemverilog.TOP,
        [
            *sorted(p for p in rtl.glob("*.sv") if p.stem != systemverilog.TOP),
            rtl / f"{systemverilog.TOP}.sv",
        ],
        frames=rng.integers(of.lo, of.hi + 1, (3, into.beats, into.lanes)),
        truth=truth,
        in_dtype=f"i{container(into.bits) // 8}",
        out_dtype=f"i{container(out.bits) // 8}",
        images=design.folder / "mem",
        patience=20_000,
    )
    assert result.failures == dict.fromkeys(TESTS)


def test_few_frames_are_refused(tmp_path: Path) -> None:
    one: Any = np.zeros((1, 2, 2), np.int64)
    with pytest.raises(ValueError, match=r"^frames must be at least 2, not 1$"):
        check(tmp_path, one, keep=2)
