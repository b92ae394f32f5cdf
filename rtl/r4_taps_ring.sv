// SPDX-License-Identifier: Apache-2.0
//
// Parallel window over several rows: all taps of a group of lanes at once, from a ring of line memories.
//
// Beat in:  Lanes channels of a pixel; Groups beats a pixel, row-major, channels last.
// Beat out: every tap of one output position and group: kernel row, kernel column, lane; the first at the LSB.
//           Order: output row, output column, group.  A tap outside the frame gives PadValue.
// Buffer:   as many rows as a window reaches; a row is given back beat by beat while it is read for the last time.
// The read side steps through RowSlots columns for each row of outputs, one slot a group.  A window whose last column
// lies in the padding to the right is complete while columns of the next row are read.  Behind the last row that is
// while columns of the next frame are read (Overlap = 1), provided that their beats are here when the last slot of
// the frame is done; else the slots that the last windows lack read nothing, and the next frame's come behind them.
// So no output waits for beats of the frame behind it.
// Latency:  a beat taken in cycle t can be offered in a window in cycle t + 3.  Throughput: 1 slot/cycle, 1 beat/cycle.
// x_ready_o comes from registers alone; y_ready_i acts on the read side alone.

module r4_taps_ring #(
  parameter int unsigned Lanes     = 1,
  parameter int unsigned ElemWidth = 8,
  parameter int unsigned Groups    = 1,
  parameter int unsigned Height    = 8,
  parameter int unsigned Width     = 8,
  parameter int unsigned KernelH   = 3,
  parameter int unsigned KernelW   = 3,
  parameter int unsigned StrideH   = 1,
  parameter int unsigned StrideW   = 1,
  parameter int unsigned DilationH = 1,
  parameter int unsigned DilationW = 1,
  parameter int unsigned PadTop    = 1,
  parameter int unsigned PadLeft   = 1,
  parameter int unsigned OutHeight = 8,
  parameter int unsigned OutWidth  = 8,
  parameter int unsigned RowSlots  = 8,
  parameter bit          Overlap   = 1'b1,
  parameter int          PadValue  = 0,
  parameter bit          Block     = 1'b0
) (
  input  logic                                       clk_i,
  input  logic                                       rst_ni,

  input  logic                                       x_valid_i,
  output logic                                       x_ready_o,
  input  logic [Lanes*ElemWidth-1:0]                 x_data_i,

  output logic                                       y_valid_o,
  input  logic                                       y_ready_i,
  output logic [KernelH*KernelW*Lanes*ElemWidth-1:0] y_data_o
);

  localparam int unsigned BeatWidth = Lanes * ElemWidth;
  localparam int unsigned Column    = KernelH * BeatWidth;
  localparam int unsigned RowBeats  = Width * Groups;
  localparam int unsigned ReachH    = (KernelH - 1) * DilationH;
  localparam int unsigned ReachW    = (KernelW - 1) * DilationW;
  localparam int unsigned Banks     = ReachH + 1;
  localparam int unsigned Lag       = ReachW - PadLeft;  // columns that are read ahead of the output's own
  localparam int unsigned LastTop   = (OutHeight - 1) * StrideH;
  localparam int unsigned LastPos   = (OutWidth - 1) * StrideW;
  // Pixels of a row during which windows of the row before it are completed.
  localparam int unsigned Behind    = LastPos + Lag + 1 > RowSlots ? LastPos + Lag + 1 - RowSlots : 0;
  localparam int unsigned WrBits    = RowBeats > 1 ? $clog2(RowBeats) : 1;
  localparam int unsigned RdBits    = RowSlots * Groups > 1 ? $clog2(RowSlots * Groups) : 1;
  localparam logic [BeatWidth-1:0] Padding = {Lanes{ElemWidth'(PadValue)}};

  if (KernelH < 2 || ReachH < PadTop || ReachW < PadLeft) begin : gen_check_kernel
    $fatal(1, "r4_taps_ring: KernelH (%0d) must be at least 2, and a window must reach over PadTop (%0d) and PadLeft (%0d)",
           KernelH, PadTop, PadLeft);
  end
  if (RowSlots < Width || RowSlots <= LastPos || RowSlots < ReachW - PadLeft) begin : gen_check_slots
    $fatal(1, "r4_taps_ring: RowSlots (%0d) must hold the frame's columns (%0d), a row of outputs (%0d) and Lag (%0d)",
           RowSlots, Width, LastPos + 1, Lag);
  end

  // -- read side: groups, columns, rows -------------------------------------------------------------------------
  // What a slot moves to is told by flags that are registers; `slot` and `walk`, which come late, only enable.
  logic en, slot, walk, ahead, flush_q, behind_q, last_g, last_col, last_row, flush_end, row_ends, row_end;
  logic hit, early, needs, needs_row, needs_less;
  logic [KernelW-1:0] col_inside;
  logic [KernelH-1:0] row_inside;
  assign row_ends = last_g && last_col;
  assign row_end  = walk && row_ends;

  r4_countdown #(.Count(Groups)) u_g (.clk_i, .rst_ni, .step_i(slot), .last_o(last_g));
  r4_taps_ring_col #(
    .Size(Width), .Slots(RowSlots), .Kernel(KernelW), .Stride(StrideW), .Dilation(DilationW), .Pad(PadLeft),
    .Positions(OutWidth)
  ) u_col (
    .clk_i, .rst_ni, .step_i(slot && last_g), .flush_i(flush_q), .last_o(last_col), .flush_last_o(flush_end),
    .early_o(early), .hit_o(hit), .inside_o(col_inside)
  );
  r4_taps_ring_row #(
    .Size(Height), .Kernel(KernelH), .Stride(StrideH), .Dilation(DilationH), .Pad(PadTop), .Positions(OutHeight)
  ) u_row (
    .clk_i, .rst_ni, .step_i(row_end), .last_o(last_row), .needs_o(needs), .next_needs_o(needs_row),
    .next_needs_less_o(needs_less), .inside_o(row_inside)
  );

  // flush: the windows that the last row lacks are completed without columns of the next frame.
  // behind: a row's first slots complete windows of the row before it; not so in a frame that begins alone.
  if (Behind > 0) begin : gen_behind
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        flush_q  <= 1'b0;
        behind_q <= 1'b0;
      end else if (row_end) begin
        flush_q  <= last_row && !ahead;
        behind_q <= 1'b1;
      end else if (slot && last_g && flush_q && flush_end) begin
        flush_q  <= 1'b0;
        behind_q <= 1'b0;
      end
    end
  end else begin : gen_none_behind
    assign flush_q  = 1'b0;
    assign behind_q = 1'b0;
    logic unused;
    assign unused = &{1'b0, flush_end, ahead};
  end

  logic [RdBits-1:0] rd_addr_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni)   rd_addr_q <= '0;
    else if (walk) rd_addr_q <= row_ends ? '0 : rd_addr_q + 1'b1;
  end

  // This slot, and the one behind it in its row, read a beat: a row may have more slots than the frame has columns.
  logic reads, reads_next;
  if (RowSlots > Width) begin : gen_longer
    logic reads_q, reads_next_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        reads_q      <= 1'b1;
        reads_next_q <= RowBeats > 1;
      end else if (walk) begin
        reads_q      <= row_ends || reads_next_q;
        reads_next_q <= RowBeats > 1 && (row_ends || (RowBeats > 2 && rd_addr_q < RdBits'(RowBeats - 2)));
      end
    end
    assign reads      = reads_q;
    assign reads_next = reads_next_q;
  end else begin : gen_equal
    assign reads      = 1'b1;
    assign reads_next = 1'b1;
  end

  // -- what is here, and what is free ---------------------------------------------------------------------------
  localparam int RowI      = signed'(RowBeats);
  localparam int HeightI   = signed'(Height);
  localparam int BelowTop  = signed'(ReachH) - signed'(PadTop);        // the last row that the first windows reach
  localparam int BelowLast = signed'(LastTop) + BelowTop;           // and that the last windows reach
  localparam int FirstRow  = BelowTop < HeightI ? BelowTop : HeightI - 1;  // the last that they need
  localparam int LastRow   = BelowLast < HeightI ? BelowLast : HeightI - 1;
  // The last row that is needed by the last windows that do not reach below the frame.
  localparam int FullRow   = BelowTop + (HeightI - 1 - BelowTop) / signed'(StrideH) * signed'(StrideH);

  // spare: beats that are here beyond those that this slot needs; below 0 where some are not here yet. How many more the
  // slot behind a row's last one needs:
  localparam int NeedRow   = (signed'(StrideH) - 1) * RowI + 1;
  localparam int NeedLess  = (HeightI - 2 - FullRow) * RowI + 1;  // windows that are the first to reach below the frame
  localparam int NeedFrame = (HeightI - 1 - LastRow + FirstRow) * RowI + 1;
  localparam int NeedAhead = NeedFrame - 1 + signed'(Behind * Groups);  // the slots that complete the last windows
  // room: places that are free, less one: below 0 is full. How many a row's last slot gives back:
  localparam int Places    = signed'(Banks - PadTop) * RowI;
  localparam int GiveRead  = RowSlots > Width ? 0 : 1;
  localparam int GiveRow   = (signed'(StrideH) - 1) * RowI + GiveRead;
  localparam int GiveFrame = (HeightI - signed'(LastTop) - 1) * RowI + GiveRead;
  // Rows that may be given back before they come: between those of two rows of windows, below the last windows, and
  // above them where they lie below the frame.
  localparam int Skipped   = signed'(StrideH) - 1 - BelowTop;
  localparam int Rest      = HeightI - 1 - LastRow;
  localparam int Over      = signed'(LastTop) + 1 - HeightI;
  localparam int Early0    = Skipped > Rest ? Skipped : Rest;
  localparam int Early     = Early0 > Over ? Early0 : Over;
  localparam int Most0     = Places + Early * RowI > NeedAhead ? Places + Early * RowI : NeedAhead;
  localparam int Most      = Most0 > NeedRow ? Most0 : NeedRow;
  localparam int Bits      = $clog2(Most + 1) + 1;

  logic [Bits-1:0] spare_q, spare_d, back, room_q, room_d, gives;  // gives: the amount, less one
  logic unused_spare, unused_room;
  always_comb begin
    if (!row_ends) begin
      back  = needs && reads_next ? '1 : '0;
      gives = reads ? '0 : '1;
    end else if (last_row) begin
      back  = Bits'(-NeedFrame);
      gives = Bits'(GiveFrame - 1);
    end else begin
      back  = needs_less ? Bits'(-NeedLess) : needs_row ? Bits'(-NeedRow) : '0;
      gives = Bits'(GiveRow - 1);
    end
  end

  // One carry chain each: the beat that is taken is the carry in.
  logic take;
  assign {spare_d, unused_spare} = {spare_q, 1'b1} + {walk ? back : Bits'(0), take};
  assign {room_d, unused_room}   = {room_q, 1'b1} + {walk ? gives : {Bits{1'b1}}, !take};
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      spare_q <= Bits'(-FirstRow * RowI - 1);
      room_q  <= Bits'(Places - 1);
    end else begin
      spare_q <= spare_d;
      room_q  <= room_d;
    end
  end

  assign en   = y_ready_i || !y_valid_o;
  assign slot = en && (flush_q || !spare_q[Bits-1]);
  assign walk = en && !flush_q && !spare_q[Bits-1];
  // The next frame's columns with which this frame's last windows are completed are here.
  localparam logic signed [Bits-1:0] At = Bits'(NeedAhead);
  assign ahead = Overlap && signed'(spare_q) >= At;

  // -- write side: one bank after the other ---------------------------------------------------------------------
  logic wr_last;
  logic [WrBits-1:0] wr_addr_q;
  logic [Banks-1:0] wr_bank_q;
  assign x_ready_o = !room_q[Bits-1];
  assign take      = x_valid_i && x_ready_o;
  assign wr_last   = wr_addr_q == WrBits'(RowBeats - 1);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_addr_q <= '0;
      wr_bank_q <= Banks'(1);
    end else if (take) begin
      wr_addr_q <= wr_last ? '0 : wr_addr_q + 1'b1;
      if (wr_last) wr_bank_q <= {wr_bank_q[Banks-2:0], wr_bank_q[Banks-1]};
    end
  end

  // -- banks, and the kernel's rows out of them -----------------------------------------------------------------
  logic [Banks*BeatWidth-1:0] banks;
  for (genvar b = 0; b < signed'(Banks); b++) begin : gen_bank
    logic [BeatWidth-1:0] read_q;
    if (Block) begin : gen_block
      (* ram_style = "block" *) logic [BeatWidth-1:0] mem [RowBeats];
      always_ff @(posedge clk_i) begin
        if (take && wr_bank_q[b]) mem[wr_addr_q] <= x_data_i;
        if (slot) read_q <= mem[WrBits'(rd_addr_q)];
      end
    end else begin : gen_distributed
      (* ram_style = "distributed" *) logic [BeatWidth-1:0] mem [RowBeats];
      always_ff @(posedge clk_i) begin
        if (take && wr_bank_q[b]) mem[wr_addr_q] <= x_data_i;
        if (slot) read_q <= mem[WrBits'(rd_addr_q)];
      end
    end
    assign banks[b*BeatWidth+:BeatWidth] = read_q;
  end

  // top: the bank of the first row of the windows.
  localparam int unsigned TopBits   = $clog2(Banks);
  localparam int          BanksI    = signed'(Banks);
  localparam int          TurnFirst = (BanksI - signed'(PadTop) % BanksI) % BanksI;
  localparam int          TurnRow   = signed'(StrideH) % BanksI;
  localparam int          TurnFrame = ((HeightI - signed'(LastTop)) % BanksI + BanksI) % BanksI;
  logic [TopBits-1:0] top_q, top1_q;
  logic [TopBits:0] turned;
  assign turned = {1'b0, top_q} + (last_row ? (TopBits + 1)'(TurnFrame) : (TopBits + 1)'(TurnRow));
  always_ff @(posedge clk_i) begin
    if (!rst_ni)      top_q <= TopBits'(TurnFirst);
    else if (row_end) top_q <= TopBits'(turned >= (TopBits + 1)'(Banks) ? turned - (TopBits + 1)'(Banks) : turned);
  end

  logic emit1_q;
  logic [KernelH-1:0] row_inside1_q;
  logic [KernelW-1:0] col_inside1_q, col_inside2_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      emit1_q   <= 1'b0;
      y_valid_o <= 1'b0;
    end else if (en) begin
      emit1_q   <= slot && hit && (behind_q || !early);
      y_valid_o <= emit1_q;
    end
  end
  always_ff @(posedge clk_i) begin
    if (slot) begin
      top1_q        <= top_q;
      row_inside1_q <= row_inside;
      col_inside1_q <= col_inside;
    end
  end

  // A column moves into the window. A wide one moves its oldest column by an enable of its own, from a second register:
  // of the inverse, since synthesis makes one of two that are equal.
  localparam bit Wide = KernelW * Column > 1024;
  logic slot1_q, none1_q;
  logic [KernelW-1:0] step;  // of every kernel column
  logic [Column-1:0] taken;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) slot1_q <= 1'b0;
    else if (en) slot1_q <= slot;
    if (!rst_ni) none1_q <= 1'b1;
    else if (en) none1_q <= !slot;
  end
  for (genvar c = 0; c < signed'(KernelW); c++) begin : gen_step
    assign step[c] = en && (Wide && c == 0 ? !none1_q : slot1_q);
  end
  for (genvar r = 0; r < signed'(KernelH); r++) begin : gen_row
    logic [BeatWidth-1:0] row;
    always_comb begin
      row = banks[(r*signed'(DilationH))%signed'(Banks)*BeatWidth+:BeatWidth];
      for (int b = 1; b < signed'(Banks); b++) begin
        if (top1_q == TopBits'(b)) row = banks[(b+r*signed'(DilationH))%signed'(Banks)*BeatWidth+:BeatWidth];
      end
    end
    assign taken[r*BeatWidth+:BeatWidth] = row_inside1_q[r] ? row : Padding;
  end

  // -- earlier columns: kernel column KernelW - 1 is the latest -----------------------------------------------------
  logic [KernelW*Column-1:0] window;
  for (genvar c = 0; c < signed'(KernelW); c++) begin : gen_column
    // What lies to the left of the frame is replaced on its way, and stays so as it moves on to the left.
    localparam bit          Left  = c * signed'(DilationW) < signed'(PadLeft);
    localparam int unsigned Depth = DilationW * Groups;
    logic [Column-1:0] column_q;
    if (c == signed'(KernelW) - 1) begin : gen_latest
      always_ff @(posedge clk_i) begin
        if (step[c]) column_q <= taken;
      end
    end else if (!Left) begin : gen_delay
      r4_delay #(.Width(Column), .Depth(Depth)) u_delay (
        .clk_i, .step_i(step[c]), .x_i(window[(c+1)*Column+:Column]), .y_o(column_q)
      );
    end else begin : gen_left
      logic [Column-1:0] earlier;
      if (Depth == 1) begin : gen_next
        assign earlier = window[(c+1)*Column+:Column];
      end else begin : gen_far
        r4_delay #(.Width(Column), .Depth(Depth - 1)) u_delay (
          .clk_i, .step_i(step[c]), .x_i(window[(c+1)*Column+:Column]), .y_o(earlier)
        );
      end
      always_ff @(posedge clk_i) begin
        if (step[c]) column_q <= col_inside1_q[c] ? earlier : {KernelH{Padding}};
      end
    end
    assign window[c*Column+:Column] = column_q;
  end

  // -- what leaves --------------------------------------------------------------------------------------------
  always_ff @(posedge clk_i) begin
    if (step[0]) col_inside2_q <= col_inside1_q;
  end
  for (genvar r = 0; r < signed'(KernelH); r++) begin : gen_out_row
    for (genvar c = 0; c < signed'(KernelW); c++) begin : gen_out_col
      localparam bit Right = signed'(LastPos) + c * signed'(DilationW) >= signed'(Width + PadLeft);
      assign y_data_o[(r*KernelW+c)*BeatWidth+:BeatWidth] = (!Right || col_inside2_q[c])
          ? window[(c*KernelH+r)*BeatWidth+:BeatWidth] : Padding;
    end
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
