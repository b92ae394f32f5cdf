# SPDX-License-Identifier: Apache-2.0
"""Homes of skips: where the features of a level wait for the join that reads them.

In block RAM, in DRAM, or nowhere: late skips let the input wait in their place and compute them once more.

A skip connection of a U-Net holds the features of a level until the levels below it are done. Of the first levels that
is most of the memory of a design: 64 channels of every pixel, where the input has 3. What leads from the input to the
skip is therefore copied, and the copy reads the input late. It computes the same integers, so nothing has to be proven;
it takes its multiplications a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from rtl4ml.errors import BadInput, named
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.op import Op
from rtl4ml.ir.types import Stream

Home = Literal["bram", "late", "dram"]
HOMES: tuple[Home, ...] = ("bram", "late", "dram")


def skips(graph: Graph) -> dict[str, Stream]:
    """Name of every join to its skip: the stream at the end of the shortest of the ways that lead to it.

    Joins of ways of equal length have none, nor those that an input itself comes to, nor those of ways from different
    inputs: there nothing has to wait, as an input may come later.

    In a U-Net, {"up1_concat": the features of level 1, ...}.
    """
    steps = {s.name: 0 for s in graph.inputs}
    origins = {s.name: frozenset({s.name}) for s in graph.inputs}
    found = {}
    for op in graph.ops:
        ways = [steps[s.name] for s in op.inputs]
        nearest = ways.index(min(ways))
        others = frozenset().union(*(origins[s.name] for k, s in enumerate(op.inputs) if k != nearest))
        if 0 < min(ways) < max(ways) and origins[op.inputs[nearest].name] & others:
            found[op.name] = op.inputs[nearest]
        steps[op.output.name] = 1 + max(ways)
        origins[op.output.name] = others | origins[op.inputs[nearest].name]
    return found


def with_homes(graph: Graph, homes: Mapping[str, Home] | Home) -> Graph:
    """The graph with the skips whose home is "late" computed a second time, each by operators of its own, and those
    whose home is "dram" in `Graph.spilled`, with those of the copies of their joins.

    homes: by name of the join or of its layer; one for all. A skip that is not named stays in memory ("bram").
    Raises BadInput where a name is no join with a skip.
    """
    known = skips(graph)
    if isinstance(homes, str):
        homes = dict.fromkeys(known, homes)
    chosen = {}
    for key, home in homes.items():
        join = next((op for op in graph.ops if op.name in known and key in (op.name, *op.layers)), None)
        if join is None:
            raise BadInput(
                f"{key}: {named('skips')} must name joins of a skip, not {key!r}; "
                f"joins: {', '.join(known) or 'none in this model'}"
            )
        chosen[join.name] = home
    in_dram = {join: known[join].name for join in known if chosen.get(join) == "dram"}
    for op in graph.ops:
        if chosen.get(op.name) == "late":
            graph, in_dram = _late(graph, op.name, known[op.name], in_dram)
    return replace(graph, spilled=tuple(in_dram.items())) if in_dram else graph


def _late(graph: Graph, join: str, skip: Stream, in_dram: Mapping[str, str]) -> tuple[Graph, dict[str, str]]:
    """The graph with copies of all operators that lead to `skip`, which one join reads in its place.

    in_dram: name of a join to that of its skip, where that waits in DRAM; returned with the copies of these joins
    """
    spilled = dict(in_dram)
    wanted, ops = {skip.name}, {op.output.name for op in graph.ops}
    for op in reversed(graph.ops):
        if op.output.name in wanted:
            wanted |= {s.name for s in op.inputs}
    taken = {op.name for op in graph.ops} | ops
    copies: dict[str, Stream] = {}
    out: list[Op] = []
    for op in graph.ops:
        if op.name == join:
            for source in (o for o in graph.ops if o.output.name in wanted):
                name = f"{source.name}_for_{join}"
                while name in taken:
                    name += "_again"
                taken.add(name)
                copy = replace(source, name=name, inputs=tuple(copies.get(s.name, s) for s in source.inputs))
                if (held := in_dram.get(source.name)) is not None:
                    spilled[name] = copies[held].name
                copies[source.output.name] = copy.output
                out.append(copy)
            op = replace(op, inputs=tuple(copies[s.name] if s.name == skip.name else s for s in op.inputs))
        out.append(op)
    return replace(graph, ops=tuple(out)), spilled
