// SPDX-License-Identifier: Apache-2.0
//
// AXI4 reader: runs of bytes at any address come back as words, in order.
// Run:        run_bytes_i bytes from run_addr_i on. Its words are those of memory: y_first_o is the index of the first
//             valid byte (not 0 in a run's first word only), y_bytes_o the valid bytes from there, y_last_o its last
//             word. A run of 0 bytes is taken and gives nothing.
// Bursts:     INCR, whole words, at most MaxBeats. What is left of a run is one burst where it has at most MaxBeats words
//             and crosses no multiple of 4 KiB; else a burst ends at the next multiple of MaxBeats words.
//             A burst is asked for once the FIFO has room for all of it: m_axi_rready is constantly 1.
// In flight:  as many bursts as the FIFO has room for, at most 65; runs follow each other in flight.
// Throughput: 1 word/cycle; a burst is issued every 2 cycles at most. So a run of w words in n bursts costs max(w, 2 n)
//             cycles. Example, MaxBeats 16: 20 words from word 10 on are bursts of 6 and 14; 12 words from there are one.
// Latency:    a run taken in cycle t is asked for in cycle t + 3; a word is offered 2 cycles after m_axi_rvalid.
// error_o:    1 in the cycle after each word with SLVERR or DECERR; the word goes on as any other.
// abort_i:    no burst is asked for any more (but m_axi_arvalid stays until it is taken), runs offered are taken and
//             dropped, words are dropped as they come. This goes on after abort_i until idle_o, but runs then wait.
// idle_o:     no run, nothing in flight, no word waits. Low from the cycle after a run was taken.
// Every output but y_valid_o (abort_i) comes from registers or, run_ready_o, registers and abort_i.

