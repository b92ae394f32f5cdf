# SPDX-License-Identifier: Apache-2.0
"""What the networks of the contract's tests begin with, and the quantizers of their layers."""

from __future__ import annotations

from typing import Any

from rtl4ml.host import frameworks

q = frameworks.qkeras()
L = frameworks.keras().layers


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
