# SPDX-License-Identifier: Apache-2.0
"""r4_gather in simulation: its runs are the cube's bytes in the order of a copy that NumPy makes; aborts at any run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rtl_board
from numpy.lib.stride_tricks import as_strided

X = [
    ("src", 40), ("rows", 32), ("columns", 32), ("row_stride", 32), ("band_stride", 32), ("row_bytes", 32),
    ("banded", 1), ("limit", 16),
]  # fmt: skip
Y = [("addr", 40), ("bytes", 32)]

# Jobs as a stream: one at a time, its values standing until it is done. After `limit` runs comes abort_i, if not 0.
JOBS = """module r4_gather_jobs #(
  parameter int unsigned Bands = 1, parameter int unsigned CountBytes = 2, parameter int unsigned TileColumns = 32
) (
  input  logic clk_i, input logic rst_ni, input logic clear_i,
  input  logic x_valid_i, output logic x_ready_o,
  input  logic [39:0] x_src_i,
  input  logic [31:0] x_rows_i, x_columns_i, x_row_stride_i, x_band_stride_i, x_row_bytes_i,
  input  logic x_banded_i, input logic [15:0] x_limit_i,
  output logic y_valid_o, input logic y_ready_i, output logic [39:0] y_addr_o, output logic [31:0] y_bytes_o
);
  logic busy_q, start_q, banded_q, valid, stop, done;
  logic [39:0] src_q;
  logic [31:0] rows_q, columns_q, row_stride_q, band_stride_q, row_bytes_q;
  logic [15:0] limit_q, taken_q;
  assign stop      = limit_q != '0 && taken_q == limit_q;
  assign x_ready_o = !busy_q;
  assign y_valid_o = valid && !stop;
  always_ff @(posedge clk_i) begin
    start_q <= x_valid_i && x_ready_o;
    if (x_valid_i && x_ready_o) begin
      busy_q <= 1'b1;
      taken_q <= '0;
      {src_q, rows_q, columns_q} <= {x_src_i, x_rows_i, x_columns_i};
      {row_stride_q, band_stride_q, row_bytes_q} <= {x_row_stride_i, x_band_stride_i, x_row_bytes_i};
      {banded_q, limit_q} <= {x_banded_i, x_limit_i};
    end else begin
      if (done && !start_q) busy_q <= 1'b0;
      if (y_valid_o && y_ready_i) taken_q <= taken_q + 16'd1;
    end
    if (!rst_ni || clear_i) {busy_q, start_q, limit_q} <= '0;
  end
  r4_gather #(
    .Bands(Bands), .CountBytes(CountBytes), .TileColumns(TileColumns)
  ) u_gather (
    .clk_i, .rst_ni, .start_i(start_q), .banded_i(banded_q), .src_i(src_q), .rows_i(rows_q), .columns_i(columns_q),
    .row_stride_i(row_stride_q), .band_stride_i(band_stride_q), .row_bytes_i(row_bytes_q), .abort_i(stop || clear_i),
    .run_valid_o(valid), .run_ready_i(y_ready_i && !stop), .run_addr_o(y_addr_o), .run_bytes_o(y_bytes_o),
    .done_o(done)
  );
endmodule
"""


def job(
    layout: str,
    src: int,
    rows: int,
    columns: int,
    bands: int,
    size: int,
    *,
    tile: int,
    limit: int = 0,
    pad: int = 0,
) -> tuple[int, list[int]]:
    """A job's beat and its runs, by the addresses of every count of the cube; `pad` bytes lie between rows."""
    order = {"BIP": (0, 1, 2), "BIL": (0, 2, 1), "BSQ": (2, 0, 1)}[layout]  # of row, column, band in memory
    shape = np.array([rows, columns, bands])
    strides = np.empty(3, np.int64)
    strides[list(order)] = size * np.array([*np.cumprod(shape[list(order)][:0:-1])[::-1], 1])
    strides[0] += pad
    memory = np.arange(src, src + size * shape.prod() + rows * pad)  # of every byte its address
    cube = as_strided(memory, tuple(shape), tuple(memory.itemsize * strides))
    row_stride, _, band_stride = (int(s) for s in strides)
    if layout == "BIP":
        runs = [(int(row[0, 0]), columns * bands * size) for row in cube]
    else:
        tiles = rtl_board.tiles(columns, tile)
        runs = [(int(row[t, b]), (end - t) * size) for row in cube for t, end in tiles for b in range(bands)]
    values = [src, rows, columns, row_stride, 0 if layout == "BIP" else band_stride, columns * bands * size]
    beat = rtl_board.join(X, [*values, int(layout != "BIP"), limit])
    return beat, [rtl_board.join(Y, r) for r in (runs[:limit] if limit else runs)]


