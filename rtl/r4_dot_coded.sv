// SPDX-License-Identifier: Apache-2.0
//
// Pe dot products of the same Simd elements with weights that need no multiplier: r4_product, then a tree of adders.
//
// WeightKind is r4_product's: 1 to 3.
// x_i:      Simd elements, element 0 at the LSB.
// w_i:      weight of output p, element s at bit (p * Simd + s) * WeightWidth.
// Constant: weights never change, and so are not registered.
// Latency: 2 + ceil(log2(Simd)) enabled cycles.  Throughput: Pe sums/cycle.

module r4_dot_coded #(
  parameter int unsigned Simd        = 1,
  parameter int unsigned Pe          = 1,
  parameter int unsigned XWidth      = 8,
  parameter bit          XSigned     = 1'b1,
  parameter int unsigned WeightWidth = 2,
  parameter int unsigned WeightKind  = 2,
  parameter int unsigned ProdWidth   = 9,   // holds every product
  parameter int unsigned SumWidth    = 16,  // holds every sum of Simd products
  parameter bit          Constant    = 1'b0
) (
  input  logic                           clk_i,
  input  logic                           en_i,
  input  logic [Simd*XWidth-1:0]         x_i,
  input  logic [Pe*Simd*WeightWidth-1:0] w_i,
  output logic [Pe*SumWidth-1:0]         sum_o
);

  logic [Simd*XWidth-1:0] x;
  logic [Pe*Simd*WeightWidth-1:0] w;
  r4_lag #(
    .Width (Simd * XWidth),
    .Cycles(1)
  ) u_x (
    .clk_i,
    .en_i,
    .x_i,
    .y_o(x)
  );
  r4_lag #(
    .Width (Pe * Simd * WeightWidth),
    .Cycles(Constant ? 0 : 1)
  ) u_w (
    .clk_i,
    .en_i,
    .x_i(w_i),
    .y_o(w)
  );

  for (genvar p = 0; p < int'(Pe); p++) begin : gen_pe
    logic [Simd*ProdWidth-1:0] prod;
    for (genvar s = 0; s < int'(Simd); s++) begin : gen_simd
      r4_product #(
        .XWidth     (XWidth),
        .XSigned    (XSigned),
        .WeightWidth(WeightWidth),
        .WeightKind (WeightKind),
        .PWidth     (ProdWidth)
      ) u_product (
        .clk_i,
        .en_i,
        .x_i(x[s*XWidth+:XWidth]),
        .w_i(w[(p*Simd+s)*WeightWidth+:WeightWidth]),
        .p_o(prod[s*ProdWidth+:ProdWidth])
      );
    end
    r4_adder_tree #(
      .Inputs  (Simd),
      .InWidth (ProdWidth),
      .OutWidth(SumWidth)
    ) u_tree (
      .clk_i,
      .en_i,
      .x_i(prod),
      .y_o(sum_o[p*SumWidth+:SumWidth])
    );
  end

endmodule
