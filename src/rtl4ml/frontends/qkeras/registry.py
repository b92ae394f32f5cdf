# SPDX-License-Identifier: Apache-2.0
"""Which handler reads each kind of layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtl4ml.frontends.builder import Value
from rtl4ml.frontends.qkeras.builder import ModelBuilder

# -- one handler a layer ------------------------------------------------------------------------------------

Handler = Callable[[ModelBuilder, Any, list[Value]], Value]
HANDLERS: dict[str, Handler] = {}


def handles(*kinds: str) -> Callable[[Handler], Handler]:
    """Registers the handler of Keras layer classes by name; a second owner is an error."""

    def register(f: Handler) -> Handler:
        for kind in kinds:
            if kind in HANDLERS:
                raise ValueError(f"{kind}: has a handler already")
            HANDLERS[kind] = f
        return f

    return register


def supported_layers() -> frozenset[str]:
    """Names of the Keras and QKeras layer classes that have a handler."""
    return frozenset(HANDLERS)