def test_runs(rng: np.random.Generator, seed: int) -> None:
    cases = []
    for bands, size, tile in [(1, 1, 32), (3, 2, 32), (5, 1, 16), (204, 2, 32), (2, 4, 8)]:
        some = rng.integers(1, 201, 4).tolist()
        shapes = [
            (1, 1),
            (2, 31),
            (2, 32),
            (1, 33),
            (3, 64),
            (2, 47),
            (2, 48),
            (1, 79),
            *((int(rng.integers(1, 4)), c) for c in some),
        ]
        jobs = [
            job(layout, int(rng.integers(2**39)), *shape, bands, size, tile=tile)
            for layout in ("BIP", "BIL", "BSQ")
            for shape in (shapes if bands < 100 else shapes[:4])
        ]
        # from start to abort and on to the next job
        jobs += [
            job(layout, 4096, 3, 40, bands, size, tile=tile, limit=limit)
            for layout, limit in [("BIP", 1), ("BIL", 1), ("BSQ", 5), ("BIP", 2), ("BIL", 3)]
        ]
        jobs += [job(layout, 64, 3, 35, bands, size, tile=tile, pad=6) for layout in ("BIP", "BIL")]
        jobs += jobs[:3]
        # without counts, so without runs; the next job follows
        nothing = [[7, 0, 5, 9, 9, 9, 1, 0], [7, 5, 0, 9, 9, 9, 1, 0], [7, 5, 5, 9, 9, 0, 0, 0]]
        empty = [(rtl_board.join(X, n), list[int]()) for n in nothing]
        runs = [([x for x, _ in some], [r for _, y in some for r in y]) for some in (jobs, [*empty, *jobs])]
        params = {"Bands": bands, "CountBytes": size, "TileColumns": tile}
        name, uses = f"{bands}x{size}", frozenset({"r4_gather"})
        cases.append(rtl_board.Case(name, "r4_gather_jobs", params, X, Y, runs, text=JOBS, uses=uses))
    rtl_board.check("gather", cases, seed=seed)


def test_a_run_a_cycle(seed: int) -> None:
    beat, runs = job("BSQ", 1000, 4, 77, 6, 2, tile=32)
    params = {"Bands": 6, "CountBytes": 2, "TileColumns": 32}
    uses = frozenset({"r4_gather"})
    case = rtl_board.Case("rate", "r4_gather_jobs", params, X, Y, [([beat], runs)], text=JOBS, uses=uses)
    y = rtl_board.check("gather_rate", [case], seed=seed, stalled=0)["rate"][0][0].cycles["y"]
    assert y == list(range(y[0], y[0] + 4 * 3 * 6))


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"Bands": 0}, "r4_gather: Bands (0) must be at least 1"),
        ({"TileColumns": 12}, "r4_gather: TileColumns (12) must be a power of two from 4"),
        ({"AddrWidth": 20}, "r4_gather: AddrWidth (20) must be 32 to 64"),
        ({"CountBytes": 3}, "r4_gather: CountBytes (3) must be 1, 2 or 4"),
    ],
)
def test_illegal_parameters_stop_elaboration(parameters: dict[str, int], text: str) -> None:
    assert text in rtl_board.refusal("r4_gather", parameters)


BROKEN: dict[str, rtl_board.Change] = {
    "a whole last tile": ("left_q <= TileColumns", "left_q < TileColumns"),
    "no tile of half the columns": ("half_tile ? TileColumns / 2 : TileColumns", "TileColumns"),
    "a tile of half the columns too early": ("(33 - Column)'(2)", "(33 - Column)'(3)"),
    "a row more": ("rows_q == 32'd1)", "rows_q == 32'd0)"),
    "bands counted while a run waits": ("step_i(take && banded_i)", "step_i(run_valid_o && banded_i)"),
    "a run that waits is lost": ("if (start_i || take) addr_q", "if (start_i || run_valid_o) addr_q"),
    "counts for bytes": ("wide << Shift", "wide"),
    "bands not from the first after an abort": (".rst_ni(rst_ni && !start_i)", ".rst_ni(rst_ni)"),
    "an offered run outlives an abort": (
        "end else if (abort_i) begin\n      run_valid_o <= 1'b0;",
        "end else if (abort_i) begin\n",
    ),
    "an empty cube never done": ("done_o      <= empty;", "done_o      <= 1'b0;"),
    "no columns not seen": ("(banded_i ? columns_i : row_bytes_i) == '0", "row_bytes_i == '0"),
    "rows from the last tile on": ("next_row ? row_q :", "next_row ? tile_q :"),
    "columns not from the first in a row": (
        "left_q <= columns_i;",
        "left_q <= start_i ? columns_i : left_q;",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
def test_broken_cells_are_seen(name: str, rng: np.random.Generator, seed: int, tmp_path: Path) -> None:
    def bench() -> None:
        test_runs(rng, seed)

    rtl_board.seen("r4_gather", BROKEN[name], tmp_path, bench)
