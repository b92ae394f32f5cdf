# SPDX-License-Identifier: Apache-2.0
"""Designs with a second clock, at which DSP slices make two products in a cycle: from QKeras to a board."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import board_nets
import numpy as np
import pytest
from contract import assert_exact, randomize

import rtl4ml
from rtl4ml.board import boards
from rtl4ml.board.ecp5 import spec
from rtl4ml.cells.axis import container
from rtl4ml.device import ZCU102
from rtl4ml.emit import systemverilog
from rtl4ml.errors import BadInput
from rtl4ml.host import frameworks
from rtl4ml.ir.types import Ints
from rtl4ml.models import unet
from rtl4ml.netlist.netlist import CLOCK2X
from rtl4ml.simulation.protocol import check_top

pytestmark = pytest.mark.gate


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """A network of pixels, with slices at the clock of the design and at twice that."""
    folder = tmp_path_factory.mktemp("pumped")
    model = randomize(board_nets.pixels(), np.random.default_rng(3))
    model.save(folder / "m.keras")
    (folder / "m.json").write_text('{"input": {"counts": {"dtype": "uint16", "scale_log2": 10}}}')
    options = {"target_interval": 12, "output": "argmax"}
    one, two = (
        rtl4ml.convert(folder / "m.keras", out=folder / f"p{p}", pumped=p, **options) for p in (False, True)
    )
    return one, two


def test_it_computes_the_same_and_takes_fewer_slices(made: tuple[Any, Any]) -> None:
    one, two = made
    slow, fast = (d.report()["resources"]["model"] for d in made)
    assert fast["dsp"] < slow["dsp"]
    assert not one.netlist.double_clock and two.netlist.double_clock
    assert CLOCK2X not in (one.folder / "rtl/r4_top.sv").read_text()
    x = np.random.default_rng(5).uniform(-2, 2, (48, *one.parsed.input.shape))
    want = one.emulate(x)
    for stalls in ("none", "random"):
        np.testing.assert_array_equal(two.simulate(x, stalls=stalls).y, want)
    report = two.report()
    assert report["exactness"]["rtl"] == {"samples": 48, "values": want.size, "mismatches": 0}
    assert report["target"]["clock2x_mhz"] == 500 and "clock2x_mhz" not in one.report()["target"]
    html = (two.folder / "report.html").read_text(encoding="utf-8")
    assert "at an assumed 250 MHz clock (DSP slices at 500 MHz): one" in html
    for what in ("latency", "interval"):
        assert report["cycles"][what]["model"] == report["cycles"][what]["rtl"], what


def test_a_u_net(tmp_path: Path) -> None:
    """Convolutions, depthwise ones and dense ones, joins and forks, against QKeras's own predict."""
    frameworks.keras().utils.set_random_seed(1)
    rng = np.random.default_rng(11)
    small = unet.build(widths=(4, 8), size=(8, 8), weight_bits=8, activation_bits=8, bias_bits=8, blocks=1)
    design = assert_exact(
        randomize(small, rng), tmp_path / "d", rng, csim=None, target_interval=256, pumped=True
    )
    packed = [c.params().get("Pumped") for c in design.netlist.cells if c.params().get("Fields")]
    assert packed.count(1) > 1


def test_the_protocol_of_its_top(made: tuple[Any, Any], tmp_path: Path) -> None:
    """AXI4-Stream with stalls, resets and frames of wrong length."""
    design = made[1]
    into, out, of = design.netlist.input, design.netlist.output, design.graph.inputs[0]
    rng = np.random.default_rng(7)

    def truth(frames: Ints) -> Ints:
        low = frames & ((1 << into.bits) - 1)
        values = np.where(low >> (into.bits - 1) == 1, low - (1 << into.bits), low) if of.lo < 0 else low
        return design.graph.emulate([values.reshape(-1, *of.shape)])[0].reshape(
            len(frames), out.beats, out.lanes
        )

    result = check_top(
        tmp_path,
        systemverilog.TOP,
        sorted((design.folder / "rtl").glob("*.sv")),
        frames=rng.integers(of.lo, of.hi + 1, (3, into.beats, into.lanes)),
        truth=truth,
        in_dtype=f"i{container(into.bits) // 8}",
        out_dtype=f"i{container(out.bits) // 8}",
        images=design.folder / "mem",
        patience=20_000,
    )
    assert result.passed, result.failures


def test_the_driver_on_its_simulated_board(made: tuple[Any, Any]) -> None:
    board = made[1].board()
    assert "input wire aclk2x" in (board.folder / "rtl/r4_board_bd.v").read_text()
    assert "DSP slices run at 499.995 MHz" in (board.folder / "README.md").read_text()
    assert "double_clock 1" in (board.folder / "vivado/project.conf").read_text()
    counts = np.load(board.folder / "selftest/counts.npy")
    run = board.simulate(counts, "bil", stalls=True, seed=3)
    assert run.mismatches == 0
    np.testing.assert_array_equal(run.result, np.load(board.folder / "selftest/result.npy"))


def test_a_device_without_a_second_clock_refuses(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        rtl4ml.convert("m.keras", out=tmp_path / "p", pumped=True, device=spec.board("ulx3s").device)
    assert str(error.value) == (
        "pumped: must be False for LFE5U-85F, whose DSP slices run at the clock of the design; leave it out"
    )
    assert boards.board("kv260").device.pumped().pump == ZCU102.pumped().pump == 2
