// SPDX-License-Identifier: Apache-2.0
//
// Lanes * Pe exact dot products at once, Pe of each lane's vector, every stage pipelined; weights, biases and shifts
// come from memory images.  r4_mvu and r4_dwu are made of it.
//
// A vector is SimdFolds beats of Simd elements.  Groups vectors are multiplied with as many sets of weights, round and
// round.
// Beat in:  Simd elements of Lanes vectors: element by element, lanes side by side, the first at the LSB.
// Beat out: Lanes * Pe accumulators, lane by lane, a lane's outputs side by side, the first at the LSB; one beat a vector.
// Weights:  word g * SimdFolds + sf of the image holds output p (= lane * Pe + output), element s at bit
//           (p * Simd + s) * WeightWidth; with Fields > 0 in r4_dot_dsp's order and coding.
// Bias:     word g holds output p at bit p * AccWidth; it starts the sum.
// WeightKind 0: integers   1: 0 -> +x, 1 -> -x
//            2: 2-bit two's complement -1, 0, 1   3: {negative, exponent + 1, or 0 for zero}, powers of two by shifting
// Fields:   how integers are multiplied: 0 in LUTs (r4_dot_lut), else in DSP48E2 (r4_dot_dsp) of so many outputs of one
//           lane each, Spacing bits apart (sharing one bit where Overlap = 1), Chain slices in a cascade.
// Pumped:   those run at clk2x_i, two products in a cycle; two words of the image, for r4_dot_dsp, are then one here.
// RowAdders: adders between registers in r4_dot_pair, of products in LUTs.  RowElements: elements of one, see r4_dot_lut.
// AdderInputs: numbers that an adder of the trees takes, see r4_sum_tree: 3 where a LUT has two outputs, else 2.
// Late:     cycles by which integers are multiplied later: one for memories of weights that are read by a register alone
//           (r4_rom_late), each further one for the way from there.  0 where Pumped, and where there is but one word.
// Align:    left shift of every output's sum of products before the bias.
// Shift:    one more left shift, of each output its own, from word g of the image (ShiftWidth bits each);
//           ShiftWidth = 0 where there is none.
// Latency:  cycles from the last beat taken to the sum offered: 1 + that of r4_dot_lut, of r4_dot_dsp, or of
//           r4_dot_coded with any other kind of weights; Late more.  Throughput: 1 beat/cycle.
// Flow:     see r4_gate.  Reset: 2 cycles at least.

