// SPDX-License-Identifier: Apache-2.0
//
// Matrix-vector unit: Pe exact dot products at once, Simd products each, every stage pipelined.
//
// A frame's output position is a vector of Dot = SimdFolds * Simd elements against PeFolds * Pe weight columns.
// Beat in:  Simd elements, element 0 at the LSB.  SimdFolds > 1: the SimdFolds beats of a vector come PeFolds times
//           over (the window cell replays them).  SimdFolds = 1: a beat is one vector, taken once and held PeFolds cycles.
// Beat out: Pe accumulators, channel 0 at the LSB; PeFolds beats a position.
// Sums, images of weights, biases and shifts, and all other parameters are r4_dot's, with one lane and PeFolds groups.
// Latency:  r4_dot's, from the last beat taken to the sum offered.
// Throughput: a slot a cycle; PeFolds * SimdFolds slots a position.
// Flow: see r4_gate.  Reset: 2 cycles at least.

module r4_mvu #(
  parameter int unsigned Simd        = 1,
  parameter int unsigned Pe          = 1,
  parameter int unsigned SimdFolds   = 1,
  parameter int unsigned PeFolds     = 1,
  parameter int unsigned XWidth      = 8,
  parameter bit          XSigned     = 1'b1,
  parameter int unsigned WeightWidth = 8,
  parameter int unsigned WeightKind  = 0,
  parameter int unsigned ProdWidth   = 16,  // holds every product
  parameter int unsigned SumWidth    = 16,  // holds every sum of Simd products
  parameter int unsigned AccWidth    = 24,  // holds every partial sum with its shift and bias
  parameter int unsigned Align       = 0,
  parameter int unsigned ShiftWidth  = 0,
  parameter bit          HasBias     = 1'b0,
  parameter int unsigned RowAdders   = 2,
  parameter int unsigned RowElements = 2,
  parameter int unsigned AdderInputs = 3,
  parameter int unsigned Fields      = 0,
  parameter int unsigned Spacing     = 1,
  parameter int unsigned Chain       = 1,
  parameter bit          Overlap     = 1'b0,
  parameter bit          Pumped      = 1'b0,
  parameter bit          Block       = 1'b0,
  parameter int unsigned Late        = 0,
  parameter int unsigned Flow        = 0,
  parameter              WeightFile  = "",
  parameter              BiasFile    = "",
  parameter              ShiftFile   = ""
) (
  input  logic                   clk_i,
  input  logic                   clk2x_i,  // with Pumped, see r4_dot
  input  logic                   rst_ni,

  input  logic                   x_valid_i,
  output logic                   x_ready_o,
  input  logic [Simd*XWidth-1:0] x_data_i,

  output logic                   y_valid_o,
  input  logic                   y_ready_i,
  output logic [Pe*AccWidth-1:0] y_data_o
);

  if (Simd == 0 || Pe == 0 || SimdFolds == 0 || PeFolds == 0) begin : gen_check_folds
    $fatal(1, "r4_mvu: Simd (%0d), Pe (%0d), SimdFolds (%0d) and PeFolds (%0d) must be at least 1",
           Simd, Pe, SimdFolds, PeFolds);
  end

  if (Flow == 2 && SimdFolds == 1 && PeFolds > 1) begin : gen_check_flow
    $fatal(1, "r4_mvu: Flow (%0d) must be 0 or 1 where a beat is held for PeFolds (%0d) cycles", Flow, PeFolds);
  end

  // Where a beat is the whole vector, it is taken in the last of its PeFolds cycles.
  logic ready, last;
  r4_counter #(.Count(SimdFolds == 1 ? PeFolds : 1)) u_hold (
    .clk_i, .rst_ni, .step_i(x_valid_i && ready), .last_o(last)
  );
  assign x_ready_o = ready && last;

  r4_dot #(
    .Simd       (Simd),
    .Pe         (Pe),
    .SimdFolds  (SimdFolds),
    .Groups     (PeFolds),
    .XWidth     (XWidth),
    .XSigned    (XSigned),
    .WeightWidth(WeightWidth),
    .WeightKind (WeightKind),
    .ProdWidth  (ProdWidth),
    .SumWidth   (SumWidth),
    .AccWidth   (AccWidth),
    .Align      (Align),
    .ShiftWidth (ShiftWidth),
    .HasBias    (HasBias),
    .RowAdders  (RowAdders),
    .RowElements(RowElements),
    .AdderInputs(AdderInputs),
    .Fields     (Fields),
    .Spacing    (Spacing),
    .Chain      (Chain),
    .Overlap    (Overlap),
    .Pumped     (Pumped),
    .Block      (Block),
    .Late       (Late),
    .Flow       (Flow),
    .WeightFile (WeightFile),
    .BiasFile   (BiasFile),
    .ShiftFile  (ShiftFile)
  ) u_dot (
    .clk_i,
    .clk2x_i,
    .rst_ni,
    .x_valid_i,
    .x_ready_o(ready),
    .x_data_i,
    .y_valid_o,
    .y_ready_i,
    .y_data_o
  );

endmodule
