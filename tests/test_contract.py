# SPDX-License-Identifier: Apache-2.0
"""Every operator under the contract of tests/contract.py."""

from __future__ import annotations

from typing import Any, ClassVar

from contract import OpContract
from hypothesis import strategies as st

from rtl4ml import _tf

keras = _tf.keras()
q = _tf.qkeras()
L = keras.layers


def head(shape: tuple[int, ...], bits: int = 8) -> list[Any]:
    """Input and its quantizer."""
    return [L.Input(shape), q.QActivation(f"quantized_bits({bits},0,alpha=1)", name="quant")]


def weights(bits: int = 4) -> dict[str, Any]:
    return {
        "kernel_quantizer": q.quantized_bits(bits, 0, alpha=1),
        "bias_quantizer": q.quantized_bits(6, 1, alpha=1),
    }


def relu(bits: int = 4) -> Any:
    return q.QActivation(f"quantized_relu({bits},1)", name="relu")


class TestConv1D(OpContract):
    cases: ClassVar = [
        {"padding": "same", "target_interval": 100},
        {"padding": "valid", "stride": 2, "target_interval": 40},
        {"padding": "causal", "dilation": 2, "csim": True, "target_interval": 400},
    ]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "width": st.integers(5, 17),
            "channels": st.integers(1, 5),
            "filters": st.integers(1, 5),
            "kernel": st.integers(1, 4),
            "padding": st.sampled_from(["valid", "same", "causal"]),
            "bits": st.integers(2, 8),
        }
    ).flatmap(
        lambda d: st.sampled_from([(1, 1), (2, 1), (3, 1), (1, 2)]).map(
            lambda sd: {**d, "stride": sd[0], "dilation": 1 if d["kernel"] == 4 else sd[1]}
        )
    )

    def model(
        self,
        width: int = 19,
        channels: int = 3,
        filters: int = 4,
        kernel: int = 3,
        stride: int = 1,
        padding: str = "valid",
        dilation: int = 1,
        bits: int = 4,
    ) -> Any:
        conv = q.QConv1D(
            filters,
            kernel,
            strides=stride,
            padding=padding,
            dilation_rate=dilation,
            name="conv",
            **weights(bits),
        )
        return keras.Sequential([*head((width, channels)), conv, relu()])


class TestDense(OpContract):
    cases: ClassVar = [{"target_interval": 12}, {"units": 6, "inputs": 30, "target_interval": 60}]
    strategy: ClassVar = st.fixed_dictionaries(
        {"inputs": st.integers(1, 20), "units": st.integers(1, 7), "bits": st.integers(1, 8)}
    )

    def model(self, inputs: int = 24, units: int = 5, bits: int = 4) -> Any:
        return keras.Sequential([*head((inputs,)), q.QDense(units, name="dense", **weights(max(2, bits)))])


class TestWeightKinds(OpContract):
    """Powers of two, binary and ternary weights: no multiplier."""

    cases: ClassVar = [
        {"kind": "quantized_po2(4)", "target_interval": 60},
        {"kind": "binary(alpha=1)", "target_interval": 60},
        {"kind": "ternary(alpha=1)", "target_interval": 60},
        {"kind": "quantized_bits(4,0,alpha='auto_po2')", "target_interval": 60},
    ]
    strategy: ClassVar = st.fixed_dictionaries({"kind": st.sampled_from([c["kind"] for c in cases])})

    def model(self, kind: str = "binary(alpha=1)") -> Any:
        dense = q.QDense(
            5, kernel_quantizer=kind, bias_quantizer=q.quantized_bits(6, 1, alpha=1), name="dense"
        )
        return keras.Sequential([*head((24,)), dense])


class TestDepthwise(OpContract):
    cases: ClassVar = [{"target_interval": 100}]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "width": st.integers(5, 12),
            "channels": st.integers(1, 5),
            "kernel": st.integers(1, 3),
            "padding": st.sampled_from(["valid", "same"]),
        }
    )

    def model(self, width: int = 12, channels: int = 4, kernel: int = 3, padding: str = "same") -> Any:
        layer = q.QSeparableConv1D(
            3,
            kernel,
            padding=padding,
            depthwise_quantizer=q.quantized_bits(4, 0, alpha=1),
            pointwise_quantizer=q.quantized_bits(4, 0, alpha=1),
            bias_quantizer=q.quantized_bits(6, 1, alpha=1),
            name="separable",
        )
        return keras.Sequential([*head((width, channels), 6), layer, relu()])


