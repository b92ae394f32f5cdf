// SPDX-License-Identifier: Apache-2.0
//
// Raw counts to the network's input grid: y = clip((M * x + B) >> Shift, Lo, Hi), M and B of the count's band.
// Beat:       Lanes counts, unsigned, count 0 at the LSB; Lanes elements of YWidth bits. A pixel is Beats beats.
// InitFile:   Beats words; lane i has M at bit i * (MWidth + BWidth), unsigned, and B, signed, above it. The shift is
//             arithmetic: it rounds downwards.
// Latency:    4 cycles.  Throughput: 1 beat/cycle.
// One DSP48E2 a lane where M has at most 26 bits and a count at most 17; words in block RAM above 64.
// clear_i is a reset: the next beat is a pixel's first.  The ready path is combinational from y_ready_i to x_ready_o.

module r4_counts #(
  parameter int unsigned        Lanes    = 1,
  parameter int unsigned        Beats    = 1,
  parameter int unsigned        XWidth   = 16,
  parameter int unsigned        YWidth   = 8,
  parameter int unsigned        MWidth   = 20,
  parameter int unsigned        BWidth   = 36,
  parameter int unsigned        Shift    = 26,
  parameter logic signed [63:0] Lo       = -64'sd128,
  parameter logic signed [63:0] Hi       = 64'sd127,
  parameter                     InitFile = ""
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  input  logic                    clear_i,

  input  logic                    x_valid_i,
  output logic                    x_ready_o,
  input  logic [Lanes*XWidth-1:0] x_data_i,

  output logic                    y_valid_o,
  input  logic                    y_ready_i,
  output logic [Lanes*YWidth-1:0] y_data_o
);

  // M * x + B with its sign, at least so wide that the limits fit.
  localparam int unsigned Product = MWidth + XWidth + 1;
  localparam int unsigned Sum     = (Product > BWidth ? Product : BWidth) + 1;
  localparam int unsigned Kept    = Sum > Shift ? Sum - Shift : 1;
  localparam int unsigned Room    = Kept > YWidth + 1 ? Kept : YWidth + 1;
  localparam bit          Slice   = MWidth <= 26 && XWidth <= 17 && Sum <= 48;
  localparam int unsigned Word    = MWidth + BWidth;

  if (Lanes == 0 || Beats == 0) begin : gen_check_size
    $fatal(1, "r4_counts: Lanes (%0d) and Beats (%0d) must be at least 1", Lanes, Beats);
  end
  if (XWidth == 0 || YWidth == 0 || MWidth == 0 || BWidth == 0) begin : gen_check_width
    $fatal(1, "r4_counts: XWidth (%0d), YWidth (%0d), MWidth (%0d) and BWidth (%0d) must be at least 1",
           XWidth, YWidth, MWidth, BWidth);
  end
  if (Lo > Hi) begin : gen_check_limits
    $fatal(1, "r4_counts: Lo (%0d) must be at most Hi (%0d)", Lo, Hi);
  end

  logic en, run;
  assign run = rst_ni && !clear_i;
  r4_pipe #(.Stages(4)) u_pipe (
    .clk_i, .rst_ni(run), .x_valid_i, .x_ready_o, .y_valid_o, .y_ready_i, .en_o(en)
  );

  logic [Lanes*Word-1:0] word;
  r4_rom #(
    .Width(Lanes * Word), .Depth(Beats), .Block(Beats > 64), .InitFile(InitFile)
  ) u_words (
    .clk_i, .rst_ni(run), .step_i(x_valid_i && x_ready_o), .word_o(word)
  );

  for (genvar i = 0; i < int'(Lanes); i++) begin : gen_lane
    logic [MWidth-1:0] m;
    logic [BWidth-1:0] b, b_later;
    logic [XWidth-1:0] x;
    assign m = word[i*Word+:MWidth];
    assign b = word[i*Word+MWidth+:BWidth];
    assign x = x_data_i[i*XWidth+:XWidth];
    if (Beats == 1) begin : gen_constant
      assign b_later = b;
    end else begin : gen_later
      r4_delay #(.Width(BWidth), .Depth(2)) u_b (.clk_i, .step_i(en), .x_i(b), .y_o(b_later));
    end

    logic signed [Sum-1:0] sum;
    if (Slice) begin : gen_slice
      // Yosys derives a module anew for operands that are not plain signals.
      logic [MWidth:0] a, d;
      logic [XWidth:0] count;
      logic [Sum-1:0] c;
      assign a     = {1'b0, m};
      assign d     = '0;
      assign count = {1'b0, x};
      assign c     = Sum'(signed'(b_later));
      r4_dsp_mac #(
        .AWidth(MWidth + 1), .BWidth(XWidth + 1), .PWidth(Sum)
      ) u_mac (
        .clk_i, .en_i(en), .a_i(a), .d_i(d), .b_i(count), .c_i(c), .p_o(sum)
      );
    end else begin : gen_wide
      logic [MWidth-1:0] m_q;
      logic [XWidth-1:0] x_q;
      (* use_dsp = "yes" *) logic [MWidth+XWidth-1:0] product_q;
      always_ff @(posedge clk_i) begin
        if (en) begin
          m_q       <= m;
          x_q       <= x;
          product_q <= (MWidth + XWidth)'(m_q) * (MWidth + XWidth)'(x_q);
          sum       <= Sum'(signed'({1'b0, product_q})) + Sum'(signed'(b_later));
        end
      end
    end

    logic signed [Room-1:0] shifted;
    assign shifted = Room'(sum >>> Shift);
    always_ff @(posedge clk_i) begin
      if (en) begin
        if (64'(shifted) > Hi)      y_data_o[i*YWidth+:YWidth] <= YWidth'(Hi);
        else if (64'(shifted) < Lo) y_data_o[i*YWidth+:YWidth] <= YWidth'(Lo);
        else                        y_data_o[i*YWidth+:YWidth] <= YWidth'(shifted);
      end
    end
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!run)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
