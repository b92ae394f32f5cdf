# SPDX-License-Identifier: Apache-2.0
"""Test vectors of a design: beats of its AXI4-Stream ports in hexadecimal, and what must come out.

A line is a beat: TDATA as one number, lane 0 in the lowest bits, each element in its container (`interface.json`).
`$readmemh` reads it, so does `int(line, 16)`. A frame is as many lines as its port has beats. Of several inputs each
has a file of its own, input_<name>.hex, and of several outputs expected_<name>.hex.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rtl4ml.cells.axis import container
from rtl4ml.emulation.batches import emulate
from rtl4ml.host.tools import disk_errors
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.types import Ints
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.netlist import Netlist, Wire

INPUT, EXPECTED = "input.hex", "expected.hex"
# What the vectors of a conversion may take: frames, multiplications and moves of elements, bytes of both files.
MOST_FRAMES, MOST_WORK, MOST_BYTES = 8, 2**27, 2**20


@dataclass(frozen=True, eq=False)
class Vectors:
    """Integers of frames (N, *input shape) of every input, and of what the design makes of them (N, *output shape)."""

    x: tuple[Ints, ...]
    y: tuple[Ints, ...]


def affordable(netlist: Netlist) -> int:
    """How many frames of vectors a conversion writes; 0 where even one would take long or be large."""
    graph = netlist.graph
    work = graph.macs + sum(op.output.elements for op in graph.ops)
    size = sum(w.beats * (_digits(w) + 1) for w in (*netlist.inputs, *netlist.outputs))
    return min(MOST_FRAMES, MOST_WORK // max(1, work), MOST_BYTES // size)


def random_vectors(graph: Graph, frames: int, seed: int = 0) -> Vectors:
    """Frames of integers over the whole range of the input, its ends included, and their results by emulation.

    seed: fixes them all; a longer series begins with a shorter one of the same seed
    """
    x = tuple(np.empty((frames, *s.shape), np.int64) for s in graph.inputs)
    for n in range(frames):
        draw = np.random.default_rng([seed, n])
        for a, source in zip(x, graph.inputs, strict=True):
            a[n] = draw.integers(source.lo, source.hi, source.shape, endpoint=True)
            ends = draw.random(source.shape)
            a[n][ends < 1 / 32] = source.lo
            a[n][ends > 31 / 32] = source.hi
    made = zip(emulate(graph, x, [lambda a: a] * len(x)), graph.outputs, strict=True)
    y = (np.rint(real / s.type.step).astype(np.int64).reshape(frames, *s.shape) for real, s in made)
    return Vectors(x, tuple(y))


def file_of(port: str) -> str:
    """The file of a port's beats."""
    kind = INPUT if port.startswith("s_axis") else EXPECTED
    return kind.replace(".hex", f"{port[len('s_axis') :]}.hex")


def write(vectors: Vectors, netlist: Netlist, folder: Path) -> None:
    """Writes input.hex and expected.hex, or those of each port, into a folder.

    Raises EnvironmentProblem where that cannot be written.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        ports = (*netlist.sources, *netlist.sinks)
        wires, values = (*netlist.inputs, *netlist.outputs), (*vectors.x, *vectors.y)
        for port, wire, a in zip(ports, wires, values, strict=True):
            (folder / file_of(port)).write_text(beats(a, wire), encoding="ascii")


def beats(values: Ints, wire: Wire) -> str:
    """Integers of frames as lines of beats."""
    rows = values.reshape(-1, wire.lanes)
    return Image.pack(rows, container(wire.bits)).text() if len(rows) else ""


def elements(text: str, wire: Wire) -> Ints:
    """(frames * beats, lanes) integers of lines of beats: what `beats` wrote."""
    bits = container(wire.bits)
    raw = b"".join(int(line, 16).to_bytes(wire.lanes * bits // 8, "little") for line in text.split())
    kind = f"<{'i' if wire.signed else 'u'}{bits // 8}"
    return np.frombuffer(raw, kind).astype(np.int64).reshape(-1, wire.lanes)


def _digits(wire: Wire) -> int:
    return wire.lanes * container(wire.bits) // 4
