// SPDX-License-Identifier: Apache-2.0
//
// Serial window: a ring of input beats from which the taps of every kernel position are read, one beat a cycle.
//
// Beat in:  Lanes channels of a pixel; Groups beats a pixel, row-major, channels last.
// Beat out: Lanes channels of one tap.  Order, outermost first: output row, output column, replay (Replays times),
//           then kernel row, kernel column, group (ChannelMajor = 0) or group, kernel row, kernel column (1).
//           A tap outside the frame gives PadValue on every lane.
// Buffer:   Depth beats; a beat is given back when no later output position can need it.
// Latency:  a beat taken in cycle t can be offered as a tap in cycle t + 2, with Block = 1 in t + 3.
// Throughput: 1 beat/cycle, both sides.
// x_ready_o comes from registers alone; y_ready_i acts on the read side alone.

module r4_window #(
  parameter int unsigned Lanes        = 1,
  parameter int unsigned ElemWidth    = 8,
  parameter int unsigned Groups       = 1,
  parameter int unsigned Height       = 1,
  parameter int unsigned Width        = 8,
  parameter int unsigned KernelH      = 1,
  parameter int unsigned KernelW      = 3,
  parameter int unsigned StrideH      = 1,
  parameter int unsigned StrideW      = 1,
  parameter int unsigned DilationH    = 1,
  parameter int unsigned DilationW    = 1,
  parameter int unsigned PadTop       = 0,
  parameter int unsigned PadLeft      = 0,
  parameter int unsigned OutHeight    = 1,
  parameter int unsigned OutWidth     = 6,
  parameter int unsigned Replays      = 1,
  parameter bit          ChannelMajor = 1'b0,
  parameter int          PadValue     = 0,
  parameter int unsigned Depth        = 8,
  parameter bit          Block        = 1'b0
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,

  input  logic                       x_valid_i,
  output logic                       x_ready_o,
  input  logic [Lanes*ElemWidth-1:0] x_data_i,

  output logic                       y_valid_o,
  input  logic                       y_ready_i,
  output logic [Lanes*ElemWidth-1:0] y_data_o
);

  localparam int unsigned Beats     = Height * Width * Groups;
  localparam int unsigned RowBeats  = Width * Groups;
  localparam int unsigned PadSlack  = (PadTop * Width + PadLeft) * Groups;
  localparam int unsigned AddrWidth = Depth > 1 ? $clog2(Depth) : 1;
  localparam int unsigned DataWidth = Lanes * ElemWidth;

  if (Depth < 2) begin : gen_check_depth
    $fatal(1, "r4_window: Depth (%0d) must be at least 2", Depth);
  end

  logic take, read;

  // -- read side: counters of the five loops ------------------------------------------------------------------
  // What a slot moves to is told by these flags alone, which are registers; `read`, which comes late, only enables.
  logic last_g, last_kx, last_ky, last_rep, last_ox, last_oy;
  logic kernel_ends, position_ends, row_ends;  // this slot is the last of a pass over the taps, and so on
  logic step_g, step_kx, step_ky;              // this counter moves in this slot
  logic end_position, end_row;

  r4_countdown #(.Count(Groups))    u_g   (.clk_i, .rst_ni, .step_i(step_g),               .last_o(last_g));
  r4_countdown #(.Count(KernelW))   u_kx  (.clk_i, .rst_ni, .step_i(step_kx),              .last_o(last_kx));
  r4_countdown #(.Count(KernelH))   u_ky  (.clk_i, .rst_ni, .step_i(step_ky),              .last_o(last_ky));
  r4_countdown #(.Count(Replays))   u_rep (.clk_i, .rst_ni, .step_i(read && kernel_ends),  .last_o(last_rep));
  r4_countdown #(.Count(OutWidth))  u_ox  (.clk_i, .rst_ni, .step_i(end_position),         .last_o(last_ox));
  r4_countdown #(.Count(OutHeight)) u_oy  (.clk_i, .rst_ni, .step_i(end_row),              .last_o(last_oy));

  if (ChannelMajor) begin : gen_channel_major
    assign step_kx = read;
    assign step_ky = read && last_kx;
    assign step_g  = read && last_kx && last_ky;
  end else begin : gen_tap_major
    assign step_g  = read;
    assign step_kx = read && last_g;
    assign step_ky = read && last_g && last_kx;
  end
  assign kernel_ends   = last_g && last_kx && last_ky;
  assign position_ends = kernel_ends && last_rep;
  assign row_ends      = position_ends && last_ox;
  assign end_position  = read && position_ends;
  assign end_row       = read && row_ends;

  // Moves to the next slot's tap, in beats, by what ends in this slot. signed'(N), not int'(N): Yosys 0.70 leaves the
  // latter unsigned, and with it `%`, `<` and `>`.
  localparam int MoveKx    = signed'(DilationW * Groups);
  localparam int MoveKy    = signed'(DilationH * RowBeats) - signed'(KernelW - 1) * MoveKx;
  localparam int BackG     = -signed'(Groups - 1);
  localparam int BackTaps  = -(signed'((KernelH - 1) * DilationH * RowBeats) + signed'(KernelW - 1) * MoveKx);
  localparam int Back      = BackG + BackTaps;  // from the last tap to the first
  localparam int MoveOx    = signed'(StrideW * Groups);
  localparam int MoveOy    = signed'(StrideH * RowBeats) - signed'(OutWidth - 1) * MoveOx;
  localparam int MoveFrame = signed'(Beats) - signed'((OutHeight - 1) * StrideH * RowBeats)
                           - signed'(OutWidth - 1) * MoveOx;
  localparam int MoveTapG  = ChannelMajor ? BackTaps + 1 : 1;
  localparam int MoveTapKx = ChannelMajor ? MoveKx : MoveKx + BackG;
  localparam int MoveTapKy = ChannelMajor ? MoveKy : MoveKy + BackG;

  // The same as turns of the ring: modulo Depth.
  localparam int DepthI     = signed'(Depth);
  localparam int TurnG      = ((MoveTapG % DepthI) + DepthI) % DepthI;
  localparam int TurnKx     = ((MoveTapKx % DepthI) + DepthI) % DepthI;
  localparam int TurnKy     = ((MoveTapKy % DepthI) + DepthI) % DepthI;
  localparam int TurnBack   = ((Back % DepthI) + DepthI) % DepthI;
  localparam int TurnOx     = (((Back + MoveOx) % DepthI) + DepthI) % DepthI;
  localparam int TurnOy     = (((Back + MoveOy) % DepthI) + DepthI) % DepthI;
  localparam int TurnFrame  = (((Back + MoveFrame) % DepthI) + DepthI) % DepthI;
  localparam int TurnOrigin = ((-signed'(PadSlack) % DepthI) + DepthI) % DepthI;

  // spare: beats that are here behind this slot's tap; below 0 where the tap is not here yet. A tap inside the frame
  // lies at most Beats ahead of what is here, and never more than Depth behind.
  localparam int unsigned SpareWidth = $clog2(Beats > Depth ? Beats : Depth) + 1;

  logic [SpareWidth-1:0] spare_q, spare_d, back;  // back: minus the move
  logic [AddrWidth-1:0] at_q, at_d;               // address of this slot's tap
  logic [AddrWidth:0] turn, turn_wrapped;         // what it moves by, and that less Depth

  if (ChannelMajor) begin : gen_move_channel_major
    always_comb begin
      if (!last_kx) begin
        back = SpareWidth'(-MoveTapKx);
        turn = (AddrWidth + 1)'(TurnKx);
        turn_wrapped = (AddrWidth + 1)'(TurnKx - DepthI);
      end else if (!last_ky) begin
        back = SpareWidth'(-MoveTapKy);
        turn = (AddrWidth + 1)'(TurnKy);
        turn_wrapped = (AddrWidth + 1)'(TurnKy - DepthI);
      end else if (!last_g) begin
        back = SpareWidth'(-MoveTapG);
        turn = (AddrWidth + 1)'(TurnG);
        turn_wrapped = (AddrWidth + 1)'(TurnG - DepthI);
      end else if (!last_rep) begin
        back = SpareWidth'(-Back);
        turn = (AddrWidth + 1)'(TurnBack);
        turn_wrapped = (AddrWidth + 1)'(TurnBack - DepthI);
      end else if (!last_ox) begin
        back = SpareWidth'(-Back - MoveOx);
        turn = (AddrWidth + 1)'(TurnOx);
        turn_wrapped = (AddrWidth + 1)'(TurnOx - DepthI);
      end else if (!last_oy) begin
        back = SpareWidth'(-Back - MoveOy);
        turn = (AddrWidth + 1)'(TurnOy);
        turn_wrapped = (AddrWidth + 1)'(TurnOy - DepthI);
      end else begin
        back = SpareWidth'(-Back - MoveFrame);
        turn = (AddrWidth + 1)'(TurnFrame);
        turn_wrapped = (AddrWidth + 1)'(TurnFrame - DepthI);
      end
    end
  end else begin : gen_move_tap_major
    always_comb begin
      if (!last_g) begin
        back = SpareWidth'(-MoveTapG);
        turn = (AddrWidth + 1)'(TurnG);
        turn_wrapped = (AddrWidth + 1)'(TurnG - DepthI);
      end else if (!last_kx) begin
        back = SpareWidth'(-MoveTapKx);
        turn = (AddrWidth + 1)'(TurnKx);
        turn_wrapped = (AddrWidth + 1)'(TurnKx - DepthI);
      end else if (!last_ky) begin
        back = SpareWidth'(-MoveTapKy);
        turn = (AddrWidth + 1)'(TurnKy);
        turn_wrapped = (AddrWidth + 1)'(TurnKy - DepthI);
      end else if (!last_rep) begin
        back = SpareWidth'(-Back);
        turn = (AddrWidth + 1)'(TurnBack);
        turn_wrapped = (AddrWidth + 1)'(TurnBack - DepthI);
      end else if (!last_ox) begin
        back = SpareWidth'(-Back - MoveOx);
        turn = (AddrWidth + 1)'(TurnOx);
        turn_wrapped = (AddrWidth + 1)'(TurnOx - DepthI);
      end else if (!last_oy) begin
        back = SpareWidth'(-Back - MoveOy);
        turn = (AddrWidth + 1)'(TurnOy);
        turn_wrapped = (AddrWidth + 1)'(TurnOy - DepthI);
      end else begin
        back = SpareWidth'(-Back - MoveFrame);
        turn = (AddrWidth + 1)'(TurnFrame);
        turn_wrapped = (AddrWidth + 1)'(TurnFrame - DepthI);
      end
    end
  end

  // One carry chain: `take` is its carry in.
  logic unused_spare, unused_at;
  assign {spare_d, unused_spare} = {spare_q, 1'b1} + {read ? back : SpareWidth'(0), take};

  logic [AddrWidth:0] at_sum, at_wrapped;
  assign at_sum            = {1'b0, at_q} + turn;
  assign at_wrapped        = {1'b0, at_q} + turn_wrapped;
  assign {unused_at, at_d} = at_wrapped[AddrWidth] ? at_sum : at_wrapped;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) spare_q <= SpareWidth'(signed'(PadSlack) - 1);
    else         spare_q <= spare_d;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni)   at_q <= AddrWidth'(TurnOrigin);
    else if (read) at_q <= at_d;
  end

  // -- padding: is this slot's tap inside the frame, is a position's first tap? --------------------------------
  logic row_inside, col_inside;                // this slot's tap
  logic row_origin_inside, col_origin_inside;  // first tap of this position
  logic row_next_inside, col_next_inside;      // first tap of the next position
  r4_window_axis #(
    .Size(Height), .Kernel(KernelH), .Stride(StrideH), .Dilation(DilationH), .Pad(PadTop), .Positions(OutHeight)
  ) u_row (
    .clk_i, .rst_ni, .tap_i(step_ky), .tap_last_i(last_ky), .moves_i(row_ends), .move_last_i(last_oy),
    .inside_o(row_inside), .origin_inside_o(row_origin_inside), .next_origin_inside_o(row_next_inside)
  );
  r4_window_axis #(
    .Size(Width), .Kernel(KernelW), .Stride(StrideW), .Dilation(DilationW), .Pad(PadLeft), .Positions(OutWidth)
  ) u_col (
    .clk_i, .rst_ni, .tap_i(step_kx), .tap_last_i(last_kx), .moves_i(position_ends), .move_last_i(last_ox),
    .inside_o(col_inside), .origin_inside_o(col_origin_inside), .next_origin_inside_o(col_next_inside)
  );

  // -- giving back ----------------------------------------------------------------------------------------------
  // All before the next position's first tap, where that lies inside the frame; at a frame's end, all of the frame.
  // So the amount depends on which of the frame's positions that is: one behind another of its row, the first inside of
  // the frame, the first inside of a later row, or none.
  localparam int  FirstX   = signed'((PadLeft + StrideW - 1) / StrideW * StrideW) - signed'(PadLeft);
  localparam int  FirstY   = signed'((PadTop + StrideH - 1) / StrideH * StrideH) - signed'(PadTop);
  localparam int  LastX    = signed'((OutWidth - 1) * StrideW) - signed'(PadLeft);
  localparam int  LastY    = signed'((OutHeight - 1) * StrideH) - signed'(PadTop);
  localparam int  GiveHead = FirstY * signed'(RowBeats) + FirstX * signed'(Groups);
  localparam int  GiveRow  = signed'(StrideH * RowBeats) - (LastX - FirstX) * signed'(Groups);
  localparam int  GiveRest = signed'(Beats) - (LastX < 0 || LastY < 0 ? 0 : LastY * signed'(RowBeats) + LastX * signed'(Groups));
  localparam bit  Padded   = PadTop > 0 || PadLeft > 0;
  // room: places that are free, less one: below 0 is full. More are free than there are where beats that no position
  // needs are given back before they come.
  localparam int unsigned RoomWidth = $clog2(Depth + Beats) + 1;

  logic begun;  // the frame has given back something, or its first position needs nothing given back
  logic frees;  // this slot is the last that needs beats which are given back behind it
  logic [RoomWidth-1:0] room_q, room_d, gives;  // gives: the amount, less one
  logic unused_room, unused_row;
  assign unused_row = row_origin_inside;  // a row of positions is told apart by `begun`
  assign frees = position_ends && (last_ox && last_oy || row_next_inside && col_next_inside);
  if (Padded) begin : gen_begun
    logic begun_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni)            begun_q <= 1'b0;
      else if (read && frees) begun_q <= !(last_ox && last_oy);
    end
    assign begun = begun_q;
  end else begin : gen_no_begun
    assign begun = 1'b1;
  end
  always_comb begin
    if (last_ox && last_oy)                 gives = RoomWidth'(GiveRest - 1);
    else if (!last_ox && col_origin_inside) gives = RoomWidth'(MoveOx - 1);
    else if (!begun)                        gives = RoomWidth'(GiveHead - 1);
    else                                    gives = RoomWidth'(GiveRow - 1);
  end
  // One carry chain again: minus one for the beat that is taken, as no carry in. `read`, which comes late, is its last
  // operand.
  (* keep *) logic [RoomWidth-1:0] given;  // kept whole, else it is shared out behind `read`
  assign given                 = frees ? gives : '1;
  assign {room_d, unused_room} = {room_q, 1'b1} + {read ? given : {RoomWidth{1'b1}}, !take};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) room_q <= RoomWidth'(Depth - 1);
    else         room_q <= room_d;
  end

  // -- write side -----------------------------------------------------------------------------------------------
  logic [AddrWidth-1:0] wr_addr_q;
  assign x_ready_o = !room_q[RoomWidth-1];
  assign take      = x_valid_i && x_ready_o;
  always_ff @(posedge clk_i) begin
    if (!rst_ni)   wr_addr_q <= '0;
    else if (take) wr_addr_q <= (wr_addr_q == AddrWidth'(Depth - 1)) ? '0 : wr_addr_q + 1'b1;
  end

  // -- reading ------------------------------------------------------------------------------------------------
  // With block RAM a register stands behind its read register: what reads a block RAM comes late (see Latency).
  logic in_frame, there, en;
  assign in_frame = row_inside && col_inside;
  assign there    = !in_frame || !spare_q[SpareWidth-1];
  assign en       = y_ready_i || !y_valid_o;
  assign read     = en && there;

  logic [DataWidth-1:0] rd_q;
  logic inside_q;
  if (Block) begin : gen_block
    // What is read before it is here goes nowhere: a beat is never read in the cycle in which it is written.
    (* ram_style = "block", no_rw_check *) logic [DataWidth-1:0] mem [Depth];
    logic [DataWidth-1:0] fetched_q;
    logic fetched_inside_q, fetched_valid_q;
    always_ff @(posedge clk_i) begin
      if (take) mem[wr_addr_q] <= x_data_i;
      if (en) fetched_q <= mem[at_q];
    end
    always_ff @(posedge clk_i) begin
      if (en) begin
        fetched_inside_q <= in_frame;
        inside_q         <= fetched_inside_q;
        rd_q             <= fetched_q;
      end
    end
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        fetched_valid_q <= 1'b0;
        y_valid_o       <= 1'b0;
      end else if (en) begin
        fetched_valid_q <= there;
        y_valid_o       <= fetched_valid_q;
      end
    end
  end else begin : gen_distributed
    (* ram_style = "distributed" *) logic [DataWidth-1:0] mem [Depth];
    always_ff @(posedge clk_i) begin
      if (take) mem[wr_addr_q] <= x_data_i;
      if (read) rd_q <= mem[at_q];
    end
    always_ff @(posedge clk_i) begin
      if (read) inside_q <= in_frame;
    end
    always_ff @(posedge clk_i) begin
      if (!rst_ni) y_valid_o <= 1'b0;
      else         y_valid_o <= there || (y_valid_o && !y_ready_i);
    end
  end
  assign y_data_o = inside_q ? rd_q : {Lanes{ElemWidth'(PadValue)}};

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
  NOT_OVERFULL : assert property (@(posedge clk_i) disable iff (!rst_ni)
    signed'(room_q) >= -1);
`endif
endmodule
