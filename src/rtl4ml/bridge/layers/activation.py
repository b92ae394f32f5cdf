# SPDX-License-Identifier: Apache-2.0
"""Mappings of integers as layers of hls4ml: an assignment where one rounds so, else a function of our own."""

from __future__ import annotations

from functools import singledispatch
from math import prod

import numpy as np

from rtl4ml.bridge.builder import LayerBuilder, Node, table
from rtl4ml.bridge.precision import as_ap, precision
from rtl4ml.bridge.registry import writes
from rtl4ml.errors import HlsCannot
from rtl4ml.ir.mappings import Mapping, Rounding, Table, Thresholds
from rtl4ml.ops.activation import Activation


@writes(Activation)
def _activation(b: LayerBuilder, op: Activation, x: Node) -> Node:
    return _mapped(op.mapping, b, op, x)


@singledispatch
def _mapped(m: Mapping, b: LayerBuilder, op: Activation, x: Node) -> Node:  # noqa: ARG001 -- for those registered
    """Appends the layer of an activation with the mapping `m`."""
    raise HlsCannot(
        f"{b.operator}: hls4ml 1.3 cannot hold {type(m).__name__}, and rtl4ml adds nothing for it"
    )


@_mapped.register
def _(m: Rounding, b: LayerBuilder, op: Activation, x: Node) -> Node:
    t, shape = op.output.type, op.output.shape
    ap = as_ap(op.x, m, t, op.lo, op.hi)
    if ap is not None:
        t, rounding, saturation = ap
        kind = "linear" if op.x.lo >= 0 or t.signed else "relu"
        return b.add(
            "Activation", op.name, [x], t, shape,
            result=precision(t, rounding, saturation), activation=kind, n_in=prod(shape),
        )  # fmt: skip
    left, right = max(0, -m.shift), max(0, m.shift)
    bits = max(x.type.width + left, m.lo.bit_length(), m.hi.bit_length()) + 2
    constants = {"bits": bits, "left": left, "right": right, "lo": m.lo, "hi": m.hi}
    return b.add_cell("r4_round", op.name, x, t, shape, constants=constants)


@_mapped.register
def _(m: Thresholds, b: LayerBuilder, op: Activation, x: Node) -> Node:
    t = op.output.type
    ends = (int(m.thresholds.min()), int(m.thresholds.max()))
    bits = max(x.type.width + 1, *(v.bit_length() + 1 for v in ends))
    constants = {
        "rows": len(m.thresholds), "level_rows": len(m.levels), "n_thresholds": m.thresholds.shape[1],
        "bits": bits, "level_bits": t.width + 1,
    }  # fmt: skip
    tables = {"thresholds": (m.thresholds.astype(np.float64), f"int<{bits}>"), "levels": table(m.levels)}
    return b.add_cell("r4_threshold", op.name, x, t, op.output.shape, constants=constants, tables=tables)


@_mapped.register
def _(m: Table, b: LayerBuilder, op: Activation, x: Node) -> Node:
    t = op.output.type
    bits = max(x.type.width + 1, abs(m.first).bit_length() + 1, m.table.shape[1].bit_length() + 1) + 1
    constants = {
        "rows": len(m.table), "entries": m.table.shape[1], "first": m.first,
        "bits": bits, "level_bits": t.width + 1,
    }  # fmt: skip
    tables = {"table": table(m.table)}
    return b.add_cell("r4_table", op.name, x, t, op.output.shape, constants=constants, tables=tables)
