# SPDX-License-Identifier: Apache-2.0
"""r4_unpack in simulation: runs of 1 to 200 counts that start anywhere, chunks below and above a word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rtl_board

WORD = 16
X = [("data", 8 * WORD), ("first", 4), ("bytes", 5), ("last", 1)]


def words_of(run: bytes, first: int) -> list[int]:
    """The beats of a run that starts at byte `first` of a word."""
    memory = bytes(range(200, 200 + first)) + run
    beats = []
    for at in range(0, len(memory), WORD):
        word = memory[at : at + WORD]
        begin = first if at == 0 else 0
        value = int.from_bytes(word.ljust(WORD, b"\xa5"), "little")
        beats.append(rtl_board.join(X, [value, begin, len(word) - begin, int(at + WORD >= len(memory))]))
    return beats


def chunks_of(runs: list[bytes], size: int, *, split: bool) -> list[bytes]:
    """The chunks of all runs; those of a run's end are short where runs are split, and left out where not."""
    if split:
        return [run[at : at + size] for run in runs for at in range(0, len(run), size)]
    whole = b"".join(runs)
    return [whole[at : at + size] for at in range(0, len(whole) - size + 1, size)]


def case(
    name: str, lists: list[list[tuple[bytes, int]]], *, size: int, grain: int, split: bool
) -> rtl_board.Case:
    """A case of lists of runs, (bytes, first), each list from clear_i on."""
    runs: list[tuple[list[int], list[int] | int]] = []
    for some in lists:
        chunks = chunks_of([r for r, _ in some], size, split=split)
        beats = [b for r, first in some for b in words_of(r, first)]
        runs.append((beats, len(chunks) if split else [int.from_bytes(c, "little") for c in chunks]))
    params = {"WordBytes": WORD, "ChunkBytes": size, "Split": int(split), "Grain": grain}
    return rtl_board.Case(name, "r4_unpack", params, X, [("data", 8 * size)], runs)


# name: (bytes of a chunk, grain)
CHUNKS = {
    "one": (1, 1), "three": (3, 1), "four": (4, 1), "word": (16, 1), "over": (17, 1), "long": (50, 1), "two": (2, 2),
    "six": (6, 2), "eight": (8, 2), "word2": (16, 2), "long2": (34, 2), "pixel": (72, 2), "double": (32, 2),
    "coarse": (12, 4), "half": (8, 8),
}  # fmt: skip


