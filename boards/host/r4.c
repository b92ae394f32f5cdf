/* SPDX-License-Identifier: Apache-2.0
 *
 * The driver in C99; r4.h says what each function does. It makes the same accesses in the same order as r4.py.
 */
#include "r4.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "r4_regs.h"

#define SCRATCH 0x5A17C3E9u
#define ADDRESS_BITS 40
#define CLOCK_TRIES 5
#define DRAIN_NS 1000000000u /* that an aborted job may take to end */
#define POLL_NS 10000u /* between looks at STATUS: first, longest */
#define LONGEST_POLL_NS 1000000u
#define IRQ_NS 10000000u /* that the interrupt may come after the job's end */

static uint32_t get(const r4_device *d, uint32_t offset) { return d->io.read32(d->io.context, offset); }
static void put(const r4_device *d, uint32_t offset, uint32_t value) { d->io.write32(d->io.context, offset, value); }
static uint64_t now(const r4_device *d) { return d->io.now(d->io.context); }

static r4_error fail(r4_device *d, r4_error code, const char *format, ...) {
  va_list values;
  va_start(values, format);
  vsnprintf(d->message, sizeof d->message, format, values);
  va_end(values);
  return code;
}

static r4_error well(r4_device *d) {
  d->message[0] = '\0';
  return R4_OK;
}

const char *r4_message(const r4_device *d) { return d->message; }

/* -- what the design takes ------------------------------------------------------------------------------------- */

static int takes(const r4_interface *i, const r4_cube *c) {
  if (c->rows == 0 || c->columns == 0) return 0;
  if (c->layout != R4_BIP && ((c->layout != R4_BIL && c->layout != R4_BSQ) || !i->banded)) return 0;
  if (i->frame_rows * i->frame_columns > 1 && (c->columns != i->frame_columns || c->rows % i->frame_rows)) return 0;
  /* Both products of 32 bits fit into 64, and so do their parts below. */
  return (uint64_t)c->rows * c->columns <= UINT32_MAX / ((uint64_t)i->bands * i->count_bytes);
}

size_t r4_count_bytes(const r4_interface *i, const r4_cube *c) {
  return takes(i, c) ? (size_t)c->rows * c->columns * i->bands * i->count_bytes : 0;
}

size_t r4_result_bytes(const r4_interface *i, const r4_cube *c) {
  if (!takes(i, c)) return 0;
  if (i->kind == R4_MASK) return (size_t)c->rows * ((c->columns + 7) / 8);
  return (size_t)c->rows * c->columns / ((size_t)i->frame_rows * i->frame_columns) * i->frame_bytes;
}

/* -- whether the hardware is the design's ---------------------------------------------------------------------- */

static uint32_t field(uint32_t word, uint32_t mask, uint32_t shift) { return (word & mask) >> shift; }

