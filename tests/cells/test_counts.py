# SPDX-License-Identifier: Apache-2.0
"""r4_counts in simulation: Python's integers, at the limits of every width, with clips on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rtl_board


@dataclass(frozen=True)
class Map:
    """Parameters of r4_counts."""

    lanes: int
    beats: int
    x: int
    y: int
    m: int
    b: int
    shift: int
    lo: int
    hi: int


MAPS = {
    "student": Map(1, 5, 16, 8, 20, 36, 26, -128, 127),
    "most_of_a_slice": Map(1, 3, 17, 4, 26, 44, 40, -8, 7),  # 26 x 17 bits and a sum of 45
    "constant": Map(3, 1, 8, 8, 9, 12, 4, 0, 255),
    "block": Map(2, 70, 16, 4, 15, 33, 24, -8, 7),
    "wide": Map(2, 4, 16, 8, 30, 50, 38, -128, 127),
    "no_shift": Map(1, 2, 8, 12, 2, 5, 0, -2048, 2047),
    "all_shifted_out": Map(1, 2, 8, 3, 4, 6, 20, -4, 3),
    "narrow_limits": Map(1, 4, 16, 8, 12, 20, 18, -3, 5),
}


def words(m: np.ndarray, b: np.ndarray, p: Map) -> str:
    """The memory image: a word a beat, lane 0 in the low bits."""
    lines = []
    for ms, bs in zip(m.tolist(), b.tolist(), strict=True):
        word = 0
        for i, (mi, bi) in enumerate(zip(ms, bs, strict=True)):
            word |= (mi | (bi % 2**p.b) << p.m) << i * (p.m + p.b)
        lines.append(f"{word:0{-(-p.lanes * (p.m + p.b) // 4)}x}")
    return "\n".join(lines) + "\n"


def drawn(rng: np.random.Generator, low: int, high: int, size: tuple[int, ...]) -> np.ndarray:
    """Integers of a range, its ends more often than the others."""
    values = rng.integers(low, high, size, endpoint=True)
    values[rng.random(size) < 0.15] = low
    values[rng.random(size) < 0.15] = high
    return values


def test_counts(rng: np.random.Generator, seed: int) -> None:
    cases = []
    for name, p in MAPS.items():
        m = drawn(rng, 0, 2**p.m - 1, (p.beats, p.lanes))
        # sums of both signs, that reach the limits and lie between
        b = drawn(rng, -(2 ** (p.b - 1)), 2 ** (p.b - 1) - 1, (p.beats, p.lanes))
        size = rng.random(b.shape)
        b[size < 0.6] >>= p.b // 4
        runs = []
        for beats in (3 * p.beats - 1 if p.beats > 1 else 2, 40 * p.beats if p.beats < 10 else 3 * p.beats):
            x = drawn(rng, 0, 2**p.x - 1, (beats, p.lanes))
            into, out = [], []
            for k, counts in enumerate(x.tolist()):
                word = beat = 0
                for i, count in enumerate(counts):
                    y = (int(m[k % p.beats, i]) * count + int(b[k % p.beats, i])) >> p.shift
                    y = min(max(y, p.lo), p.hi)
                    beat |= count << i * p.x
                    word |= (y % 2**p.y) << i * p.y
                into.append(beat)
                out.append(word)
            runs.append((into, out))
        params: dict[str, int | str] = {
            "Lanes": p.lanes, "Beats": p.beats, "XWidth": p.x, "YWidth": p.y, "MWidth": p.m, "BWidth": p.b,
            "Shift": p.shift, "Lo": p.lo, "Hi": p.hi, "InitFile": f"{name}.mem",
        }  # fmt: skip
        images = {f"{name}.mem": words(m, b, p)}
        x_signal, y_signal = [("data", p.lanes * p.x)], [("data", p.lanes * p.y)]
        cases.append(rtl_board.Case(name, "r4_counts", params, x_signal, y_signal, runs, images=images))
    measured = rtl_board.check("counts", cases, seed=seed, stalled=1)
    for name, runs in measured.items():
        cycles = runs[1][0].cycles
        assert [b - a for a, b in zip(cycles["x"], cycles["y"], strict=True)] == [4] * len(cycles["x"]), name
        assert cycles["x"] == list(range(len(cycles["x"]))), f"{name}: a beat a cycle"


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"Lanes": 0}, "r4_counts: Lanes (0) and Beats (1) must be at least 1"),
        ({"MWidth": 0}, "r4_counts: XWidth (16), YWidth (8), MWidth (0) and BWidth (36) must be at least 1"),
        ({"Lo": 128}, "r4_counts: Lo (128) must be at most Hi (127)"),
    ],
)
def test_illegal_parameters_stop_elaboration(parameters: dict[str, int], text: str) -> None:
    assert text in rtl_board.refusal("r4_counts", parameters)


BROKEN: dict[str, rtl_board.Change] = {
    "logical shift": ("sum >>> Shift", "sum >> Shift"),
    "signed counts": ("count = {1'b0, x};", "count = {x[XWidth-1], x};"),
    "one above the limit": ("64'(shifted) > Hi)", "64'(shifted) > Hi + 64'sd1)"),
    "limits exchanged": ("<= YWidth'(Lo);", "<= YWidth'(Hi);"),
    "B of the beat after": ("Depth(2)) u_b", "Depth(1)) u_b"),
    "band counted while a beat waits": (".step_i(x_valid_i && x_ready_o)", ".step_i(x_valid_i)"),
    "clear_i leaves the band": (".rst_ni(run), .step_i(x_valid", ".rst_ni(rst_ni), .step_i(x_valid"),
    "clear_i leaves beats": (".rst_ni(run), .x_valid_i", ".rst_ni(rst_ni), .x_valid_i"),
    "a cycle too early": (".Stages(4)", ".Stages(3)"),
    "lanes of M from the last": ("m = word[i*Word+:MWidth]", "m = word[(int'(Lanes)-1-i)*Word+:MWidth]"),
    "signed product": ("signed'({1'b0, product_q})", "signed'(product_q)"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
def test_broken_cells_are_seen(name: str, rng: np.random.Generator, seed: int, tmp_path: Path) -> None:
    def bench() -> None:
        test_counts(rng, seed)

    rtl_board.seen("r4_counts", BROKEN[name], tmp_path, bench)
