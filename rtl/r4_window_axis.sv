// SPDX-License-Identifier: Apache-2.0
//
// Follows one axis of r4_window: tells whether the current tap, and the first tap of the position that follows,
// lie inside the frame.
// tap_i moves to the next tap (from the last back to the first), move_i to the next output position (from the last
// back to the first); both may come in one cycle.  Latency: 1 cycle.

module r4_window_axis #(
  parameter int unsigned Size      = 8,
  parameter int unsigned Kernel    = 3,
  parameter int unsigned Stride    = 1,
  parameter int unsigned Dilation  = 1,
  parameter int unsigned Pad       = 0,
  parameter int unsigned Positions = 8
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic tap_i,
  input  logic tap_last_i,
  input  logic move_i,
  input  logic move_last_i,
  output logic inside_o,
  output logic next_origin_inside_o
);

  localparam int unsigned Span  = Size + Pad + (Positions - 1) * Stride + (Kernel - 1) * Dilation + Stride + 1;
  localparam int unsigned Width = $clog2(Span + 1) + 1;

  // Coordinates are signed: the padding before the frame is negative.
  logic signed [Width-1:0] origin_q, origin_d, next, at_q;
  assign next     = move_last_i ? Width'(-int'(Pad)) : origin_q + Width'(Stride);
  assign origin_d = move_i ? next : origin_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      origin_q <= Width'(-int'(Pad));
      at_q     <= Width'(-int'(Pad));
    end else begin
      origin_q <= origin_d;
      if (tap_i) at_q <= tap_last_i ? origin_d : at_q + Width'(Dilation);
    end
  end

  assign inside_o             = !at_q[Width-1] && at_q < Width'(Size);
  // Without move_i the axis stays where it is.
  assign next_origin_inside_o = !origin_d[Width-1];

endmodule
