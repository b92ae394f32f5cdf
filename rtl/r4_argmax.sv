// SPDX-License-Identifier: Apache-2.0
//
// Index of the greatest of Groups * Lanes channels of every pixel, the lowest index among equals.
// Beat in:  Lanes channels, channel 0 at the LSB; a pixel is Groups beats.  Beat out: one index.
// A tree of comparators over the lanes, a register a level, then the best of the pixel so far.
// Latency:  1 + ceil(log2(Lanes)) cycles from the pixel's last beat.  Throughput: 1 input beat/cycle.
// Flow: see r4_gate.

module r4_argmax #(
  parameter int unsigned Lanes   = 1,
  parameter int unsigned Groups  = 2,
  parameter int unsigned XWidth  = 8,
  parameter bit          XSigned = 1'b1,
  parameter int unsigned YWidth  = 1,
  parameter int unsigned Flow    = 0
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,

  input  logic                    x_valid_i,
  output logic                    x_ready_o,
  input  logic [Lanes*XWidth-1:0] x_data_i,

  output logic                    y_valid_o,
  input  logic                    y_ready_i,
  output logic [YWidth-1:0]       y_data_o
);

  if (Lanes == 0 || Groups == 0 || XWidth == 0) begin : gen_check_size
    $fatal(1, "r4_argmax: Lanes (%0d), Groups (%0d) and XWidth (%0d) must be at least 1", Lanes, Groups, XWidth);
  end
  if (YWidth == 0 || YWidth < $clog2(Lanes * Groups)) begin : gen_check_width
    $fatal(1, "r4_argmax: YWidth (%0d) must hold the index of %0d channels", YWidth, Lanes * Groups);
  end

  localparam int unsigned Levels = Lanes > 1 ? $clog2(Lanes) : 0;
  localparam int unsigned LaneW  = Levels > 0 ? Levels : 1;

  logic en, take;
  r4_gate #(.Flow(Flow)) u_gate (
    .x_valid_i, .x_ready_o, .y_valid_i(y_valid_o), .y_ready_i, .en_o(en), .take_o(take)
  );

  // -- the winner of a beat ---------------------------------------------------------------------------------
  // Level l has Nodes = ceil(Lanes / 2**l) candidates; the left one of a pair wins unless the right one is greater.
  for (genvar l = 0; l <= int'(Levels); l++) begin : gen_level
    localparam int unsigned Nodes = (Lanes + (1 << l) - 1) >> l;
    logic valid;
    logic [Nodes*XWidth-1:0] best;
    logic [Nodes*LaneW-1:0] at;
    if (l == 0) begin : gen_lanes
      assign valid = take;
      assign best  = x_data_i;
      for (genvar i = 0; i < int'(Lanes); i++) begin : gen_lane
        assign at[i*LaneW+:LaneW] = LaneW'(i);
      end
    end else begin : gen_pairs
      localparam int unsigned Below = (Lanes + (1 << (l - 1)) - 1) >> (l - 1);
      always_ff @(posedge clk_i) begin
        if (!rst_ni) valid <= 1'b0;
        else if (en) valid <= gen_level[l-1].valid;
      end
      for (genvar i = 0; i < int'(Nodes); i++) begin : gen_node
        logic [XWidth-1:0] left, best_d, best_q;
        logic [LaneW-1:0] left_at, at_d, at_q;
        assign left    = gen_level[l-1].best[2*i*XWidth+:XWidth];
        assign left_at = gen_level[l-1].at[2*i*LaneW+:LaneW];
        if (2 * i + 1 < int'(Below)) begin : gen_two
          logic [XWidth-1:0] right;
          logic greater;
          assign right = gen_level[l-1].best[(2*i+1)*XWidth+:XWidth];
          if (XSigned) begin : gen_signed
            assign greater = signed'(right) > signed'(left);
          end else begin : gen_unsigned
            assign greater = right > left;
          end
          assign best_d = greater ? right : left;
          assign at_d   = greater ? gen_level[l-1].at[(2*i+1)*LaneW+:LaneW] : left_at;
        end else begin : gen_one
          assign best_d = left;
          assign at_d   = left_at;
        end
        always_ff @(posedge clk_i) begin
          if (en) begin
            best_q <= best_d;
            at_q   <= at_d;
          end
        end
        assign best[i*XWidth+:XWidth] = best_q;
        assign at[i*LaneW+:LaneW]     = at_q;
      end
    end
  end

  // -- the winner of the pixel so far: the output register ---------------------------------------------------
  logic valid, last;
  logic [XWidth-1:0] now;
  logic [YWidth-1:0] now_at;
  assign valid = gen_level[Levels].valid;
  assign now   = gen_level[Levels].best;

  r4_counter #(.Count(Groups)) u_group (.clk_i, .rst_ni, .step_i(en && valid), .last_o(last));

  if (Groups > 1) begin : gen_groups
    logic first_q, greater;
    logic [XWidth-1:0] best_q;
    logic [YWidth-1:0] base_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        first_q <= 1'b1;
        base_q  <= '0;
      end else if (en && valid) begin
        first_q <= last;
        base_q  <= last ? '0 : base_q + YWidth'(Lanes);
      end
    end
    assign now_at = base_q + YWidth'(gen_level[Levels].at);
    if (XSigned) begin : gen_signed
      assign greater = signed'(now) > signed'(best_q);
    end else begin : gen_unsigned
      assign greater = now > best_q;
    end
    always_ff @(posedge clk_i) begin
      if (en && valid && (first_q || greater)) begin
        best_q   <= now;
        y_data_o <= now_at;
      end
    end
  end else begin : gen_one_group
    assign now_at = YWidth'(gen_level[Levels].at);
    always_ff @(posedge clk_i) begin
      if (en && valid) y_data_o <= now_at;
    end
    logic unused;
    assign unused = ^now;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) y_valid_o <= 1'b0;
    else if (en) y_valid_o <= valid && last;
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni || Flow != 0)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
  Y_IN_RANGE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    y_valid_o |-> 32'(y_data_o) < Lanes * Groups);
`endif
endmodule
