# SPDX-License-Identifier: Apache-2.0
"""Units of a module's grid, and Yosys's counts of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from calibration.grids.adders import adders
from calibration.points import GRIDS
from rtl4ml.device import Resources
from rtl4ml.emit.library import CLOCKS, clock_pins
from rtl4ml.host import cache
from rtl4ml.netlist.images import Image
from rtl4ml.synthesis.yosys import PRIMITIVES, Unit, _constant, mapping, read_stat
from rtl4ml.synthesis.yosys import counts as kept_counts


def units(module: str) -> list[Unit]:
    """The grid of a module; random, but the same in every run."""
    rng = np.random.default_rng(zlib.crc32(module.encode()))
    if module == "adders":
        return adders(rng)
    if module not in GRIDS:
        raise KeyError(module)
    drawn = [p for grid in GRIDS[module] for p in grid(module, rng)]
    return [Unit(f"{module}#{i}", "", module, p) for i, p in enumerate(drawn)]


def digest(unit: Unit) -> int:
    """Tells parameters, and generated modules, apart."""
    text = [f"{k}={p.text() if isinstance(p, Image) else p}" for k, p in sorted(unit.params.items())]
    text += [unit.text] if unit.text else []
    return zlib.crc32("\n".join(text).encode())


def held_out(module: str, n: int) -> bool:
    """Whether point n of a module's grid is kept out of the fit, to see how the model does where it was not fitted."""
    return n % 4 == 3 and module not in ("r4_mul", "r4_product")  # these two are tables


def counts(todo: list[Unit], *, at_once: int = 24) -> list[Resources]:
    """Yosys's counts of units, many a run: each is an instance that keeps its hierarchy, so that it is mapped alone,
    and the libraries are read once. Now and then a count is a LUT off that of a run of its own.
    """
    distinct = {u.key: u for u in todo}
    kept = {key: cache.read(f"grid/{key}") for key in distinct}
    known = {key: None if k is None else kept_counts(k) for key, k in kept.items()}
    missing = [u for key, u in distinct.items() if known[key] is None]
    for some in (missing[i : i + at_once] for i in range(0, len(missing), at_once)):
        for u, found in zip(some, count_together(some), strict=True):
            known[u.key] = found
            cache.write(f"grid/{u.key}", json.dumps(asdict(found)).encode())
    return [r for u in todo if (r := known[u.key]) is not None]


def count_together(some: Sequence[Unit]) -> list[Resources]:
    """Runs Yosys on units below one top."""
    with tempfile.TemporaryDirectory(prefix="rtl4ml_yosys_") as tmp:
        folder = Path(tmp)
        sources = {m: text for u in some for m, text in u.sources.items()}
        for m, text in sources.items():
            (folder / f"{m}.sv").write_text(text)
        top = [f"module r4_grid ({', '.join(f'input {c}' for c in CLOCKS)});"]
        for n, u in enumerate(some):
            values = []
            for k, p in u.params.items():
                if isinstance(p, Image):
                    (folder / f"{k}_{n}.mem").write_text(p.text())
                    values.append(f'.{k}("{k}_{n}.mem")')
                else:
                    values.append(f".{k}({_constant(p)})")
            top.append(
                f"(* keep, keep_hierarchy *) {u.module} #({', '.join(values)}) u_{n} "
                f"({clock_pins(u.sources[u.module])});"
            )
        (folder / "r4_grid.sv").write_text("\n".join([*top, "endmodule"]))
        for m, text in PRIMITIVES.items():
            (folder / f"{m}.v").write_text(text)
        script = [
            "read_verilog -sv -defer -DSYNTHESIS "
            + " ".join([*(f"{m}.v" for m in PRIMITIVES), *(f"{m}.sv" for m in sources)]),
            "read_verilog -sv r4_grid.sv",
            "hierarchy -top r4_grid",
            "tee -q -o top.txt dump r4_grid",
            *mapping(folder),
        ]
        (folder / "run.ys").write_text("\n".join(script) + "\n")
        code = "from pyosys import libyosys as ys; ys.run_pass('script run.ys', ys.Design())"
        subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        found = re.finditer(r"^\s*cell (\S+) \\u_(\d+)$", (folder / "top.txt").read_text(), re.M)
        names = {int(m[2]): m[1].lstrip("\\") for m in found}
        modules = json.loads((folder / "stat.json").read_text())["modules"]
        modules = {k.lstrip("\\"): v for k, v in modules.items()}
        return [read_stat({"design": modules[names[n]]}) for n in range(len(some))]
