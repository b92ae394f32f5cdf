# SPDX-License-Identifier: Apache-2.0
"""An interval that was asked for is met, or a design, its report, its page and the command line say why it is not."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from contract import randomize
from pages import SCHEMA, Page

import rtl4ml
from rtl4ml.design import Design
from rtl4ml.host import frameworks
from rtl4ml.measurements import Cycles
from rtl4ml.timing.excess import excess


def two() -> Any:
    """Two convolutions, the second one's multipliers the busier."""
    layers, q = frameworks.keras().layers, frameworks.qkeras()
    weights = {"kernel_quantizer": "quantized_bits(4,0,alpha=1)", "use_bias": False}
    made = frameworks.keras().Sequential([
        layers.Input((16, 2)),
        q.QActivation("quantized_bits(8,0,0,alpha=1)", name="first"),
        q.QConv1D(4, 3, padding="same", name="conv1", **weights),
        q.QActivation("quantized_relu(4,1)", name="act1"),
        q.QConv1D(4, 3, padding="same", name="conv2", **weights),
    ])  # fmt: skip
    return randomize(made, np.random.default_rng(1))


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Design:
    """768 multiply-accumulates, one a cycle."""
    return rtl4ml.convert(
        two(), tmp_path_factory.mktemp("x") / "d", target_interval=100, foldings={"conv2": (1, 1)}
    )


def test_a_folding_by_hand_is_the_cause(by_hand: Design) -> None:
    assert by_hand.cycles.interval == 768
    assert by_hand.target_interval == 100
    assert by_hand.excess == "conv2 folded by hand needs 768"
    found = by_hand.report()
    jsonschema.validate(found, SCHEMA)
    assert found["cycles"]["target"] == 100
    assert found["cycles"]["excess"] == "conv2 folded by hand needs 768"
    text = Page((by_hand.folder / "report.html").read_text(encoding="utf-8")).text
    assert "Slower than asked for : asked for 100; conv2 folded by hand needs 768." in text
    assert "one sample every 768 cycles, predicted; asked for 100; conv2 folded by hand needs 768." in text
    assert "the slowest sets the interval of the whole" in text


@pytest.mark.parametrize(
    ("target", "foldings"), [(100, None), (None, {"conv2": (1, 1)}), (768, {"conv2": (1, 1)})]
)
def test_a_target_that_is_met_has_no_excess(
    target: int | None, foldings: dict[str, tuple[int, int]] | None, tmp_path: Path
) -> None:
    design = rtl4ml.convert(two(), tmp_path / "d", target_interval=target, foldings=foldings)
    assert target is None or design.cycles.interval <= target
    assert design.target_interval == target
    assert design.excess is None
    found = design.report()["cycles"]
    assert (found["target"], found["excess"]) == (target, None)
    assert "Slower than asked for" not in (tmp_path / "d" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("bottleneck", "interval", "hand", "said"),
    [
        ("u_conv2", 1024, {"conv2"}, "conv2 folded by hand needs 1,024"),
        ("u_conv2", 1024, {"conv1"}, "conv2 beside layers folded by hand needs 1,024"),
        ("s_axis", 1024, set(), "the input needs 1,024"),
        (
            "u_conv2",
            Fraction(2051, 2),
            {"conv2"},
            "conv2 folded by hand needs 1,024; cells hold each other up: frames come 1,025.5 cycles apart, the slowest "
            "cell, in conv2, needs 1,024",
        ),
    ],
)
def test_every_cause_has_its_words(
    bottleneck: str, interval: int | Fraction, hand: set[str], said: str, by_hand: Design
) -> None:
    net = by_hand.netlist
    name = (
        next((c.name for c in net.cells if c.layer == "conv2"), "") if bottleneck != "s_axis" else bottleneck
    )
    found = Cycles(9, interval, {name: 1024}, name)
    assert excess(net, found, 748, hand) == said
    assert excess(net, found, 1026, hand) is None
    assert excess(net, found, None, hand) is None


def test_cells_that_hold_each_other_up_are_the_cause_alone(by_hand: Design) -> None:
    name = next(c.name for c in by_hand.netlist.cells if c.layer == "conv2")
    assert excess(by_hand.netlist, Cycles(9, 751, {name: 748}, name), 748, set()) == (
        "cells hold each other up: frames come 751 cycles apart, the slowest cell, in conv2, needs 748"
    )


@pytest.mark.parametrize(
    ("known", "want", "said"),
    [
        (
            {"interval": Fraction(37, 3), "gaps": (13, 13, 11)},
            {"gaps": {"frames": 3, "least": 11, "most": 13, "first": [13, 13, 11]}, "observed": None},
            "The predicted interval, 12.33, is a mean: frames come 13, 13 and 11 cycles apart, over and over again.",
        ),
        (
            {"gaps": (768,) * 20 + (770,)},
            {"gaps": {"frames": 21, "least": 768, "most": 770, "first": [768] * 16}},
            "frames come 768 to 770 cycles apart, in an order that repeats after 21.",
        ),
        (
            {"observed": (37, 48)},
            {"gaps": None, "observed": {"first": 37, "last": 48}},
            "No repetition was found in the first 48 frames: the predicted interval is the longest gap between frames "
            "37 to 48, later ones may differ.",
        ),
        (
            {"narrower": ((128, 16), (128, 32))},
            {"narrower": [{"rows": 128, "columns": 16}, {"rows": 128, "columns": 32}]},
            "its interval is extrapolated from those of 128 x 16 and 128 x 32.",
        ),
    ],
)
def test_how_an_interval_is_known_is_reported(
    known: dict[str, Any], want: dict[str, Any], said: str, by_hand: Design, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_hand, "cycles", replace(by_hand.cycles, **known))
    found = by_hand.report()
    jsonschema.validate(found, SCHEMA)
    assert {k: found["cycles"][k] for k in want} == want
    assert said in Page((by_hand.folder / "report.html").read_text(encoding="utf-8")).text
