/* SPDX-License-Identifier: Apache-2.0
 *
 * A board behind the files of Linux, for LD_PRELOAD: what a driver does with files below R4_ROOT reaches a model of
 * the shell. It knows single pixels, maps and masks, in the arithmetic of board_model.Design.
 *
 * Registers are the words of the file dev/uio*. The model looks at them whenever the driver calls the system about the
 * device, about a cache, or to sleep. Memory is the file dev/udmabuf*; the hardware has a copy of its own, and only
 * sync_for_device and sync_for_cpu copy between the two, by ranges.
 *
 * R4_ROOT, R4_LOG: folder, and file to which a line is added for every such call
 * R4_KHZ:          clock of the counter of free cycles
 * R4_PHYS:         address of the memory
 * R4_FAULT:        hang (jobs do not end by themselves), deaf (the interrupt cannot be turned on) or nothing
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "r4_regs.h"

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int device = -1, memory_file = -1, attribute = -1, enabled;
static char attribute_name[32];
static volatile uint32_t *words;
static uint8_t *memory, *dram;
static size_t memory_bytes;

static void note(const char *format, ...) {
  char line[256];
  va_list values;
  va_start(values, format);
  int n = vsnprintf(line, sizeof line, format, values);
  va_end(values);
  const int file = REAL(open)(getenv("R4_LOG"), O_WRONLY | O_CREAT | O_APPEND, 0644);
  line[n++] = '\n';
  if (REAL(write)(file, line, (size_t)n) != n) abort();
  REAL(close)(file);
}

static int fault(const char *name) {
  const char *wanted = getenv("R4_FAULT");
  return wanted && strcmp(wanted, name) == 0;
}

/* -- the hardware ---------------------------------------------------------------------------------------------------- */

static uint32_t get(uint32_t offset) { return words[offset / 4]; }
static uint64_t wide(uint32_t low, uint32_t high) { return (uint64_t)get(high) << 32 | get(low); }

static void job(void) {
  const uint64_t base = strtoull(getenv("R4_PHYS"), NULL, 0);
  const uint32_t bands = get(R4_BANDS), capabilities = get(R4_CAPABILITIES), columns = get(R4_COLUMNS);
  const uint32_t size = (capabilities & R4_CAPABILITIES_COUNT_BYTES) >> R4_CAPABILITIES_COUNT_BYTES_SHIFT;
  const uint32_t kind = (capabilities & R4_CAPABILITIES_RESULT) >> R4_CAPABILITIES_RESULT_SHIFT;
  const uint8_t *from = dram + (wide(R4_SRC_LOW, R4_SRC_HIGH) - base);
  uint8_t *to = dram + (wide(R4_DST_LOW, R4_DST_HIGH) - base);
  for (uint32_t r = 0; r < get(R4_ROWS); r++)
    for (uint32_t c = 0; c < columns; c++) {
      uint32_t sum = 0;
      for (uint32_t b = 0; b < bands; b++) {
        const uint8_t *at = from + (size_t)r * get(R4_ROW_STRIDE);
        if (get(R4_LAYOUT) & R4_LAYOUT_BANDED) at += c * size + (size_t)b * get(R4_BAND_STRIDE);
        else at += (c * bands + b) * size;
        sum += (b + 1) * (at[0] + (size > 1 ? 256u * at[1] : 0));
      }
      if (kind == R4_RESULT_MAP) {
        to[(size_t)r * columns + c] = (uint8_t)(sum % 251);
      } else {
        uint8_t *byte = to + (size_t)r * ((columns + 7) / 8) + c / 8;
        if (c % 8 == 0) *byte = 0;
        *byte |= (uint8_t)((sum & 1) << c % 8);
      }
    }
  words[R4_FRAMES_DONE / 4] = get(R4_FRAMES);
  words[R4_CYCLES_LOW / 4] = 20 * get(R4_FRAMES);
}

static void step(void) {
  const uint32_t control = words ? get(R4_CONTROL) : 0;
  if (control == 0) return;
  words[R4_CONTROL / 4] = 0;
  enabled = (control & R4_CONTROL_IRQ_ENABLE) != 0;
  if (control & R4_CONTROL_CLEAR) words[R4_STATUS / 4] &= ~R4_STATUS_DONE;
  if (control & R4_CONTROL_ABORT) words[R4_STATUS / 4] = R4_STATUS_DONE | R4_STATUS_ABORTED;
  if (control & R4_CONTROL_START) {
    words[R4_STATUS / 4] = R4_STATUS_BUSY;
    if (fault("hang")) return;
    job();
    words[R4_STATUS / 4] = R4_STATUS_DONE;
  }
}

static int line_is_high(void) { return enabled && (get(R4_STATUS) & R4_STATUS_DONE); }

static void copy(const char *text) {
  const uint64_t word = strtoull(text, NULL, 0), start = word >> 32;
  uint64_t bytes = word & 0xFFFFFFF0u;
  if (!(word & 1) || start > memory_bytes) return;
  if (bytes > memory_bytes - start) bytes = memory_bytes - start;
  if (strcmp(attribute_name, "sync_for_device") == 0) memcpy(dram + start, memory + start, bytes);
  else memcpy(memory + start, dram + start, bytes);
}

