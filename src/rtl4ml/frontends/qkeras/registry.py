# SPDX-License-Identifier: Apache-2.0
"""Registers the handler that reads each kind of layer; rtl4ml.frontends.qkeras.handlers has them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtl4ml.frontends.builder import Value
from rtl4ml.frontends.qkeras.builder import ModelBuilder

Handler = Callable[[ModelBuilder, Any, list[Value]], Value]


REGISTERED: dict[str, Handler] = {}


def handles(*kinds: str) -> Callable[[Handler], Handler]:
    """Registers the handler of Keras layer classes by name; a second owner is an error."""

    def register(f: Handler) -> Handler:
        for kind in kinds:
            if kind in REGISTERED:
                raise ValueError(f"{kind}: has a handler already")
            REGISTERED[kind] = f
        return f

    return register
