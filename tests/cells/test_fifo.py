# SPDX-License-Identifier: Apache-2.0
"""r4_fifo in simulation: order under stalls, latency, throughput, and a capacity of Depth beats to the beat."""

from __future__ import annotations

import re
import subprocess

import numpy as np
import pytest
import rtl_runner

from rtl4ml.host.tools import verilator_env

# Every structure (one, two, distributed with and without natural wrap, block) and the edges of its counters.
SIZES: list[tuple[int, int, dict[str, int]]] = [
    *((depth, 0, {}) for depth in (1, 2, 3, 4, 33, 40)),
    *((depth, 1, {}) for depth in (1, 2, 3, 6)),
]
# Of banks: full ones alone, halves, some of these left out, a last one of a word.
BANKS = [(9, 4, 4), (16, 8, 2), (24, 8, 4), (20, 8, 2), (30, 16, 4), (41, 8, 4)]
SIZES += [(depth, 1, {"Bank": bank, "Least": least}) for depth, bank, least in BANKS]


@pytest.mark.parametrize(("depth", "kind", "banks"), SIZES)
def test_order_latency_throughput_and_capacity(
    depth: int, kind: int, banks: dict[str, int], rng: np.random.Generator
) -> None:
    beats = rng.integers(0, 2**9, 300).tolist()
    runs = [rtl_runner.run({"x": beats}, {"y": beats}, stalls=s) for s in (None, 1, 2, 3)]
    free, *_ = rtl_runner.run_cell(
        "r4_fifo", parameters={"Width": 9, "Depth": depth, "MemoryKind": kind, **banks}, runs=runs
    )
    taken, given = free.cycles["x"], free.cycles["y"]
    latency = 1 + kind
    assert given[0] - taken[0] == latency
    # Depth beats a round trip: taken, offered `latency` cycles later, its place free in the cycle after that
    rate = min(1.0, depth / (latency + 1))
    assert given[-1] - given[0] == pytest.approx((len(beats) - 1) / rate, abs=2)
    if rate == 1.0:
        assert given == list(range(latency, latency + len(beats)))


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"Depth": 0}, "r4_fifo: Width (8) and Depth (0) must be at least 1"),
        ({"Width": 0}, "r4_fifo: Width (0) and Depth (2) must be at least 1"),
        ({"MemoryKind": 2}, "r4_fifo: MemoryKind (2) must be 0 or 1"),
        ({"Bank": 512}, "r4_fifo: Bank (512) must be 0 unless MemoryKind (0) is 1"),
    ],
)
def test_illegal_parameters_stop_elaboration(parameters: dict[str, int], text: str) -> None:
    verilator, env = verilator_env()
    command = [str(verilator), "--lint-only", *(f"-G{k}={v}" for k, v in parameters.items())]
    run = subprocess.run(
        [*command, str(rtl_runner.RTL / "r4_fifo.sv")], env=env, capture_output=True, text=True
    )
    assert run.returncode != 0
    assert re.search(re.escape(text), run.stderr)
