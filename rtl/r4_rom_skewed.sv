// SPDX-License-Identifier: Apache-2.0
//
// The words of an image in order, round and round, for a chain of r4_dsp_mac or r4_dsp_pump: the part of every word that
// belongs to link k of the chain is offered k steps' worth of cycles later than that of link 0.
// A word holds the links one behind the other, link 0 at the LSB: Unit bits for every chain that has the link; the
// first chain lacks the first Short links.  step_i[k]: moves link k on to its next word (see r4_rom), step_i[0] delayed
// by k enabled cycles.  Every link reads a memory of its own, so that no word waits in registers.
// Registered, Block: see r4_rom.
// Late = 1: an r4_rom_late for each link, so that all words come one enabled cycle later; en_i is theirs.
// Pumped = 1: two words a step, see r4_rom_halves; second_i[k] is link k's.  Depth counts steps.

module r4_rom_skewed #(
  parameter  int unsigned Unit       = 8,
  parameter  int unsigned Chains     = 1,
  parameter  int unsigned Chain      = 1,
  parameter  int unsigned Short      = 0,
  parameter  int unsigned Depth      = 1,
  parameter  bit          Registered = 1'b1,
  parameter  bit          Block      = 1'b0,
  parameter  bit          Pumped     = 1'b0,  // never with Late
  parameter  bit          Late       = 1'b0,
  parameter               InitFile   = "",
  localparam int unsigned Width      = Unit * (Chains * Chain - Short)
) (
  input  logic             clk_i,
  input  logic             clk2x_i,  // with Pumped
  input  logic             rst_ni,
  input  logic             en_i,      // with Late
  input  logic [Chain-1:0] second_i,  // with Pumped
  input  logic [Chain-1:0] step_i,
  output logic [Width-1:0] word_o
);

  localparam bit          Together = Depth == 1 || Chain == 1;  // one memory serves all links
  localparam int unsigned Memories = Together ? 1 : Chain;
  for (genvar k = 0; k < int'(Memories); k++) begin : gen_link
    localparam int unsigned First = Unit * (k * Chains - (k < int'(Short) ? k : Short));
    localparam int unsigned Part  = Together ? Width : Unit * (k < int'(Short) ? Chains - 1 : Chains);
    if (Pumped) begin : gen_pumped
      r4_rom_halves #(
        .Width   (Width),
        .First   (First),
        .Part    (Part),
        .Depth   (Depth),
        .Block   (Block),
        .InitFile(InitFile)
      ) u_rom (
        .clk_i,
        .clk2x_i,
        .rst_ni,
        .second_i(second_i[k]),
        .step_i  (step_i[k]),
        .word_o  (word_o[First+:Part])
      );
    end else if (Late) begin : gen_late
      r4_rom_late #(
        .Width   (Width),
        .First   (First),
        .Part    (Part),
        .Depth   (Depth),
        .Block   (Block),
        .InitFile(InitFile)
      ) u_rom (
        .clk_i,
        .rst_ni,
        .en_i,
        .step_i(step_i[k]),
        .word_o(word_o[First+:Part])
      );
    end else begin : gen_plain
      r4_rom #(
        .Width     (Width),
        .First     (First),
        .Part      (Part),
        .Depth     (Depth),
        .Registered(Registered),
        .Block     (Block),
        .InitFile  (InitFile)
      ) u_rom (
        .clk_i,
        .rst_ni,
        .step_i(step_i[k]),
        .word_o(word_o[First+:Part])
      );
    end
  end
  logic unused;
  assign unused = ^{clk2x_i, en_i, second_i, step_i};

endmodule
