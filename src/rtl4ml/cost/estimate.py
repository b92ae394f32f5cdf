# SPDX-License-Identifier: Apache-2.0
"""LUT, flip-flops, DSP48E2 and RAMB36 of every cell, predicted from its parameters alone.

Each module has a list of terms: sizes of its parts (bits of adders, of registers, of multiplexers, LUTs of memories)
as its source states them. What a term costs is a coefficient, fitted to Yosys's counts over a grid of parameters by
`scripts/calibrate_resources.py` and kept in `coefficients.json`. DSP48E2 are the slices that r4_mvu and r4_dwu pack
products into; RAMB36 follow from widths and depths (UG573: 72 x 512, 36 x 1,024, ... of an RAMB36, half of it an
RAMB18).

Two costs follow no formula. For a product in LUTs, `r4_mul` and `r4_product` are tables of Yosys's counts, one entry a
size. The size of a constant memory depends on its content, since a bit that is constant or equal to another takes no
LUT; so the images are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from rtl4ml.cost import activation, dot, head, join, maximum, pool, products, spatial, streams, window  # noqa: F401 -- they register their models
from rtl4ml.cost.adders import adder_graph_terms
from rtl4ml.cost.registry import DEFAULTS, MODELS, Params, coefficients
from rtl4ml.device import Resources
from rtl4ml.netlist.memories import Terms
from rtl4ml.netlist.netlist import Cell, Param


def terms(module: str, params: Mapping[str, Param], cell: Cell | None = None) -> tuple[Terms, Terms, float]:
    """Terms of LUT and FF, and RAMB36, of a module with these parameters."""
    if cell is not None and cell.generated:
        return adder_graph_terms(cell)
    return MODELS[module]({**DEFAULTS, **params})


def estimate(module: str, params: Mapping[str, Param], cell: Cell | None = None) -> Resources:
    """Resources that Yosys would count for a module with these parameters; a generated module needs its cell, too."""
    lut, ff, bram = terms(module, params, cell)
    cost = coefficients()["adders" if cell is not None and cell.generated else module]
    dsp = 0.0
    if fields := params.get("Fields"):
        names = ("Pe", "Simd") if module == "r4_mvu" else ("Multiplier", "Taps")
        numbers: Params = params
        outputs, products = (numbers[name] for name in names)
        shared = 1 if module == "r4_mvu" else numbers["Lanes"]
        dsp = shared * ceil(outputs / fields) * ceil(products / (2 if params.get("Pumped") else 1))
    return Resources(
        sum(v * cost["lut"].get(k, 0.0) for k, v in lut.items()),
        sum(v * cost["ff"].get(k, 0.0) for k, v in ff.items()),
        dsp,
        bram,
    )
