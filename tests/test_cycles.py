# SPDX-License-Identifier: Apache-2.0
"""The compiled stepper against the plain one, and the depths of FIFOs behind forks."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from contract import randomize
from designs import DESIGNS
from steps_reference import step

from rtl4ml.cells import Fifo
from rtl4ml.cycles import predict
from rtl4ml.explore import fold
from rtl4ml.frontend import parse
from rtl4ml.lower import lower
from rtl4ml.netlist import Netlist


def student(name: str) -> Any:
    """A module of models/."""
    path = str(files("rtl4ml.models").joinpath(f"{name}.py"))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def unet(rng: np.random.Generator, target: int, **arguments: Any) -> Netlist:
    model = randomize(student("unet").build(**arguments), rng)
    return lower(fold(parse(model).graph, target_interval=target))


SMALL = {"widths": (2, 3, 4), "size": (8, 12), "weight_bits": 3, "activation_bits": 3, "channels": 1}


@pytest.fixture(scope="module")
def small() -> Netlist:
    return unet(np.random.default_rng(1), 600, **SMALL)


@pytest.mark.parametrize("name", [n for n in DESIGNS if n not in ("wide",)][:4])
def test_compiled_and_plain_steps_agree(name: str) -> None:
    build, target = DESIGNS[name]
    model = randomize(build(), np.random.default_rng(5))
    netlist = lower(fold(parse(model).graph, target_interval=target))
    found = predict(netlist)
    assert (found.latency, found.interval) == step(netlist)


def test_they_agree_on_a_unet(small: Netlist) -> None:
    found = predict(small)
    assert (found.latency, found.interval) == step(small)


def test_a_skip_fifo_is_as_deep_as_its_pace_needs(small: Netlist) -> None:
    """By the plain stepper: no FIFO behind a fork can lose an entry without slowing the netlist or blocking it."""
    _, interval = step(small)
    deep = [c for c in small.cells if isinstance(c, Fifo) and c.depth > 2]
    assert len(deep) == 2
    for fifo in deep:
        less = replace(fifo, depth=fifo.depth - 1)
        short = replace(small, cells=tuple(less if c is fifo else c for c in small.cells))
        try:
            assert step(short, limit=10 * interval)[1] > interval
        except RuntimeError as error:
            assert "stands still" in str(error)
