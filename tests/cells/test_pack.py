# SPDX-License-Identifier: Apache-2.0
"""r4_pack in simulation: bytes of a job one after the other, and masks as numpy.packbits makes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rtl_board

WORD = 16
Y = [("data", 8 * WORD), ("bytes", 5), ("last", 1)]
Words = list[tuple[bytes, bool]]  # what is valid of each, and whether it is the job's last


def words_of(job: bytes) -> Words:
    """The words of a job's bytes."""
    return [(job[at : at + WORD], at + WORD >= len(job)) for at in range(0, len(job), WORD)]


def case(
    name: str, params: dict[str, int], lists: list[list[tuple[list[int], bytes]]], **more: dict[str, int]
) -> tuple[rtl_board.Case, list[Words]]:
    """A case of lists of jobs, (beats, bytes that they give); also the words that are meant."""
    x = [("data", 8 * params["InBytes"]), ("last", 1)]
    runs, meant = [], []
    for jobs in lists:
        into = [
            rtl_board.join(x, [b, int(k == len(beats) - 1)]) for beats, _ in jobs for k, b in enumerate(beats)
        ]
        meant.append([w for _, job in jobs for w in words_of(job)])
        runs.append((into, len(meant[-1])))
    return rtl_board.Case(name, "r4_pack", params, x, Y, runs, **more), meant


def check(bench: str, cases: list[tuple[rtl_board.Case, list[Words]]], seed: int) -> dict[str, list[int]]:
    """Runs the cases and compares what is valid; the cycles of the last run's words of each, unstalled."""
    measured = rtl_board.check(bench, [c for c, _ in cases], seed=seed, stalled=1)
    for c, meant in cases:
        for words, runs in zip(meant, measured[c.name], strict=True):
            for run in runs:
                for k, (beat, (valid, last)) in enumerate(zip(run.beats["y"], words, strict=True)):
                    data = (beat % 2 ** (8 * WORD)).to_bytes(WORD, "little")[: len(valid)]
                    got = data, beat >> 8 * WORD & 31, beat >> 8 * WORD + 5
                    assert got == (valid, len(valid), int(last)), f"{c.name}: word {k} of {len(words)}"
    return {name: runs[-1][0].cycles["y"] for name, runs in measured.items()}


def test_beats_are_one_stream(rng: np.random.Generator, seed: int) -> None:
    cases = []
    for size in (1, 3, 8, 12, 15, 16, 20, 40, 50):
        lists = []
        for lengths in ([7], [*range(1, 20), *rng.integers(1, 201, 2).tolist(), 1], [200]):
            # the first list is cut: what has not filled a word is dropped by clear_i
            jobs = [rng.bytes(size * n) for n in lengths]
            beats = [
                [int.from_bytes(j[k : k + size], "little") for k in range(0, len(j), size)] for j in jobs
            ]
            lists.append(list(zip(beats, jobs, strict=True)))
        cases.append(case(f"{size}", {"InBytes": size, "Mask": 0}, lists, constants={"columns": 5}))
        cut, meant = cases[-1]
        last = 1 << 8 * size
        cut.runs[0][0][-1] &= last - 1
        meant[0] = [(w, False) for w, _ in meant[0] if len(w) == WORD]
        runs = [(cut.runs[0][0], len(meant[0])), *cut.runs[1:]]
        cases[-1] = rtl_board.Case(cut.name, cut.module, cut.params, cut.x, cut.y, runs, cut.constants), meant
    free = check("pack", cases, seed)
    for c, _ in cases:
        size = int(c.params["InBytes"])
        y = free[c.name]
        cycles = 200 * -(-size // WORD)
        assert y[-1] - y[0] <= cycles, f"{c.name}: {y[-1] - y[0]} cycles for 200 beats"


def test_masks(rng: np.random.Generator, seed: int) -> None:
    cases = []
    for columns, frame in [
        (1, 1),
        (5, 1),
        (8, 1),
        (9, 1),
        (32, 1),
        (200, 1),
        (2, 2),
        (7, 7),
        (16, 16),
        (65, 65),
    ]:
        lists = []
        for rows in ([1], [2, 1, 9, 3]):
            jobs = []
            for n in rows:
                bits = rng.integers(0, 2, (n, columns))
                noise = 2 * rng.integers(0, 128, bits.size)  # above bit 0 of the container
                job = np.packbits(bits.astype(np.uint8), axis=1, bitorder="little").tobytes()
                jobs.append(((bits.reshape(-1) + noise).tolist(), job))
            # a job that ends within a row fills up its byte
            bits = rng.integers(0, 2, columns // 2 + 1)
            job = np.packbits(bits.astype(np.uint8), bitorder="little").tobytes()
            lists.append([*jobs, (bits.tolist(), job), jobs[-1]])
        params = {"InBytes": 1, "Mask": 1, "FrameColumns": frame}
        cases.append(case(f"{columns}_{frame}", params, lists, constants={"columns": columns}))
    free = check("pack_mask", cases, seed)
    # a beat a cycle; the first word comes after 128 pixels of a row of 200
    assert free["200_1"][-1] <= 200 * (2 + 1 + 9 + 3 + 3) + 101


@pytest.mark.parametrize(
    ("parameters", "text"),
    [({"InBytes": 0}, "r4_pack: InBytes (0) and FrameColumns (1) must be at least 1")],
)
def test_illegal_parameters_stop_elaboration(parameters: dict[str, int], text: str) -> None:
    assert text in rtl_board.refusal("r4_pack", parameters)


BROKEN: dict[str, rtl_board.Change] = {
    "a word full one byte late": ("full       = total[4];", "full       = total > 5'd16;"),
    "bytes beyond the word": ("full ? 5'd16 : total;", "total;"),
    "last word before what spills": ("flush || (part_last && !spills);", "flush || part_last;"),
    "a job's last word not given": ("(put && (full || part_last))", "(put && full)"),
    "a part taken over what spills": ("part_ready = en && !flush;", "part_ready = en;"),
    "a beat taken with its first part": ("part_ready && last_part;\n    logic", "part_ready;\n    logic"),
    "parts not from the first": ("at_q <= last_part ? '0 : at_q + 1'b1", "at_q <= at_q + 1'b1"),
    "bits from the left": ("8'(x_data_i[0]) << bit_q", "8'(x_data_i[0]) << (3'd7 - bit_q)"),
    "bits of the byte before": ("bits_q <= byte_done ? '0 : part[6:0]", "bits_q <= part[6:0]"),
    "columns from 0": (
        "column_q <= last_column || x_last_i ? 32'd1",
        "column_q <= last_column || x_last_i ? 32'd0",
    ),
    "row not begun with a job": ("last_column || x_last_i ? 32'd1 :", "last_column ? 32'd1 :"),
    "row of an image not begun with a job": (
        ".rst_ni(!reset && !(part_valid && part_ready && x_last_i))",
        ".rst_ni(!reset)",
    ),
    "clear_i leaves bytes": ("if (reset)    fill_q", "if (!rst_ni)  fill_q"),
    "clear_i leaves a column": ("if (reset)                       column_q", "if (!rst_ni) column_q"),
    "a word that waits is lost": ("en         = y_ready_i || !y_valid_o;", "en         = 1'b1;"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
def test_broken_cells_are_seen(name: str, rng: np.random.Generator, seed: int, tmp_path: Path) -> None:
    def bench() -> None:
        test_beats_are_one_stream(rng, seed)
        test_masks(rng, seed)

    rtl_board.seen("r4_pack", BROKEN[name], tmp_path, bench)
