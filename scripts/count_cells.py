# SPDX-License-Identifier: Apache-2.0
"""Yosys's count of a design, cell by cell, beside what the model says; the smallest cells first.

    python scripts/count_cells.py [--minutes M] [NAME ...]

A name is one of scripts/timing.py. Equal cells are counted once and weighted by how many they are. Counts are cached,
so a later call goes on where one stopped; after M minutes no more cells are begun. Printed are the sums over what was
counted, of the model and of Yosys, which part of the design's LUTs that is, and how far the model of each kind of cell
is off.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import click
from calibration.counting import counts
from timing import converted

from rtl4ml.cost.estimate import estimate
from rtl4ml.device import Resources, total
from rtl4ml.synthesis.yosys import Unit, units

KINDS = ("lut", "ff", "dsp", "bram36")
AT_ONCE, LARGE = 24, 2000  # cells, and the model's LUTs, of one run of Yosys; a large cell has its own


def batches(todo: Sequence[tuple[Unit, Resources]]) -> Iterator[list[Unit]]:
    """Cells by runs of Yosys, in their order."""
    some: list[Unit] = []
    luts = 0.0
    for u, said in todo:
        if some and (len(some) == AT_ONCE or luts + said.lut > LARGE):
            yield some
            some, luts = [], 0.0
        some.append(u)
        luts += said.lut
    if some:
        yield some


def line(title: str, said: Resources, found: Resources) -> str:
    """The model's and Yosys's figures, and how far the model is off."""
    parts = []
    for kind in KINDS:
        s, f = getattr(said, kind), getattr(found, kind)
        parts.append(f"{kind} {s:,.0f} / {f:,.0f}" + (f" ({s / f - 1:+.1%})" if f else ""))
    return f"{title}: " + ", ".join(parts)


def counted(name: str, until: float) -> None:
    """Counts the cells of a design and prints what was found."""
    netlist, flags = converted(name)
    todo = units(netlist, frames_in_flight=flags)
    many = Counter(u.key for u in todo)
    distinct = {u.key: u for u in todo}
    said = {key: estimate(u.module, u.params, u.cell) for key, u in distinct.items()}
    order = sorted(distinct, key=lambda key: (said[key].lut, said[key].ff))
    found: dict[str, Resources] = {}
    for some in batches([(distinct[key], said[key]) for key in order]):
        if time.monotonic() > until:
            break
        for u, r in zip(some, counts(some), strict=True):
            found[u.key] = r
            print(line(f"{u.name} {u.module} x {many[u.key]}", said[u.key], r), flush=True)
        print(f"{name}: {len(found)} of {len(distinct)} distinct cells", flush=True)
    whole = total(said[u.key] for u in todo)
    pairs: dict[str, list[tuple[Resources, Resources]]] = defaultdict(list)
    for u in todo:
        if u.key in found:
            pairs["adders" if u.text else u.module].append((said[u.key], found[u.key]))
    for module, some_pairs in sorted(pairs.items()):
        print(line(f"  {module} x {len(some_pairs)}", *(total(p[i] for p in some_pairs) for i in (0, 1))))
    all_pairs = [p for some_pairs in pairs.values() for p in some_pairs]
    sums = [total(p[i] for p in all_pairs) for i in (0, 1)]
    part = sums[0].lut / whole.lut
    print(
        line(f"{name}, {len(all_pairs)} of {len(todo)} cells, {part:.0%} of the model's LUTs", *sums),
        flush=True,
    )


@click.command(help=__doc__)
@click.argument("names", nargs=-1)
@click.option("--minutes", default=600.0, show_default=True, help="After which no more cells are begun.")
def main(names: tuple[str, ...], minutes: float) -> None:
    until = time.monotonic() + 60 * minutes
    for name in names or ("unet4", "unet8"):
        counted(name, until)


if __name__ == "__main__":
    main()
