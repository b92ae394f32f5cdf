// SPDX-License-Identifier: Apache-2.0
//
// First in, first out, through memory behind AXI4: beats are packed into words, written in bursts to a ring of words in
// memory, and read back. Order and handshakes are those of r4_fifo: x_ready_o, y_valid_o and y_data_o come from registers
// (x_ready_o and y_valid_o through one gate), so every path is cut.
// Words:      of DataWidth bits. A word holds Group beats, the first at the LSB, or Group is 1 and a beat takes as many
//             words as it needs, its lowest bits first. Beats that do not fill a word wait for those that do.
// Ring:       Ring words from base_i on, a multiple of 4 KiB, constant while beats are held. Nobody else writes there.
// Capacity:   at least Ring words are taken while none is given; then x_ready_o falls, and nothing is lost.
// Bursts:     INCR, whole words, at most MaxBeats; they end at multiples of MaxBeats words of the ring, so none crosses
//             4 KiB. A write is asked for once its words are here: MaxBeats of them, or up to the next such multiple, or
//             those that have waited Idle cycles. A read is asked for once there is room for it: m_axi_rready and
//             m_axi_bready are constantly 1.
// Order:      AXI4 orders no read behind a write: a word is read only once the response to its write is here, and its
//             place is written again only once it is read.
// In flight:  InFlight writes wait for their response, and reads of ReadDepth words are under way, the words included
//             that are not yet given. Memory that answers after L cycles and takes a word a cycle each way is kept busy
//             where MaxBeats * InFlight and ReadDepth are at least L + 2 * MaxBeats + 16; where words come slowly, each
//             Idle cycles or so make a burst, and Idle * InFlight must be at least L.
// Latency:    a word taken in cycle t, all before it given, is offered by t + Idle + 2 L + 3 * MaxBeats + 24, with L
//             cycles from a write's last word to its response, and from a read's address to its first word.
// Throughput: 1 word/cycle each way where MaxBeats is at least 4 and WriteDepth 12: a burst in 4 cycles. So a beat of at
//             most a word every cycle.
// error_o:    1 in the cycle after a response of SLVERR or DECERR, of either channel.
// stop_i:     no burst is asked for any more (but an address that was offered stays until it is taken).
// idle_o:     nothing is under way at the memory: with stop_i, rst_ni may fall.
// peak_q (simulation only): the greatest number of beats held since reset.