class TestPool(OpContract):
    cases: ClassVar = [
        {"layer": "MaxPooling1D", "width": 17},
        {"layer": "AveragePooling1D", "size": 4},
        {"layer": "MaxPooling1D", "size": 3, "stride": 2, "padding": "same", "csim": True},
        {"layer": "GlobalAveragePooling1D", "width": 16},
    ]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "layer": st.sampled_from(["MaxPooling1D", "AveragePooling1D", "GlobalMaxPooling1D"]),
            "width": st.integers(6, 20),
            "channels": st.integers(1, 4),
            "size": st.integers(1, 4),
        }
    )

    def model(
        self,
        layer: str = "MaxPooling1D",
        width: int = 16,
        channels: int = 3,
        size: int = 2,
        stride: int | None = None,
        padding: str = "valid",
    ) -> Any:
        options = {} if layer.startswith("Global") else {
            "pool_size": size, "strides": stride or size, "padding": padding
        }  # fmt: skip
        pool = getattr(L, layer)(name="pool", **options)
        return keras.Sequential(
            [*head((width, channels)), pool, q.QActivation("quantized_bits(6,0,alpha=1)", name="after")]
        )


class TestActivations(OpContract):
    cases: ClassVar = [
        {"function": "quantized_relu(4,1,negative_slope=0.25)"},
        {"function": "quantized_tanh(5)", "csim": True},
        {"function": "quantized_sigmoid(4)"},
        {"function": "ternary(alpha=1)"},
        {"function": "quantized_relu_po2(4)"},
    ]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "function": st.sampled_from(
                [
                    "quantized_bits(5,1,alpha=1)",
                    "quantized_bits(5,1,symmetric=1,alpha=1)",
                    "quantized_bits(5,1,keep_negative=0,alpha=1)",
                    "quantized_relu(3,1)",
                    "quantized_relu(4,1,negative_slope=0.25)",
                    "quantized_tanh(5)",
                    "quantized_sigmoid(4)",
                    "quantized_hswish(6,2)",
                    "binary(alpha=1)",
                    "ternary(alpha=1)",
                    "quantized_po2(4)",
                    "quantized_relu_po2(4)",
                ]
            ),
            "inputs": st.integers(2, 8),
        }
    )

    def model(self, function: str = "binary(alpha=1)", inputs: int = 6) -> Any:
        return keras.Sequential(
            [
                *head((inputs,), 6),
                q.QDense(4, name="dense", **weights()),
                q.QActivation(function, name="act"),
                q.QDense(3, name="after", **weights()),
            ]
        )


class TestBatchNormalization(OpContract):
    cases: ClassVar = [{}]
    strategy: ClassVar = st.fixed_dictionaries({"filters": st.integers(1, 4), "bits": st.integers(2, 6)})

    def model(self, filters: int = 4, bits: int = 4) -> Any:
        return keras.Sequential(
            [
                *head((9, 2), 6),
                q.QConv1D(filters, 3, name="conv", **weights()),
                L.BatchNormalization(name="norm"),
                q.QActivation(f"quantized_bits({bits},1,alpha=1)", name="act"),
            ]
        )


class TestJoins(OpContract):
    """Fork, add and concat in one model; padding and upsampling on the branches."""

    cases: ClassVar = [{"join": "Add"}, {"join": "Concatenate"}]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "join": st.sampled_from(["Add", "Concatenate"]),
            "width": st.integers(4, 9),
            "bits": st.integers(3, 6),
        }
    )

    def model(self, join: str = "Add", width: int = 10, bits: int = 5) -> Any:
        x = L.Input((2 * width, 3))
        a = q.QActivation("quantized_bits(6,0,alpha=1)", name="quant")(x)
        b = q.QConv1D(3, 3, padding="same", name="conv", **weights())(a)
        b = q.QActivation(f"quantized_bits({bits},1,alpha=1)", name="act")(b)
        b = L.MaxPooling1D(2, name="pool")(b)
        b = L.UpSampling1D(2, name="up")(b)
        y = getattr(L, join)(name="join")([a, b])
        y = L.ZeroPadding1D((1, 2), name="pad")(y)
        return keras.Model(x, q.QActivation("quantized_bits(6,1,alpha=1)", name="last")(y))


class TestArgMax(OpContract):
    cases: ClassVar = [{}]
    output: ClassVar = "argmax"
    strategy: ClassVar = st.fixed_dictionaries({"classes": st.integers(2, 9)})

    def model(self, classes: int = 6) -> Any:
        return keras.Sequential(
            [*head((12,)), q.QDense(classes, name="dense", **weights(2)), L.Activation("softmax")]
        )
