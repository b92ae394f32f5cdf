# SPDX-License-Identifier: Apache-2.0
"""The HLS project: what is written, that its C simulation equals QKeras and the definitions, what it refuses."""

from __future__ import annotations

import ctypes
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from rtl4ml.bridge import project as bridge_project
from rtl4ml.bridge import write
from rtl4ml.bridge.layer_list import layer_list
from rtl4ml.bridge.layers.linear import is_legal_reuse, reuse_of
from rtl4ml.bridge.registry import has_writer, writes
from rtl4ml.bridge.write import write_project
from rtl4ml.errors import BadInput, EnvironmentProblem, HlsCannot
from rtl4ml.folding.explorer import fold
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.host import frameworks
from rtl4ml.host.stamps import seal
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.mappings import Mapping, Rounding, Table, Thresholds
from rtl4ml.ir.op import Op
from rtl4ml.ir.reads import Reads
from rtl4ml.ir.types import Fixed, Ints, Stream
from rtl4ml.lowering.registry import narrowest_plan
from rtl4ml.netlist.plan import Folding, Plan
from rtl4ml.ops.activation import Activation
from rtl4ml.ops.bilinear import Bilinear
from rtl4ml.ops.conv import Conv, Dense, Depthwise, Linear
from rtl4ml.ops.head import Mask
from rtl4ml.ops.merge import Concat
from rtl4ml.ops.opening import Opening
from rtl4ml.ops.pool import Pool
from rtl4ml.ops.stuff import Stuff, Transposed

# -- graphs without a model ---------------------------------------------------------------------------------


def source(shape: tuple[int, ...] = (6, 2), bits: int = 6, fraction: int = 3) -> Stream:
    t = Fixed(True, bits - 1 - fraction, fraction)
    return Stream("x", shape, t, t.lo, t.hi)


def graph(*ops: Op, outputs: int = 1) -> Graph:
    return Graph("little", (ops[0].x,), ops, tuple(op.output for op in ops[-outputs:]))


def plan(*ops: Op, outputs: int = 1, **foldings: Folding) -> Plan:
    """Of a graph of these operators the plan with the narrowest foldings, but where others are given by name."""
    narrow = narrowest_plan(graph(*ops, outputs=outputs))
    return Plan(narrow.graph, {**narrow.foldings, **foldings})


def small(rng: np.random.Generator, **changes: Any) -> Conv:
    fields: dict[str, Any] = {
        "name": "conv",
        "inputs": (source(),),
        "weights": rng.integers(-7, 8, (1, 3, 2, 4)),
        "weight_fraction": np.array([3, 3, 5, 2]),
        "bias": rng.integers(-9, 10, 4),
        "bias_fraction": 7,
    }
    return Conv(**(fields | changes))


def act(x: Stream, name: str, mapping: Mapping, fraction: int, lo: int, hi: int) -> Activation:
    out = Fixed.covering(lo, hi, fraction)
    return Activation(name=name, inputs=(x,), mapping=mapping, out=out, lo=lo, hi=hi)


def run(g: Graph, folder: Path, x: Ints) -> Ints:
    """Integers through the C simulation."""
    return run_plan(narrowest_plan(g), folder, x)


def run_plan(p: Plan, folder: Path, x: Ints) -> Ints:
    """The same with the foldings of a plan."""
    project = write_project(p, folder)
    return steps(p.graph.outputs[0], project.csim(p.graph.inputs[0].real(x)))


def steps(s: Stream, y: NDArray[np.float64]) -> Ints:
    v = np.ldexp(y, s.type.fraction)
    assert np.array_equal(np.rint(v), v)
    return v.astype(np.int64)


# -- what is written ----------------------------------------------------------------------------------------


def test_the_project_has_the_graphs_types_and_folding(tmp_path: Path, rng: np.random.Generator) -> None:
    conv = small(rng)
    wide = Folding(pe=2, simd=2)  # 4 of the 24 products at once
    project = write_project(plan(conv, conv=wide), tmp_path / "hls", clock_mhz=200)
    text = {
        p: (tmp_path / "hls" / p).read_text()
        for p in ("project.tcl", "firmware/defines.h", "firmware/parameters.h")
    }
    assert "set part xczu9eg-ffvb1156-2-e" in text["project.tcl"].replace('"', "")
    assert "set clock_period 5.0" in text["project.tcl"]
    assert 'set backend "vitis"' in text["project.tcl"]
    t = conv.output.type
    assert f"typedef ap_fixed<{t.width},{t.width - t.fraction}> conv_accum_t;" in text["firmware/defines.h"]
    assert (
        f"typedef nnet::array<ap_fixed<{t.width},{t.width - t.fraction}>, 4*1> result_t;"
        in text["firmware/defines.h"]
    )
    aligned = conv.weights << (5 - conv.weight_fraction)
    w = Fixed.covering(int(aligned.min()), int(aligned.max()), 5)
    assert f"typedef ap_fixed<{w.width},{w.width - 5}> conv_weight_t;" in text["firmware/defines.h"]
    assert "reuse_factor = 6;" in text["firmware/parameters.h"]
    assert "nnet::resource" in text["firmware/parameters.h"]
    for name in (
        "build_prj.tcl",
        "build_opt.tcl",
        "build_lib.sh",
        "firmware/little_hls.cpp",
        "firmware/nnet_utils/nnet_dense.h",
    ):
        assert (tmp_path / "hls" / name).is_file(), name
    layer = next(x for x in project.layers if x.name == "conv")
    assert (layer.kind, layer.strategy, layer.reuse_factor) == ("Conv1D", "Resource", 6)


