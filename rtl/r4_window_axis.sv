// SPDX-License-Identifier: Apache-2.0
//
// Follows one axis of r4_window: tells whether the current tap, and the first taps of the current and of the next
// position, lie inside the frame. An origin counts as inside from the frame's begin on.
// tap_i moves to the next tap; from the last one (tap_last_i) back to the first, of the next output position where
// moves_i says so, which comes with the last tap alone; from the last position (move_last_i) back to the first.
// Latency: 1 cycle.  inside_o and origin_inside_o are registers.

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
  input  logic moves_i,
  input  logic move_last_i,
  output logic inside_o,
  output logic origin_inside_o,
  output logic next_origin_inside_o
);

  localparam int LastOrigin = signed'((Positions - 1) * Stride) - signed'(Pad);
  localparam int Last       = LastOrigin + signed'((Kernel - 1) * Dilation);  // the last tap of the last position
  localparam bit Beyond     = Last >= signed'(Size);                          // there is padding behind the frame

  if (Pad == 0 && !Beyond) begin : gen_inside
    assign inside_o             = 1'b1;
    assign origin_inside_o      = 1'b1;
    assign next_origin_inside_o = 1'b1;
    logic unused;
    assign unused = &{1'b0, clk_i, rst_ni, tap_i, tap_last_i, moves_i, move_last_i};
  end else begin : gen_padded
    localparam int unsigned Most  = Last + 1 > signed'(Pad) ? Last + 1 : Pad;
    localparam int unsigned Width = $clog2(Most) + 1;

    localparam int FromTap   = signed'(Dilation);
    localparam int FromFirst = signed'(Stride);

    // Coordinates are signed: the padding before the frame is negative. Flags are made of the coordinate before the
    // move, beside the move.
    logic signed [Width-1:0] origin_q, next, at_q;
    logic tap_inside, next_begun, next_ended, origin_ended;
    assign next = move_last_i ? Width'(-signed'(Pad)) : origin_q + Width'(Stride);

    if (Beyond) begin : gen_tap_beyond
      logic tap_begun;
      assign tap_begun  = signed'(Pad) <= FromTap || at_q >= Width'(-FromTap);
      assign tap_inside = tap_begun && signed'(Size + Pad) > FromTap && at_q < Width'(signed'(Size) - FromTap);
    end else begin : gen_tap_before
      assign tap_inside = signed'(Pad) <= FromTap || at_q >= Width'(-FromTap);
    end

    // Is the origin that follows this one inside, were this one not the last? From the second one on a register.
    if (signed'(Pad) > FromFirst) begin : gen_begins
      logic next_begun_q;
      always_ff @(posedge clk_i) begin
        if (!rst_ni)               next_begun_q <= 1'b0;
        else if (tap_i && moves_i) next_begun_q <= !move_last_i && (2 * FromFirst >= signed'(Pad) || origin_q >= Width'(-2 * FromFirst));
      end
      assign next_begun = next_begun_q;
    end else begin : gen_begun
      assign next_begun = 1'b1;
    end
    if (LastOrigin >= signed'(Size)) begin : gen_ends
      assign next_ended   = signed'(Size + Pad) <= FromFirst || origin_q >= Width'(signed'(Size) - FromFirst);
      assign origin_ended = origin_q >= Width'(signed'(Size));
    end else begin : gen_not_ended
      assign next_ended   = 1'b0;
      assign origin_ended = 1'b0;
    end

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        origin_q <= Width'(-signed'(Pad));
        at_q     <= Width'(-signed'(Pad));
        inside_o <= Pad == 0;
      end else if (tap_i) begin
        if (!tap_last_i)      at_q <= at_q + Width'(Dilation);
        else if (moves_i)     at_q <= next;
        else                  at_q <= origin_q;
        if (!tap_last_i)      inside_o <= tap_inside;
        else if (!moves_i)    inside_o <= !origin_q[Width-1] && !origin_ended;
        else if (move_last_i) inside_o <= Pad == 0;
        else                  inside_o <= next_begun && !next_ended;
        if (moves_i) origin_q <= next;
      end
    end

    assign origin_inside_o      = !origin_q[Width-1];
    assign next_origin_inside_o = !moves_i ? !origin_q[Width-1] : move_last_i ? Pad == 0 : next_begun;
  end

endmodule
