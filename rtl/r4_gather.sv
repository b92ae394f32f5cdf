// SPDX-License-Identifier: Apache-2.0
//
// Addresses of a cube in memory, as runs of bytes in the order in which its counts are needed.
// banded_i = 0: pixels with all bands inside (BIP): for every row one run of row_bytes_i bytes.
// banded_i = 1: bands apart (BIL, BSQ): for every row, for every tile of columns, for every band one run of the tile's
//               counts, at src_i + row * row_stride_i + band * band_stride_i + column * CountBytes.
// Tiles:        of TileColumns columns, the last one of what is left. Where that were less than half of TileColumns, the
//               one before is of half of it, so that no tile behind another one is small: r4_turn fills one while it
//               drains the one before. A row of 32 + 3 columns is 16 + 19, one of 64 + 20 is 32 + 32 + 20.
// Job:        start_i is a pulse; all other inputs must stand from then on until done_o. A cube without counts (rows_i,
//             columns_i, row_bytes_i 0) has no runs.
// done_o:     level, from the cycle after the last run was taken, or after abort_i, until start_i.
// abort_i:    level; the runs that are left are dropped, also one that is offered.
// Latency:    1 cycle from start_i, or from a run taken, to the next.  Throughput: 1 run/cycle.
// run_valid_o, run_addr_o and run_bytes_o come from registers and the job's inputs alone.

module r4_gather #(
  parameter int unsigned AddrWidth   = 40,
  parameter int unsigned Bands       = 1,
  parameter int unsigned CountBytes  = 2,
  parameter int unsigned TileColumns = 32
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,

  input  logic                 start_i,
  input  logic                 banded_i,
  input  logic [AddrWidth-1:0] src_i,
  input  logic [31:0]          rows_i,
  input  logic [31:0]          columns_i,
  input  logic [31:0]          row_stride_i,
  input  logic [31:0]          band_stride_i,
  input  logic [31:0]          row_bytes_i,
  input  logic                 abort_i,

  output logic                 run_valid_o,
  input  logic                 run_ready_i,
  output logic [AddrWidth-1:0] run_addr_o,
  output logic [31:0]          run_bytes_o,

  output logic                 done_o
);

  if (Bands == 0) begin : gen_check_size
    $fatal(1, "r4_gather: Bands (%0d) must be at least 1", Bands);
  end
  if (TileColumns < 4 || TileColumns != 2 ** $clog2(TileColumns)) begin : gen_check_tile
    $fatal(1, "r4_gather: TileColumns (%0d) must be a power of two from 4", TileColumns);
  end
  if (AddrWidth < 32 || AddrWidth > 64) begin : gen_check_addr
    $fatal(1, "r4_gather: AddrWidth (%0d) must be 32 to 64", AddrWidth);
  end
  if (CountBytes != 1 && CountBytes != 2 && CountBytes != 4) begin : gen_check_bytes
    $fatal(1, "r4_gather: CountBytes (%0d) must be 1, 2 or 4", CountBytes);
  end

  localparam int unsigned Shift  = $clog2(CountBytes);
  localparam int unsigned Column = $clog2(TileColumns);

  logic [AddrWidth-1:0] addr_q, tile_q, row_q;  // of this run, of its tile's first run, of its row's first run
  logic [31:0] left_q;                          // columns from this tile on
  logic [31:0] rows_q;                          // rows from this one on
  logic take, last_band, next_row, next_tile;
  logic last_tile_q, half_tile_q;               // this tile is all that is left, is half a tile before that
  logic [31:0] wide;                            // columns of this tile

  assign take        = run_valid_o && run_ready_i;
  assign wide        = last_tile_q ? left_q : half_tile_q ? TileColumns / 2 : TileColumns;
  assign next_row    = !banded_i || (last_band && last_tile_q);
  assign next_tile   = last_band && !next_row;
  assign run_addr_o  = addr_q;
  assign run_bytes_o = banded_i ? wide << Shift : row_bytes_i;

  r4_countdown #(.Count(Bands)) u_band (
    .clk_i, .rst_ni(rst_ni && !start_i), .step_i(take && banded_i), .last_o(last_band)
  );

  // The start is a step too, from src_i by nothing.
  logic [AddrWidth-1:0] base, stride, next;
  assign base   = start_i ? src_i : next_row ? row_q : next_tile ? tile_q : addr_q;
  assign stride = start_i ? '0 : next_row ? AddrWidth'(row_stride_i)
                : next_tile ? AddrWidth'(run_bytes_o) : AddrWidth'(band_stride_i);
  assign next   = base + stride;

  logic empty;
  assign empty = rows_i == '0 || (banded_i ? columns_i : row_bytes_i) == '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      run_valid_o <= 1'b0;
      done_o      <= 1'b0;
    end else if (abort_i) begin
      run_valid_o <= 1'b0;
      done_o      <= 1'b1;
    end else if (start_i) begin
      run_valid_o <= !empty;
      done_o      <= empty;
    end else if (take && next_row && rows_q == 32'd1) begin
      run_valid_o <= 1'b0;
      done_o      <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i || take) addr_q <= next;
    if (start_i || (take && (next_row || next_tile))) tile_q <= next;
    if (start_i || (take && next_row)) begin
      row_q  <= next;
      rows_q <= start_i ? rows_i : rows_q - 32'd1;
      left_q <= columns_i;
      last_tile_q <= columns_i <= TileColumns;
      half_tile_q <= columns_i > TileColumns && columns_i[31:Column-1] == (33 - Column)'(2);
    end else if (take && next_tile) begin
      // What is left behind half a tile is at most a tile; behind a tile it is one less than now.
      left_q <= left_q - wide;
      last_tile_q <= half_tile_q || left_q <= 2 * TileColumns;
      half_tile_q <= !half_tile_q && left_q > 2 * TileColumns && left_q[31:Column-1] == (33 - Column)'(4);
    end
  end

`ifndef SYNTHESIS
  RUN_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni || abort_i || start_i)
    run_valid_o && !run_ready_i |=> run_valid_o && $stable(run_addr_o) && $stable(run_bytes_o));
  RUN_BYTES : assert property (@(posedge clk_i) disable iff (!rst_ni) run_valid_o |-> run_bytes_o != '0);
`endif
endmodule
