# SPDX-License-Identifier: Apache-2.0
"""Every operator under the contract of tests/support/contract.py."""

from __future__ import annotations

from typing import Any, ClassVar

from contract import OpContract
from contract_nets import head, relu, weights
from hypothesis import strategies as st

from rtl4ml.host import frameworks

keras = frameworks.keras()
q = frameworks.qkeras()
L = keras.layers


class TestConv1D(OpContract):
    bridged = True
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
    bridged = True
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
    bridged = True
    cases: ClassVar = [
        {"layer": "MaxPooling1D", "width": 17},
        {"layer": "AveragePooling1D", "size": 4},
        {"layer": "AveragePooling1D", "size": 3, "stride": 2, "padding": "same", "csim": True},
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
    ).flatmap(
        lambda d: st.just(d) if "Global" in d["layer"] else st.sampled_from(["valid", "same"]).map(
            lambda p: {**d, "padding": p}
        )
    )  # fmt: skip

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


# -- two dimensions ----------------------------------------------------------------------------------------

# Heights and widths that differ, odd ones among them.
SHAPES = st.tuples(st.integers(4, 9), st.integers(4, 9), st.integers(1, 4))


class TestConv2D(OpContract):
    cases: ClassVar = [
        {"padding": "same", "target_interval": 200},
        {"kernel": (3, 2), "stride": (2, 2), "padding": "same", "target_interval": 400},
        {"dilation": (2, 1), "padding": "same", "target_interval": 100},
    ]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "shape": SHAPES,
            "filters": st.integers(1, 4),
            "kernel": st.tuples(st.integers(1, 3), st.integers(1, 3)),
            "padding": st.sampled_from(["valid", "same"]),
            "bits": st.integers(2, 6),
        }
    ).flatmap(
        lambda d: st.one_of(
            st.tuples(st.integers(1, 3), st.integers(1, 3)).map(lambda s: {**d, "stride": s}),
            st.sampled_from([(2, 1), (1, 2)]).map(
                lambda s: {**d, "dilation": s, "kernel": (min(d["kernel"][0], 2), min(d["kernel"][1], 2))}
            ),
        )
    )

    def model(
        self,
        shape: tuple[int, int, int] = (7, 9, 3),
        filters: int = 4,
        kernel: tuple[int, int] = (3, 3),
        stride: tuple[int, int] = (1, 1),
        padding: str = "valid",
        dilation: tuple[int, int] = (1, 1),
        bits: int = 4,
    ) -> Any:
        conv = q.QConv2D(
            filters,
            kernel,
            strides=stride,
            padding=padding,
            dilation_rate=dilation,
            name="conv",
            **weights(bits),
        )
        return keras.Sequential([*head(shape, 6), conv, relu()])


class TestTransposed2D(OpContract):
    cases: ClassVar = [
        {"target_interval": 400},
        {"kernel": (2, 3), "stride": (1, 1), "padding": "same", "target_interval": 300},
        {"kernel": (1, 2), "stride": (2, 3), "padding": "same", "target_interval": 400},
    ]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "shape": st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4)),
            "filters": st.integers(1, 3),
            "kernel": st.tuples(st.integers(1, 5), st.integers(1, 5)),
            "stride": st.tuples(st.integers(1, 3), st.integers(1, 3)),
            "padding": st.sampled_from(["valid", "same"]),
            "kind": st.sampled_from(
                ["quantized_bits(4,0,alpha=1)", "quantized_bits(4,0,alpha='auto_po2')", "ternary(alpha=1)"]
            ),
        }
    )

    def model(
        self,
        shape: tuple[int, int, int] = (3, 5, 3),
        filters: int = 2,
        kernel: tuple[int, int] = (3, 3),
        stride: tuple[int, int] = (2, 2),
        padding: str = "valid",
        kind: str = "quantized_bits(4,0,alpha=1)",
    ) -> Any:
        conv = q.QConv2DTranspose(
            filters,
            kernel,
            strides=stride,
            padding=padding,
            kernel_quantizer=kind,
            bias_quantizer=q.quantized_bits(6, 1, alpha=1),
            name="conv",
        )
        return keras.Sequential([*head(shape, 6), conv, relu()])


