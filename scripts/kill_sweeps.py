# SPDX-License-Identifier: Apache-2.0
"""Kills a sweep with two workers at random moments, again and again, and compares what it has in the end.

    python scripts/kill_sweeps.py --kills 30 --points 100 --seed 0

The sweep is begun, killed by SIGKILL while points are on their way, and begun again, until it has been killed so often;
then it is left to end. No point that had ended may be lost, none may be there twice, and all outcomes and the front
must be those of a sweep that nobody disturbed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from sweep_nets import given

from rtl4ml.sweep import pools, study
from rtl4ml.sweep.front import Aim, prices
from rtl4ml.sweep.points import Point
from rtl4ml.sweep.run import run
from rtl4ml.sweep.search import Search
from rtl4ml.sweep.space import space
from rtl4ml.sweep.tasks import Base


def search(path: Path, points: int) -> Search:
    axes = [("interval", [24 + 2 * k for k in range(points)])]
    aims = (Aim("fps", True), Aim("lut", False))
    return Search(space(axes), f"sqlite:///{path}", price=prices({}), identity={}, aims=aims)


def sweep(path: Path, points: int) -> None:
    with pools.pool(2, None) as workers:
        run(search(path, points), given(), Base(), workers)


def told(path: Path) -> int:
    """Outcomes that the database has, without a word to the sweep that writes it."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
            found = file.execute(
                "select count(*) from trial_user_attributes where key = 'outcome'"
            ).fetchone()
    except sqlite3.OperationalError:  # not there yet, or it is being made
        return 0
    return int(found[0])


def figures(points: list[Point]) -> list[Any]:
    """All that an outcome says but the time that it took."""
    return [(p.params, {**p.outcome.json(), "seconds": 0} if p.outcome else None) for p in points]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, context = random.Random(options.seed), multiprocessing.get_context("spawn")
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder) / "whole.db", Path(folder) / "killed.db"
        sweep(whole, options.points)
        ended: dict[int, Any] = {}
        for k in range(options.kills):
            process = context.Process(target=sweep, args=(killed, options.points))
            process.start()
            wanted = len(ended) + rng.randrange(1 + 2 * options.points // (options.kills + 1))
            while process.is_alive() and told(killed) <= wanted:
                time.sleep(0.005)
            time.sleep(rng.uniform(0, 0.1))
            process.kill()
            process.join()
            found = search(killed, options.points).points if killed.exists() else []
            now = {p.number: f for p, f in zip(found, figures(found), strict=True) if p.outcome is not None}
            faults += [f"kill {k}: point {n} is lost or changed" for n in ended if now.get(n) != ended[n]]
            ended = now
            print(f"kill {k + 1}: {len(ended)} of {options.points} points had ended", flush=True)
        sweep(killed, options.points)
        one, other = search(whole, options.points), search(killed, options.points)
        asked = [tuple(p.params.values()) for p in other.points]
        if len(set(asked)) != len(asked):
            faults.append("a point is there twice")
        if figures(one.points) != figures(other.points):
            faults.append("outcomes are not those of a sweep that nobody disturbed")
        fronts = [[p.number for p in study.so_far(s, "small").front] for s in (one, other)]
        if fronts[0] != fronts[1]:
            faults.append("the front is another one")
    print(
        "\n".join(faults)
        or f"{options.kills} kills of a sweep of {options.points} points: nothing lost, nothing twice, the same front"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
