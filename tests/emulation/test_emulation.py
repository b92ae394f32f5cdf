# SPDX-License-Identifier: Apache-2.0
"""The fast emulation has the integers of every operator's `golden`, whatever type and memory holds them."""

from __future__ import annotations

import importlib
import pkgutil
import threading
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from random_graphs import KINDS, Draw, integers

import rtl4ml.ops
from rtl4ml.emulation.batches import emulate
from rtl4ml.emulation.block import computed_by, held_by, holder, samples_together
from rtl4ml.emulation.registry import has_kernel
from rtl4ml.errors import Rtl4mlError
from rtl4ml.frontends.qkeras.quantizers.precision import parse_precision
from rtl4ml.frontends.qkeras.quantizers.read import read_function
from rtl4ml.frontends.readings import fixed_quantizer
from rtl4ml.host import frameworks
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.mappings import Rounding
from rtl4ml.ir.op import Op
from rtl4ml.ir.reads import Reads
from rtl4ml.ir.types import Fixed, Ints, Stream
from rtl4ml.ops.activation import Activation
from rtl4ml.ops.conv import Conv, Dense
from rtl4ml.ops.head import Mask
from rtl4ml.ops.merge import Add, Concat
from rtl4ml.ops.opening import Opening
from rtl4ml.ops.pool import Pool
from rtl4ml.ops.shape import UpSample

FLOAT32, FLOAT64, INT64 = (np.dtype(t) for t in (np.float32, np.float64, np.int64))


def assert_same(graph: Graph, x: Ints, workers: int | None = 1) -> None:
    want = [s.real(y) for s, y in zip(graph.outputs, graph.emulate([x]), strict=True)]
    got = emulate(graph, [x], [lambda a: a], workers)
    for s, a, b in zip(graph.outputs, got, want, strict=True):
        assert a.dtype == np.float64
        np.testing.assert_array_equal(a, b, err_msg=s.name)
        assert not np.signbit(a[a == 0]).any(), "a zero has no sign"


def alone(op: Op) -> Graph:
    return Graph("alone", op.inputs, (op,), (op.output,))


# -- types ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("most", "dtype"),
    [(2**24, FLOAT32), (2**24 + 1, FLOAT64), (2**53, FLOAT64), (2**53 + 1, INT64)],
)
def test_bounds_decide_the_type(most: int, dtype: np.dtype[Any]) -> None:
    """A magnitude above 2^24 is lost by float32, one above 2^53 by float64."""
    assert holder(1, most) == dtype
    for lo, hi in ((-most, 0), (0, most)):
        assert held_by(Stream.covering("x", (1,), lo, hi, 0)) == dtype


@pytest.mark.parametrize(("bias", "dtype"), [(1, FLOAT32), (2, FLOAT64)])
def test_a_sum_at_the_limit_of_float32(bias: int, dtype: np.dtype[Any]) -> None:
    """2^24 - 1 and a bias of 1 are exact in float32, with a bias of 2 the sum is odd and above 2^24."""
    x = Stream.covering("x", (1,), 0, 2**24 - 1, 0)
    op = Dense(name="d", inputs=(x,), weights=np.ones((1, 1, 1, 1), np.int64),
               weight_fraction=np.zeros(1, np.int64), bias=np.array([bias]))  # fmt: skip
    assert computed_by(op) == dtype
    assert_same(alone(op), np.array([[2**24 - 1], [2**24 - 2], [0]]))


def test_partial_sums_decide_the_type() -> None:
    """A sum that ends small may go far between: it does not fit float32 where one of its parts does not."""
    x = Stream.covering("x", (3,), -(2**23), 2**23, 0)
    weights = np.array([3, -3, 1]).reshape(1, 1, 3, 1)
    op = Dense(name="d", inputs=(x,), weights=weights, weight_fraction=np.zeros(1, np.int64))
    assert computed_by(op) == FLOAT64
    assert_same(alone(op), np.array([[2**23, 2**23, 1], [2**23 - 1, 2**23, -1]]))


def test_beyond_float64() -> None:
    """Sums above 2^53 stay integers."""
    x = Stream.covering("x", (2,), 0, 2**53, 0)
    op = Add(name="a", inputs=(x, x))
    assert computed_by(op) == INT64
    half = Activation(
        name="h", inputs=(op.output,), mapping=Rounding(30, 0, 2**24), out=Fixed(False, 25, 0), lo=0, hi=2**24
    )
    assert_same(Graph("g", (x,), (op, half), (half.output,)), np.array([[2**53 - 1, 1], [2**29, 3 * 2**28]]))


