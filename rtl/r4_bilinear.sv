// SPDX-License-Identifier: Apache-2.0
//
// Linear upsampling along one axis by Factor, a power of two; two of these in a row are bilinear.
// The axis has Size positions of Inner beats each (columns: Inner = groups of a pixel; rows: Inner = beats of a row).
// Half-pixel centres, the ends repeated: between positions a and b of the axis lie Factor outputs, number j of them
//   y = a * (2 * Factor - 2 * j - 1) + b * (2 * j + 1)
// which is 2 * Factor times the value; Factor / 2 outputs before the first position and after the last are equal to it.
// Beat: Lanes elements on both sides, Inner beats a position; YWidth = XWidth + log2(2 * Factor).  The beats of a and
// b lie in a memory of Inner words; b is taken with the first of the outputs that need it.  One slot an output beat.
// Latency: 2 cycles; from Factor 8 on, where products with j are made before the sum, 2 + r4_mul_split's.
// Throughput: 1 output beat/cycle.  The ready path is combinational from y_ready_i to x_ready_o.

module r4_bilinear #(
  parameter  int unsigned Lanes   = 1,
  parameter  int unsigned XWidth  = 8,
  parameter  bit          XSigned = 1'b1,
  parameter  int unsigned Size    = 8,
  parameter  int unsigned Inner   = 1,
  parameter  int unsigned Factor  = 2,
  parameter  bit          Block   = 1'b0,
  localparam int unsigned YWidth  = XWidth + $clog2(2 * Factor)
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

  if (Lanes == 0 || XWidth == 0 || Size == 0 || Inner == 0) begin : gen_check_size
    $fatal(1, "r4_bilinear: Lanes (%0d), XWidth (%0d), Size (%0d) and Inner (%0d) must be at least 1",
           Lanes, XWidth, Size, Inner);
  end
  if (Factor < 2 || (Factor & (Factor - 1)) != 0) begin : gen_check_factor
    $fatal(1, "r4_bilinear: Factor (%0d) must be a power of two from 2", Factor);
  end

  localparam int unsigned BeatWidth = Lanes * XWidth;
  localparam int unsigned PhaseBits = $clog2(Factor);
  localparam int unsigned Sums      = Factor < 8 ? 0 : 1 + $clog2((PhaseBits + 3) / 4);  // cycles of products by themselves
  localparam int unsigned Latency   = 2 + Sums;

  // -- the walk: beat of a position, output of the axis, number j of the output between its two positions -----------
  logic en, slot, last_inner, step, start_q, after_q, between_q, fresh_q;
  logic [PhaseBits-1:0] phase_q, next_phase;
  r4_counter #(.Count(Inner)) u_inner (.clk_i, .rst_ni, .step_i(slot), .last_o(last_inner));
  assign step       = slot && last_inner;
  assign next_phase = phase_q + 1'b1;  // the frame's outputs are a multiple of Factor

  // Behind a frame's last two positions (after) the last one is kept to the end, where start follows.
  logic wraps, last_pair, last_out;
  assign wraps    = next_phase == '0;
  assign last_out = after_q && next_phase == PhaseBits'(Factor / 2);
  r4_countdown #(.Count(Size)) u_pair (.clk_i, .rst_ni, .step_i(step && wraps), .last_o(last_pair));
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      phase_q   <= PhaseBits'(Factor / 2);
      start_q   <= 1'b1;
      after_q   <= 1'b0;
      between_q <= 1'b1;
      fresh_q   <= 1'b1;
    end else if (step) begin
      phase_q   <= next_phase;
      start_q   <= last_out;
      after_q   <= !last_out && (after_q || (wraps && last_pair));
      between_q <= !wraps;
      fresh_q   <= last_out || (wraps && !last_pair);
    end
  end

  logic valid;
  assign valid     = x_valid_i || !fresh_q;
  assign slot      = en && valid;
  assign x_ready_o = en && fresh_q;

  logic open;
  r4_pipe #(.Stages(Latency)) u_pipe (
    .clk_i, .rst_ni, .x_valid_i(valid), .x_ready_o(open), .y_valid_o, .y_ready_i, .en_o(en)
  );
  logic unused_open;
  assign unused_open = open;

  // -- the two positions around the output ---------------------------------------------------------------------------
  logic [2*BeatWidth-1:0] kept, pair;  // {a, b}
  logic [BeatWidth-1:0] newer;         // the later of the two that are kept
  assign newer = kept[BeatWidth-1:0];
  always_comb begin
    pair[BeatWidth-1:0] = fresh_q ? x_data_i : newer;
    if (start_q)        pair[2*BeatWidth-1:BeatWidth] = x_data_i;
    else if (between_q) pair[2*BeatWidth-1:BeatWidth] = kept[2*BeatWidth-1:BeatWidth];
    else                pair[2*BeatWidth-1:BeatWidth] = newer;
  end
  r4_line #(
    .Width(2 * BeatWidth),
    .Shift(2 * BeatWidth),
    .Depth(Inner),
    .Block(Block)
  ) u_line (
    .clk_i,
    .rst_ni,
    .step_i(slot),
    .here_i(pair),
    .above_o(kept)
  );

  // -- y = a * 2 * Factor + (b - a) * (2 * j + 1) --------------------------------------------------------------------
  logic [PhaseBits-1:0] j_q;
  always_ff @(posedge clk_i) begin
    if (en) j_q <= phase_q;
  end
  for (genvar i = 0; i < int'(Lanes); i++) begin : gen_lane
    logic signed [XWidth:0] a, b, a_q, rise_q;  // one bit more for unsigned elements, and for their difference
    if (XSigned) begin : gen_signed
      assign a = (XWidth + 1)'(signed'(pair[BeatWidth+i*XWidth+:XWidth]));
      assign b = (XWidth + 1)'(signed'(pair[i*XWidth+:XWidth]));
    end else begin : gen_unsigned
      assign a = {1'b0, pair[BeatWidth+i*XWidth+:XWidth]};
      assign b = {1'b0, pair[i*XWidth+:XWidth]};
    end
    always_ff @(posedge clk_i) begin
      if (en) begin
        a_q    <= a;
        rise_q <= b - a;
      end
    end

    (* use_dsp = "no" *) logic [YWidth-1:0] y_q;
    if (Sums == 0) begin : gen_at_once
      always_ff @(posedge clk_i) begin
        if (en) y_q <= (YWidth'(a_q) << (PhaseBits + 1)) + YWidth'(rise_q) * YWidth'({j_q, 1'b1});
      end
    end else begin : gen_split
      // The sum's last bit is that of rise.
      logic [YWidth-1:0] rest_q, rest;
      logic [YWidth-2:0] product;
      always_ff @(posedge clk_i) begin
        if (en) rest_q <= (YWidth'(a_q) << (PhaseBits + 1)) + YWidth'(rise_q);
      end
      if (Sums > 1) begin : gen_late
        r4_delay #(.Width(YWidth), .Depth(Sums - 1)) u_rest (.clk_i, .step_i(en), .x_i(rest_q), .y_o(rest));
      end else begin : gen_level
        assign rest = rest_q;
      end
      r4_mul_split #(
        .XWidth(XWidth + 1), .XSigned(1'b1), .WWidth(PhaseBits), .WSigned(1'b0), .PWidth(YWidth - 1)
      ) u_mul (
        .clk_i, .en_i(en), .x_i(rise_q), .w_i(j_q), .p_o(product)
      );
      always_ff @(posedge clk_i) begin
        if (en) y_q <= rest + {product, 1'b0};
      end
    end
    assign y_data_o[i*YWidth+:YWidth] = y_q;
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
