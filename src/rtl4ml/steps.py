# SPDX-License-Identifier: Apache-2.0
"""Step activations: a quantizer of uniform steps behind a tanh, for any QKeras model.

After "step activation quantization" of Mei et al. (2022). Importing this module imports TensorFlow and makes the name
known to QKeras and Keras, so that "step_activation(4)" is a text that QKeras's layers take.
"""

from __future__ import annotations

from math import atanh
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.errors import BadInput
from rtl4ml.host import frameworks

GRADIENTS = ("constant", "tanh")
# The most bits of a step; eight-bit integers are the widest of low-bit inference.
MOST_BITS = 8

_quantizers = frameworks.qkeras().quantizers
_Base: Any = _quantizers.BaseQuantizer


@frameworks.keras().utils.register_keras_serializable("rtl4ml")
class step_activation(_Base):  # type: ignore[misc]  # noqa: N801 -- QKeras has no types; named as its own are
    """clip(round(tanh(x) / s), lo, hi) * s, halves to even: 2**bits values on a fixed-point grid, without residue.

    bits:     2 to 8, or 1 to 8 unsigned
    signed:   s = 2**(1 - bits), values from -1 to 1 - s; otherwise s = 2**-bits, values from 0 to 1 - s
    gradient: whose derivative training sees, see `surrogate`

    The abstract of Mei et al. has low-bit integers, uniform steps behind a non-linear function and the two gradients,
    constant and tanh-like. Ours are the choice of tanh for that function, of steps that are powers of two, of rounding
    to the nearest, and of where the constant gradient of 1 ends.
    """

    def __init__(self, bits: int = 4, signed: bool = True, gradient: str = "constant") -> None:
        super().__init__()
        least = 2 if signed else 1
        if isinstance(bits, bool) or not isinstance(bits, int) or not least <= bits <= MOST_BITS:
            raise BadInput(
                f"step_activation: bits must be an integer from {least} to {MOST_BITS}"
                f"{' where signed' if signed else ''}, not {bits!r}; "
                f"use {'binary or signed=False' if bits == 1 else 'one of these or quantized_tanh'}"
            )
        if gradient not in GRADIENTS:
            raise BadInput(
                f"step_activation: gradient must be {' or '.join(GRADIENTS)}, not {gradient!r}; "
                "leave it out for constant"
            )
        self.bits = bits
        self.signed = bool(signed)
        self.gradient = gradient

    @property
    def fraction(self) -> int:
        """The step is 2**-fraction."""
        return self.bits - self.signed

    @property
    def lo(self) -> int:
        """The least value in steps."""
        return -(1 << self.fraction) if self.signed else 0

    @property
    def hi(self) -> int:
        """The greatest value in steps."""
        return (1 << self.fraction) - 1

    def __call__(self, x: Any) -> Any:
        tf = frameworks.tf()
        x = tf.keras.backend.cast_to_floatx(x)
        m = float(1 << self.fraction)
        y = tf.clip_by_value(tf.round(tf.tanh(x) * m), float(self.lo), float(self.hi)) / m
        s = self.surrogate(x)
        return tf.stop_gradient(y) + (s - tf.stop_gradient(s))  # the sum adds exactly 0 to y

    def surrogate(self, x: Any) -> Any:
        """The function whose derivative stands for that of the steps.

        constant: x as far as |tanh(x)| <= 1 - s/2, where the steps saturate, and flat beyond; tanh: tanh itself.
        Unsigned, both are flat below 0.
        """
        tf = frameworks.tf()
        if self.gradient == "tanh":
            return tf.tanh(x if self.signed else tf.nn.relu(x))
        end = atanh(1 - 0.5 ** (self.fraction + 1))
        return tf.clip_by_value(x, -end if self.signed else 0.0, end)

    def max(self) -> float:
        """The greatest value."""
        return self.hi / (1 << self.fraction)

    def min(self) -> float:
        """The least value."""
        return self.lo / (1 << self.fraction)

    def range(self) -> NDArray[np.float64]:
        """Every value, in the order of its two's complement code, as QKeras has them."""
        k = np.arange(self.lo, self.hi + 1)
        return np.roll(k, self.lo) / (1 << self.fraction)

    def __str__(self) -> str:
        signed = "" if self.signed else ",signed=False"
        gradient = "" if self.gradient == "constant" else f",gradient='{self.gradient}'"
        return f"step_activation({self.bits}{signed}{gradient})"

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> step_activation:
        """The quantizer that `get_config` describes."""
        return cls(**config)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"bits": self.bits, "signed": self.signed, "gradient": self.gradient}


# QKeras looks names in a text up among its own.
_quantizers.step_activation = step_activation
