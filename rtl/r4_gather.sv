// SPDX-License-Identifier: Apache-2.0
//
// Addresses of a cube in memory, as runs of bytes in the order in which its counts are needed.
// banded_i = 0: pixels with all bands inside (BIP): for every row one run of row_bytes_i bytes.
// banded_i = 1: bands apart (BIL, BSQ): for every row, for every tile of TileColumns columns, for every band one run of
//               the tile's counts; a row's last tile may be narrower.
//     address = src_i + row * row_stride_i + band * band_stride_i + tile * TileColumns * CountBytes
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

  if (Bands == 0 || TileColumns == 0) begin : gen_check_size
    $fatal(1, "r4_gather: Bands (%0d) and TileColumns (%0d) must be at least 1", Bands, TileColumns);
  end
  if (AddrWidth < 32 || AddrWidth > 64) begin : gen_check_addr
    $fatal(1, "r4_gather: AddrWidth (%0d) must be 32 to 64", AddrWidth);
  end
  if (CountBytes != 1 && CountBytes != 2 && CountBytes != 4) begin : gen_check_bytes
    $fatal(1, "r4_gather: CountBytes (%0d) must be 1, 2 or 4", CountBytes);
  end

  localparam int unsigned Shift = $clog2(CountBytes);

  logic [AddrWidth-1:0] addr_q, tile_q, row_q;  // of this run, of its tile's first run, of its row's first run
  logic [31:0] left_q;                          // columns from this tile on
  logic [31:0] rows_q;                          // rows from this one on
  logic take, last_band, last_tile, next_row, next_tile;

  assign take        = run_valid_o && run_ready_i;
  assign last_tile   = left_q <= TileColumns;
  assign next_row    = !banded_i || (last_band && last_tile);
  assign next_tile   = last_band && !next_row;
  assign run_addr_o  = addr_q;
  assign run_bytes_o = !banded_i ? row_bytes_i : (last_tile ? left_q : TileColumns) << Shift;

  r4_counter #(.Count(Bands)) u_band (
    .clk_i, .rst_ni(rst_ni && !start_i), .step_i(take && banded_i), .last_o(last_band)
  );

  logic [AddrWidth-1:0] base, stride, next;
  assign base   = next_row ? row_q : next_tile ? tile_q : addr_q;
  assign stride = next_row ? AddrWidth'(row_stride_i) : next_tile ? AddrWidth'(TileColumns << Shift)
                : AddrWidth'(band_stride_i);
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
    if (start_i) begin
      addr_q <= src_i;
      tile_q <= src_i;
      row_q  <= src_i;
      left_q <= columns_i;
      rows_q <= rows_i;
    end else if (take) begin
      addr_q <= next;
      if (next_row || next_tile) tile_q <= next;
      if (next_row) begin
        row_q  <= next;
        rows_q <= rows_q - 32'd1;
        left_q <= columns_i;
      end else if (next_tile) begin
        left_q <= left_q - TileColumns;
      end
    end
  end

`ifndef SYNTHESIS
  RUN_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni || abort_i || start_i)
    run_valid_o && !run_ready_i |=> run_valid_o && $stable(run_addr_o) && $stable(run_bytes_o));
  RUN_BYTES : assert property (@(posedge clk_i) disable iff (!rst_ni) run_valid_o |-> run_bytes_o != '0);
`endif
endmodule
