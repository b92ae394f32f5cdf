// SPDX-License-Identifier: Apache-2.0
//
// Counts of one band after the other to pixels: tiles of Columns columns, of which one fills while one drains.
// Tile:       of every band, in order, the counts of neighbouring columns, Lanes a beat, the first at the LSB; a band's
//             last beat is filled up with counts of no meaning. A row of columns_i columns is the tiles of r4_gather: of
//             Columns columns, the last one of what is left, the one before of half of Columns where that were less
//             than half. columns_i must stand from clear_i on.
// Given:      one count a beat: the bands of the tile's first column, of its second, and so on.
// Latency:    3 cycles from a tile's last beat to its first count.
// Throughput: 1 beat/cycle in and 1 count/cycle out, without a gap where the next tile is there in time.
// Block RAM:  2 * Bands * Columns / Lanes words of Lanes counts.
// clear_i is a reset.  x_ready_o comes from registers alone.

module r4_turn #(
  parameter int unsigned Bands   = 2,
  parameter int unsigned Columns = 32,
  parameter int unsigned Lanes   = 4,
  parameter int unsigned Width   = 16
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   clear_i,
  input  logic [31:0]            columns_i,

  input  logic                   x_valid_i,
  output logic                   x_ready_o,
  input  logic [Lanes*Width-1:0] x_data_i,

  output logic                   y_valid_o,
  input  logic                   y_ready_i,
  output logic [Width-1:0]       y_data_o
);

  if (Bands == 0 || Width == 0) begin : gen_check_size
    $fatal(1, "r4_turn: Bands (%0d) and Width (%0d) must be at least 1", Bands, Width);
  end
  if (Lanes < 2 || Columns < 2 * Lanes || Lanes != 2 ** $clog2(Lanes) || Columns != 2 ** $clog2(Columns))
  begin : gen_check_columns
    $fatal(1, "r4_turn: Columns (%0d) must be a power of two of at least two beats of Lanes (%0d), a power of two from 2",
           Columns, Lanes);
  end

  localparam int unsigned Beats     = Columns / Lanes;
  localparam int unsigned Column    = $clog2(Columns);
  localparam int unsigned Lane      = $clog2(Lanes);
  localparam int unsigned Beat      = Column - Lane;
  localparam int unsigned Words     = 2 * Bands * Beats;
  localparam int unsigned AddrWidth = $clog2(Words);
  localparam int unsigned RowWidth  = AddrWidth - Beat;  // a band of one of the tiles

  logic reset;
  assign reset = !rst_ni || clear_i;

  // -- fill: columns from left to right, tiles in turn ----------------------------------------------------------
  logic [31:0] last_column;                   // of a row
  logic [31-Column:0] tile_q;                 // tiles of the row before this one
  logic [Column-1:0] tile_last;               // the last column of this tile
  logic few;                                  // columns are in the last tile, if it were one of whole tiles
  logic half, halved_q, row_end;              // this tile is of half the columns; the one before was
  logic fill_half_q, fill, fill_band, fill_last;
  logic [Beat-1:0] fill_beat_q;
  logic [RowWidth-1:0] fill_row_q;
  logic [1:0] full_q;
  logic [1:0][Column-1:0] last_q;             // the last column of each tile that is full

  assign last_column = columns_i - 32'd1;
  assign few         = !last_column[Column-1] && last_column[Column-2:0] != '1;
  assign half        = few && !halved_q && tile_q + 1'b1 == last_column[31:Column];
  assign row_end     = halved_q || tile_q == last_column[31:Column];
  assign tile_last   = half ? {1'b0, {(Column-1){1'b1}}}
                     : row_end ? {last_column[Column-1] || halved_q, last_column[Column-2:0]} : '1;
  assign x_ready_o   = !full_q[fill_half_q];
  assign fill        = x_valid_i && x_ready_o;
  assign fill_band   = fill && fill_beat_q == tile_last[Column-1:Lane];
  assign fill_last   = fill_band && fill_row_q == (fill_half_q ? RowWidth'(2 * Bands - 1) : RowWidth'(Bands - 1));

  always_ff @(posedge clk_i) begin
    if (reset) begin
      fill_half_q <= 1'b0;
      fill_beat_q <= '0;
      fill_row_q  <= '0;
      tile_q      <= '0;
      halved_q    <= 1'b0;
    end else if (fill) begin
      fill_beat_q <= fill_band ? '0 : fill_beat_q + 1'b1;
      if (fill_band) fill_row_q <= fill_last && fill_half_q ? '0 : fill_row_q + 1'b1;
      if (fill_last) begin
        fill_half_q <= !fill_half_q;
        tile_q      <= row_end ? '0 : tile_q + 1'b1;
        halved_q    <= half;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (fill_last) last_q[fill_half_q] <= tile_last;
  end

  // -- drain ---------------------------------------------------------------------------------------------------
  logic en, read, read_pixel, read_last, read_half_q;
  logic [Column-1:0] read_column_q;
  logic [RowWidth-1:0] read_row_q;
  assign en         = y_ready_i || !y_valid_o;
  assign read       = en && full_q[read_half_q];
  assign read_pixel = read && read_row_q == (read_half_q ? RowWidth'(2 * Bands - 1) : RowWidth'(Bands - 1));
  assign read_last  = read_pixel && read_column_q == last_q[read_half_q];

  always_ff @(posedge clk_i) begin
    if (reset) begin
      read_half_q   <= 1'b0;
      read_column_q <= '0;
      read_row_q    <= '0;
    end else if (read) begin
      if (read_last)       read_row_q <= read_half_q ? '0 : RowWidth'(Bands);
      else if (read_pixel) read_row_q <= read_half_q ? RowWidth'(Bands) : '0;
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

  // One tile is written and the other one read: no word is both at once.
  (* ram_style = "block", no_rw_check *) logic [Lanes*Width-1:0] mem [Words];
  logic [Lanes*Width-1:0] word_q;
  logic [Lane-1:0] lane_q;
  logic valid_q;
  always_ff @(posedge clk_i) begin
    if (fill) mem[{fill_row_q, fill_beat_q}] <= x_data_i;
  end
  always_ff @(posedge clk_i) begin
    if (en) word_q <= mem[{read_row_q, read_column_q[Column-1:Lane]}];
  end
  always_ff @(posedge clk_i) begin
    if (en) begin
      lane_q   <= read_column_q[Lane-1:0];
      y_data_o <= word_q[lane_q*Width+:Width];
    end
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