class TestFolded2D(OpContract):
    """QKeras's convolutions that fold a batch normalization into their kernel before it is quantized."""

    cases: ClassVar = [{"target_interval": 200}, {"layer": "QDepthwiseConv2DBatchnorm", "mode": "batch"}]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "layer": st.sampled_from(["QConv2DBatchnorm", "QDepthwiseConv2DBatchnorm"]),
            "mode": st.sampled_from(["ema", "batch"]),
            "bias": st.booleans(),
            "bits": st.integers(2, 8),
            "alpha": st.sampled_from(["1", "'auto_po2'"]),
        }
    )

    def model(
        self,
        layer: str = "QConv2DBatchnorm",
        mode: str = "ema",
        bias: bool = True,
        bits: int = 5,
        alpha: str = "1",
    ) -> Any:
        options = {
            "folding_mode": f"{mode}_stats_folding",
            "use_bias": bias,
            "padding": "same",
            "bias_quantizer": q.quantized_bits(8, 3, alpha=1),
            "name": "conv",
        }
        kernel = f"quantized_bits({bits},1,alpha={alpha})"
        if layer == "QConv2DBatchnorm":
            conv = q.QConv2DBatchnorm(4, (3, 2), kernel_quantizer=kernel, **options)
        else:
            conv = q.QDepthwiseConv2DBatchnorm((3, 2), depthwise_quantizer=kernel, **options)
        return keras.Sequential([*head((5, 6, 3), 6), conv, relu()])


class TestDepthwise2D(OpContract):
    bridged = True
    cases: ClassVar = [
        {"padding": "same", "target_interval": 130},
        {
            "shape": (5, 8, 2),
            "kernel": (3, 2),
            "multiplier": 2,
            "stride": (2, 2),
            "padding": "same",
            "target_interval": 100,
        },
    ]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "shape": SHAPES,
            "kernel": st.tuples(st.integers(1, 3), st.integers(1, 3)),
            "stride": st.sampled_from([(1, 1), (2, 2)]),  # TensorFlow has no other
            "padding": st.sampled_from(["valid", "same"]),
            "multiplier": st.integers(1, 3),
        }
    )

    def model(
        self,
        shape: tuple[int, int, int] = (7, 9, 4),
        kernel: tuple[int, int] = (3, 3),
        stride: tuple[int, int] = (1, 1),
        padding: str = "valid",
        multiplier: int = 1,
    ) -> Any:
        layer = q.QDepthwiseConv2D(
            kernel,
            strides=stride,
            padding=padding,
            depth_multiplier=multiplier,
            depthwise_quantizer=q.quantized_bits(4, 0, alpha=1),
            bias_quantizer=q.quantized_bits(6, 1, alpha=1),
            name="depthwise",
        )
        return keras.Sequential([*head(shape, 6), layer, relu()])


class TestSeparable2D(OpContract):
    bridged = True
    cases: ClassVar = [
        {"padding": "same", "target_interval": 200},
        {"shape": (8, 5, 2), "target_interval": 60},
    ]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "shape": SHAPES,
            "kernel": st.tuples(st.integers(1, 3), st.integers(1, 3)),
            "padding": st.sampled_from(["valid", "same"]),
        }
    )

    def model(
        self,
        shape: tuple[int, int, int] = (7, 9, 3),
        kernel: tuple[int, int] = (3, 3),
        padding: str = "valid",
    ) -> Any:
        layer = q.QSeparableConv2D(
            4,
            kernel,
            padding=padding,
            depthwise_quantizer=q.quantized_bits(4, 0, alpha=1),
            pointwise_quantizer=q.quantized_bits(4, 0, alpha=1),
            bias_quantizer=q.quantized_bits(6, 1, alpha=1),
            name="separable",
        )
        return keras.Sequential([*head(shape, 6), layer, relu()])


