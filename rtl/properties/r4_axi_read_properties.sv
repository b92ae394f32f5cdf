// SPDX-License-Identifier: Apache-2.0
//
// Formal properties of r4_axi_read: the cell, free inputs, and a memory that answers whatever it is asked, whenever it
// likes. Read by Yosys with -formal (tests/cells/test_axi_proofs.py). Small parameters; runs of at most MostBytes.
// An assertion's message is its name.

module r4_axi_read_properties #(
  parameter int unsigned AddrWidth = 13,
  parameter int unsigned DataWidth = 16,
  parameter int unsigned MaxBeats  = 4,
  parameter int unsigned FifoDepth = 6,
  parameter int unsigned MostBits  = 4,
  parameter bit          Whole     = 1'b1  // counts whole runs too: what is owed at y
) (
  input logic                 clk_i,
  input logic                 run_valid_i,
  input logic [AddrWidth-1:0] run_addr_i,
  input logic [MostBits-1:0]  run_bytes_i,
  input logic                 y_ready_i,
  input logic                 abort_i,
  input logic                 arready_i,
  input logic                 answer_i,
  input logic [1:0]           rresp_i
);
  localparam int unsigned Bytes     = DataWidth / 8;
  localparam int unsigned ByteBits  = $clog2(Bytes);
  localparam int unsigned LenBits   = $clog2(MaxBeats);
  localparam int unsigned CountBits = $clog2(FifoDepth + 1);

  // Reset in the first cycle alone.
  logic past_q = 1'b0;
  logic rst_n;
  assign rst_n = past_q;
  always_ff @(posedge clk_i) past_q <= 1'b1;

  logic run_ready, y_valid, y_last, idle, error, ar_valid, r_ready;
  logic [DataWidth-1:0] y_data;
  logic [ByteBits-1:0] y_first;
  logic [ByteBits:0] y_bytes;
  logic [AddrWidth-1:0] ar_addr;
  logic [7:0] ar_len;
  logic [2:0] ar_size;
  logic [1:0] ar_burst;
  logic r_valid, r_last;

  r4_axi_read #(
    .AddrWidth(AddrWidth),
    .DataWidth(DataWidth),
    .MaxBeats (MaxBeats),
    .FifoDepth(FifoDepth)
  ) u_cell (
    .clk_i,
    .rst_ni       (rst_n),
    .run_valid_i,
    .run_ready_o  (run_ready),
    .run_addr_i,
    .run_bytes_i  ({{(32 - MostBits) {1'b0}}, run_bytes_i}),
    .y_valid_o    (y_valid),
    .y_ready_i,
    .y_data_o     (y_data),
    .y_first_o    (y_first),
    .y_bytes_o    (y_bytes),
    .y_last_o     (y_last),
    .abort_i,
    .idle_o       (idle),
    .error_o      (error),
    .m_axi_araddr (ar_addr),
    .m_axi_arlen  (ar_len),
    .m_axi_arsize (ar_size),
    .m_axi_arburst(ar_burst),
    .m_axi_arvalid(ar_valid),
    .m_axi_arready(arready_i),
    .m_axi_rdata  (DataWidth'(0)),
    .m_axi_rresp  (rresp_i),
    .m_axi_rlast  (r_last),
    .m_axi_rvalid (r_valid),
    .m_axi_rready (r_ready)
  );

  // -- the memory: bursts in order, their words at any pace. The newest waits at the place that count_q says ---------
  logic [7:0] lens_q [FifoDepth];
  logic [CountBits-1:0] count_q = '0;
  logic [7:0] sent_q = '0;
  logic push, pop;
  assign push    = ar_valid && arready_i;
  assign r_valid = answer_i && count_q != '0;
  assign r_last  = sent_q == lens_q[0];
  assign pop     = r_valid && r_last;

  always_ff @(posedge clk_i) begin
    if (rst_n) begin
      count_q <= count_q + CountBits'(push) - CountBits'(pop);
      if (r_valid) sent_q <= r_last ? 8'd0 : sent_q + 8'd1;
      for (int i = 0; i < int'(FifoDepth); i++) begin
        if (push && CountBits'(i) == count_q - CountBits'(pop)) lens_q[i] <= ar_len;
        else if (pop && i + 1 < int'(FifoDepth))                lens_q[i] <= lens_q[i+1];
      end
    end
  end

  // -- the cycle before ------------------------------------------------------------------------------------------
  logic ar_held_q = 1'b0, y_held_q = 1'b0, quiet_q = 1'b0, bad_q = 1'b0, live_q = 1'b0, run_q = 1'b0;
  logic [AddrWidth-1:0] ar_addr_q;
  logic [7:0] ar_len_q;
  logic [DataWidth+2*ByteBits+1:0] y_q, y;
  assign y = {y_data, y_first, y_bytes, y_last};
  always_ff @(posedge clk_i) begin
    live_q    <= rst_n;
    ar_held_q <= rst_n && ar_valid && !arready_i;
    ar_addr_q <= ar_addr;
    ar_len_q  <= ar_len;
    y_held_q  <= rst_n && y_valid && !y_ready_i;
    y_q       <= y;
    quiet_q   <= rst_n && abort_i && !ar_valid;
    bad_q     <= rst_n && r_valid && rresp_i[1];
  end

  // -- what the proof needs of the cell's insides: names of wires, as flatten makes them -----------------------------
  (* hierconn *) wire \u_cell.pop ;
  (* hierconn *) wire \u_cell.beat_ready ;
  (* hierconn *) wire \u_cell.note_valid ;
  (* hierconn *) wire \u_cell.fifo_valid ;
  (* hierconn *) wire \u_cell.burst_q ;
  (* hierconn *) wire [CountBits-1:0] \u_cell.room_q ;
  (* hierconn *) wire [LenBits-1:0] \u_cell.burst_len_q ;
  (* hierconn *) wire [AddrWidth-ByteBits-1:0] \u_cell.burst_word_q ;
  (* hierconn *) wire [CountBits-1:0] \u_cell.u_words.genblk5.gen_memory.gen_block.beats_q ;
  (* hierconn *) wire \u_cell.u_words.genblk5.gen_memory.gen_block.full_q ;
  (* hierconn *) wire [CountBits-1:0] \u_cell.u_notes.genblk5.gen_memory.gen_distributed.kept_q ;
  (* hierconn *) wire \u_cell.u_notes.genblk5.gen_memory.gen_distributed.some_q ;
  (* hierconn *) wire \u_cell.u_notes.genblk5.gen_memory.gen_distributed.full_q ;
  logic [7:0] beats, kept, room;
  logic some, full, words_full;
  assign beats = 8'(\u_cell.u_words.genblk5.gen_memory.gen_block.beats_q );
  assign kept  = 8'(\u_cell.u_notes.genblk5.gen_memory.gen_distributed.kept_q );
  assign some  = \u_cell.u_notes.genblk5.gen_memory.gen_distributed.some_q ;
  assign full  = \u_cell.u_notes.genblk5.gen_memory.gen_distributed.full_q ;
  assign words_full = \u_cell.u_words.genblk5.gen_memory.gen_block.full_q ;
  assign room  = 8'(\u_cell.room_q );

  // Words asked for (from the first cycle of arvalid on) and not yet gone from the FIFO.
  logic [7:0] held_q = '0, held;
  assign held = held_q + (ar_valid && !ar_held_q ? ar_len + 8'd1 : 8'd0);
  always_ff @(posedge clk_i) begin
    if (rst_n) held_q <= held - 8'(\u_cell.pop );
  end

  // Of these, words that the memory has not sent.
  logic [7:0] flight;
  logic lens_short;
  always_comb begin
    flight     = (ar_valid ? ar_len + 8'd1 : 8'd0) - sent_q;
    lens_short = 1'b1;
    for (int i = 0; i < int'(FifoDepth); i++) begin
      if (CountBits'(i) < count_q) begin
        flight     = flight + lens_q[i] + 8'd1;
        lens_short = lens_short && lens_q[i] < 8'(MaxBeats);
      end
    end
  end

  always_comb begin
    is_new      : assert (rst_n || (count_q == '0 && sent_q == '0 && held_q == '0 && !ar_held_q));
    if (rst_n) begin
      is_room   : assert (room + held == 8'(FifoDepth) && room <= 8'(FifoDepth));
      is_held   : assert (held == flight + beats && beats <= 8'(FifoDepth) && flight <= 8'(FifoDepth));
      is_sent   : assert (lens_short && (count_q == '0 ? sent_q == '0 : sent_q <= lens_q[0]));
      is_count  : assert (8'(count_q) + 8'(ar_valid) <= 8'(FifoDepth));
      is_notes  : assert (kept + 8'(\u_cell.note_valid ) == 8'(count_q) + 8'(ar_valid));
      is_kept   : assert (some == (kept != '0) && full == (kept == 8'(FifoDepth - 1)) && kept < 8'(FifoDepth));
      is_some   : assert (!some || \u_cell.note_valid );
      is_valid  : assert (!\u_cell.fifo_valid || beats != '0);
      is_full   : assert (words_full == (beats == 8'(FifoDepth)));
      is_burst  : assert (!\u_cell.burst_q ||
                          32'(\u_cell.burst_word_q [11-ByteBits:0]) + 32'(\u_cell.burst_len_q ) < 4096 / Bytes);
    end
  end

  always_comb begin
    if (rst_n) begin
      ar_stays  : assert (!ar_held_q || (ar_valid && ar_addr == ar_addr_q && ar_len == ar_len_q));
      ar_length : assert (!ar_valid || ar_len < 8'(MaxBeats));
      ar_page   : assert (!ar_valid || 32'(ar_addr[11:0]) + (32'(ar_len) + 1) * Bytes <= 4096);
      ar_words  : assert (!ar_valid || (ar_addr[ByteBits-1:0] == '0 && ar_size == 3'(ByteBits) && ar_burst == 2'b01));
      ar_quiet  : assert (!quiet_q || !ar_valid);
      fits      : assert (held <= 8'(FifoDepth));
      memory    : assert (32'(count_q) <= FifoDepth);
      r_taken   : assert (r_ready && (!r_valid || (\u_cell.beat_ready && \u_cell.note_valid )));
      y_stays   : assert (!y_held_q || abort_i || (y_valid && y == y_q));
      idle_none : assert (!idle || (!ar_valid && count_q == '0 && held_q == '0 && !y_valid));
      error_is  : assert (!live_q || error == bad_q);
    end
  end

  // -- whole runs: every word of every run comes, and its last is marked; until the first abort -----------------------
  if (Whole) begin : gen_whole
    localparam int unsigned OwedBits = MostBits + 6;
    logic aborted_q = 1'b0;
    logic [OwedBits-1:0] words_q = '0, bytes_q = '0, lasts_q = '0, words;
    logic take, give;
    assign take  = run_valid_i && run_ready && run_bytes_i != '0;
    assign give  = y_valid && y_ready_i;
    assign words = (OwedBits'(run_addr_i[ByteBits-1:0]) + OwedBits'(run_bytes_i) + OwedBits'(Bytes - 1)) >> ByteBits;
    always_ff @(posedge clk_i) begin
      if (rst_n) begin
        aborted_q <= aborted_q || abort_i;
        words_q   <= words_q + (take ? words : '0) - OwedBits'(give);
        bytes_q   <= bytes_q + (take ? OwedBits'(run_bytes_i) : '0) - (give ? OwedBits'(y_bytes) : '0);
        lasts_q   <= lasts_q + OwedBits'(take) - OwedBits'(give && y_last);
      end
    end
    always_comb begin
      if (rst_n) begin
        y_inside   : assert (!y_valid || (y_bytes != '0 && 32'(y_first) + 32'(y_bytes) <= Bytes));
        y_whole    : assert (!y_valid || y_last || 32'(y_first) + 32'(y_bytes) == Bytes);
      end
      if (rst_n && !aborted_q && !abort_i) begin
        owed_words : assert (!y_valid || words_q != '0);
        owed_bytes : assert (!y_valid || bytes_q >= OwedBits'(y_bytes));
        owed_last  : assert (!y_valid || lasts_q != '0);
        idle_all   : assert (!idle || (words_q == '0 && bytes_q == '0 && lasts_q == '0));
      end
    end
  end
endmodule
