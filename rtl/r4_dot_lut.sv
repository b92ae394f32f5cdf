// SPDX-License-Identifier: Apache-2.0
//
// Pe dot products of the same Simd elements in LUTs: two elements and all their weights in one r4_dot_pair, their sum
// made once for all Pe; then a tree of adders.  RowElements = 1: one element in each, for LUTs of four inputs: a row is
// the element or nothing, for which there is room in the LUTs of its adder.
// x_i: Simd elements, element 0 at the LSB.  w_i: column p, element s at bit (p * Simd + s) * WeightWidth.
// Constant = 1: `w_i` never changes, and is not registered.
// Latency: 1 + max(1, ceil((WeightWidth - 1) / RowAdders)) + that of r4_sum_tree of ceil(Simd / RowElements) numbers,
//          enabled cycles.
// Throughput: Pe sums/cycle.

module r4_dot_lut #(
  parameter int unsigned Simd        = 1,
  parameter int unsigned Pe          = 1,
  parameter int unsigned XWidth      = 8,
  parameter bit          XSigned     = 1'b1,
  parameter int unsigned WeightWidth = 8,
  parameter int unsigned ProdWidth   = 16,  // holds every product
  parameter int unsigned SumWidth    = 16,  // holds every sum of up to Simd products
  parameter int unsigned RowAdders   = 2,   // of r4_dot_pair
  parameter int unsigned RowElements = 2,
  parameter int unsigned AdderInputs = 3,   // of r4_sum_tree
  parameter bit          Constant    = 1'b0
) (
  input  logic                           clk_i,
  input  logic                           en_i,
  input  logic [Simd*XWidth-1:0]         x_i,
  input  logic [Pe*Simd*WeightWidth-1:0] w_i,
  output logic [Pe*SumWidth-1:0]         sum_o
);

  localparam bit          Couples   = RowElements > 1 && Simd > 1;
  localparam int unsigned Pairs     = (Simd + RowElements - 1) / RowElements;
  localparam int unsigned Stages    = WeightWidth > 1 ? (WeightWidth - 2) / RowAdders + 1 : 1;
  localparam int unsigned Term      = Couples || XWidth == 1 ? XWidth + 1 : XWidth;
  localparam bit          Grows     = Simd > 1 && ProdWidth < SumWidth;
  localparam int unsigned PairWidth = !Grows ? SumWidth : Couples ? ProdWidth + 1 : ProdWidth;

  if (RowElements != 1 && RowElements != 2) begin : gen_check_elements
    $fatal(1, "r4_dot_lut: RowElements (%0d) must be 1 or 2", RowElements);
  end

  // -- elements and their sums, for every stage of a pair -------------------------------------------------------
  logic [Pairs*Stages*4-1:0] tops;
  logic [Pairs*Stages*4*(Term-1)-1:0] rests;
  for (genvar i = 0; i < int'(Pairs); i++) begin : gen_x
    logic [Term-1:0] a, b, ab;
    if (XSigned) begin : gen_signed
      assign a = Term'(signed'(x_i[int'(RowElements)*i*XWidth+:XWidth]));
    end else begin : gen_unsigned
      assign a = Term'(x_i[int'(RowElements)*i*XWidth+:XWidth]);
    end
    if (Couples && 2 * i + 1 < int'(Simd)) begin : gen_pair
      if (XSigned) begin : gen_signed
        assign b = Term'(signed'(x_i[(2*i+1)*XWidth+:XWidth]));
      end else begin : gen_unsigned
        assign b = Term'(x_i[(2*i+1)*XWidth+:XWidth]);
      end
      assign ab = a + b;
    end else begin : gen_single
      assign b  = '0;
      assign ab = a;
    end
    for (genvar j = 0; j < int'(Stages); j++) begin : gen_stage
      logic [3*Term-1:0] last;
      if (j == 0) begin : gen_taken
        assign last = {ab, b, a};
      end else begin : gen_later
        assign last = gen_stage[j-1].x_q;
      end
      logic [3*Term-1:0] x_q;
      always_ff @(posedge clk_i) begin
        if (en_i) x_q <= last;
      end
      assign tops[(i*Stages+j)*4+:4] = {x_q[3*Term-1], x_q[2*Term-1], x_q[Term-1], 1'b0};
      assign rests[(i*Stages+j)*4*(Term-1)+:4*(Term-1)] =
          {x_q[2*Term+:Term-1], x_q[Term+:Term-1], x_q[0+:Term-1], {(Term - 1){1'b0}}};
    end
  end

  // -- weights --------------------------------------------------------------------------------------------------
  logic [Pe*Simd*WeightWidth-1:0] w;
  r4_lag #(
    .Width (Pe * Simd * WeightWidth),
    .Cycles(Constant ? 0 : 1)
  ) u_weights (
    .clk_i,
    .en_i,
    .x_i(w_i),
    .y_o(w)
  );

  for (genvar p = 0; p < int'(Pe); p++) begin : gen_pe
    logic [Pairs*PairWidth-1:0] sums;
    for (genvar i = 0; i < int'(Pairs); i++) begin : gen_pair
      logic [WeightWidth-1:0] w1;
      if (Couples && 2 * i + 1 < int'(Simd)) begin : gen_both
        assign w1 = w[(p*Simd+2*i+1)*WeightWidth+:WeightWidth];
      end else begin : gen_single
        assign w1 = '0;
      end
      r4_dot_pair #(
        .XWidth     (Term),
        .XSigned    (XSigned),
        .WeightWidth(WeightWidth),
        .PWidth     (PairWidth),
        .RowAdders  (RowAdders)
      ) u_pair (
        .clk_i,
        .en_i,
        .tops_i (tops[i*Stages*4+:Stages*4]),
        .rests_i(rests[i*Stages*4*(Term-1)+:Stages*4*(Term-1)]),
        .w0_i (w[(p*Simd+int'(RowElements)*i)*WeightWidth+:WeightWidth]),
        .w1_i (w1),
        .p_o  (sums[i*PairWidth+:PairWidth])
      );
    end
    logic none;
    r4_sum_tree #(
      .Inputs     (Pairs),
      .InWidth    (PairWidth),
      .OutWidth   (SumWidth),
      .AdderInputs(AdderInputs)
    ) u_tree (
      .clk_i,
      .en_i,
      .x_i(sums),
      .c_i('0),
      .y_o(sum_o[p*SumWidth+:SumWidth]),
      .c_o(none)
    );
    logic unused;
    assign unused = none;
  end

endmodule
