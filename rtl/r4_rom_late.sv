// SPDX-License-Identifier: Apache-2.0
//
// A memory image read in order, round and round: the word of step k of a frame is offered in the enabled cycle behind
// that of step k.  `word_o` is a word, or its Part bits from bit First on.
// A cycle with `step_i` high moves on to the next word, after the last to the first.  The address comes out of a register
// alone, so that step_i, which comes late, reaches no memory: block RAMs may be many, and far apart.
// en_i:  word_o moves.  step_i is high in enabled cycles only.
// Block: see r4_rom.
// Latency: 1 enabled cycle.  Reset returns to word 0 and must last at least 2 cycles.

module r4_rom_late #(
  parameter int unsigned Width    = 8,  // of the image's words
  parameter int unsigned First    = 0,
  parameter int unsigned Part     = Width,
  parameter int unsigned Depth    = 2,
  parameter bit          Block    = 1'b0,
  parameter              InitFile = ""
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic            en_i,
  input  logic            step_i,
  output logic [Part-1:0] word_o
);

  if (Depth < 2) begin : gen_check_depth
    $fatal(1, "r4_rom_late: Depth (%0d) must be at least 2", Depth);
  end
  if (Part == 0 || First + Part > Width) begin : gen_check_part
    $fatal(1, "r4_rom_late: Part (%0d) and First (%0d) must lie within Width (%0d)", Part, First, Width);
  end

  // Yosys would move a register without an initial value behind the memory.
  localparam int unsigned AddrWidth = $clog2(Depth);
  logic [AddrWidth-1:0] addr_q = '0;
  always_ff @(posedge clk_i) begin
    if (!rst_ni)     addr_q <= '0;
    else if (step_i) addr_q <= (addr_q == AddrWidth'(Depth - 1)) ? '0 : addr_q + 1'b1;
  end

  if (Block) begin : gen_block
    (* ram_style = "block" *) logic [Width-1:0] mem [Depth];
    initial $readmemh(InitFile, mem);
    always_ff @(posedge clk_i) begin
      if (en_i) word_o <= mem[addr_q][First+:Part];
    end
  end else begin : gen_distributed
    logic [Width-1:0] mem [Depth];
    initial $readmemh(InitFile, mem);
    always_ff @(posedge clk_i) begin
      if (en_i) word_o <= mem[addr_q][First+:Part];
    end
  end

endmodule
