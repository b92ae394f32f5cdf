// SPDX-License-Identifier: Apache-2.0
//
// Parallel window: all taps of a group of lanes at once, from line memories and column delays.
//
// Beat in:  Lanes channels of a pixel; Groups beats a pixel, row-major, channels last.
// Beat out: every tap of one output position and group: kernel row, kernel column, lane; the first at the LSB.
//           Order: output row, output column, group.  A tap outside the frame gives PadValue.
// The cell walks over ExtHeight x ExtWidth positions a frame: the frame, and behind it the padding below and to the
// right of it that the last windows reach; one slot a group, those in the padding take no beat.
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
  parameter int          PadValue  = 0,
  parameter bit          Block     = 1'b0
) (
  input  logic                                       clk_i,
  input  logic                                       rst_ni,

  input  logic                                       x_valid_i,
  output logic                                       x_ready_o,
  input  logic [Lanes*ElemWidth-1:0]                 x_data_i,

  output logic                                       y_valid_o,
  input  logic                                       y_ready_i,
  output logic [KernelH*KernelW*Lanes*ElemWidth-1:0] y_data_o
);

  localparam int unsigned BeatWidth = Lanes * ElemWidth;
  localparam int unsigned Rows      = (KernelH - 1) * DilationH;  // earlier rows that a window reaches

  if (ExtHeight < Height || ExtWidth < Width) begin : gen_check_extent
    $fatal(1, "r4_taps: ExtHeight (%0d) and ExtWidth (%0d) must hold the frame (%0d x %0d)",
           ExtHeight, ExtWidth, Height, Width);
  end

  // -- the walk -----------------------------------------------------------------------------------------------
  logic en, slot, last_g, last_x, row_real, col_real, row_hit, col_hit;
  assign en        = y_ready_i || !y_valid_o;
  assign slot      = en && (x_valid_i || !(row_real && col_real));
  assign x_ready_o = en && row_real && col_real;

  logic [KernelH-1:0] row_inside;
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
  logic unused_last;
  assign unused_last = last_y;

  // -- this column: the beat of this slot and those above it --------------------------------------------------
  logic [BeatWidth-1:0] here;
  assign here = (row_real && col_real) ? x_data_i : {Lanes{ElemWidth'(PadValue)}};

  logic [(Rows+1)*BeatWidth-1:0] column;  // row 0 (this one) at the LSB, earlier rows above
  if (Rows > 0) begin : gen_lines
    r4_line #(
      .Width(Rows * BeatWidth),
      .Shift(BeatWidth),
      .Depth(ExtWidth * Groups),
      .Block(Block)
    ) u_line (
      .clk_i,
      .rst_ni,
      .step_i(slot),
      .here_i(here),
      .above_o(column[(Rows+1)*BeatWidth-1:BeatWidth])
    );
  end
  assign column[BeatWidth-1:0] = here;

  logic [KernelH*BeatWidth-1:0] taken;  // the kernel's rows of the column, kernel row 0 (the earliest) at the LSB
  for (genvar r = 0; r < int'(KernelH); r++) begin : gen_taken
    assign taken[r*BeatWidth+:BeatWidth] = column[(int'(KernelH)-1-r)*int'(DilationH)*BeatWidth+:BeatWidth];
  end
  if (DilationH > 1) begin : gen_unused_rows
    logic unused;
    assign unused = ^column;
  end

  // -- earlier columns: kernel column KernelW - 1 is this one -------------------------------------------------------
  logic [KernelW*KernelH*BeatWidth-1:0] window;  // kernel column, kernel row
  assign window[(KernelW-1)*KernelH*BeatWidth+:KernelH*BeatWidth] = taken_q;
  logic [KernelH*BeatWidth-1:0] taken_q;
  always_ff @(posedge clk_i) begin
    if (slot) taken_q <= taken;
  end
  for (genvar c = 0; c < int'(KernelW) - 1; c++) begin : gen_column
    r4_delay #(
      .Width(KernelH * BeatWidth),
      .Depth(DilationW * Groups)
    ) u_delay (
      .clk_i,
      .step_i(slot),
      .x_i(window[(c+1)*KernelH*BeatWidth+:KernelH*BeatWidth]),
      .y_o(window[c*KernelH*BeatWidth+:KernelH*BeatWidth])
    );
  end

  // -- what leaves --------------------------------------------------------------------------------------------
  logic [KernelH-1:0] row_inside_q;
  logic [KernelW-1:0] col_inside_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) y_valid_o <= 1'b0;
    else if (en) y_valid_o <= slot && row_hit && col_hit;
  end
  always_ff @(posedge clk_i) begin
    if (slot) begin
      row_inside_q <= row_inside;
      col_inside_q <= col_inside;
    end
  end
  for (genvar r = 0; r < int'(KernelH); r++) begin : gen_out_row
    for (genvar c = 0; c < int'(KernelW); c++) begin : gen_out_col
      assign y_data_o[(r*KernelW+c)*BeatWidth+:BeatWidth] = (row_inside_q[r] && col_inside_q[c])
          ? window[(c*KernelH+r)*BeatWidth+:BeatWidth] : {Lanes{ElemWidth'(PadValue)}};
    end
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
