// SPDX-License-Identifier: Apache-2.0
//
// Test bench of r4_hls, for g++ and for Vitis HLS's C simulation and cosimulation.
//
//   r4_hls_test [FOLDER]                            the self-test in FOLDER, default this one, in every layout
//   r4_hls_test FOLDER ROWS COLUMNS LAYOUT RESULT   another cube, counts_LAYOUT.bin in FOLDER; its result goes to RESULT
//   r4_hls_test --numbers FILE                      what every count becomes, as int32, band after band
//
// Exit: 0 when all bytes are right, 1 when not, 2 when a file cannot be read or written.

#include "r4_hls.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

static const char *const LAYOUTS[] = {"bip", "bil", "bsq"};
static const unsigned GUARD = 64; // results beyond the last, which must stay as they are
static const unsigned char UNTOUCHED = 0xA5;

static std::vector<unsigned char> read_file(const std::string &path) {
    std::vector<unsigned char> data;
    std::FILE *file = std::fopen(path.c_str(), "rb");
    if (!file) {
        std::fprintf(stderr, "r4_hls_test: %s must be readable\n", path.c_str());
        std::exit(2);
    }
    unsigned char part[65536];
    for (size_t n; (n = std::fread(part, 1, sizeof part, file)) > 0;)
        data.insert(data.end(), part, part + n);
    std::fclose(file);
    return data;
}

static size_t result_bytes(unsigned rows, unsigned columns) {
    if (R4_MASK)
        return size_t(rows) * ((columns + 7) / 8);
    return size_t(rows) * columns / (R4_FRAME_ROWS * R4_FRAME_COLUMNS) * R4_OUTPUTS * sizeof(r4_result);
}

// The bytes of the result, GUARD more results behind them.
static std::vector<unsigned char> job(const std::string &folder, unsigned layout, unsigned rows, unsigned columns) {
    const std::string path = folder + "/counts_" + LAYOUTS[layout] + ".bin";
    const std::vector<unsigned char> bytes = read_file(path);
    std::vector<r4_count> counts(size_t(rows) * columns * R4_BANDS);
    if (bytes.size() != counts.size() * sizeof(r4_count)) {
        std::fprintf(stderr, "r4_hls_test: %s must have %zu bytes, not %zu\n", path.c_str(),
                     counts.size() * sizeof(r4_count), bytes.size());
        std::exit(2);
    }
    std::memcpy(counts.data(), bytes.data(), bytes.size());
    std::vector<r4_result> result(result_bytes(rows, columns) / sizeof(r4_result) + GUARD);
    std::memset(result.data(), UNTOUCHED, result.size() * sizeof(r4_result));
    const unsigned status = r4_hls(counts.data(), result.data(), rows, columns, layout);
    if (status != R4_DONE) {
        std::fprintf(stderr, "r4_hls_test: %s must end with 0, not %u\n", LAYOUTS[layout], status);
        std::exit(1);
    }
    std::vector<unsigned char> found(result.size() * sizeof(r4_result));
    std::memcpy(found.data(), result.data(), found.size());
    return found;
}

static int another(char **argv) {
    const unsigned rows = std::strtoul(argv[2], 0, 10), columns = std::strtoul(argv[3], 0, 10);
    unsigned layout = 0;
    while (layout < R4_BSQ && std::strcmp(argv[4], LAYOUTS[layout]) != 0)
        layout++;
    const std::vector<unsigned char> found = job(argv[1], layout, rows, columns);
    const size_t size = result_bytes(rows, columns);
    std::FILE *file = std::fopen(argv[5], "wb");
    if (!file || std::fwrite(found.data(), 1, size, file) != size || std::fclose(file)) {
        std::fprintf(stderr, "r4_hls_test: %s must be writable\n", argv[5]);
        return 2;
    }
    return 0;
}

static int numbers(const char *path) {
    std::FILE *file = std::fopen(path, "wb");
    std::vector<int32_t> row(size_t(1) << (8 * sizeof(r4_count)));
    bool good = file != 0;
    for (unsigned band = 0; good && band < R4_BANDS; band++) {
        for (size_t count = 0; count < row.size(); count++)
            row[count] = int32_t(r4_converted(r4_count(count), band));
        good = std::fwrite(row.data(), sizeof row[0], row.size(), file) == row.size();
    }
    if (!good || std::fclose(file)) {
        std::fprintf(stderr, "r4_hls_test: %s must be writable\n", path);
        return 2;
    }
    return 0;
}

// What must be refused leaves memory alone.
static int refusals() {
    r4_count count = 0;
    r4_result result = r4_result(UNTOUCHED);
    int wrong = r4_hls(&count, &result, 0, 1, R4_BIP) != R4_BAD_LENGTH;
    wrong += r4_hls(&count, &result, 1u << 16, 1u << 16, R4_BIP) != R4_BAD_LENGTH;
    if (R4_FRAME_ROWS * R4_FRAME_COLUMNS > 1) {
        wrong += r4_hls(&count, &result, R4_FRAME_ROWS, R4_FRAME_COLUMNS + 1, R4_BIP) != R4_BAD_LENGTH;
        if (R4_FRAME_ROWS > 1)
            wrong += r4_hls(&count, &result, R4_FRAME_ROWS + 1, R4_FRAME_COLUMNS, R4_BIP) != R4_BAD_LENGTH;
    }
    wrong += r4_hls(&count, &result, R4_FRAME_ROWS, R4_FRAME_COLUMNS, R4_BANDED ? 3 : R4_BIL) != R4_BAD_LAYOUT;
    wrong += result != r4_result(UNTOUCHED);
    if (wrong)
        std::printf("r4_hls_test: %d jobs that must be refused were not\n", wrong);
    return wrong;
}

int main(int argc, char **argv) {
    if (argc == 6)
        return another(argv);
    if (argc == 3 && std::strcmp(argv[1], "--numbers") == 0)
        return numbers(argv[2]);
    const std::string folder = argc > 1 ? argv[1] : ".";
    const std::vector<unsigned char> want = read_file(folder + "/result.bin");
    int failed = refusals();
    for (unsigned layout = 0; layout <= (R4_BANDED ? R4_BSQ : R4_BIP); layout++) {
        const std::vector<unsigned char> found = job(folder, layout, R4_TEST_ROWS, R4_TEST_COLUMNS);
        size_t differ = want.size() != result_bytes(R4_TEST_ROWS, R4_TEST_COLUMNS);
        for (size_t i = 0; i < found.size(); i++)
            differ += found[i] != (i < want.size() ? want[i] : UNTOUCHED);
        std::printf("r4_hls_test: %s: %zu of %zu bytes differ\n", LAYOUTS[layout], differ, want.size());
        failed += differ != 0;
    }
    return failed != 0;
}
