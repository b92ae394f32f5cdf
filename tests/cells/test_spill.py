# SPDX-License-Identifier: Apache-2.0
"""r4_spill in simulation, against a memory that checks AXI4 in every cycle (sim/axi_memory.py)."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
import rtl_runner

SMALL = {
    "Width": 32,
    "Group": 1,
    "Ring": 64,
    "DataWidth": 32,
    "MaxBeats": 4,
    "InFlight": 8,
    "WriteDepth": 8,
    "ReadDepth": 16,
    "Idle": 8,
}
ITEM = {
    "beats": 100,
    "base": 0x12_3456_7000,
    "manner": {},
    "seed": 1,
    "stalls": None,
    "every": 1,
    "closed": 0,
    "stop": -1,
}


def run(items: list[dict[str, Any]], **parameters: int) -> list[dict[str, Any]]:
    """Every item, each after a reset, with what it does not name as in ITEM; returns what was measured."""
    result = rtl_runner.run_case(
        "rtl4ml.sim.tb_spill",
        top="r4_spill",
        parameters=parameters,
        case=[{**ITEM, **item} for item in items],
        sources=rtl_runner.closure(rtl_runner.RTL / "r4_spill.sv"),
    )
    assert result.passed, result.failures
    measured: list[dict[str, Any]] = result.measured
    for m in measured:
        assert m["bad"] == m["errors"]
    return measured


def stalled(seed: int, **item: Any) -> dict[str, Any]:
    """An item that pauses on both sides and on all channels, with random latencies."""
    manner = {
        "latency": (1, (20, 90, 300)[seed % 3]),
        "seed": str(seed),
        "order": ("any", "w first", "aw first")[seed % 3],
    }
    return {"seed": seed, "stalls": seed, "manner": manner, "beats": 400, **item}


@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"Ring": 4},
        {"Ring": 67},  # no multiple of a burst
        {"Width": 5, "Group": 6},
        {"Width": 70},  # three words a beat
        {"DataWidth": 128, "Width": 128, "MaxBeats": 16, "WriteDepth": 128, "ReadDepth": 128, "Ring": 1000},
    ],
)
def test_order_under_stalls(sizes: dict[str, int], seed: int) -> None:
    """Random latencies, pauses everywhere, all orders of the channels, and as many beats as fill whole words."""
    beats = 400 - 400 % sizes.get("Group", 1)
    first = seed % 1000
    items = [{"beats": beats}, *(stalled(first + n, beats=beats, base=4096 * n) for n in range(6))]
    items.append({"beats": beats, "closed": 700, "manner": {"latency": (100, 100)}})
    run(items, **{**SMALL, **sizes})


def bound(latency: int, *, idle: int, max_beats: int) -> int:
    """Cycles within which a word is offered, as the cell's header has it."""
    return idle + 2 * latency + 3 * max_beats + 24


@pytest.mark.parametrize("latency", [1, 200])
@pytest.mark.parametrize("every", [1, 3, 500])
def test_a_word_is_offered_in_time(latency: int, every: int) -> None:
    """At every pace, also the last ones, which wait for no others; at a word a cycle once it runs."""
    sizes = {"MaxBeats": 16, "WriteDepth": 64, "ReadDepth": 512, "InFlight": 32, "Idle": 64, "Ring": 4096}
    item = {
        "beats": 1500 if every < 9 else 300 if every < 99 else 40,
        "every": every,
        "manner": {"latency": (latency, latency)},
    }
    (found,) = run([item], **{**SMALL, **sizes})
    waits = [given - taken for taken, given in zip(found["taken"], found["given"], strict=True)]
    assert max(waits) <= bound(latency, idle=64, max_beats=16)
    assert max(waits) > 2 * latency
    assert [b - a for a, b in pairwise(found["taken"])] == [every] * (item["beats"] - 1)
    assert found["bursts"][0] <= -(-item["beats"] // (16 if every < 4 else 2 if every < 60 else 1)) + 2


def test_too_few_writes_in_flight_slow_it_down() -> None:
    """Words in flight must be latency times rate: 8 bursts of 4 words are not enough for 100 cycles."""
    item = {"beats": 1500, "manner": {"latency": (100, 100)}}
    (few,), (many,) = (
        run([item], **{**SMALL, "Ring": 1024, "WriteDepth": 12, "ReadDepth": 256, "InFlight": n})
        for n in (8, 64)
    )
    pace = [(m["given"][-1] - m["given"][500]) / (1499 - 500) for m in (few, many)]
    assert pace[0] > 2 and pace[1] == 1


def test_a_ring_one_word_too_small_stalls() -> None:
    """Beats wait until 300 of them are taken: with room for them all none waits, with a word less one does."""
    held = 300
    item = {"beats": 600, "closed": held + 500, "manner": {"latency": (20, 20)}}
    sizes = {**SMALL, "InFlight": 16}

    def capacity(ring: int) -> tuple[int, dict[str, Any]]:
        (found,) = run([item], **{**sizes, "Ring": ring})
        return sum(t < item["closed"] for t in found["taken"]), found

    # What the FIFOs at both ends hold besides a ring of whole bursts.
    beyond = capacity(128)[0] - 128
    assert beyond >= 0
    (enough, _), (less, found) = capacity(held - beyond), capacity(held - beyond - 1)
    assert less < enough
    assert enough >= held - beyond and less >= held - beyond - 1
    assert len(found["given"]) == 600, "it stalls, and goes on once beats are taken"
    stall = found["taken"].index(next(t for t in found["taken"] if t >= item["closed"]))
    assert stall == less


def test_it_stops_and_drains(seed: int) -> None:
    """Once idle_o is high after stop_i nothing is under way; the next item starts from a reset."""
    r = random.Random(seed)
    items = [stalled(seed % 1000 + n, stop=r.randrange(5, 900)) for n in range(12)]
    run([*items, {}], **SMALL)


def test_errors_are_told_and_the_rest_goes_on() -> None:
    manner = {"latency": (5, 30), "bad": [3, 17, 40]}
    (found,) = run([{"manner": manner}], **SMALL)
    assert found["errors"] == found["bad"] > 0 and len(found["given"]) == 100
