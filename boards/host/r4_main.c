/* SPDX-License-Identifier: Apache-2.0
 *
 * r4: a file of counts to a file of results on the board, and the self-test. Run it as root, after load.sh.
 *
 *     r4 run COUNTS ROWS COLUMNS LAYOUT RESULT
 *     r4 selftest [FOLDER]
 *
 * COUNTS   the counts of a cube as they lie in memory, without a header, little endian; LAYOUT is bip, bil or bsq
 * RESULT   is written: the result as the hardware leaves it (a byte a pixel of a map, rows of bits of a mask, or values)
 * FOLDER   of selftest_counts.npy and selftest_result.npy; this folder, where none is given
 *
 * Options, before the command: -u NAME of the UIO device (r4), -m NAME of the u-dma-buf device (udmabuf-r4), -t SECONDS
 * that a job may take (10), -r ROOT where dev and sys lie (that of the system).
 *
 * Ends with 0 where all is right, else with 2 and one line that says what is not. Nothing of it was run on a board.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "r4.h"
#include "r4_design.h"
#include "r4_uio.h"

#define CLOCK_NS 100000000u /* over which the clock is measured */

static const char *const layouts[] = {"bip", "bil", "bsq"};

typedef struct {
  r4_uio uio;
  r4_device device;
  uint64_t timeout;
} board;

/* The error's line; the program's status. */
static int fail(const char *format, ...) {
  va_list values;
  fputs("r4: ", stderr);
  va_start(values, format);
  vfprintf(stderr, format, values);
  va_end(values);
  fputc('\n', stderr);
  return 2;
}

static int usage(void) {
  return fail("the command must be run COUNTS ROWS COLUMNS LAYOUT RESULT or selftest [FOLDER], not another; see r4 --help");
}

static int help(void) {
  fputs("r4 [OPTIONS] run COUNTS ROWS COLUMNS LAYOUT RESULT\n"
        "r4 [OPTIONS] selftest [FOLDER]\n\n"
        "COUNTS  counts of a cube as they lie in memory, without a header, little endian; LAYOUT: bip, bil or bsq\n"
        "RESULT  is written: a byte a pixel of a map, rows of bits of a mask, or values\n"
        "FOLDER  of selftest_counts.npy and selftest_result.npy; default this folder\n\n"
        "-u NAME     of the UIO device; default r4\n"
        "-m NAME     of the u-dma-buf device; default udmabuf-r4\n"
        "-t SECONDS  that a job may take; default 10\n"
        "-r ROOT     where dev and sys lie; default that of the system\n",
        stdout);
  return 0;
}

/* Whether `text` is a decimal number from 1 to `most`. */
static int number(const char *text, uint32_t most, uint32_t *value) {
  char *end;
  errno = 0;
  const unsigned long long found = strtoull(text, &end, 10);
  *value = (uint32_t)found;
  return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && found >= 1 && found <= most;
}

