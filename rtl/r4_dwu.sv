// SPDX-License-Identifier: Apache-2.0
//
// Depthwise unit: Lanes channels at once, each with Multiplier kernels of its own, every stage pipelined.
//
// An output position comes as Groups groups of Lanes channels, each as TapFolds beats of Taps taps.
// Beat in:  Taps taps of Lanes channels: tap by tap, the first at the LSB (r4_taps with TapFolds = 1, or r4_window
//           with ChannelMajor = 1 and Taps = 1).
// Beat out: Lanes * Multiplier accumulators, channel by channel, a channel's multiples side by side; one beat a group.
// Sums, images of weights, biases and shifts, and all other parameters are r4_dot's, with Simd = Taps, Pe = Multiplier
// and SimdFolds = TapFolds.
// Latency:  r4_dot's, from the last beat taken to the sum offered.  Throughput: 1 beat/cycle.
// Flow: see r4_gate.  Reset: 2 cycles at least.

module r4_dwu #(
  parameter int unsigned Lanes       = 1,
  parameter int unsigned Multiplier  = 1,
  parameter int unsigned Groups      = 1,
  parameter int unsigned Taps        = 1,
  parameter int unsigned TapFolds    = 1,
  parameter int unsigned XWidth      = 8,
  parameter bit          XSigned     = 1'b1,
  parameter int unsigned WeightWidth = 8,
  parameter int unsigned WeightKind  = 0,
  parameter int unsigned ProdWidth   = 16,  // holds every product
  parameter int unsigned SumWidth    = 16,  // holds every sum of Taps products
  parameter int unsigned AccWidth    = 24,  // holds every partial sum with its shift and bias
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
  input  logic                                 clk_i,
  input  logic                                 clk2x_i,  // with Pumped, see r4_dot
  input  logic                                 rst_ni,

  input  logic                                 x_valid_i,
  output logic                                 x_ready_o,
  input  logic [Taps*Lanes*XWidth-1:0]         x_data_i,

  output logic                                 y_valid_o,
  input  logic                                 y_ready_i,
  output logic [Lanes*Multiplier*AccWidth-1:0] y_data_o
);

  if (Lanes == 0 || Multiplier == 0 || Groups == 0 || Taps == 0 || TapFolds == 0) begin : gen_check_size
    $fatal(1, "r4_dwu: Lanes (%0d), Multiplier (%0d), Groups (%0d), Taps (%0d) and TapFolds (%0d) must be at least 1",
           Lanes, Multiplier, Groups, Taps, TapFolds);
  end

  r4_dot #(
    .Lanes      (Lanes),
    .Simd       (Taps),
    .Pe         (Multiplier),
    .SimdFolds  (TapFolds),
    .Groups     (Groups),
    .XWidth     (XWidth),
    .XSigned    (XSigned),
    .WeightWidth(WeightWidth),
    .WeightKind (WeightKind),
    .ProdWidth  (ProdWidth),
    .SumWidth   (SumWidth),
    .AccWidth   (AccWidth),
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
    .x_ready_o,
    .x_data_i,
    .y_valid_o,
    .y_ready_i,
    .y_data_o
  );

endmodule
