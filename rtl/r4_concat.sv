// SPDX-License-Identifier: Apache-2.0
//
// Channels of two streams joined pixel by pixel, a's first; y = x * 2**Shift of either, kept to YWidth bits.
// Whole = 0: LanesA = LanesB lanes on all sides; a pixel is BeatsA beats of a, then BeatsB beats of b.
//            Throughput: 1 output beat/cycle.
// Whole = 1: a pixel is one beat on all sides, LanesA and LanesB elements in, both out.  Throughput: 1 pixel/cycle.
// Beat: element 0 at the LSB, a's elements below b's.  Latency: 1 cycle.
// The ready path is combinational from y_ready_i and (Whole = 1) from the other input's valid.

module r4_concat #(
  parameter bit          Whole   = 1'b0,
  parameter int unsigned LanesA  = 1,
  parameter int unsigned LanesB  = 1,
  parameter int unsigned BeatsA  = 1,
  parameter int unsigned BeatsB  = 1,
  parameter int unsigned WidthA  = 8,
  parameter int unsigned WidthB  = 8,
  parameter bit          SignedA = 1'b1,
  parameter bit          SignedB = 1'b1,
  parameter int unsigned ShiftA  = 0,
  parameter int unsigned ShiftB  = 0,
  parameter int unsigned YWidth  = 8
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,

  input  logic                     a_valid_i,
  output logic                     a_ready_o,
  input  logic [LanesA*WidthA-1:0] a_data_i,

  input  logic                     b_valid_i,
  output logic                     b_ready_o,
  input  logic [LanesB*WidthB-1:0] b_data_i,

  output logic                     y_valid_o,
  input  logic                     y_ready_i,
  output logic [(LanesA+(Whole ? LanesB : 0))*YWidth-1:0] y_data_o
);

  if (LanesA == 0 || LanesB == 0 || BeatsA == 0 || BeatsB == 0) begin : gen_check_size
    $fatal(1, "r4_concat: LanesA (%0d), LanesB (%0d), BeatsA (%0d) and BeatsB (%0d) must be at least 1",
           LanesA, LanesB, BeatsA, BeatsB);
  end
  if (Whole && (BeatsA != 1 || BeatsB != 1)) begin : gen_check_whole
    $fatal(1, "r4_concat: BeatsA (%0d) and BeatsB (%0d) must be 1 where a beat is a whole pixel", BeatsA, BeatsB);
  end
  if (!Whole && LanesA != LanesB) begin : gen_check_lanes
    $fatal(1, "r4_concat: LanesA (%0d) and LanesB (%0d) must be equal where a beat is not a whole pixel",
           LanesA, LanesB);
  end

  logic [LanesA*YWidth-1:0] a;
  logic [LanesB*YWidth-1:0] b;
  for (genvar i = 0; i < int'(LanesA); i++) begin : gen_a
    r4_align #(.XWidth(WidthA), .XSigned(SignedA), .Shift(ShiftA), .YWidth(YWidth)) u_align (
      .x_i(a_data_i[i*WidthA+:WidthA]),
      .y_o(a[i*YWidth+:YWidth])
    );
  end
  for (genvar i = 0; i < int'(LanesB); i++) begin : gen_b
    r4_align #(.XWidth(WidthB), .XSigned(SignedB), .Shift(ShiftB), .YWidth(YWidth)) u_align (
      .x_i(b_data_i[i*WidthB+:WidthB]),
      .y_o(b[i*YWidth+:YWidth])
    );
  end

  logic open, load;
  assign open = y_ready_i || !y_valid_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni)   y_valid_o <= 1'b0;
    else if (open) y_valid_o <= load;
  end

  if (Whole) begin : gen_whole
    assign load      = open && a_valid_i && b_valid_i;
    assign a_ready_o = open && b_valid_i;
    assign b_ready_o = open && a_valid_i;
    always_ff @(posedge clk_i) begin
      if (load) y_data_o <= {b, a};
    end
  end else begin : gen_turns
    logic turn_q;  // 0: a   1: b
    logic last, last_a, last_b;
    r4_counter #(.Count(BeatsA)) u_count_a (.clk_i, .rst_ni, .step_i(load && !turn_q), .last_o(last_a));
    r4_counter #(.Count(BeatsB)) u_count_b (.clk_i, .rst_ni, .step_i(load && turn_q), .last_o(last_b));
    assign last      = turn_q ? last_b : last_a;
    assign load      = open && (turn_q ? b_valid_i : a_valid_i);
    assign a_ready_o = open && !turn_q;
    assign b_ready_o = open && turn_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni)           turn_q <= 1'b0;
      else if (load && last) turn_q <= !turn_q;
    end
    always_ff @(posedge clk_i) begin
      if (load) y_data_o <= turn_q ? b : a;
    end
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
