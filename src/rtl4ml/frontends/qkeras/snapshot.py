# SPDX-License-Identifier: Apache-2.0
"""A Keras model as it was at one moment: its variables, and what its layers and quantizers are set to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.host import frameworks

_PLAIN = (bool, int, float, str, bytes, tuple)


class Snapshot:
    """Copies of all variables of a model, weights, moving statistics and what its quantizers keep in variables, and
    references to whatever its layers and quantizers hold: other quantizers, activations, sizes.

    A model may be trained on after its conversion, or get other quantizers; the hardware keeps what it was made of, and
    is held against a model that has it.
    """

    def __init__(self, model: Any) -> None:
        tf, keras = frameworks.tf(), frameworks.keras()
        parts = list(model.submodules)
        # QKeras's quantizers have variables, and say that they have none
        inner = [v for part in parts for v in vars(part).values() if isinstance(v, tf.Variable)]
        found = {v.ref(): v for v in (*model.variables, *inner)}
        self._model = model
        self._kept: list[tuple[Any, NDArray[Any]]] = [(v, np.array(v.numpy())) for v in found.values()]
        own = {*vars(keras.layers.Layer()), *vars(tf.Module())}  # what Keras keeps books in
        self._parts = [_Part(p, _settings(p, own), own) for p in parts if not isinstance(p, keras.Model)]

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Gives the model its variables and settings of that moment for the block, and those of now back after it."""
        changed = []
        now = [(part, part.replaced()) for part in self._parts]
        replaced = any(settings for _, settings in now)
        traced = self._model.predict_function
        try:
            if replaced:
                for part, settings in now:
                    part.put({name: part.then.get(name, _ABSENT) for name in settings})
                self._model.predict_function = None  # it may have been made of other settings
            for variable, then in self._kept:
                value = np.array(variable.numpy())
                if value.tobytes() != then.tobytes():  # a value that is not a number equals itself here
                    changed.append((variable, value))
                    variable.assign(then)
            yield
        finally:
            for variable, value in changed:
                variable.assign(value)
            if replaced:
                for part, settings in now:
                    part.put(settings)
                self._model.predict_function = traced


@dataclass(frozen=True, eq=False)
class _Part:
    """A layer or quantizer. then: its settings; own: names of what is none."""

    part: Any
    then: Mapping[str, Any]
    own: set[str]

    def replaced(self) -> dict[str, Any]:
        """The settings of now that are others than then; _ABSENT for those that are gone."""
        now = _settings(self.part, self.own)
        there = vars(self.part)
        found = {
            k: there.get(k, _ABSENT)
            for k, v in self.then.items()
            if not _same(v, there.get(k, _ABSENT)) and (k in now or k not in there)
        }
        # what was set on the object in the place of something of its class, such as another `call`
        return found | {k: v for k, v in now.items() if k not in self.then and hasattr(type(self.part), k)}

    def put(self, settings: Mapping[str, Any]) -> None:
        """Without Keras's books, in which a weight that is set again goes to the end."""
        there = vars(self.part)
        for name, value in settings.items():
            if value is _ABSENT:
                there.pop(name, None)
            else:
                there[name] = value


_ABSENT = object()


def _settings(part: Any, own: set[str]) -> dict[str, Any]:
    """What an object holds but tensors, such as the scale that a quantizer had when it was last called."""
    tf = frameworks.tf()
    return {
        k: v
        for k, v in vars(part).items()
        if k not in own and not k.startswith("_self_") and (isinstance(v, tf.Variable) or not tf.is_tensor(v))
    }


def _same(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and isinstance(a, _PLAIN) and repr(a) == repr(b))
