// SPDX-License-Identifier: Apache-2.0
//
// CRC-32 of a run of bytes, as in IEEE 802.3 and Python's zlib.crc32: polynomial 0x04C11DB7, reflected.
// step_i:     a byte is added; with clear_i it is the first of a new run, before which came what begin_i is the CRC of.
//             Of nothing that is 0.
// Latency:    1 cycle to crc_o, of all bytes so far; the lowest byte is the first on a line.  Throughput: 1 byte/cycle.
// Before the first run the value has no meaning.

module r4_crc32 (
  input  logic        clk_i,
  input  logic        clear_i,
  input  logic [31:0] begin_i,
  input  logic        step_i,
  input  logic [7:0]  x_data_i,
  output logic [31:0] crc_o
);

  logic [31:0] crc_q, from, next;
  assign from  = clear_i ? ~begin_i : crc_q;
  assign crc_o = ~crc_q;

  always_comb begin
    next = from;
    for (int i = 0; i < 8; i++) begin
      next = next[0] ^ x_data_i[i] ? 32'hEDB8_8320 ^ next >> 1 : next >> 1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (step_i) crc_q <= next;
  end

endmodule
