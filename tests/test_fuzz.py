# SPDX-License-Identifier: Apache-2.0
"""The fuzzer: it draws the same networks again, finds faults, and goes on where it ended."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import fuzz
import numpy as np
import pytest
import random_layers
import random_networks
from click.testing import CliRunner

import rtl4ml
from rtl4ml.frontends.qkeras.untouched import Untouched
from rtl4ml.measurements import Run

NETWORK = 4  # one that is converted; which one does not matter


def test_a_seed_draws_the_same_network_again() -> None:
    first, again = (random_layers.draw([0, NETWORK]) for _ in range(2))
    assert first.text == again.text
    assert first.options == again.options
    for a, b in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_unets_are_drawn_with_homes_of_their_skips(tmp_path: Path) -> None:
    first, again = (random_networks.draw_unet([0, 3]) for _ in range(2))
    assert first.text == again.text
    homes = [set(random_networks.draw_unet([0, k]).options["skips"].values()) for k in range(6)]
    assert set().union(*homes) == {"bram", "late", "dram"} and max(map(len, homes)) > 1
    arguments: dict[str, Any] = {"rtl": False, "csim": False, "folder": tmp_path / "design"}
    assert fuzz.check(0, 3, unets=True, **arguments)["outcome"] == "exact"


def test_a_network_may_wait_for_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that others use, a network takes its seconds of processor much later."""
    monkeypatch.setattr(fuzz, "_LOOKS", 0.02)
    with fuzz._limit(1):
        time.sleep(1.2)
    monkeypatch.setattr(fuzz, "_IDLE", 0.1)
    with pytest.raises(fuzz._TooLong, match=r"^more than 0\.1 s by the clock$"), fuzz._limit(1):
        time.sleep(5)
    monkeypatch.undo()
    monkeypatch.setattr(fuzz, "_LOOKS", 0.02)
    with pytest.raises(fuzz._TooLong, match=r"^more than 1 s of processor$"), fuzz._limit(1):
        while True:
            pass


def test_a_wrong_value_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments: dict[str, Any] = {"rtl": False, "csim": False, "folder": tmp_path / "design"}
    assert fuzz.check(0, NETWORK, **arguments)["outcome"] == "exact"
    emulate = rtl4ml.Design.emulate

    def off_by_one(design: Any, x: Any) -> Any:
        y = emulate(design, x).copy()
        y.flat[0] += 1
        return y

    monkeypatch.setattr(rtl4ml.Design, "emulate", off_by_one)
    found = fuzz.check(0, NETWORK, **arguments)
    assert (found["outcome"], found["reason"].partition(":")[0]) == ("mismatch", "emulate")


def test_a_predict_that_nothing_explains_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Untouched, "mismatches", 3)
    found = fuzz.check(0, NETWORK, rtl=False, csim=False, folder=tmp_path / "design")
    assert (found["outcome"], found["reason"].partition(":")[0]) == ("predict", "predict")


def test_a_frame_that_ends_in_another_cycle_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where interval and latency are as predicted."""

    def simulate(design: Any, x: Any, **_: Any) -> Run:
        design.frames.add(np.array([5, 9, 14]), np.array([5, 9, 13]))
        cycles = design.cycles
        return Run(y=design.reference(x), latency=cycles.latency, interval=cycles.interval, cycles=14)

    monkeypatch.setattr(rtl4ml.Design, "simulate", simulate)
    found = fuzz.check(0, NETWORK, rtl=True, csim=False, folder=tmp_path / "design")
    assert (found["outcome"], found["reason"]) == ("frames", "2 of 3 frames in the predicted cycle")


def test_it_goes_on_where_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that ended the process counts as a crash and is not tried again."""
    seen: list[int] = []

    def check(seed: int, index: int, **_: Any) -> dict[str, Any]:
        seen.append(index)
        return {"outcome": "exact", "interval": 1.0}

    monkeypatch.setattr(fuzz, "check", check)
    lines = [{"index": 0, "outcome": "exact", "interval": 1.0}, {"index": 1, "begun": True}]
    (tmp_path / "results-0.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = CliRunner().invoke(fuzz.main, ["--networks", "4", "--out", str(tmp_path)])
    assert seen == [2, 3]
    assert run.exit_code == 1
    assert "the process ended" in run.output
