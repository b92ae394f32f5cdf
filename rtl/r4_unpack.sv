// SPDX-License-Identifier: Apache-2.0
//
// Words of a memory bus to chunks of counts: runs of bytes that start and end anywhere in a word.
// Words:      byte 0 at the LSB. x_first_i is the index of the first valid byte, x_bytes_i their number, x_last_i says
//             that the run ends here. A run's words are valid from byte 0 on but for its first, to their end but for
//             its last. x_first_i and x_bytes_i are multiples of Grain bytes: the finer, the more LUTs.
// Chunks:     ChunkBytes bytes, the first at the LSB.
// Split = 0:  the bytes of all runs are one stream; a chunk may lie in two runs or more.
// Split = 1:  a run's last chunk is filled up with bytes of no meaning; the next run starts a chunk.
// Latency:    2 cycles from the word that completes a chunk where the chunk lies in one word, else 1.
// Throughput: ceil(ChunkBytes / WordBytes) cycles a chunk, as long as the words are there; a run's end may take one more.
// clear_i is a reset.  The ready path is combinational from y_ready_i to x_ready_o.

module r4_unpack #(
  parameter int unsigned WordBytes  = 16,
  parameter int unsigned ChunkBytes = 2,
  parameter bit          Split      = 1'b0,
  parameter int unsigned Grain      = 1
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,
  input  logic                         clear_i,

  input  logic                         x_valid_i,
  output logic                         x_ready_o,
  input  logic [8*WordBytes-1:0]       x_data_i,
  input  logic [$clog2(WordBytes)-1:0] x_first_i,
  input  logic [$clog2(WordBytes):0]   x_bytes_i,
  input  logic                         x_last_i,

  output logic                         y_valid_o,
  input  logic                         y_ready_i,
  output logic [8*ChunkBytes-1:0]      y_data_o
);

  if (Grain == 0 || WordBytes < 2 * Grain || WordBytes != 2 ** $clog2(WordBytes) || WordBytes % Grain != 0)
  begin : gen_check_word
    $fatal(1, "r4_unpack: WordBytes (%0d) must be a power of two, and Grain (%0d) at most its half and divide it",
           WordBytes, Grain);
  end
  if (ChunkBytes == 0 || ChunkBytes % Grain != 0) begin : gen_check_chunk
    $fatal(1, "r4_unpack: ChunkBytes (%0d) must be a multiple of Grain (%0d)", ChunkBytes, Grain);
  end

  // All below counts in grains.
  localparam int unsigned Bits   = 8 * Grain;
  localparam int unsigned Words  = WordBytes / Grain;
  localparam int unsigned Parts  = ChunkBytes / Grain;
  localparam int unsigned Index  = $clog2(Words);
  localparam int unsigned Digits = (Index + 1) / 2;  // of an index, of two bits
  localparam int unsigned Lower  = $clog2(Grain);
  localparam int unsigned Filled = $clog2(Parts + 1);

  logic reset, en, step, give, take;
  assign reset = !rst_ni || clear_i;
  assign en    = y_ready_i || !y_valid_o;

  // -- the word at hand: avail_q grains from index at_q on ------------------------------------------------------
  logic                   valid_q, last_q;
  logic [8*WordBytes-1:0] word_q;
  logic [Index-1:0]       at_q;
  logic [Index:0]         avail_q;

  logic [Index-1:0] x_at;
  logic [Index:0]   x_avail;
  // avail_q + x_avail against want by one chain behind a carry-save adder of the three; by `gap` it were two chains.
  logic [Index+1:0] save, carry, less, least;
  logic             two_short, two_fit;
  assign save      = {1'b0, avail_q} ^ {1'b0, x_avail} ^ ~{1'b0, want};
  assign carry     = {(avail_q & x_avail) | (avail_q & ~want) | (x_avail & ~want), 1'b0};
  assign less      = save + {carry[Index+1:1], 1'b1};
  assign least     = save + carry;
  assign two_short = less[Index+1];
  assign two_fit   = least[Index+1];

  assign x_at    = x_first_i[Index+Lower-1:Lower];
  assign x_avail = x_bytes_i[Index+Lower:Lower];

  logic [Index:0] want;     // grains of this step, unless the run ends
  logic           fills;    // they complete the chunk
  logic           short_d;  // the word at hand has not so many
  logic           both;     // so the next one is needed too
  logic [Index-1:0] gap;    // and of it so many
  logic           ends;     // the run ends with this step
  logic           cut;      // and does so before `want` grains
  assign both      = short_d && !last_q;
  assign gap       = want[Index-1:0] - avail_q[Index-1:0];
  assign step      = en && valid_q && (!both || x_valid_i);
  assign cut       = short_d && (last_q || two_short);
  assign ends      = both ? x_last_i && two_fit : last_q && avail_q <= want;
  assign give      = step && ((fills && !cut) || (Split && ends));
  assign x_ready_o = !valid_q || (en && avail_q <= want);
  assign take      = x_valid_i && x_ready_o;

  always_ff @(posedge clk_i) begin
    if (reset)                      valid_q <= 1'b0;
    else if (!valid_q)              valid_q <= x_valid_i;
    else if (en && avail_q <= want) valid_q <= both ? !(x_valid_i && two_fit) : x_valid_i;
  end
  always_ff @(posedge clk_i) begin
    if (take) begin
      word_q <= x_data_i;
      last_q <= x_last_i;
    end
    // Of a word that is used up and that none follows, these have no meaning.
    if (take || step) begin
      if (!valid_q) begin
        at_q    <= x_at;
        avail_q <= x_avail;
      end else if (avail_q <= want) begin
        at_q    <= both ? gap : x_at;
        avail_q <= both ? less[Index:0] : x_avail;
      end else begin
        at_q    <= at_q + want[Index-1:0];
        avail_q <= avail_q - want;
      end
    end
  end

  // -- the chunk: its first filled_q grains are there ---------------------------------------------------------
  logic [Filled-1:0] filled_q;
  if (Parts == 1) begin : gen_single
    assign filled_q = '0;
    assign want     = (Index + 1)'(1);
    assign fills    = 1'b1;
    assign short_d  = 1'b0;
  end else if (Split && Parts <= Words) begin : gen_whole
    assign filled_q = '0;
    assign want     = (Index + 1)'(Parts);
    assign fills    = 1'b1;
    assign short_d  = avail_q < want;
  end else begin : gen_filled
    logic [Filled-1:0] left_q;  // Parts - filled_q
    assign fills   = 32'(left_q) <= Words;
    assign want    = fills ? (Index + 1)'(left_q) : (Index + 1)'(Words);
    assign short_d = avail_q < want;

    // A cut step moves less than the chunk needs, so no bit is lost.
    logic [Filled-1:0] moved;
    assign moved = !cut ? Filled'(want) : last_q ? Filled'(avail_q) : Filled'(avail_q) + Filled'(x_avail);
    always_ff @(posedge clk_i) begin
      if (reset || give) begin
        filled_q <= '0;
        left_q   <= Filled'(Parts);
      end else if (step) begin
        filled_q <= filled_q + moved;
        left_q   <= left_q - moved;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (reset)   y_valid_o <= 1'b0;
    else if (en) y_valid_o <= give;
  end

  // Grain e of the two words is the one at hand's from at_q on, the next one's below; rotated by where they go.
  logic [8*WordBytes-1:0] merged, turned;
  logic [2*Digits-1:0] turn;
  assign turn = (2 * Digits)'(Index'(at_q - Index'(filled_q)));
  for (genvar e = 0; e < int'(Words); e++) begin : gen_merge
    if (Parts == 1) begin : gen_one
      assign merged[e*Bits+:Bits] = word_q[e*Bits+:Bits];
    end else begin : gen_two
      assign merged[e*Bits+:Bits] = 32'(at_q) <= e ? word_q[e*Bits+:Bits] : x_data_i[e*Bits+:Bits];
    end
  end
  // Two bits of `turn` a stage, which is a level; the upper ones first, as few of what they give are needed then.
  for (genvar s = 0; s < int'(Digits); s++) begin : gen_stage
    localparam int unsigned Digit = Digits - 1 - s;
    localparam int unsigned Step  = Bits * 4 ** Digit;
    logic [8*WordBytes-1:0] from, to;
    logic [2*8*WordBytes-1:0] twice;
    if (s == 0) begin : gen_first
      assign from = merged;
    end else begin : gen_next
      assign from = gen_stage[s-1].to;
    end
    assign twice = {from, from};
    assign to    = twice[Step*turn[2*Digit+:2]+:8*WordBytes];
  end
  assign turned = gen_stage[Digits-1].to;

  for (genvar i = 0; i < int'(Parts); i++) begin : gen_part
    always_ff @(posedge clk_i) begin
      if (en && Filled'(i) >= filled_q) y_data_o[i*Bits+:Bits] <= turned[i%Words*Bits+:Bits];
    end
  end

  logic unused;
  assign unused = ^{x_first_i, x_bytes_i, turned};

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (reset)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
  NOT_EMPTY : assert property (@(posedge clk_i) disable iff (reset)
    x_valid_i |-> x_bytes_i != '0 && 32'(x_first_i) + 32'(x_bytes_i) <= WordBytes);
`endif
endmodule
