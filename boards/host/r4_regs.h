/* SPDX-License-Identifier: Apache-2.0 */
/* The register map of rtl4ml's board shell; generated from rtl4ml/board/registers.py, do not edit. */
#ifndef R4_REGS_H
#define R4_REGS_H

/* values */
#define R4_ID_VALUE 0x4C4D3452u
#define R4_VERSION_VALUE 0x00010000u
#define R4_MAP_BYTES 0x00001000u
#define R4_DST_ALIGN 0x00000010u
#define R4_SPILL_ALIGN 0x00001000u
#define R4_RESULT_RAW 0x00000000u
#define R4_RESULT_MAP 0x00000001u
#define R4_RESULT_MASK 0x00000002u

/* ro: ID_VALUE */
#define R4_ID 0x000u

/* ro: of this map: VERSION_VALUE; another upper half is another map */
#define R4_VERSION 0x004u

/* ro: word 0 of the first 128 bits of the design's identity */
#define R4_SIGNATURE0 0x008u

/* ro: word 1 of the first 128 bits of the design's identity */
#define R4_SIGNATURE1 0x00Cu

/* ro: word 2 of the first 128 bits of the design's identity */
#define R4_SIGNATURE2 0x010u

/* ro: word 3 of the first 128 bits of the design's identity */
#define R4_SIGNATURE3 0x014u

/* wo: commands; IRQ_ENABLE alone is kept, so every write says it again */
#define R4_CONTROL 0x018u
#define R4_CONTROL_START 0x00000001u /* 1 starts the job; ignored while busy */
#define R4_CONTROL_START_SHIFT 0u
#define R4_CONTROL_ABORT 0x00000002u /* 1 ends the running job early; ignored while none runs */
#define R4_CONTROL_ABORT_SHIFT 1u
#define R4_CONTROL_IRQ_ENABLE 0x00000004u /* irq_o follows DONE; kept */
#define R4_CONTROL_IRQ_ENABLE_SHIFT 2u
#define R4_CONTROL_CLEAR 0x00000008u /* 1 clears DONE and so irq_o */
#define R4_CONTROL_CLEAR_SHIFT 3u

/* ro: of the running job, or of the last one until the next start */
#define R4_STATUS 0x01Cu
#define R4_STATUS_BUSY 0x00000001u /* a job runs */
#define R4_STATUS_BUSY_SHIFT 0u
#define R4_STATUS_DONE 0x00000002u /* the job has ended, well or not; until CLEAR or the next start */
#define R4_STATUS_DONE_SHIFT 1u
#define R4_STATUS_READ_ERROR 0x00000004u /* memory answered a read with an error */
#define R4_STATUS_READ_ERROR_SHIFT 2u
#define R4_STATUS_WRITE_ERROR 0x00000008u /* memory answered a write with an error */
#define R4_STATUS_WRITE_ERROR_SHIFT 3u
#define R4_STATUS_FRAME_ERROR 0x00000010u /* the network was given a frame of a wrong length */
#define R4_STATUS_FRAME_ERROR_SHIFT 4u
#define R4_STATUS_ABORTED 0x00000020u /* the job was ended early, by ABORT or by hardware; all bus traffic was completed */
#define R4_STATUS_ABORTED_SHIFT 5u
#define R4_STATUS_BAD_LENGTH 0x00000040u /* frames and runs do not agree, FRAMES is 0, or DST is not aligned */
#define R4_STATUS_BAD_LENGTH_SHIFT 6u

/* rw: address of the counts, bits 31:0; a multiple of the bytes of a count */
#define R4_SRC_LOW 0x020u

/* rw: address of the counts, bits 63:32; those beyond the address width are dropped */
#define R4_SRC_HIGH 0x024u

/* rw: address of the result, bits 31:0; a multiple of DST_ALIGN */
#define R4_DST_LOW 0x028u

/* rw: address of the result, bits 63:32; those beyond the address width are dropped */
#define R4_DST_HIGH 0x02Cu

/* rw: frames of the job: pixels or images, at least 1 */
#define R4_FRAMES 0x030u

/* rw: rows of the cube, at least 1 */
#define R4_ROWS 0x034u

/* rw: columns of the cube, at least 1 */
#define R4_COLUMNS 0x038u

/* ro: counts a pixel */
#define R4_BANDS 0x03Cu

/* rw: bytes from a row to the next: of all bands (BIP, BIL) or of one band (BSQ) */
#define R4_ROW_STRIDE 0x040u

/* rw: bytes of a row of all bands; only for BIP */
#define R4_ROW_BYTES 0x044u

/* rw: bytes from a band to the next of the same row; only for BIL and BSQ */
#define R4_BAND_STRIDE 0x048u

/* rw: how the counts lie */
#define R4_LAYOUT 0x04Cu
#define R4_LAYOUT_BANDED 0x00000001u /* 1: a band's columns are neighbours (BIL, BSQ); 0: a pixel's bands are (BIP) */
#define R4_LAYOUT_BANDED_SHIFT 0u

/* ro: what the design was made for */
#define R4_CAPABILITIES 0x050u
#define R4_CAPABILITIES_COUNT_BYTES 0x0000000Fu /* bytes of a count, 1 or 2, little endian */
#define R4_CAPABILITIES_COUNT_BYTES_SHIFT 0u
#define R4_CAPABILITIES_BANDED 0x00000010u /* BIL and BSQ are possible; without it LAYOUT is taken as BIP */
#define R4_CAPABILITIES_BANDED_SHIFT 4u
#define R4_CAPABILITIES_RESULT 0x00000300u /* RESULT_RAW, RESULT_MAP or RESULT_MASK */
#define R4_CAPABILITIES_RESULT_SHIFT 8u
#define R4_CAPABILITIES_DATA_BYTES 0x00FF0000u /* bytes of the memory port */
#define R4_CAPABILITIES_DATA_BYTES_SHIFT 16u

/* ro: rows of a frame: 1 for networks of single pixels */
#define R4_FRAME_ROWS 0x054u

/* ro: columns of a frame */
#define R4_FRAME_COLUMNS 0x058u

/* ro: bytes of a frame's result */
#define R4_FRAME_BYTES 0x05Cu

/* ro: cycles that the job was busy, bits 31:0 */
#define R4_CYCLES_LOW 0x060u

/* ro: cycles that the job was busy, bits 63:32, of the last read of CYCLES_LOW */
#define R4_CYCLES_HIGH 0x064u

/* ro: cycles in which the network could take input and none was there */
#define R4_STARVED 0x068u

/* ro: cycles in which the network offered output that was not taken */
#define R4_BLOCKED 0x06Cu

/* ro: frames that the network has given */
#define R4_FRAMES_DONE 0x070u

/* ro: cycles from start to the first frame's last output beat */
#define R4_FIRST_FRAME 0x074u

/* ro: frames of a wrong length that the network was given */
#define R4_FRAME_ERRORS 0x078u

/* ro: answers of memory that were errors */
#define R4_AXI_ERRORS 0x07Cu

/* rw: address of SPILL_BYTES of memory that nobody else uses, bits 31:0; a multiple of SPILL_ALIGN */
#define R4_SPILL_LOW 0x080u

/* rw: that address, bits 63:32; those beyond the address width are dropped */
#define R4_SPILL_HIGH 0x084u

/* ro: bytes that the network keeps in memory while a job runs; 0: none */
#define R4_SPILL_BYTES 0x088u

/* rw: kept, without any effect */
#define R4_SCRATCH 0x0F0u

/* ro: cycles since reset, modulo 2**32 */
#define R4_FREE_CYCLES 0x0F4u

#endif
