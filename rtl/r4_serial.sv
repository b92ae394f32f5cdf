// SPDX-License-Identifier: Apache-2.0
//
// Packets of a byte stream to and from a network: requests with counts come in, answers with results go out.
// Both are little endian. Every CRC is r4_crc32 of the bytes that it follows, back to the last CRC or the packet's start.
//   request: "R4", kind, number, 4 bytes of the signature, 2 bytes of frames, CRC; of Run then the counts and their CRC
//   answer:  "R4", kind + 128, number, 4 bytes of the signature, 2 bytes of frames, CRC; body; status, CRC of both
// Kinds:      1 Identify: the body is the signature's 16 bytes; the request's signature and frames do not matter.
//             2 Run: counts are frames * CountBytes bytes; the body is frames * ResultBytes bytes, sent as they come.
// Status:     0 good; 1 wrong CRC of the counts; 2 bytes were lost in the buffer before (lost_i); 3 the counts stopped
//             coming for IdleCycles cycles; 4 unknown kind; 5 another design's signature; 6 no frames.
//             Of 4 to 6 the answer has no frames and no body. Of 1 and 2 the body has no meaning; nor has that of 3,
//             which is filled up with zeros: an answer always has the length that its header says.
// Recovery:   bytes that are no header, or one with a wrong CRC, are dropped until the next "R4". A header that stops
//             coming for IdleCycles cycles is forgotten. After status 3 network and path are reset by net_rst_no.
// Counts:     n_*, to the network; result: r_*, from it. Both byte by byte, as many as the request says.
// busy_o: a request is being answered.  done_o: the last answer was good.  error_o: it was not.
// x_ready_o is combinational from n_ready_i; y_valid_o and r_ready_o from r_valid_i and y_ready_i.

