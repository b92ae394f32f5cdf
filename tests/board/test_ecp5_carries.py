# SPDX-License-Identifier: Apache-2.0
"""LUTs before carry chains: what moves into a chain adds as before, and what cannot move stays."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import equivalence
import numpy as np
import pytest

from rtl4ml.board.ecp5.carries import absorb
from rtl4ml.netlist.netlist import Param
from rtl4ml.synthesis.yosys import Unit

ADDER = 0b1001_0110_1010_1010
CARRY, LEFT, RIGHT = 2, 3, 4  # nets
FIRST = 10  # of the LUTs' inputs


def lut(output: int, init: int, pins: list[int | str]) -> dict[str, Any]:
    has = {pin: [bit] for pin, bit in zip("ABCD", pins, strict=True)} | {"Z": [output]}
    return {
        "type": "LUT4",
        "parameters": {"INIT": f"{init:016b}"},
        "connections": has,
        "port_directions": {p: "output" if p == "Z" else "input" for p in has},
    }


def chain(a: int | str, b: int | str, inverted: str) -> dict[str, Any]:
    """A carry cell that adds one bit of each; its upper half is not used."""
    pins = {
        "A0": a,
        "B0": b,
        "C0": inverted,
        "D0": "1",
        "A1": "0",
        "B1": "0",
        "C1": "0",
        "D1": "1",
        "CIN": CARRY,
    }
    has = {pin: [bit] for pin, bit in pins.items()} | {"S0": [5], "S1": [6], "COUT": [7]}
    return {
        "type": "CCU2C",
        "parameters": {f"INIT{h}": f"{ADDER:016b}" for h in "01"} | {f"INJECT1_{h}": "NO" for h in "01"},
        "connections": has,
        "port_directions": {p: "output" if p in ("S0", "S1", "COUT") else "input" for p in has},
    }


def design(cells: dict[str, Any], outputs: tuple[int, ...] = (5, 7)) -> dict[str, Any]:
    return {
        "modules": {"top": {"ports": {"y": {"direction": "output", "bits": list(outputs)}}, "cells": cells}}
    }


def value(netlist: dict[str, Any], nets: dict[int | str, int]) -> tuple[int, int]:
    """Sum and carry of the chain's lower half, as the primitive makes them: by its LUT, and where no carry passes by
    the lowest four bits of that, which A and B choose.
    """
    cells = netlist["modules"]["top"]["cells"]
    known = {"0": 0, "1": 1} | nets

    def read(init: str, bits: list[int | str]) -> int:
        return int(init, 2) >> sum(known[b] << i for i, b in enumerate(bits)) & 1

    for c in cells.values():
        if c["type"] == "LUT4":
            known[c["connections"]["Z"][0]] = read(
                c["parameters"]["INIT"], [c["connections"][p][0] for p in "ABCD"]
            )
    (c,) = (c for c in cells.values() if c["type"] == "CCU2C")
    pins = [c["connections"][f"{p}0"][0] for p in "ABCD"]
    passes = read(c["parameters"]["INIT0"], pins)
    goes_on = read(c["parameters"]["INIT0"][-4:], pins[:2])
    return passes ^ known[CARRY], known[CARRY] if passes else goes_on


def same(one: dict[str, Any], other: dict[str, Any], inputs: list[int]) -> bool:
    """Whether the netlists do the same with all values of the inputs."""
    return all(
        value(one, dict(zip(nets, values, strict=True))) == value(other, dict(zip(nets, values, strict=True)))
        for nets in [[*inputs, CARRY]]
        for values in itertools.product((0, 1), repeat=len(nets))
    )


def table(rng: np.random.Generator, inputs: int) -> tuple[int, list[int | str]]:
    """A random LUT of so many inputs, in any order, the others constant."""
    pins: list[int | str] = [*range(FIRST, FIRST + inputs), *rng.choice(["0", "1"], 4 - inputs).tolist()]
    return int(rng.integers(2**16)), [pins[i] for i in rng.permutation(4)]


@pytest.mark.parametrize("inverted", ["0", "1"])
@pytest.mark.parametrize("inputs", [(2, 0), (0, 2), (3, 0), (0, 3), (2, 2), (1, 3), (4, 0)])
def test_what_moves_adds_as_before(inputs: tuple[int, int], inverted: str, rng: np.random.Generator) -> None:
    """LUTs before either summand, or one beside a plain net; those of two inputs before the second summand all move."""
    for _ in range(60):
        cells = {"chain": chain(LEFT if inputs[0] else 8, RIGHT if inputs[1] else 9, inverted)}
        nets = [8, 9]
        for side, net, first in ((0, LEFT, 0), (1, RIGHT, 4)):
            if inputs[side]:
                init, pins = table(rng, inputs[side])
                cells[f"l{side}"] = lut(net, init, [b if isinstance(b, str) else b + first for b in pins])
                nets += range(FIRST + first, FIRST + first + inputs[side])
        before, after = design(cells), json.loads(json.dumps(design(cells)))
        saved = absorb(after)
        assert len(after["modules"]["top"]["cells"]) == len(cells) - saved
        assert same(before, after, nets)
        if inputs in ((0, 2), (2, 0)):
            assert saved == 1


def mask(output: int, of: int) -> dict[str, Any]:
    """A LUT that gives one net where another is high."""
    return lut(output, 0x8888, [of, of + 1, "0", "0"])


def test_a_masked_summand_on_either_side() -> None:
    """The two rows of a product that are added first: four nets on four pins."""
    cells = {"chain": chain(LEFT, RIGHT, "0"), "a": mask(LEFT, 10), "b": mask(RIGHT, 12)}
    before, after = design(cells), json.loads(json.dumps(design(cells)))
    assert absorb(after) == 2
    assert list(after["modules"]["top"]["cells"]) == ["chain"]
    assert same(before, after, [10, 11, 12, 13])


def test_a_summand_of_two_chains_moves_into_both() -> None:
    cells = {"one": chain(8, RIGHT, "0"), "two": chain(9, RIGHT, "0"), "b": mask(RIGHT, 12)}
    netlist = design(cells)
    assert absorb(netlist) == 1
    assert list(netlist["modules"]["top"]["cells"]) == ["one", "two"]


def _at_a_port(cells: dict[str, Any]) -> tuple[int, ...]:
    return (5, 7, RIGHT)


def _second_reader(cells: dict[str, Any]) -> tuple[int, ...]:
    cells["l"] = lut(30, 0x8888, [RIGHT, 9, "0", "0"])
    return (5, 7, 30)


def _turns(cells: dict[str, Any]) -> tuple[int, ...]:
    cells["chain"]["connections"]["C0"] = [31]
    return (5, 7)


def _other_chain(cells: dict[str, Any]) -> tuple[int, ...]:
    cells["other"] = chain(8, RIGHT, "0") | {
        "parameters": cells["chain"]["parameters"] | {"INJECT1_0": "YES"}
    }
    return (5, 7)


def _both_summands(cells: dict[str, Any]) -> tuple[int, ...]:
    cells["chain"]["connections"]["A0"] = [RIGHT]
    return (5, 7)


@pytest.mark.parametrize("spoil", [_at_a_port, _second_reader, _turns, _other_chain, _both_summands])
def test_others_stay(spoil: Any) -> None:
    cells = {"chain": chain(8, RIGHT, "0"), "b": mask(RIGHT, 12)}
    outputs = spoil(cells)
    netlist = design(cells, outputs)
    before = json.dumps(netlist)
    assert absorb(netlist) == 0
    assert json.dumps(netlist) == before


@pytest.mark.parametrize("signed", [0, 1])
def test_products_are_proven_to_stay_the_same(signed: int, tmp_path: Path) -> None:
    """The netlist of r4_dot_lut with its rows moved into the adders, against the RTL, for ever."""
    sizes: dict[str, Param] = {"Simd": 3, "XWidth": 6, "WeightWidth": 4, "ProdWidth": 10, "SumWidth": 12}
    unit = Unit("dot", "", "r4_dot_lut", {**sizes, "XSigned": signed, "RowElements": 1})
    equivalence.synthesize(unit, tmp_path)
    assert equivalence.change(tmp_path, absorb) > 40
    assert equivalence.equivalent(tmp_path)
