# SPDX-License-Identifier: Apache-2.0
"""Registers the handler that reads each kind of layer; rtl4ml.frontends.qkeras.handlers has them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtl4ml.frontends.builder import Value
from rtl4ml.frontends.qkeras.builder import Handler, ModelBuilder

Adds = Callable[[ModelBuilder, Any, list[Value]], Value]

REGISTERED: dict[str, Handler] = {}


def handles(*kinds: str, joins: bool = False, ordered: bool = False) -> Callable[[Adds], Adds]:
    """Registers what adds the operators of Keras layer classes, by name; a second owner is an error.

    joins: whether the layers may have several inputs; ordered: whether they take elements that a Permute moved
    """

    def register(f: Adds) -> Adds:
        for kind in kinds:
            if kind in REGISTERED:
                raise ValueError(f"{kind}: has a handler already")
            REGISTERED[kind] = Handler(f, joins, ordered)
        return f

    return register
