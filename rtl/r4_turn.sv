// SPDX-License-Identifier: Apache-2.0
//
// Counts of one band after the other to pixels: tiles of Columns columns, of which one fills while one drains.
// Tile:       of every band, in order, the counts of neighbouring columns, XLanes a beat, the first at the LSB; a band's
//             last beat is filled up with counts of no meaning. A row of columns_i columns is the tiles of r4_gather: of
//             Columns columns, the last one of what is left, the one before of half of Columns where that were less
//             than half. columns_i must stand from clear_i on.
// Given:      YLanes counts a beat, the first at the LSB: the bands of the tile's first column, of its second, and so on.
// Latency:    3 cycles from a tile's last beat to its first counts.
// Throughput: 1 beat/cycle in and 1 beat/cycle out, without a gap where the next tile is there in time.
// Memory:     YLanes banks, band b in bank b % YLanes, of 2 * Bands / YLanes * Columns / XLanes words of XLanes counts;
//             in block RAM above 64 words.
// clear_i is a reset.  x_ready_o comes from registers alone.

module r4_turn #(
  parameter int unsigned Bands   = 2,
  parameter int unsigned Columns = 32,
  parameter int unsigned XLanes  = 4,
  parameter int unsigned YLanes  = 1,
  parameter int unsigned Width   = 16
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  input  logic                    clear_i,
  input  logic [31:0]             columns_i,

  input  logic                    x_valid_i,
  output logic                    x_ready_o,
  input  logic [XLanes*Width-1:0] x_data_i,

  output logic                    y_valid_o,
  input  logic                    y_ready_i,
  output logic [YLanes*Width-1:0] y_data_o
);

  if (Bands == 0 || Width == 0) begin : gen_check_size
    $fatal(1, "r4_turn: Bands (%0d) and Width (%0d) must be at least 1", Bands, Width);
  end
  if (YLanes == 0 || Bands % YLanes != 0) begin : gen_check_bands
    $fatal(1, "r4_turn: YLanes (%0d) must divide Bands (%0d)", YLanes, Bands);
  end
  if (XLanes < 2 || Columns < 2 * XLanes || XLanes != 2 ** $clog2(XLanes) || Columns != 2 ** $clog2(Columns))
  begin : gen_check_columns
    $fatal(1, "r4_turn: Columns (%0d) must be a power of two of at least two beats of XLanes (%0d), a power of two from 2",
           Columns, XLanes);
  end

  localparam int unsigned Groups    = Bands / YLanes;    // beats given a pixel
  localparam int unsigned Column    = $clog2(Columns);
  localparam int unsigned Lane      = $clog2(XLanes);
  localparam int unsigned Beat      = Column - Lane;
  localparam int unsigned Words     = 2 * Groups * Columns / XLanes;
  localparam int unsigned AddrWidth = $clog2(Words);
  localparam int unsigned RowWidth  = AddrWidth - Beat;  // a group of bands of one of the tiles

  logic reset;
  assign reset = !rst_ni || clear_i;

  // -- fill: columns from left to right, tiles in turn ----------------------------------------------------------
  // What is known of the tile that fills is in registers; the next one's is computed beside.
  logic [31:0] left_q;                        // columns of the row from this tile on, unless one of half went before
  logic last_tile_q, half_tile_q;             // this tile is the row's last one; if not, of half the columns
  logic [Column-1:0] tile_last_q;             // the last column of this tile
  logic row, next_last, next_half;            // row: a row begins
  logic [Column-1:0] next_low;                // columns from it on, in the row
  logic fill_half_q, fill, fill_band, fill_group, fill_last;
  logic band_end, fill_end_q;                 // the beat is a band's last one; fill_row_q is a tile's
  logic [YLanes-1:0] fill_bank_q;             // one-hot
  logic [Beat-1:0] fill_beat_q;
  logic [RowWidth-1:0] fill_row_q;
  logic [1:0] full_q;
  logic [1:0][Column-1:0] last_q;             // the last column of each tile that is full

  // A tile of half the columns leaves less than a whole one's, so the last one comes behind it.
  assign row         = reset || last_tile_q;
  assign next_last   = row ? columns_i <= Columns : left_q <= 2 * Columns;
  assign next_half   = row ? columns_i[31:Column-1] == (33 - Column)'(2) : left_q[31:Column-1] == (33 - Column)'(4);
  assign next_low    = row ? columns_i[Column-1:0] : left_q[Column-1:0] ^ {half_tile_q, {(Column-1){1'b0}}};
  assign x_ready_o   = !full_q[fill_half_q];
  assign fill        = x_valid_i && x_ready_o;
  assign band_end    = fill_beat_q == tile_last_q[Column-1:Lane];
  assign fill_band   = fill && band_end;
  assign fill_group  = fill && band_end && fill_bank_q[YLanes-1];
  assign fill_last   = fill && (band_end && fill_bank_q[YLanes-1] && fill_end_q);

  always_ff @(posedge clk_i) begin
    if (reset) begin
      fill_half_q <= 1'b0;
      fill_beat_q <= '0;
      fill_bank_q <= YLanes'(1);
      fill_row_q  <= '0;
      fill_end_q  <= Groups == 1;
    end else if (fill) begin
      fill_beat_q <= fill_band ? '0 : fill_beat_q + 1'b1;
      if (fill_band)  fill_bank_q <= YLanes'({fill_bank_q, fill_bank_q} >> (YLanes - 1));
      if (fill_group) fill_row_q  <= fill_last && fill_half_q ? '0 : fill_row_q + 1'b1;
      if (fill_group && Groups > 1)
        fill_end_q <= fill_row_q == (fill_half_q ? RowWidth'(2 * Groups - 2) : RowWidth'(Groups - 2));
      if (fill_last)  fill_half_q <= !fill_half_q;
    end
  end
  always_ff @(posedge clk_i) begin
    if (reset || fill_last) begin
      left_q      <= row ? columns_i : left_q - Columns;
      last_tile_q <= next_last;
      half_tile_q <= next_half;
      tile_last_q <= next_last ? next_low - 1'b1 : {!next_half, {(Column-1){1'b1}}};
    end
    if (fill_last) last_q[fill_half_q] <= tile_last_q;
  end

  // -- drain ---------------------------------------------------------------------------------------------------
  logic en, read, read_pixel, read_last, read_half_q;
  logic read_end_q;                           // read_row_q is a tile's last one
  logic [Column-1:0] read_column_q;
  logic [RowWidth-1:0] read_row_q;
  assign en         = y_ready_i || !y_valid_o;
  assign read       = en && full_q[read_half_q];
  assign read_pixel = read && read_end_q;
  assign read_last  = read_pixel && read_column_q == last_q[read_half_q];

  always_ff @(posedge clk_i) begin
    if (reset) begin
      read_half_q   <= 1'b0;
      read_column_q <= '0;
      read_row_q    <= '0;
      read_end_q    <= Groups == 1;
    end else if (read) begin
      if (Groups > 1) read_end_q <= read_row_q == (read_half_q ? RowWidth'(2 * Groups - 2) : RowWidth'(Groups - 2));
      if (read_last)       read_row_q <= read_half_q ? '0 : RowWidth'(Groups);
      else if (read_pixel) read_row_q <= read_half_q ? RowWidth'(Groups) : '0;
      else                 read_row_q <= read_row_q + 1'b1;
      if (read_pixel) read_column_q <= read_last ? '0 : read_column_q + 1'b1;
      if (read_last)  read_half_q <= !read_half_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (reset) begin
      full_q <= '0;
    end else begin
      if (fill_last) full_q[fill_half_q] <= 1'b1;
      if (read_last) full_q[read_half_q] <= 1'b0;
    end
  end

  logic [AddrWidth-1:0] fill_addr, read_addr;
  logic [Lane-1:0] lane_q;
  logic valid_q;
  assign fill_addr = {fill_row_q, fill_beat_q};
  assign read_addr = {read_row_q, read_column_q[Column-1:Lane]};

  for (genvar i = 0; i < int'(YLanes); i++) begin : gen_bank
    logic write;
    logic [XLanes*Width-1:0] word_q;
    assign write = fill && fill_bank_q[i];
    // One tile is written and the other one read: no word is both at once.
    if (Words > 64) begin : gen_block
      (* ram_style = "block", no_rw_check *) logic [XLanes*Width-1:0] mem [Words];
      always_ff @(posedge clk_i) begin
        if (write) mem[fill_addr] <= x_data_i;
      end
      always_ff @(posedge clk_i) begin
        if (en) word_q <= mem[read_addr];
      end
    end else begin : gen_distributed
      (* ram_style = "distributed" *) logic [XLanes*Width-1:0] mem [Words];
      always_ff @(posedge clk_i) begin
        if (write) mem[fill_addr] <= x_data_i;
        if (en)    word_q <= mem[read_addr];
      end
    end
    always_ff @(posedge clk_i) begin
      if (en) y_data_o[i*Width+:Width] <= word_q[lane_q*Width+:Width];
    end
  end

  always_ff @(posedge clk_i) begin
    if (en) lane_q <= read_column_q[Lane-1:0];
  end
  always_ff @(posedge clk_i) begin
    if (reset) begin
      valid_q   <= 1'b0;
      y_valid_o <= 1'b0;
    end else if (en) begin
      valid_q   <= read;
      y_valid_o <= valid_q;
    end
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (reset)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
  APART : assert property (@(posedge clk_i) disable iff (reset) fill && read |-> fill_half_q != read_half_q);
`endif
endmodule
