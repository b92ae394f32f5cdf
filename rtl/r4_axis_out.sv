// SPDX-License-Identifier: Apache-2.0
//
// The network's output as AXI4-Stream: each element in its container, frames of Beats beats.
// Beat:       Lanes elements, element 0 at the LSB, on both sides; an element is extended to ContainerWidth bits, by
//             its sign where Signed is 1.
// Frame:      m_axis_tlast with every beat number Beats.
// m_axis_tuser: 1 on the last beat of a frame of which an input had the wrong length (a flag of one of Flags r4_axis_in),
//             and on those earlier beats that come after this is known.  Only the last beat tells for sure: a beat may
//             leave long before its frame has ended at an input.
// The last beat is offered once the flags of its frame are here. A network whose last output needs its last input
// loses no cycle by that; otherwise the frame ends here 2 cycles after its last input beat was taken, at the earliest.
// A waiting beat is held here, and nothing can follow it, so the cells behind still take the rest of the frame.
// Latency:    1 cycle.  Throughput: 1 beat/cycle.
// The ready path is combinational from m_axis_tready to x_ready_o; the other outputs are registers.

module r4_axis_out #(
  parameter int unsigned Lanes          = 1,
  parameter int unsigned ElemWidth      = 8,
  parameter bit          Signed         = 1'b1,
  parameter int unsigned ContainerWidth = 8,
  parameter int unsigned Beats          = 1,
  parameter int unsigned Flags          = 1
) (
  input  logic                            clk_i,
  input  logic                            rst_ni,

  input  logic                            x_valid_i,
  output logic                            x_ready_o,
  input  logic [Lanes*ElemWidth-1:0]      x_data_i,

  input  logic [Flags-1:0]                flag_valid_i,
  output logic [Flags-1:0]                flag_ready_o,
  input  logic [Flags-1:0]                flag_data_i,

  output logic                            m_axis_tvalid,
  input  logic                            m_axis_tready,
  output logic [Lanes*ContainerWidth-1:0] m_axis_tdata,
  output logic                            m_axis_tlast,
  output logic                            m_axis_tuser
);

  if (Lanes == 0 || Beats == 0 || Flags == 0) begin : gen_check_size
    $fatal(1, "r4_axis_out: Lanes (%0d), Beats (%0d) and Flags (%0d) must be at least 1", Lanes, Beats, Flags);
  end
  if (ElemWidth == 0 || ElemWidth > ContainerWidth) begin : gen_check_width
    $fatal(1, "r4_axis_out: ElemWidth (%0d) must be 1 to ContainerWidth (%0d)", ElemWidth, ContainerWidth);
  end

  localparam int unsigned CountWidth = Beats > 1 ? $clog2(Beats) : 1;

  logic wait_q;  // the last beat is in the register, its flag is not here yet
  logic [CountWidth-1:0] count_q;
  logic load, last, flag_valid, flag_take;

  assign x_ready_o    = !wait_q && (!m_axis_tvalid || m_axis_tready);
  assign load         = x_valid_i && x_ready_o;
  assign last         = count_q == CountWidth'(Beats - 1);
  assign flag_valid   = &flag_valid_i;
  assign flag_take    = wait_q || (load && last);

  for (genvar i = 0; i < int'(Flags); i++) begin : gen_flag  // taken together
    localparam logic [Flags-1:0] Own = Flags'(1) << i;
    assign flag_ready_o[i] = flag_take && &(flag_valid_i | Own);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wait_q        <= 1'b0;
      count_q       <= '0;
      m_axis_tvalid <= 1'b0;
    end else begin
      if (load)                                count_q <= last ? '0 : count_q + 1'b1;
      if (load)                                m_axis_tvalid <= !last || flag_valid;
      else if (wait_q)                         m_axis_tvalid <= flag_valid;
      else if (m_axis_tready)                  m_axis_tvalid <= 1'b0;
      if (load && last)                        wait_q <= !flag_valid;
      else if (flag_valid)                     wait_q <= 1'b0;
    end
  end

  logic [Lanes*ContainerWidth-1:0] containers;
  for (genvar i = 0; i < int'(Lanes); i++) begin : gen_lane
    if (Signed) begin : gen_signed
      assign containers[i*ContainerWidth+:ContainerWidth] =
          ContainerWidth'(signed'(x_data_i[i*ElemWidth+:ElemWidth]));
    end else begin : gen_unsigned
      assign containers[i*ContainerWidth+:ContainerWidth] = ContainerWidth'(x_data_i[i*ElemWidth+:ElemWidth]);
    end
  end

  always_ff @(posedge clk_i) begin
    if (load) begin
      m_axis_tdata <= containers;
      m_axis_tlast <= last;
    end
    if (load || wait_q) m_axis_tuser <= flag_valid && |flag_data_i;
  end

`ifndef SYNTHESIS
  M_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axis_tvalid && !m_axis_tready |=>
      m_axis_tvalid && $stable(m_axis_tdata) && $stable(m_axis_tlast) && $stable(m_axis_tuser));
  ALONE : assert property (@(posedge clk_i) disable iff (!rst_ni) wait_q |-> !m_axis_tvalid);
`endif
endmodule
