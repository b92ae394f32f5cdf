// SPDX-License-Identifier: Apache-2.0
//
// Every lane in more bits, by its sign or by zeros.  Wires only.

module r4_extend #(
  parameter int unsigned Lanes   = 1,
  parameter int unsigned XWidth  = 8,
  parameter bit          XSigned = 1'b1,
  parameter int unsigned YWidth  = 8
) (
  input  logic [Lanes*XWidth-1:0] x_i,
  output logic [Lanes*YWidth-1:0] y_o
);

  if (YWidth < XWidth) begin : gen_check_widths
    $fatal(1, "r4_extend: YWidth (%0d) must be at least XWidth (%0d)", YWidth, XWidth);
  end

  for (genvar i = 0; i < int'(Lanes); i++) begin : gen_lane
    if (XSigned) begin : gen_signed
      assign y_o[i*YWidth+:YWidth] = YWidth'(signed'(x_i[i*XWidth+:XWidth]));
    end else begin : gen_unsigned
      assign y_o[i*YWidth+:YWidth] = YWidth'(x_i[i*XWidth+:XWidth]);
    end
  end

endmodule
