// SPDX-License-Identifier: Apache-2.0
//
// The same elements in another number of lanes; one of XLanes and YLanes divides the other.
// Beat: element 0 at the LSB on both sides.
// Latency: 1 cycle from the beat that completes (or starts) an output beat.  Throughput: the wider side's elements
// at one narrow beat a cycle.  Flow: see r4_gate.  To fewer lanes it is 0, with a
// ready path that is combinational from y_ready_i to x_ready_o, or 2 where beats come so far apart that each has left
// when the next one comes.

module r4_width #(
  parameter int unsigned XLanes    = 1,
  parameter int unsigned YLanes    = 2,
  parameter int unsigned ElemWidth = 8,
  parameter int unsigned Flow      = 0
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,

  input  logic                        x_valid_i,
  output logic                        x_ready_o,
  input  logic [XLanes*ElemWidth-1:0] x_data_i,

  output logic                        y_valid_o,
  input  logic                        y_ready_i,
  output logic [YLanes*ElemWidth-1:0] y_data_o
);

  if (XLanes == 0 || YLanes == 0 || (XLanes % YLanes != 0 && YLanes % XLanes != 0)) begin : gen_check_lanes
    $fatal(1, "r4_width: one of XLanes (%0d) and YLanes (%0d) must divide the other", XLanes, YLanes);
  end

  if (Flow == 1 && YLanes <= XLanes) begin : gen_check_flow
    $fatal(1, "r4_width: Flow (%0d) must be 0 or 2 unless YLanes (%0d) is greater than XLanes (%0d)",
           Flow, YLanes, XLanes);
  end

  localparam int unsigned XWidth = XLanes * ElemWidth;
  localparam int unsigned YWidth = YLanes * ElemWidth;

  logic last;
  if (YLanes > XLanes) begin : gen_widen
    localparam int unsigned Ratio = YLanes / XLanes;
    logic en, take;
    logic [YWidth-1:0] data_q;
    r4_gate #(.Flow(Flow)) u_gate (
      .x_valid_i, .x_ready_o, .y_valid_i(y_valid_o), .y_ready_i, .en_o(en), .take_o(take)
    );
    r4_counter #(.Count(Ratio)) u_count (.clk_i, .rst_ni, .step_i(take), .last_o(last));
    always_ff @(posedge clk_i) begin
      if (!rst_ni) y_valid_o <= 1'b0;
      else if (en) y_valid_o <= take && last;
    end
    always_ff @(posedge clk_i) begin
      if (take) data_q <= {x_data_i, data_q[YWidth-1:XWidth]};
    end
    assign y_data_o = data_q;
  end else if (XLanes > YLanes) begin : gen_narrow
    localparam int unsigned Ratio = XLanes / YLanes;
    logic give, take;
    logic [XWidth-1:0] data_q;
    logic open;  // no element of the last beat is left
    if (Flow == 0) begin : gen_waits
      assign give      = y_valid_o && y_ready_i;
      assign open      = !y_valid_o || (y_ready_i && last);
      assign x_ready_o = open;
      assign take      = x_valid_i && open;
      always_ff @(posedge clk_i) begin
        if (take)      data_q <= x_data_i;
        else if (give) data_q <= XWidth'(data_q >> YWidth);
      end
    end else begin : gen_free
      assign give      = y_valid_o;
      assign open      = !y_valid_o || last;
      assign x_ready_o = y_ready_i;
      assign take      = x_valid_i;
      always_ff @(posedge clk_i) begin
        data_q <= take ? x_data_i : XWidth'(data_q >> YWidth);
      end
`ifndef SYNTHESIS
      APART : assert property (@(posedge clk_i) disable iff (!rst_ni) x_valid_i |-> open);
`endif
    end
    r4_counter #(.Count(Ratio)) u_count (.clk_i, .rst_ni, .step_i(give), .last_o(last));
    always_ff @(posedge clk_i) begin
      if (!rst_ni)   y_valid_o <= 1'b0;
      else if (open) y_valid_o <= x_valid_i;
    end
    assign y_data_o = data_q[YWidth-1:0];
  end else begin : gen_wire
    assign y_valid_o = x_valid_i;
    assign x_ready_o = y_ready_i;
    assign y_data_o  = x_data_i;
    assign last      = 1'b1;
    logic unused;
    assign unused = &{1'b0, clk_i, rst_ni, last};
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni || Flow != 0)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
