// SPDX-License-Identifier: Apache-2.0
//
// What rtl4ml's HLS projects add to hls4ml's nnet_utils: stream functions that hls4ml 1.3 has no exact counterpart of.
// Every one reads and writes packs of one pixel, channel 0 first, and works on the raw integers of its fixed-point
// types (value = integer * 2^-fraction); one pack in, one pack out in a cycle, except where the comment says otherwise.

#ifndef NNET_RTL4ML_H_
#define NNET_RTL4ML_H_

#include "ap_fixed.h"
#include "ap_int.h"
#include "hls_stream.h"
#include "nnet_common.h"
#include "nnet_types.h"

namespace nnet {

// The integer behind a fixed-point number, as a signed one.
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N> ap_int<W> r4_integer(const ap_fixed<W, I, Q, O, N> &x) {
    #pragma HLS INLINE
    ap_int<W> v;
    v.range(W - 1, 0) = x.range(W - 1, 0);
    return v;
}

template <int W, int I, ap_q_mode Q, ap_o_mode O, int N> ap_int<W + 1> r4_integer(const ap_ufixed<W, I, Q, O, N> &x) {
    #pragma HLS INLINE
    ap_int<W + 1> v = 0;
    v.range(W - 1, 0) = x.range(W - 1, 0);
    return v;
}

// The fixed-point number of an integer that its type holds.
template <class T, int W> T r4_value(const ap_int<W> &v) {
    #pragma HLS INLINE
    ap_int<T::width> low = v;
    T y;
    y.range(T::width - 1, 0) = low.range(T::width - 1, 0);
    return y;
}

// y = clip(round(x * 2^-shift), lo, hi), halves to even. `bits` hold x * 2^-shift and the limits.
template <class data_T, class res_T, typename CONFIG_T>
void r4_round(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    typedef ap_int<CONFIG_T::bits> wide;
RoundLoop:
    for (unsigned i = 0; i < CONFIG_T::n_pixels; i++) {
        #pragma HLS PIPELINE
        data_T x = data.read();
        res_T y;
    RoundChannels:
        for (unsigned c = 0; c < res_T::size; c++) {
            #pragma HLS UNROLL
            wide v = r4_integer(x[c]);
            if (CONFIG_T::right > 0) {
                const int half = CONFIG_T::right > 0 ? CONFIG_T::right - 1 : 0;
                wide below = (wide(1) << half) - 1;
                wide odd = (v >> CONFIG_T::right) & wide(1);
                v = (v + below + odd) >> CONFIG_T::right;
            } else {
                v = v << CONFIG_T::left;
            }
            if (v < wide(CONFIG_T::lo))
                v = CONFIG_T::lo;
            if (v > wide(CONFIG_T::hi))
                v = CONFIG_T::hi;
            y[c] = r4_value<typename res_T::value_type>(v);
        }
        res.write(y);
    }
}

// y = levels[number of thresholds that x reaches]; `rows` is 1 or the number of channels.
template <class data_T, class res_T, typename CONFIG_T>
void r4_threshold(hls::stream<data_T> &data, hls::stream<res_T> &res,
                  typename CONFIG_T::thresholds_t thresholds[CONFIG_T::rows * CONFIG_T::n_thresholds],
                  typename CONFIG_T::levels_t levels[CONFIG_T::level_rows * (CONFIG_T::n_thresholds + 1)]) {
ThresholdLoop:
    for (unsigned i = 0; i < CONFIG_T::n_pixels; i++) {
        #pragma HLS PIPELINE
        data_T x = data.read();
        res_T y;
    ThresholdChannels:
        for (unsigned c = 0; c < res_T::size; c++) {
            #pragma HLS UNROLL
            unsigned row = CONFIG_T::rows == 1 ? 0 : c;
            unsigned level_row = CONFIG_T::level_rows == 1 ? 0 : c;
            ap_int<CONFIG_T::bits> v = r4_integer(x[c]);
            unsigned count = 0;
        ThresholdCount:
            for (unsigned t = 0; t < CONFIG_T::n_thresholds; t++) {
                #pragma HLS UNROLL
                if (v >= thresholds[row * CONFIG_T::n_thresholds + t])
                    count++;
            }
            ap_int<CONFIG_T::level_bits> level = levels[level_row * (CONFIG_T::n_thresholds + 1) + count];
            y[c] = r4_value<typename res_T::value_type>(level);
        }
        res.write(y);
    }
}

// y = table[clip(x, first, first + entries - 1) - first]; `rows` is 1 or the number of channels.
template <class data_T, class res_T, typename CONFIG_T>
void r4_table(hls::stream<data_T> &data, hls::stream<res_T> &res,
              typename CONFIG_T::table_t table[CONFIG_T::rows * CONFIG_T::entries]) {
    typedef ap_int<CONFIG_T::bits> wide;
TableLoop:
    for (unsigned i = 0; i < CONFIG_T::n_pixels; i++) {
        #pragma HLS PIPELINE
        data_T x = data.read();
        res_T y;
    TableChannels:
        for (unsigned c = 0; c < res_T::size; c++) {
            #pragma HLS UNROLL
            unsigned row = CONFIG_T::rows == 1 ? 0 : c;
            wide v = wide(r4_integer(x[c])) - wide(CONFIG_T::first);
            if (v < 0)
                v = 0;
            if (v > wide(CONFIG_T::entries - 1))
                v = CONFIG_T::entries - 1;
            ap_int<CONFIG_T::level_bits> level = table[row * CONFIG_T::entries + v.to_uint()];
            y[c] = r4_value<typename res_T::value_type>(level);
        }
        res.write(y);
    }
}

// The same integers under another type, which must hold them: a power of two between their values, nothing else.
template <class data_T, class res_T, typename CONFIG_T>
void r4_rename(hls::stream<data_T> &data, hls::stream<res_T> &res) {
RenameLoop:
    for (unsigned i = 0; i < CONFIG_T::n_pixels; i++) {
        #pragma HLS PIPELINE
        data_T x = data.read();
        res_T y;
    RenameChannels:
        for (unsigned c = 0; c < res_T::size; c++) {
            #pragma HLS UNROLL
            y[c] = r4_value<typename res_T::value_type>(r4_integer(x[c]));
        }
        res.write(y);
    }
}

// The sum over all pixels of a frame, channel by channel: one pack out for a frame.
template <class data_T, class res_T, typename CONFIG_T>
void r4_global_sum(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    ap_int<CONFIG_T::bits> sum[res_T::size];
    #pragma HLS ARRAY_PARTITION variable=sum complete
GlobalSumClear:
    for (unsigned c = 0; c < res_T::size; c++) {
        #pragma HLS UNROLL
        sum[c] = 0;
    }
GlobalSumLoop:
    for (unsigned i = 0; i < CONFIG_T::n_pixels; i++) {
        #pragma HLS PIPELINE
        data_T x = data.read();
    GlobalSumChannels:
        for (unsigned c = 0; c < res_T::size; c++) {
            #pragma HLS UNROLL
            sum[c] += r4_integer(x[c]);
        }
    }
    res_T y;
GlobalSumWrite:
    for (unsigned c = 0; c < res_T::size; c++) {
        #pragma HLS UNROLL
        y[c] = r4_value<typename res_T::value_type>(sum[c]);
    }
    res.write(y);
}

// Channel c of x becomes channels c * times ... c * times + times - 1 of y.
template <class data_T, class res_T, typename CONFIG_T>
void r4_repeat(hls::stream<data_T> &data, hls::stream<res_T> &res) {
RepeatLoop:
    for (unsigned i = 0; i < CONFIG_T::n_pixels; i++) {
        #pragma HLS PIPELINE
        data_T x = data.read();
        res_T y;
    RepeatChannels:
        for (unsigned c = 0; c < res_T::size; c++) {
            #pragma HLS UNROLL
            y[c] = x[c / CONFIG_T::times];
        }
        res.write(y);
    }
}

// A margin of the integer `value` around every frame.
template <class data_T, class res_T, typename CONFIG_T>
void r4_margin(hls::stream<data_T> &data, hls::stream<res_T> &res) {
MarginRows:
    for (unsigned h = 0; h < CONFIG_T::out_height; h++) {
    MarginColumns:
        for (unsigned w = 0; w < CONFIG_T::out_width; w++) {
            #pragma HLS PIPELINE
            res_T y;
            if (h < CONFIG_T::top || h >= CONFIG_T::top + CONFIG_T::in_height || w < CONFIG_T::left ||
                w >= CONFIG_T::left + CONFIG_T::in_width) {
            MarginFill:
                for (unsigned c = 0; c < res_T::size; c++) {
                    #pragma HLS UNROLL
                    y[c] = r4_value<typename res_T::value_type>(ap_int<CONFIG_T::bits>(CONFIG_T::value));
                }
            } else {
                data_T x = data.read();
            MarginCopy:
                for (unsigned c = 0; c < res_T::size; c++) {
                    #pragma HLS UNROLL
                    y[c] = x[c];
                }
            }
            res.write(y);
        }
    }
}

// The index of the greatest channel of every pixel, the lowest on a tie.
template <class data_T, class res_T, typename CONFIG_T>
void r4_argmax(hls::stream<data_T> &data, hls::stream<res_T> &res) {
ArgmaxLoop:
    for (unsigned i = 0; i < CONFIG_T::n_pixels; i++) {
        #pragma HLS PIPELINE
        data_T x = data.read();
        typename data_T::value_type best = x[0];
        ap_int<CONFIG_T::bits> index = 0;
    ArgmaxChannels:
        for (unsigned c = 1; c < data_T::size; c++) {
            #pragma HLS UNROLL
            if (x[c] > best) {
                best = x[c];
                index = c;
            }
        }
        res_T y;
        y[0] = r4_value<typename res_T::value_type>(index);
        res.write(y);
    }
}

// y = 1 where x reaches the integer `threshold`, else 0.
template <class data_T, class res_T, typename CONFIG_T>
void r4_mask(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    typedef ap_int<CONFIG_T::bits> wide;
MaskLoop:
    for (unsigned i = 0; i < CONFIG_T::n_pixels; i++) {
        #pragma HLS PIPELINE
        data_T x = data.read();
        res_T y;
    MaskChannels:
        for (unsigned c = 0; c < res_T::size; c++) {
            #pragma HLS UNROLL
            ap_int<2> one = wide(r4_integer(x[c])) >= wide(CONFIG_T::threshold) ? 1 : 0;
            y[c] = r4_value<typename res_T::value_type>(one);
        }
        res.write(y);
    }
}

// Every pixel becomes `factor_w` pixels, every row `factor_h` rows, of which all but the first are zero.
template <class data_T, class res_T, typename CONFIG_T>
void r4_stuff(hls::stream<data_T> &data, hls::stream<res_T> &res) {
StuffRows:
    for (unsigned h = 0; h < CONFIG_T::in_height * CONFIG_T::factor_h; h++) {
    StuffColumns:
        for (unsigned w = 0; w < CONFIG_T::in_width * CONFIG_T::factor_w; w++) {
            #pragma HLS PIPELINE
            res_T y;
            if (h % CONFIG_T::factor_h == 0 && w % CONFIG_T::factor_w == 0) {
                data_T x = data.read();
            StuffCopy:
                for (unsigned c = 0; c < res_T::size; c++) {
                    #pragma HLS UNROLL
                    y[c] = x[c];
                }
            } else {
            StuffFill:
                for (unsigned c = 0; c < res_T::size; c++) {
                    #pragma HLS UNROLL
                    y[c] = 0;
                }
            }
            res.write(y);
        }
    }
}

// Bilinear upsampling by `factor_h` and `factor_w`, powers of two: half-pixel centres, edges repeated. The weights are
// whole numbers that add up to twice the factor along each axis whose factor is not 1; the type of y has the point.
// Two rows are kept: a new one is read, one pack a cycle, before the first row of y that it has a part in.
template <class data_T, class res_T, typename CONFIG_T>
void r4_bilinear(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    typedef ap_int<CONFIG_T::bits> wide;
    const unsigned sum_h = CONFIG_T::factor_h == 1 ? 1 : 2 * CONFIG_T::factor_h;
    const unsigned sum_w = CONFIG_T::factor_w == 1 ? 1 : 2 * CONFIG_T::factor_w;
    data_T rows[2][CONFIG_T::in_width];
    #pragma HLS ARRAY_PARTITION variable=rows dim=1 complete
    unsigned rows_read = 0;
BilinearRows:
    for (unsigned h = 0; h < CONFIG_T::in_height * CONFIG_T::factor_h; h++) {
        // The row `below` has weight_h parts, the one above it the rest; both are the same at the edges.
        unsigned below = (h + CONFIG_T::factor_h / 2) / CONFIG_T::factor_h;
        unsigned weight_h =
            CONFIG_T::factor_h == 1 ? 0 : 2 * ((h + CONFIG_T::factor_h / 2) % CONFIG_T::factor_h) + 1;
        unsigned above = below == 0 || CONFIG_T::factor_h == 1 ? below : below - 1;
        if (below == CONFIG_T::in_height)
            below--;
        if (rows_read <= below) {
        BilinearRead:
            for (unsigned w = 0; w < CONFIG_T::in_width; w++) {
                #pragma HLS PIPELINE
                rows[rows_read % 2][w] = data.read();
            }
            rows_read++;
        }
    BilinearColumns:
        for (unsigned w = 0; w < CONFIG_T::in_width * CONFIG_T::factor_w; w++) {
            #pragma HLS PIPELINE
            unsigned right = (w + CONFIG_T::factor_w / 2) / CONFIG_T::factor_w;
            unsigned weight_w =
                CONFIG_T::factor_w == 1 ? 0 : 2 * ((w + CONFIG_T::factor_w / 2) % CONFIG_T::factor_w) + 1;
            unsigned left = right == 0 || CONFIG_T::factor_w == 1 ? right : right - 1;
            if (right == CONFIG_T::in_width)
                right--;
            data_T a = rows[above % 2][left], b = rows[above % 2][right];
            data_T c = rows[below % 2][left], d = rows[below % 2][right];
            res_T y;
        BilinearChannels:
            for (unsigned k = 0; k < res_T::size; k++) {
                #pragma HLS UNROLL
                wide upper = wide(r4_integer(a[k])) * wide(sum_w - weight_w) + wide(r4_integer(b[k])) * wide(weight_w);
                wide lower = wide(r4_integer(c[k])) * wide(sum_w - weight_w) + wide(r4_integer(d[k])) * wide(weight_w);
                wide v = upper * wide(sum_h - weight_h) + lower * wide(weight_h);
                y[k] = r4_value<typename res_T::value_type>(v);
            }
            res.write(y);
        }
    }
}

// y = x * row_factors[row] * column_factors[column], which `bits` hold.
template <class data_T, class res_T, typename CONFIG_T>
void r4_scale(hls::stream<data_T> &data, hls::stream<res_T> &res,
              typename CONFIG_T::row_factors_t row_factors[CONFIG_T::height],
              typename CONFIG_T::column_factors_t column_factors[CONFIG_T::width]) {
    typedef ap_int<CONFIG_T::bits> wide;
ScaleRows:
    for (unsigned h = 0; h < CONFIG_T::height; h++) {
    ScaleColumns:
        for (unsigned w = 0; w < CONFIG_T::width; w++) {
            #pragma HLS PIPELINE
            data_T x = data.read();
            res_T y;
            wide factor = wide(row_factors[h]) * wide(column_factors[w]);
        ScaleChannels:
            for (unsigned c = 0; c < res_T::size; c++) {
                #pragma HLS UNROLL
                wide v = wide(r4_integer(x[c])) * factor;
                y[c] = r4_value<typename res_T::value_type>(v);
            }
            res.write(y);
        }
    }
}

// Erosion (`outside` 1) or dilation (`outside` 0) of a mask by the disk of pixels up to `radius` away; pixels outside the
// frame are `outside` and so decide nothing.
template <class data_T, class res_T, typename CONFIG_T>
void r4_morph(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    const unsigned radius = CONFIG_T::radius, size = 2 * CONFIG_T::radius + 1;
    const ap_uint<1> outside = CONFIG_T::outside;
    ap_uint<1> lines[size - 1][CONFIG_T::width], window[size][size];
    #pragma HLS ARRAY_PARTITION variable=lines dim=1 complete
    #pragma HLS ARRAY_PARTITION variable=window dim=0 complete
MorphRows:
    for (unsigned h = 0; h < CONFIG_T::height + radius; h++) {
    MorphColumns:
        for (unsigned w = 0; w < CONFIG_T::width + radius; w++) {
            #pragma HLS PIPELINE
            ap_uint<1> column[size];
            #pragma HLS ARRAY_PARTITION variable=column complete
            bool inside = w < CONFIG_T::width;
        MorphColumn:
            for (unsigned i = 0; i < size - 1; i++) { // row h - (size - 1) + i
                #pragma HLS UNROLL
                column[i] = inside && h + i >= size - 1 ? lines[i][w] : outside;
            }
            column[size - 1] = outside;
            if (inside && h < CONFIG_T::height) {
                data_T x = data.read();
                column[size - 1] = r4_integer(x[0]) != 0 ? 1 : 0;
            }
        MorphShift:
            for (unsigned i = 0; i < size; i++) {
                #pragma HLS UNROLL
                for (unsigned j = 0; j + 1 < size; j++)
                    window[i][j] = window[i][j + 1];
                window[i][size - 1] = column[i];
                if (inside && i > 0)
                    lines[i - 1][w] = column[i];
            }
            if (h < radius || w < radius)
                continue;
            ap_uint<1> made = outside;
        MorphDisk:
            for (unsigned i = 0; i < size; i++) {
                #pragma HLS UNROLL
                for (unsigned j = 0; j < size; j++) {
                    int dy = int(i) - int(radius), dx = int(j) - int(radius);
                    // Left of the frame stand the pixels right of it of the row before, which are outside as well.
                    if (unsigned(dy * dy + dx * dx) <= radius * radius && window[i][j] != outside)
                        made = window[i][j];
                }
            }
            res_T y;
            y[0] = r4_value<typename res_T::value_type>(ap_int<2>(made));
            res.write(y);
        }
    }
}

} // namespace nnet

#endif
