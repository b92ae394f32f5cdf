# SPDX-License-Identifier: Apache-2.0
"""What is known of a point of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rtl4ml.device import Resources
from rtl4ml.sweep.space import RESOURCES, Params


@dataclass(frozen=True)
class Outcome:
    """What a worker found of a point: predicted figures, or why there is no design.

    interval:  cycles between samples; a mean where frames come unevenly
    latency:   cycles from a sample's first word to its last result
    fps:       samples a second at the clock that the point assumes
    resources: LUTs, flip-flops, DSP48E2 and RAMB36 by the model
    capacity:  those of the device
    accuracy:  figure of merit of the network by name, on validation data; empty where no data were given
    key:       of the plan: points of one key are one design
    refused:   why there is none, else empty
    seconds:   of a worker's time

    Outcome(204, 451, 1.23e6, {"lut": 8_317, ...}, ...) is a design of the 4-bit spectral student at 250 MHz.
    """

    interval: float = 0.0
    latency: int = 0
    fps: float = 0.0
    resources: Mapping[str, float] | None = None
    capacity: Mapping[str, int] | None = None
    accuracy: Mapping[str, float] | None = None
    key: str = ""
    refused: str = ""
    seconds: float = 0.0

    def share(self, resource: str) -> float:
        """The share of the device that it takes of a resource."""
        if self.resources is None or self.capacity is None:
            return float("inf")
        return self.resources[resource] / self.capacity[resource]

    def json(self) -> dict[str, Any]:
        """As values of JSON's types."""
        return asdict(self)


def taken(resources: Resources) -> dict[str, float]:
    """Resources by name, rounded to what is worth showing."""
    return {k: round(getattr(resources, k), 1) for k in RESOURCES}


def folder_of(number: int) -> str:
    """The name of the folder of a point that is made into a project."""
    return f"point-{number}"


@dataclass(frozen=True)
class Point:
    """A point that a sweep has asked for.

    number:  its place in the sweep, from 0
    params:  its value on every axis
    outcome: None as long as no worker has answered
    """

    number: int
    params: Params
    outcome: Outcome | None = None
