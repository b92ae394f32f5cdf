// SPDX-License-Identifier: Apache-2.0
//
// Product with a constant of the position along one axis: y = x * factor[position]; two of these in a row scale rows
// and columns. The axis has Size positions of Inner beats each (columns: Inner = groups of a pixel; rows: Inner = beats
// of a row). Products are kept to YWidth bits and wrap there, so one is right wherever it fits.
// Beat: Lanes elements on both sides, element 0 at the LSB.  FactorFile: Size words, unsigned.
// One adder for every bit of a factor but the lowest, each with a register behind it.
// Latency: FactorWidth cycles.  Throughput: 1 beat/cycle.  Flow: see r4_gate.

module r4_scale #(
  parameter int unsigned Lanes       = 1,
  parameter int unsigned XWidth      = 8,
  parameter bit          XSigned     = 1'b1,
  parameter int unsigned Size        = 1,
  parameter int unsigned Inner       = 1,
  parameter int unsigned FactorWidth = 2,
  parameter int unsigned YWidth      = 10,
  parameter int unsigned Flow        = 0,
  parameter              FactorFile  = ""
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,

  input  logic                    x_valid_i,
  output logic                    x_ready_o,
  input  logic [Lanes*XWidth-1:0] x_data_i,

  output logic                    y_valid_o,
  input  logic                    y_ready_i,
  output logic [Lanes*YWidth-1:0] y_data_o
);

  if (Lanes == 0 || XWidth == 0 || Size == 0 || Inner == 0) begin : gen_check_size
    $fatal(1, "r4_scale: Lanes (%0d), XWidth (%0d), Size (%0d) and Inner (%0d) must be at least 1",
           Lanes, XWidth, Size, Inner);
  end
  if (FactorWidth == 0 || YWidth == 0) begin : gen_check_width
    $fatal(1, "r4_scale: FactorWidth (%0d) and YWidth (%0d) must be at least 1", FactorWidth, YWidth);
  end

  localparam int unsigned SumWidth = XWidth + FactorWidth + 1;

  logic en, slot, last_inner;
  assign slot = x_valid_i && (Flow == 2 || x_ready_o);
  r4_pipe #(.Stages(FactorWidth), .Flow(Flow)) u_pipe (
    .clk_i, .rst_ni, .x_valid_i, .x_ready_o, .y_valid_o, .y_ready_i, .en_o(en)
  );

  logic [FactorWidth-1:0] factor;
  r4_counter #(.Count(Inner)) u_inner (.clk_i, .rst_ni, .step_i(slot), .last_o(last_inner));
  r4_rom #(
    .Width(FactorWidth), .Depth(Size), .InitFile(FactorFile)
  ) u_factor (
    .clk_i, .rst_ni, .step_i(slot && last_inner), .word_o(factor)
  );
  logic [FactorWidth-1:0] times;  // bit j of the factor of the beat that enters row j
  assign times[0] = factor[0];
  for (genvar j = 1; j < int'(FactorWidth); j++) begin : gen_times
    if (j == 1) begin : gen_now
      assign times[j] = factor[j];
    end else begin : gen_later
      r4_delay #(.Width(1), .Depth(j - 1)) u_times (.clk_i, .step_i(en), .x_i(factor[j]), .y_o(times[j]));
    end
  end

  for (genvar i = 0; i < int'(Lanes); i++) begin : gen_lane
    // With its sign in front, which of an unsigned element is 0.
    logic signed [XWidth:0] x_d;
    assign x_d = {XSigned && x_data_i[(i+1)*XWidth-1], x_data_i[i*XWidth+:XWidth]};

    // Row j is x where bit j of the factor is set, else 0, by its register's reset. It is added a cycle later.
    logic signed [XWidth:0] x [FactorWidth];
    logic signed [SumWidth-1:0] sum_q [FactorWidth];
    assign x[0] = x_d;
    always_ff @(posedge clk_i) begin
      if (en) sum_q[0] <= times[0] ? SumWidth'(x_d) : '0;
    end
    for (genvar j = 1; j < int'(FactorWidth); j++) begin : gen_row
      logic signed [XWidth:0] x_q, row_q;
      logic signed [XWidth+1:0] upper;  // the lower bits take no part any more
      assign x[j]  = x_q;
      assign upper = (XWidth + 2)'(sum_q[j-1] >>> j) + (XWidth + 2)'(row_q);
      always_ff @(posedge clk_i) begin
        if (en) begin
          x_q      <= x[j-1];
          row_q    <= times[j] ? x[j-1] : '0;
          sum_q[j] <= SumWidth'(signed'({upper, sum_q[j-1][j-1:0]}));
        end
      end
    end
    logic unused;
    assign unused = ^x[FactorWidth-1];
    assign y_data_o[i*YWidth+:YWidth] = YWidth'(sum_q[FactorWidth-1]);
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni || Flow != 0)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