def test_the_project_is_the_same_in_every_folder(tmp_path: Path, rng: np.random.Generator) -> None:
    g = graph(small(rng))
    written = []
    for name in ("a", "somewhere/else"):
        write_project(narrowest_plan(g), tmp_path / name)
        files = {
            p.relative_to(tmp_path / name): p.read_bytes()
            for p in (tmp_path / name).rglob("*")
            if p.is_file()
        }
        assert not [p for p, data in files.items() if str(tmp_path).encode() in data]
        written.append(files)
    assert written[0] == written[1]


def test_reuse_factors_are_those_that_hls4ml_allows() -> None:
    frameworks.keras()
    from hls4ml.backends import get_backend

    theirs = get_backend("Vitis")
    for n_in in (1, 2, 3, 5, 8, 12):
        for n_out in (1, 2, 3, 4, 6):
            for rf in range(1, n_in * n_out + 1):
                assert is_legal_reuse(n_in, n_out, rf) == theirs._validate_reuse_factor(n_in, n_out, rf)


@pytest.mark.parametrize(("pe", "simd"), [(1, 1), (1, 2), (2, 6), (4, 3), (4, 6), (2, 1)])
def test_the_reuse_factor_spends_the_multipliers_of_the_folding(
    pe: int, simd: int, rng: np.random.Generator
) -> None:
    conv = small(rng)
    made = plan(conv, conv=Folding(pe, simd))
    strategy, reuse = reuse_of(conv, made[conv])
    assert is_legal_reuse(6, 4, reuse)
    assert 24 // reuse >= pe * simd  # never slower
    assert not [rf for rf in range(reuse + 1, 24 // (pe * simd) + 1) if is_legal_reuse(6, 4, rf)]
    assert strategy == ("Latency" if reuse == 1 else "Resource")


# -- mappings, on every integer -----------------------------------------------------------------------------


def whole(x: Stream, channels: int = 1) -> Ints:
    """Every integer of the stream, one a sample, in all channels."""
    v = np.arange(x.lo, x.hi + 1)
    return np.repeat(v[:, None], channels, axis=1)


def test_every_rounding_on_every_integer(tmp_path: Path) -> None:
    x = source((1,), 8, 4)
    wanted = [(2, 0, 15), (2, -8, 7), (2, -7, 7), (2, -5, 6), (0, -128, 127), (-2, -100, 100), (3, 0, 9)]
    acts = [
        act(x, f"a{k}", Rounding(shift, lo, hi), 4 - shift, lo, hi)
        for k, (shift, lo, hi) in enumerate(wanted)
    ]
    join = Concat(name="join", inputs=tuple(a.output for a in acts))
    g = graph(*acts, join)
    v = whole(x)
    got = run(g, tmp_path, v)
    for k, (shift, lo, hi) in enumerate(wanted):
        want = [min(max(round(Fraction(int(i)) * Fraction(2) ** -shift), lo), hi) for i in v[:, 0]]
        assert (got[:, k] >> (join.output.type.fraction - (4 - shift))).tolist() == want, (shift, lo, hi)
    kinds = {entry.name: entry for entry in write_project(narrowest_plan(g), tmp_path).layers}
    assert [kinds[f"a{k}"].kind for k in range(4)] == ["Activation", "Activation", "Activation", "R4Cell"]
    assert [kinds[f"a{k}"].result.split(",", 2)[2] for k in range(3)] == [
        "RND_CONV,SAT>",
        "RND_CONV,SAT>",
        "RND_CONV,SAT_SYM>",
    ]


def test_a_rounding_that_scales_too_is_done_on_integers(tmp_path: Path) -> None:
    x = source((1,), 8, 4)
    a = act(x, "scaled", Rounding(2, -20, 20), 9, -20, 20)  # a value-preserving one would have fraction 2
    got = run(graph(a), tmp_path, whole(x))
    want = [min(max(round(Fraction(int(i), 4)), -20), 20) for i in whole(x)[:, 0]]
    assert got[:, 0].tolist() == want


def test_every_table_and_threshold_on_every_integer(tmp_path: Path, rng: np.random.Generator) -> None:
    x = source((2,), 7, 2)
    cuts = np.sort(rng.integers(x.lo, x.hi, (2, 5)), axis=1)
    far = np.array([[x.lo - 70000, -3, 4, 4, x.hi + 70000]])
    levels = rng.integers(-30, 31, (2, 6))
    falling = np.array([[9, 6, 2, -1, -5, -8]])
    entries = rng.integers(-30, 31, (2, 20))
    maps: list[Mapping] = [
        Thresholds(far, levels[:1]),
        Thresholds(cuts, levels[:1]),
        Thresholds(cuts, levels),
        Thresholds(cuts[:1], falling),
        Table(-7, entries[:1]),
        Table(x.lo - 3, entries),
    ]
    acts = [act(x, f"a{k}", m, k, -30, 30) for k, m in enumerate(maps)]
    join = Concat(name="join", inputs=tuple(a.output for a in acts))
    got = run(graph(*acts, join), tmp_path, whole(x, 2))
    top = join.output.type.fraction
    for k, m in enumerate(maps):
        for c in range(2):
            for row, v in zip(got, whole(x)[:, 0].tolist(), strict=True):
                if isinstance(m, Thresholds):
                    t, y = m.thresholds[c % len(m.thresholds)], m.levels[c % len(m.levels)]
                    want = y[sum(v >= int(cut) for cut in t)]
                else:
                    assert isinstance(m, Table)
                    want = m.table[c % len(m.table)][min(max(v - m.first, 0), 19)]
                assert row[2 * k + c] == int(want) << (top - k), (k, c, v)


def test_mask_on_every_integer(tmp_path: Path) -> None:
    x = source((1,), 8, 4)
    got = run(graph(Mask(name="mask", inputs=(x,), threshold=-5)), tmp_path, whole(x))
    assert got[:, 0].tolist() == [int(v >= -5) for v in whole(x)[:, 0].tolist()]


@pytest.mark.slow  # and in seconds, in test_contract
@pytest.mark.parametrize(
    ("shape", "stuffed", "factor"),
    [
        ((2, 3, 2), (2, 1), (2, 4)),
        ((1, 1, 1), (1, 2), (4, 1)),
        ((3, 2, 3), (3, 1), (1, 2)),
        ((1, 4, 1), (1, 1), (8, 8)),
        ((5, 1, 2), (2, 3), (2, 1)),
    ],
)
def test_stuffing_and_bilinear_upsampling(
    shape: tuple[int, ...],
    stuffed: tuple[int, int],
    factor: tuple[int, int],
    tmp_path: Path,
    rng: np.random.Generator,
) -> None:
    stuff = Stuff(name="stuff", inputs=(source(shape),), factor=stuffed)
    up = Bilinear(name="up", inputs=(stuff.output,), factor=factor)
    x = rng.integers(stuff.x.lo, stuff.x.hi + 1, (20, *shape))
    x[0], x[1] = stuff.x.lo, stuff.x.hi
    np.testing.assert_array_equal(run(graph(stuff, up), tmp_path, x), up.golden(stuff.golden(x)))


@pytest.mark.slow  # and one in seconds, in test_ops_opening
@pytest.mark.parametrize(
    ("shape", "radius"), [((9, 7, 1), 2), ((1, 4, 1), 1), ((3, 2, 1), 3), ((12, 11, 1), 3), ((4, 20, 1), 7)]
)
def test_openings(shape: tuple[int, ...], radius: int, tmp_path: Path, rng: np.random.Generator) -> None:
    o = Opening(name="o", inputs=(Stream("x", shape, Fixed(False, 1, 0), 0, 1),), radius=radius)
    x = (rng.random((60, *shape)) < np.linspace(0.3, 1, 60)[:, None, None, None]).astype(np.int64)
    want = o.golden(x)
    assert want.any() and (want != x).any()
    np.testing.assert_array_equal(run(graph(o), tmp_path, x), want)


def test_a_stream_may_be_read_on_another_grid(tmp_path: Path, rng: np.random.Generator) -> None:
    conv = small(rng)
    s = conv.output
    moved = replace(
        s, type=Fixed.covering(s.lo, s.hi, s.type.fraction + 5)
    )  # the same integers, worth 2^-5 of before
    g = Graph("little", (conv.x,), (conv,), (moved,))
    x = rng.integers(conv.x.lo, conv.x.hi + 1, (9, 6, 2))
    project = write_project(narrowest_plan(g), tmp_path)
    np.testing.assert_array_equal(project.csim(conv.x.real(x)), conv.golden(x) * 2.0**-moved.type.fraction)


# -- QKeras -------------------------------------------------------------------------------------------------


def bits(n: int, i: int = 0, **k: Any) -> Any:
    return frameworks.qkeras().quantized_bits(n, i, alpha=1, **k)


class Build:
    """Writes QKeras models in little space."""

    def __init__(self) -> None:
        self.q, self.layers = frameworks.qkeras(), frameworks.keras().layers
        self.kernel = {"kernel_quantizer": bits(4), "bias_quantizer": bits(6, 1)}

    def start(self, *shape: int, quantizer: Any = None) -> tuple[Any, Any]:
        i = self.layers.Input(shape)
        return i, self.act(i, quantizer or bits(8))

    def act(self, x: Any, quantizer: Any = None) -> Any:
        return self.q.QActivation(quantizer or self.q.quantized_relu(5, 2))(x)

    def conv(self, x: Any, *args: Any, **k: Any) -> Any:
        return self.q.QConv1D(*args, **(self.kernel | k))(x)

    def dense(self, x: Any, *args: Any, **k: Any) -> Any:
        return self.q.QDense(*args, **(self.kernel | k))(x)


MODELS: dict[str, Callable[[Build], tuple[Any, Any]]] = {}


def model(f: Callable[[Build], tuple[Any, Any]]) -> Callable[[Build], tuple[Any, Any]]:
    MODELS[f.__name__] = f
    return f


@model
def pixels(b: Build) -> tuple[Any, Any]:
    """The chain of the student, with layers whose names hls4ml's own parser mistakes for a bias or kernel."""
    i, x = b.start(44, 1)
    x = b.act(b.conv(x, 6, 5, name="debiased"))
    x = b.layers.Flatten()(b.layers.MaxPooling1D(2)(x))
    x = b.act(b.dense(x, 8, name="kernel_bias"))
    return i, b.dense(x, 5, use_bias=False)


@model
def strided(b: Build) -> tuple[Any, Any]:
    i, x = b.start(37, 3)
    x = b.act(b.conv(x, 6, 4, strides=3, padding="same"))
    x = b.act(b.conv(x, 5, 3, dilation_rate=2, padding="causal"))
    return i, b.act(b.conv(x, 4, 2, strides=3, padding="valid"), bits(5, 2, symmetric=1))


@model
def causal(b: Build) -> tuple[Any, Any]:
    i, x = b.start(37, 2)
    x = b.act(b.conv(x, 6, 3, strides=2, padding="causal"))
    return i, b.act(b.conv(x, 3, 1, strides=2), bits(5, 1, keep_negative=0))


@model
def pools(b: Build) -> tuple[Any, Any]:
    i, x = b.start(29, 4)
    x = b.layers.MaxPooling1D(3, 2, padding="same")(b.act(b.conv(x, 4, 3, padding="same"), bits(6, 2)))
    x = b.act(b.layers.AveragePooling1D(2)(x), b.q.quantized_relu(4, 2))
    x = b.act(b.conv(b.layers.MaxPooling1D(2)(x), 6, 1), bits(4, 2))
    x = b.act(b.layers.GlobalAveragePooling1D()(x), bits(6, 2))
    return i, b.dense(x, 3)


@model
def averages(b: Build) -> tuple[Any, Any]:
    i, x = b.start(30, 4)
    x = b.act(
        b.layers.AveragePooling1D(3, padding="same")(b.act(b.conv(x, 4, 3, padding="same"))), bits(7, 3)
    )
    return i, b.dense(b.layers.GlobalMaxPooling1D()(x), 3)


@model
def skips(b: Build) -> tuple[Any, Any]:
    i, x = b.start(24, 4)
    a = b.act(b.conv(x, 4, 3, padding="same"))
    c = b.act(b.conv(a, 4, 1), bits(6, 3))
    d = b.act(b.layers.MaxPooling1D(2)(b.layers.Add()([a, c])), bits(7, 3))
    e = b.layers.Concatenate()([a, b.layers.UpSampling1D(2)(d), c])
    e = b.layers.Cropping1D((2, 0))(b.layers.ZeroPadding1D((1, 2))(e))
    return i, b.act(b.conv(e, 3, 2))


@model
def shapes(b: Build) -> tuple[Any, Any]:
    i, x = b.start(12)
    c = b.layers.Concatenate()([b.act(b.dense(x, 6)), b.act(b.dense(x, 4), bits(5, 2))])
    c = b.act(b.conv(b.layers.Reshape((5, 2))(c), 3, 2))
    c = b.layers.Flatten()(b.layers.Reshape((3, 4))(c))
    return i, b.layers.Reshape((2, 3))(b.dense(b.act(c, bits(4, 2)), 6))


@model
def activations(b: Build) -> tuple[Any, Any]:
    i, x = b.start(16, 2)
    for quantizer in (
        b.q.quantized_tanh(5),
        b.q.quantized_sigmoid(6),
        b.q.quantized_relu(6, 3, negative_slope=0.25),
        b.q.quantized_hswish(6, 2, alpha=1),
        b.q.quantized_relu_po2(4, 4),
        b.q.ternary(alpha=1),
        b.q.binary(alpha=1),
    ):
        x = b.act(b.conv(x, 4, 2), quantizer)
    return i, b.conv(x, 3, 1)


@model
def cheap_weights(b: Build) -> tuple[Any, Any]:
    i, x = b.start(16, 2, quantizer=b.q.binary(alpha=1))
    for k, quantizer in enumerate(
        (
            b.q.quantized_po2(4, 2),
            b.q.ternary(alpha=1),
            b.q.binary(alpha=1),
            b.q.quantized_bits(4, 0, alpha="auto_po2"),
        )
    ):
        x = b.act(
            b.conv(x, 3 + k, 3, kernel_quantizer=quantizer),
            b.q.quantized_relu(1, 1) if k == 1 else bits(6, 3),
        )
    return i, b.dense(x, 3)


@model
def normalized(b: Build) -> tuple[Any, Any]:
    i, x = b.start(16, 2)
    x = b.act(b.layers.BatchNormalization()(b.conv(x, 5, 3, use_bias=False)))
    return i, b.act(b.layers.BatchNormalization()(b.conv(x, 5, 1)), b.q.quantized_tanh(4))


@model
def images(b: Build) -> tuple[Any, Any]:
    i, x = b.start(8, 6, 3)
    depthwise = {"depthwise_quantizer": bits(4), "bias_quantizer": bits(6, 1)}
    x = b.act(b.q.QDepthwiseConv2D(3, padding="same", **depthwise)(x))
    x = b.act(b.q.QDepthwiseConv2D((2, 3), depth_multiplier=2, **depthwise)(x), bits(6, 3))
    x = b.layers.MaxPooling2D(2)(b.act(b.q.QConv2D(4, (3, 2), strides=(2, 1), padding="same", **b.kernel)(x)))
    x = b.layers.UpSampling2D(2)(b.act(b.q.QConv2D(2, 1, **b.kernel)(x)))
    return i, b.dense(b.layers.Flatten()(x), 3)


@model
def rows(b: Build) -> tuple[Any, Any]:
    """Kernels of one row under a stride of several: hls4ml itself would walk them along every row."""
    i, x = b.start(15, 8, 2)
    x = b.act(b.q.QDepthwiseConv2D((1, 2), strides=2, depthwise_quantizer=bits(4), use_bias=False)(x))
    x = b.act(b.layers.AveragePooling2D((1, 2), strides=(3, 1))(x), bits(4, 1))
    return i, b.q.QConv2D(3, (1, 2), strides=(2, 1), **b.kernel)(x)


def built(name: str, rng: np.random.Generator) -> Any:
    keras = frameworks.keras()
    m = keras.Model(*MODELS[name](Build()), name=name)
    m.set_weights(
        [
            rng.uniform(0.2, 1.5, w.shape) if "variance" in v.name else rng.normal(0, 0.7, w.shape)
            for w, v in zip(m.get_weights(), m.weights, strict=True)
        ]
    )
    return m


QUICK = {"rows": (), "pixels": pytest.mark.gate, "pools": pytest.mark.gate}


@pytest.mark.parametrize(
    ("name", "interval"),
    [
        pytest.param(n, t, marks=QUICK.get(n, pytest.mark.slow) if t == 200 else pytest.mark.slow)
        for n in MODELS
        for t in (200, 10**9)
    ],
)
def test_the_c_simulation_equals_qkeras(
    name: str, interval: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    m = built(name, rng)
    parsed = parse(m)
    made = fold(parsed.graph, target_interval=interval)
    g = made.graph
    x = rng.uniform(-2, 2, (100, *g.inputs[0].shape)).astype(np.float32)
    project = write_project(made, tmp_path / "hls")
    got = project.csim(g.inputs[0].real(parsed.quantize_input(x)))
    want = m.predict(x, verbose=0)
    assert len(np.unique(want)) > 2
    np.testing.assert_array_equal(got, want)


@pytest.mark.slow
def test_argmax_and_mask(tmp_path: Path, rng: np.random.Generator) -> None:
    keras, b = frameworks.keras(), Build()
    i, x = b.start(16, 2)
    x = b.dense(b.layers.Flatten()(b.act(b.conv(x, 5, 3))), 7)
    coarse = keras.Model(i, b.act(x, bits(3, 2)))  # ties are frequent
    coarse.set_weights([rng.normal(0, 0.4, w.shape) for w in coarse.get_weights()])
    parsed = parse(coarse, output="argmax")
    data = rng.uniform(-1, 1, (200, 16, 2)).astype(np.float32)
    got = write_project(narrowest_plan(parsed.graph), tmp_path / "a").csim(
        parsed.input.real(parsed.quantize_input(data))
    )
    logits = coarse.predict(data, verbose=0)
    assert ((logits == logits.max(-1, keepdims=True)).sum(-1) > 1).any()
    np.testing.assert_array_equal(got[:, 0], logits.argmax(-1))

    i, x = b.start(16, 2)
    one = keras.Model(i, b.layers.Activation("sigmoid")(b.conv(x, 1, 3)))
    one.set_weights([rng.normal(0, 0.7, w.shape) for w in one.get_weights()])
    parsed = parse(one, output="mask", threshold=0.6)
    got = write_project(narrowest_plan(parsed.graph), tmp_path / "m").csim(
        parsed.input.real(parsed.quantize_input(data))
    )
    want = one.predict(data, verbose=0) >= 0.6
    assert 0 < want.mean() < 1
    np.testing.assert_array_equal(got, want)


@pytest.mark.slow
@pytest.mark.parametrize(("pe", "simd"), [(1, 1), (1, 2), (2, 6), (4, 3), (4, 6)])
def test_every_kind_of_reuse_is_exact(pe: int, simd: int, tmp_path: Path, rng: np.random.Generator) -> None:
    conv = small(rng, padding=((0, 0), (2, 1)), stride=(1, 2))
    dense = Dense(
        name="dense",
        inputs=(Stream("flat", (24,), conv.output.type, conv.output.lo, conv.output.hi),),
        weights=rng.integers(-7, 8, (1, 1, 24, 4)),
        weight_fraction=np.full(4, 2),
    )
    x = rng.integers(-32, 32, (20, 6, 2))
    np.testing.assert_array_equal(
        run_plan(plan(conv, conv=Folding(pe, simd)), tmp_path / "c", x), conv.golden(x)
    )
    flat = rng.integers(dense.x.lo, dense.x.hi + 1, (20, 24))
    np.testing.assert_array_equal(
        run_plan(plan(dense, dense=Folding(pe, 4 * simd)), tmp_path / "d", flat), dense.golden(flat)
    )


def test_vectors_that_take_long_wait_for_the_c_simulation(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = plan(small(rng))
    soon = write_project(made, tmp_path / "soon")
    monkeypatch.setattr("rtl4ml.bridge.vectors._SOON", 0)
    later = write_project(made, tmp_path / "later")
    assert not list(later.folder.glob("tb_data/*.dat"))
    monkeypatch.setattr("rtl4ml.bridge.project.compile_program", lambda *_, **__: later.program.touch())
    later.compile()
    for name in ("tb_input_features.dat", "tb_output_predictions.dat"):
        written = (later.folder / "tb_data" / name).read_text()
        assert written == (soon.folder / "tb_data" / name).read_text()
        assert len(written.splitlines()) == 10


@pytest.mark.slow
def test_hls4mls_own_test_bench_finds_its_predictions(tmp_path: Path, rng: np.random.Generator) -> None:
    project = write_project(plan(small(rng)), tmp_path / "hls")
    command = [
        "g++",
        "-std=c++17",
        "-w",
        "-Ifirmware/ap_types",
        "-Ifirmware",
        "little_hls_test.cpp",
        "firmware/little_hls.cpp",
    ]
    weights = '-DWEIGHTS_DIR="firmware/weights"'
    subprocess.run([*command, weights, "-o", "bench"], cwd=project.folder, check=True)
    said = subprocess.run(
        [project.folder / "bench"], cwd=project.folder, capture_output=True, text=True, check=True
    )
    want, got = (
        np.array(
            [row.split() for row in (project.folder / f"tb_data/{name}").read_text().splitlines()], float
        )
        for name in ("tb_output_predictions.dat", "csim_results.log")
    )
    assert want.shape == (10, 16), said.stdout
    grid = 2.0 ** project.graph.outputs[0].type.fraction
    np.testing.assert_array_equal(
        np.rint(got * grid), want * grid
    )  # the bench prints six digits: its grid point


@pytest.mark.slow
def test_hls4mls_own_library_gives_the_same(tmp_path: Path, rng: np.random.Generator) -> None:
    conv = small(rng)
    project = write_project(plan(conv), tmp_path / "hls")
    subprocess.run(["bash", "build_lib.sh"], cwd=project.folder, check=True)
    library = ctypes.CDLL(str(next((project.folder / "firmware").glob("*.so"))))
    x = np.ascontiguousarray(conv.x.real(rng.integers(-32, 32, (6, 2))))
    y = np.zeros(conv.output.shape)
    doubles = ctypes.POINTER(ctypes.c_double)
    library.little_hls_double(x.ctypes.data_as(doubles), y.ctypes.data_as(doubles))
    np.testing.assert_array_equal(y, project.csim(x[None])[0])


# -- what is refused ----------------------------------------------------------------------------------------


def test_eight_readers_are_refused(tmp_path: Path) -> None:
    x = source((1,))
    first = act(x, "first", Rounding(1, -16, 15), 2, -16, 15)
    others = [act(first.output, f"a{k}", Rounding(1, -8, 7), 1, -8, 7) for k in range(8)]
    g = graph(first, *others, Concat(name="join", inputs=tuple(a.output for a in others)))
    with pytest.raises(HlsCannot, match=r"^first: hls4ml 1\.3 cannot copy a stream to 8 readers, only to 7$"):
        write_project(narrowest_plan(g), tmp_path / "hls")
    assert not (tmp_path / "hls").exists()


def test_overlapping_pools_in_two_dimensions_are_refused(tmp_path: Path) -> None:
    pool = Pool(
        name="pool", layers=("maximum",), inputs=(source((5, 5, 2)),), mode="max", size=(2, 2), stride=(1, 1)
    )
    text = (
        r"^maximum: hls4ml 1\.3 cannot pool overlapping windows in two dimensions, "
        r"size \(2, 2\) with stride \(1, 1\)$"
    )
    with pytest.raises(HlsCannot, match=text):
        write_project(plan(pool), tmp_path / "hls")


def test_pools_that_lie_apart_in_two_dimensions_are_refused(tmp_path: Path) -> None:
    pool = Pool(
        name="pool", layers=("maximum",), inputs=(source((5, 5, 2)),), mode="max", size=(1, 2), stride=(2, 2)
    )
    text = (
        r"^maximum: hls4ml 1\.3 cannot pool windows that lie apart in two dimensions, "
        r"size \(1, 2\) with stride \(2, 2\)$"
    )
    with pytest.raises(HlsCannot, match=text):
        write_project(plan(pool), tmp_path / "hls")


def test_every_layer_that_cannot_be_held_is_named(tmp_path: Path) -> None:
    first = Pool(name="first", inputs=(source((7, 7, 2)),), mode="max", size=(2, 2), stride=(1, 1))
    between = Pool(name="between", inputs=(first.output,), mode="max", size=(1, 1), stride=(1, 1))
    last = Pool(name="last", inputs=(between.output,), mode="max", size=(3, 3), stride=(2, 2))
    with pytest.raises(HlsCannot) as caught:
        write_project(plan(first, between, last), tmp_path / "hls")
    assert [text.partition(":")[0] for text in caught.value.texts] == ["first", "last"]
    assert str(caught.value) == caught.value.texts[0]


def test_an_output_that_a_layer_reads_too(tmp_path: Path, rng: np.random.Generator) -> None:
    """Both in order, and both in the vectors of hls4ml's own test bench."""
    a = small(rng)
    b = act(a.output, "b", Rounding(1, 0, 7), a.output.type.fraction - 1, 0, 7)
    project = write_project(plan(a, b, outputs=2), tmp_path / "hls")
    x = rng.integers(a.x.lo, a.x.hi + 1, (20, *a.x.shape))
    want = graph(a, b, outputs=2).emulate([x])
    for s, got, y in zip((a.output, b.output), project.csim(a.x.real(x)), want, strict=True):
        np.testing.assert_array_equal(got, s.real(y))
    row = (project.folder / "tb_data/tb_output_predictions.dat").read_text().splitlines()[0]
    assert len(row.split()) == a.output.elements + b.output.elements


def test_a_model_that_only_quantizes_its_input_is_refused(tmp_path: Path) -> None:
    nothing = act(source((4, 2)), "nothing", Rounding(0, -32, 31), 3, -32, 31)
    with pytest.raises(
        HlsCannot, match=r"^little: hls4ml 1\.3 cannot hold a model that only quantizes its input$"
    ):
        write_project(plan(nothing), tmp_path / "hls")


@dataclass(frozen=True, kw_only=True, eq=False)
class Unwritten(Op):
    """An operator that no writer is registered for."""

    op: ClassVar[str] = "Unwritten"

    @property
    def output(self) -> Stream:
        return replace(self.x, name=self.name)

    def reads(self, axis: int) -> tuple[Reads, ...]:
        return (Reads.alike(self.x.hwc[axis]),)

    def golden(self, *x: Ints) -> Ints:
        return x[0]


def test_an_operator_without_a_writer_is_refused(tmp_path: Path) -> None:
    x = source((1,))
    odd = Unwritten(name="odd", inputs=(x,))
    made = Plan(graph(odd), {"odd": Folding()})
    with pytest.raises(
        HlsCannot, match=r"^odd: hls4ml 1\.3 cannot hold the operator Unwritten, and rtl4ml adds none for it$"
    ):
        write_project(made, tmp_path / "hls")
    assert not has_writer(Unwritten)


def test_an_operator_has_one_writer() -> None:
    with pytest.raises(ValueError, match=r"^Conv: has a writer already, _conv$"):
        writes(Conv)(lambda b, op, x: x)


def test_the_nearest_class_writes() -> None:
    """Both kinds are Linear, which has no writer: the order in which writers are registered decides nothing."""
    assert [has_writer(kind) for kind in (Dense, Conv, Depthwise, Linear)] == [True, True, True, False]
    x = source((4, 4, 2))
    one, ones = np.ones((1, 1, 2, 2), np.int64), np.ones((1, 1, 2, 1), np.int64)
    fraction = np.zeros(2, np.int64)
    ops = [
        Dense(name="a", inputs=(source((2,)),), weights=one, weight_fraction=fraction),
        Transposed(name="b", inputs=(x,), weights=one, weight_fraction=fraction, stuffed=(1, 1)),
        Depthwise(name="c", inputs=(x,), weights=ones, weight_fraction=fraction),
    ]
    kinds = [layer_list(plan(op)).report[-1].kind for op in ops]
    assert kinds == ["Dense", "Conv2D", "DepthwiseConv2D"]


def test_an_unknown_mapping_is_refused(tmp_path: Path) -> None:
    @dataclass(frozen=True, kw_only=True, eq=False)
    class Odd(Activation):
        op: ClassVar[str] = "Odd"

    class Curve(Mapping):
        def __call__(self, x: Ints) -> Ints:
            return x

    x = source((1,))
    odd = Odd(name="odd", inputs=(x,), mapping=Curve(), out=x.type, lo=x.lo, hi=x.hi)
    with pytest.raises(
        HlsCannot, match=r"^odd: hls4ml 1\.3 cannot hold Curve, and rtl4ml adds nothing for it$"
    ):
        write_project(plan(odd), tmp_path / "hls")


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda node: node.weights["weight"].data.__setitem__((0, 0, 0), 3.25), "changed its weight"),
        (lambda node: node.weights["bias"].data.__setitem__(0, 3.25), "changed its bias"),
        (
            lambda node: setattr(node.get_output_variable().type.precision, "saturation_mode", "SAT"),
            r"made its result fixed<\d+,\d+,TRN,SAT> instead of fixed<\d+,\d+>",
        ),
        (
            lambda node: setattr(node.get_attr("accum_t").precision, "width", 5),
            r"made its accum fixed<5,\d+,TRN,WRAP> instead of fixed<\d+,\d+>",
        ),
        (lambda node: node.set_attr("reuse_factor", 3), "made its reuse factor 3 instead of 24"),
        (lambda node: node.model.graph.pop("conv"), "removed it"),
    ],
    ids=["weight", "bias", "result", "accumulator", "reuse", "removed"],
)
def test_whatever_hls4ml_changes_is_refused(
    spoil: Callable[[Any], Any],
    text: str,
    tmp_path: Path,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = write._model

    def spoiled(*args: Any) -> Any:
        m = original(*args)
        spoil(m.graph["conv"])
        return m

    monkeypatch.setattr(write, "_model", spoiled)
    with pytest.raises(HlsCannot, match=rf"^conv: hls4ml 1\.3 cannot hold it exactly, its passes {text}$"):
        write_project(plan(small(rng)), tmp_path / "hls")
    assert not (tmp_path / "hls").exists()


# -- running it ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> bridge_project.HlsProject:
    """A compiled project of a depthwise convolution."""
    rng = np.random.default_rng(5)
    op = Depthwise(
        name="dw",
        inputs=(source(),),
        weights=rng.integers(-7, 8, (1, 3, 2, 2)),
        weight_fraction=np.full(4, 3),
    )
    p = write_project(plan(op), tmp_path_factory.mktemp("bridge") / "with a blank" / "hls")
    p.compile()
    return p


def test_processes_share_the_samples_in_order(
    project: bridge_project.HlsProject, rng: np.random.Generator
) -> None:
    op = project.graph.ops[0]
    x = rng.integers(-32, 32, (25, 6, 2))
    want = op.output.real(op.golden(x))
    for processes in (1, 3, 40):
        told: list[int] = []
        y = project.csim(op.x.real(x), processes=processes, progress=told.append)
        np.testing.assert_array_equal(y, want)
        assert told == sorted(told)
        assert told[-1] == 25


def test_a_long_run_says_how_far_it_is(project: bridge_project.HlsProject) -> None:
    """By its own clock, and long before its end."""
    seconds = 0.0
    count = 20_000
    while seconds < 1:
        count *= 2
        told: list[int] = []
        start = time.perf_counter()
        project.csim(np.zeros((count, 6, 2)), processes=1, progress=told.append)
        seconds = time.perf_counter() - start
    assert 0 < told[0] < count
    assert told[-1] == count
    assert len(told) < 10 * seconds  # seldom


def test_no_samples_give_no_results(project: bridge_project.HlsProject) -> None:
    assert project.csim(np.zeros((0, 6, 2))).shape == (0, 4, 4)


def test_a_renamed_project_runs(
    project: bridge_project.HlsProject, tmp_path: Path, rng: np.random.Generator
) -> None:
    import shutil

    moved = project.moved(Path(shutil.copytree(project.folder, tmp_path / "there")))
    x = rng.integers(-32, 32, (3, 6, 2))
    op = project.graph.ops[0]
    np.testing.assert_array_equal(moved.csim(op.x.real(x)), op.output.real(op.golden(x)))


def test_values_off_the_grid_are_refused(project: bridge_project.HlsProject) -> None:
    with pytest.raises(
        BadInput,
        match=r"^x: values must be multiples of 2\^-3 from -4.0 to 3.875, not 0.1; quantize them first$",
    ):
        project.csim(np.full((1, 6, 2), 0.1))
    with pytest.raises(
        BadInput,
        match=r"^x: values must be multiples of 2\^-3 from -4.0 to 3.875, not 4.0; quantize them first$",
    ):
        project.csim(np.full((1, 6, 2), 4.0))
    with pytest.raises(
        BadInput, match=r"^x: the input must have shape \(N, 6, 2\), not \(1, 6\); reshape it$"
    ):
        project.csim(np.zeros((1, 6)))


def test_without_a_compiler(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = write_project(plan(small(rng)), tmp_path / "hls")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match=r"^g\+\+: must be in PATH, not missing; install it"):
        p.csim(np.zeros((1, 6, 2)))


def test_a_project_that_does_not_compile(tmp_path: Path, rng: np.random.Generator) -> None:
    p = write_project(plan(small(rng)), tmp_path / "hls")
    (p.folder / "firmware/defines.h").write_text("#error broken\n")
    with pytest.raises(
        EnvironmentProblem,
        match=r"^g\+\+: must compile the C simulation in .*hls, not fail with '.*broken'; check",
    ):
        p.csim(np.zeros((1, 6, 2)))
    assert not p.program.exists()


@pytest.mark.gate
def test_a_program_that_was_cut_short_is_compiled_again(tmp_path: Path, rng: np.random.Generator) -> None:
    p = write_project(plan(small(rng)), tmp_path / "hls")
    whole = p.compile().read_bytes()
    p.program.write_bytes(whole[: len(whole) // 2])
    assert p.compile().read_bytes() == whole
    when = p.program.stat().st_mtime_ns
    assert p.compile().stat().st_mtime_ns == when  # nor more often


@pytest.mark.parametrize(
    ("script", "text"),
    [
        (
            "echo \"WARNING: Hls::stream 'x' is read while empty\"",
            "\"WARNING: Hls::stream 'x' is read while empty\"",
        ),
        ("exit 7", "'exit status 7'"),
    ],
)
def test_a_program_that_complains_is_not_believed(
    script: str, text: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    p = write_project(plan(small(rng)), tmp_path / "hls")
    key = p.folder / "csim.key"
    p.program.write_text(f"#!/bin/sh\n{script}\n")
    p.program.chmod(0o755)
    seal(key, "", [p.program])
    with pytest.raises(HlsCannot, match=rf"^little: the C simulation must run silently, not say {text}$"):
        p.csim(np.zeros((1, 6, 2)))
    p.program.write_text("#!/bin/sh\n: > $2\n")
    seal(key, "", [p.program])
    with pytest.raises(
        HlsCannot, match=r"^little: the C simulation must give 16 results, not 0; report it with the model$"
    ):
        p.csim(np.zeros((1, 6, 2)))
