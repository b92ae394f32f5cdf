# SPDX-License-Identifier: Apache-2.0
"""Strips: what operators read, what the edges of a strip reach, and whole frames that are joined of strips.

`Graph.emulate` of the whole frame is the reference: it knows of no strips.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from random_graphs import KINDS, Draw, integers

from rtl4ml.emulation.batches import emulate
from rtl4ml.emulation.strips import cuts
from rtl4ml.errors import BadInput, UnsupportedLayer
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.op import Op
from rtl4ml.ir.reads import COLUMNS, ROWS
from rtl4ml.ir.strips import Strip, Strips, dependencies, strips
from rtl4ml.ir.types import Fixed, Ints, Stream
from rtl4ml.ops.bilinear import Bilinear
from rtl4ml.ops.conv import Conv
from rtl4ml.ops.merge import Add, Concat
from rtl4ml.ops.opening import Opening
from rtl4ml.ops.pool import Pool
from rtl4ml.ops.scale import Scale
from rtl4ml.ops.shape import Crop, Pad, Reshape, UpSample
from rtl4ml.ops.stuff import Stuff

AXES = (ROWS, COLUMNS)


def frames(size: int, channels: int = 1, rows: int = 4) -> Stream:
    return Stream.covering("x", (rows, size, channels), 0, 3, 0)


def ones(name: str, s: Stream, k: int = 3, *, stride: int = 1, dilation: int = 1, same: bool = True) -> Conv:
    """A convolution that passes on every input that it reads: weights of 1, and nothing is cut."""
    n, total = s.hwc[1], 0
    if same:
        total = max((-(-n // stride) - 1) * stride + (k - 1) * dilation + 1 - n, 0)
    return Conv(
        name=name, inputs=(s,), weights=np.ones((1, k, s.channels, 1), np.int64),
        weight_fraction=np.zeros(1, np.int64), stride=(1, stride), dilation=(1, dilation),
        padding=((0, 0), (total // 2, total - total // 2)), layers=(f"{name}_layer",),
    )  # fmt: skip


def chain(*ops: Op) -> Graph:
    return Graph("net", ops[0].inputs, ops, (ops[-1].output,))


def joined(graph: Graph, x: Ints) -> Ints:
    """What the strips of larger samples give, by `golden` alone."""
    cut = cuts(graph, x.shape[1:])
    return np.asarray(cut.join(graph.emulate([cut.split(x)])[0]))


def whole(graph: Graph, x: Ints) -> Ints:
    rows, columns = x.shape[1:3] if x.ndim == 4 else (1, x.shape[1])
    return graph.of_frames(rows, columns).emulate([x])[0]


# -- the worked example -----------------------------------------------------------------------------------------


def example(size: int = 16) -> Graph:
    first = ones("a", frames(size))
    second = ones("b", first.output)
    return chain(
        first, second, Pool(name="p", inputs=(second.output,), mode="max", size=(1, 2), stride=(1, 2))
    )


def test_the_example_of_the_documentation() -> None:
    found = strips(example())
    assert found == Strips(axis=1, size=16, out=8, align=2, up=1, down=2, before=1, after=1)
    assert (found.halo, found.step, found.total(40)) == ((2, 2), 12, 20)
    assert found.plan(40) == (Strip(0, 0, 7), Strip(12, 1, 7), Strip(24, 1, 8))
    assert found.cost(40) == 1.2
    assert found.plan(16) == (Strip(0, 0, 8),)
    one = ones("c", frames(4))
    assert dependencies(chain(one)).astype(int).tolist() == [
        [1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]
    ]  # fmt: skip


@pytest.mark.parametrize("size", [18, 20, 22, 28, 30, 40, 42, 1000, 10_000])
def test_every_column_is_kept_once(size: int) -> None:
    """Strips start at multiples of the alignment, and the last one ends where the frame ends."""
    found = strips(example())
    kept = [(s.start // 2 + s.first, s.start // 2 + s.last) for s in found.plan(size)]
    assert kept[0][0] == 0
    assert kept[-1][1] == size // 2
    assert all(a[1] == b[0] for a, b in pairwise(kept))
    assert all(s.start % 2 == 0 and 0 <= s.start <= size - 16 for s in found.plan(size))
    assert len(kept) == 1 + -(-(size - 16) // 12), "as few as there can be"


# -- what operators read --------------------------------------------------------------------------------------------


def touched(
    graph: Graph, axis: int, rng: np.random.Generator, tries: int
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(positions of the output, of the input): where some change of an input's position changed the output."""
    (source,), (output,) = graph.inputs, graph.outputs
    n = source.hwc[axis]
    found = np.zeros((output.hwc[axis], n), np.bool_)
    for _ in range(tries):
        x = integers(graph, 1, rng)
        y = graph.emulate([x])[0]
        for k in range(n):
            other = x.copy()
            place = (..., k, slice(None)) if axis == COLUMNS else (slice(None), k)
            other[place] = rng.integers(source.lo, source.hi + 1, other[place].shape)
            changed = graph.emulate([other])[0] != y
            frame = changed.reshape(len(x), *output.hwc)
            found[:, k] |= frame.any(axis=tuple(i for i in range(4) if i != axis + 1))
    return found


