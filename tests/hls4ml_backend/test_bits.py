# SPDX-License-Identifier: Apache-2.0
"""Bits that no value uses, hls4ml's types of the hardware, and hls4ml's profiling and plots with them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hls4ml_nets import chain, config_of, convert

from rtl4ml.errors import BadInput
from rtl4ml.hls4ml_backend.bits import Bits, of_weights, table, used_bits
from rtl4ml.ir.types import Fixed


def design_of(h: Any) -> Any:
    return h.config.backend.design(h)


@pytest.mark.parametrize(
    ("values", "above", "below"),
    [
        ([12, 4, 20], 3, 2),
        ([-128, 127], 0, 0),
        ([-4, 4], 4, 2),
        ([-4, 3], 5, 0),
        ([0, 0], 8, 0),
        ([-1, 0], 7, 0),
        ([-128, 0], 0, 7),
    ],
)
def test_used_bits(values: list[int], above: int, below: int) -> None:
    found = used_bits("relu", Fixed(True, 7, 0), np.array(values))
    assert found == Bits("relu", Fixed(True, 7, 0), min(values), max(values), above, below)
    # What is left holds every value, and one bit less on either side does not.
    if any(values):
        kept = [v >> below for v in values]
        assert any(v & 1 for v in kept)
        assert Fixed.covering(min(kept), max(kept), 0).width == found.used


def test_the_table_says_them() -> None:
    lines = table([Bits("fc1", Fixed(True, 2, 5), -12, 40, 1, 2)], "title:")
    assert lines == [
        "title:",
        "       type        least   greatest  never used above  below",
        "  fc1  fixed<8,3>  -0.375  1.25      1                 2",
    ]


def test_bits_of_weights_are_those_of_their_type(tmp_path: Path) -> None:
    m = chain()
    weights = m.get_layer("dense").get_weights()
    m.get_layer("dense").set_weights([np.clip(weights[0], -0.125, 0.25), np.full(3, 0.5)])
    h = convert(m, tmp_path / "p")
    declared = {"dense/w": Fixed(True, 0, 3), "dense/b": Fixed(True, 0, 3)}
    found = {b.layer: b for b in of_weights(design_of(h).graph, declared)}
    assert (found["dense/w"].above, found["dense/w"].below) == (1, 0)
    assert (found["dense/b"].above, found["dense/b"].below) == (1, 2)  # 4, of which 1 bit is left
    assert found["logits/w"].above == 0  # no type is declared: as wide as it must be


def test_hls4mls_layers_have_the_types_of_the_hardware(tmp_path: Path) -> None:
    h = convert(chain(softmax=True), tmp_path / "p")
    (out,) = h.get_output_variables()
    graph = design_of(h).graph
    t = graph.outputs[0].type
    assert (out.type.precision.width, out.type.precision.fractional) == (t.width, t.fraction)
    assert out.shape == [2]
    names = [n.name for n in h.get_layers()]
    assert names == [
        "start",
        "quantize",
        "conv",
        "conv_quantized_relu",
        "pool",
        "flat",
        "dense",
        "last",
        "logits",
    ]
    types = {n.name: n.get_output_variable().type.precision for n in h.get_layers()}
    assert str(types["last"]) == "fixed<6,3,TRN,WRAP,0>"
    assert str(types["conv_quantized_relu"]) == str(types["pool"]) == "ufixed<4,1,TRN,WRAP,0>"
    x = np.random.default_rng(5).uniform(-1, 1, (40, 12, 2))
    y = h.predict(x)
    low, high = (-(2.0 ** (t.width - 1)), 2.0 ** (t.width - 1) - 1)
    assert low * t.step <= y.min() < y.max() <= high * t.step


def test_numerical_shows_them_and_converts_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import matplotlib.pyplot as plt
    from hls4ml.model import profiling

    monkeypatch.chdir(tmp_path)
    m = chain()
    config = config_of(m)
    for layer in config["LayerName"].values():
        layer["Trace"] = True
    h = convert(m, tmp_path / "p", hls_config=config)
    capsys.readouterr()
    x = np.random.default_rng(5).uniform(-1, 1, (30, 12, 2)).astype(np.float32)
    figures = profiling.numerical(model=m, hls_model=h, X=x)
    said = capsys.readouterr().out
    plt.close("all")
    assert all(figure is not None for figure in figures)
    assert "done convert" not in said
    assert [p.name for p in tmp_path.iterdir()] == ["p"]  # no folder for the model before optimization
    assert said.count("bits of weights that are never used, by exact integers:\n") == 1
    assert re.search(r"^  dense/w +fixed<4,1> ", said, re.MULTILINE)
    title = "bits of activations that 30 samples never use, by exact integers:\n"
    _, _, rows = said.partition(title)
    found = dict(re.findall(r"^  (\w+) +u?fixed<\S+ +\S+ +\S+ +(\d+) +\d+$", rows, re.MULTILINE))
    assert list(found) == [
        "quantize",
        "conv",
        "conv_quantized_relu",
        "pool",
        "flat",
        "dense",
        "last",
        "logits",
    ]
    _, traced = h.trace(x)
    assert title not in capsys.readouterr().out  # of profiling alone
    t = h.get_output_variables()[0].type.precision
    needed = Fixed.covering(*(int(f(traced["logits"]) * 2**t.fractional) for f in (np.min, np.max)), 0).width
    assert int(found["logits"]) == t.width - needed


class _Dot:
    """The little of pydot that hls4ml's plot asks for, as pydot and graphviz may be missing."""

    written: dict[str, str] = {}  # noqa: RUF012 -- a stand-in, made once

    @staticmethod
    def create(_: Any) -> None:
        """Graphviz is there."""

    def set(self, *_: Any) -> None: ...

    def set_node_defaults(self, **_: Any) -> None: ...

    def get_edge(self, *_: Any) -> bool:
        return False

    def add_edge(self, *_: Any) -> None: ...

    def add_node(self, node: Any) -> None:
        self.written[node.name] = node.label

    def write(self, *_: Any, **__: Any) -> None: ...


