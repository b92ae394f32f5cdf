// SPDX-License-Identifier: Apache-2.0
//
// Pe dot products of the same Simd elements in DSP48E2: Fields outputs side by side in a slice, the products of Chain
// slices added up along a cascade, the chains' sums by a tree of adders.
//
// A slice multiplies one element with Fields weights, Spacing bits apart; r4_dsp_fields says what its word means.
// Pumped = 1: slices run at clk2x_i (r4_dsp_pump) and multiply two elements a cycle, 2s and 2s + 1 where "element s" is
//             said below; a last one without a partner has 0 beside it.  second_i is r4_phase's.
// Fields > 1: weights come in offset binary (top bit inverted), so that packing is wiring, and the pre-adder takes the
// offsets off; else in two's complement.
// Overlap = 1 (Chain = 1, Pumped = 0): fields share a bit, see r4_dsp_fields.
// x_i:  Simd elements, element 0 at the LSB; later links' elements are delayed here.
// w_i:  weights in the order (link, output, chain), as r4_rom_skewed gives them: link k's k enabled cycles after those
//       of link 0.  Element s is link (s + Short) % Chain of chain (s + Short) / Chain; the first chain lacks
//       Short = Chains * Chain - Terms links, Terms = Simd or, pumped, half of it, rounded up.  Pumped, w_i is that of
//       element 2s in the first half of a cycle, that of 2s + 1 in the second, and a cycle behind x_i.
// Result: sum_o + carry_o of each output (carry_o is 0 but with Overlap).
// DSP48E2: ceil(Pe / Fields) * Terms.
// Latency: 2 + Pumped + Chain + that of r4_sum_tree of Chains = ceil(Terms / Chain) numbers, enabled cycles.
// Throughput: Pe sums/cycle.

