# SPDX-License-Identifier: Apache-2.0
"""Layers may be called anything: what the tool names and what the user names never meet."""

from __future__ import annotations

import random
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtl4ml.bridge.builder import PASSES
from rtl4ml.bridge.layer_list import layer_list
from rtl4ml.bridge.write import write_project
from rtl4ml.cells.streams import Fifo
from rtl4ml.emit import library, systemverilog
from rtl4ml.folding.explorer import fold
from rtl4ml.folding.resources import layer_resources
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.host import frameworks
from rtl4ml.host.tools import verilator_env
from rtl4ml.ir.graph import Graph
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.lowering.registry import narrowest_plan
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.netlist.plan import Plan
from rtl4ml.report import fifo_places
from rtl4ml.timing import cycles
from rtl4ml.timing.sizing import sized_netlist

keras = frameworks.keras()
q = frameworks.qkeras()
L = keras.layers

LAYERS = 14
PLAIN = [f"plain{k}" for k in range(LAYERS)]
TARGET = 60


def network() -> Any:
    """An input, forks, a sum, a concatenation, a pool, windows of both kinds, an activation within a layer."""
    bits = q.quantized_bits(4, 0, 1, alpha=1)
    w = {"kernel_quantizer": bits, "bias_quantizer": bits}
    i = L.Input((6, 6, 2))
    x = q.QActivation(q.quantized_bits(6, 0, 1, alpha=1))(i)
    a = q.QConv2D(4, 3, padding="same", activation=q.quantized_relu(4, 1), **w)(x)
    b = q.QActivation(q.quantized_relu(4, 1))(q.QConv2D(4, 1, **w)(x))
    c = L.Concatenate()([L.Add()([a, b, b]), a])
    c = L.MaxPooling2D(2)(q.QActivation(q.quantized_bits(4, 2, 1, alpha=1))(c))
    c = L.Flatten()(q.QConv2D(3, 3, **w)(c))
    c = q.QActivation(q.quantized_relu(4, 2))(q.QDense(4, **w)(c))
    m = keras.Model(i, q.QDense(3, **w)(c))
    rng = np.random.default_rng(4)
    m.set_weights([rng.uniform(-0.8, 0.8, v.shape) for v in m.get_weights()])
    return m


def renamed(m: Any, names: list[str]) -> Any:
    for layer, name in zip(m.layers, names, strict=True):
        layer._name = name
    return m


@pytest.fixture(scope="module")
def model() -> Any:
    m = network()
    assert [type(m.layers[k]).__name__ for k in (0, 2, 3, 13)] == [
        "InputLayer",
        "QConv2D",
        "QConv2D",
        "QDense",
    ]
    assert m.layers[3].activation is not None  # the one with an operator beside it
    return m


def netlist_of(m: Any) -> Netlist:
    return sized_netlist(fold(parse(m).graph, target_interval=TARGET))


def made_by(netlist: Netlist) -> Plan:
    """The plan that a netlist was made by."""
    assert netlist.plan is not None
    return netlist.plan


# What a layer may be called to meet a name of the tool's, of SystemVerilog's, of C++'s or of hls4ml's.
HOSTILE = [
    "m_axis", "s_axis", "edges", "output", "input", "x", "x_a", "x_b", "x_f", "x_fork", "x_a_f", "x_by4", "flag",
    "axis_in", "axis_out", "aclk", "r4_top", "u_axis_in", "clk_i", "rst_ni", "s_axis_tdata", "frame_errors_o",
    "module", "wire", "logic", "begin", "endmodule", "int", "class", "double", "template", "nnet", "std", "main",
    "input_1", "layer2_out", "layer3", "model_default", "config2", "w2", "clone_x", "repack_x", "argmax", "mask",
    "1st", "a.b", "a/b", "a b", "a-b", "a_b", "A_B", "a_b_2", "\u5c64", "caf\u00e9", "a__DOT__b", "__PVT__x", "_", "2",
    "n" * 100, "../../etc", "u_x", "x_valid", "x_ready", "x_data",
]  # fmt: skip
ENDINGS = [
    "a", "b", "f", "fork", "taps", "window", "part1", "activation", "by2", "by4", "2", "valid", "data", "adders", "a_f",
    "weight_file", "to0", "pad", "step", "grid",
]  # fmt: skip


def hostile(rng: random.Random) -> list[str]:
    """Names of layers, all different: some of the list, others made of those before them as the tool would."""
    names: list[str] = []
    while len(names) < LAYERS:
        kind = rng.randrange(4) if names else 0
        if kind == 0:
            name = rng.choice(HOSTILE)
        elif kind == 1:
            name = rng.choice(names).upper()
        elif kind == 2:
            name = f"{rng.choice(('u', 'clone', 'repack'))}_{rng.choice(names)}"
        else:
            name = f"{rng.choice(names)}_{rng.choice(ENDINGS)}"
        if name not in names and len(name) <= 100:
            names.append(name)
    return names