module r4_spill #(
  parameter int unsigned Width      = 128,
  parameter int unsigned Group      = 1,
  parameter int unsigned Ring       = 4096,
  parameter int unsigned AddrWidth  = 40,
  parameter int unsigned DataWidth  = 128,
  parameter int unsigned MaxBeats   = 16,
  parameter int unsigned InFlight   = 32,
  parameter int unsigned WriteDepth = 64,
  parameter int unsigned ReadDepth  = 512,
  parameter int unsigned Idle       = 64
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,

  input  logic                   x_valid_i,
  output logic                   x_ready_o,
  input  logic [Width-1:0]       x_data_i,

  output logic                   y_valid_o,
  input  logic                   y_ready_i,
  output logic [Width-1:0]       y_data_o,

  input  logic [AddrWidth-1:0]   base_i,
  input  logic                   stop_i,
  output logic                   idle_o,
  output logic                   error_o,

  output logic [AddrWidth-1:0]   m_axi_awaddr,
  output logic [7:0]             m_axi_awlen,
  output logic [2:0]             m_axi_awsize,
  output logic [1:0]             m_axi_awburst,
  output logic                   m_axi_awvalid,
  input  logic                   m_axi_awready,
  output logic [DataWidth-1:0]   m_axi_wdata,
  output logic [DataWidth/8-1:0] m_axi_wstrb,
  output logic                   m_axi_wlast,
  output logic                   m_axi_wvalid,
  input  logic                   m_axi_wready,
  input  logic [1:0]             m_axi_bresp,
  input  logic                   m_axi_bvalid,
  output logic                   m_axi_bready,
  output logic [AddrWidth-1:0]   m_axi_araddr,
  output logic [7:0]             m_axi_arlen,
  output logic [2:0]             m_axi_arsize,
  output logic [1:0]             m_axi_arburst,
  output logic                   m_axi_arvalid,
  input  logic                   m_axi_arready,
  input  logic [DataWidth-1:0]   m_axi_rdata,
  input  logic [1:0]             m_axi_rresp,
  input  logic                   m_axi_rlast,
  input  logic                   m_axi_rvalid,
  output logic                   m_axi_rready
);

  if (DataWidth < 16 || DataWidth > 1024 || DataWidth != 2 ** $clog2(DataWidth)) begin : gen_check_width
    $fatal(1, "r4_spill: DataWidth (%0d) must be a power of two from 16 to 1024", DataWidth);
  end
  if (Width == 0 || Group == 0 || (Group > 1 && Width * Group > DataWidth)) begin : gen_check_group
    $fatal(1, "r4_spill: Group (%0d) beats of Width (%0d), both at least 1, must fit DataWidth (%0d), or Group be 1",
           Group, Width, DataWidth);
  end
  if (MaxBeats < 2 || MaxBeats > 256 || MaxBeats != 2 ** $clog2(MaxBeats) || MaxBeats * DataWidth > 32768)
  begin : gen_check_beats
    $fatal(1, "r4_spill: MaxBeats (%0d) must be a power of two from 2 to 256, of at most 4096 bytes", MaxBeats);
  end
  if (Ring < MaxBeats) begin : gen_check_ring
    $fatal(1, "r4_spill: Ring (%0d) must be at least MaxBeats (%0d)", Ring, MaxBeats);
  end
  if (WriteDepth < 2 * MaxBeats || ReadDepth < 2 * MaxBeats) begin : gen_check_depth
    $fatal(1, "r4_spill: WriteDepth (%0d) and ReadDepth (%0d) must be at least twice MaxBeats (%0d)",
           WriteDepth, ReadDepth, MaxBeats);
  end
  if (InFlight < 2 || Idle == 0) begin : gen_check_flight
    $fatal(1, "r4_spill: InFlight (%0d) must be at least 2 and Idle (%0d) at least 1", InFlight, Idle);
  end
  if (AddrWidth < 13 || AddrWidth > 64 || $clog2(Ring) + $clog2(DataWidth) - 3 > AddrWidth) begin : gen_check_address
    $fatal(1, "r4_spill: AddrWidth (%0d) must be 13 to 64, and hold Ring (%0d)", AddrWidth, Ring);
  end

  localparam int unsigned Parts     = (Width + DataWidth - 1) / DataWidth;  // words of a beat
  localparam int unsigned WordBits  = Parts > 1 ? DataWidth : Width * Group;  // bits of a word that are used
  localparam int unsigned ByteBits  = $clog2(DataWidth) - 3;    // of a byte's index in a word
  localparam int unsigned PageBits  = 12 - ByteBits;            // of a word's index in 4 KiB
  localparam int unsigned LenBits   = $clog2(MaxBeats);
  localparam int unsigned RingBits  = $clog2(Ring + 1) > PageBits ? $clog2(Ring + 1) : PageBits + 1;
  localparam int unsigned HeldBits  = $clog2(WriteDepth + 1);
  localparam int unsigned RoomBits  = $clog2(ReadDepth + 1);
  localparam int unsigned AgeBits   = $clog2(Idle + 1);
  localparam logic [RingBits-1:0] Final = RingBits'(Ring - 1);  // the last word of the ring
  localparam int unsigned SendDepth = 4;

  // -- beats to words, which wait for their burst ----------------------------------------------------------------
  logic word_valid, word_ready, push;
  logic [WordBits-1:0] word;
  if (Parts > 1) begin : gen_apart
    r4_width #(.XLanes(Parts), .YLanes(1), .ElemWidth(DataWidth)) u_apart (
      .clk_i,
      .rst_ni,
      .x_valid_i,
      .x_ready_o,
      .x_data_i ((Parts * DataWidth)'(x_data_i)),
      .y_valid_o(word_valid),
      .y_ready_i(word_ready),
      .y_data_o (word)
    );
  end else begin : gen_pack
    r4_width #(.XLanes(1), .YLanes(Group), .ElemWidth(Width)) u_pack (
      .clk_i,
      .rst_ni,
      .x_valid_i,
      .x_ready_o,
      .x_data_i,
      .y_valid_o(word_valid),
      .y_ready_i(word_ready),
      .y_data_o (word)
    );
  end

  logic sent_valid, send;
  logic [WordBits-1:0] sent;
  assign push = word_valid && word_ready;
  r4_fifo #(
    .Width     (WordBits),
    .Depth     (WriteDepth),
    .MemoryKind(WriteDepth > 64 ? 1 : 0)
  ) u_write (
    .clk_i,
    .rst_ni,
    .x_valid_i(word_valid),
    .x_ready_o(word_ready),
    .x_data_i (word),
    .y_valid_o(sent_valid),
    .y_ready_i(send),
    .y_data_o (sent)
  );

  // -- writes: the next burst, claimed, compared with the room in the ring, asked for -------------------------------
  // Claims are 4 cycles apart at least: so long it takes until what is known of the next burst is of after the last one.
  logic [HeldBits-1:0] held_words_q;               // words here that no burst has
  logic [AgeBits-1:0]  age_q;                      // cycles that some have waited
  logic [RingBits-1:0] write_q, write_at_q;        // the next burst's first word in the ring, and the claimed one's
  logic                write_final_q;              // the next burst lies in the last block of the ring
  logic [LenBits-1:0]  write_edge_q;               // words from there to the next multiple of MaxBeats, less one
  logic                write_next_q, write_whole_q;  // there is a next burst; it goes to that multiple
  logic [LenBits:0]    write_words_q;              // its words
  logic [LenBits-1:0]  write_len_q;                // words of the claimed burst, less one
  logic                write_burst_q, write_settled_q, write_fits_q;  // a burst is claimed; none lately; it has its room
  logic [RingBits-1:0] free_q;                     // words of the ring that nothing is in
  logic write_claim, write_whole, write_go, send_ready, open_ready;

  assign write_whole = held_words_q > HeldBits'(write_edge_q);
  assign write_claim = write_next_q && write_settled_q && !write_burst_q;
  assign write_go    = write_fits_q && !m_axi_awvalid && send_ready && open_ready && !stop_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      held_words_q    <= '0;
      age_q           <= '0;
      write_next_q    <= 1'b0;
      write_burst_q   <= 1'b0;
      write_settled_q <= 1'b0;
      write_fits_q    <= 1'b0;
      write_q         <= '0;
      write_final_q   <= 1'b0;
    end else begin
      held_words_q <= held_words_q + HeldBits'(push) - (write_claim ? HeldBits'(write_words_q) : '0);
      if (write_claim || held_words_q == '0)  age_q <= '0;
      else if (age_q != AgeBits'(Idle))       age_q <= age_q + 1'b1;
      write_next_q <= write_whole || (held_words_q != '0 && age_q == AgeBits'(Idle));
      if (write_claim)   write_burst_q <= 1'b1;
      else if (write_go) write_burst_q <= 1'b0;
      write_settled_q <= !write_burst_q && !write_claim;
      write_fits_q    <= write_burst_q && !write_go && free_q > RingBits'(write_len_q);
      write_final_q   <= write_q[RingBits-1:LenBits] == Final[RingBits-1:LenBits];
      if (write_claim) begin
        if (write_whole_q) write_q <= write_final_q ? '0 : {write_q[RingBits-1:LenBits] + 1'b1, LenBits'(0)};
        else               write_q[LenBits-1:0] <= write_q[LenBits-1:0] + LenBits'(write_words_q);
      end
    end
  end
  always_ff @(posedge clk_i) begin
    write_edge_q  <= (write_final_q ? Final[LenBits-1:0] : '1) - write_q[LenBits-1:0];
    write_whole_q <= write_whole;
    write_words_q <= write_whole ? {1'b0, write_edge_q} + 1'b1 : held_words_q[LenBits:0];
    if (write_claim) begin
      write_at_q  <= write_q;
      write_len_q <= LenBits'(write_words_q - 1'b1);
    end
  end

  // A place is free again once its word has come back.
  always_ff @(posedge clk_i) begin
    if (!rst_ni) free_q <= RingBits'(Ring);
    else free_q <= free_q + RingBits'(m_axi_rvalid) - (write_go ? RingBits'(write_len_q) + 1'b1 : '0);
  end

  assign m_axi_awsize  = 3'(ByteBits);
  assign m_axi_awburst = 2'b01;
  always_ff @(posedge clk_i) begin
    if (!rst_ni)            m_axi_awvalid <= 1'b0;
    else if (write_go)      m_axi_awvalid <= 1'b1;
    else if (m_axi_awready) m_axi_awvalid <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (write_go) begin
      m_axi_awaddr <= {base_i[AddrWidth-1:12] + (AddrWidth - 12)'(write_at_q[RingBits-1:PageBits]),
                       write_at_q[PageBits-1:0], ByteBits'(0)};
      m_axi_awlen  <= 8'(write_len_q);
    end
  end

  // -- the words of the bursts asked for, and the responses --------------------------------------------------------
  logic send_valid, open_valid;
  logic [LenBits-1:0] send_len, open_len, sent_q;
  r4_fifo #(.Width(LenBits), .Depth(SendDepth)) u_send (
    .clk_i,
    .rst_ni,
    .x_valid_i(write_go),
    .x_ready_o(send_ready),
    .x_data_i (write_len_q),
    .y_valid_o(send_valid),
    .y_ready_i(send && m_axi_wlast),
    .y_data_o (send_len)
  );
  r4_fifo #(.Width(LenBits), .Depth(InFlight)) u_open (
    .clk_i,
    .rst_ni,
    .x_valid_i(write_go),
    .x_ready_o(open_ready),
    .x_data_i (write_len_q),
    .y_valid_o(open_valid),
    .y_ready_i(m_axi_bvalid),
    .y_data_o (open_len)
  );

  assign m_axi_wvalid = send_valid;
  assign m_axi_wdata  = DataWidth'(sent);
  assign m_axi_wstrb  = '1;
  assign m_axi_wlast  = sent_q == send_len;
  assign m_axi_bready = 1'b1;
  assign send         = m_axi_wvalid && m_axi_wready;
  always_ff @(posedge clk_i) begin
    if (!rst_ni)   sent_q <= '0;
    else if (send) sent_q <= m_axi_wlast ? '0 : sent_q + 1'b1;
  end

  // -- reads, in the same steps ------------------------------------------------------------------------------------
  logic [LenBits:0]    written_q;                  // words that the response of the last cycle makes readable
  logic [RingBits-1:0] there_q;                    // words that may be read and that no burst has
  logic [RingBits-1:0] read_q, read_at_q;
  logic                read_final_q, read_next_q, read_whole_q;
  logic [LenBits-1:0]  read_edge_q, read_len_q;
  logic [LenBits:0]    read_words_q;
  logic                read_burst_q, read_settled_q, read_fits_q;
  logic [RoomBits-1:0] room_q;                     // words that u_read has room for and that no burst has
  logic [RoomBits-1:0] coming_q;                   // words asked for
  logic read_claim, read_whole, read_go, pop;

  assign read_whole = there_q > RingBits'(read_edge_q);
  assign read_claim = read_next_q && read_settled_q && !read_burst_q;
  assign read_go    = read_fits_q && !m_axi_arvalid && !stop_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      written_q      <= '0;
      there_q        <= '0;
      read_next_q    <= 1'b0;
      read_burst_q   <= 1'b0;
      read_settled_q <= 1'b0;
      read_fits_q    <= 1'b0;
      read_q         <= '0;
      read_final_q   <= 1'b0;
      room_q         <= RoomBits'(ReadDepth);
      coming_q       <= '0;
    end else begin
      written_q   <= m_axi_bvalid ? {1'b0, open_len} + 1'b1 : '0;
      there_q     <= there_q + RingBits'(written_q) - (read_claim ? RingBits'(read_words_q) : '0);
      read_next_q <= there_q != '0;
      if (read_claim)   read_burst_q <= 1'b1;
      else if (read_go) read_burst_q <= 1'b0;
      read_settled_q <= !read_burst_q && !read_claim;
      read_fits_q    <= read_burst_q && !read_go && room_q > RoomBits'(read_len_q);
      read_final_q   <= read_q[RingBits-1:LenBits] == Final[RingBits-1:LenBits];
      if (read_claim) begin
        if (read_whole_q) read_q <= read_final_q ? '0 : {read_q[RingBits-1:LenBits] + 1'b1, LenBits'(0)};
        else              read_q[LenBits-1:0] <= read_q[LenBits-1:0] + LenBits'(read_words_q);
      end
      room_q   <= room_q + RoomBits'(pop) - (read_go ? RoomBits'(read_len_q) + 1'b1 : '0);
      coming_q <= coming_q - RoomBits'(m_axi_rvalid) + (read_go ? RoomBits'(read_len_q) + 1'b1 : '0);
    end
  end
  always_ff @(posedge clk_i) begin
    read_edge_q  <= (read_final_q ? Final[LenBits-1:0] : '1) - read_q[LenBits-1:0];
    read_whole_q <= read_whole;
    read_words_q <= read_whole ? {1'b0, read_edge_q} + 1'b1 : there_q[LenBits:0];
    if (read_claim) begin
      read_at_q  <= read_q;
      read_len_q <= LenBits'(read_words_q - 1'b1);
    end
  end

  assign m_axi_arsize  = 3'(ByteBits);
  assign m_axi_arburst = 2'b01;
  assign m_axi_rready  = 1'b1;
  always_ff @(posedge clk_i) begin
    if (!rst_ni)            m_axi_arvalid <= 1'b0;
    else if (read_go)       m_axi_arvalid <= 1'b1;
    else if (m_axi_arready) m_axi_arvalid <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (read_go) begin
      m_axi_araddr <= {base_i[AddrWidth-1:12] + (AddrWidth - 12)'(read_at_q[RingBits-1:PageBits]),
                       read_at_q[PageBits-1:0], ByteBits'(0)};
      m_axi_arlen  <= 8'(read_len_q);
    end
  end

  // -- words to beats ------------------------------------------------------------------------------------------------
  logic back_valid, back_ready, read_ready;
  logic [WordBits-1:0] back;
  assign pop = back_valid && back_ready;
  r4_fifo #(
    .Width     (WordBits),
    .Depth     (ReadDepth),
    .MemoryKind(ReadDepth > 64 ? 1 : 0)
  ) u_read (
    .clk_i,
    .rst_ni,
    .x_valid_i(m_axi_rvalid),
    .x_ready_o(read_ready),
    .x_data_i (m_axi_rdata[WordBits-1:0]),
    .y_valid_o(back_valid),
    .y_ready_i(back_ready),
    .y_data_o (back)
  );
  if (Parts > 1) begin : gen_join
    logic [Parts*DataWidth-1:0] joined;
    r4_width #(.XLanes(1), .YLanes(Parts), .ElemWidth(DataWidth)) u_join (
      .clk_i,
      .rst_ni,
      .x_valid_i(back_valid),
      .x_ready_o(back_ready),
      .x_data_i (back),
      .y_valid_o,
      .y_ready_i,
      .y_data_o (joined)
    );
    assign y_data_o = joined[Width-1:0];
    if (Parts * DataWidth > Width) begin : gen_unused
      logic unused;
      assign unused = ^joined[Parts*DataWidth-1:Width];
    end
  end else begin : gen_unpack
    r4_width #(.XLanes(Group), .YLanes(1), .ElemWidth(Width)) u_unpack (
      .clk_i,
      .rst_ni,
      .x_valid_i(back_valid),
      .x_ready_o(back_ready),
      .x_data_i (back),
      .y_valid_o,
      .y_ready_i,
      .y_data_o
    );
    if (DataWidth > WordBits) begin : gen_unused
      logic unused;
      assign unused = ^m_axi_rdata[DataWidth-1:WordBits];
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) error_o <= 1'b0;
    else         error_o <= (m_axi_bvalid && m_axi_bresp[1]) || (m_axi_rvalid && m_axi_rresp[1]);
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) idle_o <= 1'b1;
    else         idle_o <= !write_go && !read_go && !m_axi_awvalid && !send_valid && !open_valid && !m_axi_arvalid
                           && coming_q == '0;
  end

  logic unused;
  assign unused = ^{base_i[11:0], m_axi_bresp[0], m_axi_rresp[0], m_axi_rlast, sent_valid, read_ready};