module r4_dot_dsp #(
  parameter int unsigned Simd        = 1,
  parameter int unsigned Pe          = 1,
  parameter int unsigned XWidth      = 8,
  parameter bit          XSigned     = 1'b1,
  parameter int unsigned WeightWidth = 8,
  parameter int unsigned SumWidth    = 16,  // holds every sum of up to Simd products
  parameter int unsigned Fields      = 1,
  parameter int unsigned Spacing     = 16,  // holds every sum of Chain products
  parameter int unsigned Chain       = 1,
  parameter bit          Overlap     = 1'b0,
  parameter bit          Pumped      = 1'b0,
  parameter int unsigned AdderInputs = 3,   // of r4_sum_tree
  localparam int unsigned Terms      = Pumped ? (Simd + 1) / 2 : Simd
) (
  input  logic                            clk_i,
  input  logic                            clk2x_i,   // with Pumped
  input  logic                            en_i,
  input  logic                            second_i,  // with Pumped
  input  logic [Simd*XWidth-1:0]          x_i,
  input  logic [Pe*Terms*WeightWidth-1:0] w_i,
  output logic [Pe*SumWidth-1:0]          sum_o,
  output logic [Pe-1:0]                   carry_o
);

  localparam int unsigned Chains     = (Terms + Chain - 1) / Chain;
  localparam int unsigned Short      = Chains * Chain - Terms;
  localparam int unsigned Groups     = (Pe + Fields - 1) / Fields;
  localparam int unsigned Packed     = Spacing * (Fields - 1) + WeightWidth;
  localparam int unsigned Operand    = XSigned ? XWidth : XWidth + 1;
  localparam logic [WeightWidth-1:0] Half = Fields > 1 ? WeightWidth'(1) << (WeightWidth - 1) : '0;
  localparam bit          Swap       = Operand > 18;  // the element at the 27-bit port
  // lower weights may borrow from the top one; in 27 bits only the weights themselves can rule that out
  localparam int unsigned Word       = Fields > 1 && Packed < 27 ? Packed + 1 : Packed;
  localparam int unsigned AWidth     = Swap ? Operand : Word;
  localparam int unsigned BWidth     = Swap ? Packed : Operand;
  localparam int unsigned PWidth     = Overlap ? Fields * Spacing + 1 : Fields * Spacing;
  localparam int unsigned FieldWidth = Overlap ? Spacing + 1 : Spacing;

  if (Fields == 0 || Chain == 0 || Chain > Terms || (Swap && Fields > 1) || (Overlap && (Chain > 1 || Pumped)))
  begin : gen_check
    $fatal(1, "r4_dot_dsp: Fields (%0d) and Chain (%0d) must suit Simd (%0d), XWidth (%0d), Overlap (%0d) and Pumped (%0d)",
           Fields, Chain, Simd, XWidth, Overlap, Pumped);
  end

  // -- elements, each delayed as far as its link --------------------------------------------------------------
  logic [Terms*Operand-1:0] x;
  logic [Terms-1:0] x0_q;  // lowest bits, for Overlap
  for (genvar s = 0; s < int'(Terms); s++) begin : gen_x
    logic [XWidth-1:0] element;
    if (Pumped) begin : gen_pair
      localparam bit Both = 2 * s + 1 < int'(Simd);
      logic [2*XWidth-1:0] pair, both;
      if (Both) begin : gen_both
        assign both = x_i[2*s*XWidth+:2*XWidth];
      end else begin : gen_single
        assign both = {{XWidth{1'b0}}, x_i[2*s*XWidth+:XWidth]};
      end
      r4_lag #(
        .Width (2 * XWidth),
        .Cycles((s + Short) % Chain + 1)
      ) u_lag (
        .clk_i,
        .en_i,
        .x_i(both),
        .y_o(pair)
      );
      assign element = second_i ? pair[XWidth+:XWidth] : pair[0+:XWidth];
      assign x0_q[s] = 1'b0;
    end else begin : gen_one
      r4_lag #(
        .Width (XWidth),
        .Cycles((s + Short) % Chain)
      ) u_lag (
        .clk_i,
        .en_i,
        .x_i(x_i[s*XWidth+:XWidth]),
        .y_o(element)
      );
      always_ff @(posedge clk_i) begin
        if (en_i) x0_q[s] <= element[0];
      end
    end
    assign x[s*Operand+:Operand] = XSigned ? Operand'(element) : Operand'({1'b0, element});
  end

  // -- what the pre-adder and the first link add ----------------------------------------------------------------
  logic [Word-1:0] offset;
  logic [PWidth-1:0] origin;
  always_comb begin
    offset = '0;
    origin = '0;
    for (int i = 0; i < int'(Fields); i++) begin
      offset = offset - (Word'(Half) << (i * int'(Spacing)));
      origin = origin + (PWidth'(1) << (i * int'(Spacing) + int'(FieldWidth) - 1));
      if (Overlap && i > 0) origin = origin - (PWidth'(1) << (i * int'(Spacing)));
    end
  end

  // -- slices -------------------------------------------------------------------------------------------------
  logic [Pe*Chains*FieldWidth-1:0] sums;
  logic [Pe*Chains-1:0] carries;
  for (genvar g = 0; g < int'(Groups); g++) begin : gen_group
    localparam int unsigned Used = (g + 1) * Fields > Pe ? Pe - g * Fields : Fields;
    for (genvar c = 0; c < int'(Chains); c++) begin : gen_chain
      localparam int unsigned From = c == 0 ? Short : 0;
      logic [(Chain+1)*PWidth-1:0] p;  // [k]: into link k
      logic [Fields-1:0] low;
      assign p[From*PWidth+:PWidth] = origin;
      for (genvar k = int'(From); k < int'(Chain); k++) begin : gen_link
        localparam int unsigned Here = k < int'(Short) ? Chains - 1 : Chains;
        localparam int unsigned Part = k * Chains - (k < int'(Short) ? k : Short);
        localparam int unsigned Nth  = Chains - Here;
        localparam int unsigned S    = c * Chain + k - Short;
        logic [Packed-1:0] w;
        for (genvar i = 0; i < int'(Fields); i++) begin : gen_field
          // above a weight, below the next, nothing but zeros
          localparam int unsigned Room = i < int'(Fields) - 1 ? Spacing : WeightWidth;
          logic [WeightWidth-1:0] weight;
          if (i < int'(Used)) begin : gen_used
            assign weight = w_i[(Part*Pe+(g*Fields+i)*Here+c-Nth)*WeightWidth+:WeightWidth];
          end else begin : gen_empty
            assign weight = Half;  // zero
          end
          assign w[i*Spacing+:Room] = Room'(weight);
          if (Overlap && i > 0 && i < int'(Used)) begin : gen_low
            logic w0_q;
            always_ff @(posedge clk_i) begin
              if (en_i) w0_q <= weight[0];
            end
            r4_lag #(.Width(1), .Cycles(2)) u_low (.clk_i, .en_i, .x_i(w0_q && x0_q[S]), .y_o(low[i]));
          end else if (k == int'(Chain) - 1) begin : gen_none
            assign low[i] = 1'b0;
          end
        end
        logic [AWidth-1:0] a;
        logic [BWidth-1:0] b;
        assign a = Swap ? AWidth'(x[S*Operand+:Operand]) : Fields > 1 ? AWidth'(w) : AWidth'(signed'(w));
        assign b = Swap ? BWidth'(w) : BWidth'(x[S*Operand+:Operand]);
        if (Pumped) begin : gen_pump
          r4_dsp_pump #(
            .AWidth(AWidth),
            .BWidth(BWidth),
            .PWidth(PWidth)
          ) u_mac (
            .clk2x_i,
            .en_i,
            .second_i,
            .a_i(a),
            .d_i(Swap ? '0 : AWidth'(offset)),
            .b_i(b),
            .c_i(p[k*PWidth+:PWidth]),
            .p_o(p[(k+1)*PWidth+:PWidth])
          );
        end else begin : gen_mac
          r4_dsp_mac #(
            .AWidth(AWidth),
            .BWidth(BWidth),
            .PWidth(PWidth)
          ) u_mac (
            .clk_i,
            .en_i,
            .a_i(a),
            .d_i(Swap ? '0 : AWidth'(offset)),
            .b_i(b),
            .c_i(p[k*PWidth+:PWidth]),
            .p_o(p[(k+1)*PWidth+:PWidth])
          );
        end
      end
      logic [PWidth-1:0] total;  // the chain's; pumped, it stands in its slice for half a cycle
      r4_lag #(
        .Width (PWidth),
        .Cycles(int'(Pumped))
      ) u_total (
        .clk_i,
        .en_i,
        .x_i(p[Chain*PWidth+:PWidth]),
        .y_o(total)
      );
      logic [Fields*FieldWidth-1:0] field;
      logic [Fields-1:0] carry;
      r4_dsp_fields #(
        .Fields (Fields),
        .Spacing(Spacing),
        .Overlap(Overlap)
      ) u_fields (
        .p_i    (total),
        .low_i  (low),
        .field_o(field),
        .carry_o(carry)
      );
      for (genvar i = 0; i < int'(Used); i++) begin : gen_sum
        assign sums[((g*Fields+i)*Chains+c)*FieldWidth+:FieldWidth] = field[i*FieldWidth+:FieldWidth];
        assign carries[(g*Fields+i)*Chains+c] = carry[i];
      end
      logic unused;
      assign unused = ^{field, carry};
    end
  end
  logic unused;
  assign unused = ^{x0_q, offset, clk2x_i, second_i};

  for (genvar q = 0; q < int'(Pe); q++) begin : gen_pe
    r4_sum_tree #(
      .Inputs     (Chains),
      .InWidth    (FieldWidth),
      .OutWidth   (SumWidth),
      .Carry      (Overlap),
      .AdderInputs(AdderInputs)
    ) u_tree (
      .clk_i,
      .en_i,
      .x_i(sums[q*Chains*FieldWidth+:Chains*FieldWidth]),
      .c_i(carries[q*Chains+:Chains]),
      .y_o(sum_o[q*SumWidth+:SumWidth]),
      .c_o(carry_o[q])
    );
  end

endmodule
