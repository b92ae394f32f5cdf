// SPDX-License-Identifier: Apache-2.0
//
// A network of hls4ml behind AXI: raw counts of a sensor in memory become the network's results in memory. Numbers on
// the bus are integers, laid out as the interface.json of the board's folder says: the same bytes as those that the RTL
// shell reads and writes. What is particular to a design stands in r4_hls_design.h.

#ifndef R4_HLS_H_
#define R4_HLS_H_

#include "r4_hls_design.h"

enum { R4_BIP = 0, R4_BIL = 1, R4_BSQ = 2 }; // of a cube: (row, column, band); (row, band, column); (band, row, column)
enum { R4_DONE = 0, R4_BAD_LENGTH = 1, R4_BAD_LAYOUT = 2 };

// Computes the results of a cube of counts. Frames of more than one pixel are as wide as the cube and stacked in rows.
//
//   counts, result: addresses in memory; both lie without gaps
//   rows, columns:  of the cube
//   layout:         R4_BIP; R4_BIL and R4_BSQ where R4_BANDED is 1
//
// Returns R4_DONE; R4_BAD_LENGTH where frames do not divide the cube, R4_BAD_LAYOUT where it cannot be read. Then
// nothing is written.
unsigned r4_hls(const r4_count *counts, r4_result *result, unsigned rows, unsigned columns, unsigned layout);

#ifndef __SYNTHESIS__
// The integer of the network's input that a count of a band becomes; for tests.
long long r4_converted(r4_count count, unsigned band);
#endif

#endif