OPERATORS = {
    "conv": lambda s: ones("o", s, 3),
    "conv, no padding": lambda s: ones("o", s, 4, same=False),
    "conv, stride": lambda s: ones("o", s, 3, stride=2),
    "conv, dilation": lambda s: ones("o", s, 3, dilation=3),
    "conv, stride and dilation": lambda s: ones("o", s, 2, stride=3, dilation=2),
    "pool": lambda s: Pool(name="o", inputs=(s,), mode="sum", size=(1, 2), stride=(1, 2)),
    "pool, padding": lambda s: Pool(
        name="o", inputs=(s,), mode="sum", size=(1, 3), stride=(1, 2), padding=((0, 0), (1, 1))
    ),
    "pad": lambda s: Pad(name="o", inputs=(s,), padding=((0, 0), (2, 1))),
    "crop": lambda s: Crop(name="o", inputs=(s,), cropping=((0, 0), (2, 1))),
    "upsample": lambda s: UpSample(name="o", inputs=(s,), factor=(1, 3)),
    "stuff": lambda s: Stuff(name="o", inputs=(s,), factor=(1, 3)),
    "bilinear": lambda s: Bilinear(name="o", inputs=(s,), factor=(1, 4)),
    "reshape": lambda s: Reshape(name="o", inputs=(s,), shape=(s.elements,)),
}


@pytest.mark.parametrize("kind", OPERATORS)
@pytest.mark.parametrize("width", [7, 8, 9])
def test_what_an_operator_reads_is_what_its_output_follows(kind: str, width: int) -> None:
    """No column more, none less: every change of what it reads shows."""
    graph = chain(OPERATORS[kind](frames(width, rows=1)))
    found = dependencies(graph)
    np.testing.assert_array_equal(found, touched(graph, COLUMNS, np.random.default_rng(0), 3))
    assert found.any()


def test_an_opening_reads_both_its_disks() -> None:
    """A disk of radius 2 of ones, in whose row a pixel more or less opens or closes what lies 4 away."""
    x = Stream.covering("x", (9, 13, 1), 0, 1, 0)
    graph = chain(Opening(name="o", inputs=(x,), radius=2))
    disk = np.zeros((1, 9, 13, 1), np.int64)
    y, c = np.mgrid[-4:5, -6:7]
    disk[0, :, :, 0] = y * y + c * c <= 4
    gone = disk.copy()
    gone[0, 4, 4] = 0  # at the left end of the disk
    changed = (graph.emulate([disk])[0] != graph.emulate([gone])[0])[0].any(axis=(0, 2))
    assert np.flatnonzero(changed).tolist() == [4, 5, 6, 7, 8]
    reads = dependencies(graph)[:, 4]
    assert np.flatnonzero(reads).tolist() == [*range(9)], "4 to either side"


