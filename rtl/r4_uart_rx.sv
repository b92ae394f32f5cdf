// SPDX-License-Identifier: Apache-2.0
//
// Receiver of a serial line: bytes of 8 data bits, the lowest first, no parity, one stop bit.
// Divider:    cycles of a bit. A bit is sampled in its middle, to within two cycles.
// Line:       rx_i is idle at 1 and may change at any time: two registers bring it to the clock.
// y_valid_o:  high for one cycle with every byte; nobody can make the sender wait. A byte whose stop bit is 0 is dropped.
// Latency:    3 cycles from the middle of the stop bit.

module r4_uart_rx #(
  parameter int unsigned Divider = 16
) (
  input  logic       clk_i,
  input  logic       rst_ni,

  input  logic       rx_i,

  output logic       y_valid_o,
  output logic [7:0] y_data_o
);

  if (Divider < 4) begin : gen_check_divider
    $fatal(1, "r4_uart_rx: Divider (%0d) must be at least 4", Divider);
  end

  localparam int unsigned Bits = $clog2(Divider);

  logic [1:0] sync_q;
  logic line;
  assign line = sync_q[1];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) sync_q <= '1;
    else         sync_q <= {sync_q[0], rx_i};
  end

  logic busy_q, sample;
  logic [Bits-1:0] wait_q;  // cycles until the next sample
  logic [3:0] left_q;       // bits to sample after this one: 9 at the start bit, 0 at the stop bit
  assign sample = busy_q && wait_q == '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q    <= 1'b0;
      wait_q    <= '0;
      left_q    <= '0;
      y_valid_o <= 1'b0;
    end else begin
      y_valid_o <= sample && left_q == '0 && line;
      if (!busy_q) begin
        busy_q <= !line;
        wait_q <= Bits'(Divider / 2 - 1);
        left_q <= 4'd9;
      end else if (!sample) begin
        wait_q <= wait_q - 1'b1;
      end else begin
        wait_q <= Bits'(Divider - 1);
        left_q <= left_q - 4'd1;
        // A start bit that is gone by its middle was none.
        if (left_q == '0 || (left_q == 4'd9 && line)) busy_q <= 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (sample && left_q != '0) y_data_o <= {line, y_data_o[7:1]};
  end

endmodule