/* All of a file, from a heap, and its size; NULL after an error's line. */
static uint8_t *whole(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  long end = -1;
  uint8_t *data = NULL;
  if (file && fseek(file, 0, SEEK_END) == 0 && (end = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0)
    data = malloc((size_t)end + 1);
  if (data && fread(data, 1, (size_t)end, file) != (size_t)end) {
    free(data);
    data = NULL;
  }
  if (!data) fail("%s: must be a file to read, not %s", path, strerror(errno));
  if (file) fclose(file);
  *size = (size_t)end;
  return data;
}

/* What went wrong with the last job, if anything did: of the files that stand for caches too. */
static const char *wrong(const board *b) {
  const char *text = r4_uio_message(&b->uio);
  return text[0] ? text : r4_message(&b->device);
}

static int open_board(board *b, const char *root, const char *device, const char *memory) {
  if (r4_uio_open(&b->uio, root, device, memory) != 0) return fail("%s", r4_uio_message(&b->uio));
  const r4_io io = r4_uio_io(&b->uio);
  if (r4_open(&b->device, &io, &r4_design, CLOCK_NS) != R4_OK) return fail("%s", wrong(b));
  if (r4_design.spill_bytes) {
    r4_buffer spill;
    if (r4_uio_buffer(&b->uio, r4_design.spill_bytes, &spill) != 0 || r4_reserve(&b->device, &spill) != R4_OK)
      return fail("%s", wrong(b));
  }
  printf("design and clock: as r4_design.h says; %.3f MHz\n", b->device.clock_khz / 1000.0);
  return 0;
}

static int buffers(board *b, const r4_cube *cube, r4_buffer *counts, r4_buffer *result) {
  const size_t in = r4_count_bytes(&r4_design, cube), out = r4_result_bytes(&r4_design, cube);
  if (in == 0)
    return fail("a cube must be one that the design takes (%" PRIu32 " bands, frames of %" PRIu32 " x %" PRIu32
                "), not %" PRIu32 " x %" PRIu32 " pixels in layout %s; see README.md",
                r4_design.bands, r4_design.frame_rows, r4_design.frame_columns, cube->rows, cube->columns,
                layouts[cube->layout]);
  if (r4_uio_buffer(&b->uio, in, counts) != 0 || r4_uio_buffer(&b->uio, out, result) != 0) return fail("%s", wrong(b));
  return 0;
}

static int run(board *b, const r4_cube *cube, const char *in, const char *out) {
  r4_buffer counts, result;
  size_t size;
  int status = buffers(b, cube, &counts, &result);
  if (status) return status;
  uint8_t *data = whole(in, &size);
  if (!data) return 2;
  if (size != counts.bytes)
    status = fail("%s: must have the %zu bytes of %" PRIu32 " x %" PRIu32 " pixels of %" PRIu32 " bands, not %zu; see rows "
                  "and columns", in, counts.bytes, cube->rows, cube->columns, r4_design.bands, size);
  else
    memcpy(counts.data, data, size);
  free(data);
  if (status) return status;
  if (r4_run(&b->device, cube, &counts, &result, b->timeout) != R4_OK || wrong(b)[0]) return fail("%s", wrong(b));
  FILE *file = fopen(out, "wb");
  const int written = file && fwrite(result.data, 1, result.bytes, file) == result.bytes;
  if ((file && fclose(file) != 0) || !written)
    return fail("%s: must be a file to write, not %s", out, strerror(errno));
  r4_read_counters(&b->device);
  printf("%s: %zu bytes; %" PRIu32 " frames in %" PRIu64 " cycles\n", out, result.bytes, b->device.counters.frames_done,
         b->device.counters.cycles);
  return 0;
}

/* -- the self-test ------------------------------------------------------------------------------------------------- */

/* A .npy file of format 1, whose header's text ends in front of `data`; NULL after an error's line. */
static uint8_t *vectors(const char *folder, const char *name, const uint8_t **data, size_t *size) {
  char path[R4_UIO_PATH];
  size_t total;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  uint8_t *file = whole(path, &total);
  if (!file) return NULL;
  const size_t begin = total < 10 ? 0 : (size_t)10 + file[8] + 256u * file[9];
  if (begin == 0 || begin > total || memcmp(file, "\x93NUMPY\x01", 7) != 0) {
    fail("%s: must be a file of numpy.save, not another; copy the whole folder host/ again", path);
    free(file);
    return NULL;
  }
  file[begin - 1] = '\0'; /* the header ends with a new line */
  *data = file + begin;
  *size = total - begin;
  return file;
}

/* Counts of layout bip in another layout. */
static void lay_out(const r4_cube *cube, const uint8_t *from, uint8_t *to) {
  const size_t bytes = r4_design.count_bytes, bands = r4_design.bands, rows = cube->rows, columns = cube->columns;
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++)
      for (size_t b = 0; b < bands; b++) {
        const size_t at = cube->layout == R4_BIP   ? (r * columns + c) * bands + b
                          : cube->layout == R4_BIL ? (r * bands + b) * columns + c
                                                   : (b * rows + r) * columns + c;
        memcpy(to + at * bytes, from + ((r * columns + c) * bands + b) * bytes, bytes);
      }
}

/* A mask of a byte a pixel, in place, to that of a bit a pixel. */
static size_t pack(const r4_cube *cube, uint8_t *mask) {
  size_t used = 0;
  for (size_t r = 0; r < cube->rows; r++)
    for (size_t c = 0; c < cube->columns; c += 8) {
      unsigned bits = 0;
      for (size_t k = 0; k < 8 && c + k < cube->columns; k++) bits |= (mask[r * cube->columns + c + k] ? 1u : 0u) << k;
      mask[used++] = (uint8_t)bits;
    }
  return used;
}

