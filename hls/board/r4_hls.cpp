// SPDX-License-Identifier: Apache-2.0
//
// Three processes run at the same time: one reads counts, one computes frame after frame, one writes results. Within
// the second, frames overlap: a dataflow region in a loop, in the form that UG1399 asks for.

#include "r4_hls.h"
#include "firmware/nnet_utils/nnet_rtl4ml.h"

typedef unsigned long long r4_size;

// The packs of the network's streams, from the type of its top function.
template <class F> struct r4_streams;
template <class X, class Y> struct r4_streams<void(hls::stream<X> &, hls::stream<Y> &)> {
    typedef X input;
    typedef Y output;
};
typedef r4_streams<decltype(R4_NETWORK)>::input r4_x;
typedef r4_streams<decltype(R4_NETWORK)>::output r4_y;
typedef ap_int<R4_WIDE> r4_wide;

// ---- from counts to integers of the network's input: R4_ROUNDED, R4_AFFINE or R4_STEPS

static r4_wide r4_clip(r4_wide v) {
    #pragma HLS INLINE
    if (v < r4_wide(R4_LO))
        return R4_LO;
    return v > r4_wide(R4_HI) ? r4_wide(R4_HI) : v;
}

#if defined(R4_ROUNDED)
// count * 2^-shift, halves to even, clipped.
static r4_wide r4_number(r4_count count, unsigned) {
    #pragma HLS INLINE
    r4_wide v = count;
#if R4_SHIFT > 0
    r4_wide odd = (v >> R4_SHIFT) & r4_wide(1);
    v = (v + ((r4_wide(1) << (R4_SHIFT - 1)) - 1) + odd) >> R4_SHIFT;
#else
    v = v << -(R4_SHIFT);
#endif
    return r4_clip(v);
}
#elif defined(R4_AFFINE)
// (M * count + B) >> shift by band, clipped.
static r4_wide r4_number(r4_count count, unsigned band) {
    #pragma HLS INLINE
    r4_wide v = r4_m[band] * ap_uint<8 * sizeof(r4_count)>(count);
    return r4_clip((v + r4_b[band]) >> R4_SHIFT);
}
#else
// The number of thresholds that the count reaches, by band: from the lowest level up, or from the highest down.
static r4_wide r4_number(r4_count count, unsigned band) {
    #pragma HLS INLINE
    unsigned low = 0, high = R4_LEVELS;
SearchLoop:
    for (unsigned step = 0; step < R4_SEARCH; step++) {
        #pragma HLS UNROLL
        unsigned middle = (low + high) / 2;
        if (low < high) {
            if (r4_thresholds[band * R4_LEVELS + middle] <= count)
                low = middle + 1;
            else
                high = middle;
        }
    }
    return r4_falls[band] ? r4_wide(R4_HI) - r4_wide(low) : r4_wide(R4_LO) + r4_wide(low);
}
#endif

#ifndef __SYNTHESIS__
long long r4_converted(r4_count count, unsigned band) { return r4_number(count, band).to_int64(); }
#endif

// ---- a frame

static void r4_convert(hls::stream<r4_count> &counts, hls::stream<r4_x> &x) {
    r4_x pack;
    unsigned band = 0, c = 0;
ConvertLoop:
    for (unsigned i = 0; i < R4_INPUTS; i++) {
        #pragma HLS PIPELINE
        pack[c] = nnet::r4_value<r4_x::value_type>(r4_number(counts.read(), band));
        band = band + 1 == R4_BANDS ? 0 : band + 1;
        if (c + 1 == r4_x::size) {
            x.write(pack);
            c = 0;
        } else {
            c++;
        }
    }
}

static void r4_emit(hls::stream<r4_y> &y, hls::stream<r4_result> &results) {
EmitLoop:
    for (unsigned i = 0; i < R4_OUTPUTS / r4_y::size; i++) {
        r4_y pack = y.read();
    ElementLoop:
        for (unsigned c = 0; c < r4_y::size; c++) {
            #pragma HLS PIPELINE
            results.write(r4_result(nnet::r4_integer(pack[c]).to_int64()));
        }
    }
}

static void r4_frames(hls::stream<r4_count> &counts, hls::stream<r4_result> &results, int frames) {
FrameLoop:
    for (int f = 0; f < frames; f++) {
        #pragma HLS DATAFLOW
        hls::stream<r4_x> x("x");
        hls::stream<r4_y> y("y");
        #pragma HLS STREAM variable=x depth=16
        r4_convert(counts, x);
        R4_NETWORK(x, y);
        r4_emit(y, results);
    }
}

// ---- memory

static void r4_read_bip(const r4_count *source, hls::stream<r4_count> &counts, unsigned rows, unsigned columns) {
    const r4_size all = r4_size(rows) * columns * R4_BANDS;
BipLoop:
    for (r4_size i = 0; i < all; i++) {
        #pragma HLS PIPELINE
        counts.write(source[i]);
    }
}

#if R4_BANDED
// Columns that are turned from bands to pixels at once.
const unsigned R4_TILE = 64;

