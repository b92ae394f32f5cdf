# SPDX-License-Identifier: Apache-2.0
"""Yosys's counts of every layer, beside the model's, in report.json and on the page."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import report_example as example
from pages import SCHEMA, page, table

import rtl4ml
from rtl4ml.device import Resources
from rtl4ml.host import frameworks


def test_a_layer_has_the_sum_of_its_cells(tmp_path: Path) -> None:
    """Every cell counts its number in the list of cells, so that each sum tells which cells were added."""
    keras, q = frameworks.keras(), frameworks.qkeras()
    weights = {
        "kernel_quantizer": q.quantized_bits(4, 0, alpha=1),
        "bias_quantizer": q.quantized_bits(6, 1, alpha=1),
    }
    model = keras.Sequential(
        [
            keras.layers.Input((8,)),
            q.QActivation("quantized_bits(6,0,alpha=1)", name="x"),
            q.QDense(4, name="first", **weights),
            q.QActivation("quantized_relu(4,1)", name="relu"),
            q.QDense(3, name="second", **weights),
        ]
    )
    design = rtl4ml.convert(model, out=tmp_path / "design")
    assert all(layer["yosys"] is None for layer in design.report()["layers"])
    design.counted = [Resources(lut=2.0**k, ff=1, dsp=0, bram36=0.5) for k in range(len(design.units))]
    report = design.report()
    jsonschema.validate(report, SCHEMA)
    for layer in report["layers"]:
        mine = [k for k, u in enumerate(design.units) if u.layer == layer["name"]]
        counted = {"lut": sum(2**k for k in mine), "ff": len(mine), "dsp": 0, "bram36": len(mine) / 2}
        assert layer["yosys"] == counted, layer["name"]
    assert report["resources"]["yosys"]["lut"] == 2 ** len(design.units) - 1


def test_the_page_has_them_below_the_model_s() -> None:
    report = example.report()
    for k, layer in enumerate(report["layers"]):
        layer["yosys"] = {"lut": 1_000 + k, "ff": 2_000, "dsp": 3, "bram36": 0.5 * k}
    jsonschema.validate(report, SCHEMA)
    shown = page(report)
    assert table(shown, "layers")[0][-4:] == ["1,2031,000", "1,6552,000", "243", "00"]
    assert table(shown, "layers")[-1][-4:] == ["10,6438,028", "15,10716,000", "31624", "814"]  # of all
    assert "resources as rtl4ml's model predicts them, and below that as Yosys counts them." in shown.text


@pytest.mark.parametrize("absent", [{}, {"yosys": None}])
def test_without_counts_the_page_says_nothing_of_them(absent: dict[str, None]) -> None:
    report = example.report()
    for layer in report["layers"]:
        layer.update(absent)
    jsonschema.validate(report, SCHEMA)
    assert "below that" not in page(report).text
