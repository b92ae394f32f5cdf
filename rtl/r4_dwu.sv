// SPDX-License-Identifier: Apache-2.0
//
// Depthwise unit: Lanes channels at once, each with Multiplier kernels of its own, every stage pipelined.
//
// An output position comes as Groups groups of Lanes channels, each as TapFolds beats of Taps taps.
// Beat in:  Taps taps of Lanes channels: tap by tap, the first at the LSB (r4_taps with TapFolds = 1, or r4_window
//           with ChannelMajor = 1 and Taps = 1).
// Beat out: Lanes * Multiplier accumulators, channel by channel, a channel's multiples side by side; one beat a group.
// Weights:  word g * TapFolds + tf of the image holds output p (= lane * Multiplier + multiple), tap t at bit
//           (p * Taps + t) * WeightWidth.
// Bias:     word g holds output p at bit p * AccWidth; it starts the sum.
// WeightKind 0: integers (a multiplier each; Dsp = 1 puts it into a DSP48E2)   1: 0 -> +x, 1 -> -x
//            2: 2-bit two's complement -1, 0, 1   3: {negative, exponent + 1, or 0 for zero}, powers of two by shifting
// Shift:    per output left shift of the products' sum before the bias, word g of the image (ShiftWidth bits each);
//           ShiftWidth = 0 where there is none.
// Latency:  3 + ceil(log2(Taps)) cycles from the last beat taken to the sum offered.  Throughput: 1 beat/cycle.
// Reset: 2 cycles at least.  The ready path is combinational from y_ready_i to x_ready_o.

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
  parameter bit          Dsp         = 1'b0,
  parameter bit          Block       = 1'b0,
  parameter              WeightFile  = "",
  parameter              BiasFile    = "",
  parameter              ShiftFile   = ""
) (
  input  logic                                 clk_i,
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
  if (WeightKind > 3) begin : gen_check_kind
    $fatal(1, "r4_dwu: WeightKind (%0d) must be 0 to 3", WeightKind);
  end

  localparam int unsigned Pe     = Lanes * Multiplier;
  localparam int unsigned Folds  = Groups * TapFolds;
  localparam int unsigned Levels = Taps > 1 ? $clog2(Taps) : 0;
  localparam int unsigned Stages = 2 + Levels;  // registers before the accumulator: operands, product, tree

  // -- control: one beat a cycle while the pipeline moves -----------------------------------------------------
  logic en, slot, first_tf, last_tf;
  assign en        = y_ready_i || !y_valid_o;
  assign x_ready_o = en;
  assign slot      = en && x_valid_i;
  r4_span #(.Count(TapFolds), .First(0), .Size(1)) u_folds (
    .clk_i, .rst_ni, .step_i(slot), .last_o(last_tf), .inside_o(first_tf)
  );

  logic [Stages-1:0] valid_q, first_q, last_q;  // [0]: beside the operand register
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else if (en) valid_q <= {valid_q[Stages-2:0], slot};
  end
  always_ff @(posedge clk_i) begin
    if (en) begin
      first_q <= {first_q[Stages-2:0], first_tf};
      last_q  <= {last_q[Stages-2:0], last_tf};
    end
  end

  // -- operands -----------------------------------------------------------------------------------------------
  logic [Taps*Lanes*XWidth-1:0] x;
  logic [Pe*Taps*WeightWidth-1:0] word, w;
  r4_rom #(
    .Width   (Pe * Taps * WeightWidth),
    .Depth   (Folds),
    .Block   (Block),
    .InitFile(WeightFile)
  ) u_weights (
    .clk_i,
    .rst_ni,
    .step_i(slot),
    .word_o(word)
  );
  if (Dsp) begin : gen_operands_in_dsp
    assign x = x_data_i;
    assign w = word;
  end else begin : gen_operands
    logic [Taps*Lanes*XWidth-1:0] x_q;
    always_ff @(posedge clk_i) begin
      if (en) x_q <= x_data_i;
    end
    assign x = x_q;
    if (Folds > 1) begin : gen_word
      logic [Pe*Taps*WeightWidth-1:0] w_q;
      always_ff @(posedge clk_i) begin
        if (en) w_q <= word;
      end
      assign w = w_q;
    end else begin : gen_constant
      assign w = word;
    end
  end

  // -- products and their sum ---------------------------------------------------------------------------------
  logic [Pe*SumWidth-1:0] sum;
  for (genvar p = 0; p < int'(Pe); p++) begin : gen_pe
    logic [Taps*ProdWidth-1:0] prod;
    for (genvar t = 0; t < int'(Taps); t++) begin : gen_tap
      r4_product #(
        .XWidth     (XWidth),
        .XSigned    (XSigned),
        .WeightWidth(WeightWidth),
        .WeightKind (WeightKind),
        .Dsp        (Dsp),
        .PWidth     (ProdWidth)
      ) u_product (
        .clk_i,
        .en_i(en),
        .x_i (x[(t*int'(Lanes)+p/int'(Multiplier))*int'(XWidth)+:XWidth]),
        .w_i (w[(p*Taps+t)*WeightWidth+:WeightWidth]),
        .p_o (prod[t*ProdWidth+:ProdWidth])
      );
    end
    r4_adder_tree #(
      .Inputs  (Taps),
      .InWidth (ProdWidth),
      .OutWidth(SumWidth)
    ) u_tree (
      .clk_i,
      .en_i(en),
      .x_i(prod),
      .y_o(sum[p*SumWidth+:SumWidth])
    );
  end

  // -- bias and shift of the group, read when its first products reach the accumulator -------------------------
  logic [Pe*AccWidth-1:0] bias, term;
  logic group_step;
  assign group_step = en && valid_q[Stages-1] && last_q[Stages-1];
  if (HasBias) begin : gen_bias
    r4_rom #(
      .Width   (Pe * AccWidth),
      .Depth   (Groups),
      .InitFile(BiasFile)
    ) u_bias (
      .clk_i,
      .rst_ni,
      .step_i(group_step),
      .word_o(bias)
    );
  end else begin : gen_no_bias
    assign bias = '0;
    logic unused;
    assign unused = group_step;
  end
  if (ShiftWidth > 0) begin : gen_shift
    logic [Pe*ShiftWidth-1:0] shift;
    r4_rom #(
      .Width   (Pe * ShiftWidth),
      .Depth   (Groups),
      .InitFile(ShiftFile)
    ) u_shift (
      .clk_i,
      .rst_ni,
      .step_i(group_step),
      .word_o(shift)
    );
    for (genvar p = 0; p < int'(Pe); p++) begin : gen_pe_shift
      assign term[p*AccWidth+:AccWidth] =
          AccWidth'(signed'(sum[p*SumWidth+:SumWidth])) << shift[p*ShiftWidth+:ShiftWidth];
    end
  end else begin : gen_no_shift
    for (genvar p = 0; p < int'(Pe); p++) begin : gen_pe_term
      assign term[p*AccWidth+:AccWidth] = AccWidth'(signed'(sum[p*SumWidth+:SumWidth]));
    end
  end

  // -- accumulators: the output register ----------------------------------------------------------------------
  logic load;
  assign load = en && valid_q[Stages-1];
  for (genvar p = 0; p < int'(Pe); p++) begin : gen_acc
    logic [AccWidth-1:0] acc_q, base;
    assign base = TapFolds == 1 || first_q[Stages-1] ? bias[p*AccWidth+:AccWidth] : acc_q;
    always_ff @(posedge clk_i) begin
      if (load) acc_q <= base + term[p*AccWidth+:AccWidth];
    end
    assign y_data_o[p*AccWidth+:AccWidth] = acc_q;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) y_valid_o <= 1'b0;
    else if (en) y_valid_o <= valid_q[Stages-1] && last_q[Stages-1];
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