static r4_error identify(r4_device *d) {
  const r4_interface *i = &d->design;
  uint32_t found = get(d, R4_ID), signature[4];
  if (found != R4_ID_VALUE)
    return fail(d, R4_WRONG_DEVICE, "register ID must be 0x%08X, not 0x%08" PRIX32 "; load the bitstream of this driver",
                R4_ID_VALUE, found);
  found = get(d, R4_VERSION);
  if (found >> 16 != R4_VERSION_VALUE >> 16)
    return fail(d, R4_WRONG_DEVICE,
                "register VERSION must be 0x%04Xxxxx, not 0x%08" PRIX32
                "; use the driver that was written with the bitstream",
                R4_VERSION_VALUE >> 16, found);
  for (int k = 0; k < 4; k++) signature[k] = get(d, R4_SIGNATURE0 + 4u * (uint32_t)k);
  for (int k = 0; k < 4; k++)
    if (signature[k] != i->signature[k])
      return fail(d, R4_WRONG_DEVICE,
                  "signature word %d of the bitstream must be 0x%08" PRIX32 ", not 0x%08" PRIX32
                  "; load the bitstream of this driver",
                  k, i->signature[k], signature[k]);
  put(d, R4_SCRATCH, SCRATCH);
  found = get(d, R4_SCRATCH);
  if (found != SCRATCH)
    return fail(d, R4_WRONG_DEVICE, "register SCRATCH must keep 0x%08X, not 0x%08" PRIX32 "; see its address range",
                SCRATCH, found);
  const uint32_t capabilities = get(d, R4_CAPABILITIES), bands = get(d, R4_BANDS), rows = get(d, R4_FRAME_ROWS),
                 columns = get(d, R4_FRAME_COLUMNS), bytes = get(d, R4_FRAME_BYTES);
  const struct {
    const char *name;
    uint32_t found, wanted;
  } values[] = {
      {"BANDS", bands, i->bands},
      {"count bytes", field(capabilities, R4_CAPABILITIES_COUNT_BYTES, R4_CAPABILITIES_COUNT_BYTES_SHIFT),
       i->count_bytes},
      {"banded layouts", field(capabilities, R4_CAPABILITIES_BANDED, R4_CAPABILITIES_BANDED_SHIFT), i->banded},
      {"kind of result", field(capabilities, R4_CAPABILITIES_RESULT, R4_CAPABILITIES_RESULT_SHIFT), i->kind},
      {"bytes of the memory port", field(capabilities, R4_CAPABILITIES_DATA_BYTES, R4_CAPABILITIES_DATA_BYTES_SHIFT),
       i->data_bytes},
      {"FRAME_ROWS", rows, i->frame_rows},
      {"FRAME_COLUMNS", columns, i->frame_columns},
      {"FRAME_BYTES", bytes, i->frame_bytes},
      {"SPILL_BYTES", i->spill_bytes ? get(d, R4_SPILL_BYTES) : 0, i->spill_bytes},
  };
  for (size_t k = 0; k < sizeof values / sizeof values[0]; k++)
    if (values[k].found != values[k].wanted)
      return fail(d, R4_WRONG_DEVICE, "%s of the bitstream must be %" PRIu32 ", not %" PRIu32 "; load the bitstream of "
                  "this driver", values[k].name, values[k].wanted, values[k].found);
  return R4_OK;
}

static r4_error measure_clock(r4_device *d, uint64_t window) {
  const uint64_t wanted = d->design.clock_khz;
  uint64_t least = 0, most = 0;
  for (int k = 0; k < CLOCK_TRIES; k++) {
    const uint64_t t0 = now(d);
    const uint32_t first = get(d, R4_FREE_CYCLES);
    const uint64_t t1 = now(d);
    d->io.sleep(d->io.context, window);
    const uint64_t t2 = now(d);
    const uint32_t last = get(d, R4_FREE_CYCLES);
    const uint64_t t3 = now(d);
    const uint64_t cycles = (uint32_t)(last - first);
    if (t3 <= t0 || t2 <= t1) continue; /* a clock that stands still measures nothing */
    least = cycles * 1000000u / (t3 - t0);
    most = cycles * 1000000u / (t2 - t1);
    if ((most - least) * 200u <= most) { /* known to half a per cent */
      const uint64_t mean = (least + most) / 2;
      d->clock_khz = (uint32_t)mean;
      if (mean * 100u < wanted * 99u || mean * 100u > wanted * 101u)
        return fail(d, R4_WRONG_CLOCK, "the clock must be %" PRIu64 " kHz, not %" PRIu64 " kHz; set PL0 by the overlay",
                    wanted, mean);
      return R4_OK;
    }
  }
  return fail(d, R4_WRONG_CLOCK,
              "the clock must be measured to 1%%, not between %" PRIu64 " and %" PRIu64 " kHz; the host was too busy, "
              "try again", least, most);
}

/* -- the end of a job ------------------------------------------------------------------------------------------- */

static r4_error drain(r4_device *d) {
  put(d, R4_CONTROL, R4_CONTROL_ABORT);
  const uint64_t deadline = now(d) + DRAIN_NS;
  uint64_t pause = POLL_NS;
  while (get(d, R4_STATUS) & R4_STATUS_BUSY) {
    if (now(d) > deadline) {
      d->stuck = 1;
      return fail(d, R4_STUCK, "an aborted job must end within 1 s, not go on; load the bitstream again");
    }
    d->io.sleep(d->io.context, pause);
    pause = 2 * pause < LONGEST_POLL_NS ? 2 * pause : LONGEST_POLL_NS;
  }
  put(d, R4_CONTROL, R4_CONTROL_CLEAR);
  return R4_OK;
}

void r4_read_counters(r4_device *d) {
  const uint32_t low = get(d, R4_CYCLES_LOW); /* which holds the upper half still */
  d->counters.cycles = (uint64_t)get(d, R4_CYCLES_HIGH) << 32 | low;
  d->counters.starved = get(d, R4_STARVED);
  d->counters.blocked = get(d, R4_BLOCKED);
  d->counters.frames_done = get(d, R4_FRAMES_DONE);
  d->counters.first_frame = get(d, R4_FIRST_FRAME);
  d->counters.frame_errors = get(d, R4_FRAME_ERRORS);
  d->counters.axi_errors = get(d, R4_AXI_ERRORS);
}

