// SPDX-License-Identifier: Apache-2.0
//
// One column of a memory image, read at any address through Ports ports; column c lies at bits c * Width and up of a
// word. Lanes that each read at addresses of their own take a column each; synthesis drops what nobody reads.
// Beat:    port 0 at the LSB of addr_i and word_o.
// Latency: 1 cycle: a cycle with en_i high puts the words at addr_i into word_o, where they stay until the next.
// Block = 1 asks for block RAM, which has two ports; 0 for LUTs. Sparse = 1 says that addr_i has constant bits, so that
// most words are out of reach and what is left is logic rather than a memory.

module r4_lookup #(
  parameter int unsigned Width     = 8,
  parameter int unsigned Columns   = 1,
  parameter int unsigned Column    = 0,
  parameter int unsigned Depth     = 2,
  parameter int unsigned Ports     = 1,
  parameter int unsigned AddrWidth = 1,
  parameter bit          Block     = 1'b0,
  parameter bit          Sparse    = 1'b0,
  parameter              InitFile  = ""
) (
  input  logic                       clk_i,
  input  logic                       en_i,
  input  logic [Ports*AddrWidth-1:0] addr_i,
  output logic [Ports*Width-1:0]     word_o
);

  if (Width == 0 || Column >= Columns || Ports == 0) begin : gen_check_column
    $fatal(1, "r4_lookup: Width (%0d) and Ports (%0d) must be at least 1, Column (%0d) below Columns (%0d)",
           Width, Ports, Column, Columns);
  end
  if (Depth < 2 || $clog2(Depth) != AddrWidth) begin : gen_check_depth
    $fatal(1, "r4_lookup: Depth (%0d) must be at least 2 and need AddrWidth (%0d) address bits", Depth, AddrWidth);
  end

  if (Block) begin : gen_block
    (* rom_style = "block" *) logic [Columns*Width-1:0] mem [Depth];
    initial $readmemh(InitFile, mem);
    for (genvar p = 0; p < int'(Ports); p++) begin : gen_port
      always_ff @(posedge clk_i) begin
        if (en_i) word_o[p*Width+:Width] <= mem[addr_i[p*AddrWidth+:AddrWidth]][Column*Width+:Width];
      end
    end
  end else begin : gen_lut
`ifdef YOSYS  // its distributed memories cannot be read-only
    (* rom_style = Sparse ? "logic" : "auto" *)
`else
    (* rom_style = "distributed" *)
`endif
    logic [Columns*Width-1:0] mem [Depth];
    initial $readmemh(InitFile, mem);
    for (genvar p = 0; p < int'(Ports); p++) begin : gen_port
      always_ff @(posedge clk_i) begin
        if (en_i) word_o[p*Width+:Width] <= mem[addr_i[p*AddrWidth+:AddrWidth]][Column*Width+:Width];
      end
    end
  end

  logic unused;  // but in an attribute
  assign unused = Sparse;
endmodule
