// SPDX-License-Identifier: Apache-2.0
//
// One job of a board's shell from start to end: it starts the movers, gates and counts what enters and leaves the
// network, finds counts and frames that do not agree, ends early where it is told to, and resets network and path.
// A job:      start_i -> reset of network and path -> run -> done.  Every job ends with done (status_o bit 1).
// Refused:    frames_i = 0 or an unaligned destination: bad length and done at once, nothing runs.
// Bad length: a beat beyond the last frame is offered; or all runs were taken and read, the path offers nothing for
//             QuietCycles cycles, and bytes asked for are not the bytes that entered the network, or the frames that
//             entered are not frames_i.  The job aborts itself.
// Abort:      no more runs (read_abort_o), no more bursts (write_abort_o); when both movers are idle, network and path
//             are reset, and the job is done with bit 5 of status_o.  abort_i counts at any time of a job.
// Reset:      net_rst_no and path_clear_o last ResetCycles cycles, at the start and after an abort; the movers are never
//             reset, so no burst is ever cut.
// status_o:   busy, done, read error, write error, frame error, aborted, bad length; the last five stay until the start.
// Network:    in_* watches the beats that are offered to it; in_open_o must gate valid and ready, in_last_o is tlast.
//             out_* watches what it gives; out_last_o marks the job's last beat.  Both are combinational from counters.