static r4_error usable(r4_device *d) {
  if (d->stuck) return fail(d, R4_STUCK, "the hardware must answer an abort, not be stuck; load the bitstream again");
  return R4_OK;
}

/* -- for the user ----------------------------------------------------------------------------------------------- */

r4_error r4_open(r4_device *d, const r4_io *io, const r4_interface *design, uint64_t window) {
  *d = (r4_device){.io = *io, .design = *design, .clock_khz = design->clock_khz};
  r4_error error = identify(d);
  if (error == R4_OK && (get(d, R4_STATUS) & R4_STATUS_BUSY)) error = drain(d);
  if (error == R4_OK && window) error = measure_clock(d, window);
  return error == R4_OK ? well(d) : error;
}

r4_error r4_reserve(r4_device *d, const r4_buffer *memory) {
  const uint32_t wanted = d->design.spill_bytes;
  if (memory->bytes < wanted)
    return fail(d, R4_BAD_CUBE, "memory for skips must have %" PRIu32 " bytes, not %zu; reserve more", wanted,
                memory->bytes);
  if (memory->address % R4_SPILL_ALIGN || (memory->address + memory->bytes) >> ADDRESS_BITS)
    return fail(d, R4_BAD_CUBE, "memory for skips must lie at a multiple of %u below 2**%d, not at 0x%" PRIX64,
                R4_SPILL_ALIGN, ADDRESS_BITS, memory->address);
  d->spill = *memory;
  return well(d);
}

r4_error r4_start(r4_device *d, const r4_cube *cube, const r4_buffer *counts, const r4_buffer *result) {
  const r4_interface *i = &d->design;
  if (usable(d) != R4_OK) return R4_STUCK;
  if (d->running) return fail(d, R4_BUSY, "a job must have been waited for, not still run; call r4_wait");
  const size_t in = r4_count_bytes(i, cube), out = r4_result_bytes(i, cube);
  if (in == 0)
    return fail(d, R4_BAD_CUBE,
                "a cube must be one that the design takes (%" PRIu32 " bands, frames of %" PRIu32 " x %" PRIu32
                ", below 4 GiB), not %" PRIu32 " x %" PRIu32 " pixels in layout %d",
                i->bands, i->frame_rows, i->frame_columns, cube->rows, cube->columns, (int)cube->layout);
  if (counts->bytes < in || result->bytes < out)
    return fail(d, R4_BAD_CUBE, "buffers must hold %zu bytes of counts and %zu of the result, not %zu and %zu", in, out,
                counts->bytes, result->bytes);
  if (counts->address % i->count_bytes || result->address % R4_DST_ALIGN ||
      (counts->address + counts->bytes) >> ADDRESS_BITS || (result->address + result->bytes) >> ADDRESS_BITS)
    return fail(d, R4_BAD_CUBE,
                "counts must lie at a multiple of %" PRIu32 " and the result of %u, below 2**%d, not at 0x%" PRIX64
                " and 0x%" PRIX64,
                i->count_bytes, R4_DST_ALIGN, ADDRESS_BITS, counts->address, result->address);
  if (i->spill_bytes && !d->spill.bytes)
    return fail(d, R4_BAD_CUBE, "memory for skips must have been given, %" PRIu32 " bytes, not none; call r4_reserve",
                i->spill_bytes);
  d->io.flush(d->io.context, counts, in);
  d->io.flush(d->io.context, result, out); /* no line of an earlier result may be written over what comes */
  if (get(d, R4_STATUS) & R4_STATUS_BUSY)
    return fail(d, R4_BUSY, "the hardware must be free, not busy with a job of another user; one program at a time");
  const uint32_t line = cube->columns * i->count_bytes;
  put(d, R4_SRC_LOW, (uint32_t)counts->address);
  put(d, R4_SRC_HIGH, (uint32_t)(counts->address >> 32));
  put(d, R4_DST_LOW, (uint32_t)result->address);
  put(d, R4_DST_HIGH, (uint32_t)(result->address >> 32));
  if (i->spill_bytes) {
    put(d, R4_SPILL_LOW, (uint32_t)d->spill.address);
    put(d, R4_SPILL_HIGH, (uint32_t)(d->spill.address >> 32));
  }
  put(d, R4_FRAMES, cube->rows * cube->columns / (i->frame_rows * i->frame_columns));
  put(d, R4_ROWS, cube->rows);
  put(d, R4_COLUMNS, cube->columns);
  put(d, R4_ROW_STRIDE, cube->layout == R4_BSQ ? line : line * i->bands);
  put(d, R4_ROW_BYTES, line * i->bands);
  put(d, R4_BAND_STRIDE, cube->layout == R4_BIP ? 0 : cube->layout == R4_BIL ? line : line * cube->rows);
  put(d, R4_LAYOUT, cube->layout == R4_BIP ? 0 : R4_LAYOUT_BANDED);
  put(d, R4_CONTROL, R4_CONTROL_IRQ_ENABLE | R4_CONTROL_START);
  d->running = 1;
  d->result = *result;
  d->result_bytes = out;
  return well(d);
}

