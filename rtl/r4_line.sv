// SPDX-License-Identifier: Apache-2.0
//
// The beats that stood above: a memory of Depth columns, each the last Width / Shift rows' beats, the latest at the LSB.
// above_o belongs to the current column; step_i stores here_i on top of it and moves on to the next column.
// Latency: none, the next column is fetched ahead.  Throughput: 1 column/cycle.  What is read before the first rows
// are stored is undefined: the reader masks it.  Depth 1 and 2 are registers.

module r4_line #(
  parameter int unsigned Width = 8,
  parameter int unsigned Shift = 8,
  parameter int unsigned Depth = 4,
  parameter bit          Block = 1'b0
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             step_i,
  input  logic [Shift-1:0] here_i,
  output logic [Width-1:0] above_o
);

  logic [Width-1:0] stored;
  if (Width > Shift) begin : gen_stack
    assign stored = {above_o[Width-Shift-1:0], here_i};
  end else begin : gen_one
    assign stored = here_i;
  end

  if (Depth <= 2) begin : gen_registers
    r4_delay #(
      .Width(Width),
      .Depth(Depth)
    ) u_delay (
      .clk_i,
      .step_i,
      .x_i(stored),
      .y_o(above_o)
    );
    logic unused;
    assign unused = rst_ni;
  end else begin : gen_memory
    localparam int unsigned AddrWidth = $clog2(Depth);
    logic [AddrWidth-1:0] at_q, next_q;  // of the current column, and of the next one
    logic [Width-1:0] above_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        at_q   <= '0;
        next_q <= AddrWidth'(1);
      end else if (step_i) begin
        at_q   <= next_q;
        next_q <= next_q == AddrWidth'(Depth - 1) ? '0 : next_q + 1'b1;
      end
    end
    if (Block) begin : gen_block
      (* ram_style = "block" *) logic [Width-1:0] mem [Depth];
      always_ff @(posedge clk_i) begin
        if (step_i) mem[at_q] <= stored;
        if (step_i) above_q <= mem[next_q];
      end
    end else begin : gen_distributed
      (* ram_style = "distributed" *) logic [Width-1:0] mem [Depth];
      always_ff @(posedge clk_i) begin
        if (step_i) mem[at_q] <= stored;
        if (step_i) above_q <= mem[next_q];
      end
    end
    assign above_o = above_q;
  end

endmodule
