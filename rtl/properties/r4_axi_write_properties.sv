// SPDX-License-Identifier: Apache-2.0
//
// Formal properties of r4_axi_write: the cell, free inputs that keep its contract, and a memory that takes addresses
// and words and answers whenever it likes. Read by Yosys with -formal (tests/cells/test_axi_proofs.py). Small parameters.
// Inputs that the contract rules out are cut by gates rather than by assumptions, so that no proof is void.

module r4_axi_write_properties #(
  parameter int unsigned AddrWidth = 13,
  parameter int unsigned DataWidth = 16,
  parameter int unsigned MaxBeats  = 4
) (
  input logic                         clk_i,
  input logic                         start_i,
  input logic [AddrWidth-1:0]         addr_i,
  input logic                         x_valid_i,
  input logic [$clog2(DataWidth)-4:0] x_tail_i,
  input logic                         x_last_i,
  input logic                         abort_i,
  input logic                         awready_i,
  input logic                         wready_i,
  input logic                         answer_i,
  input logic [1:0]                   bresp_i
);
  localparam int unsigned FifoDepth = 4;  // the words of memory have names of their own below
  localparam int unsigned Bytes    = DataWidth / 8;
  localparam int unsigned ByteBits = $clog2(Bytes);
  localparam int unsigned WordBits = AddrWidth - ByteBits;
  localparam int unsigned LenBits  = $clog2(MaxBeats);
  localparam int unsigned PlaceBits = $clog2(FifoDepth);
  localparam int unsigned HeldBits = $clog2(FifoDepth / MaxBeats + 3);
  localparam int unsigned Bursts   = FifoDepth / MaxBeats + 2;  // of which words can be held
  localparam int unsigned Most     = 31;                        // that can wait for their response

  // Reset in the first cycle alone.
  logic past_q = 1'b0;
  logic rst_n;
  assign rst_n = past_q;
  always_ff @(posedge clk_i) past_q <= 1'b1;

  logic x_ready, done, idle, error, aw_valid, w_last, w_valid, b_ready, b_valid, start;
  logic [AddrWidth-1:0] aw_addr;
  logic [7:0] aw_len;
  logic [2:0] aw_size;
  logic [1:0] aw_burst;
  logic [DataWidth-1:0] w_data;
  logic [Bytes-1:0] w_strb;
  assign start = start_i && idle && !abort_i;

  r4_axi_write #(
    .AddrWidth(AddrWidth),
    .DataWidth(DataWidth),
    .MaxBeats (MaxBeats),
    .FifoDepth(FifoDepth)
  ) u_cell (
    .clk_i,
    .rst_ni       (rst_n),
    .start_i      (start),
    .addr_i,
    .x_valid_i,
    .x_ready_o    (x_ready),
    .x_data_i     (DataWidth'(0)),
    .x_bytes_i    (x_last_i ? {1'b0, x_tail_i} + 1'b1 : (ByteBits + 1)'(Bytes)),
    .x_last_i,
    .abort_i,
    .done_o       (done),
    .idle_o       (idle),
    .error_o      (error),
    .m_axi_awaddr (aw_addr),
    .m_axi_awlen  (aw_len),
    .m_axi_awsize (aw_size),
    .m_axi_awburst(aw_burst),
    .m_axi_awvalid(aw_valid),
    .m_axi_awready(awready_i),
    .m_axi_wdata  (w_data),
    .m_axi_wstrb  (w_strb),
    .m_axi_wlast  (w_last),
    .m_axi_wvalid (w_valid),
    .m_axi_wready (wready_i),
    .m_axi_bresp  (bresp_i),
    .m_axi_bvalid (b_valid),
    .m_axi_bready (b_ready)
  );

  // -- the memory -----------------------------------------------------------------------------------------------
  // Bursts offered whose words have not all come: their lengths, in order. The newest waits at the place of count_q.
  logic [7:0] lens_q [Bursts];
  logic [3:0] count_q = '0, count;
  logic [7:0] sent_q = '0, len_0;
  logic aw_held_q = 1'b0, offer, sent_last;
  assign offer     = aw_valid && !aw_held_q;
  assign count     = count_q + 4'(offer);
  assign len_0     = count_q == '0 ? aw_len : lens_q[0];
  assign sent_last = w_valid && wready_i && w_last;
  // Responses are due to bursts whose address and whose words were taken.
  logic [5:0] addressed_q = '0, worded_q = '0, due;
  assign due     = addressed_q < worded_q ? addressed_q : worded_q;
  assign b_valid = answer_i && due != '0;

  always_ff @(posedge clk_i) begin
    aw_held_q <= rst_n && aw_valid && !awready_i;
    if (rst_n) begin
      count_q     <= count - 4'(sent_last);
      addressed_q <= addressed_q + 6'(aw_valid && awready_i) - 6'(b_valid);
      worded_q    <= worded_q + 6'(sent_last) - 6'(b_valid);
      if (w_valid && wready_i) sent_q <= w_last ? 8'd0 : sent_q + 8'd1;
      for (int i = 0; i < int'(Bursts); i++) begin
        if (offer && 4'(i) == count_q - 4'(sent_last))        lens_q[i] <= aw_len;
        else if (sent_last && i + 1 < int'(Bursts))           lens_q[i] <= lens_q[i+1];
      end
    end
  end

  // -- the job: where the next burst must begin, and how many of its words wait for one -----------------------------
  logic [WordBits-1:0] next_q;
  logic [7:0] wait_q = '0, waiting;    // words taken, not in a burst that was offered
  logic first_q = 1'b1, job_q = 1'b0, ended_q = 1'b0, lost_q = 1'b0, take;
  assign take    = x_valid_i && x_ready && !abort_i;
  assign waiting = wait_q - (offer ? aw_len + 8'd1 : 8'd0);
  always_ff @(posedge clk_i) begin
    if (rst_n) begin
      if (start)                                                     job_q <= 1'b1;
      else if (idle)                                                 job_q <= 1'b0;
      if (start)                                                     next_q <= addr_i[AddrWidth-1:ByteBits];
      else if (aw_valid && awready_i)                                next_q <= next_q + WordBits'(aw_len) + 1'b1;
      if (start)                                                     first_q <= 1'b1;
      else if (aw_valid && awready_i)                                first_q <= 1'b0;
      if (start)                                                     ended_q <= 1'b0;
      else if (take && x_last_i)                                     ended_q <= 1'b1;
      lost_q <= !start && (lost_q || abort_i);
      wait_q <= abort_i ? '0 : waiting + 8'(take);
    end
  end

  // -- the cycle before ------------------------------------------------------------------------------------------
  logic w_held_q = 1'b0, quiet_q = 1'b0, bad_q = 1'b0, live_q = 1'b0, done_q = 1'b0;
  logic [AddrWidth-1:0] aw_addr_q;
  logic [7:0] aw_len_q;
  logic [DataWidth+Bytes:0] w_q, w;
  assign w = {w_data, w_strb, w_last};
  always_ff @(posedge clk_i) begin
    live_q    <= rst_n;
    aw_addr_q <= aw_addr;
    aw_len_q  <= aw_len;
    w_held_q  <= rst_n && w_valid && !wready_i;
    w_q       <= w;
    quiet_q   <= rst_n && abort_i && !aw_valid;
    bad_q     <= rst_n && b_valid && bresp_i[1];
    done_q    <= rst_n && done;
  end

  // -- what the proof needs of the cell's insides: names of wires and memory words, as flatten makes them ---------------
  (* hierconn *) wire \u_cell.busy_q ;
  (* hierconn *) wire \u_cell.taking_q ;
  (* hierconn *) wire \u_cell.drop_q ;
  (* hierconn *) wire \u_cell.fifo_valid ;
  (* hierconn *) wire \u_cell.word_last ;
  (* hierconn *) wire [LenBits-1:0] \u_cell.place_q ;
  (* hierconn *) wire [HeldBits-1:0] \u_cell.whole_q ;
  (* hierconn *) wire [HeldBits-1:0] \u_cell.send_q ;
  (* hierconn *) wire [4:0] \u_cell.open_q ;
  (* hierconn *) wire [WordBits-1:0] \u_cell.word_q ;
  (* hierconn *) wire [PlaceBits-1:0] \u_cell.read_q ;
  (* hierconn *) wire [PlaceBits-1:0] \u_cell.write_q ;
  (* hierconn *) wire [PlaceBits:0] \u_cell.kept_q ;
  logic busy, taking, drop, fifo;
  logic [PlaceBits-1:0] behind;
  assign behind = \u_cell.read_q + \u_cell.kept_q [PlaceBits-1:0];
  logic [7:0] kept;
  assign busy   = \u_cell.busy_q ;
  assign taking = \u_cell.taking_q ;
  assign drop   = \u_cell.drop_q ;
  assign fifo   = \u_cell.fifo_valid ;
  assign kept   = 8'(\u_cell.kept_q );

  // The two flags of every word in memory: last of its burst, last of its job.
  (* hierconn *) wire [DataWidth+1:0] \u_cell.mem[0] ;
  (* hierconn *) wire [DataWidth+1:0] \u_cell.mem[1] ;
  (* hierconn *) wire [DataWidth+1:0] \u_cell.mem[2] ;
  (* hierconn *) wire [DataWidth+1:0] \u_cell.mem[3] ;
  logic [FifoDepth-1:0] finals, lasts;
  assign finals = {\u_cell.mem[3] [DataWidth], \u_cell.mem[2] [DataWidth], \u_cell.mem[1] [DataWidth],
                   \u_cell.mem[0] [DataWidth]};
  assign lasts  = {\u_cell.mem[3] [DataWidth+1], \u_cell.mem[2] [DataWidth+1], \u_cell.mem[1] [DataWidth+1],
                   \u_cell.mem[0] [DataWidth+1]};

  // All words held, from the next that goes on: first those of bursts that were offered, then the others.
  logic [WordBits-1:0] unasked, after;  // address of the first of the others; as the cell has it
  assign unasked = aw_valid ? next_q + WordBits'(aw_len) + 1'b1 : next_q;
  assign after   = aw_valid ? {\u_cell.word_q [WordBits-1:LenBits] + 1'b1, LenBits'(0)} : \u_cell.word_q ;

  logic ok_lens, ok_asked, ok_unasked, ok_flags, one_final, one_last;
  logic [3:0] burst;
  logic [7:0] place, others, wholes, held;
  logic [PlaceBits-1:0] at;
  logic [LenBits-1:0] where;
  always_comb begin
    ok_lens    = 1'b1;
    for (int i = 0; i < int'(Bursts); i++) ok_lens = ok_lens && (4'(i) >= count_q || lens_q[i] < 8'(MaxBeats));
    ok_asked   = 1'b1;
    ok_unasked = 1'b1;
    ok_flags   = 1'b1;
    burst      = '0;
    place      = sent_q;
    others     = '0;
    wholes     = '0;
    where      = unasked[LenBits-1:0];
    held       = kept + 8'(fifo);
    at         = \u_cell.read_q ;
    for (int j = 0; j <= int'(FifoDepth); j++) begin
      one_final = finals[at];
      one_last  = lasts[at];
      if (j == 0 && fifo) begin
        one_final = w_last;
        one_last  = \u_cell.word_last ;
      end else begin
        at = at + 1'b1;
      end
      if (8'(j) < held) begin
        ok_flags = ok_flags && (!one_last || (one_final && ended_q && 8'(j) + 8'd1 == held)) &&
                   (!busy || !ended_q || 8'(j) + 8'd1 != held || one_last);
        if (burst < count) begin
          ok_asked = ok_asked && one_final == (place == (burst < count_q ? lens_q[burst] : aw_len));
          // Only the first and the last burst of a job are short.
          ok_asked = ok_asked && (!one_final || one_last || burst == '0 || place == 8'(MaxBeats - 1));
          place    = one_final ? 8'd0 : place + 8'd1;
          burst    = burst + 4'(one_final);
        end else begin
          ok_unasked = ok_unasked && one_final == (where == '1 || (ended_q && 8'(j) + 8'd1 == held));
          others     = others + 8'd1;
          wholes     = wholes + 8'(one_final);
          where      = where + 1'b1;
        end
      end
    end
  end

  always_comb begin
    is_new      : assert (rst_n || (count_q == '0 && sent_q == '0 && addressed_q == '0 && worded_q == '0 &&
                                    wait_q == '0 && !aw_held_q && first_q && !job_q && !ended_q && !lost_q));
    if (rst_n) begin
      is_kept   : assert (kept <= 8'(FifoDepth) && \u_cell.write_q == behind);
      is_state  : assert ((!busy || (job_q && !lost_q && !drop && taking == !ended_q && !done)) && (!taking || busy));
      is_job    : assert (!job_q || busy || done || lost_q);
      is_empty  : assert (busy || drop || (held == '0 && \u_cell.open_q == '0 && \u_cell.whole_q == '0));
      is_send   : assert (8'(\u_cell.send_q ) == 8'(count) && 8'(count) <= 8'(Bursts));
      is_open   : assert (6'(\u_cell.open_q ) == addressed_q + 6'(aw_valid) && 6'(\u_cell.open_q ) == worded_q + 6'(count));
      is_asked  : assert (ok_asked && burst == count && ok_lens && (count == '0 ? sent_q == '0 : sent_q <= len_0));
      is_others : assert (drop || (ok_unasked && others == waiting && wholes == 8'(\u_cell.whole_q )));
      is_lost   : assert (!drop || (waiting == '0 && \u_cell.whole_q == '0));
      is_flags  : assert (ok_flags);
      is_place  : assert (!busy || (taking ? \u_cell.place_q == where
                                           : others == '0 || \u_cell.place_q == where - 1'b1));
      is_word   : assert (!aw_valid || \u_cell.word_q == next_q);
      is_first  : assert (!first_q || count <= 4'(aw_valid));
      is_begun  : assert (!busy || first_q || !(taking || others != '0 || aw_valid) || next_q[LenBits-1:0] == '0);
      is_after  : assert (!busy || !(taking || others != '0) || unasked == after);
      is_block  : assert (!aw_valid || 8'(next_q[LenBits-1:0]) + aw_len < 8'(MaxBeats));
    end
  end

  always_comb begin
    if (rst_n) begin
      aw_stays  : assert (!aw_held_q || (aw_valid && aw_addr == aw_addr_q && aw_len == aw_len_q));
      aw_length : assert (!aw_valid || aw_len < 8'(MaxBeats));
      aw_page   : assert (!aw_valid || 32'(aw_addr[11:0]) + (32'(aw_len) + 1) * Bytes <= 4096);
      aw_words  : assert (!aw_valid || (aw_addr[ByteBits-1:0] == '0 && aw_size == 3'(ByteBits) && aw_burst == 2'b01));
      aw_next   : assert (!aw_valid || aw_addr[AddrWidth-1:ByteBits] == next_q);
      aw_data   : assert (!offer || wait_q >= aw_len + 8'd1);  // its words are here
      aw_quiet  : assert (!quiet_q || !aw_valid);
      w_stays   : assert (!w_held_q || (w_valid && w == w_q));
      w_after   : assert (!w_valid || count != '0);            // never before its address is offered
      w_beats   : assert (!w_valid || w_last == (sent_q == len_0));
      w_strobes : assert (!w_valid || (w_strb[0] && (w_strb & (w_strb + 1'b1)) == '0));
      w_full    : assert (!w_valid || w_last || w_strb == '1);
      b_taken   : assert (b_ready);
      b_few     : assert (addressed_q <= 6'(Most) && worded_q <= 6'(Most));
      done_all  : assert (!done || (ended_q && !aw_valid && !w_valid && count == '0 && addressed_q == '0 &&
                                    worded_q == '0 && wait_q == '0));
      done_stay : assert (!done_q || done || job_q);           // until start_i
      done_lost : assert (!done || done_q || !lost_q);         // never after abort_i
      idle_none : assert (!idle || (!aw_valid && !w_valid && count == '0 && addressed_q == '0 && worded_q == '0));
      idle_job  : assert (!job_q || !idle || done || lost_q);  // a job ends by done_o or by abort_i
      error_is  : assert (!live_q || error == bad_q);
    end
  end
endmodule
