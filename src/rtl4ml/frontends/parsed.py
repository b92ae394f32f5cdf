# SPDX-License-Identifier: Apache-2.0
"""The result of a front end: a network, and the model that it was read from."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from rtl4ml.frontends.network import Network
from rtl4ml.ir.types import Stream


class Weights(Protocol):
    """A model's variables as they were at its conversion."""

    def restored(self) -> AbstractContextManager[None]:
        """Gives the model these variables for a block, and those of now back after it."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Parsed(Network):
    """A model's network.

    model:   the Keras model, untouched by us
    weights: the model's variables and settings as the graph has them: a live model may be trained on, or changed
    """

    model: Any
    weights: Weights
    values: Mapping[str, Stream] = field(default_factory=dict)
    sums: Mapping[str, Stream] = field(default_factory=dict)
