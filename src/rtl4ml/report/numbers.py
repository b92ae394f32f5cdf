# SPDX-License-Identifier: Apache-2.0
"""Numbers as the page and the command line write them."""

from __future__ import annotations


def number(value: float | None) -> str:
    """12,345 or 12.5; a dash for None."""
    if value is None:
        return "–"
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def percent(share: float | None) -> str:
    """4.5 %; small shares keep a digit that is not zero."""
    if share is None:
        return "–"
    if share == 0:
        return "0 %"
    digits = 2 if abs(share) < 0.001 else 1
    return f"{100 * share:,.{digits}f} %"


def signed(value: float) -> str:
    """+3, −3 or 0, with a true minus sign."""
    return ("+" if value > 0 else "−" if value < 0 else "") + number(abs(value))


def signed_percent(share: float) -> str:
    """+3.4 % or −3.4 %."""
    return ("−" if share < 0 else "+") + percent(abs(share))


def magnitude(value: float) -> str:
    """1,234 or 1.23 million."""
    for size, name in ((1e9, " billion"), (1e6, " million")):
        if value >= size:
            return f"{value / size:,.3g}{name}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def plural(count: float, noun: str) -> str:
    """1 pixel, 2 pixels."""
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def duration(seconds: float | None) -> str:
    """0.42 s, 3.2 s, 2 min 05 s, or 1 h 02 min."""
    if seconds is None:
        return "–"
    if round(seconds) >= 3600:
        return f"{round(seconds / 60) // 60} h {round(seconds / 60) % 60:02d} min"
    if round(seconds) >= 60:
        return f"{round(seconds) // 60} min {round(seconds) % 60:02d} s"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds:.2f} s"
