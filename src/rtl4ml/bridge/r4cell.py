# SPDX-License-Identifier: Apache-2.0
"""The extension of hls4ml's Vitis backend through its extension API: a layer class for hls/nnet_rtl4ml.h.

hls4ml is slow to import and must find tf_keras as `keras`: it is imported where the class is registered.
"""

from __future__ import annotations

from typing import Any

HEADER = "nnet_rtl4ml.h"
KIND = "R4Cell"


# Members of a cell's struct that may be negative or wide; the others are `unsigned`.
_LONG = ("lo", "hi", "first", "threshold", "value")


def register() -> None:
    """Makes the layer class known to hls4ml's Vitis backend, once."""
    from hls4ml.backends import get_backend
    from hls4ml.backends.template import FunctionCallTemplate, LayerConfigTemplate
    from hls4ml.model.layers import Layer, layer_map, register_layer

    if KIND in layer_map:
        return

    class R4Cell(Layer):  # type: ignore[misc]
        """A stream function of nnet_rtl4ml.h.

        Attributes: `cell` (the function), `out_shape`, `constants` (name to integer, members of its configuration),
        `tables` (name to (integers, precision), further arguments in order).
        """

        _expected_attributes: tuple[Any, ...] = ()

        def initialize(self) -> None:
            """Makes the output variable and the tables."""
            self.add_output_variable(list(self.get_attr("out_shape")))
            for name, (data, precision) in self.get_attr("tables").items():
                self.add_weights_variable(
                    name=name,
                    var_name=f"{name}{{index}}",
                    data=data,
                    precision=self.model.config.backend.convert_precision_string(precision),
                )

    class R4CellConfig(LayerConfigTemplate):  # type: ignore[misc]
        """The C++ struct of a cell's constants."""

        def __init__(self) -> None:
            super().__init__(R4Cell)

        def format(self, node: Any) -> str:
            return config_text(node)

    class R4CellFunction(FunctionCallTemplate):  # type: ignore[misc]
        """The call of a cell's function."""

        def __init__(self) -> None:
            super().__init__(R4Cell, include_header=[f"nnet_utils/{HEADER}"])

        def format(self, node: Any) -> str:
            return call_text(node, self._default_function_params(node))

    register_layer(KIND, R4Cell)
    backend = get_backend("Vitis")
    backend.register_template(R4CellConfig)
    backend.register_template(R4CellFunction)


def config_text(node: Any) -> str:
    """The C++ struct of a cell's constants."""
    lines = [f"struct config{node.index} {{"]
    for name, value in node.get_attr("constants").items():
        kind = "long long" if name in _LONG else "unsigned"
        number = f"{value}LL" if kind == "long long" else str(value)
        lines.append(f"    static const {kind} {name} = {number};")
    for name in node.get_attr("tables"):
        lines.append(f"    typedef {node.get_weights(name).type.name} {name}_t;")
    return "\n".join([*lines, "};\n"])


def call_text(node: Any, parameters: dict[str, Any]) -> str:
    """The call of a cell's function; parameters: hls4ml's names of its types, configuration and streams."""
    p = parameters
    tables = "".join(f", {node.get_weights(name).name}" for name in node.get_attr("tables"))
    return (
        f"nnet::{node.get_attr('cell')}<{p['input_t']}, {p['output_t']}, {p['config']}>"
        f"({p['input']}, {p['output']}{tables});"
    )
