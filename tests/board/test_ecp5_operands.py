# SPDX-License-Identifier: Apache-2.0
"""Signed operands in the upper bits of multipliers: what moves, and that the product moves alike."""

from __future__ import annotations

from typing import Any

import pytest

from rtl4ml.board.ecp5.operands import raise_operands

A, B, P = 100, 200, 300  # nets of bit 0


def design(a_bits: int, b_bits: int, top: int, *, signed: str = "1") -> dict[str, Any]:
    """A multiplier of two operands of so many bits whose bits 0 to `top` of the product are read.

    signed: what stands at SIGNEDA; SIGNEDB is high
    """
    has: dict[str, list[int | str]] = {f"A{i}": [A + min(i, a_bits - 1)] for i in range(18)}
    has |= {f"B{i}": [B + min(i, b_bits - 1)] for i in range(18)}
    has |= {f"P{i}": [P + i] for i in range(36)}
    has |= {"SIGNEDA": [signed], "SIGNEDB": ["1"]}
    m = {
        "type": "MULT18X18D",
        "parameters": {},
        "connections": has,
        "port_directions": {p: "output" if p[0] == "P" else "input" for p in has},
    }
    port = {"direction": "output", "bits": [P + i for i in range(top + 1)]}
    return {"modules": {"top": {"ports": {"y": port}, "cells": {"m": m}}}}


def values(has: dict[str, list[int | str]], a: int, b: int) -> dict[int | str, int]:
    """By net, the bits of the product where the nets of the operands have the bits of two numbers."""
    nets: dict[int | str, int] = {"0": 0, "1": 1}
    nets |= {A + i: a >> i & 1 for i in range(18)} | {B + i: b >> i & 1 for i in range(18)}
    taken = [sum(nets[has[f"{side}{i}"][0]] << i for i in range(18)) for side in "AB"]
    x, y = (v - (v >> 17 << 18) for v in taken)
    return {has[f"P{i}"][0]: x * y >> i & 1 for i in range(36)}


@pytest.mark.parametrize(
    ("a_bits", "b_bits", "top", "by"),
    [(8, 9, 16, 19), (8, 9, 17, 18), (8, 9, 35, 0), (18, 18, 35, 0), (18, 5, 22, 13), (1, 18, 17, 17)],
)
def test_signs_come_once_and_the_product_is_the_same(a_bits: int, b_bits: int, top: int, by: int) -> None:
    netlist = design(a_bits, b_bits, top)
    assert raise_operands(netlist) == by
    has = netlist["modules"]["top"]["cells"]["m"]["connections"]
    assert sum(bit == ["0"] for p, bit in has.items() if p[0] in "AB") == by
    assert {has[f"P{i}"][0] for i in range(36)} == {P + i for i in range(36)}
    for a in (-(1 << (a_bits - 1)), -1, 0, (1 << (a_bits - 1)) - 1):
        for b in (-(1 << (b_bits - 1)), -1, 1, (1 << (b_bits - 1)) - 1):
            found = values(has, a, b)
            assert [found[P + i] for i in range(top + 1)] == [a * b >> i & 1 for i in range(top + 1)], (a, b)


def test_an_operand_without_sign_stays() -> None:
    netlist = design(18, 8, 25, signed="0")
    netlist["modules"]["top"]["cells"]["m"]["connections"] |= {f"A{i}": [A] for i in range(18)}
    assert raise_operands(netlist) == 10
    has = netlist["modules"]["top"]["cells"]["m"]["connections"]
    assert all(has[f"A{i}"] == [A] for i in range(18))
