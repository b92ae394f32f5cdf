# SPDX-License-Identifier: Apache-2.0
"""A route in a report: what an open router met is the clock that throughput follows from."""

from __future__ import annotations

from rtl4ml.report.clocks import PlaceAndRoute
from rtl4ml.report.schema import Report


def put(report: Report, found: PlaceAndRoute) -> None:
    """Puts a route into a report."""
    report["place_and_route"] = found
    interval = report["cycles"]["interval"]["model"]
    clock = found["clock_mhz"]
    if interval:
        report["throughput"] = {"samples_per_s": clock * 1e6 / interval, "assumed_clock_mhz": clock}


def met(report: Report) -> PlaceAndRoute | None:
    """The route of a report; None where there is none."""
    return report.get("place_and_route")
