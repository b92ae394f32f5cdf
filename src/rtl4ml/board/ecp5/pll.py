# SPDX-License-Identifier: Apache-2.0
"""The PLL of the ECP5, EHXPLLL: dividers for a rate, computed exactly.

The oscillator divided by CLKI_DIV meets CLKOP divided by CLKFB_DIV at the phase detector, and CLKOP is the VCO divided
by CLKOP_DIV. So the VCO runs at source / CLKI_DIV * CLKFB_DIV * CLKOP_DIV. The design's clock is CLKOS, the VCO divided
by CLKOS_DIV, which leaves a finer choice of rates than CLKOP.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from rtl4ml.errors import BadInput

_MOST = 128  # of every divider


@dataclass(frozen=True)
class Limits:
    """Bounds in MHz of phase detector, VCO and outputs; source: of the oscillator.

    Limits(Fraction(25), (Fraction(10), Fraction(400)), (Fraction(400), Fraction(800)), (Fraction(4), Fraction(400)))
    """

    source: Fraction
    detector: tuple[Fraction, Fraction]
    vco: tuple[Fraction, Fraction]
    output: tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Pll:
    """Dividers of an EHXPLLL whose CLKOP is fed back and whose CLKOS is the clock.

    Pll(Fraction(25), input=2, feedback=30, main=2, clock=6): VCO 750 MHz, clock 125 MHz.
    """

    source: Fraction
    input: int
    feedback: int
    main: int
    clock: int

    @property
    def vco(self) -> Fraction:
        """Rate of the VCO in MHz."""
        return self.source / self.input * self.feedback * self.main

    @property
    def rate(self) -> Fraction:
        """Rate of the clock in MHz."""
        return self.vco / self.clock

    @property
    def mhz(self) -> float:
        """The same as a float."""
        return float(self.rate)


def settings(limits: Limits) -> Iterator[Pll]:
    """All settings within the limits, one for each pair of VCO and rate."""
    for divider in range(1, _MOST + 1):
        detector = limits.source / divider
        if not limits.detector[0] <= detector <= limits.detector[1]:
            continue
        for product in range(_ceil(limits.vco[0] / detector), int(limits.vco[1] / detector) + 1):
            vco = detector * product
            main = _main(limits, vco, product)
            if main is None:
                continue
            for clock in range(1, _MOST + 1):
                if limits.output[0] <= vco / clock <= limits.output[1]:
                    yield Pll(limits.source, divider, product // main, main, clock)


def _main(limits: Limits, vco: Fraction, product: int) -> int | None:
    """The smallest divider of CLKOP that leaves its rate within the limits and a whole feedback divider."""
    for main in range(1, _MOST + 1):
        fits = limits.output[0] <= vco / main <= limits.output[1]
        if fits and product % main == 0 and product // main <= _MOST:
            return main
    return None


def _ceil(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)


def greatest(limits: Limits, most_mhz: float) -> Pll:
    """The setting of the greatest rate that is at most `most_mhz`; of several the one with the slowest VCO.

    Raises BadInput where there is none.
    """
    most = Fraction(most_mhz)
    found = [s for s in settings(limits) if s.rate <= most]
    if not found:
        least = min(s.rate for s in settings(limits))
        raise BadInput(
            f"clock: must be at least {float(least):.7g} MHz, the slowest of the PLL, not {most_mhz:.7g}; ask for more"
        )
    return max(found, key=lambda s: (s.rate, -s.vco, -s.input))
