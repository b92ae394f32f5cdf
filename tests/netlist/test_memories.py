# SPDX-License-Identifier: Apache-2.0
"""Banks of deep memories: their words, and when a memory is made of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtl4ml.device import ZCU102
from rtl4ml.netlist.memories import Banks, banks, ors, rows_mux, tile


@given(low=st.integers(1, 6), more=st.integers(0, 5), depth=st.integers(1, 5000))
def test_banks_hold_every_word_and_halve_what_is_left(low: int, more: int, depth: int) -> None:
    found = Banks(1 << low + more, 1 << low)
    words = found.words(depth)
    assert sum(words) == depth
    *halves, last = [n for n in words if n != found.bank] or [1]
    assert all(n >= found.least and n.bit_count() == 1 for n in halves)
    assert halves == sorted(set(halves), reverse=True)
    assert last <= found.least or last.bit_count() == 1


@pytest.mark.parametrize(
    ("width", "depth", "found", "cost"),
    [
        (256, 17407, Banks(4096, 1024), (123.5, 266)),
        (64, 19967, Banks(16384, 512), (39.0, 72)),
        (512, 4095, None, None),  # one row of blocks needs no multiplexer
        (8, 11263, None, None),  # its multiplexer is as cheap
    ],
)
def test_a_deep_memory_is_made_of_banks(
    width: int, depth: int, found: Banks | None, cost: tuple[float, float] | None
) -> None:
    assert banks(width, depth, ZCU102) == found
    if found is not None:
        assert found.cost(width, depth) == cost
        blocks, rows = tile(width, depth, 1)
        assert cost is not None
        assert cost[0] <= blocks and cost[1] < width * rows_mux(rows)


def test_what_the_device_lacks_decides() -> None:
    wide = banks(256, 19967, ZCU102)
    assert wide is not None and wide.cost(256, 19967) == (141.5, 524)
    few_luts = banks(256, 19967, replace(ZCU102, lut=5_000))
    assert few_luts is not None
    assert few_luts.cost(256, 19967)[1] < 524 and few_luts.cost(256, 19967)[0] > 141.5


@pytest.mark.parametrize(("inputs", "luts"), [(1, 0), (2, 1), (6, 1), (7, 2), (11, 2), (12, 3)])
def test_ors(inputs: int, luts: int) -> None:
    assert ors(inputs) == luts
