// SPDX-License-Identifier: Apache-2.0
//
// Sender of a serial line: bytes of 8 data bits, the lowest first, no parity, one stop bit.
// Divider:    cycles of a bit.
// Line:       tx_o is a register, 1 while there is nothing to send.
// Latency:    1 cycle from a byte to its start bit.  Throughput: 1 byte every 10 * Divider cycles.
// x_ready_o comes from a register alone.

module r4_uart_tx #(
  parameter int unsigned Divider = 16
) (
  input  logic       clk_i,
  input  logic       rst_ni,

  input  logic       x_valid_i,
  output logic       x_ready_o,
  input  logic [7:0] x_data_i,

  output logic       tx_o
);

  if (Divider < 4) begin : gen_check_divider
    $fatal(1, "r4_uart_tx: Divider (%0d) must be at least 4", Divider);
  end

  localparam int unsigned Bits = $clog2(Divider);

  logic busy_q;
  logic [Bits-1:0] wait_q;  // cycles of this bit after this one
  logic [3:0] left_q;       // bits after this one
  logic [8:0] bits_q;       // those bits, the next one lowest
  assign x_ready_o = !busy_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      wait_q <= '0;
      left_q <= '0;
      tx_o   <= 1'b1;
    end else if (!busy_q) begin
      busy_q <= x_valid_i;
      wait_q <= Bits'(Divider - 1);
      left_q <= 4'd9;
      tx_o   <= !x_valid_i;
    end else if (wait_q != '0) begin
      wait_q <= wait_q - 1'b1;
      // The stop bit ends a cycle early, in which the next byte is taken.
      if (left_q == '0 && wait_q == Bits'(1)) busy_q <= 1'b0;
    end else begin
      wait_q <= Bits'(Divider - 1);
      left_q <= left_q - 4'd1;
      tx_o   <= bits_q[0];
    end
  end

  always_ff @(posedge clk_i) begin
    if (!busy_q)            bits_q <= {1'b1, x_data_i};
    else if (wait_q == '0)  bits_q <= {1'b1, bits_q[8:1]};
  end

endmodule
