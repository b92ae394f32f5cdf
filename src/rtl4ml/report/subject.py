# SPDX-License-Identifier: Apache-2.0
"""A design as its report sees it: values, and nothing that could be run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from rtl4ml.cells.streams import Fifo
from rtl4ml.device import Resources
from rtl4ml.frontends.network import Network
from rtl4ml.host.identity import Identity
from rtl4ml.ir.graph import Graph
from rtl4ml.measurements import Cycles, FrameTally, LayerTimes, Tally
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.netlist.plan import Plan
from rtl4ml.report.board_schema import OnBoard
from rtl4ml.report.clocks import PlaceAndRoute, Timing
from rtl4ml.report.provenance_schema import Provenance
from rtl4ml.report.schema import AfterSynthesis


@dataclass(frozen=True)
class Part:
    """A cell of a design.

    slots:       cycles a frame in which it works
    multipliers: products that it makes in a cycle, by multipliers, adders or shifts
    dsps:        DSP48E2 that the cell instantiates; None where only the cost model knows
    predicted:   resources by the cost model; counted: those by Yosys, None where it was not run

    A dense layer of 64 inputs and 16 outputs that makes 32 products a cycle, three to a DSP48E2:
    Part("dense", "r4_mvu", slots=32, multipliers=32, dsps=16, predicted=Resources(lut=286, ff=245, dsp=16))
    """

    layer: str
    module: str
    slots: int
    multipliers: int
    dsps: int | None
    predicted: Resources
    counted: Resources | None = None


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The values that a report is made of.

    reuse:       hls4ml's reuse factor of every operator with weights
    timing:      the entry `timing`, or None
    exactness:   comparisons with the reference by path; untouched: the entry `exactness.predict`
    reference:   what this reference is where it is not the model
    patterns:    patterns of random stalls
    measured:    latency and interval in the simulated RTL, None where they were not measured
    latencies:   of several outputs, the latency of each that was measured last, else none
    peaks:       most beats that each FIFO held
    refusals:    why there is no HLS project, a line a layer
    mapped:      the entry `netlist`, or None
    provenance:  the entry of that name, or None
    timeline:    when each layer works on the first frame, None where that is not known
    on_board:    the entry `board`, where there is a board's project; route: the entry `place_and_route`
    """

    folder: Path
    identity: Identity
    board: str
    part: str
    clock_mhz: float
    budget: Mapping[str, float]
    target_interval: int | None
    excess: str | None
    parsed: Network
    plan: Plan
    netlist: Netlist
    cycles: Cycles
    parts: Sequence[Part]
    reuse: Mapping[str, int]
    exactness: Mapping[str, Tally]
    untouched: Mapping[str, Any] | None
    stalled: Tally
    patterns: int
    measured: tuple[int | None, int | Fraction | None]
    frames: FrameTally
    peaks: Mapping[str, int]
    seconds: Mapping[str, float]
    refusals: Sequence[str]
    latencies: tuple[int, ...] = ()
    timing: Timing | None = None
    mapped: AfterSynthesis | None = None
    reference: str | None = None
    on_board: OnBoard | None = None
    route: PlaceAndRoute | None = None
    timeline: Sequence[LayerTimes] | None = None
    provenance: Provenance | None = None

    @property
    def graph(self) -> Graph:
        """The plan's graph."""
        return self.plan.graph

    @property
    def fifos(self) -> list[Fifo]:
        """The FIFOs of the netlist."""
        return [c for c in self.netlist.cells if isinstance(c, Fifo)]
