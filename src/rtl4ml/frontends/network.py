# SPDX-License-Identifier: Apache-2.0
"""A network as exact integers: the graph, and how samples become its input. Nothing of the model it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rtl4ml.emulation.batches import emulate
from rtl4ml.emulation.strips import Cuts, cuts
from rtl4ml.errors import BadInput, named
from rtl4ml.frontends.functions import Function
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.several import one_or_all
from rtl4ml.ir.strips import strips
from rtl4ml.ir.types import Ints, Stream

Floats32 = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """A graph with what surrounds it; that of a model is a `rtl4ml.frontends.parsed.Parsed`.

    Samples are an array for a network of one input, and for several a list of arrays, in the order of `graph.inputs`,
    or a dictionary by their names.

    graph:      exact integers
    quantizers: of every input, what turns samples into its integers
    output:     "logits", "argmax" or "mask"
    cut:        per output, the activation that the graph leaves out ("softmax", "sigmoid", "tanh" or "")
    declared:   whether the inputs' precision was given rather than read from the model
    behind:     the layer of the model's own input quantizer, where a precision was given for what comes before it
    threshold:  of a mask, in units of the model's output
    opening:    radius of the disk that opens the mask, or None
    whole:      shape of the model's samples where the graph's are strips of these, else None
    """

    graph: Graph
    quantizers: tuple[Function, ...]
    output: str
    cut: tuple[str, ...]
    declared: bool
    behind: str = ""
    threshold: float | None = None
    opening: int | None = None
    whole: tuple[int, ...] | None = None

    def __repr__(self) -> str:
        names = ", ".join(q.name for q in self.quantizers)
        about = f"input {names}, output {self.output}, {self.graph}"
        return f"<{type(self).__name__} {self.graph.name}: {about}>"

    @property
    def input(self) -> Stream:
        """Of a network of one."""
        (only,) = self.graph.inputs
        return only

    @property
    def quantizer(self) -> Function:
        """Of the one input."""
        (only,) = self.quantizers
        return only

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of the model's samples, for every input."""
        return (self.whole,) if self.whole else tuple(s.shape for s in self.graph.inputs)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the model's samples, of the one input."""
        (only,) = self.shapes
        return only

    @property
    def macs(self) -> int:
        """Multiply-accumulates a sample of the model."""
        if self.whole is None:
            return self.graph.macs
        return self.graph.of_frames(self.input.hwc[0], self.whole[-2]).macs

    def in_strips(self, columns: int) -> Self:
        """The model with a graph of frames of fewer columns, of which its own are joined.

        Raises BadInput where the model's frames are no such strips, UnsupportedLayer where it has none.
        """
        if len(self.graph.inputs) > 1:
            strips(self.graph)  # refuses it
        rows, own, _ = self.input.hwc
        if len(self.input.shape) == 1 or columns >= own:
            raise BadInput(
                f"{named('columns')}: must be fewer than the model's {own:,}, not {columns:,}; leave it out"
            )
        align = strips(self.graph).align
        if (own - columns) % align:
            less = own - -(-(own - columns) // align) * align
            near = [f"{n:,}" for n in (less + align, less) if 0 < n < own]
            raise BadInput(
                f"{named('columns')}: must be the model's {own:,} less a multiple of {align:,}, not {columns:,}; "
                f"{'take ' + ' or '.join(near) if near else 'leave it out'}"
            )
        graph = self.graph.of_frames(rows, columns)
        strips(graph)
        return replace(self, graph=graph, whole=self.input.shape)

    def notice(self, option: str = "input_precision") -> str:
        """What a user must know of the precision that `option` gave beside the model's own quantizer; else ""."""
        if not self.behind:
            return ""
        return (
            f"{self.behind}: {option} {self.quantizers[0].name} is the type of the stream before this quantizer: "
            f"inputs are brought to it first, and the quantizer is a part of the hardware"
        )

    def quantize_input(self, x: Any) -> Ints | list[Ints]:
        """Samples (N, *shape) of any real dtype to the integers of the input stream, or of each. Raises BadInput."""
        return one_or_all(self.integers(self.samples(x)))

    def arrays(self, x: Any) -> list[Any]:
        """What is given for each input, in the order of `graph.inputs`. Raises BadInput where something lacks.

        x: as it is for one input; a list or, by the inputs' names, a dictionary for several, and for one if you like
        """
        streams = self.graph.inputs
        names = ", ".join(s.name for s in streams)
        if isinstance(x, Mapping):
            if set(x) != {s.name for s in streams}:
                raise BadInput(
                    f"{named('x')}: must have an array for each input ({names}) and no other, not for "
                    f"{', '.join(map(str, x)) or 'none'}; give {{{', '.join(f'{s.name!r}: …' for s in streams)}}}"
                )
            return [x[s.name] for s in streams]
        if len(streams) == 1:
            return [x]
        if not isinstance(x, list | tuple) or len(x) != len(streams):
            has = f"{type(x).__name__} of {len(x)}" if isinstance(x, list | tuple) else type(x).__name__
            raise BadInput(
                f"{named('x')}: must be a list of {len(streams)} arrays, one for each input ({names}), not {has}; "
                f"give [{names}]"
            )
        return list(x)

    def samples(self, x: Any, *, larger: bool = False) -> list[Floats32]:
        """Samples of every input as float32, as Keras casts them. Raises BadInput.

        larger: whether frames of a network of one input may have more rows and columns
        """
        streams, given = self.graph.inputs, self.arrays(x)
        if len(streams) == 1:
            return [check_batch(streams[0], given[0], larger=larger)]
        names = ", ".join(s.name for s in streams)
        found = [check_batch(s, a, f"{named('x')}: {s.name}") for s, a in zip(streams, given, strict=True)]
        if len({len(a) for a in found}) > 1:
            raise BadInput(
                f"{named('x')}: the inputs ({names}) must have as many samples each, not "
                f"{', '.join(str(len(a)) for a in found)}; give a sample of every input"
            )
        return found

    def integers(self, x: Sequence[Floats32]) -> list[Ints]:
        """The input quantizers on checked float32 samples."""
        return [self._integers(k, a) for k, a in enumerate(x)]

    def _integers(self, k: int, x: Floats32) -> Ints:
        flat = x.reshape(-1)
        out = np.empty(flat.shape, np.int64)
        for i in range(0, len(flat), 2**18):
            out[i : i + 2**18] = self.steps(k, flat[i : i + 2**18])
        return out.reshape(x.shape)

    def steps(self, k: int, x: Floats32) -> NDArray[Any]:
        """Checked samples of input `k`, of any shape, to its integers, in a type that holds them."""
        fraction, quantizer = self.graph.inputs[k].type.fraction, self.quantizers[k]
        if quantizer.rounds_to(fraction):
            return quantizer.steps(x)
        y = quantizer.f32(x.reshape(-1, 1)).astype(np.float64)
        return np.asarray(np.rint(np.ldexp(y, fraction)).reshape(x.shape))

    def seen_by_model(self, x: Sequence[Floats32]) -> list[Floats32]:
        """Checked samples as the model gets them: behind the declared precision, which comes before the model."""
        if not self.declared:
            return list(x)
        ints = zip(self.graph.inputs, self.integers(x), strict=True)
        return [s.real(a).astype(np.float32) for s, a in ints]

    def emulate(self, x: Any) -> list[NDArray[np.float64]]:
        """Samples to the exact real values of every output. Larger frames go in strips, as `cut_input` has them."""
        a, cut = self._cut(x)
        read = [partial(self.steps, k) for k in range(len(a))]
        return [cut.join(y) for y in emulate(self.graph, a, read)]

    def cut_input(self, x: Any) -> tuple[list[Ints], Cuts]:
        """Samples to integers (N, *shape) of every input stream, and how what becomes of them is joined.

        x: samples of any real dtype. Larger frames are cut into strips, each of which is one of the N; frames of the
        input's own size stay as they are. Raises BadInput and, where a network has no strips, UnsupportedLayer.
        """
        a, cut = self._cut(x)
        return self.integers(a), cut

    def _cut(self, x: Any) -> tuple[list[Floats32], Cuts]:
        a = self.samples(x, larger=True)
        if len(a) > 1:
            return a, Cuts(())
        found = cuts(self.graph, a[0].shape[1:])
        return [found.split(a[0])], found


def check_batch(stream: Stream, x: Any, what: str = named("x"), *, larger: bool = False) -> Floats32:
    """Samples as float32, as Keras casts them. Raises BadInput for a wrong shape, dtype or value.

    what: how an error names them; larger: whether frames may have more rows and columns
    """
    try:
        a = np.asarray(x)
    except Exception:  # noqa: BLE001 -- ragged lists and foreign objects
        raise BadInput(
            f"{what}: must be an array of real numbers, not {type(x).__name__}; give a NumPy array"
        ) from None
    want = ", ".join(map(str, stream.shape))
    if a.dtype.kind not in "biuf":
        raise BadInput(
            f"{what}: must be an array of real numbers, not of dtype {a.dtype}; "
            "give a NumPy array of floats or integers"
        )
    if a.shape == stream.shape:
        raise BadInput(f"{what}: must be a batch (N, {want}), not one sample {a.shape}; x[None] has the axis")
    fits = a.ndim == len(stream.shape) + 1 and a.shape[-1] == stream.channels
    if not fits or not (a.shape[1:] == stream.shape or (larger and _covers(a.shape[1:], stream.shape))):
        raise BadInput(f"{what}: must be a batch (N, {want}), not {a.shape}; reshape it")
    with np.errstate(over="ignore"):
        f = a.astype(np.float32, copy=False)
    if not np.isfinite(f).all():
        raise BadInput(
            f"{what}: must hold finite numbers of float32, not {a[~np.isfinite(f)].flat[0]}; "
            "remove or replace such samples"
        )
    return f


def _covers(shape: tuple[int, ...], frame: tuple[int, ...]) -> bool:
    """Whether rows and columns are at least those of a frame."""
    return all(n >= own for n, own in zip(shape, frame, strict=True))
