# SPDX-License-Identifier: Apache-2.0
"""Jobs on a simulated shell of single pixels, and what must come of them; board_nets.py makes the shell.

`CHECKS` are called with the simulator and a generator. `jobs_under_pauses`, `aborts_at_any_cycle` and
`errors_of_any_beat` take how many there are to be, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import board_nets
import numpy as np
from numpy.typing import NDArray

from rtl4ml.board import interface
from rtl4ml.board.bulk import BoardSimulator, Job, Outcome, strides

LAYOUTS = tuple(interface.LAYOUTS)
FAILED, TIMEOUT = 5, 6  # of r4_error
Cube = NDArray[np.unsignedinteger[Any]]
# 20 bands of uint16, two a beat, 16 bits a pixel. Tiles that are still to be drained when all is read last longer than
# QuietCycles of r4_job.
PIXELS: dict[str, Any] = {"bands": 20, "lanes": 2}


def draw(rng: np.random.Generator, simulator: BoardSimulator, rows: int, columns: int) -> Cube:
    dtype = np.uint8 if simulator.shell.count_bytes == 1 else np.uint16
    return rng.integers(0, 400 if dtype is np.uint16 else 256, (rows, columns, simulator.shell.bands)).astype(
        dtype
    )


def check(simulator: BoardSimulator, job: Job, found: Outcome) -> None:
    """The job went well."""
    assert (found.code, found.message, found.flags) == (0 if job.driver else -1, "", frozenset())
    np.testing.assert_array_equal(found.result, board_nets.expected(simulator.shell, job.cube))
    rows, columns, _ = job.cube.shape
    assert found.frames_done == rows * columns // (simulator.shell.frame_rows * simulator.shell.frame_columns)
    assert found.axi_errors == found.frame_errors == 0


def cubes_of_every_layout_and_size_are_exact(simulator: BoardSimulator, rng: np.random.Generator) -> None:
    sizes = [(1, 1), (1, 2), (1, 7), (3, 1), (2, 31), (2, 32), (2, 33), (3, 64), (1, 100), (5, 65)]
    jobs = [
        Job(
            cube=draw(rng, simulator, *size),
            layout=layout,
            skew=2 * int(rng.integers(0, 2048)),
            driver=bool(rng.integers(2)),
        )
        for size in sizes
        for layout in LAYOUTS
    ]
    for stalls in (False, True):
        outcomes = simulator.run(jobs, latency=60, jitter=440, stalls=stalls, seed=7)
        for job, found in zip(jobs, outcomes, strict=True):
            check(simulator, job, found)


def a_job_takes_no_longer_than_its_counts(simulator: BoardSimulator, rng: np.random.Generator) -> None:
    cube = draw(rng, simulator, 20, 96)
    for layout in LAYOUTS:
        (found,) = simulator.run([Job(cube=cube, layout=layout)], refresh=False)
        # A band of the first tile is a burst; memory takes 16 at once, the others wait for its latency again.
        again = 0 if layout == "bip" else (simulator.shell.bands - 1) // 16 * 200
        assert found.cycles <= 1.001 * 1920 * simulator.shell.beats + 600 + again, (layout, found.cycles)


def counters_say_where_the_time_goes(simulator: BoardSimulator, rng: np.random.Generator) -> None:
    few, many = (Job(cube=draw(rng, simulator, 1, n)) for n in (2, 40))
    early, late = (simulator.run([few, many], latency=n, refresh=False) for n in (60, 460))
    for a, b in zip(early, late, strict=True):
        assert b.starved - a.starved == b.first_frame - a.first_frame == 400
        assert b.cycles - a.cycles == 800  # a read and a write
        assert a.starved < a.cycles and a.blocked == 0
    assert early[0].first_frame == early[1].first_frame < early[1].cycles


def an_abort_counts_in_every_cycle_of_a_start(simulator: BoardSimulator, rng: np.random.Generator) -> None:
    for layout in LAYOUTS:
        job = Job(cube=draw(rng, simulator, 1, 40), layout=layout)
        jobs = [j for n in range(1, 30) for j in (replace(job, driver=False, abort=n), job)]
        for j, found in zip(jobs, simulator.run(jobs, refresh=False), strict=True):
            if j.abort:
                assert found.flags == {"aborted"}
            else:
                check(simulator, j, found)


def errors_of_memory(simulator: BoardSimulator, rng: np.random.Generator) -> None:
    cube = draw(rng, simulator, 3, 40)
    jobs = []
    for k, layout in enumerate(LAYOUTS):
        jobs.append(Job(cube=cube, layout=layout, read_error=1 + int(rng.integers(100)), decode=bool(k % 2)))
        jobs.append(Job(cube=cube, layout=layout))
        jobs.append(Job(cube=cube, layout=layout, write_error=1, decode=not k % 2))
        jobs.append(Job(cube=cube, layout=layout))
        jobs.append(Job(cube=cube, layout=layout, outside=True))
        jobs.append(Job(cube=cube, layout=layout))
    outcomes = simulator.run(jobs, stalls=True, seed=5)
    for job, found in zip(jobs, outcomes, strict=True):
        if job.read_error:
            assert (found.flags, found.axi_errors) == ({"read_error"}, 1)
        elif job.write_error:
            assert (found.flags, found.axi_errors) == ({"write_error"}, 1)
        elif job.outside:
            assert found.flags == {"read_error"}
            assert found.axi_errors == found.words[0]
        else:
            check(simulator, job, found)
    assert outcomes[0].message == (
        "a job must end with its result, not with: an error of memory on a read (120 frames done, 1 AXI errors)"
    )


def a_driver_that_waits_too_short_aborts(simulator: BoardSimulator, rng: np.random.Generator) -> None:
    job = Job(cube=draw(rng, simulator, 2, 40))
    late = Job(cube=job.cube, timeout=400)
    first, second = simulator.run([late, job])
    assert first.code == TIMEOUT
    assert re.fullmatch(
        r"a job must end within 400 ns, not go on; it was aborted, the next job may run "
        r"\(\d+ frames done, 0 AXI errors\)",
        first.message,
    )
    check(simulator, job, second)


# Registers that do not agree; the job must end by itself and say so.
WRONG: list[dict[str, int]] = [
    {"FRAMES": 0},
    {"FRAMES": 79},
    {"FRAMES": 81},
    {"FRAMES": 4000},
    {"ROWS": 1},
    {"ROWS": 0},
]


def lengths_that_do_not_agree_end_the_job(simulator: BoardSimulator, rng: np.random.Generator) -> None:
    cube = draw(rng, simulator, 2, 40)
    row = strides(simulator.shell, "bip", 2, 40)["ROW_BYTES"]
    for layout in LAYOUTS:
        wrong = [
            *WRONG,
            *(
                [{"ROW_BYTES": row - 2}, {"ROW_BYTES": 2}, {"ROW_BYTES": 0}]
                if layout == "bip"
                else [{"COLUMNS": 39}]
            ),
        ]
        jobs: list[Job] = []
        for registers in wrong:
            jobs.append(Job(cube=cube, layout=layout, driver=False, registers=registers))
            jobs.append(Job(cube=cube, layout=layout))
        for job, found in zip(jobs, simulator.run(jobs, stalls=True, seed=9), strict=True):
            if job.registers:
                at_once = job.registers == {"FRAMES": 0}
                assert found.flags == ({"bad_length"} if at_once else {"bad_length", "aborted"}), (
                    job.registers
                )
            else:
                check(simulator, job, found)


def a_part_of_a_beat_too_many_is_a_bad_length(simulator: BoardSimulator, rng: np.random.Generator) -> None:
    cube = draw(rng, simulator, 1, 40)
    registers = {"FRAMES": 39, "ROW_BYTES": strides(simulator.shell, "bip", 1, 39)["ROW_BYTES"] + 2}
    (found,) = simulator.run([Job(cube=cube, driver=False, registers=registers)])
    assert found.flags == {"bad_length", "aborted"}


def a_result_beside_its_alignment_is_refused_at_once(
    simulator: BoardSimulator, rng: np.random.Generator
) -> None:
    cube = draw(rng, simulator, 1, 4)
    job = Job(cube=cube)
    first, second = simulator.run([Job(cube=cube, driver=False, misplaced=8), job])
    assert (first.flags, first.words, first.cycles) == ({"bad_length"}, (0, 0), 0)
    check(simulator, job, second)


def random_layout(rng: np.random.Generator) -> Any:
    return LAYOUTS[int(rng.integers(len(LAYOUTS)))]


def random_job(rng: np.random.Generator, simulator: BoardSimulator, *, rows: int, columns: int) -> Job:
    """A cube of up to so many rows (of images: so many images) and columns, anywhere in a page, by driver or not."""
    shell = simulator.shell
    pixel = shell.frame_rows * shell.frame_columns == 1
    size = (
        shell.frame_rows * int(rng.integers(1, rows + 1)),
        int(rng.integers(1, columns + 1)) if pixel else shell.frame_columns,
    )
    skew = shell.count_bytes * int(rng.integers(4096 // shell.count_bytes))
    cube = draw(rng, simulator, *size)
    return Job(cube=cube, layout=random_layout(rng), skew=skew, driver=bool(rng.integers(2)))


def random_memory(rng: np.random.Generator) -> dict[str, Any]:
    """Pauses on all five channels, gaps of refreshes, latencies to 500 cycles, 1 to 16 bursts at once."""
    latency = int(rng.integers(501))
    return {
        "stalls": True,
        "seed": int(rng.integers(2**31)),
        "latency": latency,
        "jitter": int(rng.integers(501 - latency)),
        "outstanding": int(rng.integers(1, 17)),
    }


def jobs_under_pauses(simulator: BoardSimulator, rng: np.random.Generator, number: int) -> None:
    for _ in range(number):
        jobs = [random_job(rng, simulator, rows=3, columns=70) for _ in range(2)]
        for job, found in zip(jobs, simulator.run(jobs, **random_memory(rng)), strict=True):
            check(simulator, job, found)


def aborts_at_any_cycle(simulator: BoardSimulator, rng: np.random.Generator, number: int) -> None:
    """By ABORT in a cycle after the start, or by a driver whose time is over; some with an error of memory too."""
    aborted = 0
    for _ in range(0, number, 10):
        jobs: list[Job] = []
        for k in range(10):
            job = random_job(rng, simulator, rows=2, columns=60)
            after = 1 + int(rng.integers(1, 4) * rng.integers(1000))
            when = {"timeout": 4 * after} if job.driver else {"abort": after}
            error = {"read_error": 1 + int(rng.integers(30))} if k == 9 else {}
            jobs += [replace(job, **when, **error), random_job(rng, simulator, rows=1, columns=33)]
        for job, found in zip(jobs, simulator.run(jobs, **random_memory(rng)), strict=True):
            if found.code == TIMEOUT or "aborted" in found.flags:
                assert job.abort or job.timeout
                assert found.flags <= {"aborted", *(["read_error"] if job.read_error else [])}
                assert "the next job may run" in found.message or not job.driver
                aborted += 1
            elif found.flags:  # it ended before
                assert (found.flags, found.axi_errors) == ({"read_error"}, 1)
                assert job.read_error
            else:
                assert not 1 <= job.read_error <= found.words[0], "an error must be said"
                check(simulator, job, found)
    assert aborted >= number / 2


def errors_of_any_beat(simulator: BoardSimulator, rng: np.random.Generator, number: int) -> None:
    for _ in range(0, number, 10):
        jobs: list[Job] = []
        for k in range(10):
            job = random_job(rng, simulator, rows=6, columns=80)
            result = 2 * job.cube.nbytes // simulator.shell.bands // simulator.shell.count_bytes
            # words that are read, and bursts that are written, at least
            most = {"read_error": job.cube.nbytes // 16, "write_error": -(-result // 256)}
            name = ("read_error", "write_error")[k % 2]
            which = {name: 1 + int(rng.integers(most[name]))}
            following = random_job(rng, simulator, rows=1, columns=33)
            jobs += [replace(job, **which, decode=bool(rng.integers(2))), following]
        for job, found in zip(jobs, simulator.run(jobs, **random_memory(rng)), strict=True):
            if job.read_error or job.write_error:
                name = "read_error" if job.read_error else "write_error"
                assert (found.flags, found.axi_errors) == ({name}, 1)
                assert found.code == (FAILED if job.driver else -1)
                assert not job.driver or f"an error of memory on a {name[:-6]}" in found.message
            else:
                check(simulator, job, found)


CHECKS: list[Callable[[BoardSimulator, np.random.Generator], None]] = [
    cubes_of_every_layout_and_size_are_exact,
    a_job_takes_no_longer_than_its_counts,
    counters_say_where_the_time_goes,
    an_abort_counts_in_every_cycle_of_a_start,
    errors_of_memory,
    a_driver_that_waits_too_short_aborts,
    lengths_that_do_not_agree_end_the_job,
    a_part_of_a_beat_too_many_is_a_bad_length,
    a_result_beside_its_alignment_is_refused_at_once,
    partial(jobs_under_pauses, number=6),
    partial(aborts_at_any_cycle, number=60),
    partial(errors_of_any_beat, number=20),
]
