// SPDX-License-Identifier: Apache-2.0
//
// Shift, round half to even, clip: y = clip(round(x * 2**-Shift), Lo, Hi) on every lane; Shift < 0 multiplies.
// Ties = 0: no element is a half between two results, so none needs the look at the bits below that a half takes.
// Beat: Lanes elements, element 0 at the LSB.  Latency: 2 cycles (round, clip).  Throughput: 1 beat/cycle.
// Flow: see r4_gate.

module r4_requant #(
  parameter int unsigned        Lanes   = 1,
  parameter int unsigned        XWidth  = 16,
  parameter bit                 XSigned = 1'b1,
  parameter int                 Shift   = 4,
  parameter logic signed [63:0] Lo      = -64'sd128,
  parameter logic signed [63:0] Hi      = 64'sd127,
  parameter int unsigned        YWidth  = 8,
  parameter bit                 Ties    = 1'b1,
  parameter int unsigned        Flow    = 0
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

  localparam int unsigned Right = Shift > 0 ? Shift : 0;
  localparam int unsigned Left  = Shift < 0 ? -Shift : 0;
  // The number rounded down, with its sign; at least as wide as the limits need.
  localparam int unsigned Kept  = XWidth + 1 > Right ? XWidth + 1 - Right : 1;
  localparam int unsigned Room  = Kept + Left > YWidth + 1 ? Kept + Left : YWidth + 1;

  logic en, take, mid_valid_q;
  r4_gate #(.Flow(Flow)) u_gate (
    .x_valid_i, .x_ready_o, .y_valid_i(y_valid_o), .y_ready_i, .en_o(en), .take_o(take)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      mid_valid_q <= 1'b0;
      y_valid_o   <= 1'b0;
    end else if (en) begin
      mid_valid_q <= take;
      y_valid_o   <= mid_valid_q;
    end
  end

  for (genvar i = 0; i < int'(Lanes); i++) begin : gen_lane
    logic signed [XWidth:0] x;
    if (XSigned) begin : gen_signed
      assign x = (XWidth + 1)'(signed'(x_data_i[i*XWidth+:XWidth]));
    end else begin : gen_unsigned
      assign x = signed'({1'b0, x_data_i[i*XWidth+:XWidth]});
    end

    // Rounded down, and whether one is to be added: for more than a half, and for a half where that makes it even.  The
    // limits are compared with the number rounded down, so only YWidth bits are added to.
    logic signed [Room-1:0] floor_d, floor_q;
    logic up_d, up_q;
    if (Right > 0) begin : gen_round
      localparam int unsigned Wide = XWidth + 1 > Right + 1 ? XWidth + 1 : Right + 1;
      logic signed [Wide-1:0] wide;
      logic more;
      assign wide = Wide'(x);
      if (Right > 1) begin : gen_more
        assign more = |wide[Right-2:0];
      end else begin : gen_half
        assign more = 1'b0;
      end
      assign floor_d = Room'(wide >>> Right);
      assign up_d    = wide[Right-1] && (!Ties || more || wide[Right]);
`ifndef SYNTHESIS
      NO_TIE : assert property (@(posedge clk_i) disable iff (!rst_ni || Ties)
        en && take |-> !wide[Right-1] || more);
`endif
    end else begin : gen_left
      assign floor_d = Room'(x) <<< Left;
      assign up_d    = 1'b0;
    end

    logic [YWidth-1:0] y_q;
    assign y_data_o[i*YWidth+:YWidth] = y_q;
    always_ff @(posedge clk_i) begin
      if (en) begin
        floor_q <= floor_d;
        up_q    <= up_d;
        if (floor_q >= Room'(Hi))     y_q <= YWidth'(Hi);
        else if (floor_q < Room'(Lo)) y_q <= YWidth'(Lo);
        else                          y_q <= YWidth'(floor_q) + YWidth'(up_q);
      end
    end
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni || Flow != 0)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
