# SPDX-License-Identifier: Apache-2.0
"""Models of the cells at the output."""

from __future__ import annotations

from rtl4ml.cost.registry import Params, models
from rtl4ml.cost.terms import adder_tree, counter, log, reached_luts, wrap
from rtl4ml.netlist.memories import Terms


@models("r4_argmax")
def _argmax(params: Params) -> tuple[Terms, Terms, float]:
    n, x, y, c = params["Lanes"], params["XWidth"], params["YWidth"], counter(params["Groups"])
    again, levels = params["Groups"] > 1, log(n)
    _, registers, shifts = adder_tree(n, x, x, registered=False)
    nodes = [-(-n >> level) for level in range(1, levels + 1)]
    selected = max(0, n - 2 + again)  # nobody reads the value of the last winner
    lut: Terms = {"one": 1, "c": c, "wrap": wrap(params["Groups"]), "compared": (n - 1 + again) * x,
                  "selected": selected * x, "at": sum(k * level for level, k in enumerate(nodes, 1)),
                  "tree_shift": shifts, "again": again, "base": again * y}  # fmt: skip
    ff: Terms = {"one": 1, "stages": levels, "c": c, "y": y, "x": again * x + registers - (n > 1 and not again) * x,
                 "at": lut["at"], "base": again * y}  # fmt: skip
    return lut, ff, 0.0


@models("r4_mask")
def _mask(params: Params) -> tuple[Terms, Terms, float]:
    n, t = params["Lanes"], params["Threshold"]
    luts = reached_luts(t, params["XWidth"], signed=bool(params["XSigned"]))
    return {"one": 1, "n": n * luts}, {"one": 1, "n": n}, 0.0


@models("r4_morph")
def _morph(params: Params) -> tuple[Terms, Terms, float]:
    r = params["Radius"]
    disk = sum(x * x + y * y <= r * r for x in range(-r, r + 1) for y in range(-r, r + 1))
    return {"one": 1, "disk": disk}, {"one": 1}, 0.0
