// SPDX-License-Identifier: Apache-2.0
//
// Follows one axis of r4_taps: walks over Extent positions, tells whether the position is in the frame (real_o),
// whether an output's last tap stands here (hit_o), and which taps of that window lie at or behind the frame's start.
// Latency: 1 cycle from step_i.

module r4_taps_axis #(
  parameter int unsigned Size      = 8,
  parameter int unsigned Extent    = 8,
  parameter int unsigned Kernel    = 3,
  parameter int unsigned Stride    = 1,
  parameter int unsigned Dilation  = 1,
  parameter int unsigned Pad       = 0,
  parameter int unsigned Positions = 6
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              step_i,
  output logic              last_o,
  output logic              real_o,
  output logic              hit_o,
  output logic [Kernel-1:0] inside_o
);

  localparam int unsigned Reach  = (Kernel - 1) * Dilation;
  localparam int unsigned FirstH = Reach > Pad ? Reach - Pad : 0;  // position of the first output's last tap
  localparam int unsigned LastH  = FirstH + (Positions - 1) * Stride;

  if (Extent <= 1) begin : gen_single
    assign last_o   = 1'b1;
    assign real_o   = 1'b1;
    assign hit_o    = 1'b1;
    assign inside_o = (Reach == 0) ? '1 : Kernel'(1) << (Kernel - 1);
    logic unused;
    assign unused = &{1'b0, clk_i, rst_ni, step_i};
  end else begin : gen_walk
    localparam int unsigned Bits = $clog2(Extent);
    logic [Bits-1:0] at_q;
    assign last_o = at_q == Bits'(Extent - 1);
    always_ff @(posedge clk_i) begin
      if (!rst_ni)     at_q <= '0;
      else if (step_i) at_q <= last_o ? '0 : at_q + 1'b1;
    end

    if (Extent > Size) begin : gen_real
      assign real_o = at_q < Bits'(Size);
    end else begin : gen_all_real
      assign real_o = 1'b1;
    end

    logic in_range, on_stride;
    if (FirstH > 0 && LastH < Extent - 1) begin : gen_both
      assign in_range = at_q >= Bits'(FirstH) && at_q <= Bits'(LastH);
    end else if (FirstH > 0) begin : gen_first
      assign in_range = at_q >= Bits'(FirstH);
    end else if (LastH < Extent - 1) begin : gen_last
      assign in_range = at_q <= Bits'(LastH);
    end else begin : gen_any
      assign in_range = 1'b1;
    end
    if (Stride > 1) begin : gen_stride
      // Counts positions since the first hit, modulo Stride.
      localparam int unsigned PhaseBits = $clog2(Stride);
      localparam int unsigned Start     = (Stride - FirstH % Stride) % Stride;
      logic [PhaseBits-1:0] phase_q;
      always_ff @(posedge clk_i) begin
        if (!rst_ni) phase_q <= PhaseBits'(Start);
        else if (step_i) begin
          phase_q <= last_o                              ? PhaseBits'(Start)
                   : phase_q == PhaseBits'(Stride - 1) ? '0 : phase_q + 1'b1;
        end
      end
      assign on_stride = phase_q == '0;
    end else begin : gen_every
      assign on_stride = 1'b1;
    end
    assign hit_o = in_range && on_stride;

    for (genvar k = 0; k < int'(Kernel); k++) begin : gen_tap
      localparam int unsigned Behind = (Kernel - 1 - k) * Dilation;
      if (Behind == 0 || Pad == 0) begin : gen_inside
        assign inside_o[k] = 1'b1;
      end else if (Behind >= Extent) begin : gen_outside
        assign inside_o[k] = 1'b0;
      end else begin : gen_compare
        assign inside_o[k] = at_q >= Bits'(Behind);
      end
    end
  end

endmodule
