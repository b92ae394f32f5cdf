# SPDX-License-Identifier: Apache-2.0
"""rtl4ml: quantization-aware QKeras models to streaming RTL that computes exactly the same numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rtl4ml.design import Design, Run, convert

__all__ = ["Design", "Run", "__version__", "convert"]


def __getattr__(name: str) -> Any:
    """`convert` and its kin, imported when first asked for: `import rtl4ml` stays instant."""
    if name in ("Design", "Run", "convert"):
        from rtl4ml import design

        return getattr(design, name)
    raise AttributeError(f"module 'rtl4ml' has no attribute {name!r}")
