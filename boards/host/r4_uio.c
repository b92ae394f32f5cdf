/* SPDX-License-Identifier: Apache-2.0
 *
 * The driver's back end on Linux, in C99 with POSIX; r4_uio.h says what each function does. u-dma-buf
 * (github.com/ikwzm/udmabuf) is a kernel module that is built for the board's kernel. Formats of its attributes are those
 * of its Readme.
 */
#define _POSIX_C_SOURCE 200809L

#include "r4_uio.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "r4_regs.h"

#define PAGE 4096u
#define LINE 64u /* bytes of a cache line */

static int fail(r4_uio *u, const char *format, ...) {
  va_list values;
  if (u->message[0]) return -1; /* the first error is the cause of what follows */
  va_start(values, format);
  vsnprintf(u->message, sizeof u->message, format, values);
  va_end(values);
  return -1;
}

const char *r4_uio_message(const r4_uio *u) { return u->message; }

/* -- files of sysfs ------------------------------------------------------------------------------------------------ */

static int join(r4_uio *u, char *path, const char *root, const char *folder, const char *name) {
  const int n = snprintf(path, R4_UIO_PATH, "%s/%s/%s", root, folder, name);
  if (n > 0 && n < R4_UIO_PATH) return 0;
  return fail(u, "a path must have less than %d bytes, not be %s/%s/%s", R4_UIO_PATH, root, folder, name);
}

/* The text of a file without the white space at its end: 0, or -1 where it cannot be read. */
static int text_of(const char *folder, const char *name, char *text, size_t size) {
  char path[2 * R4_UIO_PATH];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  const int file = open(path, O_RDONLY);
  if (file < 0) return -1;
  const ssize_t found = read(file, text, size - 1);
  close(file);
  if (found < 0) return -1;
  size_t n = (size_t)found;
  while (n && strchr(" \t\r\n", text[n - 1])) n--;
  text[n] = '\0';
  return 0;
}

static int number_of(r4_uio *u, const char *name, uint64_t *value) {
  char text[64] = "", *end = text;
  const int found = text_of(u->sys, name, text, sizeof text);
  *value = strtoull(text, &end, 0);
  if (found == 0 && end != text && *end == '\0') return 0;
  return fail(u, "%s/%s: must be a number, not '%s'; load u-dma-buf again", u->sys, name, text);
}

/* -- registers and interrupt --------------------------------------------------------------------------------------- */

static int is_uio(const struct dirent *entry) { return strncmp(entry->d_name, "uio", 3) == 0; }

/* Path of the UIO device of a name in /dev. */
static int find(r4_uio *u, const char *root, const char *device, char *path) {
  char folder[R4_UIO_PATH], entry[R4_UIO_PATH + 300], name[64], names[R4_UIO_PATH] = "";
  struct dirent **entries = NULL;
  int found = 0;
  if (join(u, folder, root, "sys/class", "uio") != 0) return -1;
  const int count = scandir(folder, &entries, is_uio, alphasort);
  for (int k = 0; k < count; k++) {
    snprintf(entry, sizeof entry, "%s/%s", folder, entries[k]->d_name);
    if (!found && text_of(entry, "name", name, sizeof name) == 0) {
      const size_t used = strlen(names);
      snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", name);
      found = strcmp(name, device) == 0;
      if (found && join(u, path, root, "dev", entries[k]->d_name) != 0) found = -1;
    }
    free(entries[k]);
  }
  free(entries);
  if (found) return found > 0 ? 0 : -1;
  return fail(u, "a UIO device named %s must be there, not %s; apply the overlay (load.sh), with "
              "uio_pdrv_genirq.of_id=generic-uio on the kernel's command line", device, names[0] ? names : "none");
}

static int open_registers(r4_uio *u, const char *root, const char *device) {
  char path[R4_UIO_PATH];
  if (find(u, root, device, path) != 0) return -1;
  u->descriptor = open(path, O_RDWR | O_SYNC);
  if (u->descriptor < 0)
    return fail(u, "%s: must be open to read and write, not %s; run as root", path, strerror(errno));
  if (flock(u->descriptor, LOCK_EX | LOCK_NB) != 0)
    return fail(u, "%s: must have one user, not two; end the other program", path);
  void *map = mmap(NULL, R4_MAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, u->descriptor, 0);
  if (map == MAP_FAILED)
    return fail(u, "%s: its registers must be mapped, not %s; see reg in overlay.dts", path, strerror(errno));
  u->words = map;
  return 0;
}

static uint32_t read32(void *context, uint32_t offset) { return ((r4_uio *)context)->words[offset >> 2]; }
static void write32(void *context, uint32_t offset, uint32_t value) {
  ((r4_uio *)context)->words[offset >> 2] = value;
}