def test_plot_model_shows_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    import hls4ml
    from hls4ml.utils import plot

    pydot = SimpleNamespace(
        Dot=_Dot,
        Edge=lambda *_: None,
        Node=lambda name, label: SimpleNamespace(name=name, label=label),
    )
    monkeypatch.setattr(plot, "pydot", pydot)
    h = convert(chain(softmax=True), tmp_path / "p")
    hls4ml.utils.plot_model(h, show_shapes=True, show_precision=True, to_file=None)
    assert len(_Dot.written) == len(h.get_layers()) == 9
    assert not any("Unspecified" in label for label in _Dot.written.values())
    assert any("last" in label and "fixed&lt;6,3,TRN,WRAP,0&gt;" in label for label in _Dot.written.values())


def test_get_ymodel_keras_has_the_same_values(tmp_path: Path) -> None:
    """Of a model without activations within layers, for of QKeras's own hls4ml asks a name that they do not have."""
    from hls4ml.model.profiling import get_ymodel_keras

    m = chain(within=False)
    config = config_of(m)
    for layer in config["LayerName"].values():
        layer["Trace"] = True
    h = convert(m, tmp_path / "p", hls_config=config)
    x = np.random.default_rng(5).uniform(-1, 1, (9, 12, 2)).astype(np.float32)
    _, traced = h.trace(x)
    theirs = get_ymodel_keras(m, x)
    for name in ("quantize", "conv", "pool", "flat", "dense", "last", "logits"):
        np.testing.assert_array_equal(traced[name], theirs[name], err_msg=name)


def test_samples_of_a_wrong_shape_are_refused_by_trace(tmp_path: Path) -> None:
    h = convert(chain(), tmp_path / "p")
    with pytest.raises(BadInput, match=r"^x: must be a batch \(N, 12, 2\), not \(4, 23\); reshape it$"):
        h.trace(np.zeros((4, 23)))
