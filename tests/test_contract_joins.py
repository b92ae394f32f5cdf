# SPDX-License-Identifier: Apache-2.0
"""Differences, averages, minima, and what is broadcast before it is joined, under the contract."""

from __future__ import annotations

from typing import Any, ClassVar

from contract import OpContract
from contract_nets import head, weights
from hypothesis import strategies as st

from rtl4ml.host import frameworks

keras = frameworks.keras()
q = frameworks.qkeras()
L = keras.layers

JOINS = ["Subtract", "Average", "Minimum", "Maximum", "Add", "Multiply"]


class TestJoinsOfTwo(OpContract):
    """The input and the sums of a convolution on another grid, or a side without a sign; a side joined with itself."""

    cases: ClassVar = [
        {"join": "Subtract", "target_interval": 60},
        {"join": "Minimum", "unsigned": True},
        {"join": "Average"},
        {"join": "Subtract", "turned": True, "unsigned": True},
        {"join": "Minimum", "shape": (9, 4), "target_interval": 36},
    ]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "join": st.sampled_from(JOINS),
            "shape": st.sampled_from([(3, 4, 2), (5, 3), (7,)]),
            "bits": st.integers(2, 7),
            "unsigned": st.booleans(),
            "turned": st.booleans(),
            "sides": st.sampled_from([2, 2, 3, 4]),
        }
    )

    def model(
        self,
        join: str = "Subtract",
        shape: tuple[int, ...] = (5, 3, 2),
        bits: int = 5,
        unsigned: bool = False,
        turned: bool = False,
        sides: int = 2,
    ) -> Any:
        x = L.Input(shape)
        a = q.QActivation("quantized_bits(6,0,alpha=1)", name="quant")(x)
        dense = q.QDense(shape[-1], name="dense", **weights())(a)
        if unsigned or join == "Multiply":
            dense = q.QActivation(f"quantized_relu({bits},1)", name="side")(dense)
        joined = [dense, a] if turned else [a, dense]
        if join != "Subtract":
            joined = (joined * 2)[:sides]
        y = getattr(L, join)(name="join")(joined)
        return keras.Model(x, q.QActivation("quantized_bits(6,2,alpha=1)", name="last")(y))


class TestSqueezeAndExcite(OpContract):
    """Channels weighted by what a small network makes of their averages: (1, 1, C), or (C,) as Keras broadcasts it."""

    cases: ClassVar = [
        {"target_interval": 120},
        {"shape": (9, 4), "flat": True},
        {"join": "Add", "flat": True},
        {"shape": (6, 5, 3), "join": "Multiply", "reduced": 1, "target_interval": 90},
    ]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "join": st.sampled_from(JOINS),
            "shape": st.sampled_from([(3, 4, 2), (5, 3), (4, 4, 1)]),
            "flat": st.booleans(),
            "reduced": st.integers(1, 3),
            "turned": st.booleans(),
        }
    )

    def model(
        self,
        join: str = "Multiply",
        shape: tuple[int, ...] = (5, 4, 4),
        flat: bool = False,
        reduced: int = 2,
        turned: bool = False,
    ) -> Any:
        rank, c = len(shape) - 1, shape[-1]
        layers = head(shape, 6)
        a = layers[1](first := layers[0])
        conv = (q.QConv1D if rank == 1 else q.QConv2D)(c, 3, padding="same", name="conv", **weights())
        a = q.QActivation("quantized_relu(5,1)", name="features")(conv(a))
        s = getattr(L, f"GlobalAveragePooling{rank}D")(name="squeeze", keepdims=not flat)(a)
        s = q.QActivation("quantized_relu(6,1)", name="averages")(s)
        s = q.QDense(reduced, name="fewer", **weights())(s)
        s = q.QActivation("quantized_relu(5,1)", name="fewer_act")(s)
        s = q.QDense(c, name="excite", **weights())(s)
        s = q.QActivation("quantized_sigmoid(5)", name="gate")(s)
        y = getattr(L, join)(name="join")([s, a] if turned else [a, s])
        return keras.Model(first, q.QActivation("quantized_bits(6,1,alpha=1)", name="last")(y))


class TestSpatialAttention(OpContract):
    """All channels weighted by one map of the positions, and a row or a column that is repeated."""

    cases: ClassVar = [{}, {"side": "row", "join": "Add"}, {"side": "column"}]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "join": st.sampled_from(JOINS),
            "side": st.sampled_from(["map", "row", "column"]),
            "shape": st.tuples(st.integers(2, 4), st.integers(2, 4), st.integers(1, 3)),
        }
    )

    def model(
        self, join: str = "Multiply", side: str = "map", shape: tuple[int, int, int] = (3, 5, 4)
    ) -> Any:
        h, w, c = shape
        x = L.Input(shape)
        a = q.QActivation("quantized_bits(6,0,alpha=1)", name="quant")(x)
        if side == "map":
            s = q.QConv2D(1, 1, name="conv", **weights())(a)
        else:
            s = L.MaxPooling2D((h, 1) if side == "row" else (1, w), name="pool")(a)
            s = q.QConv2D(c, 1, name="conv", **weights())(s)
        s = q.QActivation("quantized_relu(4,1)", name="gate")(s)
        y = getattr(L, join)(name="join")([a, s])
        return keras.Model(x, q.QActivation("quantized_bits(6,1,alpha=1)", name="last")(y))
