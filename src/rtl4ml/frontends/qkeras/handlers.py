# SPDX-License-Identifier: Apache-2.0
"""All handlers of layers, whoever asks first."""

from __future__ import annotations

from collections.abc import Mapping

from rtl4ml.frontends.qkeras.builder import Handler
from rtl4ml.frontends.qkeras.layers import (  # noqa: F401 -- they register their handlers
    activations,
    joins,
    linear,
    operations,
    pooling,
    shapes,
    wrappers,
)
from rtl4ml.frontends.qkeras.registry import REGISTERED


def handlers() -> Mapping[str, Handler]:
    """By the names of Keras and QKeras layer classes, what reads them."""
    return REGISTERED


def supported_layers() -> frozenset[str]:
    """Names of the Keras and QKeras layer classes that have a handler."""
    return frozenset(REGISTERED)