static void r4_fetch(const r4_count *source, r4_count tile[R4_BANDS * R4_TILE], unsigned k, unsigned tiles,
                     unsigned columns, r4_size row_stride, r4_size band_stride) {
    const unsigned row = k / tiles, first = k % tiles * R4_TILE;
    const unsigned width = columns - first < R4_TILE ? columns - first : R4_TILE;
    r4_size at = row * row_stride + first;
FetchLoop:
    for (unsigned band = 0; band < R4_BANDS; band++) {
    RunLoop:
        for (unsigned column = 0; column < width; column++) {
            #pragma HLS PIPELINE
            tile[band * R4_TILE + column] = source[at + column];
        }
        at += band_stride;
    }
}

static void r4_turn(const r4_count tile[R4_BANDS * R4_TILE], hls::stream<r4_count> &counts, unsigned k, unsigned tiles,
                    unsigned columns) {
    const unsigned first = k % tiles * R4_TILE;
    const unsigned width = columns - first < R4_TILE ? columns - first : R4_TILE;
TurnLoop:
    for (unsigned column = 0; column < width; column++) {
    BandLoop:
        for (unsigned band = 0; band < R4_BANDS; band++) {
            #pragma HLS PIPELINE
            counts.write(tile[band * R4_TILE + column]);
        }
    }
}

static void r4_read_tiles(const r4_count *source, hls::stream<r4_count> &counts, int number, unsigned tiles,
                          unsigned columns, r4_size row_stride, r4_size band_stride) {
TileLoop:
    for (int k = 0; k < number; k++) {
        #pragma HLS DATAFLOW
        r4_count tile[R4_BANDS * R4_TILE];
        r4_fetch(source, tile, k, tiles, columns, row_stride, band_stride);
        r4_turn(tile, counts, k, tiles, columns);
    }
}
#endif

static void r4_read(const r4_count *source, hls::stream<r4_count> &counts, unsigned rows, unsigned columns,
                    unsigned layout) {
#if R4_BANDED
    if (layout != R4_BIP) {
        const unsigned tiles = (columns + R4_TILE - 1) / R4_TILE;
        const bool bil = layout == R4_BIL;
        r4_read_tiles(source, counts, int(rows * tiles), tiles, columns,
                      bil ? r4_size(columns) * R4_BANDS : r4_size(columns),
                      bil ? r4_size(columns) : r4_size(columns) * rows);
        return;
    }
#endif
    r4_read_bip(source, counts, rows, columns);
}

static void r4_store(hls::stream<r4_result> &results, r4_result *target, unsigned rows, unsigned columns, int frames) {
#if R4_MASK
    r4_size at = 0;
RowLoop:
    for (unsigned row = 0; row < rows; row++) {
        r4_result byte = 0;
    ColumnLoop:
        for (unsigned column = 0; column < columns; column++) {
            #pragma HLS PIPELINE
            byte |= r4_result(results.read() << (column % 8));
            if (column % 8 == 7 || column + 1 == columns) {
                target[at++] = byte;
                byte = 0;
            }
        }
    }
#else
    const r4_size all = r4_size(frames) * R4_OUTPUTS;
StoreLoop:
    for (r4_size i = 0; i < all; i++) {
        #pragma HLS PIPELINE
        target[i] = results.read();
    }
#endif
}

static void r4_job(const r4_count *source, r4_result *target, unsigned rows, unsigned columns, unsigned layout,
                   int frames) {
    #pragma HLS DATAFLOW
    hls::stream<r4_count> counts("counts");
    hls::stream<r4_result> results("results");
    #pragma HLS STREAM variable=counts depth=64
    #pragma HLS STREAM variable=results depth=64
    r4_read(source, counts, rows, columns, layout);
    r4_frames(counts, results, frames);
    r4_store(results, target, rows, columns, frames);
}

unsigned r4_hls(const r4_count *counts, r4_result *result, unsigned rows, unsigned columns, unsigned layout) {
    #pragma HLS INTERFACE m_axi port=counts bundle=counts offset=slave depth=R4_TEST_COUNTS max_read_burst_length=64
    #pragma HLS INTERFACE m_axi port=result bundle=result offset=slave depth=R4_TEST_RESULTS max_write_burst_length=64
    #pragma HLS INTERFACE s_axilite port=counts
    #pragma HLS INTERFACE s_axilite port=result
    #pragma HLS INTERFACE s_axilite port=rows
    #pragma HLS INTERFACE s_axilite port=columns
    #pragma HLS INTERFACE s_axilite port=layout
    #pragma HLS INTERFACE s_axilite port=return
    const unsigned most = 1u << 31;
    const bool pixel = R4_FRAME_ROWS * R4_FRAME_COLUMNS == 1;
    if (rows == 0 || columns == 0 || r4_size(rows) * columns >= most)
        return R4_BAD_LENGTH;
    if (!pixel && (columns != R4_FRAME_COLUMNS || rows % R4_FRAME_ROWS != 0))
        return R4_BAD_LENGTH;
    if (layout > (R4_BANDED ? R4_BSQ : R4_BIP))
        return R4_BAD_LAYOUT;
    r4_job(counts, result, rows, columns, layout, int(pixel ? rows * columns : rows / R4_FRAME_ROWS));
    return R4_DONE;
}