module r4_dot #(
  parameter int unsigned Lanes       = 1,
  parameter int unsigned Simd        = 1,
  parameter int unsigned Pe          = 1,
  parameter int unsigned SimdFolds   = 1,
  parameter int unsigned Groups      = 1,
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
  input  logic                         clk_i,
  input  logic                         clk2x_i,  // of twice the rate, with Pumped: see r4_phase
  input  logic                         rst_ni,

  input  logic                         x_valid_i,
  output logic                         x_ready_o,
  input  logic [Simd*Lanes*XWidth-1:0] x_data_i,

  output logic                         y_valid_o,
  input  logic                         y_ready_i,
  output logic [Lanes*Pe*AccWidth-1:0] y_data_o
);

  if (WeightKind > 3) begin : gen_check_kind
    $fatal(1, "r4_dot: WeightKind (%0d) must be 0 to 3", WeightKind);
  end
  if (Chain == 0 || Chain > Simd || (Fields == 0 && Chain > 1)) begin : gen_check_chain
    $fatal(1, "r4_dot: Chain (%0d) must be 1 to Simd (%0d), and 1 where Fields is 0", Chain, Simd);
  end
  if (Late > 0 && (WeightKind > 0 || Pumped || Words == 1)) begin : gen_check_late
    $fatal(1, "r4_dot: Late (%0d) must be 0 but where integers have several words of weights, at one clock", Late);
  end
  if (Pumped && !Dsp) begin : gen_check_pumped
    $fatal(1, "r4_dot: Pumped (%0d) must be 0 where Fields (%0d) or WeightKind (%0d) puts products into LUTs",
           Pumped, Fields, WeightKind);
  end

  if (RowAdders == 0) begin : gen_check_adders
    $fatal(1, "r4_dot: RowAdders (%0d) must be at least 1", RowAdders);
  end

  // Levels of a tree that adds up `terms` numbers, `most` at a time.
  function automatic int unsigned levels(input int unsigned terms, input int unsigned most);
    levels = 0;
    for (int unsigned left = terms; left > 1; left = (left + most - 1) / most) levels = levels + 1;
  endfunction

  localparam int unsigned Outputs = Lanes * Pe;
  localparam int unsigned Words   = Groups * SimdFolds;  // of weights
  localparam bit          Dsp     = WeightKind == 0 && Fields > 0;
  localparam bit          Lut     = WeightKind == 0 && Fields == 0;
  localparam int unsigned Rows    = WeightWidth > 1 ? (WeightWidth - 2) / RowAdders + 1 : 1;  // stages of r4_dot_pair
  localparam int unsigned Factors = Pumped ? (Simd + 1) / 2 : Simd;  // weights of an output in a word of the image
  localparam int unsigned Chains  = (Factors + Chain - 1) / Chain;
  localparam int unsigned Short   = Chains * Chain - Factors;
  localparam int unsigned Terms   = Lut ? (Simd + RowElements - 1) / RowElements : Dsp ? Chains : Simd;
  localparam int unsigned Most    = !Lut && !Dsp || Overlap ? 2 : AdderInputs;  // numbers that an adder of the tree takes
  localparam int unsigned Levels  = levels(Terms, Most);
  // registers before the accumulator: operands and products, tree
  localparam int unsigned Stages  = Late + (Lut ? 1 + Rows : Dsp ? 2 + int'(Pumped) + Chain : 2) + Levels;

  // -- control: one beat a cycle while the pipeline moves -----------------------------------------------------
  logic en, slot, first, last;
  r4_gate #(.Flow(Flow)) u_gate (
    .x_valid_i, .x_ready_o, .y_valid_i(y_valid_o), .y_ready_i, .en_o(en), .take_o(slot)
  );
  r4_span #(.Count(SimdFolds), .First(0), .Size(1)) u_folds (
    .clk_i, .rst_ni, .step_i(slot), .last_o(last), .inside_o(first)
  );

  logic [Stages-1:0] valid_q, first_q, last_q;  // [0]: beside the operand register
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else if (en) valid_q <= {valid_q[Stages-2:0], slot};
  end
  always_ff @(posedge clk_i) begin
    if (en) begin
      first_q <= {first_q[Stages-2:0], first};
      last_q  <= {last_q[Stages-2:0], last};
    end
  end

  // -- weights ------------------------------------------------------------------------------------------------
  logic [Outputs*Factors*WeightWidth-1:0] word;
  logic [Chain-1:0] step;  // every link of a chain turns to the beat a cycle after the one below
  logic [Chain:0] second;  // one more for the elements
  if (Pumped) begin : gen_pumped
    assign step = valid_q[Chain-1:0] & {Chain{en}};
    r4_phase #(.Copies(Chain + 1)) u_phase (.clk_i, .clk2x_i, .second_o(second));
  end else begin : gen_plain
    if (Chain > 1) begin : gen_steps
      assign step = {valid_q[Chain-2:0] & {(Chain - 1){en}}, slot};
    end else begin : gen_step
      assign step = slot;
    end
    assign second = '0;
    logic unused;
    assign unused = ^{clk2x_i, second};
  end
  logic [Outputs*Factors*WeightWidth-1:0] read;
  r4_rom_skewed #(
    .Unit      (Outputs * WeightWidth),
    .Chains    (Chains),
    .Chain     (Chain),
    .Short     (Short),
    .Depth     (Words),
    .Registered(Dsp || Block),  // products in LUTs register their weights
    .Block     (Block),
    .Pumped    (Pumped),
    .Late      (Late > 0),
    .InitFile  (WeightFile)
  ) u_weights (
    .clk_i,
    .clk2x_i,
    .rst_ni,
    .en_i    (en),
    .second_i(second[Chain-1:0]),
    .step_i  (step),
    .word_o  (read)
  );
  r4_lag #(
    .Width (Outputs * Factors * WeightWidth),
    .Cycles(Late > 0 ? Late - 1 : 0)
  ) u_way (
    .clk_i,
    .en_i(en),
    .x_i (read),
    .y_o (word)
  );

  // -- products and their sum, lane by lane -------------------------------------------------------------------
  logic [Outputs*SumWidth-1:0] sum;
  logic [Outputs-1:0] carry;  // of weight 1 in `sum`
  for (genvar l = 0; l < int'(Lanes); l++) begin : gen_lane
    logic [Simd*XWidth-1:0] x;
    for (genvar s = 0; s < int'(Simd); s++) begin : gen_x
      assign x[s*XWidth+:XWidth] = x_data_i[(s*int'(Lanes)+l)*XWidth+:XWidth];
    end
    logic [Pe*Factors*WeightWidth-1:0] w;  // the lane's part of the word
    if (Dsp) begin : gen_chain_order
      for (genvar k = 0; k < int'(Chain); k++) begin : gen_link
        localparam int unsigned Here = k < int'(Short) ? Chains - 1 : Chains;
        localparam int unsigned Part = k * Chains - (k < int'(Short) ? k : Short);
        assign w[Part*Pe*WeightWidth+:Here*Pe*WeightWidth] =
            word[(Part*Outputs+Here*Pe*l)*WeightWidth+:Here*Pe*WeightWidth];
      end
    end else begin : gen_plain_order
      assign w = word[l*Pe*Simd*WeightWidth+:Pe*Simd*WeightWidth];
    end

    logic [Simd*XWidth-1:0] x_late;
    r4_lag #(.Width(Simd * XWidth), .Cycles(Late)) u_late (.clk_i, .en_i(en), .x_i(x), .y_o(x_late));
    if (Lut) begin : gen_lut
      r4_dot_lut #(
        .Simd       (Simd),
        .Pe         (Pe),
        .XWidth     (XWidth),
        .XSigned    (XSigned),
        .WeightWidth(WeightWidth),
        .ProdWidth  (ProdWidth),
        .SumWidth   (SumWidth),
        .RowAdders  (RowAdders),
        .RowElements(RowElements),
        .AdderInputs(AdderInputs),
        .Constant   (Words == 1)
      ) u_dot (
        .clk_i,
        .en_i (en),
        .x_i  (x_late),
        .w_i  (w),
        .sum_o(sum[l*Pe*SumWidth+:Pe*SumWidth])
      );
      assign carry[l*Pe+:Pe] = '0;
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
        .Overlap    (Overlap),
        .Pumped     (Pumped),
        .AdderInputs(AdderInputs)
      ) u_dot (
        .clk_i,
        .clk2x_i,
        .en_i    (en),
        .second_i(second[Chain]),
        .x_i     (x_late),
        .w_i     (w),
        .sum_o   (sum[l*Pe*SumWidth+:Pe*SumWidth]),
        .carry_o (carry[l*Pe+:Pe])
      );
    end else begin : gen_coded
      r4_dot_coded #(
        .Simd       (Simd),
        .Pe         (Pe),
        .XWidth     (XWidth),
        .XSigned    (XSigned),
        .WeightWidth(WeightWidth),
        .WeightKind (WeightKind),
        .ProdWidth  (ProdWidth),
        .SumWidth   (SumWidth),
        .Constant   (Words == 1)
      ) u_dot (
        .clk_i,
        .en_i (en),
        .x_i  (x_late),
        .w_i  (w),
        .sum_o(sum[l*Pe*SumWidth+:Pe*SumWidth])
      );
      assign carry[l*Pe+:Pe] = '0;
    end
  end

  // -- bias and shift of the group, read when its first products reach the accumulator -------------------------
  localparam int unsigned Upper = AccWidth - Align;  // bits of an accumulator that products reach
  logic [Outputs*AccWidth-1:0] bias;
  logic [Outputs*Upper-1:0] term;
  logic group_step;
  assign group_step = en && valid_q[Stages-1] && last_q[Stages-1];
  if (HasBias) begin : gen_bias
    r4_rom #(
      .Width   (Outputs * AccWidth),
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
    logic [Outputs*ShiftWidth-1:0] shift;
    r4_rom #(
      .Width   (Outputs * ShiftWidth),
      .Depth   (Groups),
      .InitFile(ShiftFile)
    ) u_shift (
      .clk_i,
      .rst_ni,
      .step_i(group_step),
      .word_o(shift)
    );
    for (genvar p = 0; p < int'(Outputs); p++) begin : gen_shifted
      logic [Upper-1:0] fill;  // below the sum its carry's ones, so that one more carry has its weight
      assign fill = ~({Upper{1'b1}} << shift[p*ShiftWidth+:ShiftWidth]) & {Upper{carry[p]}};
      assign term[p*Upper+:Upper] = fill |
          (Upper'(signed'(sum[p*SumWidth+:SumWidth])) << shift[p*ShiftWidth+:ShiftWidth]);
    end
  end else begin : gen_no_shift
    for (genvar p = 0; p < int'(Outputs); p++) begin : gen_plain
      assign term[p*Upper+:Upper] = Upper'(signed'(sum[p*SumWidth+:SumWidth]));
    end
  end

  // -- accumulators: the output register ----------------------------------------------------------------------
  // A copy of valid_q[Stages-1] for some hundred flip-flops each.
  localparam int unsigned Copies = (Outputs * AccWidth + 1023) / 1024;
  (* keep *) logic [Copies-1:0] valid_copy_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_copy_q <= '0;
    else if (en) valid_copy_q <= {Copies{valid_q[Stages-2]}};
  end
  for (genvar p = 0; p < int'(Outputs); p++) begin : gen_acc
    logic load;
    assign load = en && valid_copy_q[p*AccWidth/1024];
    logic [AccWidth-1:0] acc_q, base, next;
    assign base = SimdFolds == 1 || first_q[Stages-1] ? bias[p*AccWidth+:AccWidth] : acc_q;
    // Yosys orders the operands of an adder by their lowest bits (see r4_dot_pair): the constants there fix the order.
    // The choice of the second operand shares the adder's LUTs.
    if (Overlap) begin : gen_carry
      // not that of the first, the base, whose choice takes LUTs of its own: what the cost model was fitted to
      logic [1:0] unused;
      assign {next[AccWidth-1:Align], unused} =
          {base[AccWidth-1:Align], carry[p], 1'b0} + {term[p*Upper+:Upper], carry[p], 1'b1};
    end else begin : gen_plain
      logic one, unused;
      assign {next[AccWidth-1:Align], one} = {term[p*Upper+:Upper], 1'b0} + {base[AccWidth-1:Align], 1'b1};
      assign unused = one ^ carry[p];
    end
    if (Align > 0) begin : gen_below
      assign next[Align-1:0] = base[Align-1:0];
    end
    always_ff @(posedge clk_i) begin
      if (load) acc_q <= next;
    end
    assign y_data_o[p*AccWidth+:AccWidth] = acc_q;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) y_valid_o <= 1'b0;
    else if (en) y_valid_o <= valid_q[Stages-1] && last_q[Stages-1];
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni || Flow != 0)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
