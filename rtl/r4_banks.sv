// SPDX-License-Identifier: Apache-2.0
//
// A deep memory of block RAM, one write and one read port, without a multiplexer among rows of blocks: a bank that is not
// read gives zeros, as the reset of its read register does (UG573, RSTRAM), and the word is the OR of all banks.
// Banks are of Bank words, what is left is halved until it fits in Least words: Depth 5,000, Bank 2,048, Least 512 are
// banks of 2,048, 2,048, 512 and 392 words.
// read_i: the word at read_at_i is at data_o from the next cycle on, until the next one is read.
// Latency: 1 cycle, and an OR of six banks a LUT behind the read registers.  Throughput: 1 word/cycle in and out.
// A word that is read in the cycle in which it is written is undefined.

module r4_banks #(
  parameter  int unsigned Width     = 8,
  parameter  int unsigned Depth     = 5000,
  parameter  int unsigned Bank      = 2048,
  parameter  int unsigned Least     = 512,
  localparam int unsigned AddrWidth = $clog2(Depth)
) (
  input  logic                 clk_i,

  input  logic                 write_i,
  input  logic [AddrWidth-1:0] write_at_i,
  input  logic [Width-1:0]     data_i,

  input  logic                 read_i,
  input  logic [AddrWidth-1:0] read_at_i,
  output logic [Width-1:0]     data_o
);

  if (2 ** $clog2(Bank) != Bank || 2 ** $clog2(Least) != Least || Least < 2 || Bank < Least) begin : gen_check_bank
    $fatal(1, "r4_banks: Bank (%0d) and Least (%0d) must be powers of two, Bank not the smaller", Bank, Least);
  end
  if (Depth <= Bank) begin : gen_check_depth
    $fatal(1, "r4_banks: Depth (%0d) must be more than Bank (%0d)", Depth, Bank);
  end

  // The powers of two, from Bank down to Least, that are full: each is one bank, all but those of Bank words once.
  localparam int unsigned Full  = Depth / Bank;
  localparam int unsigned Rest  = Depth % Bank;
  localparam int unsigned Steps = $clog2(Bank) - $clog2(Least);
  localparam int unsigned Count = Full + Steps + 1;

  logic [Width-1:0] words [Count];

  for (genvar k = 0; k < int'(Count); k++) begin : gen_bank
    // Half: words that a full bank has here.  First: those before it.  The last one holds what is left, Least or fewer.
    localparam int unsigned Half  = k < int'(Full) ? Bank : Bank >> (k - int'(Full) + 1);
    localparam bit          Last  = k == int'(Count) - 1;
    localparam int unsigned Step  = Last ? Least : 2 * Half;
    localparam int unsigned First = k < int'(Full) ? k * Bank : Full * Bank + Rest / Step * Step;
    localparam int unsigned Words = k < int'(Full) ? Bank : Last ? Rest % Least : (Rest & Half) != 0 ? Half : 0;
    if (Words == 0) begin : gen_none
      assign words[k] = '0;
    end else begin : gen_words
      localparam int unsigned Low = $clog2(Last ? Least : Half);
      localparam int unsigned At  = Words > 1 ? $clog2(Words) : 1;
      logic write_here, read_here;
      assign write_here = (write_at_i >> Low) == AddrWidth'(First >> Low);
      assign read_here  = (read_at_i >> Low) == AddrWidth'(First >> Low);

      (* ram_style = "block", no_rw_check *) logic [Width-1:0] mem [Words];
      logic [Width-1:0] word_q;
      always_ff @(posedge clk_i) begin
        if (write_i && write_here) mem[At'(write_at_i)] <= data_i;
      end
      always_ff @(posedge clk_i) begin
        if (read_i) begin
          if (read_here) word_q <= mem[At'(read_at_i)];
          else           word_q <= '0;
        end
      end
      assign words[k] = word_q;
    end
  end

  always_comb begin
    data_o = '0;
    for (int k = 0; k < int'(Count); k++) data_o |= words[k];
  end
endmodule
