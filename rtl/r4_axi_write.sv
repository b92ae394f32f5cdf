// SPDX-License-Identifier: Apache-2.0
//
// AXI4 writer: the words of a job go to consecutive addresses.
// Job:        start_i (one cycle, only while idle_o) takes addr_i, a multiple of the word: its low bits are ignored.
//             Words follow on x; x_last_i ends the job. x_bytes_i: how many bytes of the word are written, from the
//             lowest on; all of them but with x_last_i, where it is at least 1. No word is taken outside a job.
// Bursts:     INCR, whole words, at most MaxBeats; they end at multiples of MaxBeats words, so none crosses 4 KiB. A
//             burst is asked for once all of its words are here, so it never waits for x; its words follow m_axi_awvalid.
//             At most 31 bursts wait for their response.
// Throughput: 1 word/cycle.
// done_o:     high from 2 cycles after the last response until start_i; not after a job that was aborted.
// error_o:    1 in the cycle after each response of SLVERR or DECERR.
// abort_i:    no burst is asked for any more; those asked for are completed; all other words, and those offered while
//             abort_i is high, are dropped. This goes on after abort_i until idle_o, but words then wait.
// idle_o:     no job, no word held, no response awaited. Low from the cycle after start_i.
// Every output but m_axi_wstrb and m_axi_wvalid (one gate) and x_ready_o (abort_i) comes from registers.

