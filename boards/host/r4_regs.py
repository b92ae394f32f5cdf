# SPDX-License-Identifier: Apache-2.0
"""The register map of rtl4ml's board shell; generated from rtl4ml/board/registers.py, do not edit."""

# values
R4_ID_VALUE = 0x4C4D3452
R4_VERSION_VALUE = 0x00010000
R4_MAP_BYTES = 0x00001000
R4_DST_ALIGN = 0x00000010
R4_SPILL_ALIGN = 0x00001000
R4_RESULT_RAW = 0x00000000
R4_RESULT_MAP = 0x00000001
R4_RESULT_MASK = 0x00000002

# ro: ID_VALUE
R4_ID = 0x000

# ro: of this map: VERSION_VALUE; another upper half is another map
R4_VERSION = 0x004

# ro: word 0 of the first 128 bits of the design's identity
R4_SIGNATURE0 = 0x008

# ro: word 1 of the first 128 bits of the design's identity
R4_SIGNATURE1 = 0x00C

# ro: word 2 of the first 128 bits of the design's identity
R4_SIGNATURE2 = 0x010

# ro: word 3 of the first 128 bits of the design's identity
R4_SIGNATURE3 = 0x014

# wo: commands; IRQ_ENABLE alone is kept, so every write says it again
R4_CONTROL = 0x018
# 1 starts the job; ignored while busy
R4_CONTROL_START = 0x00000001
R4_CONTROL_START_SHIFT = 0
# 1 ends the running job early; ignored while none runs
R4_CONTROL_ABORT = 0x00000002
R4_CONTROL_ABORT_SHIFT = 1
# irq_o follows DONE; kept
R4_CONTROL_IRQ_ENABLE = 0x00000004
R4_CONTROL_IRQ_ENABLE_SHIFT = 2
# 1 clears DONE and so irq_o
R4_CONTROL_CLEAR = 0x00000008
R4_CONTROL_CLEAR_SHIFT = 3

# ro: of the running job, or of the last one until the next start
R4_STATUS = 0x01C
# a job runs
R4_STATUS_BUSY = 0x00000001
R4_STATUS_BUSY_SHIFT = 0
# the job has ended, well or not; until CLEAR or the next start
R4_STATUS_DONE = 0x00000002
R4_STATUS_DONE_SHIFT = 1
# memory answered a read with an error
R4_STATUS_READ_ERROR = 0x00000004
R4_STATUS_READ_ERROR_SHIFT = 2
# memory answered a write with an error
R4_STATUS_WRITE_ERROR = 0x00000008
R4_STATUS_WRITE_ERROR_SHIFT = 3
# the network was given a frame of a wrong length
R4_STATUS_FRAME_ERROR = 0x00000010
R4_STATUS_FRAME_ERROR_SHIFT = 4
# the job was ended early, by ABORT or by hardware; all bus traffic was completed
R4_STATUS_ABORTED = 0x00000020
R4_STATUS_ABORTED_SHIFT = 5
# frames and runs do not agree, FRAMES is 0, or DST is not aligned
R4_STATUS_BAD_LENGTH = 0x00000040
R4_STATUS_BAD_LENGTH_SHIFT = 6

# rw: address of the counts, bits 31:0; a multiple of the bytes of a count
R4_SRC_LOW = 0x020

# rw: address of the counts, bits 63:32; those beyond the address width are dropped
R4_SRC_HIGH = 0x024

# rw: address of the result, bits 31:0; a multiple of DST_ALIGN
R4_DST_LOW = 0x028

# rw: address of the result, bits 63:32; those beyond the address width are dropped
R4_DST_HIGH = 0x02C

# rw: frames of the job: pixels or images, at least 1
R4_FRAMES = 0x030

# rw: rows of the cube, at least 1
R4_ROWS = 0x034

# rw: columns of the cube, at least 1
R4_COLUMNS = 0x038

# ro: counts a pixel
R4_BANDS = 0x03C

# rw: bytes from a row to the next: of all bands (BIP, BIL) or of one band (BSQ)
R4_ROW_STRIDE = 0x040

# rw: bytes of a row of all bands; only for BIP
R4_ROW_BYTES = 0x044

# rw: bytes from a band to the next of the same row; only for BIL and BSQ
R4_BAND_STRIDE = 0x048

# rw: how the counts lie
R4_LAYOUT = 0x04C
# 1: a band's columns are neighbours (BIL, BSQ); 0: a pixel's bands are (BIP)
R4_LAYOUT_BANDED = 0x00000001
R4_LAYOUT_BANDED_SHIFT = 0

# ro: what the design was made for
R4_CAPABILITIES = 0x050
# bytes of a count, 1 or 2, little endian
R4_CAPABILITIES_COUNT_BYTES = 0x0000000F
R4_CAPABILITIES_COUNT_BYTES_SHIFT = 0
# BIL and BSQ are possible; without it LAYOUT is taken as BIP
R4_CAPABILITIES_BANDED = 0x00000010
R4_CAPABILITIES_BANDED_SHIFT = 4
# RESULT_RAW, RESULT_MAP or RESULT_MASK
R4_CAPABILITIES_RESULT = 0x00000300
R4_CAPABILITIES_RESULT_SHIFT = 8
# bytes of the memory port
R4_CAPABILITIES_DATA_BYTES = 0x00FF0000
R4_CAPABILITIES_DATA_BYTES_SHIFT = 16

# ro: rows of a frame: 1 for networks of single pixels
R4_FRAME_ROWS = 0x054

# ro: columns of a frame
R4_FRAME_COLUMNS = 0x058

# ro: bytes of a frame's result
R4_FRAME_BYTES = 0x05C

# ro: cycles that the job was busy, bits 31:0
R4_CYCLES_LOW = 0x060

# ro: cycles that the job was busy, bits 63:32, of the last read of CYCLES_LOW
R4_CYCLES_HIGH = 0x064

# ro: cycles in which the network could take input and none was there
R4_STARVED = 0x068

# ro: cycles in which the network offered output that was not taken
R4_BLOCKED = 0x06C

# ro: frames that the network has given
R4_FRAMES_DONE = 0x070

# ro: cycles from start to the first frame's last output beat
R4_FIRST_FRAME = 0x074

# ro: frames of a wrong length that the network was given
R4_FRAME_ERRORS = 0x078

# ro: answers of memory that were errors
R4_AXI_ERRORS = 0x07C

# rw: address of SPILL_BYTES of memory that nobody else uses, bits 31:0; a multiple of SPILL_ALIGN
R4_SPILL_LOW = 0x080

# rw: that address, bits 63:32; those beyond the address width are dropped
R4_SPILL_HIGH = 0x084

# ro: bytes that the network keeps in memory while a job runs; 0: none
R4_SPILL_BYTES = 0x088

# rw: kept, without any effect
R4_SCRATCH = 0x0F0

# ro: cycles since reset, modulo 2**32
R4_FREE_CYCLES = 0x0F4