class TestPool2D(OpContract):
    cases: ClassVar = [
        {"layer": "MaxPooling2D", "shape": (6, 10, 3)},
        {"layer": "MaxPooling2D", "size": (3, 2), "stride": (1, 2), "padding": "same", "csim": False},
        {"layer": "AveragePooling2D", "size": (2, 3), "stride": (2, 1)},
        {"layer": "AveragePooling2D", "size": (3, 2), "stride": (2, 1), "padding": "same"},
        {
            "layer": "AveragePooling2D",
            "size": (3, 3),
            "stride": (1, 1),
            "padding": "same",
            "target_interval": 80,
        },
        {"layer": "GlobalAveragePooling2D", "shape": (4, 8, 3)},
    ]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "layer": st.sampled_from(
                ["MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "GlobalMaxPooling2D"]
            ),
            "shape": SHAPES,
            "size": st.tuples(st.integers(1, 4), st.integers(1, 4)),
            "stride": st.one_of(st.none(), st.tuples(st.integers(1, 3), st.integers(1, 3))),
            "padding": st.sampled_from(["valid", "same"]),
        }
    )

    def model(
        self,
        layer: str = "MaxPooling2D",
        shape: tuple[int, int, int] = (7, 9, 3),
        size: tuple[int, int] = (2, 2),
        stride: tuple[int, int] | None = None,
        padding: str = "valid",
    ) -> Any:
        options = {} if layer.startswith("Global") else {
            "pool_size": size, "strides": stride or size, "padding": padding
        }  # fmt: skip
        pool = getattr(L, layer)(name="pool", **options)
        return keras.Sequential(
            [*head(shape), pool, q.QActivation("quantized_bits(6,0,alpha=1)", name="after")]
        )


class TestMoves2D(OpContract):
    """Upsampling, zero padding and cropping, behind a convolution."""

    bridged = True
    cases: ClassVar = [
        {"layer": "UpSampling2D", "value": (2, 2)},
        {"layer": "UpSampling2D", "value": (1, 3)},
        {"layer": "ZeroPadding2D", "value": ((1, 0), (2, 3))},
        {"layer": "Cropping2D", "value": ((2, 0), (3, 0))},
    ]
    strategy: ClassVar = st.one_of(
        st.fixed_dictionaries(
            {
                "layer": st.just("UpSampling2D"),
                "value": st.tuples(st.integers(1, 3), st.integers(1, 3)),
                "shape": SHAPES,
            }
        ),
        st.fixed_dictionaries(
            {
                "layer": st.sampled_from(["ZeroPadding2D", "Cropping2D"]),
                "value": st.tuples(*(st.tuples(st.integers(0, 2), st.integers(0, 1)),) * 2),
                "shape": SHAPES,
            }
        ),
    )

    def model(self, layer: str, value: Any, shape: tuple[int, int, int] = (5, 7, 2)) -> Any:
        move = getattr(L, layer)(value, name="move")
        conv = q.QConv2D(3, 1, name="conv", **weights())
        return keras.Sequential([*head(shape, 6), conv, relu(), move])


class TestBilinear(OpContract):
    cases: ClassVar = [{}, {"factor": (1, 4), "shape": (3, 5, 2)}]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "factor": st.tuples(st.sampled_from([1, 2, 4, 8]), st.sampled_from([1, 2, 4, 8])),
            "shape": st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 3)),
            "bits": st.integers(2, 12),
        }
    )

    def model(
        self, factor: tuple[int, int] = (2, 2), shape: tuple[int, int, int] = (4, 5, 3), bits: int = 5
    ) -> Any:
        up = L.UpSampling2D(factor, interpolation="bilinear", name="up")
        return keras.Sequential([*head(shape, bits), up])


