# SPDX-License-Identifier: Apache-2.0
"""Terms that many models share: counters, adders, trees, comparisons."""

from __future__ import annotations

from rtl4ml.netlist.images import Image
from rtl4ml.netlist.memories import Terms


def log(n: int) -> int:
    """Bits that count to n - 1."""
    return max(0, (n - 1).bit_length())


def counter(n: int) -> int:
    """Bits of a counter of n steps; none for one."""
    return log(n) if n > 1 else 0


def wrap(n: int) -> int:
    """Bits that a counter of n steps clears at its end: those that a count one further would leave set."""
    return (n % (1 << log(n))).bit_count()


def image_depth(image: Image) -> int:
    """Words of a memory image."""
    return len(image.words) if image.depth is None else image.depth


def plus(a: Terms, b: Terms) -> Terms:
    """Both, term by term."""
    return {k: a.get(k, 0.0) + b.get(k, 0.0) for k in (a | b)}


def adder_tree(inputs: int, width: int, limit: int, *, registered: bool) -> tuple[int, int, int]:
    """(bits of adders, of registers, of shift registers) of r4_adder_tree; whether a register of the input's stands
    before it. What passes three registers in a row and is read only behind them becomes a shift register.
    """
    adders = registers = shifts = 0
    last_width, run = width, int(registered)  # of the odd one out: its bits, the registers it is in
    while inputs > 1:
        nxt = min(width + 1, limit)
        adders += inputs // 2 * width
        registers += inputs // 2 * nxt
        if inputs % 2:
            run += 1
            registers += last_width
        else:
            if run >= 3:
                registers, shifts = registers - run * last_width, shifts + last_width
            last_width, run = nxt, 1
        inputs, width = (inputs + 1) // 2, nxt
    return adders, registers, shifts


def set_bits(moves: set[int], bits: int) -> int:
    """Bits of an adder that adds one of these constants: it passes those through that are zero in all of them."""
    any_one = 0
    for m in moves:
        any_one |= m % (1 << bits)
    return any_one.bit_count()


def low_zeros(moves: set[int]) -> int:
    """Low bits that are zero in all of these."""
    return min((m & -m).bit_length() - 1 for m in moves if m)


def comparison(constant: int, width: int, at_once: int) -> set[tuple[int, int, str]]:
    """LUTs that compare a number with a constant, so many bits at once from the top: which group, its constant, and
    whether it is equal or greater; no group is greater than ones.
    """
    found = set()
    for low in range(width - at_once, -at_once, -at_once):
        ones = (1 << min(at_once, low + at_once)) - 1
        v = constant >> max(0, low) & ones
        found.add((low, v, "equal"))
        if v < ones:
            found.add((low, v, "greater"))
    return found


def reached_luts(constant: int, width: int, *, signed: bool) -> int:
    """LUTs that tell whether a number is at least a constant other than zero in its lowest bits.

    From 13 bits on Yosys compares six bits a LUT, from the top, and a carry chain joins them: a LUT tells that the six
    are equal, one that they are greater. None is greater than ones; greater than 01...1, or at least 10...0, is the
    top bit itself, which for a sign is inverted. Fewer bits are logic, of which abc9 makes 3 LUTs or 4; six are one.
    """
    if not constant % (1 << width):  # the sign alone
        return 1
    zeros = (constant & -constant).bit_length() - 1
    if width <= 12:
        return 1 if width - zeros <= 6 else 3 if width - zeros < 12 else 4
    v = (constant + ((1 << (width - 1)) if signed else 0)) % (1 << width)
    luts = 0
    for low in range(width - 6, -6, -6):
        bits = min(6, low + 6)
        part, ones, top = v >> max(0, low) & ((1 << bits) - 1), (1 << bits) - 1, low == width - 6
        luts += bits > 1 or not part
        luts += part != ones and (part - (ones >> 1) not in (0, 1) or (top and signed))
    return luts
