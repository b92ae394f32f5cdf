// SPDX-License-Identifier: Apache-2.0
//
// Nearest upsampling: every pixel FactorW times, every row FactorH times.
// Beat: Lanes channels of a pixel; Groups beats a pixel, row-major, channels last, on both sides.
// A row is taken as its first copy leaves and repeated from a row memory (FactorH > 1) of Width * Groups beats; a
// pixel is repeated from registers or memory (FactorW > 1) of Groups beats.  One slot an output beat.
// Latency: 1 cycle.  Throughput: 1 output beat/cycle.  The ready path is combinational from y_ready_i to x_ready_o.

module r4_upsample #(
  parameter int unsigned Lanes     = 1,
  parameter int unsigned ElemWidth = 8,
  parameter int unsigned Groups    = 1,
  parameter int unsigned Width     = 8,
  parameter int unsigned FactorH   = 1,
  parameter int unsigned FactorW   = 2,
  parameter bit          Block     = 1'b0
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,

  input  logic                       x_valid_i,
  output logic                       x_ready_o,
  input  logic [Lanes*ElemWidth-1:0] x_data_i,

  output logic                       y_valid_o,
  input  logic                       y_ready_i,
  output logic [Lanes*ElemWidth-1:0] y_data_o
);

  if (Lanes == 0 || ElemWidth == 0 || Groups == 0 || Width == 0) begin : gen_check_size
    $fatal(1, "r4_upsample: Lanes (%0d), ElemWidth (%0d), Groups (%0d) and Width (%0d) must be at least 1",
           Lanes, ElemWidth, Groups, Width);
  end
  if (FactorH == 0 || FactorW == 0) begin : gen_check_factor
    $fatal(1, "r4_upsample: FactorH (%0d) and FactorW (%0d) must be at least 1", FactorH, FactorW);
  end

  localparam int unsigned BeatWidth = Lanes * ElemWidth;

  // -- the walk: output row of a row, column, copy of a pixel, group ------------------------------------------
  logic en, slot, last_g, last_copy, last_x, last_row, first_copy, first_row;
  r4_counter #(.Count(Groups)) u_g (.clk_i, .rst_ni, .step_i(slot), .last_o(last_g));
  r4_span #(.Count(FactorW), .First(0), .Size(1)) u_copy (
    .clk_i, .rst_ni, .step_i(slot && last_g), .last_o(last_copy), .inside_o(first_copy)
  );
  r4_counter #(.Count(Width)) u_x (.clk_i, .rst_ni, .step_i(slot && last_g && last_copy), .last_o(last_x));
  r4_span #(.Count(FactorH), .First(0), .Size(1)) u_row (
    .clk_i, .rst_ni, .step_i(slot && last_g && last_copy && last_x), .last_o(last_row), .inside_o(first_row)
  );
  logic unused_last;
  assign unused_last = last_row;

  assign en        = y_ready_i || !y_valid_o;
  assign slot      = en && (x_valid_i || !(first_copy && first_row));
  assign x_ready_o = en && first_copy && first_row;

  // -- a row, then a pixel, goes round as often as it is wanted -----------------------------------------------
  logic [BeatWidth-1:0] fresh, here;
  if (FactorH > 1) begin : gen_rows
    logic [BeatWidth-1:0] kept;
    assign fresh = first_row ? x_data_i : kept;
    r4_line #(
      .Width(BeatWidth),
      .Shift(BeatWidth),
      .Depth(Width * Groups),
      .Block(Block)
    ) u_line (
      .clk_i,
      .rst_ni,
      .step_i(slot && first_copy),
      .here_i(fresh),
      .above_o(kept)
    );
  end else begin : gen_one_row
    assign fresh = x_data_i;
  end
  if (FactorW > 1) begin : gen_copies
    logic [BeatWidth-1:0] kept;
    assign here = first_copy ? fresh : kept;
    r4_line #(
      .Width(BeatWidth),
      .Shift(BeatWidth),
      .Depth(Groups)
    ) u_line (
      .clk_i,
      .rst_ni,
      .step_i(slot),
      .here_i(here),
      .above_o(kept)
    );
  end else begin : gen_one_copy
    assign here = fresh;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) y_valid_o <= 1'b0;
    else if (en) y_valid_o <= slot;
  end
  always_ff @(posedge clk_i) begin
    if (slot) y_data_o <= here;
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