r4_error r4_wait(r4_device *d, uint64_t timeout) {
  if (usable(d) != R4_OK) return R4_STUCK;
  if (!d->running) return fail(d, R4_BUSY, "a job must have been started, not none; call r4_start");
  const uint64_t deadline = now(d) + timeout;
  int fired;
  d->running = 0;
  for (;;) {
    const uint64_t t = now(d), left = t < deadline ? deadline - t : 0;
    fired = d->io.wait_irq(d->io.context, left);
    d->status = get(d, R4_STATUS);
    if (d->status & R4_STATUS_DONE) break;
    if (left == 0 || fired < 0) {
      r4_read_counters(d);
      if (drain(d) != R4_OK) return R4_STUCK;
      if (fired < 0) return fail(d, R4_NO_INTERRUPT, "the interrupt must be there to wait for, not fail; see its device");
      return fail(d, R4_TIMEOUT,
                  "a job must end within %" PRIu64 " ns, not go on; it was aborted, the next job may run (%" PRIu32
                  " frames done, %" PRIu32 " AXI errors)",
                  timeout, d->counters.frames_done, d->counters.axi_errors);
    }
  }
  if (fired != 1) fired = d->io.wait_irq(d->io.context, IRQ_NS);
  const uint32_t bad = d->status & ~(R4_STATUS_DONE | R4_STATUS_BUSY);
  if (bad || fired != 1) r4_read_counters(d);
  put(d, R4_CONTROL, R4_CONTROL_CLEAR);
  if (bad)
    return fail(d, R4_FAILED, "a job must end with its result, not with:%s%s%s%s%s (%" PRIu32 " frames done, %" PRIu32
                " AXI errors)",
                bad & R4_STATUS_READ_ERROR ? " an error of memory on a read" : "",
                bad & R4_STATUS_WRITE_ERROR ? " an error of memory on a write" : "",
                bad & R4_STATUS_FRAME_ERROR ? " a frame of a wrong length" : "",
                bad & R4_STATUS_BAD_LENGTH ? " lengths that do not agree" : "",
                bad & R4_STATUS_ABORTED ? " an abort" : "", d->counters.frames_done, d->counters.axi_errors);
  if (fired != 1)
    return fail(d, R4_NO_INTERRUPT,
                "a job's end must raise the interrupt, not go without; see its number in the device tree");
  d->io.invalidate(d->io.context, &d->result, d->result_bytes);
  return well(d);
}

r4_error r4_run(r4_device *d, const r4_cube *cube, const r4_buffer *counts, const r4_buffer *result, uint64_t timeout) {
  const r4_error error = r4_start(d, cube, counts, result);
  return error == R4_OK ? r4_wait(d, timeout) : error;
}

r4_error r4_abort(r4_device *d) {
  if (usable(d) != R4_OK) return R4_STUCK;
  if (!d->running) return well(d);
  d->running = 0;
  return drain(d) == R4_OK ? well(d) : R4_STUCK;
}

r4_error r4_selftest(r4_device *d, const r4_cube *cube, const r4_buffer *counts, const r4_buffer *result,
                     const uint8_t *expected, uint64_t timeout) {
  const r4_error error = r4_run(d, cube, counts, result, timeout);
  if (error != R4_OK) return error;
  for (size_t k = 0; k < d->result_bytes; k++)
    if (result->data[k] != expected[k])
      return fail(d, R4_WRONG_RESULT,
                  "selftest: byte %zu of the result must be %u, not %u; see that the device tree sets the widths of the "
                  "memory ports, then load the bitstream again", k, expected[k], result->data[k]);
  return well(d);
}
