# SPDX-License-Identifier: Apache-2.0
"""Fits the coefficients of src/rtl4ml/cost/coefficients.json to Yosys's counts over a grid of cell parameters.

    python scripts/calibrate_resources.py [MODULE ...]     only these modules, the others stay
    python scripts/calibrate_resources.py --check          fits nothing, prints how far the present ones are off
    python scripts/calibrate_resources.py --keep           fits nothing, records the counts and errors of a larger grid
    python scripts/calibrate_resources.py --points         prints the model's and Yosys's count of every point

Every fourth point of a grid is held out: it is counted and checked, the fit does not see it. Results of Yosys are
cached, so a second run costs seconds; those of the last fit are kept in tests/golden/resources.json, and the worst
error that it left in every module, over all its points, in tests/golden/resource_errors.json: no change may exceed it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from calibration.counting import counts, digest, held_out, units
from scipy.optimize import nnls

import rtl4ml.cost.estimate as estimate
import rtl4ml.cost.registry as registry
from rtl4ml.device import Resources

TABLE = Path(__file__).parents[1] / "src" / "rtl4ml" / "cost" / "coefficients.json"
COUNTED = Path(__file__).parents[1] / "tests" / "golden" / "resources.json"
ERRORS = Path(__file__).parents[1] / "tests" / "golden" / "resource_errors.json"


# A cell is off by the model's error in parts of Yosys's count, of LEAST where that is smaller: 3 LUT of a cell of ten
# are its 10 %. RAMB36 and DSP48E2 know no such allowance.
LEAST = {"lut": 30, "ff": 30, "dsp": 1, "bram36": 0.5}


def off(kind: str, model: float, yosys: float) -> float:
    """The model's error."""
    return abs(model - yosys) / max(yosys, LEAST[kind])


def worst(said: Sequence[Resources], found: Sequence[Resources]) -> dict[str, float]:
    """The model's greatest error in LUT and in FF over points, of which Yosys found these counts."""
    return {
        kind: max(off(kind, getattr(s, kind), getattr(r, kind)) for s, r in zip(said, found, strict=True))
        for kind in ("lut", "ff")
    }


def write_errors(errors: dict[str, dict[str, float]]) -> None:
    """Keeps every module's worst errors, one module a line."""
    lines = [
        f' "{m}": {json.dumps({k: round(v, 6) for k, v in e.items()})}' for m, e in sorted(errors.items())
    ]
    ERRORS.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def fit(rows: list[dict[str, float]], want: list[float]) -> dict[str, float]:
    """Non-negative least squares of relative errors."""
    names = sorted({k for r in rows for k in r})
    a = np.array([[r.get(k, 0.0) for k in names] for r in rows])
    scale = 1.0 / np.maximum(np.array(want), LEAST["lut"])
    used = a.any(axis=0)
    x = np.zeros(len(names))
    x[used], _ = nnls(a[:, used] * scale[:, None], np.array(want) * scale)
    return {k: round(float(v), 4) for k, v in zip(names, x, strict=True) if v > 0}


# Modules that are made of the same parts share what a part costs: r4_mvu and r4_dwu differ in their counters alone.
FAMILIES = dict.fromkeys(("r4_mvu", "r4_dwu"), ("r4_mvu", "r4_dwu"))


def fitted(module: str) -> dict[str, dict[str, float]]:
    """Coefficients of a module's terms, fitted over all of its family but the points held out."""
    rows: list[tuple[dict[str, float], dict[str, float], Resources]] = []
    for m in FAMILIES.get(module, (module,)):
        todo = units(m)
        for n, (u, found) in enumerate(zip(todo, counts(todo), strict=True)):
            if not held_out(m, n):
                lut, ff, _ = estimate.terms(u.module, u.params, u.cell)
                rows.append((lut, ff, found))
    return {
        "lut": fit([lut for lut, _, _ in rows], [r.lut for _, _, r in rows]),
        "ff": fit([ff for _, ff, _ in rows], [r.ff for _, _, r in rows]),
    }


def main(arguments: list[str]) -> None:
    check, keep, points = "--check" in arguments, "--keep" in arguments, "--points" in arguments
    chosen = [a for a in arguments if not a.startswith("-")] or [*registry.MODELS, "adders"]
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    counted = json.loads(COUNTED.read_text()) if COUNTED.exists() else {}
    recorded = json.loads(ERRORS.read_text()) if ERRORS.exists() else {}
    print(
        "worst |model - Yosys| / Yosys; a cell below 30 LUT (FF) is measured against 30, so that 3 LUT are 10 %"
    )
    for module in chosen:
        try:
            todo = units(module)
        except KeyError:
            print(f"{module}: no grid")
            continue
        found = counts(todo)
        used = [n for n in range(len(todo)) if not held_out(module, n)]
        if not check and not keep:
            table[module] = fitted(module)
            TABLE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
            registry.coefficients.cache_clear()  # the tables of products serve the modules that follow
        if not check:
            counted[module] = [
                [digest(u), r.lut, r.ff, r.dsp, r.bram36] for u, r in zip(todo, found, strict=True)
            ]
            COUNTED.parent.mkdir(exist_ok=True)
            lines = [f' "{m}": {json.dumps(c)}' for m, c in sorted(counted.items())]
            COUNTED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
        said = [estimate.estimate(u.module, u.params, u.cell) for u in todo]
        if not check:
            recorded[module] = worst(said, found)
            write_errors(recorded)
        for kind in LEAST:
            pairs = [(getattr(s, kind), getattr(r, kind)) for s, r in zip(said, found, strict=True)]
            errors = [off(kind, *pair) for pair in pairs]
            apart = [e for n, e in enumerate(errors) if held_out(module, n)]
            print(
                f"{module:14s} {kind:6s} {len(used):3d} points {max(errors[n] for n in used):6.1%}"
                + (f"   {len(apart):3d} held out {max(apart):6.1%}" if apart else ""),
                flush=True,
            )
            if points:
                print("  " + " ".join(f"{s:.4g}/{y:.4g}" for s, y in pairs))


if __name__ == "__main__":
    main(sys.argv[1:])