class TestSkip2D(OpContract):
    """A skip around a convolution at half the size; the two sides have different fraction bits."""

    bridged = True
    cases: ClassVar = [{"join": "Concatenate"}, {"join": "Add"}]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "join": st.sampled_from(["Add", "Concatenate"]),
            "shape": st.tuples(st.integers(2, 4), st.integers(2, 4), st.integers(1, 3)).map(
                lambda s: (2 * s[0], 2 * s[1], s[2])
            ),
            "bits": st.integers(3, 7),
        }
    )

    def model(self, join: str = "Add", shape: tuple[int, int, int] = (4, 10, 3), bits: int = 4) -> Any:
        x = L.Input(shape)
        a = q.QActivation("quantized_bits(6,0,alpha=1)", name="quant")(x)
        b = q.QConv2D(shape[-1], 3, padding="same", name="conv", **weights())(
            L.MaxPooling2D(2, name="pool")(a)
        )
        b = q.QActivation(f"quantized_bits({bits},1,alpha=1)", name="act")(b)
        y = getattr(L, join)(name="join")([a, L.UpSampling2D(2, name="up")(b)])
        return keras.Model(x, q.QActivation("quantized_bits(6,1,alpha=1)", name="last")(y))


class TestProduct(OpContract):
    """The input times what a convolution makes of it, times a gate; squared where there is one factor."""

    cases: ClassVar = [
        {},
        {"factors": 3, "shape": (9, 4), "target_interval": 36},
        {"join": "Add", "factors": 3, "shape": (9, 4), "target_interval": 36},
    ]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "join": st.sampled_from(["Multiply", "Add", "Concatenate"]),
            "factors": st.integers(1, 3),
            "shape": st.one_of(SHAPES, st.tuples(st.integers(2, 9), st.integers(1, 4))),
            "bits": st.integers(1, 7),
        }
    )

    def model(
        self, join: str = "Multiply", factors: int = 2, shape: tuple[int, ...] = (5, 3, 2), bits: int = 5
    ) -> Any:
        x = L.Input(shape)
        a = q.QActivation("quantized_bits(6,0,alpha=1)", name="quant")(x)
        conv = q.QConv2D if len(shape) == 3 else q.QConv1D
        sides = [a] if factors < 3 else [a, q.QActivation("quantized_relu(3,1)", name="gate")(a)]
        if factors > 1:
            b = conv(shape[-1], 1, name="conv", **weights())(a)
            sides.append(q.QActivation(f"quantized_bits({bits},1,alpha=1)", name="act")(b))
        y = getattr(L, join)(name="join")(sides * 2 if factors == 1 else sides)
        return keras.Model(x, q.QActivation("quantized_bits(6,1,alpha=1)", name="last")(y))


class TestMaximum(OpContract):
    """The input against what a convolution makes of it, on another grid, and against a side without a sign."""

    cases: ClassVar = [
        {},
        {"sides": 3, "shape": (9, 4), "target_interval": 36},
        {"sides": 1},
    ]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "sides": st.integers(1, 3),
            "shape": st.one_of(SHAPES, st.tuples(st.integers(2, 9), st.integers(1, 4))),
            "bits": st.integers(1, 7),
            "turned": st.booleans(),
        }
    )

    def model(
        self, sides: int = 2, shape: tuple[int, ...] = (5, 3, 2), bits: int = 5, turned: bool = False
    ) -> Any:
        x = L.Input(shape)
        a = q.QActivation("quantized_bits(6,0,alpha=1)", name="quant")(x)
        joined = [a]
        if sides > 1:  # the sums of a convolution, to which no quantizer is put
            conv = q.QConv2D if len(shape) == 3 else q.QConv1D
            joined.append(conv(shape[-1], 1, name="conv", **weights())(a))
        if sides > 2:
            joined.append(q.QActivation(f"quantized_relu({bits},1)", name="gate")(a))
        y = L.Maximum(name="join")((joined[::-1] if turned else joined) * (2 if sides == 1 else 1))
        return keras.Model(x, q.QActivation("quantized_bits(6,1,alpha=1)", name="last")(y))


class TestActivations(OpContract):
    bridged = True
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
