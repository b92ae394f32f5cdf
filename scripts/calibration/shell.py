# SPDX-License-Identifier: Apache-2.0
"""Parameters of the boards' shell cells, as boards have them: these are held to a budget of levels, not to a model of
resources. r4_counts is not among them: its product is a DSP's, which Yosys is told not to use.
"""

from __future__ import annotations

from rtl4ml.netlist.netlist import Param
from rtl4ml.synthesis.yosys import Unit

_SIGNATURE = 0x0123_4567_89AB_CDEF
# Spectra of 204 bands of two bytes and their classes; frames of 128 x 128 pixels of 3 bands and their masks.
SHELL: dict[str, tuple[dict[str, Param], ...]] = {
    "r4_axil_regs": (
        {"Bands": 204, "Signature": _SIGNATURE},
        {"Bands": 3, "CountBytes": 1, "ResultKind": 2, "FrameRows": 128, "FrameColumns": 128, "FrameBytes": 2048,
         "Signature": _SIGNATURE},
    ),
    "r4_axi_read": ({},),
    "r4_axi_write": ({},),
    "r4_crc32": ({},),
    "r4_gather": (
        {"Bands": 204, "CountBytes": 2, "TileColumns": 16},
        {"Bands": 3, "CountBytes": 1, "TileColumns": 64},
    ),
    "r4_job": (
        {"FrameBeats": 204, "BeatBytes": 2},
        {"FrameBeats": 16_384, "BeatBytes": 3},
    ),
    "r4_pack": (
        {"InBytes": 1, "FrameColumns": 1},
        {"InBytes": 1, "Mask": 1, "FrameColumns": 128},
        {"InBytes": 6, "FrameColumns": 1},
    ),
    "r4_serial": (
        {"Signature": _SIGNATURE, "CountBytes": 408, "ResultBytes": 1, "IdleCycles": 250_000},
        {"Signature": _SIGNATURE, "CountBytes": 49_152, "ResultBytes": 2048, "IdleCycles": 250_000},
    ),
    "r4_turn": (
        {"Bands": 204, "Columns": 16, "XLanes": 4, "YLanes": 1, "Width": 16},
        {"Bands": 3, "Columns": 64, "XLanes": 4, "YLanes": 3, "Width": 8},
    ),
    "r4_uart_rx": ({"Divider": 16}, {"Divider": 867}),
    "r4_uart_tx": ({"Divider": 16}, {"Divider": 867}),
    "r4_unpack": (
        {"ChunkBytes": 2, "Split": 0, "Grain": 2},
        {"ChunkBytes": 8, "Split": 1, "Grain": 2},
        {"ChunkBytes": 3, "Split": 0, "Grain": 1},
    ),
}  # fmt: skip


def shell_units(module: str) -> list[Unit]:
    """The points of a shell cell. Raises KeyError for another module."""
    return [Unit(f"{module}#{i}", "", module, p) for i, p in enumerate(SHELL[module])]
