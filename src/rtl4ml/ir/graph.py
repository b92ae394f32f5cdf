# SPDX-License-Identifier: Apache-2.0
"""The graph of a network: operators in topological order, and the integers that they make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from rtl4ml.errors import BadInput, Rtl4mlError, UnsupportedLayer
from rtl4ml.ir.op import Op
from rtl4ml.ir.types import FLOAT32_EXACT, Ints, Stream


@dataclass(frozen=True)
class Graph:
    """Operators in topological order, from `inputs` to `outputs`, each of which has a stream of its own at the edge.

    output_names: of the outputs, as people know them; without any the names of the streams
    spilled: (name of an operator, name of a stream that it reads) of the streams that wait for it in DRAM
    """

    name: str
    inputs: tuple[Stream, ...]
    ops: tuple[Op, ...]
    outputs: tuple[Stream, ...]
    parameters: int = 0  # of the source model, as trained
    spilled: tuple[tuple[str, str], ...] = ()
    output_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        seen = {s.name for s in self.inputs}
        if len(seen) < len(self.inputs):
            raise ValueError(f"{self.name}: two inputs must not have one name, not {self.inputs[0].name}")
        if self.output_names and len(set(self.output_names)) != len(self.outputs):
            raise ValueError(f"{self.name}: outputs must have names of their own, not {self.output_names}")
        if len({op.name for op in self.ops}) < len(self.ops):
            names = [op.name for op in self.ops]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"{self.name}: two operators must not have one name, not {twice}")
        for op in self.ops:
            missing = [s.name for s in op.inputs if s.name not in seen]
            if missing:
                raise ValueError(f"{op.name}: reads {missing} before it is made")
            if op.output.name in seen:
                raise ValueError(f"{op.name}: stream {op.output.name} is made twice")
            seen.add(op.output.name)

    def __repr__(self) -> str:
        shapes = (", ".join(str(s.shape) for s in streams) for streams in (self.inputs, self.outputs))
        return f"<Graph {self.name}: {len(self.ops)} operators, {' to '.join(shapes)}>"

    def aside(self, hint: str) -> str:
        """A name for what surrounds the operators, such as an edge: the hint, or one with a number if that is taken."""
        taken = {s.name for s in self.inputs} | {n for op in self.ops for n in (op.name, op.output.name)}
        name, k = hint, 1
        while name in taken:
            k += 1
            name = f"{hint}_{k}"
        return name

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the AXI4-Stream ports of the inputs: s_axis, of several s_axis_<name>."""
        return _ports("s_axis", [s.name for s in self.inputs])

    @property
    def sinks(self) -> tuple[str, ...]:
        """Those of the outputs: m_axis, of several m_axis_<name>."""
        return _ports("m_axis", self.output_names or [s.name for s in self.outputs])

    @cached_property
    def origins(self) -> tuple[tuple[int, ...], ...]:
        """Of every output, the numbers of the inputs that it depends on."""
        found = {s.name: {k} for k, s in enumerate(self.inputs)}
        for op in self.ops:
            found[op.output.name] = set().union(*(found[s.name] for s in op.inputs))
        return tuple(tuple(sorted(found[s.name])) for s in self.outputs)

    def single(self, what: str, way_out: str) -> None:
        """Raises UnsupportedLayer where there are several inputs or outputs: `what` must have one of each."""
        if len(self.inputs) != 1 or len(self.outputs) != 1:
            raise UnsupportedLayer(
                f"{self.name}: {what} must have one input and one output, not {len(self.inputs)} and "
                f"{len(self.outputs)}; {way_out}"
            )

    @cached_property
    def makers(self) -> dict[str, Op]:
        """Stream name to the operator that makes it; the inputs have none."""
        return {op.output.name: op for op in self.ops}

    @cached_property
    def readers(self) -> dict[str, list[Op]]:
        """Stream name to the operators that read it."""
        out: dict[str, list[Op]] = {}
        for op in self.ops:
            for s in op.inputs:
                out.setdefault(s.name, []).append(op)
        return out

    def resized(self, rows: int, columns: int) -> Graph | None:
        """Operators of the same work on smaller frames; None where some operator works on frames of its own size only.

        Their values need not be those of the same network: this is for cycles, which do not depend on values.
        """
        if len(self.inputs) != 1 or len(self.inputs[0].shape) != 3:
            return None
        try:
            return self._remade(rows, columns, lambda op, inputs: replace(op, inputs=inputs))
        except Rtl4mlError:
            return None

    def of_frames(self, rows: int, columns: int) -> Graph:
        """The same operators on frames of another size, each as `Op.of_frames` has it.

        Raises an Rtl4mlError that names an operator that works on frames of its own size only.
        """
        return self._remade(rows, columns, lambda op, inputs: op.of_frames(inputs))

    def _remade(self, rows: int, columns: int, make: Callable[[Op, tuple[Stream, ...]], Op]) -> Graph:
        """The graph with every operator made anew for its inputs on other frames."""
        (given,) = self.inputs
        source = replace(given, shape=(rows, columns, given.channels)[3 - len(given.shape) :])
        streams = {given.name: (given, source)}  # as it is here and there
        ops = []

        def there(s: Stream) -> Stream:
            old, new = streams[s.name]
            return new if s == old else replace(s, shape=new.shape)  # the same integers on a grid of its own

        for op in self.ops:
            new = make(op, tuple(there(s) for s in op.inputs))
            streams[op.output.name] = (op.output, new.output)
            ops.append(new)
        return replace(self, inputs=(source,), ops=tuple(ops), outputs=tuple(map(there, self.outputs)))

    @property
    def macs(self) -> int:
        return sum(op.macs for op in self.ops)

    @property
    def weight_bits(self) -> int:
        return sum(op.weight_bits for op in self.ops)

    @property
    def float32_exact(self) -> bool:
        """Whether float32 holds every partial sum, so that QKeras's own predict is the reference."""
        return all(op.bound <= FLOAT32_EXACT for op in self.ops)

    def emulate(self, x: Sequence[Ints], batch: int = 4096) -> list[Ints]:
        """Exact integers of every output for integer inputs (N, *shape), operator by operator in int64.

        This is the definition; `rtl4ml.emulation.batches.emulate` has the same numbers several times as fast.
        """
        for s, a in zip(self.inputs, x, strict=True):
            if a.shape[1:] != s.shape:
                raise BadInput(
                    f"{s.name}: the input must have shape (N, {', '.join(map(str, s.shape))}), not {a.shape}"
                )
        size = max(1, min(batch, int(2**24 / max(1, max(op.output.elements for op in self.ops)))))
        n = len(x[0])
        out = [np.empty((n, *s.shape), np.int64) for s in self.outputs]
        last = {s.name: i for i, op in enumerate(self.ops) for s in op.inputs}
        keep = {s.name for s in self.outputs}
        for i in range(0, n, size):
            values = {s.name: a[i : i + size] for s, a in zip(self.inputs, x, strict=True)}
            for k, op in enumerate(self.ops):
                values[op.output.name] = op.golden(*(values[s.name] for s in op.inputs))
                for s in op.inputs:  # free what nobody reads any more
                    if last[s.name] == k and s.name not in keep:
                        values.pop(s.name, None)
            for o, s in zip(out, self.outputs, strict=True):
                o[i : i + size] = values[s.name]
        return out


def _ports(axis: str, names: Sequence[str]) -> tuple[str, ...]:
    return (axis,) if len(names) == 1 else tuple(f"{axis}_{name}" for name in names)
