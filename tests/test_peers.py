# SPDX-License-Identifier: Apache-2.0
"""scripts/peers.py: ours beside da4ml's, and what the comparison with FINN does without FINN's sources."""

from __future__ import annotations

from pathlib import Path

import click
import peers
import pytest


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("conv k5 1-16", marks=pytest.mark.gate),
        pytest.param("dense 32-5", marks=pytest.mark.slow),
        pytest.param("dense 16-64", marks=pytest.mark.slow),
    ],
)
def test_adder_graphs_take_what_da4mls_take(name: str) -> None:
    """Of one graph Yosys makes some LUTs more or fewer: 1,249 and 1,245 of dense 32-5, 503 and 506 of conv k5 1-16."""
    matrix, high = peers.layer(name)
    ours, latency = peers.our_graph(matrix, high)
    theirs, cycles = peers.da4ml_graph(matrix, high, peers.ADDERS)
    assert ours.lut <= 1.005 * theirs.lut
    assert latency <= cycles
    assert ours.levels <= theirs.levels


def test_unit_has_the_slices_that_are_asked_for() -> None:
    found = peers.our_unit(4, 4, 4)
    assert found.dsp == 4
    assert found.levels <= 5
    with pytest.raises(click.ClickException, match=r"^4 x 4: a packing must take 3 DSP48E2, but none does$"):
        peers.our_unit(4, 4, 3)


def test_a_constant_function_stands_before_its_block() -> None:
    block = "\t\ttypedef int  pair_t[2];\n\t\tfunction pair_t f();\n\t\tendfunction\n"
    before, begin, after = (
        "module m;\n\tif(A) begin\n\tend\n",
        "\tif(B) begin\n",
        "\t\tlocalparam pair_t  F = f();\n",
    )
    assert peers.hoisted(before + begin + block + after) == before + block + begin + after
    for plain in (block, begin + after):
        assert peers.hoisted(plain) == plain


def test_a_folder_without_finns_sources_is_refused(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException) as refused:
        peers.finn_unit(tmp_path, 4, 4)
    assert refused.value.message == f"{tmp_path}: a checkout's finn-rtllib/mvu must hold mvu_pkg.sv"


def test_what_yosys_refuses_is_said(tmp_path: Path) -> None:
    (tmp_path / "m.v").write_text("module m; endmodule\n")
    with pytest.raises(
        click.ClickException, match=r"^n: Yosys must map it, not stop with \"ERROR: Module `n' not found!\"$"
    ):
        peers.measure(tmp_path, ["read_verilog m.v"], "n")
    with pytest.raises(click.ClickException, match=r"^.*: Yosys's library must hold NO_SUCH$"):
        peers.primitive("NO_SUCH")