/* -- the system's calls ------------------------------------------------------------------------------------------------ */

static int opened(const char *path, int flags, int file) {
  const char *root = getenv("R4_ROOT");
  if (file < 0 || !root || strncmp(path, root, strlen(root)) != 0) return file;
  const char *name = path + strlen(root) + 1, *last = strrchr(path, '/') + 1;
  if (strncmp(name, "dev/", 4) == 0)
    note("open %s%s%s", name, (flags & O_ACCMODE) == O_RDWR ? " read write" : "", (flags & O_SYNC) == O_SYNC ? " sync" : "");
  if (strncmp(name, "dev/uio", 7) == 0) device = file;
  else if (strncmp(name, "dev/", 4) == 0) memory_file = file;
  else if (strncmp(last, "sync_for_", 9) == 0) {
    attribute = file;
    snprintf(attribute_name, sizeof attribute_name, "%s", last);
  }
  return file;
}

#define OPENS(name)                                       \
  int name(const char *path, int flags, ...) {            \
    va_list values;                                       \
    va_start(values, flags);                              \
    const mode_t mode = va_arg(values, mode_t);           \
    va_end(values);                                       \
    return opened(path, flags, REAL(name)(path, flags, mode)); \
  }
OPENS(open)
OPENS(open64)

static void *mapped(void *map, size_t bytes, int file) {
  if (file < 0 || map == MAP_FAILED || (file != device && file != memory_file)) return map;
  note("map %s %zu", file == device ? "registers" : "memory", bytes);
  if (file == device) {
    words = map;
  } else {
    memory = map;
    memory_bytes = bytes;
    dram = malloc(bytes);
    memset(dram, 0x5A, bytes);
  }
  return map;
}

void *mmap(void *at, size_t n, int protection, int flags, int file, off_t from) {
  return mapped(REAL(mmap)(at, n, protection, flags, file, from), n, file);
}

void *mmap64(void *at, size_t n, int protection, int flags, int file, off64_t from) {
  return mapped(REAL(mmap64)(at, n, protection, flags, file, from), n, file);
}

int flock(int file, int operation) {
  if (file == device) note("lock");
  return REAL(flock)(file, operation);
}

int close(int file) {
  if (file == memory_file) memory_file = -1; /* its number may be another file's */
  if (file == attribute) attribute = -1;
  return REAL(close)(file);
}

ssize_t write(int file, const void *data, size_t bytes) {
  if (file >= 0 && file == device) {
    if (fault("deaf")) {
      errno = EIO;
      return -1;
    }
    note("write %zu bytes: %" PRIu32, bytes, *(const uint32_t *)data);
    step();
    return (ssize_t)bytes;
  }
  if (file >= 0 && file == attribute) {
    char text[64];
    snprintf(text, sizeof text, "%.*s", (int)bytes, (const char *)data);
    note("%s %s", attribute_name, text);
    copy(text);
    step();
  }
  return REAL(write)(file, data, bytes);
}

ssize_t read(int file, void *data, size_t bytes) {
  if (file < 0 || file != device) return REAL(read)(file, data, bytes);
  note("read %zu bytes", bytes);
  memset(data, 0, bytes);
  return (ssize_t)bytes;
}

static void rest(int64_t ns) {
  const struct timespec time = {ns / 1000000000, ns % 1000000000};
  REAL(nanosleep)(&time, NULL);
}

int poll(struct pollfd *files, nfds_t count, int milliseconds) {
  if (count != 1 || device < 0 || files[0].fd != device) return REAL(poll)(files, count, milliseconds);
  note("wait");
  step();
  if (!line_is_high()) rest(milliseconds * INT64_C(1000000));
  return line_is_high();
}

int select(int count, fd_set *in, fd_set *out, fd_set *other, struct timeval *limit) {
  if (device < 0 || !in || !FD_ISSET(device, in)) return REAL(select)(count, in, out, other, limit);
  note("wait");
  step();
  if (!line_is_high()) rest(limit->tv_sec * INT64_C(1000000000) + limit->tv_usec * INT64_C(1000));
  if (!line_is_high()) FD_ZERO(in);
  return line_is_high();
}

static int64_t nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* The counter of free cycles goes on while the driver sleeps. */
static int slept(int status, int64_t begin) {
  if (words) {
    words[R4_FREE_CYCLES / 4] += (uint32_t)((nanoseconds() - begin) * atoll(getenv("R4_KHZ")) / 1000000);
    step();
  }
  return status;
}

int nanosleep(const struct timespec *time, struct timespec *left) {
  const int64_t begin = nanoseconds();
  return slept(REAL(nanosleep)(time, left), begin);
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *left) {
  const int64_t begin = nanoseconds();
  return slept(REAL(clock_nanosleep)(clock, flags, time, left), begin);
}