@pytest.mark.parametrize("shift", [-3, 0, 1, 5])
def test_ties_behind_a_sum(shift: int) -> None:
    """Halves go to the even neighbour, whichever side of zero, where the rounding is made with the sum."""
    x = Stream.covering("x", (1,), -300, 300, 0)
    op = Dense(name="d", inputs=(x,), weights=np.ones((1, 1, 1, 1), np.int64),
               weight_fraction=np.zeros(1, np.int64), bias=np.array([-1]))  # fmt: skip
    act = Activation(
        name="r", inputs=(op.output,), mapping=Rounding(shift, -7, 9), out=Fixed(True, 4, 0), lo=-7, hi=9
    )
    assert_same(Graph("g", (x,), (op, act), (act.output,)), np.arange(-300, 301)[:, None])


# -- every operator -------------------------------------------------------------------------------------------


def operators() -> set[type[Op]]:
    for module in pkgutil.iter_modules(rtl4ml.ops.__path__, "rtl4ml.ops."):
        importlib.import_module(module.name)
    found: set[type[Op]] = set()
    todo: list[type[Op]] = [Op]
    while todo:
        found |= {*(more := todo.pop().__subclasses__())}
        todo += more
    return {c for c in found if c.__module__.startswith("rtl4ml.") and "op" in vars(c)}


def test_every_operator_has_a_kernel() -> None:
    """One without is emulated by its golden, ten times slower."""
    assert len(operators()) >= 17
    for cls in operators():
        assert has_kernel(object.__new__(cls)), f"{cls.__name__}: add a kernel to emulation_kernels"


def test_random_graphs() -> None:
    """Each operator behind each other, at the ends of ranges of all widths; all types and all operators are met."""
    met: dict[tuple[str, str], int] = {}
    for seed in range(1500):
        rng = np.random.default_rng(seed)
        draw = Draw(rng)
        for _ in range(int(rng.integers(2, 8))):
            kinds = list(KINDS)
            while kinds and not draw.add(kinds.pop(int(rng.integers(len(kinds))))):
                pass
        graph = draw.graph()
        for op in graph.ops:
            key = type(op).__name__, str(computed_by(op))
            met[key] = met.get(key, 0) + 1
        try:
            assert_same(graph, integers(graph, 3, rng))
        except Exception as error:
            said = "\n".join(f"{op.name}: {[s.name for s in op.inputs]} -> {op.output}" for op in graph.ops)
            raise AssertionError(f"seed {seed}\n{said}") from error
    for cls in KINDS:
        assert sum(n for (name, _), n in met.items() if name == cls.__name__) >= 20, cls.__name__
        small = cls in (Mask, Opening)
        assert small or met.get((cls.__name__, "float64"), 0) >= 3, cls.__name__
    assert sum(n for (_, dtype), n in met.items() if dtype == "int64") >= 10
    assert operators() <= set(KINDS), "a new operator belongs to these graphs"


# -- blocks and threads ---------------------------------------------------------------------------------------


