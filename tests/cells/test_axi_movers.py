# SPDX-License-Identifier: Apache-2.0
"""r4_axi_read and r4_axi_write in simulation, against a memory that checks AXI4 in every cycle (sim/axi_memory.py)."""

from __future__ import annotations

import random
import subprocess
from typing import Any

import pytest
import rtl_runner

from rtl4ml.host.tools import verilator_env

SIZES = {"AddrWidth": 40, "DataWidth": 128, "MaxBeats": 16}
DEPTH = {"r4_axi_read": 256, "r4_axi_write": 64}
SMALL = {"AddrWidth": 20, "DataWidth": 32, "MaxBeats": 4, "FifoDepth": 8}
TOP = 1 << 40


def run(module: str, case: list[dict[str, Any]], parameters: dict[str, int] | None = None) -> Any:
    """Every item of the case, each after a reset; returns what was measured."""
    items = [{"manner": {}, "seed": n, "stalls": None, **item} for n, item in enumerate(case)]
    result = rtl_runner.run_case(
        "rtl4ml.sim.tb_axi_movers",
        top=module,
        parameters=parameters or {**SIZES, "FifoDepth": DEPTH[module]},
        case=items,
        sources=rtl_runner.closure(rtl_runner.RTL / f"{module}.sv"),
        tests=[module.removeprefix("r4_axi_")],
    )
    assert result.passed, result.failures
    return result.measured


def stalled(seed: int, *, longest: int = 60, **manner: Any) -> dict[str, Any]:
    """An item whose channels all pause."""
    return {"seed": seed, "stalls": seed, "manner": {"latency": (1, longest), "seed": str(seed), **manner}}


