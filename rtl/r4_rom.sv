// SPDX-License-Identifier: Apache-2.0
//
// A memory image read in order, round and round: the word of step k of a frame is offered at step k.
// `word_o` is the current step's word, or its Part bits from bit First on; a cycle with `step_i` high moves on to the
// next, after the last to the first.
// Latency: none, the next word is fetched ahead.  The memory is read in every cycle: words may have thousands of bits, too
// many for an enable that depends on step_i.  Reset returns to word 0 and must last at least 2 cycles.
// Block = 1 asks for block RAM (with its output register), 0 for distributed memory.

module r4_rom #(
  parameter int unsigned Width    = 8,  // of the image's words
  parameter int unsigned First    = 0,
  parameter int unsigned Part     = Width,
  parameter int unsigned Depth    = 1,
  parameter bit          Block    = 1'b0,
  parameter              InitFile = ""
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic            step_i,
  output logic [Part-1:0] word_o
);

  if (Depth == 0) begin : gen_check_depth
    $fatal(1, "r4_rom: Depth (%0d) must be at least 1", Depth);
  end
  if (Part == 0 || First + Part > Width) begin : gen_check_part
    $fatal(1, "r4_rom: Part (%0d) and First (%0d) must lie within Width (%0d)", Part, First, Width);
  end

  localparam int unsigned AddrWidth = Depth > 1 ? $clog2(Depth) : 1;

  if (Depth == 1) begin : gen_constant
    logic [Width-1:0] mem [1];
    initial $readmemh(InitFile, mem);
    assign word_o = mem[0][First+:Part];
    logic unused;
    assign unused = ^{clk_i, rst_ni, step_i, mem[0]};
  end else begin : gen_memory
    logic [AddrWidth-1:0] addr_q, addr_d;
    logic [Part-1:0] word_q;
    assign addr_d = (addr_q == AddrWidth'(Depth - 1)) ? '0 : addr_q + 1'b1;

    always_ff @(posedge clk_i) begin
      if (!rst_ni)     addr_q <= '0;
      else if (step_i) addr_q <= addr_d;
    end

    logic [AddrWidth-1:0] fetch;
    assign fetch = !rst_ni ? '0 : step_i ? addr_d : addr_q;

    if (Block) begin : gen_block
      (* ram_style = "block" *) logic [Width-1:0] mem [Depth];
      initial $readmemh(InitFile, mem);
      always_ff @(posedge clk_i) begin
        word_q <= mem[fetch][First+:Part];
      end
    end else begin : gen_distributed
      logic [Width-1:0] mem [Depth];
      initial $readmemh(InitFile, mem);
      always_ff @(posedge clk_i) begin
        word_q <= mem[fetch][First+:Part];
      end
    end
    assign word_o = word_q;
  end

endmodule
