# SPDX-License-Identifier: Apache-2.0
"""Quantizers of a declared type, such as ap_fixed<8,3>."""

from __future__ import annotations

import re

from rtl4ml.arguments import shown
from rtl4ml.errors import BadInput, named
from rtl4ml.frontends import precision
from rtl4ml.frontends.functions import SIGNIFICAND, Function, Grid
from rtl4ml.frontends.qkeras.quantizers.read import read_function
from rtl4ml.frontends.readings import fixed_quantizer
from rtl4ml.host import frameworks
from rtl4ml.ir.types import Fixed


def declared_quantizer(spec: str | Fixed) -> Function:
    """The quantizer that `input_precision` asks for, with the modes that it names. Raises BadInput."""
    grid = parse_precision(spec)
    written = precision.read(spec) if isinstance(spec, str) else None
    modes = None if written is None else written.modes
    if modes is not None and modes.overflow == "SAT_SYM" and grid.lo < 0:
        grid = Grid(grid.fraction, -grid.hi, grid.hi)
        if not grid.hi:
            raise BadInput(
                f"{named('input_precision')}: AP_SAT_SYM must go with at least 2 bits, not {spec}; use AP_SAT"
            )
    return fixed_quantizer(grid, str(spec), modes)


def parse_precision(spec: str | Fixed) -> Grid:
    """The grid of "ap_fixed<8,1>", "fixed<W,I>", "ap_ufixed<W,I>", "ufixed<W,I>", "quantized_bits(8,0)" or a Fixed.

    W counts all bits and I those left of the point, the sign included (as in Vitis HLS); modes are read by
    `declared_quantizer`. Raises BadInput.
    """
    if isinstance(spec, Fixed):
        return _checked(Grid(spec.fraction, spec.lo, spec.hi), spec)
    if not isinstance(spec, str):
        raise BadInput(
            f"{named('input_precision')}: {_PRECISION_RULE}, not {shown(spec)}; see the README's table"
        )
    if w := precision.read(spec):
        t = Fixed(w.signed, w.integer - int(w.signed), w.width - w.integer)
        return _checked(Grid(t.fraction, t.lo, t.hi), spec)
    if wrong := precision.fault(spec, SIGNIFICAND):
        raise BadInput(f"{named('input_precision')}: {wrong}")
    text = spec.replace(" ", "")
    if re.fullmatch(r"quantized_(bits|relu)\([-\w.,=]*\)", text):
        try:
            q = frameworks.qkeras().quantizers.get_quantizer(text)
            grid = read_function("input_precision", q).grid
        except Exception:  # noqa: BLE001 -- whatever is wrong with the text, it is no type
            grid = None
        if grid is not None and grid.sparse is None:
            return _checked(grid, spec)
    raise BadInput(
        f"{named('input_precision')}: {_PRECISION_RULE}, not {shown(spec)}; see the README's table"
    )


_PRECISION_RULE = "must be a type such as ap_fixed<8,1>, ufixed<8,0> or quantized_bits(8,0)"


def _checked(grid: Grid, spec: object) -> Grid:
    if grid.type.width > SIGNIFICAND:
        raise BadInput(
            f"{named('input_precision')}: must have at most {SIGNIFICAND} bits, which float32 holds, "
            f"not {grid.type.width} in {spec}; "
            f"use fewer bits"
        )
    return grid