def declared(text: str) -> list[str]:
    """All identifiers that a top module declares: ports, signals and instances."""
    code = re.sub(r"//[^\n]*", "", text)
    lists = re.findall(r"\blogic\s+(?:\[[^\]]*\]\s*)?(\w+(?:\s*,\s*\w+)*)\s*[;,\n]", code)
    instances = re.findall(r"^  (?:\)|\w+) (u_\w+) \($", code, re.MULTILINE)
    return [name.strip() for group in lists for name in group.split(",")] + instances


def check_identifiers(netlist: Netlist) -> None:
    """No two of anything have one name, whatever its case."""
    text, images = systemverilog.top_text(netlist, frames_in_flight=2)
    names = declared(text)
    assert len(names) > 3 * len(netlist.cells)
    modules = [c.module for c in netlist.cells if c.generated]
    for what in (
        names,
        [*modules, "r4_top", *(p.stem for p in library.library().glob("*.sv"))],
        list(images),
    ):
        low = [n.lower() for n in what]
        assert len(set(low)) == len(low), sorted({n for n in low if low.count(n) > 1})
    for name in (*names, *modules):
        assert re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII), name
        assert len(f"{name}_weight_file.mem") <= 200


def test_random_names_change_nothing_but_names(model: Any, seed: int) -> None:
    plain = netlist_of(renamed(model, PLAIN))
    want, cost = cycles.predict(plain), list(layer_resources(made_by(plain)).values())
    rng = random.Random(seed)
    for _ in range(40):
        names = hostile(rng)
        netlist = netlist_of(renamed(model, names))
        check_identifiers(netlist)
        found = cycles.predict(netlist)
        assert (found.latency, found.interval) == (want.latency, want.interval), names
        assert [(type(c), getattr(c, "depth", 0)) for c in netlist.cells] == [
            (type(c), getattr(c, "depth", 0)) for c in plain.cells
        ], names
        assert list(layer_resources(made_by(netlist)).values()) == cost, names
        low = [e["name"].lower() for e in layer_list(made_by(netlist)).entries]
        assert len({*low, *(f"{p}{n}" for n in low for p in PASSES)}) == len(low) * (1 + len(PASSES))


def test_names_without_a_collision_stay(model: Any) -> None:
    netlist = netlist_of(renamed(model, PLAIN))
    ops = [op.name for op in netlist.graph.ops]
    assert set(ops) == {*PLAIN[2:], "plain3_activation"}
    cells = [c.name for c in netlist.cells]
    assert {"u_x_fork", "u_x_a_f", "u_plain3_taps", "u_plain3_activation"} <= set(cells)
    assert not [c for c in cells if re.search(r"_[23]$", c)]
    assert netlist.cells[-1].layer == "m_axis"
    assert list(layer_resources(made_by(netlist)))[-1] == "edges"
    assert fifo_places.streams(netlist.graph)[-1][1] == "output"


@pytest.mark.parametrize("names", [["m_axis", "s_axis"], ["s_axis", "m_axis"], ["output", "edges"]])
def test_edges_of_the_design_step_aside(names: list[str]) -> None:
    """The layer keeps its name, in cycles, in resources and in the picture; the edge gets another."""

    def small(first: str, last: str) -> Netlist:
        bits = q.quantized_bits(4, 0, 1, alpha=1)
        i = L.Input((12, 2))
        x = q.QActivation(bits)(i)
        x = q.QConv1D(3, 3, kernel_quantizer=bits, use_bias=False, name=first)(x)
        m = keras.Model(i, q.QActivation(q.quantized_relu(4, 1), name=last)(x))
        m.set_weights([np.linspace(-0.9, 0.9, 18).reshape(3, 2, 3)])
        return netlist_of(m)

    plain, netlist = small("one", "two"), small(*names)
    want, found = cycles.predict(plain), cycles.predict(netlist)
    assert (found.latency, found.interval) == (want.latency, want.interval)
    assert [op.name for op in netlist.graph.ops] == names
    lines = layer_resources(made_by(netlist))
    assert list(lines.values()) == list(layer_resources(made_by(plain)).values())
    assert len(lines) == 4  # two layers, the output's FIFO, the edges
    of = fifo_places.streams(netlist.graph)
    assert of[-1][0] == names[1]
    assert of[-1][1] not in names
    assert len(fifo_places.placed(netlist)) == len(fifo_places.placed(plain))