def random_runs(rng: np.random.Generator, grain: int, lengths: list[int]) -> list[tuple[bytes, int]]:
    """Runs of so many grains, at random places of a word."""
    return [(rng.bytes(n * grain), grain * int(rng.integers(WORD // grain))) for n in lengths]


def random_lists(rng: np.random.Generator, grain: int) -> list[list[tuple[bytes, int]]]:
    """A few grains, whose last chunk is not whole; many short runs and some long ones; every length up to 40."""
    mixed = [*rng.integers(1, 6, 30).tolist(), *rng.integers(1, 201, 12).tolist()]
    return [random_runs(rng, grain, some) for some in ([3, 1, 1], mixed, [*range(1, 40), 200])]


def test_bytes_of_all_runs_are_one_stream(rng: np.random.Generator, seed: int) -> None:
    cases = [
        case(name, random_lists(rng, grain), size=size, grain=grain, split=False)
        for name, (size, grain) in CHUNKS.items()
    ]
    rtl_board.check("unpack", cases, seed=seed, stalled=2)


@pytest.mark.gate
def test_a_runs_last_chunk_is_padded(rng: np.random.Generator, seed: int) -> None:
    lists = {name: random_lists(rng, grain) for name, (_, grain) in CHUNKS.items()}
    cases = [
        case(name, lists[name], size=size, grain=grain, split=True) for name, (size, grain) in CHUNKS.items()
    ]
    measured = rtl_board.check("unpack_split", cases, seed=seed, stalled=2)
    for name, (size, _) in CHUNKS.items():
        for some, runs in zip(lists[name], measured[name], strict=True):
            meant = chunks_of([r for r, _ in some], size, split=True)
            for run in runs:
                given = zip(run.beats["y"], meant, strict=True)
                wrong = [n for n, (b, c) in enumerate(given) if b.to_bytes(size, "little")[: len(c)] != c]
                assert not wrong, f"{name}: chunk {wrong[0]} of {len(meant)} is wrong"


def test_rates(rng: np.random.Generator, seed: int) -> None:
    """Two long runs, at word boundaries and beside them: a chunk a cycle, or a word a cycle."""
    cases, least = [], {}
    for name, first in [
        ("two", 6),
        ("six", 0),
        ("eight", 8),
        ("eight", 6),
        ("word", 0),
        ("word", 5),
        ("long2", 2),
    ]:
        size, grain = CHUNKS[name]
        lists = [[(rng.bytes(60 * size), first), (rng.bytes(60 * size), WORD - grain - first)]]
        for split in (False, True):
            key = f"{name}_{first}_{split}"
            cases.append(case(key, lists, size=size, grain=grain, split=split))
            least[key] = 120 * -(-size // WORD)
    measured = rtl_board.check("unpack_rates", cases, seed=seed, stalled=0)
    for key, cycles in least.items():
        y = measured[key][0][0].cycles["y"]
        # the second run's first word may be no whole chunk, and the first one's end may take a cycle
        assert y[-1] - y[0] + 1 <= cycles + 3, f"{key}: {y[-1] - y[0] + 1} cycles for 120 chunks"


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (
            {"WordBytes": 12},
            "r4_unpack: WordBytes (12) must be a power of two, and Grain (1) at most its half and divide it",
        ),
        ({"ChunkBytes": 3, "Grain": 2}, "r4_unpack: ChunkBytes (3) must be a multiple of Grain (2)"),
    ],
)
def test_illegal_parameters_stop_elaboration(parameters: dict[str, int], text: str) -> None:
    assert text in rtl_board.refusal("r4_unpack", parameters)


BROKEN: dict[str, rtl_board.Change] = {
    "a chunk of a run's end not cut": ("(fills && !cut)", "fills"),
    "cut one too early": ("last_q || two_short);", "last_q || two_fit);"),
    "last chunk not seen": ("x_last_i && two_fit", "x_last_i && two_short"),
    "a word taken while the chunk waits": ("(en && avail_q <= want);", "avail_q <= want;"),
    "an empty word kept": ("x_valid_i && two_fit)", "x_valid_i && two_short)"),
    "what the step before took not skipped": ("both ? gap : x_at", "x_at"),
    "what the step before took still counted": ("both ? less[Index:0] : x_avail", "x_avail"),
    "bytes turned the other way": ("at_q - Index'(filled_q)", "at_q + Index'(filled_q)"),
    "turned by one digit alone": ("turn[2*Digit+:2]", "turn[1:0]"),
    "each word a run's last": ("last_q <= x_last_i;", "last_q <= 1'b1;"),
    "clear_i leaves the word": (
        "if (reset)                      valid_q",
        "if (!rst_ni) valid_q",
    ),
    "clear_i leaves a part of a chunk": (
        "if (reset || give) begin\n        filled_q",
        "if (!rst_ni || give) begin\n        filled_q",
    ),
    "clear_i leaves a chunk": ("if (reset)   y_valid_o", "if (!rst_ni) y_valid_o"),
    "a chunk that waits is lost": ("assign en    = y_ready_i || !y_valid_o;", "assign en    = 1'b1;"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
def test_broken_cells_are_seen(name: str, rng: np.random.Generator, seed: int, tmp_path: Path) -> None:
    def bench() -> None:
        test_bytes_of_all_runs_are_one_stream(rng, seed)
        test_a_runs_last_chunk_is_padded(rng, seed)

    rtl_board.seen("r4_unpack", BROKEN[name], tmp_path, bench)
