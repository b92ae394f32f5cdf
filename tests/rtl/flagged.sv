// SPDX-License-Identifier: Apache-2.0
//
// Edges of two inputs and two outputs. y carries the beats of a and waits for its flags; z carries those of b and waits
// for the flags of both.

module flagged (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic        a_axis_tvalid,
  output logic        a_axis_tready,
  input  logic [7:0]  a_axis_tdata,
  input  logic        a_axis_tlast,

  input  logic        b_axis_tvalid,
  output logic        b_axis_tready,
  input  logic [7:0]  b_axis_tdata,
  input  logic        b_axis_tlast,

  output logic        y_axis_tvalid,
  input  logic        y_axis_tready,
  output logic [7:0]  y_axis_tdata,
  output logic        y_axis_tlast,
  output logic        y_axis_tuser,

  output logic        z_axis_tvalid,
  input  logic        z_axis_tready,
  output logic [7:0]  z_axis_tdata,
  output logic        z_axis_tlast,
  output logic        z_axis_tuser,

  output logic [31:0] errors_o
);

  logic a_valid, a_ready, b_valid, b_ready;
  logic [7:0] a_data, b_data;
  logic [1:0] a_flag_valid, a_flag_ready, a_flag_data;
  logic b_flag_valid, b_flag_ready, b_flag_data;
  logic [31:0] a_errors, b_errors;

  assign errors_o = a_errors + b_errors;

  r4_axis_in #(
    .Beats(2),
    .Flags(2)
  ) u_a (
    .clk_i,
    .rst_ni,
    .s_axis_tvalid(a_axis_tvalid),
    .s_axis_tready(a_axis_tready),
    .s_axis_tdata (a_axis_tdata),
    .s_axis_tlast (a_axis_tlast),
    .y_valid_o    (a_valid),
    .y_ready_i    (a_ready),
    .y_data_o     (a_data),
    .flag_valid_o (a_flag_valid),
    .flag_ready_i (a_flag_ready),
    .flag_data_o  (a_flag_data),
    .errors_o     (a_errors)
  );

  r4_axis_in #(
    .Beats(3)
  ) u_b (
    .clk_i,
    .rst_ni,
    .s_axis_tvalid(b_axis_tvalid),
    .s_axis_tready(b_axis_tready),
    .s_axis_tdata (b_axis_tdata),
    .s_axis_tlast (b_axis_tlast),
    .y_valid_o    (b_valid),
    .y_ready_i    (b_ready),
    .y_data_o     (b_data),
    .flag_valid_o (b_flag_valid),
    .flag_ready_i (b_flag_ready),
    .flag_data_o  (b_flag_data),
    .errors_o     (b_errors)
  );

  r4_axis_out #(
    .Beats(2)
  ) u_y (
    .clk_i,
    .rst_ni,
    .x_valid_i    (a_valid),
    .x_ready_o    (a_ready),
    .x_data_i     (a_data),
    .flag_valid_i (a_flag_valid[0]),
    .flag_ready_o (a_flag_ready[0]),
    .flag_data_i  (a_flag_data[0]),
    .m_axis_tvalid(y_axis_tvalid),
    .m_axis_tready(y_axis_tready),
    .m_axis_tdata (y_axis_tdata),
    .m_axis_tlast (y_axis_tlast),
    .m_axis_tuser (y_axis_tuser)
  );

  r4_axis_out #(
    .Beats(3),
    .Flags(2)
  ) u_z (
    .clk_i,
    .rst_ni,
    .x_valid_i    (b_valid),
    .x_ready_o    (b_ready),
    .x_data_i     (b_data),
    .flag_valid_i ({b_flag_valid, a_flag_valid[1]}),
    .flag_ready_o ({b_flag_ready, a_flag_ready[1]}),
    .flag_data_i  ({b_flag_data, a_flag_data[1]}),
    .m_axis_tvalid(z_axis_tvalid),
    .m_axis_tready(z_axis_tready),
    .m_axis_tdata (z_axis_tdata),
    .m_axis_tlast (z_axis_tlast),
    .m_axis_tuser (z_axis_tuser)
  );
endmodule
