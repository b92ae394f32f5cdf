# SPDX-License-Identifier: Apache-2.0
"""Terms that many models share: counters, adders, trees, comparisons."""

from __future__ import annotations

from rtl4ml.netlist.images import Image
from rtl4ml.netlist.memories import Terms


def log(steps: int) -> int:
    """Bits of a number from 0 to steps - 1."""
    return max(0, (steps - 1).bit_length())


def counter(steps: int) -> int:
    """Bits of a counter of so many steps; none for one."""
    return log(steps) if steps > 1 else 0


def countdown(steps: int) -> int:
    """Bits of an r4_countdown, which counts down to -1."""
    return log(steps - 1) + 1 if steps > 1 else 0


def wrap(steps: int) -> int:
    """Bits that a counter must clear when it wraps: those set in steps % 2**log(steps), such as 2 for 6 steps."""
    return (steps % (1 << log(steps))).bit_count()


def image_depth(image: Image) -> int:
    """Words of a memory image."""
    return len(image.words) if image.depth is None else image.depth


def plus(first: Terms, second: Terms) -> Terms:
    """The sum, term by term."""
    return {k: first.get(k, 0.0) + second.get(k, 0.0) for k in (first | second)}


def adder_tree(
    inputs: int, width: int, limit: int, *, registered: bool, most: int = 2
) -> tuple[int, int, int]:
    """Bits of adders, of registers and of shift registers (SRL) of r4_adder_tree and r4_sum_tree.

    registered: whether the inputs are registered already
    most:       numbers that an adder takes, 2 or 3

    A value that passes three or more registers unread is mapped to an SRL. Five inputs of 8 bits take (35, 55, 0), or
    (35, 31, 8) if they are registered already.
    """
    adders = registers = shifts = 0
    last_width, run = (
        width,
        int(registered),
    )  # of the one left over: its bits, the registers that it has passed
    while inputs > 1:
        grown = min(width + (2 if most > 2 and inputs > 2 else 1), limit)
        full, left = divmod(inputs, most)
        adders += full * (width if most == 2 else min(width + 1, limit)) + (left == 2) * width
        registers += (full + (left == 2)) * grown
        if left == 1:
            run += 1
            registers += last_width
        else:
            if run >= 3:
                registers, shifts = registers - run * last_width, shifts + last_width
            last_width, run = grown, 1
        inputs, width = -(-inputs // most), grown
    return adders, registers, shifts


def low_zeros(moves: set[int]) -> int:
    """Number of low bits that are zero in all of these."""
    return min((m & -m).bit_length() - 1 for m in moves if m)


def comparison(constant: int, width: int, at_once: int) -> set[tuple[int, int, str]]:
    """LUTs that compare a number with a constant, in groups of `at_once` bits from the top.

    Each is (lowest bit of the group, bits of the constant, "equal" or "greater"). No group is greater than all ones.
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
    """LUTs that compare whether a number is at least a constant.

    From 13 bits on Yosys compares six bits a LUT, from the top, and joins them by a carry chain: one LUT says that the
    six are equal, another that they are greater. No bits are greater than all ones; greater than 01...1, or at least
    10...0, is the top bit itself, inverted if it is a sign. A narrower comparison is logic, of which abc9 makes one LUT
    for up to six bits above the constant's low zeros, else 3 or 4.
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
