# SPDX-License-Identifier: Apache-2.0
"""r4_axis_in and r4_axis_out in simulation, each alone: packing, frames of every length, flags, cycles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rtl_runner

# (lanes, element bits, container bits, beats)
SHAPES = [(3, 5, 8, 4), (1, 9, 16, 1), (2, 8, 8, 7), (2, 33, 64, 2)]


def run(
    module: str, *, parameters: dict[str, int], runs: list[dict[str, Any]], errors: int | None = None
) -> Any:
    """As rtl_runner.run_cell, with the number of wrong frames in the last run."""
    result = rtl_runner.run_case(
        "rtl4ml.sim.tb_axis",
        top=module,
        parameters=parameters,
        case={"runs": runs, "errors": errors},
        sources=rtl_runner.closure(rtl_runner.RTL / f"{module}.sv"),
    )
    assert result.passed, result.failures
    return result.measured


@pytest.mark.parametrize(("lanes", "bits", "container", "beats"), SHAPES)
def test_every_frame_gets_its_length_and_its_flag(
    lanes: int, bits: int, container: int, beats: int, rng: np.random.Generator
) -> None:
    sent: list[int] = []
    packed: list[int] = []
    flags: list[int] = []
    for length in rng.choice([beats, beats, *range(1, 2 * beats + 2)], 60).tolist():
        data = [[int.from_bytes(rng.bytes(container // 8)) for _ in range(lanes)] for _ in range(length)]
        tdata = [sum(c << (i * container) for i, c in enumerate(beat)) for beat in data]
        sent += [t | ((k == length - 1) << (lanes * container)) for k, t in enumerate(tdata)]
        kept = (data + [[0] * lanes] * beats)[:beats]
        packed += [sum((c % 2**bits) << (i * bits) for i, c in enumerate(beat)) for beat in kept]
        flags.append(int(length != beats))
    assert 0 < sum(flags) < len(flags)
    parameters = {
        "Lanes": lanes,
        "ElemWidth": bits,
        "ContainerWidth": container,
        "Beats": beats,
        "FlagDepth": 2,
    }
    case = ({"s_axis": sent}, {"y": packed, "flag": flags})
    runs = [rtl_runner.run(*case, stalls=s) for s in (None, 1, 2, 3, 4, 5)]
    free, *_ = run("r4_axis_in", parameters=parameters, runs=runs, errors=sum(flags))

    # With nobody waiting: a beat leaves the cycle after it came, its frame's flag no later than the last beat.
    assert free["cycles"]["y"][0] == free["cycles"]["s_axis"][0] + 1
    ends = free["cycles"]["y"][beats - 1 :: beats]
    assert all(flag <= end for flag, end in zip(free["cycles"]["flag"], ends, strict=True))
    # one cycle a beat: those that came, those that were added, none lost between frames
    added = sum(max(0, beats - n) for n in lengths(sent, lanes * container))
    assert free["cycles"]["s_axis"][-1] <= len(sent) + added - 1
    assert max(free["cycles"]["y"][-1], free["cycles"]["s_axis"][-1] + 1) == len(sent) + added


def lengths(sent: list[int], last: int) -> list[int]:
    """Beats of every frame; bit `last` of a beat is tlast."""
    ends = [k for k, beat in enumerate(sent) if beat >> last]
    return np.diff([-1, *ends]).tolist()


@pytest.mark.parametrize(("lanes", "bits", "container", "beats"), SHAPES)
@pytest.mark.parametrize("signed", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_every_beat_gets_its_containers_and_every_last_beat_its_mark(
    lanes: int, bits: int, container: int, beats: int, signed: int, rng: np.random.Generator
) -> None:
    frames = 40
    flags = rng.integers(0, 2, frames).tolist()
    given: list[int] = []
    expected: list[int] = []
    for k in range(frames * beats):
        low = [int.from_bytes(rng.bytes(8)) % 2**bits for _ in range(lanes)]
        given.append(sum(e << (i * bits) for i, e in enumerate(low)))
        values = [e - 2**bits if signed and e >> (bits - 1) else e for e in low]
        tdata = sum((v % 2**container) << (i * container) for i, v in enumerate(values))
        expected.append(tdata | ((k % beats == beats - 1) << (lanes * container)))
    parameters = {
        "Lanes": lanes,
        "ElemWidth": bits,
        "Signed": signed,
        "ContainerWidth": container,
        "Beats": beats,
    }
    case = ({"x": given, "flag": flags}, {"m_axis": len(given)})
    runs = [rtl_runner.run(*case, stalls=s) for s in (None, 1, 2, 3)]
    measured = run("r4_axis_out", parameters=parameters, runs=runs)

    marked_before_last = 0
    for m in measured:
        mark = lanes * container + 1
        beats_out = m["beats"]["m_axis"]
        assert [b % 2**mark for b in beats_out] == expected
        for k, b in enumerate(beats_out):
            flag = flags[k // beats]
            if k % beats == beats - 1:
                assert b >> mark == flag
            else:
                assert b >> mark <= flag
                marked_before_last += b >> mark
        # a last beat is given after its flag was
        for frame, cycle in enumerate(m["cycles"]["flag"]):
            assert m["cycles"]["m_axis"][frame * beats + beats - 1] > cycle
    assert marked_before_last > 0 or beats == 1
    # With the flags there in time: a cycle each way, none lost, and every beat of a wrong frame is marked.
    free = measured[0]
    assert free["cycles"]["x"] == list(range(len(given)))
    assert free["cycles"]["m_axis"] == list(range(1, len(given) + 1))
    assert [b >> mark for b in free["beats"]["m_axis"]] == np.repeat(flags, beats).tolist()


def test_an_output_is_marked_by_the_inputs_that_it_waits_for(rng: np.random.Generator) -> None:
    """Of two inputs and two outputs; y waits for the flags of a, z for those of both, whichever side stalls."""
    frames, beats = 50, {"a": 2, "b": 3}
    sent: dict[str, list[int]] = {"a": [], "b": []}
    wrong: dict[str, list[int]] = {"a": [], "b": []}
    for name, right in beats.items():
        for length in rng.choice([right, right, right - 1, right + 2], frames).tolist():
            sent[name] += [int(rng.integers(256)) | ((k == length - 1) << 8) for k in range(length)]
            wrong[name].append(int(length != right))
    marks = {"y": wrong["a"], "z": [a | b for a, b in zip(wrong["a"], wrong["b"], strict=True)]}
    assert marks["z"] != wrong["a"] and marks["z"] != wrong["b"]
    case = (
        {f"{name}_axis": data for name, data in sent.items()},
        {"y_axis": 2 * frames, "z_axis": 3 * frames},
    )
    result = rtl_runner.run_case(
        "rtl4ml.sim.tb_axis",
        top="flagged",
        case={
            "runs": [rtl_runner.run(*case, stalls=s) for s in (None, 1, 2, 3, 4, 5)],
            "errors": sum(wrong["a"]) + sum(wrong["b"]),
        },
        sources=[
            *rtl_runner.closure(rtl_runner.RTL / "r4_axis_in.sv"),
            rtl_runner.RTL / "r4_axis_out.sv",
            Path(__file__).parents[1] / "rtl" / "flagged.sv",
        ],
    )
    assert result.passed, result.failures
    for m in result.measured:
        for name, of in (("y", 2), ("z", 3)):
            last = m["beats"][f"{name}_axis"][of - 1 :: of]
            assert [b >> 9 for b in last] == marks[name], name
