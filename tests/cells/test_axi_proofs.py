# SPDX-License-Identifier: Apache-2.0
"""Proofs of r4_axi_read and r4_axi_write: the properties of rtl/properties hold for ever, by induction over a cycle.

Yosys's `sat` proves: base (the cycles after reset) and step (all properties in a cycle imply all in the next one, from
any state whatever). Small parameters; see the modules. Each property was broken once: BROKEN names the change of the
cell and the property that sees it, within a few cycles from reset.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import rtl_runner

RUN = "import sys; from pyosys import libyosys as ys; ys.run_pass('script run.ys', ys.Design())"

# cell, text of the cell, what it becomes, the property that fails, cycles from reset
BROKEN = [
    ("read", "else if (m_axi_arready) m_axi_arvalid", "else m_axi_arvalid", "ar_stays", 7),
    ("read", "burst_q && !m_axi_arvalid && room_q", "burst_q && room_q", "ar_stays", 9),
    ("read", "8'(ar_len_q)", "8'(ar_len_q) + 8'd4", "ar_length", 6),
    ("read", "'0 && !(beyond && page_end)", "'0", "ar_page", 6),
    ("read", "m_axi_arburst = 2'b01", "m_axi_arburst = 2'b00", "ar_words", 6),
    ("read", "note_ready && !drop;", "note_ready;", "ar_quiet", 6),
    ("read", "room_q > burst_len", "room_q >= burst_len", "fits", 14),
    (
        "read",
        "assign pop       = fifo_valid && (y_ready_i || drop)",
        "assign pop = fifo_valid",
        "r_taken",
        14,
    ),
    ("read", "room_q > burst_len && note_ready && ", "", "memory", 20),
    ("read", "m_axi_rready = 1'b1", "m_axi_rready = !drop_q", "r_taken", 8),
    ("read", ".y_ready_i(y_ready_i || drop)", ".y_ready_i(1'b1)", "y_stays", 10),
    (
        "read",
        "assign empty     = room_q == RoomBits'(FifoDepth)",
        "assign empty = !m_axi_arvalid",
        "idle_none",
        8,
    ),
    ("read", "m_axi_rvalid && m_axi_rresp[1]", "m_axi_rvalid && m_axi_rresp[0]", "error_is", 8),
    ("read", "beat_last ? note_end : '1", "note_end", "y_whole", 12),
    ("read", "beat_from, m_axi_rdata", "ByteBits'(1), m_axi_rdata", "y_inside", 12),
    ("read", "beat_first_q ? note_first : '0", "note_first", "idle_all", 16),
    ("read", "idle_o    = !run_q && !burst_q && empty", "idle_o = empty", "idle_all", 6),
    ("read", "note_final && m_axi_rlast", "note_final", "owed_last", 12),
    ("read", "final_burst ? left_q[LenBits-1:0] : to_edge", "to_edge", "owed_words", 12),
    ("read", "beat_to} - {1'b0, beat_from} + 1'b1", "beat_to} + 1'b1", "owed_bytes", 12),
    ("write", "else if (m_axi_awready) m_axi_awvalid", "else m_axi_awvalid", "aw_stays", 8),
    ("write", "8'(len_q)", "8'(len_q) + 8'd4", "aw_length", 8),
    ("write", "place_q == '1 || x_last_i", "x_last_i", "aw_page", 9),
    ("write", "m_axi_awsize  = 3'(ByteBits)", "m_axi_awsize = 3'd0", "aw_words", 7),
    ("write", "word_q[WordBits-1:LenBits] + 1'b1", "word_q[WordBits-1:LenBits] + 2'd2", "aw_next", 11),
    ("write", "assign ask         = whole_q != '0", "assign ask = taking_q", "aw_data", 7),
    ("write", "open_q != '1 && !drop", "open_q != '1", "aw_quiet", 8),
    ("write", "kept_q != '0 && (give || !fifo_valid)", "kept_q != '0", "w_stays", 9),
    ("write", "fifo_valid && send_q != '0;", "fifo_valid;", "w_after", 8),
    ("write", "assign push_final = place_q == '1", "assign push_final = place_q[0]", "w_beats", 12),
    ("write", "(final_burst ? place_q : '1)", "place_q", "w_beats", 12),
    ("write", "!word_last || tail_q >= ByteBits'(i)", "tail_q >= ByteBits'(i)", "w_full", 9),
    ("write", "assign m_axi_wstrb[i] = 1'b1", "assign m_axi_wstrb[i] = !word_last", "w_strobes", 9),
    ("write", "m_axi_bready = 1'b1", "m_axi_bready = !drop_q", "b_taken", 6),
    ("write", "whole_q == '0 && open_q == '0;", "whole_q == '0;", "done_all", 9),
    (
        "write",
        "else if (finished && !drop)  done_o <= 1'b1;",
        "else done_o <= finished && !drop;",
        "done_stay",
        12,
    ),
    (
        "write",
        "else if (finished && !drop)  done_o",
        "else if (open_q == '0 && !taking_q) done_o",
        "done_lost",
        9,
    ),
    ("write", "!busy_q && !drop_q && empty", "!busy_q", "idle_none", 9),
    ("write", "!busy_q && !drop_q && empty", "!busy_q && empty", "idle_job", 12),
    ("write", "m_axi_bvalid && m_axi_bresp[1]", "m_axi_bvalid && m_axi_bresp[0]", "error_is", 12),
]
# Not broken: b_few, for which 32 bursts must wait (test_writer_keeps_the_pace sees the limit).
# Properties of whole runs: checked for some cycles after reset, not for ever.
WHOLE = {"y_whole", "y_inside", "owed_words", "owed_bytes", "owed_last", "idle_all"}
QUICK = {"fits", "aw_data", "w_beats", "done_all", "idle_job"}


def prove(
    folder: Path,
    cell: str,
    *,
    change: tuple[str, str] | None = None,
    parameters: str = "",
    only: str = "",
    cycles: int = 0,
) -> str:
    """What Yosys says: of all properties, for ever; or of `only` one in the first `cycles` cycles."""
    text = (rtl_runner.RTL / f"{cell}.sv").read_text()
    if change:
        assert text.count(change[0]) == 1, (
            f"{change[0]!r} must stand in {cell} once, not {text.count(change[0])} times"
        )
        text = text.replace(*change)
    (folder / f"{cell}.sv").write_text(text)
    top = f"{cell}_properties"
    sources = f"{rtl_runner.RTL}/r4_fifo.sv {cell}.sv {rtl_runner.RTL}/properties/{top}.sv"
    how = f"-tempinduct-baseonly -maxsteps {cycles}" if cycles else "-maxsteps 1"
    script = [
        f"read_verilog -sv -formal -DSYNTHESIS {sources}",
        f"hierarchy -top {top} {parameters}",
        "proc",
        "memory_map",  # before flatten, so that the words of memories have names that the properties know
        "flatten",
        "opt_clean",
        "async2sync",
        "opt -full",
        "chformal -lower",
        *([f"select -assert-count 1 c:{only}", f"delete t:$assert c:{only} %d"] if only else []),
        "opt_clean",
        f"sat -tempinduct -prove-asserts {how}",
    ]
    (folder / "run.ys").write_text("\n".join(script) + "\n")
    run = subprocess.run([sys.executable, "-c", RUN], cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    # A wire that the properties name and the cell has not is free, so that the proof of the cell as it is would fail.
    said = re.findall(
        r"Induction step proven: SUCCESS|model found for base case|Reached maximum number", run.stdout
    )
    assert said, run.stdout[-2000:]
    return said[-1]


PROVEN, SEEN = "Induction step proven: SUCCESS", "model found for base case"


@pytest.mark.parametrize(
    ("cell", "parameters"),
    [
        ("r4_axi_read", "-chparam Whole 0"),
        ("r4_axi_read", "-chparam Whole 0 -chparam DataWidth 32 -chparam MaxBeats 2 -chparam FifoDepth 9"),
        ("r4_axi_write", ""),
        ("r4_axi_write", "-chparam DataWidth 32 -chparam MaxBeats 2"),
    ],
)
def test_properties_hold_for_ever(tmp_path: Path, cell: str, parameters: str) -> None:
    assert prove(tmp_path, cell, parameters=parameters) == PROVEN


@pytest.mark.parametrize("cycles", [8, pytest.param(13, marks=pytest.mark.slow)])
def test_whole_runs_come_for_some_cycles(tmp_path: Path, cycles: int) -> None:
    assert prove(tmp_path, "r4_axi_read", cycles=cycles) == "Reached maximum number"


@pytest.mark.parametrize(
    ("cell", "old", "new", "name", "cycles"),
    [
        pytest.param(*b, marks=() if b[3] in QUICK else pytest.mark.slow, id=f"{b[0]}-{b[3]}-{i}")
        for i, b in enumerate(BROKEN)
    ],
)
def test_broken_cells_are_seen(tmp_path: Path, cell: str, old: str, new: str, name: str, cycles: int) -> None:
    said = prove(
        tmp_path,
        f"r4_axi_{cell}",
        change=(old, new),
        parameters=f"-chparam Whole {int(name in WHOLE)}" if cell == "read" else "",
        only=name,
        cycles=cycles,
    )
    assert said == SEEN
