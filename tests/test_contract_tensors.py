# SPDX-License-Identifier: Apache-2.0
"""Slices, operators between tensors, Permute and TimeDistributed under the contract."""

from __future__ import annotations

from typing import Any, ClassVar

from contract import OpContract
from contract_nets import head, weights
from hypothesis import strategies as st

from rtl4ml.host import frameworks

keras = frameworks.keras()
q = frameworks.qkeras()
L = keras.layers

CUTS = {
    "margins": (slice(1, -1), slice(2, None), slice(None)),
    "steps": (slice(None, None, 2), slice(1, None, 2), slice(None)),
    "channels": (slice(None), slice(None), slice(1, 3)),
    "row": (1, slice(None), slice(None, None, 2)),
}


class TestSlices(OpContract):
    """Margins, every second position, some channels, one row; what is left is added to what is left elsewhere."""

    cases: ClassVar = [
        {"cut": "margins", "csim": True},
        {"cut": "row"},
        {"cut": "steps", "csim": False},
        {"cut": "channels", "target_interval": 70},
    ]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "cut": st.sampled_from(sorted(CUTS)),
            "how": st.sampled_from(["+", "-", "*"]),
            "raw": st.booleans(),
            "shape": st.tuples(st.integers(4, 6), st.integers(4, 7), st.integers(3, 4)),
        }
    )

    def model(
        self,
        cut: str = "margins",
        how: str = "-",
        raw: bool = False,
        shape: tuple[int, int, int] = (5, 6, 3),
    ) -> Any:
        x = L.Input(shape)
        quant = q.QActivation("quantized_bits(6,0,alpha=1)", name="quant")
        at = (slice(None), *CUTS[cut])
        a = quant(x[at]) if raw else quant(x)[at]
        b = q.QDense(int(a.shape[-1]), name="dense", **weights())(a)
        if how == "*":
            b = q.QActivation("quantized_relu(4,1)", name="side")(b)
        y = {"+": lambda: a + b, "-": lambda: b - a, "*": lambda: a * b}[how]()
        return keras.Model(x, q.QActivation("quantized_bits(6,2,alpha=1)", name="last")(y))


class TestPermute(OpContract):
    """Elements that a dense layer takes in another order, behind an activation of channels and a pool."""

    cases: ClassVar = [{"dims": (3, 1, 2), "target_interval": 80}, {"dims": (2, 1, 3), "shape": (4, 3, 2)}]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "dims": st.permutations([1, 2, 3]).map(tuple),
            "shape": st.tuples(st.integers(2, 4), st.integers(2, 4), st.integers(1, 3)),
            "back": st.booleans(),
        }
    )

    def model(
        self,
        dims: tuple[int, int, int] = (2, 1, 3),
        shape: tuple[int, int, int] = (3, 4, 3),
        back: bool = False,
    ) -> Any:
        layers = [
            q.QConv2D(3, 1, name="conv", **weights()),
            L.BatchNormalization(name="norm"),
            L.Permute(dims, name="permute"),
            q.QActivation("quantized_relu(4,1)", name="act"),
        ]
        if back:
            layers.append(L.Permute([dims.index(k) + 1 for k in (1, 2, 3)], name="back"))
        return keras.Sequential(
            [*head(shape, 6), *layers, L.Flatten(name="flat"), q.QDense(4, name="dense", **weights())]
        )


class TestTimeDistributed(OpContract):
    cases: ClassVar = [{"target_interval": 40}, {"shape": (4, 3, 2), "activation": "relu"}]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "shape": st.sampled_from([(6, 3), (4, 3, 2)]),
            "activation": st.sampled_from([None, "relu", "quantized_relu(4,1)"]),
            "units": st.integers(1, 5),
        }
    )

    def model(self, shape: tuple[int, ...] = (7, 4), activation: str | None = None, units: int = 3) -> Any:
        dense = q.QDense(units, activation=activation, name="dense", **weights())
        after = q.QActivation("quantized_bits(5,2,alpha=1)", name="after")
        return keras.Sequential([*head(shape, 6), L.TimeDistributed(dense, name="times"), after])