module r4_job #(
  parameter int unsigned FrameBeats  = 1,   // beats of a frame at the network's input
  parameter int unsigned BeatBytes   = 2,   // bytes of counts of such a beat
  parameter int unsigned ResetCycles = 8,
  parameter int unsigned QuietCycles = 256
) (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic        start_i,
  input  logic        abort_i,
  input  logic        clear_i,
  input  logic [31:0] frames_i,
  input  logic        aligned_i,     // the destination is
  output logic [6:0]  status_o,

  output logic        net_rst_no,
  output logic        path_clear_o,
  output logic        go_o,          // pulse: the movers start
  output logic        read_abort_o,
  output logic        write_abort_o,

  input  logic        run_valid_i,
  input  logic        run_ready_i,
  input  logic [31:0] run_bytes_i,
  input  logic        runs_done_i,   // all runs were taken
  input  logic        read_idle_i,
  input  logic        read_error_i,
  input  logic        write_done_i,
  input  logic        write_idle_i,
  input  logic        write_error_i,

  input  logic        in_valid_i,    // offered by the path, before the gate
  input  logic        in_ready_i,    // of the network
  output logic        in_open_o,
  output logic        in_last_o,
  input  logic        out_valid_i,
  input  logic        out_ready_i,
  input  logic        out_tlast_i,
  output logic        out_last_o,
  input  logic [31:0] net_errors_i,

  output logic [63:0] cycles_o,
  output logic [31:0] starved_o,
  output logic [31:0] blocked_o,
  output logic [31:0] frames_done_o,
  output logic [31:0] first_frame_o,
  output logic [31:0] frame_errors_o,
  output logic [31:0] axi_errors_o
);

  if (FrameBeats == 0 || BeatBytes == 0) begin : gen_check_size
    $fatal(1, "r4_job: FrameBeats (%0d) and BeatBytes (%0d) must be at least 1", FrameBeats, BeatBytes);
  end
  if (ResetCycles < 2 || QuietCycles < 2) begin : gen_check_cycles
    $fatal(1, "r4_job: ResetCycles (%0d) and QuietCycles (%0d) must be at least 2", ResetCycles, QuietCycles);
  end

  localparam int unsigned ResetWidth = $clog2(ResetCycles);
  localparam int unsigned QuietWidth = $clog2(QuietCycles);

  typedef enum logic [2:0] {Idle, Reset, Go, Run, Drain} state_e;
  state_e state_q;
  logic [ResetWidth-1:0] reset_q;
  logic ending_q;   // the reset is that after an abort
  logic abort_q;    // abort_i came during the first reset
  logic done_q, read_error_q, write_error_q, aborted_q, bad_q;

  // -- what enters the network ---------------------------------------------------------------------------------
  logic take, frame_in, partial_q;
  logic [31:0] to_come_q, left_q;   // frames that have not entered whole; bytes asked for that have not entered
  logic all_in_q;
  assign in_open_o = state_q == Run && !all_in_q;
  assign take      = in_open_o && in_valid_i && in_ready_i;
  assign frame_in  = take && in_last_o;

  logic net_rst_q;
  assign net_rst_no   = net_rst_q;
  assign path_clear_o = !net_rst_q;

  r4_counter #(.Count(FrameBeats)) u_beats (.clk_i, .rst_ni(net_rst_q), .step_i(take), .last_o(in_last_o));

  always_ff @(posedge clk_i) begin
    if (!net_rst_q) begin
      to_come_q <= frames_i;
      left_q    <= '0;
      all_in_q  <= 1'b0;
      partial_q <= 1'b0;
    end else begin
      if (take) partial_q <= !in_last_o;
      if (frame_in) begin
        to_come_q <= to_come_q - 32'd1;
        all_in_q  <= to_come_q == 32'd1;
      end
      left_q <= left_q + (run_valid_i && run_ready_i ? run_bytes_i : 32'd0) - (take ? 32'(BeatBytes) : 32'd0);
    end
  end

  // -- counts and frames must agree ------------------------------------------------------------------------------
  // read_q: all runs were taken and read; the reader may still be about to accept the last run, so two cycles.
  logic read_q, agreed_q, quiet_q, excess, mismatch;
  logic [QuietWidth-1:0] quiet_count_q;
  assign excess   = state_q == Run && all_in_q && in_valid_i;
  assign mismatch = state_q == Run && quiet_q && !agreed_q;
  always_ff @(posedge clk_i) begin
    if (state_q != Run) begin
      read_q        <= 1'b0;
      agreed_q      <= 1'b0;
      quiet_q       <= 1'b0;
      quiet_count_q <= '0;
    end else begin
      read_q   <= runs_done_i && read_idle_i;
      agreed_q <= read_q && left_q == '0 && all_in_q && !partial_q;
      if (!read_q || in_valid_i) begin
        quiet_count_q <= '0;
        quiet_q       <= 1'b0;
      end else begin
        quiet_q <= quiet_count_q == QuietWidth'(QuietCycles - 1);
        if (quiet_count_q != QuietWidth'(QuietCycles - 1)) quiet_count_q <= quiet_count_q + 1'b1;
      end
    end
  end

  // -- the job -----------------------------------------------------------------------------------------------
  logic finish;
  assign finish = state_q == Run && write_done_i && agreed_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q   <= Idle;
      net_rst_q <= 1'b0;
      reset_q   <= '0;
      ending_q  <= 1'b0;
      abort_q   <= 1'b0;
      done_q    <= 1'b0;
      aborted_q <= 1'b0;
      bad_q     <= 1'b0;
    end else begin
      net_rst_q <= state_q != Reset;
      if (clear_i) done_q <= 1'b0;
      unique case (state_q)
        Idle: begin
          abort_q  <= 1'b0;
          ending_q <= 1'b0;
          reset_q  <= '0;
          if (start_i) begin
            aborted_q <= 1'b0;
            bad_q     <= frames_i == '0 || !aligned_i;
            done_q    <= frames_i == '0 || !aligned_i;
            if (frames_i != '0 && aligned_i) state_q <= Reset;
          end
        end
        Reset: begin
          if (abort_i) abort_q <= 1'b1;
          reset_q <= reset_q + 1'b1;
          if (reset_q == ResetWidth'(ResetCycles - 1)) begin
            reset_q <= '0;
            state_q <= ending_q ? Idle : Go;
            done_q  <= ending_q;
          end
        end
        Go: begin
          if (abort_i) abort_q <= 1'b1;
          state_q <= Run;
        end
        Run: begin
          if (finish) begin
            state_q <= Idle;
            done_q  <= 1'b1;
          end else if (abort_q || abort_i || excess || mismatch) begin
            state_q   <= Drain;
            aborted_q <= 1'b1;
            bad_q     <= excess || mismatch;
          end
        end
        Drain: begin
          ending_q <= 1'b1;
          // counts the cycles for which both movers have been idle
          reset_q  <= read_idle_i && write_idle_i ? reset_q + 1'b1 : '0;
          if (read_idle_i && write_idle_i && reset_q == ResetWidth'(ResetCycles - 1)) begin
            reset_q <= '0;
            state_q <= Reset;
          end
        end
        default: state_q <= Idle;
      endcase
    end
  end

  // The movers have their start and addresses; their aborts last through the reset, so that nothing starts in between.
  assign go_o          = state_q == Go;
  assign read_abort_o  = state_q == Drain || (state_q == Reset && ending_q);
  assign write_abort_o = read_abort_o;

  // -- counters: cleared with the start, kept after the job --------------------------------------------------------
  logic busy, give, frame_out;
  assign busy       = state_q != Idle;
  assign give       = out_valid_i && out_ready_i && state_q == Run;
  assign frame_out  = give && out_tlast_i;
  assign out_last_o = out_tlast_i && frames_done_o + 32'd1 == frames_i;
  assign status_o   = {bad_q, aborted_q, frame_errors_o != '0, write_error_q, read_error_q, done_q, busy};

  always_ff @(posedge clk_i) begin
    if (!rst_ni || (state_q == Idle && start_i)) begin
      read_error_q   <= 1'b0;
      write_error_q  <= 1'b0;
      cycles_o       <= '0;
      starved_o      <= '0;
      blocked_o      <= '0;
      frames_done_o  <= '0;
      first_frame_o  <= '0;
      frame_errors_o <= '0;
      axi_errors_o   <= '0;
    end else if (busy) begin
      cycles_o <= cycles_o + 64'd1;
      if (in_open_o && in_ready_i && !in_valid_i)                  starved_o <= starved_o + 32'd1;
      if (state_q == Run && out_valid_i && !out_ready_i)           blocked_o <= blocked_o + 32'd1;
      if (frame_out)                                               frames_done_o <= frames_done_o + 32'd1;
      if (frame_out && frames_done_o == '0)                        first_frame_o <= cycles_o[31:0] + 32'd1;
      if (state_q == Run)                                          frame_errors_o <= net_errors_i;
      if (read_error_i)                                            read_error_q <= 1'b1;
      if (write_error_i)                                           write_error_q <= 1'b1;
      axi_errors_o <= axi_errors_o + 32'(read_error_i) + 32'(write_error_i);
    end
  end

`ifndef SYNTHESIS
  NOTHING_CUT : assert property (@(posedge clk_i) disable iff (!rst_ni)
    state_q == Reset && ending_q |-> read_idle_i && write_idle_i);
  ONE_END : assert property (@(posedge clk_i) disable iff (!rst_ni) !(status_o[0] && status_o[1]));
`endif
endmodule
