// SPDX-License-Identifier: Apache-2.0
//
// The network's beats to words of a memory bus, without gaps, byte 0 at the LSB.
// Mask = 0:   a beat is InBytes bytes, and all beats are one stream.
// Mask = 1:   bit 0 of a beat is a pixel; 8 are a byte, the first at bit 0, and a row's last byte is filled up with
//             zeros. A row has FrameColumns pixels, or columns_i where FrameColumns is 1.
// Job:        x_last_i marks its last beat. y_last_o marks its last word, of y_bytes_o bytes; all others have 16. What
//             follows starts at a word's byte 0, in a mask at a row's first pixel. A last word's unused bytes have no
//             meaning.
// Latency:    1 cycle from the beat that completes a word.
// Throughput: 1 beat/cycle up to 16 bytes, else ceil(InBytes / 16) cycles a beat; a job's last beat takes a cycle more
//             where it begins in a word and ends in the next.
// clear_i is a reset.  The ready path is combinational from y_ready_i to x_ready_o.

module r4_pack #(
  parameter int unsigned InBytes      = 1,
  parameter bit          Mask         = 1'b0,
  parameter int unsigned FrameColumns = 1
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 clear_i,
  input  logic [31:0]          columns_i,

  input  logic                 x_valid_i,
  output logic                 x_ready_o,
  input  logic [8*InBytes-1:0] x_data_i,
  input  logic                 x_last_i,

  output logic                 y_valid_o,
  input  logic                 y_ready_i,
  output logic [127:0]         y_data_o,
  output logic [4:0]           y_bytes_o,
  output logic                 y_last_o
);

  if (InBytes == 0 || FrameColumns == 0) begin : gen_check_size
    $fatal(1, "r4_pack: InBytes (%0d) and FrameColumns (%0d) must be at least 1", InBytes, FrameColumns);
  end

  logic reset;
  assign reset = !rst_ni || clear_i;

  // -- beats to parts: of up to 16 bytes, at whose size words are put together --------------------------------
  localparam int unsigned PartBytes = Mask ? 1 : InBytes < 16 ? InBytes : 16;
  localparam int unsigned Parts     = Mask ? 1 : (InBytes + 15) / 16;
  localparam int unsigned Rest      = Mask ? 1 : InBytes - 16 * (Parts - 1);  // bytes of a beat's last part
  // Whatever comes, a word's bytes are filled in slots of this size.
  localparam int unsigned Slot  = Rest % 16 == 0 ? 16 : Rest % 8 == 0 ? 8 : Rest % 4 == 0 ? 4 : Rest % 2 == 0 ? 2 : 1;
  localparam int unsigned Bits  = 8 * Slot;
  localparam int unsigned Slots = 16 / Slot;

  logic part_valid, part_ready, part_last;
  logic [8*PartBytes-1:0] part;
  logic [4:0] part_bytes;

  if (Mask) begin : gen_mask
    logic last_column, byte_done;
    if (FrameColumns > 1) begin : gen_frame
      r4_counter #(.Count(FrameColumns)) u_column (
        .clk_i, .rst_ni(!reset && !(part_valid && part_ready && x_last_i)), .step_i(x_valid_i && x_ready_o),
        .last_o(last_column)
      );
      logic unused;
      assign unused = ^columns_i;
    end else begin : gen_columns
      logic [31:0] column_q;  // from 1
      assign last_column = column_q == columns_i;
      always_ff @(posedge clk_i) begin
        if (reset)                       column_q <= 32'd1;
        else if (x_valid_i && x_ready_o) column_q <= last_column || x_last_i ? 32'd1 : column_q + 32'd1;
      end
    end

    logic [2:0] bit_q;
    logic [6:0] bits_q;  // those below bit_q; the others are zeros
    assign byte_done  = bit_q == 3'd7 || last_column || x_last_i;
    assign part       = {1'b0, bits_q} | 8'(x_data_i[0]) << bit_q;
    assign part_bytes = 5'd1;
    assign part_valid = x_valid_i && byte_done;
    assign part_last  = x_last_i;
    assign x_ready_o  = part_ready;
    always_ff @(posedge clk_i) begin
      if (reset) begin
        bit_q  <= '0;
        bits_q <= '0;
      end else if (x_valid_i && x_ready_o) begin
        bit_q  <= byte_done ? '0 : bit_q + 3'd1;
        bits_q <= byte_done ? '0 : part[6:0];
      end
    end
    logic unused_data;
    assign unused_data = ^x_data_i;
  end else begin : gen_bytes
    logic last_part;
    r4_counter #(.Count(Parts)) u_part (
      .clk_i, .rst_ni(!reset), .step_i(part_valid && part_ready), .last_o(last_part)
    );
    if (Parts == 1) begin : gen_whole
      assign part = x_data_i;
    end else begin : gen_parts
      // The beat stands at the input until its last part is taken.
      logic [$clog2(Parts)-1:0] at_q;
      logic [128*Parts-1:0] beat;
      assign beat = (128 * Parts)'(x_data_i);
      assign part = beat[128*at_q+:128];
      always_ff @(posedge clk_i) begin
        if (reset)                         at_q <= '0;
        else if (part_valid && part_ready) at_q <= last_part ? '0 : at_q + 1'b1;
      end
    end
    assign part_bytes = last_part ? 5'(Rest) : 5'd16;
    assign part_valid = x_valid_i;
    assign part_last  = x_last_i && last_part;
    assign x_ready_o  = part_ready && last_part;
    logic unused;
    assign unused = ^columns_i;
  end

  // -- parts to words: the first fill bytes of the next one are there --------------------------------------------
  logic en, put, flush, full;
  logic [3:0] fill;   // always below a word, in whole slots
  logic [4:0] total;
  assign en         = y_ready_i || !y_valid_o;
  assign part_ready = en && !flush;
  assign put        = part_valid && part_ready;
  assign total      = 5'(fill) + part_bytes;  // up to 31
  assign full       = total[4];

  always_ff @(posedge clk_i) begin
    if (reset)   y_valid_o <= 1'b0;
    else if (en) y_valid_o <= flush || (put && (full || part_last));
  end

  logic spills;  // the part goes on in the next word
  assign spills = full && total[3:0] != '0;
  always_ff @(posedge clk_i) begin
    if (en) begin
      y_last_o  <= flush || (part_last && !spills);
      y_bytes_o <= flush ? 5'(fill) : full ? 5'd16 : total;
    end
  end

  // Slot j of the part, turned to where the word goes on.
  logic [127:0] placed;
  if (Slots == 1) begin : gen_aligned
    assign fill   = '0;
    assign flush  = 1'b0;
    assign placed = part;
    always_ff @(posedge clk_i) begin
      if (put) y_data_o <= placed;
    end
  end else begin : gen_slots
    localparam int unsigned Index = $clog2(Slots);
    logic [Index-1:0] fill_q;
    assign fill = 4'(fill_q) << $clog2(Slot);
    always_ff @(posedge clk_i) begin
      if (reset)    fill_q <= '0;
      else if (put) fill_q <= part_last && !spills ? '0 : total[3:$clog2(Slot)];
      else if (flush && en) fill_q <= '0;
    end

    for (genvar s = 0; s < int'(Index); s++) begin : gen_stage
      localparam int unsigned Step = Bits * 2 ** s;
      logic [127:0] from, to;
      if (s == 0) begin : gen_first
        assign from = 128'(part);
      end else begin : gen_next
        assign from = gen_stage[s-1].to;
      end
      assign to = fill_q[s] ? {from[127-Step:0], from[127:128-Step]} : from;
    end
    assign placed = gen_stage[Index-1].to;

    if (PartBytes == Slot) begin : gen_fits
      assign flush = 1'b0;
      for (genvar j = 0; j < int'(Slots); j++) begin : gen_slot
        always_ff @(posedge clk_i) begin
          if (put && Index'(j) == fill_q) y_data_o[j*Bits+:Bits] <= part;
        end
      end
      logic unused;
      assign unused = ^placed;
    end else begin : gen_spills
      // What spills waits in rest_q until the word before has gone; it is the next word's begin.
      logic spilt_q, flush_q;
      assign flush = flush_q;
      always_ff @(posedge clk_i) begin
        if (reset) begin
          spilt_q <= 1'b0;
          flush_q <= 1'b0;
        end else if (put) begin
          spilt_q <= spills;
          flush_q <= spills && part_last;
        end else if (en && flush_q) begin
          spilt_q <= 1'b0;
          flush_q <= 1'b0;
        end
      end
      logic [Slots-1:0] onwards;  // slots of the part
      assign onwards = '1 << fill_q;
      for (genvar j = 0; j < int'(Slots); j++) begin : gen_slot
        if (j < PartBytes / Slot - 1) begin : gen_rest
          logic [Bits-1:0] rest_q;
          always_ff @(posedge clk_i) begin
            if (put) rest_q <= placed[j*Bits+:Bits];
          end
          always_ff @(posedge clk_i) begin
            if (put && onwards[j])                         y_data_o[j*Bits+:Bits] <= placed[j*Bits+:Bits];
            else if ((put && spilt_q) || (en && flush_q))  y_data_o[j*Bits+:Bits] <= rest_q;
          end
        end else begin : gen_word
          always_ff @(posedge clk_i) begin
            if (put && onwards[j]) y_data_o[j*Bits+:Bits] <= placed[j*Bits+:Bits];
          end
        end
      end
    end
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (reset)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o) && $stable(y_bytes_o) && $stable(y_last_o));
`endif
endmodule
