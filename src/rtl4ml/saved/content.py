# SPDX-License-Identifier: Apache-2.0
"""What is saved of a design: the integers of its network, its plan, its netlist, and what was predicted of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.bridge.project import HlsProject
from rtl4ml.device import Device
from rtl4ml.errors import BadInput, HlsCannot, named
from rtl4ml.frontends.functions import Floats, Function
from rtl4ml.frontends.network import Network
from rtl4ml.frontends.readings import Reading, reading
from rtl4ml.ir.graph import Graph
from rtl4ml.measurements import Cycles
from rtl4ml.netlist.netlist import Cell, Netlist, Relief, Wire
from rtl4ml.netlist.plan import Folding, Plan


@dataclass(frozen=True, kw_only=True, eq=False)
class SavedNetwork:
    """A `Network`. quantizers: their names; readings: how samples of each input become integers, None where only the
    model knows.
    """

    graph: Graph
    quantizers: tuple[str, ...]
    readings: tuple[Reading | None, ...]
    output: str
    cut: tuple[str, ...]
    declared: bool
    behind: str
    threshold: float | None
    opening: int | None
    whole: tuple[int, ...] | None

    @classmethod
    def of(cls, network: Network) -> SavedNetwork:
        """What is saved of a network."""
        return cls(
            graph=network.graph,
            quantizers=tuple(q.name for q in network.quantizers),
            readings=tuple(
                reading(q, s.type.fraction, partial(network.steps, k))
                for k, (q, s) in enumerate(zip(network.quantizers, network.graph.inputs, strict=True))
            ),
            output=network.output,
            cut=network.cut,
            declared=network.declared,
            behind=network.behind,
            threshold=network.threshold,
            opening=network.opening,
            whole=network.whole,
        )

    def network(self) -> Network:
        """The network again."""
        return Network(
            graph=self.graph,
            quantizers=tuple(
                _unread(name) if known is None else known.function(name)
                for name, known in zip(self.quantizers, self.readings, strict=True)
            ),
            output=self.output,
            cut=self.cut,
            declared=self.declared,
            behind=self.behind,
            threshold=self.threshold,
            opening=self.opening,
            whole=self.whole,
        )


def _unread(name: str) -> Function:
    """A quantizer that could not be saved."""

    def refuse(_: Floats) -> Floats:
        raise BadInput(
            f"{named('x')}: samples must be brought to integers by the model's own quantizer {name}, whose steps could "
            "not be saved, not by a saved design; emulate with the model, or convert with another input quantizer"
        )

    return Function(name=name, f32=refuse, f64=None)


@dataclass(frozen=True, kw_only=True, eq=False)
class Content:
    """All of it. Of the dataclasses in it their own modules say what each field means.

    skips:     the graph of the hardware where some of its skips have homes of their own, else None: the network's
    name:      what modules and images begin with, or ""
    state:     `Netlist.settled`
    hls_top:   the top function of the HLS project, "" where there is none
    refusals:  why there is none, a line a layer; none where there is one
    """

    network: SavedNetwork
    skips: Graph | None
    foldings: Mapping[str, Folding]
    device: Device
    shares: Mapping[str, float]
    cells: tuple[Cell, ...]
    inputs: tuple[Wire, ...]
    outputs: tuple[Wire, ...]
    state: NDArray[np.int64] | None
    relief: Relief
    cycles: Cycles
    name: str
    clock_mhz: float
    frames_in_flight: int
    budget: Mapping[str, float]
    target_interval: int | None
    excess: str | None
    part: str
    hls_top: str
    refusals: tuple[str, ...]

    @classmethod
    def of(
        cls,
        network: Network,
        plan: Plan,
        netlist: Netlist,
        cycles: Cycles,
        *,
        hls: HlsProject | HlsCannot,
        **values: Any,
    ) -> Content:
        """What is saved of a design. values: the fields that are the design's own, by name."""
        return cls(
            network=SavedNetwork.of(network),
            skips=None if plan.graph is network.graph else plan.graph,
            foldings=dict(plan.foldings),
            device=plan.device,
            shares=dict(plan.shares),
            cells=netlist.cells,
            inputs=netlist.inputs,
            outputs=netlist.outputs,
            state=netlist.settled,
            relief=netlist.relief,
            cycles=cycles,
            hls_top="" if isinstance(hls, HlsCannot) else hls.top,
            refusals=hls.texts if isinstance(hls, HlsCannot) else (),
            **values,
        )

    def plan(self) -> Plan:
        """The plan again."""
        return Plan(self.skips or self.network.graph, self.foldings, self.device, self.shares)

    def netlist(self, plan: Plan) -> Netlist:
        """The netlist again, of that plan."""
        cells = tuple(replace(c, device=plan.device) for c in self.cells)
        return Netlist(
            plan.graph,
            cells,
            self.inputs,
            self.outputs,
            settled=self.state,
            relief=self.relief,
            plan=plan,
        )
