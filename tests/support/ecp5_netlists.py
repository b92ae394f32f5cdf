# SPDX-License-Identifier: Apache-2.0
"""Netlists of LUTs and flip-flops as Yosys' `write_json` has them, and what they do, cycle by cycle.

The values follow from what Lattice's documents say of a slice: no code of the passes is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

CLOCK = 2  # net
_OUTPUTS = ("Z", "Q")


def cell(kind: str, parameters: dict[str, str], **pins: int | str) -> dict[str, Any]:
    return {
        "type": kind,
        "parameters": parameters,
        "connections": {p: [b] for p, b in pins.items()},
        "port_directions": {p: "output" if p in _OUTPUTS else "input" for p in pins},
    }


def lut(init: int, a: int | str, b: int | str, c: int | str, d: int | str, z: int) -> dict[str, Any]:
    return cell("LUT4", {"INIT": f"{init:016b}"}, A=a, B=b, C=c, D=d, Z=z)


def register(
    di: int | str, q: int, *, ce: int = 0, lsr: int | str = "0", regset: str = "RESET"
) -> dict[str, Any]:
    """A flip-flop; ce: the net that enables it, 0 for one that always moves."""
    how = {
        "CEMUX": "CE" if ce else "1",
        "CLKMUX": "CLK",
        "LSRMUX": "LSR",
        "REGSET": regset,
        "SRMODE": "LSR_OVER_CE",
    }
    return cell("TRELLIS_FF", how, CLK=CLOCK, DI=di, LSR=lsr, Q=q, **({"CE": ce} if ce else {}))


def netlist(cells: dict[str, Any], outputs: Sequence[int] = ()) -> dict[str, Any]:
    return {
        "modules": {"top": {"ports": {"y": {"direction": "output", "bits": list(outputs)}}, "cells": cells}}
    }


def run(made: dict[str, Any], inputs: Sequence[int], values: np.ndarray[Any, Any]) -> list[dict[Any, int]]:
    """All nets' values in every cycle; flip-flops begin at 0. values: (cycles, inputs)."""
    cells = list(made["modules"]["top"]["cells"].values())
    registers = [c for c in cells if c["type"] == "TRELLIS_FF"]
    luts = [c for c in cells if c["type"] == "LUT4"]
    state = {c["connections"]["Q"][0]: 0 for c in registers}
    found = []
    for row in values:
        known: dict[Any, int] = {"0": 0, "1": 1, **state, **dict(zip(inputs, map(int, row), strict=True))}
        left = luts
        while left:
            ready = [c for c in left if all(c["connections"][p][0] in known for p in "ABCD")]
            assert ready, "a ring of LUTs"
            for c in ready:
                at = sum(known[c["connections"][p][0]] << i for i, p in enumerate("ABCD"))
                known[c["connections"]["Z"][0]] = int(c["parameters"]["INIT"], 2) >> at & 1
            left = [c for c in left if c not in ready]
        for c in registers:
            has, how = c["connections"], c["parameters"]
            reset = known[has["LSR"][0]] ^ (how["LSRMUX"] == "INV")
            if reset:
                state[has["Q"][0]] = int(how["REGSET"] == "SET")
            elif how["CEMUX"] != "CE" or known[has["CE"][0]]:
                state[has["Q"][0]] = known[has["DI"][0]]
        found.append(known)
    return found
