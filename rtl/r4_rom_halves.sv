// SPDX-License-Identifier: Apache-2.0
//
// A memory image read in order, round and round, two words a step: step k offers word 2k of the image in the first half
// of a cycle and word 2k + 1 in the second, as second_i says (see r4_phase).
// `word_o` is the current word, or its Part bits from bit First on; a cycle with `step_i` high moves on to the next two
// words, after the last to the first.
// Latency: none.  Reset returns to word 0 and must last at least 2 cycles.
// Block = 1: block RAM that is read at clk2x_i, word_o is its register; 0: distributed memory, word_o is combinational
//            from registers of the address.

module r4_rom_halves #(
  parameter int unsigned Width = 8,  // of the image's words
  parameter int unsigned First = 0,
  parameter int unsigned Part  = Width,
  parameter int unsigned Depth = 1,  // steps: half the words of the image
  parameter bit          Block = 1'b0,
  parameter              InitFile = ""
) (
  input  logic            clk_i,
  input  logic            clk2x_i,
  input  logic            rst_ni,
  input  logic            second_i,
  input  logic            step_i,
  output logic [Part-1:0] word_o
);

  if (Depth == 0) begin : gen_check_depth
    $fatal(1, "r4_rom_halves: Depth (%0d) must be at least 1", Depth);
  end
  if (Part == 0 || First + Part > Width) begin : gen_check_part
    $fatal(1, "r4_rom_halves: Part (%0d) and First (%0d) must lie within Width (%0d)", Part, First, Width);
  end

  localparam int unsigned AddrWidth = Depth > 1 ? $clog2(Depth) : 1;

  logic [AddrWidth-1:0] addr, ahead;  // of this cycle's words and of the next cycle's
  if (Depth == 1) begin : gen_still
    assign addr  = '0;
    assign ahead = '0;
    logic unused;
    assign unused = ^{clk_i, rst_ni, step_i};
  end else begin : gen_steps
    // as in r4_rom
    logic [AddrWidth-1:0] addr_q = '0;
    logic [AddrWidth-1:0] next_q;
    assign ahead = !rst_ni ? '0 : step_i ? next_q : addr_q;
    always_ff @(posedge clk_i) begin
      addr_q <= ahead;
    end
    always_ff @(posedge clk_i) begin
      if (!rst_ni)     next_q <= AddrWidth'(1);
      else if (step_i) next_q <= (next_q == AddrWidth'(Depth - 1)) ? '0 : next_q + 1'b1;
    end
    assign addr = addr_q;
  end

  if (Block) begin : gen_block
    logic [AddrWidth:0] at;  // of the next half's word
    assign at = second_i ? {ahead, 1'b0} : {addr, 1'b1};
    (* ram_style = "block" *) logic [Width-1:0] mem [2*Depth];
    initial $readmemh(InitFile, mem);
    always_ff @(posedge clk2x_i) begin
      word_o <= mem[at][First+:Part];
    end
  end else begin : gen_distributed
    logic [Width-1:0] mem [2*Depth];
    initial $readmemh(InitFile, mem);
    if (Depth == 1) begin : gen_one
      assign word_o = mem[second_i][First+:Part];
    end else begin : gen_many
      assign word_o = mem[{addr, second_i}][First+:Part];
    end
    logic unused;
    assign unused = ^{clk2x_i, ahead, addr};
  end

endmodule
