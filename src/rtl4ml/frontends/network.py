# SPDX-License-Identifier: Apache-2.0
"""A network as exact integers: the graph, and how samples become its input. Nothing of the model it came from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rtl4ml.emulation.batches import emulate
from rtl4ml.emulation.strips import Cuts, cuts
from rtl4ml.errors import BadInput, named
from rtl4ml.frontends.functions import Function
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.strips import strips
from rtl4ml.ir.types import Ints, Stream


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """A graph with what surrounds it; that of a model is a `rtl4ml.frontends.parsed.Parsed`.

    graph:     exact integers
    quantizer: turns samples into the integers of the graph's input
    output:    "logits", "argmax" or "mask"
    cut:       per output, the activation that the graph leaves out ("softmax", "sigmoid", "tanh" or "")
    declared:  whether the input's precision was given rather than read from the model
    behind:    the layer of the model's own input quantizer, where a precision was given for what comes before it
    threshold: of a mask, in units of the model's output
    opening:   radius of the disk that opens the mask, or None
    whole:     shape of the model's samples where the graph's are strips of these, else None
    """

    graph: Graph
    quantizer: Function
    output: str
    cut: tuple[str, ...]
    declared: bool
    behind: str = ""
    threshold: float | None = None
    opening: int | None = None
    whole: tuple[int, ...] | None = None

    def __repr__(self) -> str:
        about = f"input {self.quantizer.name}, output {self.output}, {self.graph}"
        return f"<{type(self).__name__} {self.graph.name}: {about}>"

    @property
    def input(self) -> Stream:
        return self.graph.inputs[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the model's samples."""
        return self.whole or self.input.shape

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
            f"{self.behind}: {option} {self.quantizer.name} is the type of the stream before this quantizer: "
            f"inputs are brought to it first, and the quantizer is a part of the hardware"
        )

    def quantize_input(self, x: Any) -> Ints:
        """Samples (N, *shape) of any real dtype to the integers of the input stream. Raises BadInput."""
        return self.integers(check_batch(self.input, x))

    def integers(self, x: NDArray[np.float32]) -> Ints:
        """The input quantizer on checked float32 samples."""
        flat = x.reshape(-1)
        out = np.empty(flat.shape, np.int64)
        for i in range(0, len(flat), 2**18):
            out[i : i + 2**18] = self.steps(flat[i : i + 2**18])
        return out.reshape(x.shape)

    def steps(self, x: NDArray[np.float32]) -> NDArray[Any]:
        """Checked samples of any shape to the integers of the input stream, in a type that holds them."""
        fraction = self.input.type.fraction
        if self.quantizer.rounds_to(fraction):
            return self.quantizer.steps(x)
        y = self.quantizer.f32(x.reshape(-1, 1)).astype(np.float64)
        return np.asarray(np.rint(np.ldexp(y, fraction)).reshape(x.shape))

    def emulate(self, x: Any) -> list[NDArray[np.float64]]:
        """Samples to the exact real values of every output. Larger frames go in strips, as `cut_input` has them."""
        a, cut = self._cut(x)
        return [cut.join(y) for y in emulate(self.graph, a, self.steps)]

    def cut_input(self, x: Any) -> tuple[Ints, Cuts]:
        """Samples to integers (N, *shape) of the input stream, and how what becomes of them is joined.

        x: samples of any real dtype. Larger frames are cut into strips, each of which is one of the N; frames of the
        input's own size stay as they are. Raises BadInput and, where a network has no strips, UnsupportedLayer.
        """
        a, cut = self._cut(x)
        return self.integers(a), cut

    def _cut(self, x: Any) -> tuple[NDArray[np.float32], Cuts]:
        a = check_batch(self.input, x, larger=True)
        found = cuts(self.graph, a.shape[1:])
        return found.split(a), found


def check_batch(stream: Stream, x: Any, *, larger: bool = False) -> NDArray[np.float32]:
    """Samples as float32, as Keras casts them. Raises BadInput for a wrong shape, dtype or value.

    larger: whether frames may have more rows and columns
    """
    try:
        a = np.asarray(x)
    except Exception:  # noqa: BLE001 -- ragged lists and foreign objects
        raise BadInput(
            f"{named('x')}: must be an array of real numbers, not {type(x).__name__}; give a NumPy array"
        ) from None
    want = ", ".join(map(str, stream.shape))
    if a.dtype.kind not in "biuf":
        raise BadInput(
            f"{named('x')}: must be an array of real numbers, not of dtype {a.dtype}; "
            "give a NumPy array of floats or integers"
        )
    if a.shape == stream.shape:
        raise BadInput(
            f"{named('x')}: must be a batch (N, {want}), not one sample {a.shape}; x[None] has the axis"
        )
    fits = a.ndim == len(stream.shape) + 1 and a.shape[-1] == stream.channels
    if not fits or not (a.shape[1:] == stream.shape or (larger and _covers(a.shape[1:], stream.shape))):
        raise BadInput(f"{named('x')}: must be a batch (N, {want}), not {a.shape}; reshape it")
    with np.errstate(over="ignore"):
        f = a.astype(np.float32, copy=False)
    if not np.isfinite(f).all():
        raise BadInput(
            f"{named('x')}: must hold finite numbers of float32, not {a[~np.isfinite(f)].flat[0]}; "
            "remove or replace such samples"
        )
    return f


def _covers(shape: tuple[int, ...], frame: tuple[int, ...]) -> bool:
    """Whether rows and columns are at least those of a frame."""
    return all(n >= own for n, own in zip(shape, frame, strict=True))
