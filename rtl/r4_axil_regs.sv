// SPDX-License-Identifier: Apache-2.0
//
// The registers of a board's shell behind AXI4-Lite: what a job is, its status and its counters.
// The map is that of rtl4ml/board/registers.py; a test compares the addresses.  4 KiB of 32-bit words.
// Write:   address and data may come in any order; bytes by s_axil_wstrb.  While busy_i, words that describe a job are
//          not changed.  A command (start, abort, clear) is a pulse of one cycle; start_o never comes while busy_i.
// Read:    2 cycles from the address to the data.  An address without a register reads 0.
// Answers: always OKAY.  One access in flight a direction; reads and writes do not wait for one another.
// irq_o is a register: the enable bit and done.  All outputs of the bus come from registers alone.

module r4_axil_regs #(
  parameter int unsigned  AddrWidth    = 40,
  parameter int unsigned  Bands        = 1,
  parameter int unsigned  CountBytes   = 2,
  parameter bit           Banded       = 1'b1,
  parameter int unsigned  ResultKind   = 0,
  parameter int unsigned  DataBytes    = 16,
  parameter int unsigned  FrameRows    = 1,
  parameter int unsigned  FrameColumns = 1,
  parameter int unsigned  FrameBytes   = 1,
  parameter int unsigned  SpillBytes   = 0,
  parameter logic [127:0] Signature    = '0
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,

  input  logic                 s_axil_awvalid,
  output logic                 s_axil_awready,
  input  logic [11:0]          s_axil_awaddr,
  input  logic                 s_axil_wvalid,
  output logic                 s_axil_wready,
  input  logic [31:0]          s_axil_wdata,
  input  logic [3:0]           s_axil_wstrb,
  output logic                 s_axil_bvalid,
  input  logic                 s_axil_bready,
  output logic [1:0]           s_axil_bresp,
  input  logic                 s_axil_arvalid,
  output logic                 s_axil_arready,
  input  logic [11:0]          s_axil_araddr,
  output logic                 s_axil_rvalid,
  input  logic                 s_axil_rready,
  output logic [31:0]          s_axil_rdata,
  output logic [1:0]           s_axil_rresp,

  output logic                 start_o,
  output logic                 abort_o,
  output logic                 clear_o,
  output logic [AddrWidth-1:0] src_o,
  output logic [AddrWidth-1:0] dst_o,
  output logic [31:0]          frames_o,
  output logic [31:0]          rows_o,
  output logic [31:0]          columns_o,
  output logic [31:0]          row_stride_o,
  output logic [31:0]          row_bytes_o,
  output logic [31:0]          band_stride_o,
  output logic                 banded_o,
  output logic [AddrWidth-1:0] spill_o,

  input  logic [6:0]           status_i,  // bit 0: busy, bit 1: done
  input  logic [63:0]          cycles_i,
  input  logic [31:0]          starved_i,
  input  logic [31:0]          blocked_i,
  input  logic [31:0]          frames_done_i,
  input  logic [31:0]          first_frame_i,
  input  logic [31:0]          frame_errors_i,
  input  logic [31:0]          axi_errors_i,

  output logic                 irq_o
);

  if (AddrWidth < 33 || AddrWidth > 64) begin : gen_check_address
    $fatal(1, "r4_axil_regs: AddrWidth (%0d) must be 33 to 64", AddrWidth);
  end
  if (CountBytes == 0 || CountBytes > 15 || ResultKind > 3 || DataBytes == 0 || DataBytes > 255)
  begin : gen_check_fields
    $fatal(1, "r4_axil_regs: CountBytes (%0d), ResultKind (%0d) and DataBytes (%0d) must fit CAPABILITIES",
           CountBytes, ResultKind, DataBytes);
  end

  localparam logic [11:0] AddrId           = 12'h000;
  localparam logic [11:0] AddrVersion      = 12'h004;
  localparam logic [11:0] AddrSignature0   = 12'h008;
  localparam logic [11:0] AddrSignature1   = 12'h00C;
  localparam logic [11:0] AddrSignature2   = 12'h010;
  localparam logic [11:0] AddrSignature3   = 12'h014;
  localparam logic [11:0] AddrControl      = 12'h018;
  localparam logic [11:0] AddrStatus       = 12'h01C;
  localparam logic [11:0] AddrSrcLow       = 12'h020;
  localparam logic [11:0] AddrSrcHigh      = 12'h024;
  localparam logic [11:0] AddrDstLow       = 12'h028;
  localparam logic [11:0] AddrDstHigh      = 12'h02C;
  localparam logic [11:0] AddrFrames       = 12'h030;
  localparam logic [11:0] AddrRows         = 12'h034;
  localparam logic [11:0] AddrColumns      = 12'h038;
  localparam logic [11:0] AddrBands        = 12'h03C;
  localparam logic [11:0] AddrRowStride    = 12'h040;
  localparam logic [11:0] AddrRowBytes     = 12'h044;
  localparam logic [11:0] AddrBandStride   = 12'h048;
  localparam logic [11:0] AddrLayout       = 12'h04C;
  localparam logic [11:0] AddrCapabilities = 12'h050;
  localparam logic [11:0] AddrFrameRows    = 12'h054;
  localparam logic [11:0] AddrFrameColumns = 12'h058;
  localparam logic [11:0] AddrFrameBytes   = 12'h05C;
  localparam logic [11:0] AddrCyclesLow    = 12'h060;
  localparam logic [11:0] AddrCyclesHigh   = 12'h064;
  localparam logic [11:0] AddrStarved      = 12'h068;
  localparam logic [11:0] AddrBlocked      = 12'h06C;
  localparam logic [11:0] AddrFramesDone   = 12'h070;
  localparam logic [11:0] AddrFirstFrame   = 12'h074;
  localparam logic [11:0] AddrFrameErrors  = 12'h078;
  localparam logic [11:0] AddrAxiErrors    = 12'h07C;
  localparam logic [11:0] AddrSpillLow     = 12'h080;
  localparam logic [11:0] AddrSpillHigh    = 12'h084;
  localparam logic [11:0] AddrSpillBytes   = 12'h088;
  localparam logic [11:0] AddrScratch      = 12'h0F0;
  localparam logic [11:0] AddrFreeCycles   = 12'h0F4;

  localparam logic [31:0] IdValue      = 32'h4C4D_3452;
  localparam logic [31:0] VersionValue = 32'h0001_0000;
  localparam logic [31:0] Capabilities =
      {8'd0, 8'(DataBytes), 6'd0, 2'(ResultKind), 3'd0, Banded, 4'(CountBytes)};

  // -- write: address and data wait here for one another ---------------------------------------------------------
  logic aw_q, w_q;  // held
  logic [11:0] waddr_q;
  logic [31:0] wdata_q;
  logic [3:0] wstrb_q;
  logic write;
  assign s_axil_awready = !aw_q;
  assign s_axil_wready  = !w_q;
  assign s_axil_bresp   = 2'b00;
  assign write          = aw_q && w_q && !s_axil_bvalid;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      aw_q          <= 1'b0;
      w_q           <= 1'b0;
      s_axil_bvalid <= 1'b0;
    end else begin
      if (s_axil_awvalid && !aw_q) aw_q <= 1'b1;
      else if (write)              aw_q <= 1'b0;
      if (s_axil_wvalid && !w_q)   w_q <= 1'b1;
      else if (write)              w_q <= 1'b0;
      if (write)                   s_axil_bvalid <= 1'b1;
      else if (s_axil_bready)      s_axil_bvalid <= 1'b0;
    end
  end
  always_ff @(posedge clk_i) begin
    if (!aw_q) waddr_q <= {s_axil_awaddr[11:2], 2'b00};
    if (!w_q) begin
      wdata_q <= s_axil_wdata;
      wstrb_q <= s_axil_wstrb;
    end
  end

  // -- commands ----------------------------------------------------------------------------------------------
  logic command, irq_enable_q;
  assign command = write && waddr_q == AddrControl && wstrb_q[0];
  assign start_o = command && wdata_q[0] && !status_i[0];
  assign abort_o = command && wdata_q[1] && status_i[0];
  assign clear_o = command && wdata_q[3];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      irq_enable_q <= 1'b0;
      irq_o        <= 1'b0;
    end else begin
      if (command) irq_enable_q <= wdata_q[2];
      irq_o <= irq_enable_q && status_i[1];
    end
  end

  // -- words that are kept -------------------------------------------------------------------------------------
  logic [63:0] src_q, dst_q, spill_q;
  logic [31:0] frames_q, rows_q, columns_q, row_stride_q, row_bytes_q, band_stride_q, scratch_q, free_q;
  logic banded_q, change;
  assign change = write && !status_i[0];

  for (genvar b = 0; b < 4; b++) begin : gen_byte
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        src_q[8*b+:8]         <= '0;
        src_q[32+8*b+:8]      <= '0;
        dst_q[8*b+:8]         <= '0;
        dst_q[32+8*b+:8]      <= '0;
        spill_q[8*b+:8]       <= '0;
        spill_q[32+8*b+:8]    <= '0;
        frames_q[8*b+:8]      <= '0;
        rows_q[8*b+:8]        <= '0;
        columns_q[8*b+:8]     <= '0;
        row_stride_q[8*b+:8]  <= '0;
        row_bytes_q[8*b+:8]   <= '0;
        band_stride_q[8*b+:8] <= '0;
        scratch_q[8*b+:8]     <= '0;
      end else if (wstrb_q[b]) begin
        if (change && waddr_q == AddrSrcLow)     src_q[8*b+:8]         <= wdata_q[8*b+:8];
        if (change && waddr_q == AddrSrcHigh)    src_q[32+8*b+:8]      <= wdata_q[8*b+:8];
        if (change && waddr_q == AddrDstLow)     dst_q[8*b+:8]         <= wdata_q[8*b+:8];
        if (change && waddr_q == AddrDstHigh)    dst_q[32+8*b+:8]      <= wdata_q[8*b+:8];
        if (change && waddr_q == AddrSpillLow)   spill_q[8*b+:8]       <= wdata_q[8*b+:8];
        if (change && waddr_q == AddrSpillHigh)  spill_q[32+8*b+:8]    <= wdata_q[8*b+:8];
        if (change && waddr_q == AddrFrames)     frames_q[8*b+:8]      <= wdata_q[8*b+:8];
        if (change && waddr_q == AddrRows)       rows_q[8*b+:8]        <= wdata_q[8*b+:8];
        if (change && waddr_q == AddrColumns)    columns_q[8*b+:8]     <= wdata_q[8*b+:8];
        if (change && waddr_q == AddrRowStride)  row_stride_q[8*b+:8]  <= wdata_q[8*b+:8];
        if (change && waddr_q == AddrRowBytes)   row_bytes_q[8*b+:8]   <= wdata_q[8*b+:8];
        if (change && waddr_q == AddrBandStride) band_stride_q[8*b+:8] <= wdata_q[8*b+:8];
        if (write && waddr_q == AddrScratch)     scratch_q[8*b+:8]     <= wdata_q[8*b+:8];
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      banded_q <= 1'b0;
      free_q   <= '0;
    end else begin
      if (change && waddr_q == AddrLayout && wstrb_q[0]) banded_q <= Banded && wdata_q[0];
      free_q <= free_q + 32'd1;
    end
  end

  // Bits of an address beyond AddrWidth are dropped: what is read back says so.
  logic [63:0] src, dst, spill;
  assign src_o         = src_q[AddrWidth-1:0];
  assign dst_o         = dst_q[AddrWidth-1:0];
  assign src           = 64'(src_o);
  assign dst           = 64'(dst_o);
  assign spill_o       = spill_q[AddrWidth-1:0];
  assign spill         = 64'(spill_o);
  assign frames_o      = frames_q;
  assign rows_o        = rows_q;
  assign columns_o     = columns_q;
  assign row_stride_o  = row_stride_q;
  assign row_bytes_o   = row_bytes_q;
  assign band_stride_o = band_stride_q;
  assign banded_o      = banded_q;
  if (AddrWidth < 64) begin : gen_dropped
    logic unused;
    assign unused = ^{src_q[63:AddrWidth], dst_q[63:AddrWidth], spill_q[63:AddrWidth]};
  end

  // -- read --------------------------------------------------------------------------------------------------
  logic ar_q;
  logic [31:0] word, cycles_high_q;
  logic load;
  assign s_axil_arready = !ar_q;
  assign s_axil_rresp   = 2'b00;
  assign load           = ar_q && !s_axil_rvalid;

  // Which register it is becomes known with the address, so that a word is one sum of 37 away from registers.
  localparam int unsigned Words = 37;
  localparam logic [Words*12-1:0] Map = {
    AddrId, AddrVersion, AddrSignature0, AddrSignature1, AddrSignature2, AddrSignature3, AddrControl, AddrStatus,
    AddrSrcLow, AddrSrcHigh, AddrDstLow, AddrDstHigh, AddrFrames, AddrRows, AddrColumns, AddrBands, AddrRowStride,
    AddrRowBytes, AddrBandStride, AddrLayout, AddrCapabilities, AddrFrameRows, AddrFrameColumns, AddrFrameBytes,
    AddrCyclesLow, AddrCyclesHigh, AddrStarved, AddrBlocked, AddrFramesDone, AddrFirstFrame, AddrFrameErrors,
    AddrAxiErrors, AddrSpillLow, AddrSpillHigh, AddrSpillBytes, AddrScratch, AddrFreeCycles
  };
  localparam int unsigned CyclesLow = 12;  // its place in the map, the last is 0
  logic [Words*32-1:0] words;
  logic [Words-1:0] chosen_q;
  assign words = {
    IdValue, VersionValue, Signature[31:0], Signature[63:32], Signature[95:64], Signature[127:96],
    {29'd0, irq_enable_q, 2'd0}, {25'd0, status_i}, src[31:0], src[63:32], dst[31:0], dst[63:32], frames_q, rows_q,
    columns_q, 32'(Bands), row_stride_q, row_bytes_q, band_stride_q, {31'd0, banded_q}, Capabilities,
    32'(FrameRows), 32'(FrameColumns), 32'(FrameBytes), cycles_i[31:0], cycles_high_q, starved_i, blocked_i,
    frames_done_i, first_frame_i, frame_errors_i, axi_errors_i, spill[31:0], spill[63:32], 32'(SpillBytes), scratch_q,
    free_q
  };
  always_comb begin
    word = '0;
    for (int i = 0; i < int'(Words); i++) word |= {32{chosen_q[i]}} & words[i*32+:32];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ar_q          <= 1'b0;
      s_axil_rvalid <= 1'b0;
      cycles_high_q <= '0;
    end else begin
      if (s_axil_arvalid && !ar_q) ar_q <= 1'b1;
      else if (load)               ar_q <= 1'b0;
      if (load)                    s_axil_rvalid <= 1'b1;
      else if (s_axil_rready)      s_axil_rvalid <= 1'b0;
      if (load && chosen_q[CyclesLow]) cycles_high_q <= cycles_i[63:32];
    end
  end
  always_ff @(posedge clk_i) begin
    if (!ar_q) begin
      for (int i = 0; i < int'(Words); i++) chosen_q[i] <= {s_axil_araddr[11:2], 2'b00} == Map[i*12+:12];
    end
    if (load) s_axil_rdata <= word;
  end

  logic unused_low;
  assign unused_low = ^{s_axil_awaddr[1:0], s_axil_araddr[1:0]};

`ifndef SYNTHESIS
  B_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni) s_axil_bvalid && !s_axil_bready |=> s_axil_bvalid);
  R_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    s_axil_rvalid && !s_axil_rready |=> s_axil_rvalid && $stable(s_axil_rdata));
`endif
endmodule