def network(size: int = 24) -> Graph:
    """A skip connection past a convolution, with margins and channels that are made in place."""
    rng = np.random.default_rng(5)
    x = Stream.covering("x", (size, size, 2), 0, 255, 8)

    def conv(name: str, s: Stream, k: int, outputs: int) -> list[Op]:
        op = Conv(name=name, inputs=(s,), weights=rng.integers(-8, 8, (k, k, s.channels, outputs)),
                  weight_fraction=np.full(outputs, 3), bias=rng.integers(-99, 99, outputs), bias_fraction=6,
                  padding=((k // 2, k // 2), (k // 2, k // 2)))  # fmt: skip
        act = Activation(name=f"{name}_r", inputs=(op.output,), mapping=Rounding(6, 0, 255),
                         out=Fixed(False, 3, 5), lo=0, hi=255)  # fmt: skip
        return [op, act]

    first = conv("a", x, 3, 4)
    down = Pool(name="p", inputs=(first[-1].output,), mode="max", size=(2, 2), stride=(2, 2))
    deep = conv("b", down.output, 5, 3)
    up = UpSample(name="u", inputs=(deep[-1].output,), factor=(2, 2))
    both = Concat(name="c", inputs=(up.output, first[-1].output))
    last = conv("d", both.output, 3, 2)
    return Graph("skip", (x,), (*first, down, *deep, up, both, *last), (last[-1].output,))


@pytest.mark.parametrize("workers", [1, 2, 3, None])
@pytest.mark.parametrize("n", [1, 2, 7, 61])
def test_any_number_of_samples_and_threads(n: int, workers: int | None) -> None:
    graph = network()
    rng = np.random.default_rng(n)
    assert_same(graph, rng.integers(0, 256, (n, *graph.inputs[0].shape)), workers)


def test_blocks_that_are_not_full() -> None:
    """Whatever an earlier block left in memory, the last samples come out as if they were alone."""
    graph = network(8)
    together = samples_together(graph)
    x = np.random.default_rng(0).integers(0, 256, (2 * together + 3, *graph.inputs[0].shape))
    assert_same(graph, x)
    whole = emulate(graph, [x], [lambda a: a], 1)[0]
    np.testing.assert_array_equal(emulate(graph, [x[-1:]], [lambda a: a], 1)[0], whole[-1:])


def test_large_frames_go_in_strips() -> None:
    """Frames of which one alone is more than a cache holds."""
    graph = network(160)
    assert samples_together(graph) == 1
    assert_same(graph, np.random.default_rng(0).integers(0, 256, (1, *graph.inputs[0].shape)))


def test_no_samples() -> None:
    graph = network()
    (y,) = emulate(graph, [np.empty((0, 24, 24, 2), np.int64)], [lambda a: a])
    assert y.shape == (0, 24, 24, 2)
    assert y.dtype == np.float64


def test_an_error_in_a_thread_is_the_callers() -> None:
    """And stops the others."""
    graph, calls, lock = network(), [], threading.Lock()
    blocks = 4000 // samples_together(graph)

    def read(a: Ints) -> Ints:
        with lock:
            calls.append(len(a))
        if len(calls) == 2:
            raise Rtl4mlError("read: must fail")
        time.sleep(0.002)
        return a

    with pytest.raises(Rtl4mlError, match="must fail"):
        emulate(graph, [np.zeros((4000, 24, 24, 2), np.int64)], [read], 2)
    assert len(calls) < blocks / 2


def test_an_operator_without_a_kernel_is_its_golden() -> None:
    @dataclass(frozen=True, kw_only=True, eq=False)
    class Odd(Op):
        op: ClassVar[str] = "Odd"

        @property
        def output(self) -> Stream:
            return Stream.covering(self.name, self.x.shape, 0, 1, 0)

        def reads(self, axis: int) -> tuple[Reads, ...]:
            return (Reads.alike(self.x.hwc[axis]),)

        def golden(self, *x: Ints) -> Ints:
            return x[0] & 1

    op = Odd(name="odd", inputs=(Stream.covering("x", (3, 4, 2), -9, 9, 0),))
    assert not has_kernel(op)
    assert_same(alone(op), integers(alone(op), 5, np.random.default_rng(0)))


# -- the input -------------------------------------------------------------------------------------------------

ROUNDINGS = (
    "quantized_bits(8,0,alpha=1)", "quantized_bits(6,2,1,alpha=1)", "quantized_bits(5,1,0,0,alpha=1)",
    "quantized_bits(4,0,alpha=0.5)", "quantized_bits(2,2,alpha=1)", "quantized_relu(8,0)", "quantized_relu(4,2)",
)  # fmt: skip


@pytest.mark.parametrize("text", [*ROUNDINGS, "ap_fixed<8,3>", "ap_ufixed<12,0>", "ap_fixed<24,1>"])
def test_input_roundings_are_the_quantizers_own(text: str) -> None:
    """On ties, next to ties, at both ends, far out, at random, and for numbers that float32 hardly holds."""
    if text in ROUNDINGS:
        q = read_function("input", frameworks.qkeras().quantizers.get_quantizer(text))
    else:
        q = fixed_quantizer(parse_precision(text), text)
    assert q.grid is not None
    assert q.rounds_to(q.grid.fraction)
    assert not q.rounds_to(q.grid.fraction + 1)
    ties = np.ldexp(np.arange(-2048, 2049) / 2, -q.rounding).astype(np.float32)
    around = [np.nextafter(ties, np.float32(v)) for v in (-np.inf, np.inf)]
    rng = np.random.default_rng(3)
    spread = np.ldexp(rng.normal(0, 1, 20000), rng.integers(-30, 30, 20000))
    ends = [1e30, -1e30, 1e-45, -1e-45, 1e-38, 0.0, -0.0]
    x = np.concatenate([ties, *around, spread, ends]).astype(np.float32)
    want = np.rint(np.ldexp(q.f32(x[:, None]).astype(np.float64), q.grid.fraction))[:, 0]
    np.testing.assert_array_equal(q.steps(x), want)


@pytest.mark.parametrize(
    "text", ["quantized_relu(6,1,negative_slope=0.25)", "quantized_tanh(5)", "binary(alpha=1)"]
)
def test_other_input_quantizers_are_evaluated(text: str) -> None:
    q = read_function("input", frameworks.qkeras().quantizers.get_quantizer(text))
    assert q.grid is not None
    assert not q.rounds_to(q.grid.fraction)
