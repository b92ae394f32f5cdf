# SPDX-License-Identifier: Apache-2.0
"""Yosys's count of a design, cell by cell, beside what the model says; the smallest cells first.

    python scripts/count_cells.py [--minutes M] [--stages] [--cell CELL ...] [NAME ...]

A name is one of scripts/timing.py. Equal cells are counted once and weighted by how many they are. Counts are cached,
so a later call goes on where one stopped; after M minutes no more cells are begun. Printed are the sums over what was
counted, of the model and of Yosys, which part of the design's LUTs that is, and how far the model of each kind of cell
is off.
With --stages those of scripts/timing.py are counted instead, each flat with all of its cells, and a FIFO between two in
both; their analyses are kept, so that timing.py has them too. With --cell only stages that have one of these cells.
"""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click
from calibration.counting import counts
from timing import converted

from rtl4ml.cost.estimate import estimate
from rtl4ml.device import Resources, total
from rtl4ml.host import cache
from rtl4ml.sta import estimate as sta
from rtl4ml.sta.circuit import circuit
from rtl4ml.sta.delays import family
from rtl4ml.sta.mapping import Job, mapped
from rtl4ml.sta.paths import analyse
from rtl4ml.sta.stages import Stage, stages
from rtl4ml.synthesis.yosys import Unit, read_stat, units
from rtl4ml.synthesis.yosys import counts as kept_counts

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


def counted_stages(name: str, until: float, cells: Sequence[str]) -> None:
    """Counts the stages of a design, analyses them and prints what was found, those with most products last.

    cells: only stages with one of these; all where there are none
    """
    netlist, flags = converted(name)
    distinct = {
        s.key: s
        for s in stages(netlist, frames_in_flight=flags)
        if not cells or {c.name for c in s.cells} & set(cells)
    }
    order = sorted(distinct.values(), key=lambda s: sum(c.multipliers for c in s.cells))
    known = {s.key: r for s in order if (kept := cache.read(counts_of(s))) and (r := kept_counts(kept))}
    for some in sta.batches(s for s in order if s.key not in known):
        if time.monotonic() > until:
            break
        for stage, top in zip(some, mapped([Job.of_stage(s) for s in some]), strict=True):
            types = Counter(c["type"].rsplit("\\", 1)[-1] for c in top["cells"].values())
            known[stage.key] = read_stat({"design": {"num_cells_by_type": types}})
            cache.write(counts_of(stage), json.dumps(asdict(known[stage.key])).encode())
            sta.keep(stage.key, analyse(circuit(top, family(sta.FAMILY)), sta.owner(stage)))
        print(f"{name}: {len(known)} of {len(distinct)} distinct stages", flush=True)
    done = [s for s in order if s.key in known]
    said = {s.key: total(estimate(c.module, c.params(), c) for c in s.cells) for s in order}
    for s in done:
        print(line(" ".join(c.name for c in s.cells), said[s.key], known[s.key]))
    sums = [total(of[s.key] for s in done) for of in (said, known)]
    print(line(f"{name}, {len(done)} of {len(distinct)} distinct stages", *sums), flush=True)


def counts_of(stage: Stage) -> str:
    """The cache's name for the counts of a stage."""
    return f"stage_counts/{stage.key}{sta.method()}"


@click.command(help=__doc__)
@click.argument("names", nargs=-1)
@click.option("--stages", "by_stage", is_flag=True, help="Counts the stages of the static timing analysis.")
@click.option("--cell", "cells", multiple=True, help="With --stages: only those with this cell; repeatable.")
@click.option("--minutes", default=600.0, show_default=True, help="After which no more cells are begun.")
def main(names: tuple[str, ...], minutes: float, by_stage: bool, cells: tuple[str, ...]) -> None:
    if cells and not by_stage:
        raise click.UsageError("--cell goes with --stages")
    until = time.monotonic() + 60 * minutes
    for name in names or ("unet4", "unet8"):
        if by_stage:
            counted_stages(name, until, cells)
        else:
            counted(name, until)


if __name__ == "__main__":
    main()
