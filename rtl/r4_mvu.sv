// SPDX-License-Identifier: Apache-2.0
//
// Matrix-vector unit: Pe exact dot products at once, Simd products each, every stage pipelined.
//
// A frame's output position is a vector of Dot = SimdFolds * Simd elements against PeFolds * Pe weight columns.
// Beat in:  Simd elements, element 0 at the LSB.  SimdFolds > 1: the SimdFolds beats of a vector come PeFolds times
//           over (the window cell replays them).  SimdFolds = 1: a beat is one vector, taken once and held PeFolds cycles.
// Beat out: Pe accumulators, channel 0 at the LSB; PeFolds beats a position.
// Weights:  word nf * SimdFolds + sf of the image holds column p, element s at bit (p * Simd + s) * WeightWidth;
//           with Fields > 0 in r4_dot_dsp's order and coding.
// Bias:     word nf holds channel p at bit p * AccWidth; it starts the sum.
// WeightKind 0: integers   1: 0 -> +x, 1 -> -x
//            2: 2-bit two's complement -1, 0, 1   3: {negative, exponent + 1, or 0 for zero}, powers of two by shifting
// Fields:   how integers are multiplied: 0 in LUTs (r4_dot_lut), else in DSP48E2 (r4_dot_dsp) of so many products each,
//           Spacing bits apart (sharing one bit where Overlap = 1), Chain slices in a cascade.
// Align:    left shift of every channel's sum of products before the bias.
// Shift:    one more left shift, of each channel its own, from word nf of the image (ShiftWidth bits each);
//           ShiftWidth = 0 where there is none.
// Latency:  cycles from the last beat taken to the sum offered: 2 + that of r4_dot_lut behind its operands, 1 + that of
//           r4_dot_dsp, or 3 + ceil(log2(Simd)) with any other kind of weights.
// Throughput: a slot a cycle; PeFolds * SimdFolds slots a position.
// Reset: 2 cycles at least.  The ready path is combinational from y_ready_i to x_ready_o.

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
  parameter int unsigned Fields      = 0,
  parameter int unsigned Spacing     = 1,
  parameter int unsigned Chain       = 1,
  parameter bit          Overlap     = 1'b0,
  parameter bit          Block       = 1'b0,
  parameter              WeightFile  = "",
  parameter              BiasFile    = "",
  parameter              ShiftFile   = ""
) (
  input  logic                   clk_i,
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
  if (WeightKind > 3) begin : gen_check_kind
    $fatal(1, "r4_mvu: WeightKind (%0d) must be 0 to 3", WeightKind);
  end
  if (Chain == 0 || Chain > Simd || (Fields == 0 && Chain > 1)) begin : gen_check_chain
    $fatal(1, "r4_mvu: Chain (%0d) must be 1 to Simd (%0d), and 1 where Fields is 0", Chain, Simd);
  end

  localparam int unsigned Folds  = PeFolds * SimdFolds;
  localparam bit          Dsp    = WeightKind == 0 && Fields > 0;
  localparam bit          Lut    = WeightKind == 0 && Fields == 0;
  localparam int unsigned Rows   = WeightWidth > 1 ? (WeightWidth + 2) / 4 : 1;  // stages of r4_dot_pair
  localparam int unsigned Chains = (Simd + Chain - 1) / Chain;
  localparam int unsigned Terms  = Lut ? (Simd + 1) / 2 : Dsp ? Chains : Simd;
  localparam int unsigned Levels = Terms > 1 ? $clog2(Terms) : 0;
  // registers before the accumulator: operands and products, tree
  localparam int unsigned Stages = (Lut ? 1 + Rows : Dsp ? 2 + Chain : 2) + Levels;

  // -- control: one slot a cycle while the pipeline moves -------------------------------------------------
  logic en, slot, last_sf, first_sf;
  assign en = y_ready_i || !y_valid_o;

  if (SimdFolds > 1) begin : gen_sf
    localparam int unsigned SfWidth = $clog2(SimdFolds);
    logic [SfWidth-1:0] sf_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni)   sf_q <= '0;
      else if (slot) sf_q <= last_sf ? '0 : sf_q + 1'b1;
    end
    assign last_sf   = sf_q == SfWidth'(SimdFolds - 1);
    assign first_sf  = sf_q == '0;
    assign x_ready_o = en;
  end else begin : gen_no_sf
    assign last_sf  = 1'b1;
    assign first_sf = 1'b1;
    if (PeFolds > 1) begin : gen_hold
      localparam int unsigned NfWidth = $clog2(PeFolds);
      logic [NfWidth-1:0] nf_q;
      logic last_nf;
      assign last_nf = nf_q == NfWidth'(PeFolds - 1);
      always_ff @(posedge clk_i) begin
        if (!rst_ni)   nf_q <= '0;
        else if (slot) nf_q <= last_nf ? '0 : nf_q + 1'b1;
      end
      assign x_ready_o = en && last_nf;
    end else begin : gen_pass
      assign x_ready_o = en;
    end
  end
  assign slot = en && x_valid_i;

  logic [Stages-1:0] valid_q, first_q, last_q;  // [0]: beside the operand register
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
    end else if (en) begin
      valid_q <= {valid_q[Stages-2:0], slot};
    end
  end
  always_ff @(posedge clk_i) begin
    if (en) begin
      first_q <= {first_q[Stages-2:0], first_sf};
      last_q  <= {last_q[Stages-2:0], last_sf};
    end
  end

  // -- weights --------------------------------------------------------------------------------------------
  logic [Pe*Simd*WeightWidth-1:0] word;
  logic [Chain-1:0] step;  // every link of a chain turns to the slot a cycle after the one below
  if (Chain > 1) begin : gen_steps
    assign step = {valid_q[Chain-2:0] & {(Chain - 1){en}}, slot};
  end else begin : gen_step
    assign step = slot;
  end
  r4_rom_skewed #(
    .Unit    (Pe * WeightWidth),
    .Chains  (Chains),
    .Chain   (Chain),
    .Short   (Chains * Chain - Simd),
    .Depth   (Folds),
    .Block   (Block),
    .InitFile(WeightFile)
  ) u_weights (
    .clk_i,
    .rst_ni,
    .step_i(step),
    .word_o(word)
  );

  // -- bias and shift travel by output fold, read when the first products of the fold reach the accumulator -----
  logic bias_step;
  assign bias_step = en && valid_q[Stages-1] && last_q[Stages-1];

  // -- products and their sum -----------------------------------------------------------------------------
  logic [Pe*SumWidth-1:0] sum;
  logic [Pe-1:0] carry;  // of weight 1 in `sum`
  if (Lut) begin : gen_lut
    r4_dot_lut #(
      .Simd       (Simd),
      .Pe         (Pe),
      .XWidth     (XWidth),
      .XSigned    (XSigned),
      .WeightWidth(WeightWidth),
      .ProdWidth  (ProdWidth),
      .SumWidth   (SumWidth),
      .Constant   (Folds == 1)
    ) u_dot (
      .clk_i,
      .en_i (en),
      .x_i  (x_data_i),
      .w_i  (word),
      .sum_o(sum)
    );
    assign carry = '0;
  end else if (Dsp) begin : gen_dsp
    r4_dot_dsp #(
      .Simd       (Simd),
      .Pe         (Pe),
      .XWidth     (XWidth),
      .XSigned    (XSigned),
      .WeightWidth(WeightWidth),
      .SumWidth   (SumWidth),
      .Fields     (Fields),
      .Spacing    (Spacing),
      .Chain      (Chain),
      .Overlap    (Overlap)
    ) u_dot (
      .clk_i,
      .en_i   (en),
      .x_i    (x_data_i),
      .w_i    (word),
      .sum_o  (sum),
      .carry_o(carry)
    );
  end else begin : gen_products
    logic [Simd*XWidth-1:0] x;
    logic [Pe*Simd*WeightWidth-1:0] w;
    assign carry = '0;
    r4_lag #(.Width(Simd * XWidth), .Cycles(1)) u_x (.clk_i, .en_i(en), .x_i(x_data_i), .y_o(x));
    r4_lag #(
      .Width (Pe * Simd * WeightWidth),
      .Cycles(Folds == 1 ? 0 : 1)
    ) u_w (
      .clk_i,
      .en_i(en),
      .x_i(word),
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
          .en_i(en),
          .x_i (x[s*XWidth+:XWidth]),
          .w_i (w[(p*Simd+s)*WeightWidth+:WeightWidth]),
          .p_o (prod[s*ProdWidth+:ProdWidth])
        );
      end
      r4_adder_tree #(
        .Inputs  (Simd),
        .InWidth (ProdWidth),
        .OutWidth(SumWidth)
      ) u_tree (
        .clk_i,
        .en_i(en),
        .x_i(prod),
        .y_o(sum[p*SumWidth+:SumWidth])
      );
    end
  end

  // -- accumulators: the output register ------------------------------------------------------------------
  logic [Pe*AccWidth-1:0] bias;
  if (HasBias) begin : gen_bias
    r4_rom #(
      .Width(Pe * AccWidth),
      .Depth(PeFolds),
      .InitFile(BiasFile)
    ) u_bias (
      .clk_i,
      .rst_ni,
      .step_i(bias_step),
      .word_o(bias)
    );
  end else begin : gen_no_bias
    assign bias = '0;
    logic unused;
    assign unused = bias_step;
  end

  logic [Pe*AccWidth-1:0] term;
  if (ShiftWidth > 0) begin : gen_shift
    logic [Pe*ShiftWidth-1:0] shift;
    r4_rom #(
      .Width(Pe * ShiftWidth),
      .Depth(PeFolds),
      .InitFile(ShiftFile)
    ) u_shift (
      .clk_i,
      .rst_ni,
      .step_i(bias_step),
      .word_o(shift)
    );
    for (genvar p = 0; p < int'(Pe); p++) begin : gen_pe_shift
      logic [AccWidth-1:0] fill;  // below the sum its carry's ones, so that one more carry has its weight
      assign fill = ~({AccWidth{1'b1}} << Align << shift[p*ShiftWidth+:ShiftWidth]) & {AccWidth{carry[p]}};
      assign term[p*AccWidth+:AccWidth] = fill |
          (AccWidth'(signed'(sum[p*SumWidth+:SumWidth])) << Align << shift[p*ShiftWidth+:ShiftWidth]);
    end
  end else begin : gen_no_shift
    for (genvar p = 0; p < int'(Pe); p++) begin : gen_pe_term
      assign term[p*AccWidth+:AccWidth] = (AccWidth'(signed'(sum[p*SumWidth+:SumWidth])) << Align) |
          (~({AccWidth{1'b1}} << Align) & {AccWidth{carry[p]}});
    end
  end

  logic load;
  assign load = en && valid_q[Stages-1];
  for (genvar p = 0; p < int'(Pe); p++) begin : gen_acc
    logic [AccWidth-1:0] acc_q, base;
    if (SimdFolds > 1) begin : gen_accumulate
      assign base = first_q[Stages-1] ? bias[p*AccWidth+:AccWidth] : acc_q;
    end else begin : gen_once
      assign base = bias[p*AccWidth+:AccWidth];
    end
    // The sum stays the first operand: the choice of the second shares the adder's LUTs.
    if (Overlap) begin : gen_carry
      logic [AccWidth:0] next;
      assign next = {term[p*AccWidth+:AccWidth], carry[p]} + {base, carry[p]};
      always_ff @(posedge clk_i) begin
        if (load) acc_q <= next[AccWidth:1];
      end
      logic unused;
      assign unused = next[0];
    end else begin : gen_plain
      always_ff @(posedge clk_i) begin
        if (load) acc_q <= signed'(term[p*AccWidth+:AccWidth]) + signed'(base);
      end
      logic unused;
      assign unused = carry[p];
    end
    assign y_data_o[p*AccWidth+:AccWidth] = acc_q;
  end
  if (SimdFolds == 1) begin : gen_unused
    logic unused;
    assign unused = ^first_q;
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
