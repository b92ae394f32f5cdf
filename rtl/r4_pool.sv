// SPDX-License-Identifier: Apache-2.0
//
// Maximum or sum over windows that lie apart (StrideX >= SizeX), by streaming: no input is kept, only what was gathered.
// Beat: Lanes channels of a pixel; Groups beats a pixel, row-major, channels last, on both sides.
// A window begins every StrideH rows and StrideW columns, as often as a whole one fits.
// An output beat leaves when its window's last beat has come; beats of no window (remainder, gaps) are swallowed.
// Gathered: a row of a window in registers or memory (SizeW > 1) of Groups beats, the rows of a window in a row memory
//           (SizeH > 1) of OutWidth * Groups beats.
// YWidth holds every partial sum; of a maximum it is XWidth.
// Latency:  1 cycle, with SizeH > 1 2 cycles.  Throughput: 1 input beat/cycle.
// Flow: see r4_gate.

module r4_pool #(
  parameter int unsigned Lanes   = 1,
  parameter int unsigned XWidth  = 8,
  parameter bit          XSigned = 1'b1,
  parameter int unsigned YWidth  = 8,
  parameter bit          Sum     = 1'b0,
  parameter int unsigned Groups  = 1,
  parameter int unsigned Height  = 1,
  parameter int unsigned Width   = 8,
  parameter int unsigned SizeH   = 1,
  parameter int unsigned SizeW   = 2,
  parameter int unsigned StrideH = 1,
  parameter int unsigned StrideW = 2,
  parameter bit          Block   = 1'b0,
  parameter int unsigned Flow    = 0
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,

  input  logic                    x_valid_i,
  output logic                    x_ready_o,
  input  logic [Lanes*XWidth-1:0] x_data_i,

  output logic                    y_valid_o,
  input  logic                    y_ready_i,
  output logic [Lanes*YWidth-1:0] y_data_o
);

  localparam int unsigned BeatWidth = Lanes * YWidth;
  localparam int unsigned OutWidth  = (Width - SizeW) / StrideW + 1;

  // -- the walk over the frame --------------------------------------------------------------------------------
  logic en, slot, last_g, last_x, last_y;
  logic first_col, end_col, first_row, end_row;
  r4_gate #(.Flow(Flow)) u_gate (
    .x_valid_i, .x_ready_o, .y_valid_i(y_valid_o), .y_ready_i, .en_o(en), .take_o(slot)
  );

  r4_counter #(.Count(Groups)) u_g (.clk_i, .rst_ni, .step_i(slot), .last_o(last_g));
  r4_pool_axis #(.Count(Width), .Size(SizeW), .Stride(StrideW)) u_x (
    .clk_i, .rst_ni, .step_i(slot && last_g), .last_o(last_x), .first_o(first_col), .end_o(end_col)
  );
  r4_pool_axis #(.Count(Height), .Size(SizeH), .Stride(StrideH)) u_y (
    .clk_i, .rst_ni, .step_i(slot && last_g && last_x), .last_o(last_y), .first_o(first_row), .end_o(end_row)
  );
  logic unused_last;
  assign unused_last = last_y;

  // -- along a row --------------------------------------------------------------------------------------------
  logic [BeatWidth-1:0] x, row;
  r4_extend #(.Lanes(Lanes), .XWidth(XWidth), .XSigned(XSigned), .YWidth(YWidth)) u_extend (
    .x_i(x_data_i), .y_o(x)
  );
  if (SizeW > 1) begin : gen_row
    logic [BeatWidth-1:0] gathered, joined;
    r4_fold #(.Lanes(Lanes), .Width(YWidth), .Signed(XSigned), .Sum(Sum)) u_fold (
      .a_i(gathered), .x_i(x), .y_o(joined)
    );
    assign row = first_col ? x : joined;
    r4_line #(.Width(BeatWidth), .Shift(BeatWidth), .Depth(Groups)) u_line (
      .clk_i, .rst_ni, .step_i(slot), .here_i(row), .above_o(gathered)
    );
  end else begin : gen_pixel
    assign row = x;
    logic unused;
    assign unused = first_col;
  end

  logic whole_row;  // a row of a window is complete; one of a gap or remainder comes to no end below
  assign whole_row = slot && end_col;

  // -- down the rows ------------------------------------------------------------------------------------------
  if (SizeH > 1) begin : gen_rows
    logic row_valid_q, first_row_q, end_row_q;
    logic [BeatWidth-1:0] row_q, gathered, joined, window;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        row_valid_q <= 1'b0;
        y_valid_o   <= 1'b0;
      end else if (en) begin
        row_valid_q <= whole_row;
        y_valid_o   <= row_valid_q && end_row_q;
      end
    end
    always_ff @(posedge clk_i) begin
      if (whole_row) begin
        row_q       <= row;
        first_row_q <= first_row;
        end_row_q   <= end_row;
      end
      if (en && row_valid_q) y_data_o <= window;
    end

    r4_fold #(.Lanes(Lanes), .Width(YWidth), .Signed(XSigned), .Sum(Sum)) u_fold (
      .a_i(gathered), .x_i(row_q), .y_o(joined)
    );
    assign window = first_row_q ? row_q : joined;
    r4_line #(.Width(BeatWidth), .Shift(BeatWidth), .Depth(OutWidth * Groups), .Block(Block)) u_line (
      .clk_i, .rst_ni, .step_i(en && row_valid_q), .here_i(window), .above_o(gathered)
    );
  end else begin : gen_one_row
    always_ff @(posedge clk_i) begin
      if (!rst_ni) y_valid_o <= 1'b0;
      else if (en) y_valid_o <= whole_row && end_row;
    end
    always_ff @(posedge clk_i) begin
      if (whole_row) y_data_o <= row;
    end
    logic unused;
    assign unused = first_row;
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni || Flow != 0)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
