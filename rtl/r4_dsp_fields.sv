// SPDX-License-Identifier: Apache-2.0
//
// The sums that a chain of r4_dsp_mac makes side by side, out of its word; no LUTs but where fields overlap.
//
// Overlap = 0: p_i = sum of (sum_i + 2^(Spacing-1)) * 2^(Spacing*i), every sum_i a signed number of Spacing bits:
//              none of the fields is negative, so none borrows, and field i is sum_i in offset binary as it stands.
// Overlap = 1: p_i = sum of (sum_i + 2^Spacing - (i > 0)) * 2^(Spacing*i), sum_i of -2^Spacing < sum_i < 2^Spacing:
//              a field's top bit is added to the lowest bit of the next.  That bit is known: it is `low_i[i]`, the
//              lowest bit of sum_i; so the top bit is, and carry_o[i] takes it off the field above again.
// Field i is sum_i = field_o - 2^(Width-1) + carry_o[i], Width = Spacing + Overlap.  Combinational.

module r4_dsp_fields #(
  parameter  int unsigned Fields  = 2,
  parameter  int unsigned Spacing = 18,
  parameter  bit          Overlap = 1'b0,
  localparam int unsigned Width   = Overlap ? Spacing + 1 : Spacing,
  localparam int unsigned PWidth  = Overlap ? Fields * Spacing + 1 : Fields * Spacing
) (
  input  logic [PWidth-1:0]       p_i,
  input  logic [Fields-1:0]       low_i,  // of Overlap; [0] is not read
  output logic [Fields*Width-1:0] field_o,
  output logic [Fields-1:0]       carry_o
);

  for (genvar i = 0; i < int'(Fields); i++) begin : gen_field
    if (!Overlap) begin : gen_apart
      assign field_o[i*Width+:Width] = p_i[i*Spacing+:Spacing];
      assign carry_o[i] = 1'b0;
    end else begin : gen_overlap
      logic top;
      if (i + 1 < int'(Fields)) begin : gen_known
        assign top = ~(p_i[(i+1)*Spacing] ^ low_i[i+1]);
      end else begin : gen_last
        assign top = p_i[Fields*Spacing];
      end
      assign field_o[i*Width+:Width] = {top, p_i[i*Spacing+:Spacing]};
      if (i == 0) begin : gen_lowest
        assign carry_o[i] = 1'b0;
      end else begin : gen_above
        assign carry_o[i] = p_i[i*Spacing] ^ low_i[i];
      end
    end
  end
  logic unused;
  assign unused = Overlap ? low_i[0] : ^low_i;

endmodule