def runs_of(
    r: random.Random, count: int, *, longest: int = 200, top: int = TOP, edge: int = 4096
) -> list[list[int]]:
    """Random runs, a third of them around a 4 KiB edge, some right at the end of memory."""
    out = []
    for _ in range(count):
        size = r.randint(1, longest)
        page = edge * r.randrange(1, top // edge)
        near = r.random()
        address = page - r.randint(0, size + 16) if near < 0.3 else page + r.randrange(edge - 256)
        out.append([top - size if near > 0.97 else max(0, min(address, top - size)), size])
    return out


def jobs_of(r: random.Random, count: int, **kind: Any) -> list[dict[str, int]]:
    """Random jobs of the writer."""
    size = kind.pop("word", 16)
    return [{"address": a - a % size, "bytes": n} for a, n in runs_of(r, count, **kind)]


def aborted(r: random.Random, job: dict[str, Any], within: int) -> dict[str, Any]:
    """The job, aborted at a random cycle; abort_i stays until idle_o or is short."""
    return {**job, "abort": r.randint(1, within), "hold": r.random() < 0.5}


# -- reader --------------------------------------------------------------------------------------------------------


def read_case(seed: int, *, runs: int, items: int) -> list[dict[str, Any]]:
    """Every alignment and size, pauses, latencies to 500 cycles, errors, aborts."""
    r = random.Random(seed)
    every = [[4096 * 7 - 100 + a + 16 * r.randrange(32), n] for a in range(16) for n in range(1, 34)]
    every += [[4096 * 9 - 16 * r.randrange(16) + r.randrange(16), n] for n in range(34, 201)]
    r.shuffle(every)
    case = [{"jobs": [{"runs": every[:runs]}]}]
    for n in range(items):
        jobs = [{"runs": runs_of(r, runs // 8)} for _ in range(2)]
        bad = r.sample(range(400), 20)
        case.append({"jobs": jobs, **stalled(seed + n, longest=(60, 500)[n % 2], bad=bad)})
        jobs = []
        for _ in range(8):
            jobs += [aborted(r, {"runs": runs_of(r, 20, longest=600)}, 250), {"runs": runs_of(r, 2)}]
        case.append({"jobs": jobs, **stalled(seed + n, longest=80, bad=r.sample(range(999), 30))})
        case[-1]["stalls"] = None if n % 3 == 0 else seed
    case.append({"jobs": [{"runs": [[5, 0], [7, 3], [9, 0], [4095, 2], [0, 0], [1, 20000]]}]})
    return case


def test_reader_gives_every_run(seed: int) -> None:
    run("r4_axi_read", read_case(seed % 2**31, runs=400, items=1))


@pytest.mark.slow
def test_reader_of_other_sizes(seed: int) -> None:
    r = random.Random(seed)
    case = [{"jobs": [{"runs": runs_of(r, 60, top=1 << 20)}], **stalled(s, bad=[3, 9])} for s in range(2)]
    jobs = [aborted(r, {"runs": runs_of(r, 9, top=1 << 20)}, 60) for _ in range(9)]
    case.append({"jobs": [*jobs, {"runs": runs_of(r, 3, top=1 << 20)}], **stalled(7)})
    run("r4_axi_read", case, SMALL)


def test_reader_has_no_bubble_between_short_runs() -> None:
    latency = {"latency": (150, 150)}
    rows = [
        {"jobs": [{"runs": [[0x10000 + 4096 * k, 16 * words] for k in range(200)]}], "manner": latency}
        for words in (3, 4)
    ]
    odd = [
        [0x10000 + 64 * k * 9 + 2, 64] for k in range(120)
    ]  # 5 words each, some across a multiple of 4 KiB
    (three,), (four,), (unaligned,), (single,), (long,) = run(
        "r4_axi_read",
        [
            *rows,
            {"jobs": [{"runs": odd}], "manner": latency},
            {"jobs": [{"runs": [[4096 * k, 1] for k in range(100)]}]},
            {"jobs": [{"runs": [[8, 16 * 1000]]}], "manner": latency},
        ],
    )
    assert three["span"] == 600 and four["span"] == 800  # one word a cycle
    assert unaligned["words"] == 600 == unaligned["span"]
    assert single["span"] == 2 * 100 - 1
    assert long["span"] == long["words"] == 1001 and long["bursts"] == 63
    assert long["first"] == 3 + 150 + 2


def test_reader_in_flight() -> None:
    silent = {"silent": True}
    (one,), (four,), (long,) = run(
        "r4_axi_read",
        [
            {"jobs": [{"runs": [[4096 * k, 16 * n] for k in range(200)], "silent": 300}], "manner": silent}
            for n in (1, 4, 64)
        ],
    )
    assert one["bursts"] == 65
    assert four["bursts"] == 64 and four["words"] == 256
    assert long["bursts"] == 16 and long["words"] == 256


# -- writer --------------------------------------------------------------------------------------------------------


def write_case(seed: int, *, jobs: int, items: int) -> list[dict[str, Any]]:
    """Every size around a 4 KiB edge, pauses, orders of the channels, latencies to 500 cycles, errors, aborts."""
    r = random.Random(seed)
    every = [{"address": 4096 * 5 + 16 * r.randrange(-20, 20), "bytes": n} for n in range(1, 201)]
    every += [{"address": 4096 * 5 - 16 * k, "bytes": 16 * w} for k in range(17) for w in (1, 16, 17)]
    r.shuffle(every)
    case: list[dict[str, Any]] = [{"jobs": every[:jobs]}]
    for n in range(items):
        manner = {"bad": r.sample(range(40), 8), "order": ("any", "w first", "aw first")[n % 3]}
        case.append({"jobs": jobs_of(r, jobs // 8, longest=900), **stalled(seed + n, **manner)})
        mixed = []
        for _ in range(8):
            mixed += [aborted(r, jobs_of(r, 1, longest=3000)[0], 150), *jobs_of(r, 1)]
        case.append(
            {"jobs": mixed, **stalled(seed + n, longest=80, order=("any", "aw first", "w first")[n % 3])}
        )
        case[-1]["stalls"] = None if n % 3 == 0 else seed
        case.append({"jobs": jobs_of(r, 1, longest=9000), **stalled(seed + n, longest=500, bad=[1])})
    return case


def test_writer_writes_every_byte(seed: int) -> None:
    run("r4_axi_write", write_case(seed % 2**31, jobs=251, items=1))


@pytest.mark.slow
def test_writer_of_other_sizes(seed: int) -> None:
    r = random.Random(seed)
    kind = {"word": 4, "top": 1 << 20}
    case = [
        {"jobs": jobs_of(r, 30, **kind), **stalled(s, bad=[3, 9], order=o)}
        for s, o in enumerate(("any", "w first"))
    ]
    jobs = [aborted(r, j, 60) for j in jobs_of(r, 9, **kind)]
    case.append({"jobs": [*jobs, *jobs_of(r, 3, **kind)], **stalled(7)})
    run("r4_axi_write", case, SMALL)


def test_writer_keeps_the_pace() -> None:
    (job,), (silent,) = run(
        "r4_axi_write",
        [
            {"jobs": [{"address": 0x1230, "bytes": 16 * 2000 - 5}], "manner": {"latency": (200, 200)}},
            {"jobs": [{"address": 0, "bytes": 16 * 2000}], "manner": {"latency": (600, 600)}},
        ],
    )
    assert job["span"] == job["words"] == 2000
    assert job["bursts"] == 126  # 13 words, 124 times 16, 3
    assert job["cycles"] < 2000 + 200 + 30
    assert silent["span"] > 2000  # 31 bursts wait for a response that comes after 600 cycles


@pytest.mark.parametrize("module", ["r4_axi_read", "r4_axi_write"])
@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"DataWidth": 96}, "DataWidth (96) must be a power of two from 16 to 1024"),
        ({"MaxBeats": 12}, "MaxBeats (12) must be a power of two from 2 to 256, of at most 4096 bytes"),
        (
            {"DataWidth": 256, "MaxBeats": 256, "FifoDepth": 256},
            "MaxBeats (256) must be a power of two from 2 to 256",
        ),
        ({"FifoDepth": 8}, "at least MaxBeats (16)"),
        ({"AddrWidth": 12}, "AddrWidth (12) must be 13 to 64"),
    ],
)
def test_illegal_parameters_stop_elaboration(module: str, parameters: dict[str, int], text: str) -> None:
    verilator, env = verilator_env()
    command = [
        str(verilator),
        "--lint-only",
        "-y",
        str(rtl_runner.RTL),
        *(f"-G{k}={v}" for k, v in parameters.items()),
    ]
    run = subprocess.run(
        [*command, str(rtl_runner.RTL / f"{module}.sv")], env=env, capture_output=True, text=True
    )
    assert run.returncode != 0
    assert text in run.stderr and f"{module}: " in run.stderr


# -- long ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_reader_at_length(part: int, seed: int) -> None:
    run("r4_axi_read", read_case(seed % 2**31, runs=800, items=12))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_writer_at_length(part: int, seed: int) -> None:
    run("r4_axi_write", write_case(seed % 2**31, jobs=251, items=12))
