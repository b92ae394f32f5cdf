// SPDX-License-Identifier: Apache-2.0
//
// First in, first out; cuts every path: x_ready_o, y_valid_o and y_data_o come from registers alone, y_data_o of banks
// through their OR.
// Capacity:   exactly Depth beats, the output register counted: that many are taken while none is given.
// Latency:    a beat taken in cycle t is offered in cycle t + 1 (MemoryKind 0) or t + 2 (MemoryKind 1).
// Slack:      beats that may still come once x_ready_o has fallen, from cells that run freely (r4_gate): it falls while so
//             many places are left, and what is offered is taken all the same.  0: a beat is taken where both are set.
// Throughput: 1 beat/cycle; below Depth 2 (MemoryKind 0) or 3 (MemoryKind 1) less: Depth beats every 2 or 3 cycles.
// MemoryKind 0: registers (Depth 1 and 2) or distributed memory   1: block RAM, whose read register is the output.
// Bank:       words of a bank of block RAM, with Least as r4_banks says; 0: one memory.
// peak_q (simulation only): the greatest number of beats held since reset.

module r4_fifo #(
  parameter int unsigned Width      = 8,
  parameter int unsigned Depth      = 2,
  parameter int unsigned Slack      = 0,
  parameter int unsigned MemoryKind = 0,
  parameter int unsigned Bank       = 0,
  parameter int unsigned Least      = 512
) (
  input  logic             clk_i,
  input  logic             rst_ni,

  input  logic             x_valid_i,
  output logic             x_ready_o,
  input  logic [Width-1:0] x_data_i,

  output logic             y_valid_o,
  input  logic             y_ready_i,
  output logic [Width-1:0] y_data_o
);

  if (Width == 0 || Depth == 0) begin : gen_check_size
    $fatal(1, "r4_fifo: Width (%0d) and Depth (%0d) must be at least 1", Width, Depth);
  end
  if (MemoryKind > 1) begin : gen_check_kind
    $fatal(1, "r4_fifo: MemoryKind (%0d) must be 0 or 1", MemoryKind);
  end
  if (Bank != 0 && MemoryKind != 1) begin : gen_check_bank
    $fatal(1, "r4_fifo: Bank (%0d) must be 0 unless MemoryKind (%0d) is 1", Bank, MemoryKind);
  end
  if (Slack > 0 && Depth < Slack + 2) begin : gen_check_slack
    $fatal(1, "r4_fifo: Depth (%0d) must be at least Slack (%0d) and two more", Depth, Slack);
  end

  localparam int unsigned CountWidth = $clog2(Depth + 1);
  localparam int unsigned Offered    = Depth - Slack;  // places that x_ready_o tells of

  logic push, open;
  assign push = x_valid_i && (Slack > 0 || x_ready_o);
  assign open = y_ready_i || !y_valid_o;  // the output register can be (over)written

  if (MemoryKind == 0 && Depth == 1) begin : gen_one
    assign x_ready_o = !y_valid_o;
    always_ff @(posedge clk_i) begin
      if (!rst_ni)   y_valid_o <= 1'b0;
      else if (open) y_valid_o <= push;
    end
    always_ff @(posedge clk_i) begin
      if (push) y_data_o <= x_data_i;
    end
  end else if (MemoryKind == 0 && Depth == 2) begin : gen_two
    logic spill_valid_q;  // implies y_valid_o
    logic [Width-1:0] spill_q;
    assign x_ready_o = !spill_valid_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        y_valid_o     <= 1'b0;
        spill_valid_q <= 1'b0;
      end else if (open) begin
        y_valid_o     <= spill_valid_q || push;
        spill_valid_q <= 1'b0;
      end else if (push) begin
        spill_valid_q <= 1'b1;
      end
    end
    always_ff @(posedge clk_i) begin
      if (open) y_data_o <= spill_valid_q ? spill_q : x_data_i;
      if (push) spill_q <= x_data_i;
    end
  end else begin : gen_memory
    // Beats beyond the output register. Distributed memory is never shorter than 32 words, so short ones are a power
    // of two and their addresses wrap by themselves.
    localparam int unsigned Kept      = Depth > 2 ? Depth - 1 : 1;
    localparam int unsigned AddrWidth = Kept > 1 ? $clog2(Kept) : 1;
    localparam int unsigned Words     = MemoryKind == 0 && Kept <= 32 ? 2 ** AddrWidth : Kept;
    localparam bit          Wraps     = Words == 2 ** AddrWidth;

    logic [AddrWidth-1:0] write_q, read_q;
    logic write, read;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        write_q <= '0;
        read_q  <= '0;
      end else begin
        if (write) write_q <= !Wraps && write_q == AddrWidth'(Words - 1) ? '0 : write_q + 1'b1;
        if (read)  read_q  <= !Wraps && read_q == AddrWidth'(Words - 1) ? '0 : read_q + 1'b1;
      end
    end

    if (MemoryKind == 0) begin : gen_distributed
      // Whatever the memory does not hold goes straight to the output register, so an empty one costs no cycle.
      logic [CountWidth-1:0] kept_q;  // beats in memory; more than none implies y_valid_o
      logic some_q, full_q;  // full_q: no place is left that x_ready_o tells of
      assign x_ready_o = !full_q;
      assign read      = open && some_q;
      assign write     = push && (!open || some_q);
      always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
          kept_q    <= '0;
          some_q    <= 1'b0;
          full_q    <= 1'b0;
          y_valid_o <= 1'b0;
        end else begin
          if (open) y_valid_o <= some_q || push;
          if (write && !read) begin
            kept_q <= kept_q + 1'b1;
            some_q <= 1'b1;
            full_q <= (Slack > 0 && full_q) || kept_q == CountWidth'(Offered - 2);
          end else if (read && !write) begin
            kept_q <= kept_q - 1'b1;
            some_q <= kept_q != CountWidth'(1);
            full_q <= Slack > 0 && full_q && kept_q != CountWidth'(Offered - 1);
          end
        end
      end

      (* ram_style = "distributed" *) logic [Width-1:0] mem [Words];
      always_ff @(posedge clk_i) begin
        if (write) mem[write_q] <= x_data_i;
      end
      always_ff @(posedge clk_i) begin
        if (open) y_data_o <= some_q ? mem[read_q] : x_data_i;
      end
    end else begin : gen_block
      logic [CountWidth-1:0] beats_q;  // in memory and at the output
      logic full_q, take;
      assign take      = y_valid_o && y_ready_i;
      assign x_ready_o = !full_q;
      assign read      = open && beats_q != CountWidth'(y_valid_o);
      assign write     = push;
      always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
          beats_q   <= '0;
          full_q    <= 1'b0;
          y_valid_o <= 1'b0;
        end else begin
          if (open) y_valid_o <= read;
          if (push && !take) begin
            beats_q <= beats_q + 1'b1;
            full_q  <= (Slack > 0 && full_q) || beats_q == CountWidth'(Offered - 1);
          end else if (!push && take) begin
            beats_q <= beats_q - 1'b1;
            full_q  <= Slack > 0 && full_q && beats_q != CountWidth'(Offered);
          end
        end
      end

      // A word is read in a later cycle than it was written: the two never meet.
      if (Bank != 0) begin : gen_banks
        r4_banks #(
          .Width(Width),
          .Depth(Words),
          .Bank (Bank),
          .Least(Least)
        ) u_banks (
          .clk_i,
          .write_i   (write),
          .write_at_i(write_q),
          .data_i    (x_data_i),
          .read_i    (read),
          .read_at_i (read_q),
          .data_o    (y_data_o)
        );
      end else begin : gen_one_memory
        (* ram_style = "block", no_rw_check *) logic [Width-1:0] mem [Words];
        always_ff @(posedge clk_i) begin
          if (write) mem[write_q] <= x_data_i;
        end
        always_ff @(posedge clk_i) begin
          if (read) y_data_o <= mem[read_q];
        end
      end
    end
  end

`ifndef SYNTHESIS
  int unsigned held_q /*verilator public_flat_rd*/;
  int unsigned peak_q /*verilator public_flat_rd*/;
  int unsigned held_d;
  assign held_d = held_q + 32'(push) - 32'(y_valid_o && y_ready_i);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      held_q <= 0;
      peak_q <= 0;
    end else begin
      held_q <= held_d;
      if (held_d > peak_q) peak_q <= held_d;
    end
  end

  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
  CAPACITY : assert property (@(posedge clk_i) disable iff (!rst_ni)
    x_ready_o == (held_q < Offered));
  SLACK_KEPT : assert property (@(posedge clk_i) disable iff (!rst_ni)
    push |-> held_q < Depth);
`endif
endmodule
