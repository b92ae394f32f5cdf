# SPDX-License-Identifier: Apache-2.0
"""Which lowering an operator has: registered once, found by the nearest class, missed by name; the narrowest plan."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import rtl_cells
from contract import randomize
from designs import DESIGNS

from rtl4ml import ops
from rtl4ml.errors import UnsupportedLayer
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.op import Op
from rtl4ml.ir.reads import Reads
from rtl4ml.ir.types import Ints, Stream
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.conv import ConvLowering
from rtl4ml.lowering.depthwise import DepthwiseLowering
from rtl4ml.lowering.lower import lower
from rtl4ml.lowering.pool import PoolLowering
from rtl4ml.lowering.registry import OperatorLowering, has_lowering, lowering_of, lowers, narrowest_plan
from rtl4ml.netlist.netlist import Wire
from rtl4ml.netlist.plan import Folding, Plan
from rtl4ml.ops.conv import Conv, Dense, Depthwise
from rtl4ml.ops.pool import Pool
from rtl4ml.ops.shape import Crop, Reshape
from rtl4ml.ops.stuff import Transposed

X = Stream.covering("x", (4, 6, 2), -8, 7, 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Odd(Op):
    """An operator that nothing lowers."""

    op: ClassVar[str] = "Odd"

    @property
    def output(self) -> Stream:
        return Stream.covering(self.name, self.x.shape, 0, 1, 0)

    def reads(self, axis: int) -> tuple[Reads, ...]:
        return (Reads.alike(self.x.hwc[axis]),)

    def golden(self, *x: Ints) -> Ints:
        return x[0] & 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Nearer(Pool):
    """A pool with a lowering of its own."""

    op: ClassVar[str] = "Nearer"


@lowers(Nearer)
class NearerLowering(OperatorLowering[Nearer]):
    """Hands on what it gets."""

    def lower(self, builder: NetlistBuilder, folding: Folding, *x: Wire) -> Wire:
        return x[0]


def linear(kind: type[Conv | Depthwise], outputs: int = 3, name: str = "l") -> Conv | Depthwise:
    """A kernel of one tap with weights 1, 2 and so on."""
    w = np.arange(1, 1 + X.channels * outputs).reshape(1, 1, X.channels, outputs)
    made = outputs * X.channels if kind is Depthwise else outputs
    return kind(name=name, inputs=(X,), weights=w, weight_fraction=np.zeros(made, np.int64))


def pool(kind: type[Pool] = Pool) -> Pool:
    return kind(name="pool", inputs=(X,), mode="max", size=(2, 2), stride=(2, 2))


def chain(*operators: Op) -> Graph:
    return Graph("g", operators[0].inputs, operators, (operators[-1].output,))


def concrete(kind: type[Op]) -> Iterator[type[Op]]:
    """The classes below one, at any depth, that operators can be made of."""
    for below in kind.__subclasses__():
        if not inspect.isabstract(below):
            yield below
        yield from concrete(below)


def test_a_second_lowering_is_refused() -> None:
    class Other(PoolLowering):
        pass

    with pytest.raises(ValueError, match=r"^Pool: has a lowering already, PoolLowering$"):
        lowers(Pool)(Other)
    assert type(lowering_of(pool())) is PoolLowering


def test_an_operator_without_a_lowering_is_refused_by_name() -> None:
    odd = Odd(name="strange", inputs=(X,))
    text = "strange: the operator must be one that has cells, not Odd; leave the layer out of the model"
    assert not has_lowering(Odd)
    for ask in (
        lambda: lowering_of(odd),
        lambda: narrowest_plan(chain(pool(), odd)),
        lambda: lower(Plan(chain(odd), {"strange": Folding()})),
    ):
        with pytest.raises(UnsupportedLayer, match=f"^{re.escape(text)}$"):
            ask()


def test_an_operator_has_the_lowering_of_the_nearest_class() -> None:
    for kind in (Conv, Dense, Transposed):
        assert has_lowering(kind)
    for kind in (Conv, Dense):
        op = linear(kind)
        assert type(lowering_of(op)) is ConvLowering
        assert lowering_of(op).op is op
    assert type(lowering_of(linear(Depthwise))) is DepthwiseLowering
    assert type(lowering_of(pool(Nearer))) is NearerLowering
    assert type(lowering_of(pool())) is PoolLowering


def test_every_operator_has_a_lowering() -> None:
    for module in pkgutil.iter_modules(ops.__path__):
        importlib.import_module(f"{ops.__name__}.{module.name}")
    kinds = {k for k in concrete(Op) if k.__module__.startswith(f"{ops.__name__}.")}
    assert {Conv, Dense, Transposed, Depthwise, Pool, Crop, Reshape} < kinds
    assert [k.__name__ for k in kinds if not has_lowering(k)] == []


@pytest.mark.parametrize("name", DESIGNS)
def test_the_narrowest_plan_of_a_design_lowers(name: str) -> None:
    """Every operator in the lanes of its narrowest legal folding, and all their cells take and make whole frames."""
    graph = parse(randomize(DESIGNS[name][0](), np.random.default_rng(5))).graph
    plan = narrowest_plan(graph)
    assert plan.graph is graph
    assert list(plan.foldings) == [op.name for op in graph.ops]
    for op in graph.ops:
        assert (plan[op].pe, plan[op].simd) == min((f.pe, f.simd) for f in rtl_cells.foldings(op)), op.name
    net = lower(plan)
    assert net.plan is plan
    assert {op.name for op in graph.ops if not isinstance(op, Reshape)} <= {c.layer for c in net.cells}
    assert net.input.lanes * net.input.beats == graph.inputs[0].elements
    assert net.output.lanes * net.output.beats == graph.outputs[0].elements
    for c in net.cells:
        t = c.timing()
        assert [len(e) for e in t.emit] == [w.beats for w in c.outputs.values()], c.name


def test_the_narrowest_of_a_depthwise_layer_is_a_channel_with_all_its_kernels() -> None:
    op = linear(Depthwise, outputs=3)
    plan = narrowest_plan(chain(op))
    assert (plan[op].pe, plan[op].simd) == (3, 1)
    assert lowering_of(op).input_lanes(plan[op]) == 1
    net = lower(plan)
    assert (net.input.lanes, net.output.lanes) == (1, 3)


def test_a_plan_of_other_frames_has_the_same_foldings() -> None:
    first = linear(Conv, outputs=6)
    last = Pool(name="pool", inputs=(first.output,), mode="max", size=(2, 2), stride=(2, 2))
    plan = Plan(chain(first, last), {"l": Folding(3, 2, 48), "pool": Folding(2, 2, 72)})
    smaller = plan.resized(2, 4)
    assert smaller is not None
    assert smaller.graph.inputs[0].shape == (2, 4, 2)
    assert smaller.foldings == plan.foldings
    assert [smaller[op] for op in smaller.graph.ops] == [plan[first], plan[last]]
    assert Plan(chain(Reshape(name="r", inputs=(X,), shape=(48,))), {"r": Folding()}).resized(2, 4) is None
