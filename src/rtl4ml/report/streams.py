# SPDX-License-Identifier: Apache-2.0
"""The report's entry "streams": what the AXI4-Stream ports of a design of several carry."""

from __future__ import annotations

from rtl4ml.ir.types import Stream
from rtl4ml.netlist.netlist import Wire
from rtl4ml.report import schema
from rtl4ml.report.subject import Subject


def streams(design: Subject) -> schema.Streams | None:
    """A line for each input and each output, as they come; None for a design with one of each."""
    graph, net, cycles = design.graph, design.netlist, design.cycles
    if len(net.inputs) == len(net.outputs) == 1:
        return None
    model = cycles.outputs or (cycles.latency,)
    rtl = design.latencies or (None,) * len(model)
    return {
        "inputs": [_port(*p) for p in zip(net.sources, net.inputs, graph.inputs, strict=True)],
        "outputs": [
            {**_port(port, wire, stream), "latency": {"model": m, "rtl": r}}
            for port, wire, stream, m, r in zip(
                net.sinks, net.outputs, graph.outputs, model, rtl, strict=True
            )
        ],
    }


def _port(port: str, wire: Wire, stream: Stream) -> schema.Port:
    return {
        "port": port,
        "shape": list(stream.shape),
        "type": str(stream.type),
        "beats": wire.beats,
        "lanes": wire.lanes,
    }
