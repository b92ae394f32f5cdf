# SPDX-License-Identifier: Apache-2.0
"""Writes the hls4ml project of a graph."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from rtl4ml._version import __version__
from rtl4ml.bridge.builder import LayerBuilder
from rtl4ml.bridge.layer_list import layer_list, only_quantizes
from rtl4ml.bridge.project import HlsProject
from rtl4ml.bridge.r4cell import HEADER, register
from rtl4ml.bridge.readback import verify
from rtl4ml.bridge.vectors import write_vectors
from rtl4ml.host import frameworks
from rtl4ml.host.tools import disk_errors
from rtl4ml.ir.graph import Graph
from rtl4ml.netlist.plan import Plan

log = logging.getLogger(__name__)


PART = "xczu9eg-ffvb1156-2-e"


def write_project(plan: Plan, out: str | Path, *, clock_mhz: float = 250, part: str = PART) -> HlsProject:
    """Writes the hls4ml project of a graph with the foldings of a plan into the folder `out`, which is made.

    clock_mhz: target clock in MHz
    Raises HlsCannot, naming the layer, where hls4ml 1.3 cannot hold the graph exactly.
    """
    folder = Path(out)
    graph = plan.graph
    top = f"{re.sub(r'[^0-9A-Za-z_]', '_', graph.name)}_hls"
    layers = layer_list(plan)
    frameworks.keras()  # hls4ml imports whatever is called `keras`
    with _quiet() as said, disk_errors(folder):
        model = _model(layers, top, folder, clock_mhz, part)
        if model.outputs == model.inputs:  # its passes leave out what changes nothing
            raise only_quantizes(graph)
        verify(layers, model)
        _write(model, folder, top, graph)
    log.debug("hls4ml: %s", said.getvalue())
    return HlsProject(folder, top, graph, tuple(layers.report))


def _model(layers: LayerBuilder, top: str, folder: Path, clock_mhz: float, part: str) -> Any:
    """hls4ml's ModelGraph of the layers, after all of its passes."""
    from hls4ml.model.graph import ModelGraph
    from hls4ml.utils.config import create_config

    register()
    config = create_config(
        output_dir=str(folder),
        project_name=top,
        backend="Vitis",
        part=part,
        clock_period=1000 / clock_mhz,
        io_type="io_stream",
    )
    config["HLSConfig"] = {
        "Model": {"Precision": {"default": "fixed<16,6>"}, "ReuseFactor": 1, "Strategy": "Latency"},
        "LayerName": layers.config,
    }
    config["Stamp"] = "rtl4ml"
    return ModelGraph.from_layer_list(config, layers.entries, inputs=layers.inputs, outputs=layers.outputs)


def _write(model: Any, folder: Path, top: str, graph: Graph) -> None:
    from hls4ml.writer import get_writer

    folder.mkdir(parents=True, exist_ok=True)
    get_writer("Vitis").write_hls(model)
    own = resources.files("rtl4ml.hls")
    header = own.joinpath(HEADER).read_text("utf-8")
    (folder / "firmware/nnet_utils" / HEADER).write_text(header, "utf-8")
    template = Environment(undefined=StrictUndefined, keep_trailing_newline=True).from_string(
        own.joinpath("csim_main.cpp.j2").read_text("utf-8")
    )
    text = template.render(
        version=__version__,
        model=graph.name,
        top=top,
        inputs=[s.elements for s in graph.inputs],
        outputs=[s.elements for s in graph.outputs],
    )
    (folder / "csim_main.cpp").write_text(text, "utf-8")
    write_vectors(graph, folder, soon=True)
    config = folder / "hls4ml_config.yml"  # the folder may be renamed: it must not know its place
    config.write_text(
        re.sub(r"(?m)^OutputDir: .*(\n  .*)*$", "OutputDir: .", config.read_text("utf-8")), "utf-8"
    )


@contextlib.contextmanager
def _quiet() -> Iterator[io.StringIO]:
    """hls4ml reports by print and by warnings; both are kept for the log."""
    said = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(said):
        warnings.simplefilter("ignore")
        yield said
