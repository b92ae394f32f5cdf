/* SPDX-License-Identifier: Apache-2.0
 *
 * r4: the driver of an accelerator made by rtl4ml, in C99. The same checks, registers and order of accesses as r4.py.
 *
 * The driver reaches the hardware through the functions of r4_io alone, which are yours: on Linux they map a UIO
 * device, in a simulation they clock the model. It takes no memory from a heap; buffers are the caller's.
 *
 *     r4_device device;
 *     if (r4_open(&device, &io, &r4_design, 100000000) != R4_OK) puts(r4_message(&device));
 *     r4_cube cube = {rows, columns, R4_BIL};
 *     if (r4_run(&device, &cube, &counts, &result, 1000000000) != R4_OK) puts(r4_message(&device));
 *
 * A device has one user at a time: no function may run beside another on the same device.
 */
#ifndef R4_H
#define R4_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Memory that the processor and the hardware share: where the processor sees it, where the hardware does. */
typedef struct {
  uint8_t *data;
  uint64_t address; /* as the hardware addresses it */
  size_t bytes;
} r4_buffer;

/* What the driver calls. `context` is handed back to every function. Times are in nanoseconds. */
typedef struct {
  void *context;
  uint32_t (*read32)(void *context, uint32_t offset);
  void (*write32)(void *context, uint32_t offset, uint32_t value);
  /* Waits until the interrupt line is high: 1; 0 when it was not within `timeout`; -1 when that cannot be known. */
  int (*wait_irq)(void *context, uint64_t timeout);
  uint64_t (*now)(void *context); /* a clock that never goes back */
  void (*sleep)(void *context, uint64_t duration);
  /* Makes what the processor wrote visible to the hardware: cache lines are written back. */
  void (*flush)(void *context, const r4_buffer *buffer, size_t bytes);
  /* Makes what the hardware wrote visible to the processor: cache lines are dropped. */
  void (*invalidate)(void *context, const r4_buffer *buffer, size_t bytes);
} r4_io;

typedef enum { R4_BIP = 0, R4_BIL = 1, R4_BSQ = 2 } r4_layout; /* (row, column, band); (row, band, column); (band, row, column) */
typedef enum { R4_RAW = 0, R4_MAP = 1, R4_MASK = 2 } r4_kind;

/* The design that the bitstream must hold: r4_design.h has it as `r4_design`, made from interface.json. */
typedef struct {
  uint32_t signature[4];
  uint32_t bands;
  uint32_t count_bytes; /* 1: uint8, 2: uint16, little endian */
  uint32_t frame_rows, frame_columns;
  uint32_t frame_bytes; /* of the result of a frame */
  uint32_t kind;        /* r4_kind */
  uint32_t banded;      /* 1: BIL and BSQ too */
  uint32_t data_bytes;  /* width of the memory port */
  uint32_t clock_khz;   /* as interface.json has it */
  uint32_t spill_bytes; /* memory that the network keeps skips in; 0: none, see r4_reserve */
} r4_interface;

typedef enum {
  R4_OK = 0,
  R4_WRONG_DEVICE, /* no accelerator, or not that of this design */
  R4_WRONG_CLOCK,
  R4_BAD_CUBE,    /* rows, columns, layout, buffers */
  R4_BUSY,        /* a job runs, or none runs that could be waited for */
  R4_FAILED,      /* the job ended with an error; r4_device.counters say more */
  R4_TIMEOUT,     /* the job was aborted; the next one may run */
  R4_STUCK,       /* not even the abort ended: load the bitstream anew */
  R4_NO_INTERRUPT, /* the job ended without its interrupt, or wait_irq answered -1 */
  R4_WRONG_RESULT  /* of the self-test */
} r4_error;

typedef struct {
  uint64_t cycles;       /* in which a job ran */
  uint32_t starved;      /* cycles in which the network could take input and none was there */
  uint32_t blocked;      /* cycles in which an output was offered and not taken */
  uint32_t frames_done;
  uint32_t first_frame;  /* cycles from the start to the end of the first frame */
  uint32_t frame_errors;
  uint32_t axi_errors;
} r4_counters;

typedef struct {
  uint32_t rows, columns;
  r4_layout layout;
} r4_cube;

typedef struct {
  r4_io io;
  r4_interface design;
  int running, stuck;
  r4_buffer result, spill;
  size_t result_bytes;
  uint32_t clock_khz;   /* as measured by r4_open */
  uint32_t status;      /* of the last job */
  r4_counters counters; /* of the last job; read when it ended with an error, and by r4_read_counters */
  char message[256];
} r4_device;

/* Checks that the hardware is that of the design and runs at its clock; ends a job that another user left running.
 * `window`: nanoseconds over which the clock is measured, 100 000 000 on hardware; 0 leaves the clock unchecked. */
r4_error r4_open(r4_device *device, const r4_io *io, const r4_interface *design, uint64_t window);

/* Gives the network the memory that it keeps skips in, before its first job: spill_bytes of it at a multiple of 4096.
 * Neither the processor nor anybody else may use it as long as jobs run. Nothing to call where spill_bytes is 0. */
r4_error r4_reserve(r4_device *device, const r4_buffer *memory);

/* Bytes that the counts of a cube, and its result, need; 0 for a cube that the design does not take. */
size_t r4_count_bytes(const r4_interface *design, const r4_cube *cube);
size_t r4_result_bytes(const r4_interface *design, const r4_cube *cube);

/* A job: the counts of `counts` to `result`, whose address is a multiple of 16. r4_run is r4_start and r4_wait. */
r4_error r4_run(r4_device *device, const r4_cube *cube, const r4_buffer *counts, const r4_buffer *result, uint64_t timeout);
r4_error r4_start(r4_device *device, const r4_cube *cube, const r4_buffer *counts, const r4_buffer *result);
/* Waits for the job's end, at most `timeout`; then the job is aborted, and R4_TIMEOUT says so. */
r4_error r4_wait(r4_device *device, uint64_t timeout);
/* Ends the running job, if there is one, without a result. */
r4_error r4_abort(r4_device *device);

/* A job whose result must be `expected`, r4_result_bytes of it; the message names the first byte that differs. */
r4_error r4_selftest(r4_device *device, const r4_cube *cube, const r4_buffer *counts, const r4_buffer *result,
                     const uint8_t *expected, uint64_t timeout);

void r4_read_counters(r4_device *device);
/* The text of the last error, one line; empty after R4_OK. */
const char *r4_message(const r4_device *device);

#ifdef __cplusplus
}
#endif
#endif