static uint64_t now(void *context) {
  struct timespec t;
  (void)context;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void pause_for(void *context, uint64_t duration) {
  struct timespec left = {(time_t)(duration / 1000000000u), (long)(duration % 1000000000u)};
  (void)context;
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

static int wait_irq(void *context, uint64_t timeout) {
  r4_uio *u = context;
  const uint32_t on = 1;
  uint32_t times; /* that it came: no matter */
  const uint64_t begin = now(u);
  if (u->message[0]) return -1;
  /* A UIO interrupt is off once it came; 1 turns it on again. While the line is high it comes at once. */
  if (write(u->descriptor, &on, sizeof on) != (ssize_t)sizeof on)
    return fail(u, "the interrupt must be turned on, not %s; see interrupts in overlay.dts", strerror(errno));
  for (;;) {
    const uint64_t gone = now(u) - begin, left = gone < timeout ? timeout - gone : 0;
    const uint64_t milliseconds = left / 1000000u + (left % 1000000u != 0);
    struct pollfd device = {.fd = u->descriptor, .events = POLLIN};
    const int ready = poll(&device, 1, milliseconds < INT_MAX ? (int)milliseconds : INT_MAX);
    if (ready == 0) return 0;
    if (ready > 0 && read(u->descriptor, &times, sizeof times) == (ssize_t)sizeof times) return 1;
    if (errno != EINTR)
      return fail(u, "the interrupt must be there to wait for, not %s; see interrupts in overlay.dts", strerror(errno));
  }
}

/* -- memory -------------------------------------------------------------------------------------------------------- */

static int open_memory(r4_uio *u, const char *root, const char *memory) {
  static const char *const classes[] = {"sys/class/u-dma-buf", "sys/class/udmabuf"}; /* new and old name of the module */
  char path[R4_UIO_PATH];
  struct stat folder;
  uint64_t bytes;
  size_t k = 0;
  for (; k < 2; k++) {
    if (join(u, u->sys, root, classes[k], memory) != 0) return -1;
    if (stat(u->sys, &folder) == 0 && S_ISDIR(folder.st_mode)) break;
  }
  if (k == 2)
    return fail(u, "a u-dma-buf device named %s must be there, not none; load its kernel module, then apply the overlay "
                "(load.sh)", memory);
  if (number_of(u, "phys_addr", &u->address) != 0 || number_of(u, "size", &bytes) != 0) return -1;
  if (join(u, path, root, "dev", memory) != 0) return -1;
  /* Without O_SYNC: the processor's cache stays on, and sync_for_* keep it right. */
  const int file = open(path, O_RDWR);
  if (file < 0) return fail(u, "%s: must be open to read and write, not %s; run as root", path, strerror(errno));
  void *map = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  const int why = errno;
  close(file);
  if (map == MAP_FAILED)
    return fail(u, "%s: its memory must be mapped, not %s; load u-dma-buf again", path, strerror(why));
  u->memory = map;
  u->bytes = (size_t)bytes;
  return 0;
}

int r4_uio_buffer(r4_uio *u, size_t bytes, r4_buffer *buffer) {
  const size_t start = (u->used + PAGE - 1) / PAGE * PAGE, left = start < u->bytes ? u->bytes - start : 0;
  if (bytes > left)
    return fail(u, "a buffer needs %zu bytes of shared memory, not the %zu of %zu that are left; give rows in parts or "
                "reserve more in overlay.dts", bytes, left, u->bytes);
  *buffer = (r4_buffer){.data = u->memory + start, .address = u->address + start, .bytes = bytes};
  u->used = start + bytes;
  return 0;
}

/* Cache lines of a range are written back (sync_for_device) or dropped (sync_for_cpu). One write tells it all: offset in
 * the upper word, in the lower one the size, a multiple of 16 of which the low bits are free, the direction in bits 3:2
 * (0: both ways) and 1 in bit 0. */
static void sync_lines(r4_uio *u, const char *attribute, const r4_buffer *buffer, size_t bytes) {
  const uint32_t start = (uint32_t)(buffer->data - u->memory), length = (uint32_t)((bytes + LINE - 1) / LINE * LINE);
  char path[2 * R4_UIO_PATH], text[24];
  snprintf(path, sizeof path, "%s/%s", u->sys, attribute);
  const int size = snprintf(text, sizeof text, "0x%08" PRIX32 "%08" PRIX32, start, length | 1u);
  const int file = open(path, O_WRONLY | O_TRUNC);
  if (file < 0 || write(file, text, (size_t)size) != size)
    (void)fail(u, "%s: must take %s, not %s; load u-dma-buf again", path, text, strerror(errno));
  if (file >= 0) close(file);
}

static void flush(void *context, const r4_buffer *buffer, size_t bytes) {
  sync_lines(context, "sync_for_device", buffer, bytes);
}

static void invalidate(void *context, const r4_buffer *buffer, size_t bytes) {
  sync_lines(context, "sync_for_cpu", buffer, bytes);
}

/* -- for the user -------------------------------------------------------------------------------------------------- */

int r4_uio_open(r4_uio *u, const char *root, const char *device, const char *memory) {
  *u = (r4_uio){.descriptor = -1};
  if (open_registers(u, root, device) == 0 && open_memory(u, root, memory) == 0) return 0;
  r4_uio_close(u);
  return -1;
}

void r4_uio_close(r4_uio *u) {
  if (u->memory) munmap(u->memory, u->bytes);
  if (u->words) munmap((void *)(uintptr_t)u->words, R4_MAP_BYTES);
  if (u->descriptor >= 0) close(u->descriptor);
  u->memory = NULL;
  u->words = NULL;
  u->descriptor = -1;
}

r4_io r4_uio_io(r4_uio *u) { return (r4_io){u, read32, write32, wait_irq, now, pause_for, flush, invalidate}; }
