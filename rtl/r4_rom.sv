// SPDX-License-Identifier: Apache-2.0
//
// A memory image read in order, round and round: the word of step k of a frame is offered at step k.
// `word_o` is the current step's word, or its Part bits from bit First on; a cycle with `step_i` high moves on to the
// next, after the last to the first.
// Latency: none.  Reset returns to word 0 and must last at least 2 cycles.
// Registered = 1: word_o is a register, the next word is fetched ahead.  The memory is read in every cycle: words may
//                 have thousands of bits, too many for an enable that depends on step_i.
//              0: word_o is combinational from the register of the address alone, for a reader that registers it.
// Block = 1 asks for block RAM, whose read register is that of Registered = 1; 0 for distributed memory.

module r4_rom #(
  parameter int unsigned Width      = 8,  // of the image's words
  parameter int unsigned First      = 0,
  parameter int unsigned Part       = Width,
  parameter int unsigned Depth      = 1,
  parameter bit          Registered = 1'b1,
  parameter bit          Block      = 1'b0,
  parameter              InitFile   = ""
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic            step_i,
  output logic [Part-1:0] word_o
);

  if (Depth == 0) begin : gen_check_depth
    $fatal(1, "r4_rom: Depth (%0d) must be at least 1", Depth);
  end
  if (Block && !Registered) begin : gen_check_block
    $fatal(1, "r4_rom: Registered (%0d) must be 1 where Block (%0d) is", Registered, Block);
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
    // The current word's address and the next one's, both registers: step_i, which comes late, only chooses.  Yosys would
    // move a register without an initial value behind the memory.
    logic [AddrWidth-1:0] addr_q = '0;
    logic [AddrWidth-1:0] next_q, addr_d;
    assign addr_d = !rst_ni ? '0 : step_i ? next_q : addr_q;
    always_ff @(posedge clk_i) begin
      addr_q <= addr_d;
    end
    always_ff @(posedge clk_i) begin
      if (!rst_ni)     next_q <= AddrWidth'(1);
      else if (step_i) next_q <= (next_q == AddrWidth'(Depth - 1)) ? '0 : next_q + 1'b1;
    end

    if (Block) begin : gen_block
      (* ram_style = "block" *) logic [Width-1:0] mem [Depth];
      initial $readmemh(InitFile, mem);
      always_ff @(posedge clk_i) begin
        word_o <= mem[addr_d][First+:Part];
      end
    end else begin : gen_distributed
      logic [Width-1:0] mem [Depth];
      initial $readmemh(InitFile, mem);
      if (Registered) begin : gen_registered
        always_ff @(posedge clk_i) begin
          word_o <= mem[addr_d][First+:Part];
        end
      end else begin : gen_read
        assign word_o = mem[addr_q][First+:Part];
      end
    end
  end

endmodule