`ifndef SYNTHESIS
  int unsigned held_q /*verilator public_flat_rd*/;
  int unsigned peak_q /*verilator public_flat_rd*/;
  int unsigned held_d;
  assign held_d = held_q + 32'(x_valid_i && x_ready_o) - 32'(y_valid_o && y_ready_i);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      held_q <= 0;
      peak_q <= 0;
    end else begin
      held_q <= held_d;
      if (held_d > peak_q) peak_q <= held_d;
    end
  end

  BASE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    base_i[11:0] == '0 && ($stable(base_i) || (held_q == 0 && idle_o)));
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
  AW_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_awvalid && !m_axi_awready |=> m_axi_awvalid && $stable(m_axi_awaddr) && $stable(m_axi_awlen));
  AR_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_arvalid && !m_axi_arready |=> m_axi_arvalid && $stable(m_axi_araddr) && $stable(m_axi_arlen));
  W_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_wvalid && !m_axi_wready |=> m_axi_wvalid && $stable(m_axi_wdata) && $stable(m_axi_wlast));
  HERE : assert property (@(posedge clk_i) disable iff (!rst_ni) m_axi_wvalid |-> sent_valid);
  RESPONSE : assert property (@(posedge clk_i) disable iff (!rst_ni) m_axi_bvalid |-> open_valid);
  ROOM : assert property (@(posedge clk_i) disable iff (!rst_ni) m_axi_rvalid |-> read_ready && coming_q != '0);
  WITHIN : assert property (@(posedge clk_i) disable iff (!rst_ni)
    32'(free_q) <= Ring && 32'(there_q) <= Ring && 32'(room_q) <= ReadDepth);
`endif
endmodule
