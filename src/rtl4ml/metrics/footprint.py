# SPDX-License-Identifier: Apache-2.0
"""The memory of a student, and the time to send it to orbit."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from rtl4ml.errors import BadData


@dataclass(frozen=True, kw_only=True)
class Link:
    """A radio link. mbps: nominal megabits a second; efficiency: the share of them that carries data.

    Link(mbps=50, efficiency=0.5) carries 30 megabytes in 30 * 8 / 25 / 60 = 0.16 minutes.
    """

    mbps: float
    efficiency: float

    def minutes(self, megabytes: float) -> float:
        """Minutes that a file of so many megabytes (10^6 bytes) takes."""
        return megabytes * 8 / (self.mbps * self.efficiency) / 60


# The links that Nalepa et al. (2020) assume, in their section 4.3.2.
UPLINK = Link(mbps=0.25, efficiency=0.5)
DOWNLINK = Link(mbps=50, efficiency=0.5)


def megabytes(bits: int) -> float:
    """Megabytes (10^6 bytes) that so many bits take, in hundredths, the last one started counted.

    Rounded up, the numbers of parameters of Nalepa et al. (2020) give the sizes of their table 11.
    """
    return ceil(bits / 8 / 1e4) / 100


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """A network's size and the time to send it.

    bits: of a parameter, the mean where they differ; megabytes: 10^6 bytes; minutes by each link.

    Of 10,000 parameters of 8 bits: 0.01 megabytes, 0.0107 minutes up, 0.00005 minutes down.
    """

    parameters: int
    bits: float
    megabytes: float
    uplink_minutes: float
    downlink_minutes: float


def footprint(parameters: int, bits: int = 32) -> Footprint:
    """The footprint of `parameters` numbers of `bits` bits each. Raises BadData where either is below 1."""
    if parameters < 1 or bits < 1:
        raise BadData(
            f"footprint: a network must have parameters of at least 1 bit, not {parameters} of {bits}; "
            "count them again"
        )
    return footprint_of_bits(parameters, parameters * bits)


def footprint_of_bits(parameters: int, bits: int) -> Footprint:
    """The footprint of numbers that take `bits` bits all together. Raises BadData where one has less than 1."""
    if not 1 <= parameters <= bits:
        raise BadData(
            f"footprint: a network must have parameters of at least 1 bit, not {parameters} of {bits} together; "
            "count them again"
        )
    size = megabytes(bits)
    return Footprint(
        parameters=parameters,
        bits=round(bits / parameters, 3),
        megabytes=size,
        uplink_minutes=UPLINK.minutes(size),
        downlink_minutes=DOWNLINK.minutes(size),
    )
