// SPDX-License-Identifier: Apache-2.0
//
// Depthwise unit: Lanes channels at once, each with Multiplier kernels of its own, every stage pipelined.
//
// An output position comes as Groups groups of Lanes channels, each as TapFolds beats of Taps taps.
// Beat in:  Taps taps of Lanes channels: tap by tap, the first at the LSB (r4_taps with TapFolds = 1, or r4_window
//           with ChannelMajor = 1 and Taps = 1).
// Beat out: Lanes * Multiplier accumulators, channel by channel, a channel's multiples side by side; one beat a group.
// Weights:  word g * TapFolds + tf of the image holds output p (= lane * Multiplier + multiple), tap t at bit
//           (p * Taps + t) * WeightWidth; with Fields > 0 in r4_dot_dsp's order and coding, taps for elements.
// Bias:     word g holds output p at bit p * AccWidth; it starts the sum.
// WeightKind 0: integers   1: 0 -> +x, 1 -> -x
//            2: 2-bit two's complement -1, 0, 1   3: {negative, exponent + 1, or 0 for zero}, powers of two by shifting
// Shift:    per output left shift of the products' sum before the bias, word g of the image (ShiftWidth bits each);
//           ShiftWidth = 0 where there is none.
// Fields:   how integers are multiplied: 0 in LUTs (r4_dot_lut), else in DSP48E2 (r4_dot_dsp) of so many kernels of one
//           channel each, Spacing bits apart (sharing one bit where Overlap = 1), Chain slices in a cascade.
// Latency:  cycles from the last beat taken to the sum offered: 2 + that of r4_dot_lut behind its operands, 1 + that of
//           r4_dot_dsp, or 3 + ceil(log2(Taps)) with any other kind of weights.  Throughput: 1 beat/cycle.
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
  parameter int unsigned Fields      = 0,
  parameter int unsigned Spacing     = 1,
  parameter int unsigned Chain       = 1,
  parameter bit          Overlap     = 1'b0,
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
  if (Chain == 0 || Chain > Taps || (Fields == 0 && Chain > 1)) begin : gen_check_chain
    $fatal(1, "r4_dwu: Chain (%0d) must be 1 to Taps (%0d), and 1 where Fields is 0", Chain, Taps);
  end

  localparam int unsigned Pe     = Lanes * Multiplier;
  localparam int unsigned Folds  = Groups * TapFolds;
  localparam bit          Dsp    = WeightKind == 0 && Fields > 0;
  localparam bit          Lut    = WeightKind == 0 && Fields == 0;
  localparam int unsigned Rows   = WeightWidth > 1 ? (WeightWidth + 2) / 4 : 1;  // stages of r4_dot_pair
  localparam int unsigned Chains = (Taps + Chain - 1) / Chain;
  localparam int unsigned Terms  = Lut ? (Taps + 1) / 2 : Dsp ? Chains : Taps;
  localparam int unsigned Levels = Terms > 1 ? $clog2(Terms) : 0;
  // registers before the accumulator: operands and products, tree
  localparam int unsigned Stages = (Lut ? 1 + Rows : Dsp ? 2 + Chain : 2) + Levels;

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

  // -- weights ------------------------------------------------------------------------------------------------
  logic [Pe*Taps*WeightWidth-1:0] word;
  logic [Chain-1:0] step;  // every link of a chain turns to the beat a cycle after the one below
  if (Chain > 1) begin : gen_steps
    assign step = {valid_q[Chain-2:0] & {(Chain - 1){en}}, slot};
  end else begin : gen_step
    assign step = slot;
  end
  r4_rom_skewed #(
    .Unit    (Pe * WeightWidth),
    .Chains  (Chains),
    .Chain   (Chain),
    .Short   (Chains * Chain - Taps),
    .Depth   (Folds),
    .Block   (Block),
    .InitFile(WeightFile)
  ) u_weights (
    .clk_i,
    .rst_ni,
    .step_i(step),
    .word_o(word)
  );

  // -- products and their sum, channel by channel -------------------------------------------------------------
  logic [Pe*SumWidth-1:0] sum;
  logic [Pe-1:0] carry;  // of weight 1 in `sum`
  for (genvar l = 0; l < int'(Lanes); l++) begin : gen_lane
    logic [Taps*XWidth-1:0] taps;
    for (genvar t = 0; t < int'(Taps); t++) begin : gen_x
      assign taps[t*XWidth+:XWidth] = x_data_i[(t*int'(Lanes)+l)*XWidth+:XWidth];
    end
    logic [Multiplier*Taps*WeightWidth-1:0] w;  // the channel's part of the word
    if (Dsp) begin : gen_chain_order
      for (genvar k = 0; k < int'(Chain); k++) begin : gen_link
        localparam int unsigned Short = Chains * Chain - Taps;
        localparam int unsigned Here  = k < int'(Short) ? Chains - 1 : Chains;
        localparam int unsigned Part  = k * Chains - (k < int'(Short) ? k : Short);
        assign w[Part*Multiplier*WeightWidth+:Here*Multiplier*WeightWidth] =
            word[(Part*Pe+Here*Multiplier*l)*WeightWidth+:Here*Multiplier*WeightWidth];
      end
    end else begin : gen_plain_order
      assign w = word[l*Multiplier*Taps*WeightWidth+:Multiplier*Taps*WeightWidth];
    end

    if (Lut) begin : gen_lut
      r4_dot_lut #(
        .Simd       (Taps),
        .Pe         (Multiplier),
        .XWidth     (XWidth),
        .XSigned    (XSigned),
        .WeightWidth(WeightWidth),
        .ProdWidth  (ProdWidth),
        .SumWidth   (SumWidth),
        .Constant   (Folds == 1)
      ) u_dot (
        .clk_i,
        .en_i (en),
        .x_i  (taps),
        .w_i  (w),
        .sum_o(sum[l*Multiplier*SumWidth+:Multiplier*SumWidth])
      );
      assign carry[l*Multiplier+:Multiplier] = '0;
    end else if (Dsp) begin : gen_dsp
      r4_dot_dsp #(
        .Simd       (Taps),
        .Pe         (Multiplier),
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
        .x_i    (taps),
        .w_i    (w),
        .sum_o  (sum[l*Multiplier*SumWidth+:Multiplier*SumWidth]),
        .carry_o(carry[l*Multiplier+:Multiplier])
      );
    end else begin : gen_products
      logic [Taps*XWidth-1:0] x_q;
      logic [Multiplier*Taps*WeightWidth-1:0] w_q;
      assign carry[l*Multiplier+:Multiplier] = '0;
      r4_lag #(.Width(Taps * XWidth), .Cycles(1)) u_x (.clk_i, .en_i(en), .x_i(taps), .y_o(x_q));
      r4_lag #(
        .Width (Multiplier * Taps * WeightWidth),
        .Cycles(Folds == 1 ? 0 : 1)
      ) u_w (
        .clk_i,
        .en_i(en),
        .x_i(w),
        .y_o(w_q)
      );
      for (genvar m = 0; m < int'(Multiplier); m++) begin : gen_multiple
        logic [Taps*ProdWidth-1:0] prod;
        for (genvar t = 0; t < int'(Taps); t++) begin : gen_tap
          r4_product #(
            .XWidth     (XWidth),
            .XSigned    (XSigned),
            .WeightWidth(WeightWidth),
            .WeightKind (WeightKind),
            .PWidth     (ProdWidth)
          ) u_product (
            .clk_i,
            .en_i(en),
            .x_i (x_q[t*XWidth+:XWidth]),
            .w_i (w_q[(m*Taps+t)*WeightWidth+:WeightWidth]),
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
          .y_o(sum[(l*int'(Multiplier)+m)*SumWidth+:SumWidth])
        );
      end
    end
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
      logic [AccWidth-1:0] fill;  // below the sum its carry's ones, so that one more carry has its weight
      assign fill = ~({AccWidth{1'b1}} << shift[p*ShiftWidth+:ShiftWidth]) & {AccWidth{carry[p]}};
      assign term[p*AccWidth+:AccWidth] =
          fill | (AccWidth'(signed'(sum[p*SumWidth+:SumWidth])) << shift[p*ShiftWidth+:ShiftWidth]);
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
  always_ff @(posedge clk_i) begin
    if (!rst_ni) y_valid_o <= 1'b0;
    else if (en) y_valid_o <= valid_q[Stages-1] && last_q[Stages-1];
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
