// SPDX-License-Identifier: Apache-2.0
//
// Product of two registered operands in LUTs, of which w, the one of fewer bits, is split in halves until none has more
// than four bits: such a multiplier takes at most five levels of logic, one of five bits takes six. A sign of w counts as a
// bit more, where x has a sign too and more than four bits.  Products of halves are added a register later.
// Products wrap at PWidth, so one is right wherever it fits.
// Latency: 1 + $clog2(bits / 4) enabled cycles, with the bits of w, no more than those of p, and that for a sign.
// Throughput: 1 product/cycle.

module r4_mul_split #(
  parameter int unsigned XWidth  = 8,
  parameter bit          XSigned = 1'b1,
  parameter int unsigned WWidth  = 8,
  parameter bit          WSigned = 1'b1,
  parameter int unsigned PWidth  = 16
) (
  input  logic              clk_i,
  input  logic              en_i,
  input  logic [XWidth-1:0] x_i,
  input  logic [WWidth-1:0] w_i,
  output logic [PWidth-1:0] p_o
);

  localparam int unsigned Most  = 4;  // bits
  localparam int unsigned Bits  = WWidth < PWidth ? WWidth : PWidth;  // those above do not count
  localparam int unsigned Sign  = XSigned && WSigned && XWidth > 4 ? 1 : 0;
  localparam int unsigned Low   = (Bits + Sign + 1) / 2;
  localparam int unsigned High  = Bits - Low;
  localparam int unsigned Steps = $clog2((Bits + Sign + Most - 1) / Most);  // sums on the way

  if (XWidth == 0 || WWidth == 0 || PWidth == 0) begin : gen_check_size
    $fatal(1, "r4_mul_split: XWidth (%0d), WWidth (%0d) and PWidth (%0d) must be at least 1", XWidth, WWidth, PWidth);
  end

  if (Bits < WWidth) begin : gen_unused
    logic unused;
    assign unused = ^w_i[WWidth-1:Bits];
  end

  if (Steps == 0) begin : gen_whole
    r4_mul #(
      .XWidth(XWidth), .XSigned(XSigned), .WWidth(Bits), .WSigned(WSigned), .PWidth(PWidth)
    ) u_mul (
      .clk_i, .en_i, .x_i, .w_i(w_i[Bits-1:0]), .p_o
    );
  end else begin : gen_split
    localparam int unsigned LowReach  = XWidth + Low + (XSigned ? 0 : 1);  // with a sign
    localparam int unsigned LowWidth  = LowReach < PWidth ? LowReach : PWidth;
    localparam int unsigned HighWidth = PWidth - Low;
    localparam int unsigned Behind    = Steps - 1 - $clog2((High + Sign + Most - 1) / Most);

    logic [LowWidth-1:0] low;
    logic [HighWidth-1:0] high, high_early;
    logic [PWidth-1:0] p_q;
    r4_mul_split #(
      .XWidth(XWidth), .XSigned(XSigned), .WWidth(Low), .WSigned(1'b0), .PWidth(LowWidth)
    ) u_low (
      .clk_i, .en_i, .x_i, .w_i(w_i[Low-1:0]), .p_o(low)
    );
    r4_mul_split #(
      .XWidth(XWidth), .XSigned(XSigned), .WWidth(High), .WSigned(WSigned), .PWidth(HighWidth)
    ) u_high (
      .clk_i, .en_i, .x_i, .w_i(w_i[Bits-1:Low]), .p_o(high_early)
    );
    if (Behind > 0) begin : gen_behind
      r4_delay #(.Width(HighWidth), .Depth(Behind)) u_high_late (.clk_i, .step_i(en_i), .x_i(high_early), .y_o(high));
    end else begin : gen_level
      assign high = high_early;
    end
    always_ff @(posedge clk_i) begin
      if (en_i) p_q <= PWidth'(signed'(low)) + {high, Low'(0)};
    end
    assign p_o = p_q;
  end

endmodule
