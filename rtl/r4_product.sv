// SPDX-License-Identifier: Apache-2.0
//
// One product of a data element and a coded weight, made without a multiplier.
// WeightKind 1: 0 is +x, 1 is -x   2: 2-bit two's complement -1, 0, 1
//            3: powers of two, {negative, exponent + 1} or all zero for zero, made by shifting
// Latency: 1 enabled cycle behind registered operands.  Throughput: 1 product/cycle.

module r4_product #(
  parameter int unsigned XWidth      = 8,
  parameter bit          XSigned     = 1'b1,
  parameter int unsigned WeightWidth = 4,
  parameter int unsigned WeightKind  = 3,
  parameter int unsigned PWidth      = 16
) (
  input  logic                   clk_i,
  input  logic                   en_i,
  input  logic [XWidth-1:0]      x_i,
  input  logic [WeightWidth-1:0] w_i,
  output logic [PWidth-1:0]      p_o
);

  if (WeightKind == 0 || WeightKind > 3) begin : gen_check_kind
    $fatal(1, "r4_product: WeightKind (%0d) must be 1 to 3", WeightKind);
  end

  logic signed [PWidth-1:0] x;
  logic [PWidth-1:0] magnitude, p_q;
  logic negative;

  if (XSigned) begin : gen_signed
    assign x = PWidth'(signed'(x_i));
  end else begin : gen_unsigned
    assign x = PWidth'(signed'({1'b0, x_i}));
  end

  if (WeightKind == 1) begin : gen_binary
    assign magnitude = x;
    assign negative  = w_i[0];
  end else if (WeightKind == 2) begin : gen_ternary
    assign magnitude = w_i[0] ? x : '0;
    assign negative  = w_i[1];
  end else begin : gen_power
    logic [WeightWidth-2:0] code;
    assign code      = w_i[WeightWidth-2:0];
    assign magnitude = (code == '0) ? '0 : x << (code - 1'b1);
    assign negative  = w_i[WeightWidth-1];
  end

  always_ff @(posedge clk_i) begin
    if (en_i) p_q <= (magnitude ^ {PWidth{negative}}) + PWidth'(negative);
  end
  assign p_o = p_q;

endmodule
