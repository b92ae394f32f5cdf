// SPDX-License-Identifier: Apache-2.0
//
// Serial window: a ring of input beats from which the taps of every kernel position are read, one beat a cycle.
//
// Beat in:  Lanes channels of a pixel; Groups beats a pixel, row-major, channels last.
// Beat out: Lanes channels of one tap.  Order, outermost first: output row, output column, replay (Replays times),
//           then kernel row, kernel column, group (ChannelMajor = 0) or group, kernel row, kernel column (1).
//           A tap outside the frame gives PadValue on every lane.
// Buffer:   Depth beats; a beat is given back when no later output position can need it.
// Latency:  a beat taken in cycle t can be offered as a tap in cycle t + 2.  Throughput: 1 beat/cycle, both sides.
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

  localparam int unsigned Beats    = Height * Width * Groups;
  localparam int unsigned RowBeats = Width * Groups;
  localparam int unsigned PadSlack = (PadTop * Width + PadLeft) * Groups;
  // Positions in the endless stream of beats are told apart modulo 2**CountWidth.
  localparam int unsigned CountWidth = $clog2(2 * (Depth + Beats + PadSlack) + 2) + 1;
  localparam int unsigned AddrWidth  = Depth > 1 ? $clog2(Depth) : 1;
  localparam int unsigned DataWidth  = Lanes * ElemWidth;

  if (Depth < 2) begin : gen_check_depth
    $fatal(1, "r4_window: Depth (%0d) must be at least 2", Depth);
  end

  // -- write side -----------------------------------------------------------------------------------------
  logic [CountWidth-1:0] written_q;
  logic [AddrWidth-1:0] wr_addr_q;
  logic full_q, take, read;

  assign x_ready_o = !full_q;
  assign take      = x_valid_i && x_ready_o;

  logic [CountWidth-1:0] written_d;
  logic full_d;
  assign written_d = written_q + CountWidth'(take);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      written_q <= '0;
      wr_addr_q <= '0;
      full_q    <= 1'b0;
    end else begin
      written_q <= written_d;
      if (take) wr_addr_q <= (wr_addr_q == AddrWidth'(Depth - 1)) ? '0 : wr_addr_q + 1'b1;
      full_q    <= full_d;
    end
  end

  // -- read side: counters of the five loops ------------------------------------------------------------------
  logic last_g, last_kx, last_ky, last_rep, last_ox, last_oy;
  logic end_kernel, end_position, end_row, end_frame;
  logic step_g, step_kx, step_ky;  // this counter moves in this slot

  r4_counter #(.Count(Groups))    u_g   (.clk_i, .rst_ni, .step_i(step_g),       .last_o(last_g));
  r4_counter #(.Count(KernelW))   u_kx  (.clk_i, .rst_ni, .step_i(step_kx),      .last_o(last_kx));
  r4_counter #(.Count(KernelH))   u_ky  (.clk_i, .rst_ni, .step_i(step_ky),      .last_o(last_ky));
  r4_counter #(.Count(Replays))   u_rep (.clk_i, .rst_ni, .step_i(end_kernel),   .last_o(last_rep));
  r4_counter #(.Count(OutWidth))  u_ox  (.clk_i, .rst_ni, .step_i(end_position), .last_o(last_ox));
  r4_counter #(.Count(OutHeight)) u_oy  (.clk_i, .rst_ni, .step_i(end_row),      .last_o(last_oy));

  if (ChannelMajor) begin : gen_channel_major
    assign step_kx = read;
    assign step_ky = read && last_kx;
    assign step_g  = read && last_kx && last_ky;
  end else begin : gen_tap_major
    assign step_g  = read;
    assign step_kx = read && last_g;
    assign step_ky = read && last_g && last_kx;
  end
  assign end_kernel   = read && last_g && last_kx && last_ky;
  assign end_position = end_kernel && last_rep;
  assign end_row      = end_position && last_ox;
  assign end_frame    = end_row && last_oy;

  // Moves of the read position, in beats, by what ends in this slot.
  localparam int MoveKx    = int'(DilationW * Groups);
  localparam int MoveKy    = int'(DilationH * RowBeats) - int'(KernelW - 1) * MoveKx;
  localparam int BackG     = -int'(Groups - 1);
  localparam int BackTaps  = -(int'((KernelH - 1) * DilationH * RowBeats) + int'(KernelW - 1) * MoveKx);
  localparam int MoveOx    = int'(StrideW * Groups);
  localparam int MoveOy    = int'(StrideH * RowBeats) - int'(OutWidth - 1) * MoveOx;
  localparam int MoveFrame = int'(Beats) - int'((OutHeight - 1) * StrideH * RowBeats)
                           - int'(OutWidth - 1) * MoveOx;
  localparam int Origin    = -int'(PadSlack);

  // base: first tap of the current output position; at: the tap of this slot.  Each as a count in the endless
  // stream and as an address of the ring.
  logic [CountWidth-1:0] base_q, base_d, base_next, at_q, at_d, base_move, at_move;
  logic [AddrWidth-1:0] base_addr_q, base_addr_d, at_addr_q, at_addr_d;
  logic [AddrWidth-1:0] base_turn, at_turn;

  // A move as an address: the same number modulo Depth.
  localparam int DepthI = int'(Depth);
  localparam int TurnOx     = ((MoveOx % DepthI) + DepthI) % DepthI;
  localparam int TurnOy     = ((MoveOy % DepthI) + DepthI) % DepthI;
  localparam int TurnFrame  = ((MoveFrame % DepthI) + DepthI) % DepthI;
  localparam int TurnOrigin = ((Origin % DepthI) + DepthI) % DepthI;
  localparam int MoveTapG  = ChannelMajor ? BackTaps + 1 : 1;
  localparam int MoveTapKx = ChannelMajor ? MoveKx : MoveKx + BackG;
  localparam int MoveTapKy = ChannelMajor ? MoveKy : MoveKy + BackG;
  localparam int TurnTapG  = ((MoveTapG % DepthI) + DepthI) % DepthI;
  localparam int TurnTapKx = ((MoveTapKx % DepthI) + DepthI) % DepthI;
  localparam int TurnTapKy = ((MoveTapKy % DepthI) + DepthI) % DepthI;

  always_comb begin
    base_move = CountWidth'(MoveOx);
    base_turn = AddrWidth'(TurnOx);
    if (last_ox && last_oy) begin
      base_move = CountWidth'(MoveFrame);
      base_turn = AddrWidth'(TurnFrame);
    end else if (last_ox) begin
      base_move = CountWidth'(MoveOy);
      base_turn = AddrWidth'(TurnOy);
    end
  end

  if (ChannelMajor) begin : gen_move_channel_major
    always_comb begin
      at_move = CountWidth'(MoveTapKx);
      at_turn = AddrWidth'(TurnTapKx);
      if (last_kx && last_ky) begin
        at_move = CountWidth'(MoveTapG);
        at_turn = AddrWidth'(TurnTapG);
      end else if (last_kx) begin
        at_move = CountWidth'(MoveTapKy);
        at_turn = AddrWidth'(TurnTapKy);
      end
    end
  end else begin : gen_move_tap_major
    always_comb begin
      at_move = CountWidth'(MoveTapG);
      at_turn = AddrWidth'(TurnTapG);
      if (last_g && last_kx) begin
        at_move = CountWidth'(MoveTapKy);
        at_turn = AddrWidth'(TurnTapKy);
      end else if (last_g) begin
        at_move = CountWidth'(MoveTapKx);
        at_turn = AddrWidth'(TurnTapKx);
      end
    end
  end

  logic [AddrWidth:0] base_sum, at_sum;
  logic [AddrWidth-1:0] base_addr_next;
  assign base_sum       = {1'b0, base_addr_q} + {1'b0, base_turn};
  assign at_sum         = {1'b0, at_addr_q} + {1'b0, at_turn};
  assign base_next      = base_q + base_move;
  assign base_addr_next = base_sum >= (AddrWidth + 1)'(Depth) ? AddrWidth'(base_sum - (AddrWidth + 1)'(Depth))
                                                              : AddrWidth'(base_sum);
  assign base_d         = end_position ? base_next : base_q;
  assign base_addr_d    = end_position ? base_addr_next : base_addr_q;
  always_comb begin
    at_d      = at_q;
    at_addr_d = at_addr_q;
    // end_kernel is timing critical: it only selects between two results that are computed in parallel.
    if (end_kernel) begin
      at_d      = last_rep ? base_next : base_q;
      at_addr_d = last_rep ? base_addr_next : base_addr_q;
    end else if (read) begin
      at_d      = at_q + at_move;
      at_addr_d = at_sum >= (AddrWidth + 1)'(Depth) ? AddrWidth'(at_sum - (AddrWidth + 1)'(Depth))
                                                    : AddrWidth'(at_sum);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      base_q      <= CountWidth'(Origin);
      base_addr_q <= AddrWidth'(TurnOrigin);
      at_q        <= CountWidth'(Origin);
      at_addr_q   <= AddrWidth'(TurnOrigin);
    end else begin
      base_q      <= base_d;
      base_addr_q <= base_addr_d;
      at_q        <= at_d;
      at_addr_q   <= at_addr_d;
    end
  end

  // -- padding: is this slot's tap inside the frame, is the next position's first tap? --------------------------
  logic in_frame, next_origin_inside;
  if (PadTop > 0 || PadLeft > 0
      || (OutHeight - 1) * StrideH + (KernelH - 1) * DilationH >= Height + PadTop
      || (OutWidth - 1) * StrideW + (KernelW - 1) * DilationW >= Width + PadLeft) begin : gen_pad
    logic row_inside, col_inside, row_origin_inside, col_origin_inside;
    r4_window_axis #(
      .Size(Height), .Kernel(KernelH), .Stride(StrideH), .Dilation(DilationH), .Pad(PadTop), .Positions(OutHeight)
    ) u_row (
      .clk_i, .rst_ni, .tap_i(step_ky), .tap_last_i(last_ky), .move_i(end_row), .move_last_i(last_oy),
      .inside_o(row_inside), .next_origin_inside_o(row_origin_inside)
    );
    r4_window_axis #(
      .Size(Width), .Kernel(KernelW), .Stride(StrideW), .Dilation(DilationW), .Pad(PadLeft), .Positions(OutWidth)
    ) u_col (
      .clk_i, .rst_ni, .tap_i(step_kx), .tap_last_i(last_kx), .move_i(end_position), .move_last_i(last_ox),
      .inside_o(col_inside), .next_origin_inside_o(col_origin_inside)
    );
    assign in_frame           = row_inside && col_inside;
    assign next_origin_inside = row_origin_inside && col_origin_inside;
  end else begin : gen_no_pad
    assign in_frame           = 1'b1;
    assign next_origin_inside = 1'b1;
  end

  // -- giving back ----------------------------------------------------------------------------------------------
  // All before the next position's first tap; at a frame's end, all of the frame.
  logic [CountWidth-1:0] frame_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni)        frame_q <= CountWidth'(Beats);
    else if (end_frame) frame_q <= frame_q + CountWidth'(Beats);
  end
  // limit: how many beats may be written: those that are freed, and Depth more.  `free` is timing critical: it only
  // selects between two comparisons that are computed in parallel.
  logic free;
  logic [CountWidth-1:0] limit_q, limit_next;
  assign free       = end_position && (next_origin_inside || (last_ox && last_oy));
  assign limit_next = (last_ox && last_oy ? frame_q : base_next) + CountWidth'(Depth);
  assign full_d     = free ? written_d == limit_next : written_d == limit_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni)   limit_q <= CountWidth'(Depth);
    else if (free) limit_q <= limit_next;
  end

  // -- reading ------------------------------------------------------------------------------------------------
  logic en, there;
  logic [CountWidth-1:0] ahead;
  assign ahead = written_q - at_q;  // beats that are here from this tap on
  assign there = !in_frame || (!ahead[CountWidth-1] && ahead != '0);
  assign en    = y_ready_i || !y_valid_o;
  assign read  = en && there;

  logic [DataWidth-1:0] rd_q;
  logic inside_q;
  if (Block) begin : gen_block
    (* ram_style = "block" *) logic [DataWidth-1:0] mem [Depth];
    always_ff @(posedge clk_i) begin
      if (take) mem[wr_addr_q] <= x_data_i;
      if (read) rd_q <= mem[at_addr_q];
    end
  end else begin : gen_distributed
    (* ram_style = "distributed" *) logic [DataWidth-1:0] mem [Depth];
    always_ff @(posedge clk_i) begin
      if (take) mem[wr_addr_q] <= x_data_i;
      if (read) rd_q <= mem[at_addr_q];
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) y_valid_o <= 1'b0;
    else if (en) y_valid_o <= there;
  end
  always_ff @(posedge clk_i) begin
    if (read) inside_q <= in_frame;
  end
  assign y_data_o = inside_q ? rd_q : {Lanes{ElemWidth'(PadValue)}};

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
  // Beats behind the last window are given back before they come: then more are freed than written.
  NOT_OVERFULL : assert property (@(posedge clk_i) disable iff (!rst_ni)
    signed'(limit_q - written_q) >= 0);
`endif
endmodule
