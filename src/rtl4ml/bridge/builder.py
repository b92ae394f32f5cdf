# SPDX-License-Identifier: Apache-2.0
"""hls4ml's list of layers, filled layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.bridge.precision import precision
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.types import Fixed, Ints, Stream
from rtl4ml.netlist.plan import Plan

Real = NDArray[np.float64]


# What hls4ml's passes put before the name of a layer for a layer of their own.
PASSES = ("clone_", "repack_", "zp1d_", "zp2d_", "bnbt_")


@dataclass(frozen=True)
class HlsLayer:
    """One layer of the project: what it does for which operator, and how its multipliers are shared.

    A dense layer of 24 products of which 4 are made at once:
    HlsLayer("dense", "Dense", "dense", "fixed<14,7>", strategy="Resource", reuse_factor=6)
    """

    name: str
    kind: str
    operator: str
    result: str
    strategy: str = ""
    reuse_factor: int = 1


@dataclass(frozen=True)
class Node:
    """A layer of the list, as its readers see it: its name, the type and shape of its result.

    precision: hls4ml's name of the type with the modes of its assignment, such as "ufixed<4,1,RND_CONV,SAT>"
    """

    name: str
    type: Fixed
    shape: tuple[int, ...]
    precision: str


@dataclass(frozen=True, eq=False)
class Expected:
    """The types, weights and strategy that a layer must have after hls4ml's passes.

    types:   hls4ml's names of types by what has them: {"result": "fixed<14,7>", "weight": "fixed<4,1>"}
    weights: real numbers by what they are: {"weight": (3, 2, 4), "bias": (4,)}
    """

    types: Mapping[str, str]
    weights: Mapping[str, Real]
    reuse: int
    strategy: str


@dataclass
class LayerBuilder:
    """hls4ml's list of layers and their configuration, while they are made of a graph and its foldings.

    entries:  the list as hls4ml's own parser would give it
    config:   hls4ml's configuration by layer
    expected: what the layers must have in the end
    report:   a line for each layer
    inputs, outputs: the names of the layers at the ends
    operator: name of the operator at hand, for messages and for the report: that of its last Keras layer if it has any
    """

    plan: Plan
    entries: list[dict[str, Any]] = field(default_factory=list)
    config: dict[str, dict[str, Any]] = field(default_factory=dict)
    expected: dict[str, Expected] = field(default_factory=dict)
    report: list[HlsLayer] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    operator: str = ""
    _nodes: dict[str, Node] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=lambda: {"input"})

    @property
    def graph(self) -> Graph:
        """The graph of the plan."""
        return self.plan.graph

    def name(self, hint: str) -> str:
        """A name that no other layer has, nor gets from hls4ml's passes, whatever its case."""
        name, k = hint, 1
        while not self._taken.isdisjoint(forms := {f"{p}{name}".lower() for p in ("", *PASSES)}):
            k += 1
            name = f"{hint}_{k}"
        self._taken |= forms
        return name

    def add_input(self, s: Stream) -> None:
        """Appends the layer of an input of the graph."""
        hint = "model_input" if s.name.lower() == "input" else s.name
        self.operator = s.name
        node = self.add(
            "InputLayer", hint, [], s.type, s.shape, input_shape=list(s.shape), data_format="channels_last"
        )
        self.inputs.append(node.name)
        self.define(s, node)

    def add(
        self,
        kind: str,
        hint: str,
        inputs: Sequence[Node],
        t: Fixed,
        shape: tuple[int, ...],
        *,
        result: str = "",
        types: Mapping[str, str] | None = None,
        weights: Mapping[str, Real] | None = None,
        strategy: str = "",
        reuse: int = 1,
        **attributes: Any,
    ) -> Node:
        """Appends a layer with a name like `hint`, whose result has the type `t`.

        result: hls4ml's name of that type where its assignment rounds or saturates
        types, weights: of its accumulator, weights and bias, as in `Expected`
        attributes: whatever else hls4ml asks of this kind of layer
        """
        name = self.name(hint)
        result = result or precision(t)
        expected = Expected({"result": result, **(types or {})}, weights or {}, reuse, strategy)
        self.config[name] = {"Precision": dict(expected.types), "ReuseFactor": reuse}
        if strategy:
            self.config[name]["Strategy"] = strategy
        entry = {"class_name": kind, "name": name, "inputs": [n.name for n in inputs], **attributes}
        for what, data in expected.weights.items():
            entry[f"{what}_data"] = data.copy()  # hls4ml keeps the array; ours is what it is compared with
        self.entries.append(entry)
        self.expected[name] = expected
        self.report.append(HlsLayer(name, kind, self.operator, result, strategy, reuse))
        return Node(name, t, shape, result)

    def add_cell(
        self,
        cell: str,
        hint: str,
        x: Node,
        t: Fixed,
        shape: tuple[int, ...],
        *,
        constants: Mapping[str, int] | None = None,
        tables: Mapping[str, tuple[Real, str]] | None = None,
    ) -> Node:
        """Appends a function of our own header, nnet_rtl4ml.h."""
        return self.add(
            "R4Cell", hint, [x], t, shape,
            cell=cell, out_shape=shape, constants={"n_pixels": prod(shape[:-1]), **(constants or {})},
            tables=tables or {},
        )  # fmt: skip

    def define(self, s: Stream, node: Node) -> None:
        """Says which layer makes a stream."""
        self._nodes[s.name] = node

    def read(self, s: Stream) -> Node:
        """The layer that makes a stream, on the grid on which the reader takes its integers."""
        node = self._nodes[s.name]
        if node.type.fraction == s.type.fraction:
            return node
        t = Fixed(
            node.type.signed, node.type.width - int(node.type.signed) - s.type.fraction, s.type.fraction
        )
        return self.add_cell("r4_rename", f"{node.name}_grid", node, t, node.shape)


def table(rows: Ints) -> tuple[Real, str]:
    """The numbers of a table and the type that holds them."""
    width = Fixed.covering(min(int(rows.min()), -1), int(rows.max()), 0).width
    return rows.astype(np.float64), f"int<{width}>"
