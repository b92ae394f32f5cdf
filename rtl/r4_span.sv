// SPDX-License-Identifier: Apache-2.0
//
// Counts steps round and round, 0 to Count - 1; tells whether the step lies in the span First to First + Size - 1.
// last_o is high at the last step.  Latency: 1 cycle from step_i.

module r4_span #(
  parameter int unsigned Count = 4,
  parameter int unsigned First = 1,
  parameter int unsigned Size  = 2
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic step_i,
  output logic last_o,
  output logic inside_o
);

  if (Size == 0 || First + Size > Count) begin : gen_check_span
    $fatal(1, "r4_span: the span (%0d steps from %0d) must lie within Count (%0d)", Size, First, Count);
  end

  if (Count <= 1) begin : gen_single
    assign last_o   = 1'b1;
    assign inside_o = 1'b1;
    logic unused;
    assign unused = &{1'b0, clk_i, rst_ni, step_i};
  end else begin : gen_count
    localparam int unsigned Bits = $clog2(Count);
    logic [Bits-1:0] at_q;
    assign last_o = at_q == Bits'(Count - 1);
    always_ff @(posedge clk_i) begin
      if (!rst_ni)     at_q <= '0;
      else if (step_i) at_q <= last_o ? '0 : at_q + 1'b1;
    end

    logic begun, ended;
    if (First > 0) begin : gen_begin
      assign begun = at_q >= Bits'(First);
    end else begin : gen_from_start
      assign begun = 1'b1;
    end
    if (First + Size < Count) begin : gen_end
      assign ended = at_q >= Bits'(First + Size);
    end else begin : gen_to_end
      assign ended = 1'b0;
    end
    assign inside_o = begun && !ended;
  end

endmodule
