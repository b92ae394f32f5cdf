# SPDX-License-Identifier: Apache-2.0
"""The benchmarks time and count what they say."""

from __future__ import annotations

import bench_convert
import numpy as np
import pytest
from students import student

from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.ir.weights import WeightKind
from rtl4ml.ops.conv import Linear

pytestmark = pytest.mark.filterwarnings("ignore:The initializer:UserWarning")


@pytest.mark.parametrize("bits", [4, 8])
def test_random_weights_use_their_bits(bits: int) -> None:
    """No layer of the U-Nets that are counted is made of powers of two, and each spans its quantizer's range."""
    model = student("unet").build(
        widths=(16, 64), size=(8, 8), blocks=1, weight_bits=bits, activation_bits=bits
    )
    graph = parse(bench_convert.spread(model, np.random.default_rng(7))).graph
    layers = [op for op in graph.ops if isinstance(op, Linear)]
    assert len(layers) == 7
    for op in layers:
        assert op.kind is WeightKind.INTEGER, op.name
        assert op.weight_type.width == bits, op.name
        levels = len(np.unique(op.weights))
        assert levels >= min(2**bits, op.weights.size) / 2, f"{op.name}: {levels} levels"
