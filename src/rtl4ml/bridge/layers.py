# SPDX-License-Identifier: Apache-2.0
"""Operators as layers of hls4ml."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.bridge.precision import as_ap, precision
from rtl4ml.errors import HlsCannot
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.mappings import Rounding, Table, Thresholds
from rtl4ml.ir.op import Op
from rtl4ml.ir.types import Fixed, Ints, Stream
from rtl4ml.netlist.plan import Plan
from rtl4ml.ops.activation import Activation
from rtl4ml.ops.bilinear import Bilinear
from rtl4ml.ops.conv import Conv, Depthwise, Linear
from rtl4ml.ops.head import ArgMax, Mask
from rtl4ml.ops.merge import Add, Concat, Product
from rtl4ml.ops.opening import Opening
from rtl4ml.ops.pool import Pool
from rtl4ml.ops.scale import Scale
from rtl4ml.ops.shape import Crop, Pad, Reshape, UpSample
from rtl4ml.ops.stuff import Stuff

# What hls4ml's passes put before the name of a layer for a layer of their own.
_PASSES = ("clone_", "repack_", "zp1d_", "zp2d_", "bnbt_")
# hls4ml's clone_stream has versions for up to seven readers.
_MOST_READERS = 7


# -- the project --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HlsLayer:
    """One layer of the project: what it does for which operator, and how its multipliers are shared."""

    name: str
    kind: str
    operator: str
    result: str
    strategy: str = ""
    reuse_factor: int = 1


# -- the layer list -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Node:
    """A layer of the list: its name, the type and shape of its result."""

    name: str
    type: Fixed
    shape: tuple[int, ...]
    precision: str


@dataclass
class Layers:
    """Builds hls4ml's list of layers and their configuration from a graph."""

    graph: Graph
    plan: Plan
    entries: list[dict[str, Any]] = field(default_factory=list)
    config: dict[str, dict[str, Any]] = field(default_factory=dict)
    expected: dict[str, dict[str, Any]] = field(default_factory=dict)
    report: list[HlsLayer] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    _nodes: dict[str, _Node] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=lambda: {"input"})
    _op: str = ""

    def build(self) -> None:
        """Fills the lists. Raises HlsCannot, with a text of every layer that cannot be held."""
        if len(self.graph.inputs) != 1 or len(self.graph.outputs) != 1:
            raise HlsCannot(
                f"{self.graph.name}: an HLS project must have one input and one output, "
                f"not {len(self.graph.inputs)} and {len(self.graph.outputs)}; split the model"
            )
        if not self.graph.ops:
            raise HlsCannot(
                f"{self.graph.name}: hls4ml 1.3 cannot hold a model that only quantizes its input"
            )
        for s in self.graph.inputs:
            name = self._name("model_input" if s.name.lower() == "input" else s.name)
            self._op = s.name
            node = self._add(
                "InputLayer",
                name,
                [],
                s.type,
                s.shape,
                input_shape=list(s.shape),
                data_format="channels_last",
            )
            self.inputs.append(name)
            self._nodes[s.name] = node
        refused: list[str] = []
        for op in self.graph.ops:
            self._op = op.layers[-1] if op.layers else op.name
            try:
                self._nodes[op.output.name] = self._node(op)
            except HlsCannot as error:
                refused.append(str(error))
                s = op.output  # as if it could be held, to see the others
                self._nodes[s.name] = _Node(op.name, s.type, s.shape, precision(s.type))
        if refused:
            raise HlsCannot(*refused)
        for s in self.graph.outputs:
            self._op = s.name
            self.outputs.append(self._read(s).name)
        if self.outputs == self.inputs:
            raise HlsCannot(
                f"{self.graph.name}: hls4ml 1.3 cannot hold a model that only quantizes its input"
            )

    # -- pieces --

    def _node(self, op: Op) -> _Node:
        """The last of the layers that do an operator's work."""
        readers = len(self.graph.readers.get(op.output.name, [])) + sum(
            s.name == op.output.name for s in self.graph.outputs
        )
        if readers > _MOST_READERS:
            raise HlsCannot(
                f"{self._op}: hls4ml 1.3 cannot copy a stream to {readers} readers, only to {_MOST_READERS}"
            )
        return self._lower(op, [self._read(s) for s in op.inputs])

    def _name(self, hint: str) -> str:
        """A name that no other layer has, nor gets from hls4ml's passes, whatever its case."""
        name, k = hint, 1
        while not self._taken.isdisjoint(forms := {f"{p}{name}".lower() for p in ("", *_PASSES)}):
            k += 1
            name = f"{hint}_{k}"
        self._taken |= forms
        return name

    def _add(
        self,
        kind: str,
        hint: str,
        inputs: Sequence[_Node],
        t: Fixed,
        shape: tuple[int, ...],
        *,
        result: str = "",
        types: dict[str, str] | None = None,
        weights: dict[str, NDArray[np.float64]] | None = None,
        strategy: str = "",
        reuse: int = 1,
        **attributes: Any,
    ) -> _Node:
        """Appends a layer; `types` are the types of its accumulator, weights and bias, `weights` their numbers."""
        name = hint if kind == "InputLayer" else self._name(hint)
        result = result or precision(t)
        all_types = {"result": result, **(types or {})}
        self.config[name] = {"Precision": all_types, "ReuseFactor": reuse}
        if strategy:
            self.config[name]["Strategy"] = strategy
        entry = {"class_name": kind, "name": name, "inputs": [n.name for n in inputs], **attributes}
        for what, data in (weights or {}).items():
            entry[f"{what}_data"] = data.copy()  # hls4ml keeps the array; ours is what it is compared with
        self.entries.append(entry)
        self.expected[name] = {
            "types": all_types,
            "weights": weights or {},
            "reuse": reuse,
            "strategy": strategy,
        }
        self.report.append(HlsLayer(name, kind, self._op, result, strategy, reuse))
        return _Node(name, t, shape, result)

    def _cell(
        self,
        cell: str,
        hint: str,
        x: _Node,
        t: Fixed,
        shape: tuple[int, ...],
        *,
        constants: dict[str, int] | None = None,
        tables: dict[str, tuple[NDArray[np.float64], str]] | None = None,
    ) -> _Node:
        """Appends a function of our own header."""
        return self._add(
            "R4Cell",
            hint,
            [x],
            t,
            shape,
            weights={},
            cell=cell,
            out_shape=shape,
            constants={"n_pixels": prod(shape[:-1]), **(constants or {})},
            tables=tables or {},
        )

    def _read(self, s: Stream) -> _Node:
        """The node that makes a stream, on the grid on which the reader takes its integers."""
        node = self._nodes[s.name]
        if node.type.fraction == s.type.fraction:
            return node
        t = Fixed(
            node.type.signed, node.type.width - int(node.type.signed) - s.type.fraction, s.type.fraction
        )
        return self._cell("r4_rename", f"{node.name}_grid", node, t, node.shape)

    # -- operators --

    def _lower(self, op: Op, xs: list[_Node]) -> _Node:
        x = xs[0]
        if isinstance(op, Depthwise):
            return self._depthwise(op, x)
        if isinstance(op, Conv):
            return self._conv(op, x)
        if isinstance(op, Activation):
            return self._activation(op, x)
        if isinstance(op, Pool):
            return self._pool(op, x)
        if isinstance(op, Reshape):
            return self._reshape(op, x)
        if isinstance(op, Pad):
            return self._pad(op.name, x, op.padding)
        if isinstance(op, Crop):
            return self._crop(op, x)
        if isinstance(op, UpSample):
            return self._upsample(op, x)
        if isinstance(op, Bilinear):
            return self._spread("r4_bilinear", op, x, {"bits": op.output.type.width + 2})
        if isinstance(op, Stuff):
            return self._spread("r4_stuff", op, x, {})
        if isinstance(op, Scale):
            return self._scale(op, x)
        if isinstance(op, Opening):
            return self._opening(op, x)
        if isinstance(op, Concat):
            return self._joined(op, xs, "Concatenate", "concatenate")
        if isinstance(op, Add):
            return self._joined(op, xs, "Merge", "add")
        if isinstance(op, Product):
            return self._joined(op, xs, "Merge", "multiply", [s.type for s in op.partial])
        if isinstance(op, ArgMax):
            t = op.output.type
            return self._cell("r4_argmax", op.name, x, t, op.output.shape, constants={"bits": t.width + 2})
        if isinstance(op, Mask):
            bits = max(x.type.width, op.threshold.bit_length()) + 2
            constants = {"threshold": op.threshold, "bits": bits}
            return self._cell("r4_mask", op.name, x, op.output.type, op.output.shape, constants=constants)
        raise HlsCannot(
            f"{self._op}: hls4ml 1.3 cannot hold the operator {op.op}, and rtl4ml adds none for it"
        )

    def _weights(self, op: Linear) -> tuple[dict[str, str], NDArray[np.float64], NDArray[np.float64] | None]:
        """Types of accumulator, weights and bias; the real weights and bias."""
        fraction = int(op.weight_fraction.max())
        per_output = fraction - op.weight_fraction
        shape = op.weights.shape
        aligned = op.weights.reshape(-1, op.out_channels) << per_output
        types = {
            "accum": precision(op.output.type),
            "weight": precision(Fixed.covering(int(aligned.min()), int(aligned.max()), fraction)),
        }
        real = np.ldexp(aligned.astype(np.float64), -fraction).reshape(shape)
        if op.bias is None:
            return types, real, None
        types["bias"] = precision(Fixed.covering(int(op.bias.min()), int(op.bias.max()), op.bias_fraction))
        return types, real, np.ldexp(op.bias.astype(np.float64), -op.bias_fraction)

    def _share(self, op: Linear) -> tuple[str, int]:
        """Strategy and reuse factor with the multipliers of the folding, or more where hls4ml has no such factor."""
        folding = self.plan[op]
        n_in, n_out = prod(op.weights.shape[:3]), op.weights.shape[3]
        if isinstance(op, Depthwise):
            lanes = max(1, folding.pe // op.multiplier)
            taps = max(1, folding.simd // lanes)
            return "Latency", max(1, (op.x.channels // lanes) * (prod(op.kernel) // taps))
        want = max(1, (n_in // max(1, folding.simd)) * (n_out // max(1, folding.pe)))
        legal = [rf for rf in range(1, want + 1) if _legal_reuse(n_in, n_out, rf)]
        return ("Latency", 1) if legal[-1] == 1 else ("Resource", legal[-1])

    def _dilated(self, w: NDArray[np.float64], dilation: tuple[int, int]) -> NDArray[np.float64]:
        """The kernel with zeros between its taps: hls4ml knows no dilation."""
        (kh, kw), (dh, dw) = w.shape[:2], dilation
        out = np.zeros(((kh - 1) * dh + 1, (kw - 1) * dw + 1, *w.shape[2:]))
        out[::dh, ::dw] = w
        return out

    def _second_row(
        self, op: Linear | Pool, x: _Node, kernel: NDArray[np.float64]
    ) -> tuple[_Node, NDArray[np.float64]]:
        """A kernel of one row gets one of zeros below it, and the frame a row where the last window would need it.

        hls4ml walks such a kernel along every row, those included that the stride steps over. Its pointwise
        convolution does not.
        """
        pointwise = isinstance(op, Conv) and kernel.shape[:2] == (1, 1)
        if len(x.shape) < 3 or kernel.shape[0] > 1 or op.stride[0] == 1 or x.shape[0] == 1 or pointwise:
            return x, kernel
        below = (op.out_hw[0] - 1) * op.stride[0] + 2 - x.shape[0]
        if below > 0:
            x = self._pad(f"{op.name}_below", x, ((0, below), (0, 0)))
        return x, np.concatenate([kernel, np.zeros_like(kernel)])

    def _conv(self, op: Conv, x: _Node) -> _Node:
        types, real, bias = self._weights(op)
        strategy, reuse = self._share(op)
        shape, t = op.output.shape, op.output.type
        if len(op.x.shape) == 1:
            _, _, n_in, n_out = real.shape
            return self._add(
                "Dense", op.name, [x], t, shape,
                types=types, weights=_named(real.reshape(n_in, n_out), bias), strategy=strategy, reuse=reuse,
                n_in=n_in, n_out=n_out, use_bias=bias is not None, **_without(bias),
            )  # fmt: skip
        if any(p for pair in op.padding for p in pair):
            x = self._pad(f"{op.name}_pad", x, op.padding)
        x, real = self._second_row(op, x, self._dilated(real, op.dilation))
        if real.shape[:2] != op.kernel:  # the factor must suit the kernel with its zeros
            strategy, reuse = "Latency", 1 if strategy == "Latency" else reuse
        return self._window(
            "Conv", op, x, real,
            types=types, weights=_named(real, bias), strategy=strategy, reuse=reuse, **_without(bias),
        )  # fmt: skip

    def _depthwise(self, op: Depthwise, x: _Node) -> _Node:
        types, real, bias = self._weights(op)
        strategy, reuse = self._share(op)
        if any(p for pair in op.padding for p in pair):
            x = self._pad(f"{op.name}_pad", x, op.padding)
        if op.multiplier > 1:
            shape = (*x.shape[:-1], op.out_channels)
            x = self._cell(
                "r4_repeat", f"{op.name}_repeat", x, x.type, shape, constants={"times": op.multiplier}
            )
        x, real = self._second_row(
            op, x, self._dilated(real.reshape(*op.kernel, op.out_channels, 1), op.dilation)
        )
        return self._window(
            "DepthwiseConv", op, x, real,
            types=types, weights=_named(real, bias, "depthwise"), strategy=strategy, reuse=reuse, **_without(bias),
        )  # fmt: skip

    def _window(
        self, kind: str, op: Linear | Pool, x: _Node, kernel: NDArray[np.float64], **options: Any
    ) -> _Node:
        """A convolution without padding, one- or two-dimensional."""
        n_filt = op.output.channels
        attributes: dict[str, Any] = {
            "data_format": "channels_last", "n_chan": x.shape[-1], "n_filt": n_filt, "use_bias": True,
            "in_width": x.shape[-2], "out_width": op.output.shape[-2], "filt_width": kernel.shape[1],
            "stride_width": op.stride[1], "pad_left": 0, "pad_right": 0,
        }  # fmt: skip
        if kind == "DepthwiseConv":
            attributes["depth_multiplier"] = 1
        rank = len(x.shape) - 1
        if rank == 1:
            weights = options["weights"]
            options["weights"] = {k: v.reshape(v.shape[1:]) if v.ndim == 4 else v for k, v in weights.items()}
        else:
            attributes |= {
                "in_height": x.shape[0], "out_height": op.output.shape[0], "filt_height": kernel.shape[0],
                "stride_height": op.stride[0], "pad_top": 0, "pad_bottom": 0,
            }  # fmt: skip
        return self._add(
            f"{kind}{rank}D", op.name, [x], op.output.type, op.output.shape, **options, **attributes
        )

    def _activation(self, op: Activation, x: _Node) -> _Node:
        m, t, shape = op.mapping, op.output.type, op.output.shape
        if isinstance(m, Rounding):
            ap = as_ap(op.x, m, t, op.lo, op.hi)
            if ap is not None:
                t, rounding, saturation = ap
                kind = "linear" if op.x.lo >= 0 or t.signed else "relu"
                return self._add(
                    "Activation", op.name, [x], t, shape,
                    result=precision(t, rounding, saturation), activation=kind, n_in=prod(shape),
                )  # fmt: skip
            left, right = max(0, -m.shift), max(0, m.shift)
            bits = max(x.type.width + left, m.lo.bit_length(), m.hi.bit_length()) + 2
            constants = {"bits": bits, "left": left, "right": right, "lo": m.lo, "hi": m.hi}
            return self._cell("r4_round", op.name, x, t, shape, constants=constants)
        if isinstance(m, Thresholds):
            bits = max(
                x.type.width + 1, *(int(v).bit_length() + 1 for v in (m.thresholds.min(), m.thresholds.max()))
            )
            constants = {
                "rows": len(m.thresholds), "level_rows": len(m.levels), "n_thresholds": m.thresholds.shape[1],
                "bits": bits, "level_bits": t.width + 1,
            }  # fmt: skip
            tables = {
                "thresholds": (m.thresholds.astype(np.float64), f"int<{bits}>"),
                "levels": _table(m.levels),
            }
            return self._cell("r4_threshold", op.name, x, t, shape, constants=constants, tables=tables)
        if isinstance(m, Table):
            bits = max(x.type.width + 1, abs(m.first).bit_length() + 1, m.table.shape[1].bit_length() + 1) + 1
            constants = {
                "rows": len(m.table), "entries": m.table.shape[1], "first": m.first,
                "bits": bits, "level_bits": t.width + 1,
            }  # fmt: skip
            tables = {"table": _table(m.table)}
            return self._cell("r4_table", op.name, x, t, shape, constants=constants, tables=tables)
        raise HlsCannot(
            f"{self._op}: hls4ml 1.3 cannot hold {type(m).__name__}, and rtl4ml adds nothing for it"
        )

    def _pool(self, op: Pool, x: _Node) -> _Node:
        """A maximum as hls4ml has it; a sum as a depthwise convolution with ones, or over the whole frame."""
        h, w, c = op.x.hwc
        padded = any(p for pair in op.padding for p in pair)
        made = op.output.type
        t = Fixed(
            made.signed, made.integer + op.shift, made.fraction - op.shift
        )  # the point is moved by the reader
        if op.mode == "sum":
            if op.size == (h, w) and not padded:
                constants = {"n_pixels": h * w, "bits": t.width + 1}
                return self._cell("r4_global_sum", op.name, x, t, op.output.shape, constants=constants)
            if padded:
                x = self._pad(f"{op.name}_pad", x, op.padding)
            x, ones = self._second_row(op, x, np.ones((*op.size, c, 1)))
            types = {"accum": precision(t), "weight": precision(Fixed(False, 1, 0))}
            node = self._window(
                "DepthwiseConv", op, x, ones, types=types, weights=_named(ones, None, "depthwise"),
                strategy="Latency", **_without(None), result=precision(t),
            )  # fmt: skip
            return _Node(node.name, t, node.shape, node.precision)
        rank = len(op.x.shape) - 1
        if rank == 2 and op.size != op.stride:
            over = any(k > s for k, s in zip(op.size, op.stride, strict=True))
            how = "overlapping windows" if over else "windows that lie apart"
            raise HlsCannot(
                f"{self._op}: hls4ml 1.3 cannot pool {how} in two dimensions, "
                f"size {op.size} with stride {op.stride}"
            )
        if padded:
            x = self._margin(f"{op.name}_pad", x, op.padding, op.pad_value)
        attributes: dict[str, Any] = {
            "n_filt": c, "pool_width": op.size[1], "stride_width": op.stride[1], "pad_left": 0, "pad_right": 0,
            "data_format": "channels_last", "count_pad": False,
        }  # fmt: skip
        if rank == 1:
            attributes |= {"n_in": x.shape[0], "n_out": op.out_hw[1]}
        else:
            attributes |= {
                "in_height": x.shape[0], "in_width": x.shape[1], "out_height": op.out_hw[0],
                "out_width": op.out_hw[1], "pool_height": op.size[0], "stride_height": op.stride[0],
                "pad_top": 0, "pad_bottom": 0,
            }  # fmt: skip
        types = {"accum": precision(x.type)}
        return self._add(
            f"MaxPooling{rank}D", op.name, [x], x.type, op.output.shape, types=types, **attributes
        )

    def _padded(self, x: _Node, padding: Sequence[Sequence[int]]) -> tuple[int, ...]:
        sizes = padding if len(x.shape) == 3 else padding[1:]
        return (*(n + sum(p) for n, p in zip(x.shape[:-1], sizes, strict=True)), x.shape[-1])

    def _pad(self, hint: str, x: _Node, padding: Sequence[Sequence[int]]) -> _Node:
        """Zeros around the frame."""
        shape = self._padded(x, padding)
        (top, bottom), (left, right) = padding
        attributes: dict[str, Any] = {
            "data_format": "channels_last", "n_chan": x.shape[-1], "in_width": x.shape[-2], "out_width": shape[-2],
            "pad_left": left, "pad_right": right,
        }  # fmt: skip
        if len(x.shape) == 3:
            attributes |= {
                "in_height": x.shape[0],
                "out_height": shape[0],
                "pad_top": top,
                "pad_bottom": bottom,
            }
        kind = f"ZeroPadding{len(x.shape) - 1}D"
        return self._add(kind, hint, [x], x.type, shape, result=x.precision, **attributes)

    def _margin(self, hint: str, x: _Node, padding: Sequence[Sequence[int]], value: int) -> _Node:
        """An integer around the frame."""
        shape = self._padded(x, padding)
        h, w = (1, *x.shape[:-1])[-2:]
        constants = {
            "in_height": h, "in_width": w, "out_height": (1, *shape[:-1])[-2], "out_width": shape[-2],
            "top": padding[0][0], "left": padding[1][0], "value": value, "bits": x.type.width + 1,
        }  # fmt: skip
        return self._cell("r4_margin", hint, x, x.type, shape, constants=constants)

    def _crop(self, op: Crop, x: _Node) -> _Node:
        (top, bottom), (left, right) = op.cropping
        shape = op.output.shape
        attributes: dict[str, Any] = {
            "data_format": "channels_last", "n_chan": x.shape[-1], "in_width": x.shape[-2], "out_width": shape[-2],
            "crop_left": left, "crop_right": right,
        }  # fmt: skip
        if len(shape) == 3:
            attributes |= {
                "in_height": x.shape[0],
                "out_height": shape[0],
                "crop_top": top,
                "crop_bottom": bottom,
            }
        return self._add(
            f"Cropping{len(shape) - 1}D", op.name, [x], x.type, shape, result=x.precision, **attributes
        )

    def _upsample(self, op: UpSample, x: _Node) -> _Node:
        h, w, c = op.x.hwc
        rank = len(op.x.shape) - 1
        return self._add(
            f"UpSampling{rank}D", op.name, [x], x.type, op.output.shape, result=x.precision,
            data_format="channels_last", in_height=h, in_width=w, out_height=op.out_hw[0], out_width=op.out_hw[1],
            n_chan=c, algorithm="nearest",
        )  # fmt: skip

    def _spread(self, cell: str, op: Bilinear | Stuff, x: _Node, constants: dict[str, int]) -> _Node:
        """More rows and columns than before, by a function of our own."""
        (h, w, _), (fh, fw) = op.x.hwc, op.factor
        constants = {"in_height": h, "in_width": w, "factor_h": fh, "factor_w": fw, **constants}
        return self._cell(cell, op.name, x, op.output.type, op.output.shape, constants=constants)

    def _scale(self, op: Scale, x: _Node) -> _Node:
        """A factor for every row and every column, by a function of our own."""
        rows, columns = op.factors
        made = op.output.type
        constants = {"height": len(rows), "width": len(columns), "bits": made.width + 2}
        tables = {"row_factors": _table(rows), "column_factors": _table(columns)}
        return self._cell("r4_scale", op.name, x, made, op.output.shape, constants=constants, tables=tables)

    def _opening(self, op: Opening, x: _Node) -> _Node:
        """An erosion, then a dilation."""
        h, w, _ = op.x.hwc
        for name, outside in ((f"{op.name}_erosion", 1), (op.name, 0)):
            constants = {"height": h, "width": w, "radius": op.radius, "outside": outside}
            x = self._cell("r4_morph", name, x, op.output.type, op.output.shape, constants=constants)
        return x

    def _reshape(self, op: Reshape, x: _Node) -> _Node:
        """Nothing where a dense layer gathers the stream anyway; else packs of another size."""
        readers = self.graph.readers.get(op.output.name, [])
        outside = any(s.name == op.output.name for s in self.graph.outputs)
        gathered = len(readers) == 1 and not outside and isinstance(readers[0], Conv)
        if gathered and len(op.shape) == 1 and x.type.fraction == readers[0].x.type.fraction:
            return self._add(
                "Reshape", op.name, [x], x.type, op.shape, result=x.precision, target_shape=list(op.shape)
            )
        a, b = x.shape[-1], op.shape[-1]
        if a % b and b % a:  # hls4ml repacks between multiples only
            step = (op.x.elements // np.gcd(a, b), int(np.gcd(a, b)))
            x = self._repack(f"{op.name}_step", x, (int(step[0]), step[1]))
        return self._repack(op.name, x, op.shape)

    def _repack(self, hint: str, x: _Node, shape: tuple[int, ...]) -> _Node:
        return self._add("Repack", hint, [x], x.type, shape, result=x.precision, target_shape=list(shape))

    def _joined(self, op: Op, xs: list[_Node], kind: str, how: str, partial: Sequence[Fixed] = ()) -> _Node:
        """Two streams at a time; `partial` are the types of what the first few inputs make, else all the output's."""
        node = xs[0]
        for k, x in enumerate(xs[1:], 1):
            last = k == len(xs) - 1
            t = partial[k] if partial else op.output.type
            shape = op.output.shape
            if how == "concatenate":
                shape = (*node.shape[:-1], node.shape[-1] + x.shape[-1])
            hint = op.name if last else f"{op.name}_{k}"
            attributes: dict[str, Any] = {"op": how}
            if how == "concatenate":
                attributes = {"op": f"concatenate{len(shape)}d", "axis": -1, "data_format": "channels_last"}
            node = self._add(kind, hint, [node, x], t, shape, **attributes)
        return node


def _named(
    weights: NDArray[np.float64], bias: NDArray[np.float64] | None, name: str = "weight"
) -> dict[str, NDArray[np.float64]]:
    return {name: weights} if bias is None else {name: weights, "bias": bias}


def _without(bias: NDArray[np.float64] | None) -> dict[str, Any]:
    return {"bias_data": None} if bias is None else {}


def _table(rows: Ints) -> tuple[NDArray[np.float64], str]:
    """A table's numbers and the type that holds them."""
    return rows.astype(
        np.float64
    ), f"int<{Fixed.covering(min(int(rows.min()), -1), int(rows.max()), 0).width}>"


def _legal_reuse(n_in: int, n_out: int, rf: int) -> bool:
    """Whether hls4ml's resource strategy has this reuse factor (FPGABackend._validate_reuse_factor)."""
    limit = -(-n_in * n_out // min(n_in, rf))
    return (limit % n_out == 0 or rf >= n_in) and (rf % n_in == 0 or rf < n_in) and n_in * n_out % rf == 0
