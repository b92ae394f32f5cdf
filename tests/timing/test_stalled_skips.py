# SPDX-License-Identifier: Apache-2.0
"""Skips behind which nothing moves until a whole frame has come: stalls must not take the beats that they count on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract import randomize, samples

import rtl4ml
from rtl4ml.cells.streams import Fifo
from rtl4ml.host import frameworks
from rtl4ml.timing.stepper import Stepper

K, Q = frameworks.keras(), frameworks.qkeras()
L = K.layers


def network(rng: np.random.Generator, *, pipeline: bool) -> Any:
    """A frame times what is made of its average; `pipeline`: an activation of three stages on the skip."""
    x = L.Input((4, 9, 1))
    a = Q.QActivation("quantized_bits(6,0,alpha=1)")(x)
    a = Q.QActivation("quantized_bits(5,1,alpha=1)", name="act")(a)
    s = L.GlobalAveragePooling2D(keepdims=True)(a)
    s = Q.QActivation("quantized_relu(6,0)")(s)
    s = Q.QDense(1, kernel_quantizer="quantized_po2(4)", bias_quantizer="quantized_bits(8,3,alpha=1)")(s)
    s = Q.QActivation("quantized_relu(5,1)")(s)
    skip = Q.QActivation("quantized_tanh(4)", name="late")(a) if pipeline else a
    y = L.Flatten()(Q.QActivation("quantized_bits(6,1,alpha=1)")(L.Multiply(name="join")([skip, s])))
    dense = Q.QDense(8, kernel_quantizer="quantized_po2(4)", bias_quantizer="quantized_bits(5,1,alpha=1)")
    return randomize(K.Model(x, dense(y)), rng)


@pytest.mark.parametrize("pipeline", [False, True])
def test_no_beat_in_flight_is_counted_on(pipeline: bool, tmp_path: Path, rng: np.random.Generator) -> None:
    """Frames come out of the skip FIFO without the places that only beats in flight take."""
    net = rtl4ml.convert(network(rng, pipeline=pipeline), out=tmp_path, target_interval=72).netlist
    fifo = next(c for c in net.cells if c.name == ("u_late_f" if pipeline else "u_act_b_f"))
    assert isinstance(fifo, Fifo) and fifo.slack

    def frames(depth: int) -> int:
        return len(Stepper(net).run(depths={fifo.name: depth}, frames=3).ends)

    assert frames(fifo.depth - fifo.slack) == 3
    assert frames(fifo.depth - 2 * fifo.slack) < 3, "the frame does not fit a FIFO without those places"


@pytest.mark.gate
@pytest.mark.parametrize("pipeline", [False, True])
def test_exact_under_stalls(pipeline: bool, tmp_path: Path, rng: np.random.Generator) -> None:
    design = rtl4ml.convert(network(rng, pipeline=pipeline), out=tmp_path, target_interval=72)
    x = samples(design, 6, rng)
    want = design.reference(x)
    for seed in range(6):
        np.testing.assert_array_equal(design.simulate(x, stalls="random", seed=seed).y, want)
