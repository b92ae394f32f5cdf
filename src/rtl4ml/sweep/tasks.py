# SPDX-License-Identifier: Apache-2.0
"""What a worker does: a design of a network for a point, predicted. It gets values and gives values; no file is read.

A worker needs no TensorFlow for this, and keeps nothing but what is dear to find again: the last networks, and what
operators of them cost.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from rtl4ml import arguments
from rtl4ml.cost.estimate import estimate
from rtl4ml.device import DEVICES, ZCU102, Device, total
from rtl4ml.errors import Rtl4mlError, Value
from rtl4ml.folding.by_hand import wanted_interval
from rtl4ml.folding.homes import Wanted, fold_with_skips
from rtl4ml.folding.options import Costs
from rtl4ml.folding.placement import analysed
from rtl4ml.ir.fingerprint import fingerprint
from rtl4ml.ir.graph import Graph
from rtl4ml.netlist.plan import Plan
from rtl4ml.reuse import EVERY, ByHand, Reuse
from rtl4ml.sweep.points import Outcome, taken
from rtl4ml.sweep.space import RESOURCES, REUSE, Params
from rtl4ml.synthesis.yosys import units


@dataclass(frozen=True)
class Network:
    """A network as it travels to workers.

    content:  its graph, pickled by this very version
    accuracy: figures of merit by name, on validation data
    refused:  why there is none, else empty
    seconds:  that it took to make

    Network(pickle.dumps(graph)) is a given model, of which no accuracy is asked.
    """

    content: bytes
    accuracy: Mapping[str, float] | None = None
    refused: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Base:
    """What all points of a sweep have in common: the arguments of `rtl4ml.convert` that no axis says.

    Base(budget={"dsp": 0.2}) leaves a fifth of the DSP slices to every point.
    """

    budget: Mapping[str, float] | None = None
    clock_mhz: float = 250.0
    device: Device = ZCU102
    skips: Any = "bram"
    fit: bool = True
    pumped: bool = False
    prices: Mapping[str, float] | None = None


def conversion(base: Base, params: Params) -> dict[str, Any]:
    """The arguments of `rtl4ml.convert` for a point, but for those of its network."""
    budget = {**(base.budget or {}), **{k: params[k] for k in RESOURCES if k in params}}
    return {
        "target_interval": params.get("interval"),
        "budget": budget or None,
        "clock_mhz": float(params.get("clock_mhz", base.clock_mhz)),
        "device": DEVICES[str(params["device"])] if "device" in params else base.device,
        "skips": params.get("skips", base.skips),
        "fit": base.fit,
        "pumped": base.pumped,
        "prices": base.prices,
        "foldings": foldings(params) or None,
    }


def foldings(params: Params) -> dict[str, ByHand]:
    """The reuse of multipliers that the axes of a point ask for, of all layers and of single ones."""
    asked = {k.partition(".")[2] or EVERY: v for k, v in params.items() if k.split(".")[0] == REUSE}
    return {layer: Reuse(int(factor)) for layer, factor in asked.items()}


@lru_cache(maxsize=4)
def _held(content: bytes) -> tuple[Graph, Costs]:
    """A network's graph, and what is known of its operators, kept from one point to the next."""
    return pickle.loads(content), Costs()  # noqa: S301 -- made by this sweep, of its own values


def hardware(network: Network, base: Base, params: Params, known: Mapping[str, Outcome]) -> Outcome:
    """The design of a network for a point, predicted by the models of cycles and resources.

    known: outcomes of other points of the same network by the key of their plans, which cost nothing
    """
    start = time.perf_counter()
    if network.refused:
        return Outcome(refused=network.refused)
    found = conversion(base, params)
    graph, costs = _held(network.content)
    try:
        device = arguments.pumped(found["pumped"], found["device"])
        layers, budget = found["foldings"], found["budget"]
        interval = found["target_interval"] or wanted_interval(graph, layers or {})
        wanted = Wanted(interval, budget, layers, device, found["clock_mhz"], found["prices"])
        plan = fold_with_skips(graph, found["skips"], wanted, fit=found["fit"], costs=costs)
        outcome = _outcome(plan, known, network, device)
    except Rtl4mlError as error:
        return Outcome(refused=error.worded(axis_of), seconds=time.perf_counter() - start)
    fps = found["clock_mhz"] * 1e6 / outcome.interval
    return replace(outcome, fps=fps, seconds=time.perf_counter() - start)


def axis_of(argument: str, value: Value) -> str:
    """How a sweep calls an argument of `rtl4ml.convert` that a refusal names."""
    name = {"target_interval": "interval"}.get(argument, argument)
    if isinstance(value, Mapping):
        return ", ".join(f"{k}={v}" for k, v in value.items())
    return f"{name} {value}" if value else name


def _outcome(plan: Plan, known: Mapping[str, Outcome], network: Network, device: Device) -> Outcome:
    key = fingerprint(plan.graph, plan.foldings, plan.device, plan.shares)
    if key in known:
        return known[key]
    netlist, cycles = analysed(plan)
    parts = units(netlist, frames_in_flight=cycles.frames_in_flight)
    made = total(estimate(u.module, u.params, u.cell) for u in parts)
    return Outcome(
        interval=float(cycles.interval),
        latency=cycles.latency,
        resources=taken(made),
        capacity=device.capacity,
        accuracy=network.accuracy,
        key=key,
    )
