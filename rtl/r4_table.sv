// SPDX-License-Identifier: Apache-2.0
//
// Table of every lane: y = table[row, clip(x, First, First + Entries - 1) - First].
// Beat:  Lanes elements, element 0 at the LSB.  Rows > 1: beats come in turns of Rows, beat r uses row r.
// Image: word r * 2**ceil(log2(Entries)) + i holds entry i of row r, lane n's at bit n * YWidth;
//        Shared = 1: one entry of YWidth bits, the same for every lane.
// Latency: 2 cycles (clip, read).  Throughput: 1 beat/cycle.  Block = 1 asks for block RAM, 0 for LUTs.
// Flow: see r4_gate.

module r4_table #(
  parameter int unsigned        Lanes    = 1,
  parameter int unsigned        Rows     = 1,
  parameter bit                 Shared   = 1'b1,
  parameter int unsigned        XWidth   = 8,
  parameter bit                 XSigned  = 1'b1,
  parameter logic signed [63:0] First    = -64'sd128,
  parameter int unsigned        Entries  = 256,
  parameter int unsigned        YWidth   = 8,
  parameter bit                 Block    = 1'b0,
  parameter int unsigned        Flow     = 0,
  parameter                     InitFile = ""
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

  localparam logic signed [63:0] Least    = XSigned ? -(64'sd1 <<< (XWidth - 1)) : 64'sd0;
  localparam logic signed [63:0] Greatest = (64'sd1 <<< (XSigned ? XWidth - 1 : XWidth)) - 64'sd1;
  localparam logic signed [63:0] Last     = First + 64'(Entries) - 64'sd1;

  if (Lanes == 0 || Rows == 0 || Entries < 2) begin : gen_check_size
    $fatal(1, "r4_table: Lanes (%0d) and Rows (%0d) must be at least 1, Entries (%0d) at least 2",
           Lanes, Rows, Entries);
  end
  if (XWidth == 0 || XWidth > 63 || First < Least || Last > Greatest) begin : gen_check_range
    $fatal(1, "r4_table: XWidth (%0d) must be 1 to 63 and hold First (%0d) and all of %0d Entries",
           XWidth, First, Entries);
  end

  localparam int unsigned IndexWidth = $clog2(Entries);
  localparam int unsigned RowWidth   = Rows > 1 ? $clog2(Rows) : 1;
  localparam int unsigned Depth      = Rows << IndexWidth;
  localparam int unsigned AddrWidth  = $clog2(Depth);

  logic en, take, clip_valid_q;
  r4_gate #(.Flow(Flow)) u_gate (
    .x_valid_i, .x_ready_o, .y_valid_i(y_valid_o), .y_ready_i, .en_o(en), .take_o(take)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      clip_valid_q <= 1'b0;
      y_valid_o    <= 1'b0;
    end else if (en) begin
      clip_valid_q <= take;
      y_valid_o    <= clip_valid_q;
    end
  end

  logic [RowWidth-1:0] row;  // of the beat beside the clipped index
  if (Rows > 1) begin : gen_row
    always_ff @(posedge clk_i) begin
      if (!rst_ni)                 row <= '0;
      else if (en && clip_valid_q) row <= row == RowWidth'(Rows - 1) ? '0 : row + 1'b1;
    end
  end else begin : gen_one_row
    assign row = '0;
  end

  for (genvar i = 0; i < int'(Lanes); i++) begin : gen_lane
    logic signed [XWidth:0] x, from_first;
    if (XSigned) begin : gen_signed
      assign x = (XWidth + 1)'(signed'(x_data_i[i*XWidth+:XWidth]));
    end else begin : gen_unsigned
      assign x = signed'({1'b0, x_data_i[i*XWidth+:XWidth]});
    end
    assign from_first = x - (XWidth + 1)'(First);

    logic below, above;
    logic [IndexWidth-1:0] index_q;
    assign below = First > Least && from_first < 0;
    assign above = Last < Greatest && x > (XWidth + 1)'(Last);
    always_ff @(posedge clk_i) begin
      if (en) index_q <= below ? '0 : above ? IndexWidth'(Entries - 1) : IndexWidth'(from_first);
    end

    r4_lookup #(
      .Width    (YWidth),
      .Columns  (Shared ? 1 : Lanes),
      .Column   (Shared ? 0 : i),
      .Depth    (Depth),
      .AddrWidth(AddrWidth),
      .Block    (Block),
      .InitFile (InitFile)
    ) u_table (
      .clk_i,
      .en_i  (en),
      .addr_i(AddrWidth'({row, index_q})),
      .word_o(y_data_o[i*YWidth+:YWidth])
    );
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni || Flow != 0)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
