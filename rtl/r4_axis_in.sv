// SPDX-License-Identifier: Apache-2.0
//
// AXI4-Stream into the network: containers become packed elements, frames become exactly Beats beats.
// Beat:       Lanes elements, element 0 at the LSB, on both sides; an element is the low ElemWidth bits of its
//             container of ContainerWidth bits, the rest is ignored.
// Frame:      s_axis_tlast before beat Beats: beats of zeros complete the frame.  No s_axis_tlast with beat Beats: the
//             frame ends there, and what follows is swallowed up to and with s_axis_tlast.  Each such frame adds one
//             to errors_o (modulo 2**32).  The next frame is not touched.
// Flag:       one a frame, 1 for a frame of the wrong length; for each of Flags r4_axis_out, which take theirs each in
//             its own time.  It is known at the frame's last needed beat, or at the s_axis_tlast that comes before, and
//             offered the cycle after, no later than the beat.
// Latency:    1 cycle from a beat to y, and to its flag.  Throughput: 1 beat/cycle; a completed frame takes a cycle for
//             every beat added.
// FlagDepth:  flags that wait here for each output; with as many frames between both edges of the network, the input
//             waits.
// s_axis_tready comes from registers alone.

module r4_axis_in #(
  parameter int unsigned Lanes          = 1,
  parameter int unsigned ElemWidth      = 8,
  parameter int unsigned ContainerWidth = 8,
  parameter int unsigned Beats          = 1,
  parameter int unsigned Flags          = 1,
  parameter int unsigned FlagDepth      = 4
) (
  input  logic                            clk_i,
  input  logic                            rst_ni,

  input  logic                            s_axis_tvalid,
  output logic                            s_axis_tready,
  input  logic [Lanes*ContainerWidth-1:0] s_axis_tdata,
  input  logic                            s_axis_tlast,

  output logic                            y_valid_o,
  input  logic                            y_ready_i,
  output logic [Lanes*ElemWidth-1:0]      y_data_o,

  output logic [Flags-1:0]                flag_valid_o,
  input  logic [Flags-1:0]                flag_ready_i,
  output logic [Flags-1:0]                flag_data_o,

  output logic [31:0]                     errors_o
);

  if (Lanes == 0 || Beats == 0 || Flags == 0 || FlagDepth == 0) begin : gen_check_size
    $fatal(1, "r4_axis_in: Lanes (%0d), Beats (%0d), Flags (%0d) and FlagDepth (%0d) must be at least 1", Lanes,
           Beats, Flags, FlagDepth);
  end
  if (ElemWidth == 0 || ElemWidth > ContainerWidth) begin : gen_check_width
    $fatal(1, "r4_axis_in: ElemWidth (%0d) must be 1 to ContainerWidth (%0d)", ElemWidth, ContainerWidth);
  end

  localparam int unsigned CountWidth = Beats > 1 ? $clog2(Beats) : 1;

  // -- where in the frame: Pass takes its beats, Fill adds zeros, Drop swallows what is left over ----------------
  logic fill_q, drop_q;
  logic [CountWidth-1:0] count_q;  // beats of the frame that have gone to y
  logic pass, take, put, put_ready, final_beat, flag_put, flag_ready;
  logic [Flags-1:0] flags_ready;

  assign s_axis_tready = drop_q || pass;
  assign pass          = !fill_q && !drop_q && put_ready && flag_ready;
  assign take          = pass && s_axis_tvalid;
  assign put           = take || (fill_q && put_ready);
  assign final_beat    = count_q == CountWidth'(Beats - 1);
  assign flag_ready    = &flags_ready;
  assign flag_put      = take && (final_beat || s_axis_tlast);

  logic wrong;
  assign wrong = final_beat != s_axis_tlast;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      fill_q   <= 1'b0;
      drop_q   <= 1'b0;
      count_q  <= '0;
      errors_o <= '0;
    end else begin
      if (put)                                                 count_q <= final_beat ? '0 : count_q + 1'b1;
      if (take && s_axis_tlast && !final_beat)                 fill_q <= 1'b1;
      else if (put && final_beat)                              fill_q <= 1'b0;
      if (take && final_beat && !s_axis_tlast)                 drop_q <= 1'b1;
      else if (drop_q && s_axis_tvalid && s_axis_tlast)        drop_q <= 1'b0;
      if (flag_put && wrong)                                   errors_o <= errors_o + 32'd1;
    end
  end

  // -- elements ----------------------------------------------------------------------------------------------
  logic [Lanes*ElemWidth-1:0] elements;
  for (genvar i = 0; i < int'(Lanes); i++) begin : gen_lane
    assign elements[i*ElemWidth+:ElemWidth] = fill_q ? '0 : s_axis_tdata[i*ContainerWidth+:ElemWidth];
    if (ElemWidth < ContainerWidth) begin : gen_ignored
      logic unused;
      assign unused = ^s_axis_tdata[i*ContainerWidth+ElemWidth+:ContainerWidth-ElemWidth];
    end
  end

  r4_fifo #(
    .Width(Lanes * ElemWidth),
    .Depth(2)
  ) u_beats (
    .clk_i,
    .rst_ni,
    .x_valid_i(put),
    .x_ready_o(put_ready),
    .x_data_i (elements),
    .y_valid_o,
    .y_ready_i,
    .y_data_o
  );

  for (genvar i = 0; i < int'(Flags); i++) begin : gen_flag
    r4_fifo #(
      .Width(1),
      .Depth(FlagDepth)
    ) u_flags (
      .clk_i,
      .rst_ni,
      .x_valid_i(flag_put),
      .x_ready_o(flags_ready[i]),
      .x_data_i (wrong),
      .y_valid_o(flag_valid_o[i]),
      .y_ready_i(flag_ready_i[i]),
      .y_data_o (flag_data_o[i])
    );
  end

`ifndef SYNTHESIS
  ONE_STATE : assert property (@(posedge clk_i) disable iff (!rst_ni) !(fill_q && drop_q));
`endif
endmodule
