// SPDX-License-Identifier: Apache-2.0
//
// Maximum or sum over the taps of a window: Taps of them in a beat, TapFolds beats one after the other.
// Beat in:  tap by tap, Lanes elements each, the first at the LSB.
// Beat out: Lanes elements, one beat for TapFolds beats in.
// YWidth holds every partial sum; of a maximum it is XWidth.
// Latency:  1 + ceil(log2(Taps)) cycles from the last beat of a window.  Throughput: 1 input beat/cycle.
// Flow: see r4_gate.

module r4_reduce #(
  parameter int unsigned Lanes    = 1,
  parameter int unsigned Taps     = 1,
  parameter int unsigned TapFolds = 3,
  parameter int unsigned XWidth   = 8,
  parameter bit          XSigned  = 1'b1,
  parameter int unsigned YWidth   = 8,
  parameter bit          Sum      = 1'b0,
  parameter int unsigned Flow     = 0
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,

  input  logic                         x_valid_i,
  output logic                         x_ready_o,
  input  logic [Taps*Lanes*XWidth-1:0] x_data_i,

  output logic                         y_valid_o,
  input  logic                         y_ready_i,
  output logic [Lanes*YWidth-1:0]      y_data_o
);

  if (Lanes == 0 || Taps == 0 || TapFolds == 0) begin : gen_check_size
    $fatal(1, "r4_reduce: Lanes (%0d), Taps (%0d) and TapFolds (%0d) must be at least 1", Lanes, Taps, TapFolds);
  end

  localparam int unsigned Levels = Taps > 1 ? $clog2(Taps) : 0;
  // What the tree starts from: a sum's numbers are signed and grow level by level.
  localparam int unsigned Signed   = XSigned ? XWidth : XWidth + 1;
  localparam int unsigned TapWidth = Sum && Signed < YWidth ? Signed : YWidth;

  logic en, take;
  r4_gate #(.Flow(Flow)) u_gate (
    .x_valid_i, .x_ready_o, .y_valid_i(y_valid_o), .y_ready_i, .en_o(en), .take_o(take)
  );

  // -- over the taps of a beat --------------------------------------------------------------------------------
  logic [Taps*Lanes*TapWidth-1:0] x;
  logic [Lanes*YWidth-1:0] beat;
  logic beat_valid;
  r4_extend #(.Lanes(Taps * Lanes), .XWidth(XWidth), .XSigned(XSigned), .YWidth(TapWidth)) u_extend (
    .x_i(x_data_i), .y_o(x)
  );
  for (genvar i = 0; i < int'(Lanes); i++) begin : gen_lane
    logic [Taps*TapWidth-1:0] lane;
    for (genvar t = 0; t < int'(Taps); t++) begin : gen_tap
      assign lane[t*TapWidth+:TapWidth] = x[(t*Lanes+i)*TapWidth+:TapWidth];
    end
    if (Sum) begin : gen_sum
      r4_adder_tree #(.Inputs(Taps), .InWidth(TapWidth), .OutWidth(YWidth)) u_tree (
        .clk_i, .en_i(en), .x_i(lane), .y_o(beat[i*YWidth+:YWidth])
      );
    end else begin : gen_max
      r4_max_tree #(.Inputs(Taps), .Width(TapWidth), .Signed(XSigned)) u_tree (
        .clk_i, .en_i(en), .x_i(lane), .y_o(beat[i*YWidth+:YWidth])
      );
    end
  end

  if (Levels > 0) begin : gen_stages
    logic [Levels-1:0] valid_q;
    if (Levels > 1) begin : gen_shift
      always_ff @(posedge clk_i) begin
        if (!rst_ni) valid_q <= '0;
        else if (en) valid_q <= {valid_q[Levels-2:0], take};
      end
    end else begin : gen_one
      always_ff @(posedge clk_i) begin
        if (!rst_ni) valid_q <= '0;
        else if (en) valid_q <= take;
      end
    end
    assign beat_valid = valid_q[Levels-1];
  end else begin : gen_direct
    assign beat_valid = take;
  end

  // -- over successive beats: the output register -------------------------------------------------------------
  logic step, first_q, last, counted;  // every step is
  logic [Lanes*YWidth-1:0] joined;
  assign step = en && beat_valid;
  r4_span #(.Count(TapFolds), .First(0), .Size(TapFolds)) u_folds (
    .clk_i, .rst_ni, .step_i(step), .last_o(last), .inside_o(counted)
  );
  // A flip-flop says that the beat is a window's first: the counter is not in the way of the choice below.
  always_ff @(posedge clk_i) begin
    if (!rst_ni)   first_q <= 1'b1;
    else if (step) first_q <= last;
  end
  logic unused;
  assign unused = &{1'b0, counted};
  r4_fold #(.Lanes(Lanes), .Width(YWidth), .Signed(XSigned), .Sum(Sum)) u_fold (
    .a_i(y_data_o), .x_i(beat), .y_o(joined)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) y_valid_o <= 1'b0;
    else if (en) y_valid_o <= step && last;
  end
  always_ff @(posedge clk_i) begin
    if (step) y_data_o <= first_q ? beat : joined;
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni || Flow != 0)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
