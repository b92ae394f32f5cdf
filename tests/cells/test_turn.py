# SPDX-License-Identifier: Apache-2.0
"""r4_turn in simulation: numpy.transpose, for rows of 1 to 200 columns, and no gap between tiles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rtl_board


def beats_of(cube: np.ndarray, *, tile: int, lanes: int, width: int, rng: np.random.Generator) -> list[int]:
    """Rows x bands x columns to beats: tile by tile, band by band; what fills up a band's last beat is drawn."""
    rows, bands, columns = cube.shape
    beats = []
    for r in range(rows):
        for t, end in rtl_board.tiles(columns, tile):
            for b in range(bands):
                counts = cube[r, b, t:end].tolist()
                counts += rng.integers(0, 2**width, -len(counts) % lanes).tolist()
                for k in range(0, len(counts), lanes):
                    beats.append(sum(c << width * i for i, c in enumerate(counts[k : k + lanes])))
    return beats


def case(
    name: str,
    cubes: list[np.ndarray],
    *,
    rng: np.random.Generator,
    tile: int = 32,
    lanes: int = 4,
    given: int = 1,
    width: int = 16,
) -> rtl_board.Case:
    """A case of cubes (rows, bands, columns), all of the same bands and columns; the first one is cut by clear_i.

    tile: columns of one; lanes: counts a beat in; given: counts a beat out.
    """
    bands, columns = cubes[0].shape[1:]
    runs = []
    for k, cube in enumerate(cubes):
        x = beats_of(cube, tile=tile, lanes=lanes, width=width, rng=rng)
        if k == 0:  # all but the first tile's last beat: nothing is given
            x = x[: bands * -(-rtl_board.tiles(columns, tile)[0][1] // lanes) - 1]
        pixels = cube.transpose(0, 2, 1).reshape(-1, given).tolist()
        y = [sum(c << width * i for i, c in enumerate(beat)) for beat in pixels]
        runs.append((x, y if k else []))
    params = {"Bands": bands, "Columns": tile, "XLanes": lanes, "YLanes": given, "Width": width}
    x_signal, y_signal = [("data", lanes * width)], [("data", given * width)]
    return rtl_board.Case(name, "r4_turn", params, x_signal, y_signal, runs, {"columns": columns})


def test_turn(rng: np.random.Generator, seed: int) -> None:
    """Values; and without stalls a beat a cycle, also from tile to tile and from row to row."""
    cases = []
    sizes = [*((3, c) for c in (1, 4, 5, 31, 32, 33, 47, 48, 64, 79, 97, 200)), (1, 40), (25, 57)]
    for bands, columns in sizes:
        cubes = [rng.integers(0, 2**16, (rows, bands, columns)) for rows in (1, 4 if columns < 100 else 2)]
        cases.append(case(f"{bands}x{columns}", cubes, rng=rng))
    for tile, lanes, width in [(16, 4, 8), (8, 2, 3)]:
        cubes = [rng.integers(0, 2**width, (rows, 5, 3 * tile - 3)) for rows in (1, 2)]
        cases.append(case(f"{tile}_{lanes}", cubes, rng=rng, tile=tile, lanes=lanes, width=width))
    # (bands, columns, columns of a tile, counts a beat in, counts a beat out); a tile fills in time for the next.
    for bands, columns, tile, lanes, given in [
        (3, 128, 64, 4, 3),
        (3, 33, 16, 8, 3),
        (8, 40, 16, 8, 4),
        (6, 70, 32, 4, 2),
        (12, 70, 32, 16, 6),
    ]:
        cubes = [rng.integers(0, 2**16, (rows, bands, columns)) for rows in (1, 3)]
        name = f"{bands}x{columns}_{tile}_{lanes}_{given}"
        cases.append(case(name, cubes, rng=rng, tile=tile, lanes=lanes, given=given))
    for name, runs in rtl_board.check("turn", cases, seed=seed, stalled=1).items():
        y = runs[1][0].cycles["y"]
        assert y == list(range(y[0], y[0] + len(y))), f"{name}: a beat a cycle"


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"Bands": 0}, "r4_turn: Bands (0) and Width (16) must be at least 1"),
        (
            {"Columns": 48},
            "r4_turn: Columns (48) must be a power of two of at least two beats of XLanes (4), a power of two from 2",
        ),
        ({"Bands": 3, "YLanes": 2}, "r4_turn: YLanes (2) must divide Bands (3)"),
    ],
)
def test_illegal_parameters_stop_elaboration(parameters: dict[str, int], text: str) -> None:
    assert text in rtl_board.refusal("r4_turn", parameters)


BROKEN: dict[str, rtl_board.Change] = {
    "a column more": ("next_last ? next_low - 1'b1", "next_last ? next_low"),
    "a row's only tile is not its last one": ("columns_i <= Columns", "columns_i < Columns"),
    "a whole tile is no row's last one": ("left_q <= 2 * Columns;", "left_q < 2 * Columns;"),
    "never halved": ("(33 - Column)'(2)", "(33 - Column)'(0)"),
    "never halved behind the first tile": ("(33 - Column)'(4)", "(33 - Column)'(0)"),
    "a whole tile, and a half taken": ("left_q - Columns;", "left_q - Columns / 2;"),
    "lower bits of a half's next one": ("{half_tile_q, {(Column-1){1'b0}}}", "{Column{1'b0}}"),
    "a beat less of a band": (
        "fill_beat_q == tile_last_q[Column-1:Lane];",
        "fill_beat_q == tile_last_q[Column-1:Lane] - 1'b1;",
    ),
    "written over what is not drained": ("x_ready_o   = !full_q[fill_half_q];", "x_ready_o   = 1'b1;"),
    "columns of the other tile": (
        "read_column_q == last_q[read_half_q]",
        "read_column_q == last_q[!read_half_q]",
    ),
    "lanes from the last": ("lane_q <= read_column_q", "lane_q <= ~read_column_q"),
    "a count that waits is lost": ("en         = y_ready_i || !y_valid_o;", "en         = 1'b1;"),
    "columns of one row alone": ("row ? columns_i : left_q -", "reset ? columns_i : left_q -"),
    "clear_i leaves the columns": ("if (reset || fill_last) begin", "if (fill_last) begin"),
    "clear_i leaves a full tile": ("if (reset) begin\n      full_q", "if (!rst_ni) begin\n      full_q"),
    "clear_i leaves the beat": ("      fill_beat_q <= '0;\n", ""),
    "clear_i leaves the bank": ("      fill_bank_q <= YLanes'(1);\n", ""),
    "every bank is written": ("fill && fill_bank_q[i];", "fill;"),
    "a group ends with its first band": (
        "fill_group  = fill && band_end && fill_bank_q[YLanes-1];",
        "fill_group  = fill && band_end && fill_bank_q[0];",
    ),
    "a band less": ("RowWidth'(Groups) : '0;\n      else ", "'0 : RowWidth'(Groups);\n      else "),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
def test_broken_cells_are_seen(name: str, rng: np.random.Generator, seed: int, tmp_path: Path) -> None:
    def bench() -> None:
        test_turn(rng, seed)

    rtl_board.seen("r4_turn", BROKEN[name], tmp_path, bench)
