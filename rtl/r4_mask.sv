// SPDX-License-Identifier: Apache-2.0
//
// One bit a lane: y = x >= Threshold.
// Beat: Lanes elements, element 0 at the LSB.  Latency: 1 cycle.  Throughput: 1 beat/cycle.
// Flow: see r4_gate.

module r4_mask #(
  parameter int unsigned        Lanes     = 1,
  parameter int unsigned        XWidth    = 8,
  parameter bit                 XSigned   = 1'b1,
  parameter logic signed [63:0] Threshold = 64'sd0,
  parameter int unsigned        Flow      = 0
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,

  input  logic                    x_valid_i,
  output logic                    x_ready_o,
  input  logic [Lanes*XWidth-1:0] x_data_i,

  output logic                    y_valid_o,
  input  logic                    y_ready_i,
  output logic [Lanes-1:0]        y_data_o
);

  if (Lanes == 0 || XWidth == 0 || XWidth > 63) begin : gen_check_size
    $fatal(1, "r4_mask: Lanes (%0d) must be at least 1, XWidth (%0d) 1 to 63", Lanes, XWidth);
  end

  localparam logic signed [63:0] Least    = XSigned ? -(64'sd1 <<< (XWidth - 1)) : 64'sd0;
  localparam logic signed [63:0] Greatest = (64'sd1 <<< (XSigned ? XWidth - 1 : XWidth)) - 64'sd1;

  logic en, take;
  r4_gate #(.Flow(Flow)) u_gate (
    .x_valid_i, .x_ready_o, .y_valid_i(y_valid_o), .y_ready_i, .en_o(en), .take_o(take)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) y_valid_o <= 1'b0;
    else if (en) y_valid_o <= take;
  end

  if (Threshold <= Least || Threshold > Greatest) begin : gen_constant
    assign y_data_o = {Lanes{Threshold <= Least}};
    logic unused;
    assign unused = ^x_data_i;
  end else begin : gen_compare
    for (genvar i = 0; i < int'(Lanes); i++) begin : gen_lane
      logic reached, y_q;
      if (XSigned) begin : gen_signed
        assign reached = signed'(x_data_i[i*XWidth+:XWidth]) >= signed'(XWidth'(Threshold));
      end else begin : gen_unsigned
        assign reached = x_data_i[i*XWidth+:XWidth] >= XWidth'(Threshold);
      end
      always_ff @(posedge clk_i) begin
        if (en) y_q <= reached;
      end
      assign y_data_o[i] = y_q;
    end
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni || Flow != 0)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