static int compare(board *b, r4_cube *cube, const uint8_t *given, size_t size, const uint8_t *expected,
                   size_t expected_size) {
  r4_buffer counts, result;
  int status = buffers(b, cube, &counts, &result);
  if (status) return status;
  if (size != counts.bytes || expected_size != result.bytes)
    return fail("the vectors of the self-test must have %zu and %zu bytes, not %zu and %zu; copy the whole folder host/ "
                "again", counts.bytes, result.bytes, size, expected_size);
  for (int k = 0; k < (r4_design.banded ? 3 : 1); k++) {
    cube->layout = (r4_layout)k;
    lay_out(cube, given, counts.data);
    if (r4_selftest(&b->device, cube, &counts, &result, expected, b->timeout) != R4_OK || wrong(b)[0])
      return fail("layout %s: %s", layouts[k], wrong(b));
    printf("layout %s: 0 of %zu bytes differ\n", layouts[k], result.bytes);
  }
  return 0;
}

static int selftest(board *b, const char *folder) {
  const uint8_t *given = NULL, *expected = NULL;
  size_t size = 0, expected_size = 0;
  r4_cube cube = {0, 0, R4_BIP};
  uint32_t bands = 0;
  int status = 2;
  uint8_t *counts = vectors(folder, "selftest_counts.npy", &given, &size);
  uint8_t *result = counts ? vectors(folder, "selftest_result.npy", &expected, &expected_size) : NULL;
  if (result) {
    const char *shape = strstr((const char *)counts + 10, "'shape': (");
    if (!shape || sscanf(shape + 10, "%" SCNu32 ", %" SCNu32 ", %" SCNu32, &cube.rows, &cube.columns, &bands) != 3 ||
        bands != r4_design.bands || !strstr((const char *)counts + 10, "'fortran_order': False"))
      status = fail("%s/selftest_counts.npy: must be (rows, columns, %" PRIu32 " bands), not another; copy the whole folder "
                    "host/ again", folder, r4_design.bands);
    else {
      if (r4_design.kind == R4_MASK && expected_size == (size_t)cube.rows * cube.columns)
        expected_size = pack(&cube, result + (expected - result));
      status = compare(b, &cube, given, size, expected, expected_size);
    }
  }
  free(counts);
  free(result);
  return status;
}

/* -- the command line ---------------------------------------------------------------------------------------------- */

int main(int argc, char **argv) {
  static board b; /* large */
  const char *root = "", *device = "r4", *memory = "udmabuf-r4";
  uint32_t seconds = 10;
  r4_cube cube = {0, 0, R4_BIP};
  int option, status;
  if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) return help();
  opterr = 0;
  while ((option = getopt(argc, argv, "u:m:t:r:")) != -1) {
    if (option == 'u') device = optarg;
    else if (option == 'm') memory = optarg;
    else if (option == 'r') root = optarg;
    else if (option != 't') return usage();
    else if (!number(optarg, 1000000, &seconds)) return fail("-t: must be 1 to 1000000 seconds, not %s", optarg);
  }
  b.timeout = seconds * UINT64_C(1000000000);
  argc -= optind;
  argv += optind;
  const int runs = argc == 6 && strcmp(argv[0], "run") == 0;
  if (!runs && !((argc == 1 || argc == 2) && strcmp(argv[0], "selftest") == 0)) return usage();
  if (runs) {
    if (!number(argv[2], UINT32_MAX, &cube.rows) || !number(argv[3], UINT32_MAX, &cube.columns))
      return fail("rows and columns must be numbers from 1, not %s and %s", argv[2], argv[3]);
    int k = 0;
    while (k < 3 && strcmp(argv[4], layouts[k]) != 0) k++;
    if (k == 3) return fail("the layout must be bip, bil or bsq, not %s", argv[4]);
    cube.layout = (r4_layout)k;
  }
  status = open_board(&b, root, device, memory);
  if (status == 0) status = runs ? run(&b, &cube, argv[1], argv[5]) : selftest(&b, argc == 2 ? argv[1] : ".");
  r4_uio_close(&b.uio);
  return status;
}
