# SPDX-License-Identifier: Apache-2.0
"""Points of a sweep made into projects, simulated and counted: what the prediction was worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from rtl4ml.design import Design, convert
from rtl4ml.errors import SimulationFailed
from rtl4ml.host.progress import Step, silent
from rtl4ml.ir.several import of_each, one_or_all
from rtl4ml.sweep.points import Point
from rtl4ml.sweep.precision import Head, Precise
from rtl4ml.sweep.run import Given
from rtl4ml.sweep.space import RESOURCES
from rtl4ml.sweep.study import Result
from rtl4ml.sweep.tasks import Base, conversion
from rtl4ml.sweep.trained import Taught

STALLED = 8  # samples under random stalls


@dataclass(frozen=True)
class Measured:
    """A point's design as it was simulated and counted.

    interval, latency: cycles in the RTL simulation
    mismatches:        values that are not the reference's, of `values`, with and without stalls
    counted:           what Yosys counted of each resource

    Measured(point, 204, 451, 0, 4_096, {"lut": 8_412, ...}) proves its point's interval of 204.
    """

    point: Point
    interval: float
    latency: int
    mismatches: int
    values: int
    counted: Mapping[str, float]

    def off(self, resource: str) -> float | None:
        """How far the predicted resource is off what was counted: +0.1 is 10 % too much; None of none."""
        assert self.point.outcome is not None and self.point.outcome.resources is not None
        counted = self.counted[resource]
        return self.point.outcome.resources[resource] / counted - 1 if counted else None


@dataclass(frozen=True)
class Verified:
    """The points that were simulated and counted."""

    found: Sequence[Measured]

    @property
    def exact(self) -> bool:
        """Whether all compute the reference's values at the predicted interval."""
        return all(
            m.mismatches == 0 and m.point.outcome is not None and m.interval == m.point.outcome.interval
            for m in self.found
        )

    def json(self) -> list[dict[str, Any]]:
        """As values of JSON's types, a row a point."""
        return [
            {
                "point": m.point.number,
                "interval": m.interval,
                "latency": m.latency,
                "mismatches": m.mismatches,
                "values": m.values,
                **m.counted,
            }
            for m in self.found
        ]

    def table(self) -> dict[str, Any]:
        """Heads and rows of a table, and a sentence on the spread."""
        rows = []
        for m in self.found:
            assert m.point.outcome is not None and m.point.outcome.resources is not None
            cells = [
                str(m.point.number),
                f"{m.mismatches:,} of {m.values:,}",
                f"{m.point.outcome.interval:,.6g} / {m.interval:,.6g}",
                f"{m.point.outcome.latency:,} / {m.latency:,}",
            ]
            for k in RESOURCES:
                off = m.off(k)
                spread = "" if off is None else f" ({100 * off:+.1f} %)"
                cells.append(f"{m.point.outcome.resources[k]:,.6g} / {m.counted[k]:,.6g}{spread}")
            rows.append(cells)
        told = [
            f"{len(self.found):,} designs were simulated as RTL and counted by Yosys: predicted / measured."
        ]
        for k in RESOURCES:
            offs = [o for m in self.found if (o := m.off(k)) is not None]
            if offs:
                told.append(f"{k}: {100 * min(offs):+.1f} to {100 * max(offs):+.1f} %.")
        heads = ["point", "values that differ", "interval", "latency", *RESOURCES]
        return {"heads": heads, "rows": rows, "told": " ".join(told)}


def chosen(result: Result, number: int, seed: int) -> list[Point]:
    """So many points of the front, evenly along it, and as many of all others, drawn at random."""
    front = result.front
    picked = [
        front[k]
        for k in np.unique(np.linspace(0, len(front) - 1, min(number, len(front))).round().astype(int))
    ]
    others = [p for p in result.points if p.outcome is not None and not p.outcome.refused and p not in picked]
    drawn = np.random.default_rng(seed).permutation(len(others))[:number]
    return [*picked, *(others[k] for k in sorted(drawn))]


def project(
    source: Given | Precise, model: Any, point: Point, base: Base, head: Head, folder: Path
) -> Design:
    """The design of a point as a project in a folder, by `rtl4ml.convert`. model: that of a given network."""
    output, *bits = source.key(point.params)
    if isinstance(source, Precise):
        model = source.loaded(dict(bits))
    if isinstance(source, Taught):
        model = source.model(point.params)
    mask = output == "mask"
    return convert(
        model,
        out=folder,
        output=output,
        threshold=head.threshold if mask else None,
        opening=head.opening if mask else None,
        columns=head.columns,
        input_precision=head.input_precision,
        **conversion(base, point.params),
    )


def measure(design: Design, point: Point, samples: int, seed: int) -> Measured:
    """Simulates a design on random samples, some of them under stalls, and has Yosys count it.

    samples: at least; as many more as are on their way at once, so that the pace is steady
    """
    number, rng = samples + ceil(design.cycles.latency / design.cycles.interval), np.random.default_rng(seed)
    x: Any = one_or_all(
        [
            rng.uniform((s.lo - 2) * s.type.step, (s.hi + 2) * s.type.step, (number, *shape)).astype(
                np.float32
            )
            for s, shape in zip(design.graph.inputs, design.parsed.shapes, strict=True)
        ]
    )
    want = of_each(design.reference(x))
    run = design.simulate(x)
    few: Any = one_or_all([a[:STALLED] for a in of_each(x)])
    stalled = design.simulate(few, stalls="random", seed=seed)
    design.emulate(x)
    counted = design.synthesize()
    if run.interval is None or run.latency is None:
        raise SimulationFailed(
            f"point {point.number}: a simulation must have two samples for an interval, not one"
        )
    found = [*of_each(run.y), *of_each(stalled.y)]
    right = [*want, *(a[:STALLED] for a in want)]
    return Measured(
        point,
        float(run.interval),
        run.latency,
        sum(int(np.count_nonzero(a != b)) for a, b in zip(found, right, strict=True)),
        sum(a.size for a in found),
        {k: float(getattr(counted, k)) for k in RESOURCES},
    )


def verify(
    points: Sequence[Point],
    build: Callable[[Point], Design],
    *,
    samples: int,
    seed: int,
    step: Step = silent,
) -> Verified:
    """Makes a project of every point, simulates it and has it counted. build: a point's design in a folder."""
    found = []
    for point in points:
        with step(f"verify point {point.number}"):
            design = build(point)
            found.append(measure(design, point, samples, seed))
            design.report()
    return Verified(found)
