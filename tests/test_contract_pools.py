# SPDX-License-Identifier: Apache-2.0
"""QKeras's own averages under the contract."""

from __future__ import annotations

from typing import Any, ClassVar

from contract import OpContract
from contract_nets import head, weights
from hypothesis import strategies as st

from rtl4ml.host import frameworks

keras = frameworks.keras()
q = frameworks.qkeras()
L = keras.layers


class TestQuantizedAverage(OpContract):
    """Averages times the area of the pool times its quantized inverse; areas that are no power of two among them."""

    cases: ClassVar = [
        {"size": (3, 2), "stride": (2, 1), "padding": "same", "target_interval": 120},
        {"layer": "QGlobalAveragePooling2D", "shape": (5, 7, 3), "bits": 6},
        {"size": (2, 2), "activation": ""},
        {"size": (2, 4), "activation": "", "bits": 4},
    ]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "layer": st.sampled_from(["QAveragePooling2D", "QGlobalAveragePooling2D"]),
            "shape": st.tuples(st.integers(4, 9), st.integers(4, 9), st.integers(1, 4)),
            "size": st.tuples(st.integers(1, 4), st.integers(1, 4)),
            "padding": st.sampled_from(["valid", "same"]),
            "bits": st.sampled_from([0, 3, 5, 8, 12]),
            "activation": st.sampled_from(["quantized_bits(6,1,alpha=1)", "quantized_relu(5,0)"]),
        }
    )

    def model(
        self,
        layer: str = "QAveragePooling2D",
        shape: tuple[int, int, int] = (6, 7, 3),
        size: tuple[int, int] = (2, 2),
        stride: tuple[int, int] | None = None,
        padding: str = "valid",
        bits: int = 8,
        activation: str = "quantized_bits(6,1,alpha=1)",
    ) -> Any:
        options: dict[str, Any] = {"activation": activation or None, "name": "pool"}
        if bits:
            options["average_quantizer"] = f"quantized_bits({bits},0,alpha=1)"
        if layer == "QAveragePooling2D":
            options |= {"pool_size": size, "strides": stride, "padding": padding}
        pool = getattr(q, layer)(**options)
        behind = [] if layer == "QAveragePooling2D" else [q.QDense(3, name="dense", **weights())]
        return keras.Sequential([*head(shape), pool, *behind])
