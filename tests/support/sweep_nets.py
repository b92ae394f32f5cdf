# SPDX-License-Identifier: Apache-2.0
"""A small network for sweeps, and workers that are not there: what is asked for is done at once, in this process."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np
from random_graphs import Draw

from rtl4ml.ir.graph import Graph
from rtl4ml.ops.activation import Activation
from rtl4ml.ops.conv import Conv
from rtl4ml.sweep.run import Given
from rtl4ml.sweep.tasks import Network


def graph(seed: int = 3) -> Graph:
    """Two convolutions and what quantizes them, drawn at random."""
    draw = Draw(np.random.default_rng(seed), (24, 2))
    for kind in (Conv, Activation, Conv, Activation):
        while not draw.add(kind):
            pass
    return Graph("small", (draw.source,), tuple(draw.ops), (draw.stream,))


def given(seed: int = 3) -> Given:
    """The network as a sweep has it."""
    return Given({"logits": Network(pickle.dumps(graph(seed)))})


class Inline:
    """Workers of which each call is answered when it is made."""

    def __init__(self, size: int = 1) -> None:
        self.size = size

    def submit(self, task: Callable[..., Any], *values: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(task(*values))
        except Exception as error:  # noqa: BLE001 -- as an executor has it
            done.set_exception(error)
        return done
