# SPDX-License-Identifier: Apache-2.0
"""Functions that need no quantizer behind them, and those that layers of Keras are, under the contract."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from contract import OpContract
from contract_nets import head, relu, weights
from hypothesis import strategies as st

from rtl4ml.host import frameworks

keras = frameworks.keras()
q = frameworks.qkeras()
L = keras.layers

SLOPES = [0.0, 0.125, 0.25, 0.5, 1.0]


class TestPReLU(OpContract):
    """Slopes of channels: powers of two, of which shifts and a maximum are made; others become an adder's operand, or
    thresholds of the quantizer behind them.
    """

    cases: ClassVar = [
        {"slopes": (0.25, 0.5, 0.0, 1.0), "target_interval": 200},
        {"slopes": (0.3, 0.7, 0.01, -0.2), "behind": "quantized_bits(5,2,alpha=1)"},
        {"slopes": (2.0, -0.5, 0.75, 0.0), "shape": (9, 3)},
        {"slopes": (0.125,), "shape": (24,)},
    ]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "slopes": st.one_of(
                st.lists(st.sampled_from(SLOPES), min_size=1, max_size=5),
                st.lists(st.sampled_from([*SLOPES, -1.0, 1.5, 4.0]), min_size=1, max_size=5),
            ),
            "behind": st.sampled_from(["", "quantized_bits(5,2,alpha=1)", "quantized_bits(14,4,alpha=1)"]),
            "shape": st.sampled_from([(5, 3, 2), (9, 3), (24,)]),
            "pool": st.booleans(),
        }
    )

    def model(
        self,
        slopes: Any = (0.25,),
        behind: str = "",
        shape: tuple[int, ...] = (5, 4, 3),
        pool: bool = False,
    ) -> Any:
        kind = (q.QDense, q.QConv1D, q.QConv2D)[len(shape) - 1]
        size = (1,) if len(shape) > 1 else ()
        layers = [kind(len(slopes), *size, name="linear", **weights())]
        layers.append(L.PReLU(name="prelu", shared_axes=list(range(1, len(shape))) or None))
        if pool and len(shape) > 1:
            layers.append(getattr(L, f"MaxPooling{len(shape) - 1}D")(2, name="pool"))
        if behind:
            layers.append(q.QActivation(behind, name="after"))
        model = keras.Sequential([*head(shape, 6), *layers])
        prelu = model.get_layer("prelu")
        prelu.set_weights([np.reshape(slopes, prelu.alpha.shape)])
        return model


class TestOwnGrid(OpContract):
    """Functions whose values lie on a grid by themselves, behind sums of too many values for a table."""

    cases: ClassVar = [
        {"function": "hard_sigmoid", "target_interval": 60},
        {"function": "leaky"},
        {"function": "hard_tanh"},
        {"function": "smooth_sigmoid"},
        {"function": "smooth_tanh"},
        {"function": "relu"},
    ]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "function": st.sampled_from([c["function"] for c in cases]),
            "shape": st.sampled_from([(3, 4, 3), (7, 3), (24,)]),
            "bits": st.integers(2, 8),
        }
    )

    def model(self, function: str = "leaky", shape: tuple[int, ...] = (4, 5, 3), bits: int = 6) -> Any:
        kind = (q.QDense, q.QConv1D, q.QConv2D)[len(shape) - 1]
        size = (1,) if len(shape) > 1 else ()
        behind = {
            "leaky": L.LeakyReLU(0.125, name="own"),
            "relu": L.ReLU(max_value=1.5, negative_slope=0.25, name="own"),
        }.get(function) or q.QActivation(function, name="own")
        return keras.Sequential([*head(shape, bits), kind(3, *size, name="linear", **weights(bits)), behind])


class TestLayerFunctions(OpContract):
    """Layers of Keras that are functions, as layers and as activations of other layers."""

    cases: ClassVar = [
        {"function": "ELU(0.5)"},
        {"function": "leaky_relu", "within": True},
        {"function": "ReLU(4.0)", "within": True},
    ]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "function": st.sampled_from(["ELU(0.5)", "ELU()", "ReLU(4.0)", "LeakyReLU(0.1)", "leaky_relu"]),
            "within": st.booleans(),
            "bits": st.integers(2, 7),
        }
    )

    def model(self, function: str = "ELU()", within: bool = False, bits: int = 5) -> Any:
        kind, _, argument = function.rstrip(")").partition("(")
        given = [float(argument)] if argument else []
        made = "leaky_relu" if kind == "leaky_relu" else getattr(L, kind)(*given, name="own")
        if within or isinstance(made, str):
            layers = [
                q.QConv1D(3, 2, activation=made, name="conv", **weights()) if within else L.Activation(made)
            ]
        else:
            layers = [q.QConv1D(3, 2, name="conv", **weights()), made]
        after = q.QActivation(f"quantized_bits({bits},2,alpha=1)", name="after")
        return keras.Sequential([*head((9, 3), 6), *layers, after, relu()])