module r4_serial #(
  parameter logic [127:0] Signature   = '0,   // byte 0 lowest
  parameter int unsigned  CountBytes  = 1,    // of a frame
  parameter int unsigned  ResultBytes = 1,    // of a frame
  parameter int unsigned  IdleCycles  = 1000,
  parameter int unsigned  ResetCycles = 8
) (
  input  logic       clk_i,
  input  logic       rst_ni,

  input  logic       x_valid_i,
  output logic       x_ready_o,
  input  logic [7:0] x_data_i,
  input  logic       lost_i,       // pulse: a byte could not be kept

  output logic       y_valid_o,
  input  logic       y_ready_i,
  output logic [7:0] y_data_o,

  output logic       n_valid_o,
  input  logic       n_ready_i,
  output logic [7:0] n_data_o,

  input  logic       r_valid_i,
  output logic       r_ready_o,
  input  logic [7:0] r_data_i,

  output logic       net_rst_no,
  output logic       busy_o,
  output logic       done_o,
  output logic       error_o
);

  if (CountBytes == 0 || ResultBytes == 0) begin : gen_check_size
    $fatal(1, "r4_serial: CountBytes (%0d) and ResultBytes (%0d) must be at least 1", CountBytes, ResultBytes);
  end
  if (IdleCycles < 2 || ResetCycles < 2) begin : gen_check_cycles
    $fatal(1, "r4_serial: IdleCycles (%0d) and ResetCycles (%0d) must be at least 2", IdleCycles, ResetCycles);
  end

  localparam int unsigned IdleWidth  = $clog2(IdleCycles);
  localparam int unsigned ResetWidth = $clog2(ResetCycles);
  localparam logic [7:0] First = "R", Second = "4";
  localparam logic [7:0] Identify = 8'd1, Run = 8'd2;
  localparam logic [2:0] Good = 3'd0, BadCrc = 3'd1, Lost = 3'd2, Stopped = 3'd3, BadKind = 3'd4, BadDesign = 3'd5,
                         NoFrames = 3'd6;

  // -- requests ----------------------------------------------------------------------------------------------
  typedef enum logic [2:0] {Header, Judge, Counts, Check, Wait} take_e;
  typedef enum logic [2:0] {Idle, Head, HeadCrc, Body, Status, BodyCrc} give_e;
  take_e take_q;
  give_e give_q;

  logic take, idle, answered;
  logic [3:0] at_q;            // byte of the header
  logic [1:0] crc_at_q;        // byte of a CRC
  logic bad_q;                 // a byte of a CRC differs
  logic lost_q, begins_q;      // begins_q: the next byte begins a CRC
  logic [7:0] kind_q, number_q;
  logic [31:0] design_q;
  logic [15:0] frames_q, in_left_q, out_left_q;
  logic [2:0] status_q;
  logic ended_q;               // status_q stands
  logic [31:0] in_crc;
  logic [7:0] in_crc_byte;

  assign take = x_valid_i && x_ready_o;
  always_comb begin
    unique case (take_q)
      Header, Check: x_ready_o = 1'b1;
      Counts:        x_ready_o = n_ready_i && net_rst_no;
      default:       x_ready_o = 1'b0;
    endcase
  end
  assign n_valid_o = x_valid_i && take_q == Counts && net_rst_no;
  assign n_data_o  = x_data_i;

  // A header's CRC begins anew with every byte that may be its second: its first was an "R".  The counts' begins with the
  // first of them.
  localparam logic [31:0] CrcOfFirst = 32'h5767DF55;
  assign in_crc_byte = in_crc[8*crc_at_q+:8];
  r4_crc32 u_in_crc (
    .clk_i, .clear_i(begins_q), .begin_i(take_q == Header ? CrcOfFirst : '0),
    .step_i(take && (take_q == Counts || (take_q == Header && at_q < 4'd10))), .x_data_i, .crc_o(in_crc)
  );

  logic last_count, last_in;
  assign last_in = last_count && in_left_q == 16'd1;
  r4_countdown #(.Count(CountBytes)) u_counts (
    .clk_i, .rst_ni(rst_ni && take_q != Judge), .step_i(take && take_q == Counts), .last_o(last_count)
  );

  logic [IdleWidth-1:0] idle_q;
  // last_idle_q: idle_q is IdleCycles - 1. Nothing came in the cycle before, so what waited then still waits.
  logic waiting, last_idle_q;
  assign waiting = (take_q == Header && at_q != '0) || take_q == Counts || take_q == Check;
  assign idle    = last_idle_q && !x_valid_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || !waiting || x_valid_i || idle) begin
      idle_q      <= '0;
      last_idle_q <= 1'b0;
    end else begin
      idle_q      <= idle_q + 1'b1;
      last_idle_q <= idle_q == IdleWidth'(IdleCycles - 2);
    end
  end

  // What is asked of a header, a cycle later: the bytes of its CRC come between them and Judge.
  logic identify_q, run_kind_q, other_q, none_q;
  always_ff @(posedge clk_i) begin
    identify_q <= kind_q == Identify;
    run_kind_q <= kind_q == Run;
    other_q    <= design_q != Signature[31:0];
    none_q     <= frames_q == '0;
  end

  logic bad_byte;
  assign bad_byte = bad_q || x_data_i != in_crc_byte;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      take_q    <= Header;
      at_q      <= '0;
      crc_at_q  <= '0;
      bad_q     <= 1'b0;
      lost_q    <= 1'b0;
      begins_q  <= 1'b0;
      ended_q   <= 1'b0;
      status_q  <= Good;
      done_o    <= 1'b0;
      error_o   <= 1'b0;
    end else begin
      if (lost_i) lost_q <= 1'b1;
      unique case (take_q)
        Header: begin
          ended_q <= 1'b0;
          if (at_q < 4'd10) crc_at_q <= '0;
          else if (take)    crc_at_q <= crc_at_q + 2'd1;
          if (idle) begin
            at_q <= '0;
          end else if (take) begin
            at_q     <= at_q + 4'd1;
            begins_q <= at_q < 4'd2 && x_data_i == First;
            if (at_q < 4'd2) begin
              at_q  <= x_data_i == First ? 4'd1 : at_q == 4'd1 && x_data_i == Second ? 4'd2 : 4'd0;
              bad_q <= 1'b0;
            end
            if (at_q >= 4'd10) bad_q <= bad_byte;
            if (at_q == 4'd13) begin
              at_q  <= '0;
              bad_q <= 1'b0;
              if (!bad_byte) take_q <= Judge;
            end
          end
        end
        Judge: begin
          lost_q   <= 1'b0;
          begins_q <= 1'b1;
          take_q   <= Wait;
          ended_q  <= 1'b1;
          if (identify_q)       status_q <= Good;
          else if (!run_kind_q) status_q <= BadKind;
          else if (other_q)     status_q <= BadDesign;
          else if (none_q)      status_q <= NoFrames;
          else begin
            take_q  <= Counts;
            ended_q <= 1'b0;
          end
        end
        Counts: begin
          if (take) begins_q <= 1'b0;
          if (take && last_in) take_q <= Check;
        end
        Check: begin
          if (take) begin
            crc_at_q <= crc_at_q + 2'd1;
            bad_q    <= bad_byte;
            if (crc_at_q == 2'd3) begin
              take_q   <= Wait;
              ended_q  <= 1'b1;
              status_q <= lost_q ? Lost : bad_byte ? BadCrc : Good;
            end
          end
        end
        default: begin  // Wait
          bad_q <= 1'b0;
          if (answered) begin
            take_q  <= Header;
            done_o  <= status_q == Good;
            error_o <= status_q != Good;
          end
        end
      endcase
      if (idle && (take_q == Counts || take_q == Check)) begin
        take_q   <= Wait;
        ended_q  <= 1'b1;
        status_q <= lost_q ? Lost : Stopped;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (take_q == Header && take) begin
      if (at_q == 4'd2) kind_q   <= x_data_i;
      if (at_q == 4'd3) number_q <= x_data_i;
      if (at_q[3:2] == 2'd1)                 design_q <= {x_data_i, design_q[31:8]};
      if (at_q == 4'd8 || at_q == 4'd9)      frames_q <= {x_data_i, frames_q[15:8]};
    end
    if (take_q == Judge && (!run_kind_q || other_q)) frames_q <= '0;
  end
  always_ff @(posedge clk_i) begin
    if (take_q == Judge)                                          in_left_q <= frames_q;
    else if (take_q == Counts && take && last_count)              in_left_q <= in_left_q - 16'd1;
  end

  // -- reset of the network: after counts that stopped coming --------------------------------------------------
  logic [ResetWidth-1:0] reset_q;
  logic cut_q;  // the body is filled up
  logic net_rst_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      net_rst_q <= 1'b0;
      reset_q    <= '0;
      cut_q      <= 1'b0;
    end else if (idle && (take_q == Counts || take_q == Check)) begin
      net_rst_q <= 1'b0;
      reset_q    <= '0;
      cut_q      <= 1'b1;
    end else begin
      if (!net_rst_q) reset_q <= reset_q + 1'b1;
      if (reset_q == ResetWidth'(ResetCycles - 1)) net_rst_q <= 1'b1;
      if (answered) cut_q <= 1'b0;
    end
  end
  // A register more, that nothing but this leads to: copies of it may stand all over the device.
  always_ff @(posedge clk_i) net_rst_no <= net_rst_q;

  // -- answers -----------------------------------------------------------------------------------------------
  logic give, last_give, last_result, body_end;
  logic run_q;                 // the kind is Run
  logic out_step_q;            // the byte before is not yet in the CRC
  logic [3:0] give_at_q;  // byte of the header, the signature or a CRC
  logic [31:0] out_crc;
  logic [7:0] head, signature;
  assign give     = y_valid_o && y_ready_i;
  assign answered = give && give_q == BodyCrc && last_give;

  // Of what is refused, no frames and no body.
  logic refused_q;
  always_ff @(posedge clk_i) begin
    if (take_q == Judge) begin
      run_q     <= run_kind_q;
      refused_q <= !identify_q && (!run_kind_q || other_q || none_q);
    end
  end

  // The body's 16 bytes; the header has the first 4 of them.
  logic [31:0] word;
  always_comb begin
    unique case (give_at_q[3:2])
      2'd0:    word = Signature[31:0];
      2'd1:    word = Signature[63:32];
      2'd2:    word = Signature[95:64];
      default: word = Signature[127:96];
    endcase
  end
  assign signature = word[8*give_at_q[1:0]+:8];
  always_comb begin
    unique case (give_at_q)
      4'd0:    head = First;
      4'd1:    head = Second;
      4'd2:    head = {1'b1, kind_q[6:0]};
      4'd3:    head = number_q;
      4'd8:    head = frames_q[7:0];
      4'd9:    head = frames_q[15:8];
      default: head = Signature[8*give_at_q[1:0]+:8];
    endcase
  end

  // An OR is a level less than a choice of five.
  assign y_data_o = (give_q == Head ? head : '0)
                  | (give_q == HeadCrc || give_q == BodyCrc ? out_crc[8*give_at_q[1:0]+:8] : '0)
                  | (give_q == Body && !run_q ? signature : '0)
                  | (give_q == Body && run_q && !cut_q ? r_data_i : '0)
                  | (give_q == Status ? {5'd0, status_q} : '0);
  always_comb begin
    unique case (give_q)
      Idle:    y_valid_o = 1'b0;
      Body:    y_valid_o = !run_q || cut_q || (r_valid_i && net_rst_no);
      Status:  y_valid_o = ended_q;
      Head:    y_valid_o = 1'b1;
      default: y_valid_o = !out_step_q;
    endcase
  end
  assign r_ready_o = y_ready_i && give_q == Body && run_q && !cut_q && net_rst_no;

  always_comb begin
    unique case (give_q)
      Head:             last_give = give_at_q == 4'd9;
      HeadCrc, BodyCrc: last_give = give_at_q == 4'd3;
      default:          last_give = give_at_q == 4'd15;
    endcase
  end
  r4_countdown #(.Count(ResultBytes)) u_results (
    .clk_i, .rst_ni(rst_ni && take_q != Judge), .step_i(give && give_q == Body && run_q), .last_o(last_result)
  );
  assign body_end = run_q ? last_result && out_left_q == 16'd1 : last_give;

  // The CRC of the header begins with its first byte, that of the body with the first behind the header's. A byte is added
  // a cycle after it was given; the CRC waits for the last one.
  logic out_clear_q, out_first_q;
  logic [7:0] out_byte_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) out_step_q <= 1'b0;
    else         out_step_q <= give && (give_q == Head || give_q == Body || give_q == Status);
  end
  always_ff @(posedge clk_i) begin
    out_first_q <= out_clear_q;
    out_byte_q  <= y_data_o;
  end
  r4_crc32 u_out_crc (
    .clk_i, .clear_i(out_first_q), .begin_i('0), .step_i(out_step_q), .x_data_i(out_byte_q), .crc_o(out_crc)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      give_q      <= Idle;
      give_at_q   <= '0;
      out_clear_q <= 1'b1;
    end else begin
      if (give_q == Idle) begin
        if (take_q == Judge) give_q <= Head;
        out_clear_q <= 1'b1;
      end
      if (give) begin
        give_at_q   <= last_give ? '0 : give_at_q + 4'd1;
        out_clear_q <= give_q == HeadCrc && last_give;
        unique case (give_q)
          Head:    if (last_give) give_q <= HeadCrc;
          HeadCrc: if (last_give) give_q <= refused_q ? Status : Body;
          Body: begin
            if (run_q) give_at_q <= '0;
            if (body_end) give_q <= Status;
          end
          Status: begin
            give_q    <= BodyCrc;
            give_at_q <= '0;
          end
          default: if (last_give) give_q <= Idle;
        endcase
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (take_q == Judge)                                          out_left_q <= frames_q;
    else if (give && give_q == Body && run_q && last_result)        out_left_q <= out_left_q - 16'd1;
  end

  assign busy_o = take_q != Header;

`ifndef SYNTHESIS
  ANSWER_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    y_valid_o && !y_ready_i && !cut_q |=> y_valid_o && ($stable(y_data_o) || cut_q));
`endif
endmodule