def test_a_layer_goes_before_what_is_made_beside_one(model: Any) -> None:
    """Foldings and reports name layers: theirs stays, and the activation within another layer gets a number."""
    names = [*PLAIN[:9], "plain3_activation", "a-b", "mask", "a_b_2", "a_b"]
    graph = parse(renamed(model, names)).graph
    ops = {op.name: op.layers for op in graph.ops}
    assert ops["plain3_activation"] == ("plain3_activation",)
    assert ops["plain3_activation_2"] == ("plain3",)
    assert ops["a_b"] == ("a-b",)
    assert ops["a_b_2"] == ("a_b_2",)
    assert ops["a_b_3"] == ("a_b",)
    mask = parse(renamed(network(), [*PLAIN[:13], "mask"]), output="argmax").graph.ops
    assert [op.name for op in mask[-2:]] == ["mask", "argmax"]
    mask = parse(renamed(network(), [*PLAIN[:13], "argmax"]), output="argmax").graph.ops
    assert [op.name for op in mask[-2:]] == ["argmax", "argmax_2"]


def test_verilator_takes_them(model: Any, tmp_path: Path) -> None:
    """One design of the worst names, every cell in it: no name is a keyword or twice there."""
    names = ["module", "flag", "x_f", "endmodule", "x_fork", "axis_in", "A__DOT__b", "a__DOT__b", "x_valid", "u_x",
             "m_axis", "1.0/\u5c64", "n" * 100, "u_axis_out"]  # fmt: skip
    netlist = netlist_of(renamed(model, names))
    project = systemverilog.write(netlist, tmp_path, frames_in_flight=2)
    verilator, env = verilator_env()
    command = [str(verilator), "--lint-only", "-Wall", "-Wno-fatal", "--top-module", project.top]
    command += [str(library.library() / "lint.vlt"), *map(str, project.sources)]
    done = subprocess.run(command, cwd=project.images, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr
    for name in ("u_x_f", "u_a__DOT__b_2", "u_endmodule", "u_x_2_valid", "u_axis_in_2"):
        assert re.search(rf"\b{name}\b", project.sources[-1].read_text()), name


@pytest.mark.slow
def test_hls4ml_takes_them(model: Any, tmp_path: Path) -> None:
    """A layer's name is no other layer's of hls4ml's own passes: the C simulation is exact."""
    names = ["model_input", "int", "clone_template", "template", "repack_class", "class", "nnet", "layer2"]
    names += ["layer3_out", "model_default", "clone_template_activation", "clone_repack_class", "std", "main"]
    graph = parse(renamed(model, names)).graph
    project = write_project(narrowest_plan(replace(graph, name="main")), tmp_path / "hls")
    s = graph.inputs[0]
    x = np.random.default_rng(2).integers(s.lo, s.hi, (5, *s.shape), endpoint=True)
    (y,) = graph.emulate([x])
    assert (project.csim(s.real(x), processes=1) == graph.outputs[0].real(y)).all()


def test_a_name_that_is_given_twice_is_an_internal_error(model: Any) -> None:
    netlist = netlist_of(renamed(model, PLAIN))
    first, second, *others = netlist.cells
    with pytest.raises(ValueError, match=r"^model.*: the netlist has two cells of the name u_x_fork$"):
        replace(netlist, cells=(first, replace(second, name=first.name.upper()), *others))
    with pytest.raises(ValueError, match=r"^model.*: the netlist has two wires of the name "):
        replace(netlist, cells=(first, replace(first, name="u_other"), *others))
    ops = netlist.graph.ops
    with pytest.raises(ValueError, match=r"^g: two operators must not have one name, not plain2$"):
        Graph("g", netlist.graph.inputs, (ops[0], ops[0]), ())


def test_a_cell_gets_a_number_where_its_name_is_taken() -> None:
    n = NetlistBuilder(Graph("g", (), (), ()))
    wires = [
        n.wire(h, lanes=1, bits=1, signed=False, beats=1).name for h in ("a", "A", "u_x", "flag", "s_axis")
    ]
    assert wires == ["a", "A_2", "u_x", "flag_2", "s_axis"]
    x = n.wire("x", lanes=1, bits=1, signed=False, beats=1)
    for hint in ("x_valid", "b", "B"):
        y = n.wire(hint, lanes=1, bits=1, signed=False, beats=1)
        n.add(Fifo(name=f"u_{hint}", inputs={"x": x}, outputs={"y": y}))
    assert [c.name for c in n.cells] == ["u_x_valid_2", "u_b", "u_B_2"]
