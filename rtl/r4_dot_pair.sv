// SPDX-License-Identifier: Apache-2.0
//
// w0 * x0 + w1 * x1 in LUTs, from x0, x1 and their ready-made sum (distributed arithmetic over a pair).
//
// Bit b of both weights chooses 0, x0, x1 or x0 + x1 for row b; the row is added onto the rows below it, that of the
// sign bits is subtracted.  Multiplexer and adder of a row share one LUT6 and carry a bit; RowAdders adders lie between
// registers: two of them make five levels of logic, a multiplexer and a LUT and carries of each; one suits LUT4s.
// Operands: registered outside, {x0 + x1, x1, x0, 0} for every stage, stage j's delayed by j enabled cycles more;
//           `tops_i` holds the top bit of each, `rests_i` the others.
// Result:   offset binary, value + 2^(PWidth-1) modulo 2^PWidth.
// Latency:  max(1, ceil((WeightWidth - 1) / RowAdders)) enabled cycles.  Throughput: 1 result/cycle.

module r4_dot_pair #(
  parameter  int unsigned XWidth      = 5,  // of x0, x1 and x0 + x1, at least 2
  parameter  bit          XSigned     = 1'b1,
  parameter  int unsigned WeightWidth = 4,
  parameter  int unsigned PWidth      = 9,
  parameter  int unsigned RowAdders   = 2,
  localparam int unsigned Stages      = WeightWidth > 1 ? (WeightWidth - 2) / RowAdders + 1 : 1
) (
  input  logic                     clk_i,
  input  logic                     en_i,
  input  logic [Stages*4-1:0] tops_i,
  input  logic [Stages*4*(XWidth-1)-1:0] rests_i,
  input  logic [WeightWidth-1:0]   w0_i,
  input  logic [WeightWidth-1:0]   w1_i,
  output logic [PWidth-1:0]        p_o
);

  for (genvar b = 0; b < int'(WeightWidth); b++) begin : gen_row
    localparam int unsigned Stage = b > 0 ? (b - 1) / RowAdders : 0;
    localparam bit          Last  = b == int'(WeightWidth) - 1;
    // bits of the sum of the rows up to this one
    localparam int unsigned Whole = b > 0 ? XWidth + b + 1 : XWidth;
    localparam int unsigned Width = Last || Whole > PWidth ? PWidth : Whole;

    logic [1:0] w;
    r4_lag #(.Width(2), .Cycles(Stage)) u_weights (.clk_i, .en_i, .x_i({w1_i[b], w0_i[b]}), .y_o(w));

    logic [3:0] tops;
    logic [4*(XWidth-1)-1:0] rests;
    assign tops  = tops_i[Stage*4+:4];
    assign rests = rests_i[Stage*4*(XWidth-1)+:4*(XWidth-1)];
    logic top;
    logic [XWidth-2:0] rest;
    assign top  = tops[w];
    assign rest = rests[w*(XWidth-1)+:XWidth-1];

    logic [Width-1:0] acc;  // rows up to this one
    if (b >= int'(PWidth)) begin : gen_beyond
      assign acc = gen_row[b-1].below ^ (Width'(Last) << (Width - 1));
      logic unused;
      assign unused = ^{top, rest};
    end else if (b == 0) begin : gen_first
      logic [Width-1:0] row;
      if (XSigned) begin : gen_signed
        assign row = Width'(signed'({top, rest}));
      end else begin : gen_unsigned
        assign row = Width'({top, rest});
      end
      assign acc = Last ? (Width'(1) << (Width - 1)) - row : row;
    end else begin : gen_add
      localparam int unsigned Upper = Width - b;
      localparam int unsigned Under = b > 1 ? XWidth + b : XWidth;
      localparam int unsigned Below = Under > PWidth ? PWidth : Under;
      localparam logic [Upper-1:0] Flip = Upper'(1) << (Upper - 1);
      logic [Upper-1:0] a, row, sum;
      if (XSigned) begin : gen_signed
        assign a   = Upper'(signed'(gen_row[b-1].below[Below-1:b]));
        assign row = Upper'(signed'({top, rest}));
      end else begin : gen_unsigned
        assign a   = Upper'(gen_row[b-1].below[Below-1:b]);
        assign row = Upper'({top, rest});
      end
      if (Last) begin : gen_last
        assign sum = a - (row ^ Flip);
      end else begin : gen_inner
        // Yosys orders the operands of an adder by their lowest bits, a wire by when its name came up: the constants
        // there keep the row second, whatever the cell is instantiated in, and only the second operand shares LUTs.
        logic one;
        assign {sum, one} = {a, 1'b0} + {row, 1'b1};
        logic unused;
        assign unused = one;
      end
      assign acc = {sum, gen_row[b-1].below[b-1:0]};
    end

    logic [Width-1:0] below;  // the same as the next row sees it
    if (Last || (b > 0 && b % RowAdders == 0)) begin : gen_register
      logic [Width-1:0] acc_q;
      always_ff @(posedge clk_i) begin
        if (en_i) acc_q <= acc;
      end
      assign below = acc_q;
    end else begin : gen_wire
      assign below = acc;
    end
  end
  assign p_o = gen_row[WeightWidth-1].below;

endmodule
