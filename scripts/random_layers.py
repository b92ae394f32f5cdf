# SPDX-License-Identifier: Apache-2.0
"""Random QKeras networks of every layer and quantizer of the README's tables, in any order that Keras allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from random_networks import MOST_PRODUCTS, Drawn, Network

from rtl4ml.host import frameworks


def draw(seed: Sequence[int]) -> Drawn:
    """The network of a seed. Its weights are drawn too; the same seed gives the same network."""
    return _Network(np.random.default_rng(seed)).finished()


class _Network(Network):
    """With functions and layers beyond the first ones, slices, and sides that are broadcast."""

    joins = ("Concatenate", "Add", "Multiply", "Maximum", "Minimum", "Subtract", "Average", "+", "-")

    def spatial(self) -> list[Callable[[], None]]:
        return [*super().spatial(), self.own_average, self.part, self.excite, self.permute, self.by_time]

    def joined_as_they_are(self, a: int, b: int) -> bool:
        return a == b or 1 in (a, b)

    def join_by(self, kind: str, pair: list[Any]) -> Any:
        if kind not in ("+", "-"):
            return super().join_by(kind, pair)
        y = pair[0] + pair[1] if kind == "+" else pair[0] - pair[1]
        self.text.append(f"{kind} -> {tuple(y.shape)[1:]}")
        return y

    def function(self) -> None:
        kind = self._one("", "", "Activation", "LeakyReLU", "PReLU", "ELU", "QActivation", "number")
        if not kind:
            super().function()
        elif kind == "number":
            how, number = self._one("+", "-", "*"), self._one(0.5, 0.25, -1.5, 0.3)
            made = {"+": lambda x: x + number, "-": lambda x: number - x, "*": lambda x: x * number}
            self.x = made[how](self.x)
            self.text.append(f"{how} {number}")
        elif kind == "Activation":
            self.x = self._put("Activation", self._one("leaky_relu", "elu"))
        elif kind == "QActivation":
            self.x = self._put("QActivation", self._one("hard_sigmoid", "hard_tanh", "smooth_sigmoid"))
        elif kind == "LeakyReLU":
            self.x = self._put("LeakyReLU", alpha=self._one(0.125, 0.3))
        elif kind == "PReLU":
            self.x = self._put("PReLU", shared_axes=list(range(1, self.rank + 1)) or None)
        else:
            self.x = self._put("ELU", self._one(1.0, 0.5))

    def own_average(self) -> None:
        """QKeras's own layers of two dimensions."""
        if self.rank != 2:
            return self.pool()
        options: dict[str, Any] = {}
        if self._chance(0.8):
            options["average_quantizer"] = f"quantized_bits({self._int(4, 10)},0,alpha=1)"
        if self._chance(0.8):
            options["activation"] = self._one("quantized_bits(5,1,alpha=1)", "quantized_relu(6,1)")
        if self._chance(0.3):
            self.x, self.rank = self._put("QGlobalAveragePooling2D", **options), 0
            self.open.clear()
        else:
            size = tuple(self._int(1, 3) for _ in range(2))
            self.x = self._put("QAveragePooling2D", size, padding=self._one("valid", "same"), **options)
        return None

    def part(self) -> None:
        """A slice: rows and columns without margins, every other one, some channels."""
        spec: list[Any] = [slice(None)]
        for n in self._shape():
            first, last = self._int(0, n - 1), self._int(1, n)
            spec.append(
                self._one(slice(None), slice(min(first, last - 1), last), slice(None, None, self._int(1, 2)))
            )
        self.x = self.x[tuple(spec)]
        self.text.append(f"[{spec}] -> {self._shape()}")

    def excite(self) -> None:
        """Channels times what a dense layer makes of their averages."""
        if not self.rank:
            return
        if self.linear:
            self.quantize()
        features, rank, c = self.x, self.rank, self._shape()[-1]
        self.x = self._put(f"GlobalAveragePooling{rank}D", keepdims=self._chance(0.5))
        self.quantize()
        self.x = self._put("QDense", c, **self._weights("kernel"))
        self.quantize()
        self.x = self._put(self._one("Multiply", "Multiply", "Add"), on=[features, self.x])
        self.quantize()

    def permute(self) -> None:
        """Elements moved, activated and flattened for a dense layer, or moved back."""
        if self.rank != 2:
            return
        if self.linear:
            self.quantize()
        self.x = self._put("Permute", self._one((2, 1, 3), (3, 1, 2), (1, 2, 3)))
        self.quantize()
        self.flatten()
        self.dense()

    def by_time(self) -> None:
        """A dense layer of every position."""
        if not self.rank or prod(self._shape()) * 4 > MOST_PRODUCTS:
            return
        q, layers = frameworks.qkeras(), frameworks.keras().layers
        units = self._int(1, 4)
        self.text.append(f"TimeDistributed(QDense({units}))")
        self.x = layers.TimeDistributed(q.QDense(units, **self._weights("kernel")))(self.x)
        self.linear = True
