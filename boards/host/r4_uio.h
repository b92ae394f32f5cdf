/* SPDX-License-Identifier: Apache-2.0
 *
 * r4_uio: registers and memory for r4.c on Linux, by a UIO device and a buffer of u-dma-buf, both found by name in sysfs.
 * The same files, in the same order and with the same bytes as r4_uio.py. Nothing here was run on a board.
 *
 *     r4_uio linux_;
 *     if (r4_uio_open(&linux_, "", "r4", "udmabuf-r4") != 0) puts(r4_uio_message(&linux_));
 *     r4_io io = r4_uio_io(&linux_);
 *     r4_buffer counts;
 *     if (r4_uio_buffer(&linux_, bytes, &counts) != 0) puts(r4_uio_message(&linux_));
 *     ...
 *     r4_uio_close(&linux_);
 *
 * r4_main.c is a program that does so.
 */
#ifndef R4_UIO_H
#define R4_UIO_H

#include "r4.h"

#ifdef __cplusplus
extern "C" {
#endif

#define R4_UIO_PATH 512 /* bytes of a path, its end included */

typedef struct {
  int descriptor;           /* of the UIO device; -1: closed */
  volatile uint32_t *words; /* the registers */
  uint8_t *memory;          /* of u-dma-buf, as the processor sees it */
  uint64_t address;         /* the same, as the hardware addresses it */
  size_t bytes, used;       /* of it; of which are given away */
  char sys[R4_UIO_PATH]; /* u-dma-buf's attributes */
  char message[2 * R4_UIO_PATH];
} r4_uio;

/* Opens the UIO device and the memory of these names. `root`: where dev and sys lie, "" but in tests. 0, or -1 with a
 * message, and then nothing is open. A device has one user: the second one is refused. */
int r4_uio_open(r4_uio *uio, const char *root, const char *device, const char *memory);
void r4_uio_close(r4_uio *uio);

/* What r4_open takes; `uio` must stay where it is. */
r4_io r4_uio_io(r4_uio *uio);

/* The next `bytes` of the memory, from a page on: 0, or -1 with a message where so many are not left. Buffers are given
 * back by r4_uio_close alone. */
int r4_uio_buffer(r4_uio *uio, size_t bytes, r4_buffer *buffer);

/* The text of the first error since r4_uio_open, one line; empty where there was none. Of what r4_io has no answer for, a
 * cache that could not be kept, only this tells: look at it after each job. The next wait fails too. */
const char *r4_uio_message(const r4_uio *uio);

#ifdef __cplusplus
}
#endif
#endif
