# SPDX-License-Identifier: Apache-2.0
"""r4_job, broken in many ways: each is seen by a test of jobs on the shell. One build has all the faults."""

from __future__ import annotations

from typing import Any

import board_jobs
import board_nets
import numpy as np
import pytest

from rtl4ml.board.bulk import BoardSimulator, Outcome
from rtl4ml.errors import SimulationFailed

# What stands before an expression, the expression, and by the fault's name what stands there instead.
FAULTS: list[tuple[str, str, dict[str, str]]] = [
    ("all_in_q  <= ", "to_come_q == 32'd1", {"a frame more": "to_come_q == '0"}),
    (
        "out_last_o = ",
        "out_tlast_i && frames_done_o + 32'd1 == frames_i",
        {
            "last frame not marked": "out_tlast_i && frames_done_o == frames_i",
            "each frame the last": "out_tlast_i",
        },
    ),
    ("if (", "frames_i != '0 && aligned_i", {"started where it is refused": "frames_i != '0"}),
    ("Reset: begin\n          if (", "abort_i", {"an abort lost in the reset": "1'b0"}),
    ("Go: begin\n          if (", "abort_i", {"an abort lost before the run": "1'b0"}),
    ("Idle: begin\n          abort_q  <= ", "1'b0", {"an abort of the last job": "abort_q"}),
    ("            aborted_q <= ", "1'b0", {"aborted ever since": "aborted_q"}),
    ("excess   = ", "state_q == Run && all_in_q && in_valid_i", {"too many counts not seen": "1'b0"}),
    ("mismatch = ", "state_q == Run && quiet_q && !agreed_q", {"too few counts not seen": "1'b0"}),
    ("if (", "!read_q || in_valid_i", {"too few while some come": "!read_q"}),
    (
        "agreed_q <= ",
        "read_q && left_q == '0 && all_in_q && !partial_q",
        {"bytes left over": "read_q && all_in_q && !partial_q"},
    ),
    ("left_q + (", "run_valid_i && run_ready_i", {"bytes of a run that waits": "run_valid_i"}),
    (
        "finish = ",
        "state_q == Run && write_done_i && agreed_q",
        {"done before all is written": "state_q == Run && agreed_q"},
    ),
    (
        "reset_q  <= ",
        "read_idle_i && write_idle_i",
        {"reads not waited for": "write_idle_i", "writes not waited for": "read_idle_i"},
    ),
    (
        "if (",
        "read_idle_i && write_idle_i && reset_q",
        {
            "reads not waited for": "write_idle_i && reset_q",
            "writes not waited for": "read_idle_i && reset_q",
        },
    ),
    ("net_rst_q <= ", "state_q != Reset", {"network not reset": "1'b1"}),
    ("path_clear_o = ", "!net_rst_q", {"path not cleared": "1'b0"}),
    ("if (", "clear_i", {"done not cleared": "1'b0"}),
    ("if (", "read_error_i", {"error of a read not said": "1'b0"}),
    ("if (", "write_error_i", {"error of a write not said": "1'b0"}),
    ("+ 32'(read_error_i) + ", "32'(write_error_i)", {"errors of writes not counted": "32'd0"}),
    ("if (", "in_open_o && in_ready_i && !in_valid_i", {"starved to the end": "in_ready_i && !in_valid_i"}),
    (
        "if (",
        "state_q == Run && out_valid_i && !out_ready_i",
        {"blocked by each result": "state_q == Run && out_valid_i"},
    ),
    ("if (", "frame_out && frames_done_o == '0", {"last frame for the first": "frame_out"}),
    (
        "read_abort_o  = ",
        "state_q == Drain || (state_q == Reset && ending_q)",
        {"movers not told to abort": "1'b0"},
    ),
]
NAMES = ["", *dict.fromkeys(name for _, _, faults in FAULTS for name in faults)]  # of number 0, 1, 2 ...
# Which fault there is, is read when a simulation starts.
NUMBER = """  logic [7:0] fault [1];
  initial $readmemh("fault.mem", fault);
"""


def faulty(text: str) -> str:
    """r4_job with all the faults in it."""
    place = "  typedef enum "
    assert text.count(place) == 1
    text = text.replace(place, f"{NUMBER}\n{place}")
    for before, right, faults in FAULTS:
        tail = " == " if right.endswith("reset_q") else ""
        old = before + right + tail
        assert text.count(old) == 1, f"{old!r} must stand in the cell once, not {text.count(old)} times"
        end = "ResetWidth'(ResetCycles - 1)" if tail else ""
        value = f"{right}{tail}{end}"
        for name, wrong in faults.items():
            value = f"(fault[0] == 8'd{NAMES.index(name)} ? ({wrong}{tail}{end}) : ({value}))"
        text = text.replace(old + end, before + value)
    return text


class Impatient(BoardSimulator):
    """Gives up early a job that does not end."""

    def run(self, jobs: Any, **given: Any) -> list[Outcome]:
        return super().run(jobs, patience=100_000, **given)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> BoardSimulator:
    folder = tmp_path_factory.mktemp("broken")
    shell = board_nets.stand_in(**board_jobs.PIXELS)
    sources = board_nets.write(shell, folder)
    path = folder / "rtl" / "r4_job.sv"
    path.write_text(faulty(path.read_text()))
    made = board_nets.build(folder, sources, shell, images=folder / "mem", asserts=True)
    return Impatient(**vars(made))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_faults_are_seen(name: str, broken: BoardSimulator, rng: np.random.Generator) -> None:
    (broken.images / "fault.mem").write_text(f"{NAMES.index(name):x}\n")
    try:
        for check in board_jobs.CHECKS:
            check(broken, rng)
    except (AssertionError, SimulationFailed):
        assert name, "without a fault each check must pass"
    else:
        assert not name, "a check must see the fault"
