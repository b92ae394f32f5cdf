// SPDX-License-Identifier: Apache-2.0
//
// Which half of a cycle of clk_i it is, told in registers of clk2x_i, a clock of twice the rate: every edge of clk_i is
// one of clk2x_i, too.
// second_o: low in the first half, high in the second; Copies of it, so that none has too many readers.
// Right from the second cycle of clk_i on, whatever resets do: it begins with an initial value and is never reset.

module r4_phase #(
  parameter int unsigned Copies = 1
) (
  input  logic              clk_i,
  input  logic              clk2x_i,
  output logic [Copies-1:0] second_o
);

  logic turn_q = 1'b0;  // changes with every edge of clk_i
  always_ff @(posedge clk_i) begin
    turn_q <= !turn_q;
  end

  logic seen_q;  // half a cycle later: the two differ in the first half
  (* keep *) logic [Copies-1:0] second_q;
  always_ff @(posedge clk2x_i) begin
    seen_q   <= turn_q;
    second_q <= {Copies{turn_q != seen_q}};
  end
  assign second_o = second_q;

endmodule
