# SPDX-License-Identifier: Apache-2.0
"""Graphs, netlists and what they are made of as JSON and arrays, and back.

A dataclass becomes an object by field; one of several kinds (an operator, a cell, a mapping) has its class's name under
"kind". An array becomes {"array": its name in the .npz}; equal arrays are one. Only operators, cells and mappings of
rtl4ml are made of a file, by their own checks, so that a file can do no more than describe a design.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from fractions import Fraction
from inspect import isabstract
from typing import Any, Literal, get_origin

import numpy as np
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from numpy.typing import NDArray

from rtl4ml.frontends.readings import Reading, Rounded, Stepped
from rtl4ml.ir import mappings
from rtl4ml.ir.op import Op
from rtl4ml.lowering import lower  # noqa: F401 -- it imports every operator and cell
from rtl4ml.netlist.adder_graph import AdderGraph, Node
from rtl4ml.netlist.netlist import Cell
from rtl4ml.netlist.packing import Packing

Arrays = dict[str, NDArray[Any]]


class Unknown(ValueError):
    """A kind of operator, cell or mapping that this version does not know."""


def _below(base: type) -> dict[str, type]:
    """The classes of rtl4ml below one, by name."""
    found: dict[str, type] = {}
    kind: type
    for kind in base.__subclasses__():
        if kind.__module__.startswith("rtl4ml.") and not isabstract(kind):
            found[kind.__name__] = kind
        found |= _below(kind)
    return found


class Codec:
    """Values to JSON and back. arrays: those that the JSON names, filled while values are written.

    Cells are written without their device, which is the plan's.
    """

    def __init__(self, arrays: Arrays | None = None) -> None:
        self.arrays: Arrays = {} if arrays is None else arrays
        self._names: dict[str, str] = {}
        made = self._converter = Converter()
        made.register_unstructure_hook_func(_is_array, self._put)
        made.register_structure_hook_func(_is_array, lambda value, _: self._get(value))
        made.register_unstructure_hook(Fraction, lambda f: [f.numerator, f.denominator])
        made.register_structure_hook(int | Fraction, lambda v, _: Fraction(*v) if isinstance(v, list) else v)
        made.register_unstructure_hook(
            int | Fraction, lambda v: [v.numerator, v.denominator] if isinstance(v, Fraction) else v
        )
        packing = Packing | Literal["auto"] | None
        made.register_structure_hook(
            packing, lambda v, _: made.structure(v, Packing) if isinstance(v, dict) else v
        )
        made.register_unstructure_hook(
            packing, lambda v: made.unstructure(v) if isinstance(v, Packing) else v
        )
        made.register_unstructure_hook(AdderGraph, self._put_adders)
        made.register_structure_hook(AdderGraph, lambda v, _: self._get_adders(v))
        for base in (mappings.Mapping, Op, Cell):
            self._one_of(base, _below(base))
        self._one_of(Reading | None, {k.__name__: k for k in (Rounded, Stepped)})

    def write(self, value: Any) -> Any:
        """What JSON holds of a dataclass."""
        return self._converter.unstructure(value)

    def read(self, value: Any, kind: Any) -> Any:
        """The dataclass of a class. Raises what its own checks and cattrs raise of a value that is none."""
        return self._converter.structure(value, kind)

    # -- one of several kinds --------------------------------------------------------------------------------

    def _one_of(self, base: Any, kinds: Mapping[str, type]) -> None:
        """Registers how values of a base class are written, and read again as what they are."""
        made = self._converter
        into: dict[str, Any] = {}
        back: dict[str, Any] = {}
        for name, kind in kinds.items():
            left: Any = {"device": override(omit=True)} if issubclass(kind, Cell) else {}
            into[name] = make_dict_unstructure_fn(kind, made, **left)
            back[name] = make_dict_structure_fn(kind, made, _cattrs_forbid_extra_keys=True, **left)

        def put(value: Any) -> dict[str, Any] | None:
            if value is None:
                return None
            name = type(value).__name__
            return {"kind": name, **into[name](value)}

        def get(value: dict[str, Any] | None, _: Any) -> Any:
            if value is None:
                return None
            name = value.get("kind")
            if not isinstance(name, str) or name not in back:
                raise Unknown(f"{name}")
            return back[name]({k: v for k, v in value.items() if k != "kind"}, kinds[name])

        made.register_unstructure_hook_func(lambda t: t == base, put)
        made.register_structure_hook_func(lambda t: t == base, get)

    # -- arrays ----------------------------------------------------------------------------------------------

    def _put(self, array: NDArray[Any]) -> dict[str, Any]:
        if array.dtype.hasobject:  # integers of any size
            return {"integers": [int(v) for v in array.ravel()], "shape": list(array.shape)}
        told = hashlib.sha256(f"{array.dtype.str} {array.shape};".encode())
        told.update(np.ascontiguousarray(array).tobytes())
        name = self._names.setdefault(told.hexdigest(), f"a{len(self._names)}")
        self.arrays.setdefault(name, array)
        return {"array": name}

    def _get(self, value: dict[str, Any]) -> NDArray[Any]:
        if "integers" in value:
            return np.array(value["integers"], object).reshape(value["shape"])
        return self.arrays[value["array"]]

    # -- graphs of adders: a row a node ----------------------------------------------------------------------

    def _put_adders(self, graph: AdderGraph) -> dict[str, Any]:
        rows = [
            (
                *(n.a, n.a_shift, -1 if n.b is None else n.b, n.b_shift, int(n.subtract)),
                *(int(n.constant is not None), n.constant or 0, n.lo, n.hi, n.level),
            )
            for n in graph.nodes
        ]
        outputs = [o if isinstance(o, int) else list(o) for o in graph.outputs]
        return {"inputs": graph.inputs, "nodes": self._put(np.array(rows, np.int64)), "outputs": outputs}

    def _get_adders(self, value: dict[str, Any]) -> AdderGraph:
        nodes = tuple(
            Node(
                a=a, a_shift=a_shift, b=None if b < 0 else b, b_shift=b_shift, subtract=bool(subtract),
                constant=constant if given else None, lo=lo, hi=hi, level=level,
            )
            for a, a_shift, b, b_shift, subtract, given, constant, lo, hi, level in self._get(
                value["nodes"]
            ).tolist()
        )  # fmt: skip
        outputs = tuple(o if isinstance(o, int) else (int(o[0]), int(o[1])) for o in value["outputs"])
        return AdderGraph(int(value["inputs"]), nodes, outputs)


def _is_array(kind: Any) -> bool:
    return (get_origin(kind) or kind) is np.ndarray
