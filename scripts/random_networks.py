# SPDX-License-Identifier: Apache-2.0
"""Random QKeras networks: layers and quantizers of the README's tables, in any order that Keras allows.

Those of `random_layers.py` have all of them. Here the networks of a seed stay as they are: figures were taken of them.

Nothing here knows what rtl4ml takes. A network that Keras builds is a network that a user may bring; whether it is
converted or refused, and for what reason, is what `scripts/fuzz.py` finds out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np

import rtl4ml.steps  # noqa: F401 -- makes step_activation known to QKeras
from rtl4ml.device import ZCU102
from rtl4ml.host import frameworks
from rtl4ml.models import unet

# Names that hardware uses for itself, keywords, and names that become equal when they are made identifiers.
HOSTILE = (
    "m_axis", "s_axis", "x", "y", "x_f", "sum", "sum_f", "act", "act_fork", "conv", "conv_taps", "conv_mvu", "u_x",
    "clk_i", "rst_ni", "module", "wire", "logic", "r4_fifo", "r4_top", "input_1", "layer2_out", "int", "a.b", "a_b",
    "a-b", "Conv", "dense_by1", "edges", "nnet", "data", "valid", "x_by2", "fork", "x_2", "1st",
)  # fmt: skip

# Networks are small, so that a simulator is compiled in seconds: elements of any tensor, products of any layer.
MOST_ELEMENTS = 1500
MOST_PRODUCTS = 40_000
# Of a PReLU's channels.
SLOPES = (0.0, 0.25, 0.5, 1.0, 0.3, -0.5)


@dataclass
class Drawn:
    """A random network. options: arguments of `convert`; text: its layers, a line each."""

    model: Any
    options: dict[str, Any]
    text: list[str] = field(default_factory=list)


def draw(seed: Sequence[int]) -> Drawn:
    """The network of a seed. Its weights are drawn too; the same seed gives the same network."""
    return Network(np.random.default_rng(seed)).finished()


def draw_unet(seed: Sequence[int]) -> Drawn:
    """A small U-Net of a seed, of two to five levels, with random weights and homes of its skips.

    Its device answers from DRAM after 10 to 400 cycles.
    """
    rng = np.random.default_rng(seed)
    levels = int(rng.integers(2, 6))
    step = 2 ** (levels - 1)
    size = [step * int(rng.integers(1, max(2, 33 // step))) for _ in range(2)]
    widths = [int(rng.choice([1, 2, 3, 4, 6, 8])) for _ in range(levels)]
    bits = {k: int(rng.integers(2, 9)) for k in ("weight_bits", "activation_bits")}
    model = unet.build(
        widths=widths, size=size, channels=int(rng.integers(1, 4)), bias_bits=8, blocks=int(rng.integers(1, 3)),
        **bits,
    )  # fmt: skip
    for layer in model.layers:
        layer.set_weights([rng.uniform(-1, 1, w.shape) for w in layer.get_weights()])
    homes = {f"up{k}_concat": str(rng.choice(["bram", "late", "dram"])) for k in range(1, levels)}
    target = size[0] * size[1] * int(rng.choice([1, 2, 4, 16]))
    latency = int(rng.choice([10, 60, 200, 400]))
    options = {
        "skips": homes, "target_interval": target, "fit": False,
        "device": replace(ZCU102, dram_latency=latency),
    }  # fmt: skip
    return Drawn(model, options, [f"U-Net {widths} of {size}, {bits}, {homes}, {latency} cycles"])


class Network:
    """A network that grows layer by layer at `x`, the end of the chain; `open` holds earlier tensors to join with."""

    joins: tuple[str, ...] = ("Concatenate", "Add", "Multiply", "Maximum")

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.text: list[str] = []
        self.names = list(rng.permutation(HOSTILE)) if rng.random() < 0.3 else []
        self.options: dict[str, Any] = {}
        self.rank = int(rng.choice([0, 1, 1, 2, 2]))
        sides = rng.integers(1, 25 if self.rank == 1 else 11, self.rank)
        shape = (*map(int, sides), int(rng.choice([1, 1, 2, 3, 4, 7])))
        if self.rank == 0:
            shape = (int(rng.integers(1, 40)),)
        self.first = self.x = frameworks.keras().Input(shape)
        self.text.append(f"Input{shape}")
        self.open: list[Any] = []
        self.linear = False  # whether the last layer is linear, its sums not quantized yet

    # -- choices -----------------------------------------------------------------------------------------------

    def _one(self, *choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def _chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def _int(self, lo: int, hi: int) -> int:
        return int(self.rng.integers(lo, hi + 1))

    def _put(self, kind: str, *args: Any, on: Any = None, library: Any = None, **kwargs: Any) -> Any:
        """The output of a new layer on tensor `on` (default: the end of the chain)."""
        if self.names and self._chance(0.6):
            kwargs["name"] = str(self.names.pop())
        given = [*map(str, args), *(f"{k}={v}" for k, v in kwargs.items())]
        maker = getattr(
            library or (frameworks.qkeras() if kind.startswith("Q") else frameworks.keras().layers), kind
        )
        y = maker(*args, **kwargs)(self.x if on is None else on)
        self.text.append(f"{kind}({', '.join(given)}) -> {tuple(y.shape)[1:]}")
        return y

    def _shape(self) -> tuple[int, ...]:
        return tuple(int(n) for n in self.x.shape[1:])

    def weight_quantizer(self) -> str:
        bits = self._int(2, 8)
        return str(
            self._one(
                f"quantized_bits({bits},{self._int(0, 2)},alpha=1)",
                f"quantized_bits({bits},0,alpha=1)",
                f"quantized_bits({bits},0,symmetric=1,alpha=1)",
                f"quantized_bits({bits},0,alpha='auto_po2')",
                "quantized_bits(4,0,1)",
                "binary(alpha=1)",
                "ternary(alpha=1)",
                f"quantized_po2({self._int(2, 4)})",
            )
        )

    def activation(self) -> str:
        bits, integer = self._int(1, 8), self._int(0, 3)
        return str(
            self._one(
                f"quantized_relu({bits},{min(bits, integer)})",
                f"quantized_relu({bits},{min(bits, integer)})",
                f"quantized_relu({bits + 2},{integer},negative_slope=0.25)",
                f"quantized_bits({bits + 1},{integer},alpha=1)",
                f"quantized_bits({bits + 1},{integer},symmetric=1,alpha=1)",
                f"quantized_bits({bits},{min(bits, integer)},keep_negative=0,alpha=1)",
                f"quantized_tanh({bits + 1})",
                f"quantized_sigmoid({bits})",
                f"quantized_hswish({bits + 2},{integer})",
                "binary(alpha=1)",
                "ternary(alpha=1)",
                f"quantized_po2({self._int(2, 5)})",
                f"quantized_relu_po2({self._int(2, 5)})",
                f"step_activation({self._int(2, 5)})",
            )
        )

    def _weights(self, *kinds: str) -> dict[str, Any]:
        """Quantizers of kernels and bias."""
        out: dict[str, Any] = {f"{k}_quantizer": self.weight_quantizer() for k in kinds}
        out["use_bias"] = self._chance(0.7)
        if out["use_bias"]:
            out["bias_quantizer"] = self._one(
                "quantized_bits(8,3,alpha=1)", "quantized_bits(5,1,alpha=1)", "quantized_po2(4)"
            )
        return out

    def _window(self, *, most: int = 5) -> dict[str, Any]:
        """Kernel, stride, dilation and padding of a layer of this rank."""
        kernel = tuple(self._int(1, most) for _ in range(self.rank))
        strides = tuple(self._one(1, 1, 1, 2, 3) for _ in range(self.rank))
        dilation = (1,) * self.rank
        if self._chance(0.15):
            strides, dilation = (1,) * self.rank, tuple(self._int(1, 3) for _ in range(self.rank))
            if self.rank == 1 and self._chance(0.3):
                strides = (2,)  # Keras refuses both in most layers
                dilation = (1,)
        padding = self._one("same", "valid", *(["causal"] if self.rank == 1 else []))
        return {"kernel_size": kernel, "strides": strides, "dilation_rate": dilation, "padding": padding}

    # -- layers --------------------------------------------------------------------------------------------------

    def function(self) -> None:
        """A function of every element, before a quantizer."""
        kind = self._one("ReLU", "Activation", "LeakyReLU")
        if kind == "Activation":
            self.x = self._put("Activation", self._one("relu", "linear"))
        elif kind == "LeakyReLU":
            self.x = self._put("LeakyReLU", alpha=0.25)
        else:
            self.x = self._put("ReLU", max_value=self._one(None, 2.0, 6.0))

    def quantize(self) -> None:
        if self._chance(0.12):
            self.function()
            if self._chance(0.3):
                return
        self.x = self._put("QActivation", self.activation())
        self.linear = False

    def normalize(self) -> None:
        self.x = self._put("BatchNormalization", center=self._chance(0.8), scale=self._chance(0.8))

    def dense(self) -> None:
        units = self._int(1, 12)
        if prod(self._shape()) * units > MOST_PRODUCTS:
            return
        self.x, self.linear = self._put("QDense", units, **self._weights("kernel")), True

    def conv(self) -> None:
        self._convolve(f"QConv{self.rank}D")

    def folded_conv(self) -> None:
        if self.rank == 2:
            self._convolve(
                "QConv2DBatchnorm", folding_mode=self._one("ema_stats_folding", "batch_stats_folding")
            )

    def _convolve(self, kind: str, **more: Any) -> None:
        filters, window = self._int(1, 8), self._window()
        if "Batchnorm" in kind and window["padding"] == "causal":
            window["padding"] = "same"
        if prod(self._shape()) * prod(window["kernel_size"]) * filters > MOST_PRODUCTS:
            return
        self.x = self._put(kind, filters, **window, **self._weights("kernel"), **more)
        self.linear = True

    def depthwise(self) -> None:
        kind = "QDepthwiseConv2D" if self.rank == 2 else "DepthwiseConv1D"
        if self.rank != 2:
            return self.separable()
        window = self._window()
        if window["strides"][0] != window["strides"][-1]:  # Keras asks for equal ones
            window["strides"] = (window["strides"][0],) * 2
        more: dict[str, Any] = {}
        if self._chance(0.3):
            kind = "QDepthwiseConv2DBatchnorm"
            more["folding_mode"] = self._one("ema_stats_folding", "batch_stats_folding")
            window.pop("dilation_rate")
        self.x, self.linear = self._put(kind, **window, **self._weights("depthwise"), **more), True
        return None

    def separable(self) -> None:
        window = self._window(most=4)
        if self.rank == 2:
            window["strides"] = (window["strides"][0],) * 2
        self.x = self._put(
            f"QSeparableConv{self.rank}D",
            self._int(1, 6),
            **window,
            **self._weights("depthwise", "pointwise"),
        )
        self.linear = True

    def transposed(self) -> None:
        if self.rank != 2 or prod(self._shape()) > MOST_ELEMENTS // 9:
            return
        self.x = self._put(
            "QConv2DTranspose", self._int(1, 4), self._int(1, 4), strides=self._one(1, 2, 3),
            padding=self._one("same", "valid"), **self._weights("kernel"),
        )  # fmt: skip
        self.linear = True

    def pool(self) -> None:
        kind = self._one("Max", "Max", "Average")
        size = tuple(self._int(1, 3) for _ in range(self.rank))
        strides = self._one(None, tuple(self._int(1, 3) for _ in range(self.rank)))
        self.x = self._put(
            f"{kind}Pooling{self.rank}D", size, strides=strides, padding=self._one("valid", "same")
        )
        if kind == "Average" and self._chance(0.9):
            self.quantize()

    def upsample(self) -> None:
        if prod(self._shape()) > MOST_ELEMENTS // 4:
            return
        if self.rank == 1:
            self.x = self._put("UpSampling1D", self._int(1, 3))
        elif self._chance(0.5):
            self.x = self._put("UpSampling2D", (self._int(1, 3), self._int(1, 3)))
        else:
            self.x = self._put("UpSampling2D", (self._one(1, 2), self._one(2, 4)), interpolation="bilinear")
            self.quantize()

    def pad(self) -> None:
        edges = [tuple(int(n) for n in self.rng.integers(0, 3, 2)) for _ in range(self.rank)]
        self.x = self._put(f"ZeroPadding{self.rank}D", edges[0] if self.rank == 1 else tuple(edges))

    def crop(self) -> None:
        edges = [tuple(int(n) for n in self.rng.integers(0, 2, 2)) for _ in range(self.rank)]
        if all(sum(e) < n for e, n in zip(edges, self._shape(), strict=False)):
            self.x = self._put(f"Cropping{self.rank}D", edges[0] if self.rank == 1 else tuple(edges))

    def reshape(self) -> None:
        n = prod(self._shape())
        if self.rank == 2 and self._chance(0.5):
            h, w, c = self._shape()
            self.x, self.rank = self._put("Reshape", (h * w, c)), 1
        elif self._chance(0.5):
            sides = [d for d in range(1, n + 1) if n % d == 0]
            d = int(self._one(*sides))
            self.x, self.rank = self._put("Reshape", (n // d, d)), 1
        self.open.clear()

    def flatten(self) -> None:
        self.x, self.rank = self._put("Flatten"), 0
        self.open.clear()

    def global_pool(self) -> None:
        kind = self._one("Max", "Average")
        self.x, self.rank = self._put(f"Global{kind}Pooling{self.rank}D"), 0
        if kind == "Average":
            self.quantize()
        self.open.clear()

    def join(self) -> None:
        """A second reader of an earlier tensor, joined with the end of the chain."""
        fitting = [
            t for t in self.open if tuple(t.shape)[1:-1] == tuple(self.x.shape)[1:-1] and t is not self.x
        ]
        if not fitting:
            return
        other = self._one(*fitting)
        kind = self._one(*self.joins)
        if kind != "Concatenate" and not self.joined_as_they_are(int(other.shape[-1]), int(self.x.shape[-1])):
            kind = "Concatenate"
        if self.linear and kind in ("Concatenate", "Multiply"):
            self.quantize()
        pair = [self.x, other] if self._chance(0.5) else [other, self.x]
        self.x = self.join_by(kind, pair)
        if kind != "Concatenate":
            self.quantize()

    def joined_as_they_are(self, a: int, b: int) -> bool:
        """Whether a layer joins sides of these channels element by element."""
        return a == b

    def join_by(self, kind: str, pair: list[Any]) -> Any:
        """Two tensors, joined."""
        return self._put(kind, on=pair)

    # -- the whole -------------------------------------------------------------------------------------------------

    def finished(self) -> Drawn:
        if self._chance(0.9):
            kind = self._one(
                "quantized_bits({},0,alpha=1)", "quantized_relu({},0)", "quantized_bits({},2,alpha=1)"
            )
            self.x = self._put("QActivation", kind.format(self._int(2, 9)))
        else:
            self.options["input_precision"] = self._one("ap_fixed<8,3>", "ap_ufixed<6,0>", "ap_fixed<10,1>")
            self.text.append(f"input_precision={self.options['input_precision']}")
        for _ in range(self._int(1, 7)):
            if self._chance(0.5):
                self.open.append(self.x)
            self._layer()
            if prod(self._shape()) > MOST_ELEMENTS:
                break
        self._head()
        model = frameworks.keras().Model(self.first, self.x)
        self._train(model)
        positions = max(1, prod(self.first.shape[1:-1]) if len(self.first.shape) > 2 else self.first.shape[1])
        if self._chance(0.6):
            self.options["target_interval"] = max(
                1, int(positions * self.rng.choice([0.5, 1, 1, 1.37, 2, 5, 16, 64]))
            )
        if self._chance(0.1):
            self.options["budget"] = {"lut": float(self.rng.choice([0.02, 0.2, 1.0])), "dsp": 0.05}
        self.text.append(f"convert(**{self.options})")
        return Drawn(model, self.options, self.text)

    def spatial(self) -> list[Callable[[], None]]:
        """What a network of rows or images may get next."""
        return [
            self.conv, self.conv, self.folded_conv, self.depthwise, self.separable, self.transposed, self.pool,
            self.pool, self.upsample, self.pad, self.crop, self.reshape, self.flatten, self.global_pool, self.join,
            self.join, self.dense,
        ]  # fmt: skip

    def _layer(self) -> None:
        flat: list[Callable[[], None]] = [self.dense, self.dense, self.join, self.reshape]
        before = len(self.text)
        self._one(*(self.spatial() if self.rank else flat))()
        if self.linear and len(self.text) > before:
            if self._chance(0.2):
                self.normalize()
            if self._chance(0.9):
                self.quantize()

    def _head(self) -> None:
        """Sometimes a last layer and a softmax, sigmoid or tanh, and what `convert` is told of it."""
        if self._chance(0.5):
            self.dense() if self.rank == 0 or self._chance(0.2) else self.conv()
        kind = self._one("", "", "softmax", "sigmoid", "tanh")
        if kind:
            self.x = self._put("Activation", kind)
        channels = int(self.x.shape[-1])
        if kind == "softmax" or (not kind and self._chance(0.1)):
            self.options["output"] = self._one("logits", "argmax")
        elif channels == 1 and kind == "sigmoid":
            self.options |= {"output": "mask", "threshold": self._one(0.5, 0.45, 0.1, 0.9)}
            if self.rank == 2 and self._chance(0.4):
                self.options["opening"] = self._int(1, 2)

    def _train(self, model: Any) -> None:
        """Weights uniform over up to the range that most quantizers hold; variances positive."""
        reach = float(self.rng.choice([0.4, 0.9, 1.5]))
        model.set_weights(
            [
                np.abs(self.rng.normal(0.6, 0.3, w.shape)) + 0.05
                if "variance" in v.name
                else self.rng.choice(SLOPES, w.shape)
                if "alpha" in v.name
                else self.rng.uniform(-reach, reach, w.shape)
                for w, v in zip(model.get_weights(), model.weights, strict=True)
            ]
        )