class Wide(Draw):
    """Graphs of frames that are wide enough for strips."""

    def reshaped(self, name: str) -> Op:
        if self.rng.random() < 0.1:
            return super().reshaped(name)
        h, w, c = self.stream.hwc
        flat = self.rng.random() < 0.5 and h == 1
        return Reshape(name=name, inputs=(self.stream,), shape=(w, c) if flat else (h, w, c))

    def op(self, cls: type[Op], name: str) -> Op:
        """Factors as averages have them: the least in the middle."""
        made = super().op(cls, name)
        if not isinstance(made, Scale):
            return made
        h, w, _ = made.x.hwc
        lines = []
        for n in (h, w):
            line = np.full(n, 2)
            a, b = (int(v) for v in self.rng.integers(0, max(1, min(3, n // 3)), 2))
            line[:a] += self.rng.integers(0, 3, a)
            line[n - b :] += self.rng.integers(0, 3, b)
            lines.append(line)
        return replace(made, rows=lines[0], columns=lines[1])

    def drawn(self) -> Graph:
        for _ in range(int(self.rng.integers(1, 7))):
            kinds = list(KINDS)
            while kinds and not self.add(kinds.pop(int(self.rng.integers(len(kinds))))):
                pass
        return Graph("random", (self.source,), tuple(self.ops), (self.stream,))


def drawn(seed: int, axis: int) -> tuple[Graph, np.random.Generator]:
    rng = np.random.default_rng(seed)
    long, short, channels = (int(v) for v in rng.integers((10, 1, 1), (40, 5, 4)))
    shape = (long, short, channels) if axis == ROWS else (short, long, channels)
    if axis == COLUMNS and rng.random() < 0.2:
        shape = (long, channels)
    return Wide(rng, shape).drawn(), rng


@pytest.mark.parametrize("axis", AXES)
def test_dependencies_hold_every_change(axis: int) -> None:
    for seed in range(60):
        graph, rng = drawn(seed, axis)
        outside = touched(graph, axis, rng, 1) & ~dependencies(graph, axis)
        assert not outside.any(), f"seed {seed}: {np.argwhere(outside)}: {[op.name for op in graph.ops]}"


# -- whole frames -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", AXES)
def test_random_graphs_are_exact_on_larger_frames(axis: int) -> None:
    """Each operator behind each other, in frames of a few to many strips; what is refused is refused by name."""
    met: Counter[str] = Counter()
    refused = 0
    for seed in range(720):
        graph, rng = drawn(seed, axis)
        said = "\n".join(f"{op.name}: {[s.name for s in op.inputs]} -> {op.output}" for op in graph.ops)
        try:
            plan = strips(graph, axis)
        except UnsupportedLayer as error:
            refused += 1
            assert any(str(error).startswith(f"{n}: ") for n in (graph.name, *(op.layer for op in graph.ops)))
            continue
        size = plan.size + plan.align * int(rng.integers(1, 3 + 3 * plan.step // plan.align))
        shape = list(graph.inputs[0].shape)
        shape[axis - 3] = size
        large = graph.of_frames(*((1, size) if len(shape) == 2 else shape[:2]))
        assert large.outputs[0] == replace(graph.outputs[0], shape=large.outputs[0].shape)
        assert large.outputs[0].hwc[axis] == plan.total(size)
        x = integers(large, 1, rng)
        try:
            np.testing.assert_array_equal(joined(graph, x), large.emulate([x])[0])
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, {plan}, {size}\n{said}") from error
        met.update(type(op).__name__ for op in graph.ops)
    assert refused < 300, "most graphs must have strips"
    rare = [kind.__name__ for kind in KINDS if met[kind.__name__] < 15]
    assert not rare, met


def test_the_fast_emulation_makes_the_same_cuts() -> None:
    """Along columns, rows and both."""
    rng = np.random.default_rng(1)
    graph = example()
    for shape in ((4, 40), (9, 16), (11, 64)):
        x = rng.integers(0, 4, (3, *shape, 1))
        cut = cuts(graph, x.shape[1:])
        (y,) = (cut.join(a) for a in emulate(graph, [cut.split(x)], [lambda a: a]))
        np.testing.assert_array_equal(y, whole(graph, x), strict=False)


DOWN_AND_UP = {
    "nearest": lambda n, s: UpSample(name=n, inputs=(s,), factor=(1, 2)),
    "bilinear": lambda n, s: Bilinear(name=n, inputs=(s,), factor=(1, 2)),
    "transposed": lambda n, s: Stuff(name=n, inputs=(s,), factor=(1, 2)),
}


@pytest.mark.parametrize("up", DOWN_AND_UP)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_no_column_is_cut_off_that_is_right(up: str, depth: int) -> None:
    """In a U-Net whose weights are all 1, what lies beside a strip changes the last column that is cut off, and none
    that is kept.
    """
    s, ops, skips = frames(96, rows=1), [], []
    for level in range(depth):
        ops.append(ones(f"down{level}", s, 3))
        skips.append(ops[-1].output)
        ops.append(ones(f"stride{level}", skips[-1], 2, stride=2))
        s = ops[-1].output
    for level in reversed(range(depth)):
        ops.append(DOWN_AND_UP[up](f"{up}{level}", s))
        both = Concat(name=f"join{level}", inputs=(ops[-1].output, skips[level]))
        ops += [both, ones(f"up{level}", both.output, 3)]
        s = ops[-1].output
    graph = Graph("net", ops[0].inputs, tuple(ops), (s,))
    found = strips(graph)
    assert found.align == 2**depth
    start, size = found.align * 16, 96 + found.align * 32
    x = np.zeros((3, 1, size, 1), np.int64)
    x[1, :, :start], x[2, :, start + 96 :] = 1, 1
    nothing, left, right = graph.of_frames(1, size).emulate([x])[0][:, 0, start : start + 96, 0]
    assert found.before == int(np.flatnonzero(left != nothing)[-1]) + 1
    assert found.after == 96 - int(np.flatnonzero(right != nothing)[0])


def test_too_small_a_halo_shows() -> None:
    """The frames of these tests would see it."""
    graph = example()
    x = np.random.default_rng(0).integers(0, 4, (4, 4, 40, 1))
    want, found = whole(graph, x), strips(graph)
    for wrong in (replace(found, before=0), replace(found, after=0)):
        parts = []
        for s in wrong.plan(40):
            y = graph.emulate([x[:, :, s.start : s.start + 16]])[0]
            parts.append(y[:, :, s.first : s.last])
        assert (np.concatenate(parts, axis=2) != want).any()


def test_a_stream_on_a_grid_of_its_own_keeps_it() -> None:
    """An operator may read the integers of a stream as those of another grid, where a scale was applied."""
    first = ones("a", frames(16))
    half = replace(first.output, type=Fixed.covering(first.output.lo, first.output.hi, 1))
    both = Add(name="s", inputs=(half, first.x))
    graph = chain(first, both)
    assert graph.of_frames(4, 40).ops[1].inputs[0] == replace(half, shape=(4, 40, 1))
    x = np.random.default_rng(0).integers(0, 4, (1, 4, 40, 1))
    np.testing.assert_array_equal(whole(graph, x), first.of_frames([frames(40)]).golden(x) + 2 * x)
    np.testing.assert_array_equal(joined(graph, x), whole(graph, x))


# -- refusals -----------------------------------------------------------------------------------------------------


def refusals() -> dict[str, tuple[Graph, str]]:
    x = frames(16, rows=2)
    first = ones("conv", x)
    flat = Reshape(name="flat", inputs=(first.output,), shape=(32,), layers=("flatten",))
    top = Pool(
        name="top", inputs=(first.output,), mode="max", size=(2, 16), stride=(2, 16), layers=("global_max",)
    )
    small = Pool(
        name="mean", inputs=(Stream.covering("x", (1, 4, 1), 0, 3, 0),), mode="sum", size=(1, 3), stride=(1, 3),
        padding=((0, 0), (1, 1)),
    )  # fmt: skip
    half = ones("half", first.output, 2, stride=2)
    cut = Crop(name="cut", inputs=(first.output,), cropping=((0, 0), (4, 4)))
    odd = Add(name="sum", inputs=(half.output, cut.output), layers=("odd_sum",))
    wide = [ones("a", x, 9)]
    wide.append(ones("b", wide[-1].output, 9))
    return {
        "flatten": (
            chain(first, flat),
            "flatten: in frames of another size a layer must keep rows and columns, not make (32,) of (2, 16, 1); take "
            "it and what follows out of the model, or convert for the whole frame",
        ),
        "global pool": (
            chain(first, top),
            "global_max: in frames of another size a pool must see a part of the columns, not all 16; convert for "
            "larger frames, or take a global pool out of the model",
        ),
        "average": (
            chain(small),
            "mean: in frames of another size its sums must be over as many columns as here, [2], not [2, 3]; convert "
            "for a larger frame",
        ),
        "join": (
            chain(first, half, cut, odd),
            "odd_sum: joined streams must have the same number of columns for each of the input's in frames of any "
            "size, not 1/2 and 1; convert for the whole frame",
        ),
        "narrow": (
            chain(*wide),
            "net: strips must have at least 17 columns, 16 of them for their neighbours, not 16; convert for frames of "
            "that size",
        ),
        "two outputs": (
            replace(chain(first), outputs=(first.output, x)),
            "net: a network for strips must have one input of columns and channels and one output, not [(2, 16, 1), "
            "(2, 16, 1), (2, 16, 1)]",
        ),
    }


@pytest.mark.parametrize("kind", refusals())
def test_what_has_no_strips_is_refused(kind: str) -> None:
    graph, text = refusals()[kind]
    with pytest.raises(UnsupportedLayer) as error:
        strips(graph)
    assert str(error.value) == text


def test_the_width_that_a_refusal_names_is_enough() -> None:
    graph, _ = refusals()["narrow"]
    assert strips(graph.of_frames(2, 17)).step == 1


@pytest.mark.parametrize(("size", "near"), [(15, "16 or 18"), (25, "24 or 26"), (10_001, "10,000 or 10,002")])
def test_a_frame_that_cannot_be_cut(size: int, near: str) -> None:
    with pytest.raises(BadInput) as error:
        strips(example()).plan(size)
    assert str(error.value) == (
        f"x: columns must be 16 and a multiple of 2 more, not {size:,}; cut or fill the frames to {near}"
    )
