# SPDX-License-Identifier: Apache-2.0
"""The mixed integer program that chooses foldings: variables, constraints, objective."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from rtl4ml.device import Device, Resources

Floats = NDArray[np.float64]

# Objective (minimised): the largest share of any device resource, plus small weights on the sum of all shares (so that
# abundant resources are not wasted) and on the number of multipliers (so that none idles). Shares are weighed as
# `Device.weights` says. Multipliers are counted as a share of twice the device's DSP48E2.
WEIGHT_OF_SUM = 0.05
WEIGHT_OF_MULTIPLIERS = 0.5
# Where the user has given prices, the objective is what a design costs by them, and nothing else.
# Relative optimality gap at which the solver stops.
GAP = 3e-3
# Branch-and-bound node limit: about 15 s on the largest U-Nets, where the remaining gap is some tenths of a percent. A
# node limit rather than a time limit keeps results independent of the machine.
NODES = 300


def objective(resources: Resources, multipliers: int, device: Device) -> float:
    """The figure that the choice of foldings minimises."""
    shares: list[float] = [getattr(resources, k) * device.weights[k] / v for k, v in device.capacity.items()]
    return float(
        max(shares) + WEIGHT_OF_SUM * sum(shares) + WEIGHT_OF_MULTIPLIERS * multipliers / (2 * device.dsp)
    )


class Program:
    """A mixed integer program over variables from 0 to 1 that minimises `objective`, or a price."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._cost: list[Resources] = []
        self._multipliers: list[int] = []
        self._whole: list[bool] = []
        self._rows: list[tuple[dict[int, float], float]] = []

    def variable(self, cost: Resources, multipliers: int = 0, *, whole: bool = True) -> int:
        """Adds a variable and returns its index.

        cost, multipliers: what it costs at 1; in proportion below
        whole:             whether it must be 0 or 1
        """
        self._cost.append(cost)
        self._multipliers.append(multipliers)
        self._whole.append(whole)
        return len(self._cost) - 1

    def equal(self, row: Mapping[int, float], to: float) -> None:
        """Adds the constraint that a weighted sum of variables equals `to`. row: index of a variable to its weight."""
        self._rows.append((dict(row), to))

    def _uses(self, of: Mapping[str, float]) -> dict[str, Floats]:
        """The share of each resource that each variable takes. of: all that there is of a resource, by its name."""
        return {k: np.array([getattr(c, k) for c in self._cost], np.float64) / v for k, v in of.items()}

    def _equations(self) -> LinearConstraint:
        entries = [(i, j, w) for i, (row, _) in enumerate(self._rows) for j, w in row.items()]
        i, j, w = (np.array(column) for column in zip(*entries, strict=True))
        to = np.array([t for _, t in self._rows])
        return LinearConstraint(coo_array((w, (i, j)), shape=(len(to), len(self._cost) + 1)).tocsr(), to, to)

    def solve(self, limits: Mapping[str, float], prices: Mapping[str, float] | None = None) -> Floats | None:
        """Values of all variables; None where no solution within the limits was found.

        prices: of all that the device has of each resource; what they make of a solution is then minimised instead,
                which takes a thirtieth of the time, as no largest share ties all variables together
        """
        n = len(self._cost)
        most = n  # one more variable: the largest weighed share of any resource
        uses = self._uses(self._device.capacity)
        weighed = {k: self._device.weights[k] * use for k, use in uses.items()}
        constraints = [self._equations()]
        for k, use in uses.items():
            if prices is None:
                constraints.append(LinearConstraint(np.append(weighed[k], -1.0)[None, :], -np.inf, 0))
            if k in limits:
                constraints.append(
                    LinearConstraint(
                        np.append(use, 0.0)[None, :], -np.inf, limits[k] / self._device.capacity[k]
                    )
                )
        if prices is None:
            cost = WEIGHT_OF_SUM * np.sum(list(weighed.values()), axis=0)
            cost += WEIGHT_OF_MULTIPLIERS / (2 * self._device.dsp) * np.array(self._multipliers)
        else:
            cost = np.sum([prices[k] * use for k, use in uses.items()], axis=0)
        cost = cost + 1e-12 * np.arange(n)
        answer = milp(
            np.append(cost, 1.0 if prices is None else 0.0),
            integrality=np.array([*self._whole, False], int),
            bounds=Bounds(0, np.append(np.ones(n), np.inf)),
            constraints=constraints,
            options={"mip_rel_gap": GAP, "node_limit": NODES},
        )
        return None if answer.x is None else np.asarray(answer.x[:most], np.float64)

    def taken(self, solution: Floats) -> Resources:
        """The resources of a solution."""
        uses = {k: np.array([getattr(c, k) for c in self._cost]) for k in self._device.capacity}
        return Resources(**{k: float(use @ solution[: len(use)]) for k, use in uses.items()})

    def bound(self, limits: Mapping[str, float], beside: Resources) -> float:
        """The least possible largest share of any limit, `beside` included, if variables may be fractions."""
        n = len(self._cost)
        constraints = [self._equations()]
        for k, use in self._uses(limits).items():
            constraints.append(
                LinearConstraint(np.append(use, -1.0)[None, :], -np.inf, -getattr(beside, k) / limits[k])
            )
        answer = milp(
            np.append(np.zeros(n), 1.0),
            bounds=Bounds(0, np.append(np.ones(n), np.inf)),
            constraints=constraints,
        )
        return float("inf") if answer.x is None else float(answer.x[n])
