# SPDX-License-Identifier: Apache-2.0
"""Delays of a family's primitives and nets, in ps; the tables with their sources are xcup.json and ecp5.json."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

from rtl4ml.errors import EnvironmentProblem


@dataclass(frozen=True)
class Lut:
    """A look-up table: its inputs, its output, and the delays of its pins, the fastest first."""

    inputs: tuple[str, ...]
    output: str
    pins: tuple[int, ...]


@dataclass(frozen=True)
class Kind:
    """What primitives of a kind do to time. Ports are named, with the bit where bits differ ("S[3]"), or without the
    number at their end where all are the same ("ADA" for ADA0, ADA1 …); delays are in ps.

    level:    levels of logic that a path gains in it
    clock_to: of registered outputs, from the clock; by the value of a parameter where it depends on one
    setup:    of registered inputs
    arcs:     from input to output; a list has a delay for each bit of the output, None where there is no path
    lut:      in place of arcs
    enter:    on the way from a net to an input, leave: from an output to a net; not of what is wired inside a slice
    chained:  the input by which primitives make one chain, which is one level
    enables:  inputs that are clock enables
    copied:   whether a copy stands beside each of the sinks of its output, and so is wired to each

    A flip-flop of 77 ps from clock to output whose data must be there 25 ps before the clock:
    Kind(("FDRE",), clock_to={"Q": 77}, setup={"D": 25, "CE": 60}, enables=("CE",))
    """

    types: tuple[str, ...]
    level: int = 0
    clock_to: Mapping[str, Any] = field(default_factory=dict)
    setup: Mapping[str, int] = field(default_factory=dict)
    arcs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    lut: Lut | None = None
    enter: Mapping[str, int] = field(default_factory=dict)
    leave: Mapping[str, int] = field(default_factory=dict)
    chained: str = ""
    enables: tuple[str, ...] = ()
    copied: bool = False


@dataclass(frozen=True)
class Family:
    """The delays of a family.

    source:  where they are published; assumed: what is not, and how paths are taken
    base, per_log2: a net of n sinks takes base + per_log2 * log2(n) ps
    wired:   connections inside a slice, which are no net: (kind, output, kind, input) to ps, where the output has one
             such sink
    """

    name: str
    device: str
    source: str
    assumed: tuple[str, ...]
    base: float
    per_log2: float
    kinds: Mapping[str, Kind]
    wired: Mapping[tuple[str, str, str, str], int]

    def net(self, sinks: int) -> float:
        """The delay of a net in ps."""
        return self.base + self.per_log2 * math.log2(max(1, sinks))

    @cached_property
    def _kind_of(self) -> dict[str, str]:
        return {t: name for name, k in self.kinds.items() for t in k.types}

    def of(self, primitive: str) -> str:
        """The name of the kind of a primitive, raises EnvironmentProblem where there is none."""
        plain = primitive.rsplit("\\", 1)[-1]  # $paramod…\r4_dsp_mac
        found = self._kind_of.get(plain)
        if found is None:
            raise EnvironmentProblem(f"Yosys: every primitive must be in the table of delays, not {plain}")
        return found


def numbered(table: Iterable[str], port: str) -> str | None:
    """The port as a table has it: by its name, or without the number at its end; None where it is not there."""
    if port in table:
        return port
    bare = port.rstrip("0123456789")
    return bare if bare in table else None


@cache
def family(name: str) -> Family:
    """The table of a family: "xcup" (UltraScale+) or "ecp5"."""
    said = json.loads((files("rtl4ml.sta") / f"{name}.json").read_text(encoding="utf-8"))
    return from_table(said)


def from_table(said: Mapping[str, Any]) -> Family:
    """A family from what its file says."""
    kinds = {}
    for kind, entries in said["kinds"].items():
        entries = dict(entries)
        if lut := entries.pop("lut", None):
            entries["lut"] = Lut(tuple(lut["inputs"]), lut["output"], tuple(lut["pins"]))
        entries["types"] = tuple(entries["types"])
        entries["enables"] = tuple(entries.get("enables", ()))
        kinds[kind] = Kind(**entries)
    return Family(
        name=said["family"],
        device=said["device"],
        source=said["source"],
        assumed=tuple(said["assumed"]),
        base=said["net"]["base"],
        per_log2=said["net"]["per_log2"],
        kinds=kinds,
        wired={(a, o, b, i): ps for a, o, b, i, ps in said["wired"]},
    )
