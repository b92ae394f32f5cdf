# SPDX-License-Identifier: Apache-2.0
"""rtl4ml: quantization-aware QKeras models to streaming RTL that computes exactly the same numbers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rtl4ml._version import __version__
from rtl4ml.host.extras import missing

if TYPE_CHECKING:
    from rtl4ml.design import Design, convert
    from rtl4ml.frontends.qkeras.reference_model import reference
    from rtl4ml.loaded import SavedDesign, load
    from rtl4ml.measurements import Run
    from rtl4ml.report.schema import Report

__all__ = ["Design", "Report", "Run", "SavedDesign", "__version__", "convert", "load", "reference"]

# What the package gives, and the module where it is; no module may be called like one of them.
_HOMES = {
    "Design": "design",
    "Report": "report.schema",
    "Run": "measurements",
    "SavedDesign": "loaded",
    "convert": "design",
    "load": "loaded",
    "reference": "frontends.qkeras.reference_model",
}


def __getattr__(name: str) -> Any:
    """`convert` and its kin, imported when first asked for: `import rtl4ml` stays instant."""
    if name in _HOMES:
        try:
            return getattr(import_module(f"rtl4ml.{_HOMES[name]}"), name)
        except ModuleNotFoundError as error:
            if (problem := missing(error)) is None:
                raise
            raise problem from None
    raise AttributeError(f"module 'rtl4ml' has no attribute {name!r}")
