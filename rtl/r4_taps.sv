// SPDX-License-Identifier: Apache-2.0
//
// Parallel window of a kernel of one row: all taps of a group of lanes at once, from column delays.  r4_taps_ring does
// the same for kernels of several rows.
//
// Beat in:  Lanes channels of a pixel; Groups beats a pixel, row-major, channels last.
// Beat out: every tap of one output position and group: kernel column, lane; the first at the LSB.
//           Order: output row, output column, group.  A tap outside the frame gives PadValue.
// The cell walks over ExtHeight x ExtWidth positions a frame: the frame, and behind every row the padding to the right
// of it that the last windows reach; one slot a group, those in the padding take no beat.
// Latency:  1 cycle from the last beat that a window needs.  Throughput: 1 slot/cycle.
// The ready path is combinational from y_ready_i to x_ready_o.

module r4_taps #(
  parameter int unsigned Lanes     = 1,
  parameter int unsigned ElemWidth = 8,
  parameter int unsigned Groups    = 1,
  parameter int unsigned Height    = 1,
  parameter int unsigned Width     = 8,
  parameter int unsigned KernelH   = 1,
  parameter int unsigned KernelW   = 3,
  parameter int unsigned StrideH   = 1,
  parameter int unsigned StrideW   = 1,
  parameter int unsigned DilationH = 1,
  parameter int unsigned DilationW = 1,
  parameter int unsigned PadTop    = 0,
  parameter int unsigned PadLeft   = 0,
  parameter int unsigned OutHeight = 1,
  parameter int unsigned OutWidth  = 6,
  parameter int unsigned ExtHeight = 1,
  parameter int unsigned ExtWidth  = 8,
  parameter int          PadValue  = 0
) (
  input  logic                               clk_i,
  input  logic                               rst_ni,

  input  logic                               x_valid_i,
  output logic                               x_ready_o,
  input  logic [Lanes*ElemWidth-1:0]         x_data_i,

  output logic                               y_valid_o,
  input  logic                               y_ready_i,
  output logic [KernelW*Lanes*ElemWidth-1:0] y_data_o
);

  localparam int unsigned BeatWidth = Lanes * ElemWidth;

  if (ExtHeight < Height || ExtWidth < Width) begin : gen_check_extent
    $fatal(1, "r4_taps: ExtHeight (%0d) and ExtWidth (%0d) must hold the frame (%0d x %0d)",
           ExtHeight, ExtWidth, Height, Width);
  end

  if (KernelH != 1) begin : gen_check_kernel
    $fatal(1, "r4_taps: KernelH must be 1, not %0d; r4_taps_ring has more rows", KernelH);
  end

  // -- the walk -----------------------------------------------------------------------------------------------
  logic en, slot, last_g, last_x, row_real, col_real, row_hit, col_hit;
  assign en        = y_ready_i || !y_valid_o;
  assign slot      = en && (x_valid_i || !(row_real && col_real));
  assign x_ready_o = en && row_real && col_real;

  logic row_inside;
  logic [KernelW-1:0] col_inside;
  logic last_y;
  r4_counter #(.Count(Groups)) u_g (.clk_i, .rst_ni, .step_i(slot), .last_o(last_g));
  r4_taps_axis #(
    .Size(Width), .Extent(ExtWidth), .Kernel(KernelW), .Stride(StrideW), .Dilation(DilationW), .Pad(PadLeft),
    .Positions(OutWidth)
  ) u_x (
    .clk_i, .rst_ni, .step_i(slot && last_g), .last_o(last_x), .real_o(col_real), .hit_o(col_hit),
    .inside_o(col_inside)
  );
  r4_taps_axis #(
    .Size(Height), .Extent(ExtHeight), .Kernel(KernelH), .Stride(StrideH), .Dilation(DilationH), .Pad(PadTop),
    .Positions(OutHeight)
  ) u_y (
    .clk_i, .rst_ni, .step_i(slot && last_g && last_x), .last_o(last_y), .real_o(row_real), .hit_o(row_hit),
    .inside_o(row_inside)
  );
  logic unused;
  assign unused = &{1'b0, last_y, row_inside};

  // -- columns: kernel column KernelW - 1 is this one -------------------------------------------------------------
  logic [BeatWidth-1:0] here_q;
  always_ff @(posedge clk_i) begin
    if (slot) here_q <= (row_real && col_real) ? x_data_i : {Lanes{ElemWidth'(PadValue)}};
  end
  logic [KernelW*BeatWidth-1:0] window;
  assign window[(KernelW-1)*BeatWidth+:BeatWidth] = here_q;
  for (genvar c = 0; c < int'(KernelW) - 1; c++) begin : gen_column
    r4_delay #(
      .Width(BeatWidth),
      .Depth(DilationW * Groups)
    ) u_delay (
      .clk_i,
      .step_i(slot),
      .x_i(window[(c+1)*BeatWidth+:BeatWidth]),
      .y_o(window[c*BeatWidth+:BeatWidth])
    );
  end

  // -- what leaves --------------------------------------------------------------------------------------------
  logic [KernelW-1:0] col_inside_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) y_valid_o <= 1'b0;
    else if (en) y_valid_o <= slot && row_hit && col_hit;
  end
  always_ff @(posedge clk_i) begin
    if (slot) col_inside_q <= col_inside;
  end
  for (genvar c = 0; c < int'(KernelW); c++) begin : gen_out
    assign y_data_o[c*BeatWidth+:BeatWidth] =
        col_inside_q[c] ? window[c*BeatWidth+:BeatWidth] : {Lanes{ElemWidth'(PadValue)}};
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