module r4_axi_write #(
  parameter int unsigned AddrWidth = 40,
  parameter int unsigned DataWidth = 128,
  parameter int unsigned MaxBeats  = 16,
  parameter int unsigned FifoDepth = 64
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,

  input  logic                         start_i,
  input  logic [AddrWidth-1:0]         addr_i,

  input  logic                         x_valid_i,
  output logic                         x_ready_o,
  input  logic [DataWidth-1:0]         x_data_i,
  input  logic [$clog2(DataWidth)-3:0] x_bytes_i,
  input  logic                         x_last_i,

  input  logic                         abort_i,
  output logic                         done_o,
  output logic                         idle_o,
  output logic                         error_o,

  output logic [AddrWidth-1:0]         m_axi_awaddr,
  output logic [7:0]                   m_axi_awlen,
  output logic [2:0]                   m_axi_awsize,
  output logic [1:0]                   m_axi_awburst,
  output logic                         m_axi_awvalid,
  input  logic                         m_axi_awready,
  output logic [DataWidth-1:0]         m_axi_wdata,
  output logic [DataWidth/8-1:0]       m_axi_wstrb,
  output logic                         m_axi_wlast,
  output logic                         m_axi_wvalid,
  input  logic                         m_axi_wready,
  input  logic [1:0]                   m_axi_bresp,
  input  logic                         m_axi_bvalid,
  output logic                         m_axi_bready
);

  if (DataWidth < 16 || DataWidth > 1024 || DataWidth != 2 ** $clog2(DataWidth)) begin : gen_check_width
    $fatal(1, "r4_axi_write: DataWidth (%0d) must be a power of two from 16 to 1024", DataWidth);
  end
  if (MaxBeats < 2 || MaxBeats > 256 || MaxBeats != 2 ** $clog2(MaxBeats) || MaxBeats * DataWidth > 32768)
  begin : gen_check_beats
    $fatal(1, "r4_axi_write: MaxBeats (%0d) must be a power of two from 2 to 256, of at most 4096 bytes", MaxBeats);
  end
  if (FifoDepth < MaxBeats || FifoDepth != 2 ** $clog2(FifoDepth)) begin : gen_check_depth
    $fatal(1, "r4_axi_write: FifoDepth (%0d) must be a power of two, at least MaxBeats (%0d)", FifoDepth, MaxBeats);
  end
  if (AddrWidth < 13 || AddrWidth > 64) begin : gen_check_address
    $fatal(1, "r4_axi_write: AddrWidth (%0d) must be 13 to 64", AddrWidth);
  end

  localparam int unsigned ByteBits = $clog2(DataWidth) - 3;  // of a byte's index in a word
  localparam int unsigned WordBits = AddrWidth - ByteBits;   // of a word's address
  localparam int unsigned LenBits  = $clog2(MaxBeats);
  localparam int unsigned PlaceBits = $clog2(FifoDepth);
  // Bursts of which words are held: all but the first and the last of a job are of MaxBeats.
  localparam int unsigned HeldBits = $clog2(FifoDepth / MaxBeats + 3);
  localparam int unsigned OpenBits = 5;

  // After abort_i until all is drained.
  logic drop_q, drop, empty;
  assign drop = abort_i || drop_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) drop_q <= 1'b0;
    else         drop_q <= drop && !empty;
  end

  // -- words in: counted into bursts -----------------------------------------------------------------------------
  logic busy_q;                // a job, until its last response
  logic taking_q;              // it has more words to come
  logic [LenBits-1:0] place_q;    // the next word's address modulo MaxBeats; at the end, the last word's
  logic [ByteBits-1:0] tail_q;    // index of the last valid byte of the last word
  logic [HeldBits-1:0] whole_q;   // bursts whose words are all here and that were not asked for
  logic push, push_final, fifo_ready, ask, finished;

  assign x_ready_o  = abort_i || (taking_q && fifo_ready && !drop_q);
  assign push       = x_valid_i && taking_q && fifo_ready && !drop;
  assign push_final = place_q == '1 || x_last_i;  // of its burst

  always_ff @(posedge clk_i) begin
    if (!rst_ni || drop) begin
      busy_q   <= 1'b0;
      taking_q <= 1'b0;
    end else begin
      if (start_i)                busy_q <= 1'b1;
      else if (finished)          busy_q <= 1'b0;
      if (start_i)                taking_q <= 1'b1;
      else if (push && x_last_i)  taking_q <= 1'b0;
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni)                 done_o <= 1'b0;
    else if (start_i)            done_o <= 1'b0;
    else if (finished && !drop)  done_o <= 1'b1;
  end
  always_ff @(posedge clk_i) begin
    if (start_i)                 place_q <= addr_i[ByteBits+:LenBits];
    else if (push && !x_last_i)  place_q <= place_q + 1'b1;
    if (push && x_last_i)        tail_q <= ByteBits'(x_bytes_i - 1'b1);
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni || drop) whole_q <= '0;
    else                 whole_q <= whole_q + HeldBits'(push && push_final) - HeldBits'(ask);
  end

  // -- the address channel ---------------------------------------------------------------------------------------
  logic [WordBits-1:0] word_q;  // of the burst that is asked for, or of the next
  logic [LenBits-1:0]  len_q;
  logic [OpenBits-1:0] open_q;  // bursts asked for whose response has not come
  logic final_burst;

  assign ask         = whole_q != '0 && !m_axi_awvalid && open_q != '1 && !drop;
  assign final_burst = !taking_q && whole_q == HeldBits'(1);

  assign m_axi_awaddr  = {word_q, ByteBits'(0)};
  assign m_axi_awlen   = 8'(len_q);
  assign m_axi_awsize  = 3'(ByteBits);
  assign m_axi_awburst = 2'b01;

  always_ff @(posedge clk_i) begin
    if (!rst_ni)            m_axi_awvalid <= 1'b0;
    else if (ask)           m_axi_awvalid <= 1'b1;
    else if (m_axi_awready) m_axi_awvalid <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (start_i)                             word_q <= addr_i[AddrWidth-1:ByteBits];
    else if (m_axi_awvalid && m_axi_awready) word_q <= {word_q[WordBits-1:LenBits] + 1'b1, LenBits'(0)};
    // The last word's place less the first one's; place_q is a whole burst ahead for all bursts but the last.
    if (ask) len_q <= (final_burst ? place_q : '1) - word_q[LenBits-1:0];
  end

  // -- the data channel --------------------------------------------------------------------------------------------
  logic [HeldBits-1:0] send_q;  // bursts asked for whose words have not all gone
  logic fifo_valid, give, send_last, word_last;

  // A word waits in memory, then in a register; r4_fifo's way past an empty memory costs a LUT for every bit.
  logic [PlaceBits-1:0] write_q, read_q;
  logic [PlaceBits:0]   kept_q;  // words in memory
  logic read;
  assign fifo_ready = kept_q != (PlaceBits + 1)'(FifoDepth);
  assign read       = kept_q != '0 && (give || !fifo_valid);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_q    <= '0;
      read_q     <= '0;
      kept_q     <= '0;
      fifo_valid <= 1'b0;
    end else begin
      if (push)                write_q <= write_q + 1'b1;
      if (read)                read_q <= read_q + 1'b1;
      if (push && !read)       kept_q <= kept_q + 1'b1;
      else if (read && !push)  kept_q <= kept_q - 1'b1;
      if (give || !fifo_valid) fifo_valid <= kept_q != '0;
    end
  end

  (* ram_style = "distributed" *) logic [DataWidth+1:0] mem [FifoDepth];
  always_ff @(posedge clk_i) begin
    if (push) mem[write_q] <= {x_last_i, push_final, x_data_i};
  end
  always_ff @(posedge clk_i) begin
    if (read) {word_last, m_axi_wlast, m_axi_wdata} <= mem[read_q];
  end

  assign m_axi_wvalid = fifo_valid && send_q != '0;
  assign give         = send_q != '0 ? m_axi_wready : drop;
  assign send_last    = m_axi_wvalid && m_axi_wready && m_axi_wlast;
  for (genvar i = 0; i < int'(DataWidth / 8); i++) begin : gen_strobe
    if (i == 0) begin : gen_always
      assign m_axi_wstrb[i] = 1'b1;
    end else begin : gen_tail
      assign m_axi_wstrb[i] = !word_last || tail_q >= ByteBits'(i);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) send_q <= '0;
    else         send_q <= send_q + HeldBits'(ask) - HeldBits'(send_last);
  end

  // -- responses -------------------------------------------------------------------------------------------------
  assign m_axi_bready = 1'b1;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) open_q <= '0;
    else         open_q <= open_q + OpenBits'(ask) - OpenBits'(m_axi_bvalid);
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) error_o <= 1'b0;
    else         error_o <= m_axi_bvalid && m_axi_bresp[1];
  end

  assign finished = busy_q && !taking_q && whole_q == '0 && open_q == '0;
  assign empty    = open_q == '0 && !fifo_valid && kept_q == '0;
  assign idle_o   = !busy_q && !drop_q && empty;

  logic unused;
  assign unused = ^{addr_i[ByteBits-1:0], x_bytes_i[ByteBits], m_axi_bresp[0]};

`ifndef SYNTHESIS
  AW_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_awvalid && !m_axi_awready |=> m_axi_awvalid && $stable(m_axi_awaddr) && $stable(m_axi_awlen));
  W_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_wvalid && !m_axi_wready |=>
      m_axi_wvalid && $stable(m_axi_wdata) && $stable(m_axi_wstrb) && $stable(m_axi_wlast));
  PAGE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_awvalid |-> 32'(m_axi_awaddr[11:0]) + (32'(m_axi_awlen) + 1) * (DataWidth / 8) <= 4096);
  RESPONSE : assert property (@(posedge clk_i) disable iff (!rst_ni) m_axi_bvalid |-> open_q != '0);
  BYTES : assert property (@(posedge clk_i) disable iff (!rst_ni)
    x_valid_i && taking_q |-> x_last_i ? x_bytes_i != '0 : x_bytes_i[ByteBits]);
  START : assert property (@(posedge clk_i) disable iff (!rst_ni) start_i |-> idle_o && !abort_i);
`endif
endmodule