module r4_axi_read #(
  parameter int unsigned AddrWidth = 40,
  parameter int unsigned DataWidth = 128,
  parameter int unsigned MaxBeats  = 16,
  parameter int unsigned FifoDepth = 256
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,

  input  logic                         run_valid_i,
  output logic                         run_ready_o,
  input  logic [AddrWidth-1:0]         run_addr_i,
  input  logic [31:0]                  run_bytes_i,

  output logic                         y_valid_o,
  input  logic                         y_ready_i,
  output logic [DataWidth-1:0]         y_data_o,
  output logic [$clog2(DataWidth)-4:0] y_first_o,
  output logic [$clog2(DataWidth)-3:0] y_bytes_o,
  output logic                         y_last_o,

  input  logic                         abort_i,
  output logic                         idle_o,
  output logic                         error_o,

  output logic [AddrWidth-1:0]         m_axi_araddr,
  output logic [7:0]                   m_axi_arlen,
  output logic [2:0]                   m_axi_arsize,
  output logic [1:0]                   m_axi_arburst,
  output logic                         m_axi_arvalid,
  input  logic                         m_axi_arready,
  input  logic [DataWidth-1:0]         m_axi_rdata,
  input  logic [1:0]                   m_axi_rresp,
  input  logic                         m_axi_rlast,
  input  logic                         m_axi_rvalid,
  output logic                         m_axi_rready
);

  if (DataWidth < 16 || DataWidth > 1024 || DataWidth != 2 ** $clog2(DataWidth)) begin : gen_check_width
    $fatal(1, "r4_axi_read: DataWidth (%0d) must be a power of two from 16 to 1024", DataWidth);
  end
  if (MaxBeats < 2 || MaxBeats > 256 || MaxBeats != 2 ** $clog2(MaxBeats) || MaxBeats * DataWidth > 32768)
  begin : gen_check_beats
    $fatal(1, "r4_axi_read: MaxBeats (%0d) must be a power of two from 2 to 256, of at most 4096 bytes", MaxBeats);
  end
  if (FifoDepth < MaxBeats) begin : gen_check_depth
    $fatal(1, "r4_axi_read: FifoDepth (%0d) must be at least MaxBeats (%0d)", FifoDepth, MaxBeats);
  end
  if (AddrWidth < 13 || AddrWidth > 64) begin : gen_check_address
    $fatal(1, "r4_axi_read: AddrWidth (%0d) must be 13 to 64", AddrWidth);
  end

  localparam int unsigned ByteBits   = $clog2(DataWidth) - 3;    // of a byte's index in a word
  localparam int unsigned WordBits   = AddrWidth - ByteBits;     // of a word's address
  localparam int unsigned LenBits    = $clog2(MaxBeats);
  localparam int unsigned PageBits   = 12 - ByteBits;            // of a word's index in 4 KiB
  localparam int unsigned LeftBits   = 33 - ByteBits;            // of the words of a run
  localparam int unsigned RoomBits   = $clog2(FifoDepth + 1);
  localparam int unsigned NoteDepth  = FifoDepth < 65 ? FifoDepth : 65;
  localparam int unsigned NoteBits   = 2 * ByteBits + 1;
  localparam int unsigned BeatBits   = DataWidth + 2 * ByteBits + 2;

  // After abort_i until all is drained.
  logic drop_q, drop, empty;
  assign drop = abort_i || drop_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) drop_q <= 1'b0;
    else         drop_q <= drop && !empty;
  end

  // -- the run, cut into bursts ----------------------------------------------------------------------------------
  logic                run_q;    // there is one, and it has words that no burst has
  logic [WordBits-1:0] word_q;   // the address of the next of these
  logic [LeftBits-1:0] left_q;   // how many follow that one
  logic [ByteBits-1:0] first_q;  // index of the next word's first valid byte
  logic [ByteBits-1:0] end_q;    // index of the last word's last valid byte
  logic take, step, beyond, page_end, final_burst;
  logic [LenBits-1:0] to_edge, len;

  // What is added to run_bytes_i for the index of the last byte, in the run's first word and beyond: offset - 1.
  logic [ByteBits-1:0] offset;
  logic [32:0] last_byte;
  assign offset    = run_addr_i[ByteBits-1:0];
  assign last_byte = {1'b0, run_bytes_i} + {{(33 - ByteBits) {offset == '0}}, ByteBits'(offset - 1'b1)};

  assign run_ready_o = abort_i || (!run_q && !drop_q);
  assign take        = run_valid_i && run_ready_o && !drop && run_bytes_i != '0;

  // An edge of MaxBeats words lies before the run's end; that edge is one of 4 KiB.
  assign to_edge     = ~word_q[LenBits-1:0];
  assign beyond      = left_q[LenBits-1:0] > to_edge;
  assign page_end    = (word_q[PageBits-1:0] | PageBits'(MaxBeats - 1)) == '1;
  assign final_burst = left_q[LeftBits-1:LenBits] == '0 && !(beyond && page_end);
  assign len         = final_burst ? left_q[LenBits-1:0] : to_edge;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || drop)          run_q <= 1'b0;
    else if (take)                run_q <= 1'b1;
    else if (step && final_burst) run_q <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (take) begin
      {word_q, first_q} <= run_addr_i;
      {left_q, end_q}   <= last_byte;
    end else if (step) begin
      word_q  <= {word_q[WordBits-1:LenBits] + 1'b1, LenBits'(0)};
      left_q  <= left_q + {{(LeftBits - LenBits) {1'b1}}, word_q[LenBits-1:0]};  // - (MaxBeats - the word in its block)
      first_q <= '0;
    end
  end

  // -- the burst: waits for room ---------------------------------------------------------------------------------
  logic                burst_q, burst_final_q;
  logic [WordBits-1:0] burst_word_q;
  logic [LenBits-1:0]  burst_len_q;
  logic [ByteBits-1:0] burst_first_q, burst_end_q;
  logic [RoomBits-1:0] room_q;  // words that the FIFO can hold beyond those in it and asked for
  logic [RoomBits-1:0] burst_len, reserved;
  logic go, pop, note_ready;

  assign burst_len = RoomBits'(burst_len_q);
  assign reserved  = go ? ~burst_len : RoomBits'(0);  // ~len = -(len + 1)

  assign step = run_q && !burst_q && !drop;
  assign go   = burst_q && !m_axi_arvalid && room_q > burst_len && note_ready && !drop;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || drop) burst_q <= 1'b0;
    else if (step)       burst_q <= 1'b1;
    else if (go)         burst_q <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (step) begin
      burst_word_q  <= word_q;
      burst_len_q   <= len;
      burst_first_q <= first_q;
      burst_end_q   <= end_q;
      burst_final_q <= final_burst;
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) room_q <= RoomBits'(FifoDepth);
    else         room_q <= room_q + RoomBits'(pop) + reserved;
  end

  // -- the address channel ---------------------------------------------------------------------------------------
  logic [WordBits-1:0] ar_word_q;
  logic [LenBits-1:0]  ar_len_q;
  assign m_axi_araddr  = {ar_word_q, ByteBits'(0)};
  assign m_axi_arlen   = 8'(ar_len_q);
  assign m_axi_arsize  = 3'(ByteBits);
  assign m_axi_arburst = 2'b01;

  always_ff @(posedge clk_i) begin
    if (!rst_ni)            m_axi_arvalid <= 1'b0;
    else if (go)            m_axi_arvalid <= 1'b1;
    else if (m_axi_arready) m_axi_arvalid <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (go) begin
      ar_word_q <= burst_word_q;
      ar_len_q  <= burst_len_q;
    end
  end

  // -- the data channel: what is valid of each word comes from a note for its burst ----------------------------------
  logic note_valid, note_final;
  logic [ByteBits-1:0] note_first, note_end;
  logic beat_first_q;  // the next word is the first of its burst
  logic beat_last, beat_ready;
  logic [ByteBits-1:0] beat_from, beat_to;
  logic [ByteBits:0] beat_bytes;

  r4_fifo #(
    .Width(NoteBits),
    .Depth(NoteDepth)
  ) u_notes (
    .clk_i,
    .rst_ni,
    .x_valid_i(go),
    .x_ready_o(note_ready),
    .x_data_i ({burst_final_q, burst_end_q, burst_first_q}),
    .y_valid_o(note_valid),
    .y_ready_i(m_axi_rvalid && m_axi_rlast),
    .y_data_o ({note_final, note_end, note_first})
  );

  assign m_axi_rready = 1'b1;
  assign beat_last    = note_final && m_axi_rlast;
  assign beat_from    = beat_first_q ? note_first : '0;
  assign beat_to      = beat_last ? note_end : '1;
  assign beat_bytes   = {1'b0, beat_to} - {1'b0, beat_from} + 1'b1;

  always_ff @(posedge clk_i) begin
    if (!rst_ni)           beat_first_q <= 1'b1;
    else if (m_axi_rvalid) beat_first_q <= m_axi_rlast;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) error_o <= 1'b0;
    else         error_o <= m_axi_rvalid && m_axi_rresp[1];
  end

  logic fifo_valid;
  r4_fifo #(
    .Width     (BeatBits),
    .Depth     (FifoDepth),
    .MemoryKind(1)
  ) u_words (
    .clk_i,
    .rst_ni,
    .x_valid_i(m_axi_rvalid),
    .x_ready_o(beat_ready),
    .x_data_i ({beat_last, beat_bytes, beat_from, m_axi_rdata}),
    .y_valid_o(fifo_valid),
    .y_ready_i(y_ready_i || drop),
    .y_data_o ({y_last_o, y_bytes_o, y_first_o, y_data_o})
  );

  assign y_valid_o = fifo_valid && !drop;
  assign pop       = fifo_valid && (y_ready_i || drop);
  assign empty     = room_q == RoomBits'(FifoDepth);
  assign idle_o    = !run_q && !burst_q && empty;

  logic unused;
  assign unused = ^{m_axi_rresp[0], note_valid, beat_ready};

`ifndef SYNTHESIS
  AR_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_arvalid && !m_axi_arready |=> m_axi_arvalid && $stable(m_axi_araddr) && $stable(m_axi_arlen));
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    y_valid_o && !y_ready_i |=> abort_i || (y_valid_o && $stable({y_data_o, y_first_o, y_bytes_o, y_last_o})));
  // What comes without having been asked for is not held against this cell.
  ROOM : assert property (@(posedge clk_i) disable iff (!rst_ni) m_axi_rvalid |-> beat_ready && note_valid);
  PAGE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_arvalid |-> 32'(m_axi_araddr[11:0]) + (32'(m_axi_arlen) + 1) * (DataWidth / 8) <= 4096);
`endif
endmodule
