# SPDX-License-Identifier: Apache-2.0
"""Types of hls4ml's configuration: the input's is followed, others must hold what is exact."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hls4ml_nets import chain, config_of, convert, model

from rtl4ml.errors import BadInput
from rtl4ml.host import frameworks


def design_of(h: Any) -> Any:
    return h.config.backend.design(h)


def sequential() -> Any:
    """A Sequential model, whose InputLayer Keras hides; without a quantizer on its input."""
    keras, q = frameworks.keras(), frameworks.qkeras()
    bits = q.quantized_bits(4, 0, alpha=1)
    m = keras.Sequential(
        [q.QDense(2, input_shape=(3,), kernel_quantizer=bits, bias_quantizer=bits, name="fc1")]
    )
    m.set_weights([np.array([[0.5, -0.25], [0.75, 0.125], [-1, 0.5]]), np.array([0.25, -0.5])])
    return m


SAYS = "{}: the input comes as {}, by {} of hls4ml's configuration\n"
HLS4ML = "ap_fixed<16,6,AP_TRN,AP_WRAP>"


@pytest.mark.parametrize(
    ("config", "text", "whose"),
    [
        (
            {"LayerName": {"fc1_input": {"Precision": {"result": "ap_fixed<4,1>"}}}},
            "4,1",
            'LayerName["fc1_input"]',
        ),
        ({"LayerName": {"fc1_input": {"Precision": "fixed<5,1>"}}}, "5,1", 'LayerName["fc1_input"]'),
        ({"LayerType": {"Input": {"Precision": {"result": "fixed<6,1>"}}}}, "6,1", 'LayerType["Input"]'),
        ({"Model": {"Precision": "fixed<7,2>"}}, "7,2", "Model's Precision"),
        ({"Model": {"Precision": {"default": "fixed<8,2>"}}}, "8,2", "Model's Precision"),
        ({"LayerName": {"fc1_input": {"Precision": {"result": "auto"}}}}, "16,6", "Model's Precision"),
        ({}, "16,6", "Model's Precision"),
    ],
)
def test_the_input_has_hls4mls_type_in_hls4mls_order(
    config: dict[str, Any], text: str, whose: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    h = convert(sequential(), tmp_path / "p", hls_config=config)
    typed = f"ap_fixed<{text},AP_TRN,AP_WRAP>"
    assert capsys.readouterr().out.count(SAYS.format("fc1_input", typed, whose)) == 1
    width, integer = map(int, text.split(","))
    t = design_of(h).graph.inputs[0].type
    assert (t.width, t.fraction) == (width, width - integer)
    assert str(h.get_input_variables()[0].type.precision) == f"fixed<{text},TRN,WRAP,0>"


def test_inputs_are_cut_off_and_wrap_as_in_hls4ml(tmp_path: Path) -> None:
    config = {"LayerName": {"start": {"Precision": {"result": "ap_fixed<4,1>"}}}}
    h = convert(model(quantized=False), tmp_path / "p", hls_config=config)
    # 0.30, -0.60 and 0.9 become 2/8, -5/8 and 7/8
    assert h.predict(np.array([[0.30, -0.60, 0.9]]))[0] == 0.25 * 0.5 - 0.625 * 0.75 - 0.875 + 0.25
    # -0.55, 0 and 1.2 become -5/8, 0 and -7/8
    assert h.predict(np.array([[-0.55, 0.0, 1.2]]))[0] == -0.625 * 0.5 + 0.875 + 0.25


def test_a_quantizer_on_the_input_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """hls4ml's default changes nothing there, nor the same type; another for the input's layer comes before it."""
    for k, precision in enumerate(("auto", "fixed<6,1,RND_CONV,SAT>")):
        config = {"LayerName": {"start": {"Precision": {"result": precision}}}}
        h = convert(model(), tmp_path / str(k), hls_config=config)
        assert "the input comes" not in capsys.readouterr().out
        assert not design_of(h).parsed.declared
    config = {"LayerName": {"start": {"Precision": {"result": "fixed<9,2>"}}}}
    h = convert(model(), tmp_path / "p", hls_config=config)
    said = capsys.readouterr().out
    assert SAYS.format("start", "ap_fixed<9,2,AP_TRN,AP_WRAP>", 'LayerName["start"]') in said
    assert "\nquantize: input_precision ap_fixed<9,2,AP_TRN,AP_WRAP> is the type of the stream before" in said
    assert design_of(h).graph.inputs[0].type.width == 9
    h = convert(model(quantized=False), tmp_path / "q", input_precision="ap_fixed<5,1>")
    assert "the input comes" not in capsys.readouterr().out
    assert design_of(h).graph.inputs[0].type.width == 5


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "input": (
        {"LayerName": {"start": {"Precision": {"result": "float"}}}},
        "start: Precision result must be a type such as fixed<16,6> or auto, not float",
    ),
    "no type": (
        {"LayerName": {"dense": {"Precision": {"result": "double"}}}},
        "dense: Precision result must be a type such as fixed<16,6> or auto, not double",
    ),
    "result": (
        {"LayerName": {"dense": {"Precision": {"result": "fixed<8,3>"}}}},
        "dense: Precision result must hold the layer's exact values, fixed<11,5>, not be fixed<8,3>; write auto, or "
        "put a quantizer of that type into the model",
    ),
    "default": (
        {"LayerName": {"last": {"Precision": "fixed<5,3>"}}},
        "last: Precision result must hold the layer's exact values, fixed<6,3>, not be fixed<5,3>; write auto, or put "
        "a quantizer of that type into the model",
    ),
    "accum": (
        {"LayerName": {"conv": {"Precision": {"accum": "fixed<8,2>"}}}},
        "conv: Precision accum must hold the layer's exact values, fixed<11,3>, not be fixed<8,2>; write auto, or "
        "put a quantizer of that type into the model",
    ),
    "weight": (
        {"LayerName": {"dense": {"Precision": {"weight": "fixed<3,1>"}}}},
        "dense: Precision weight must hold what the model's quantizers make of its weights, not be fixed<3,1>; write "
        "auto, or put a quantizer of that type into the model",
    ),
    "bias": (
        {"LayerName": {"dense": {"Precision": {"bias": "ufixed<4,0>"}}}},
        "dense: Precision bias must hold what the model's quantizers make of its weights, not be ufixed<4,0>; write "
        "auto, or put a quantizer of that type into the model",
    ),
    "absent": (
        {"LayerName": {"norm": {"Precision": {"result": "fixed<40,20>"}}}},
        "norm: Precision result must be auto, not fixed<40,20>: the hardware has no values of this layer alone",
    ),
    "maximum": (
        {"Model": {"Precision": {"default": "fixed<16,6>", "maximum": "fixed<10,4>"}}},
        "conv: Precision maximum must leave room for the layer's exact values, fixed<11,3>, not be fixed<10,4>; leave "
        "it out, or put a quantizer into the model",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_types_that_do_not_hold_the_exact_values_are_refused(what: str, tmp_path: Path) -> None:
    config, text = REFUSED[what]
    with pytest.raises(BadInput, match=f"^{re.escape(text)}$"):
        convert(chain(), tmp_path / "p", hls_config=config)
    assert not (tmp_path / "p").exists()


def test_types_that_hold_them_change_nothing(tmp_path: Path) -> None:
    m = chain()
    config = config_of(m, max_precision="fixed<20,9>")
    config["LayerName"]["conv"]["Precision"] |= {
        "accum": "fixed<16,6>",
        "weight": "fixed<6,2>",
        "result": "auto",
    }
    config["LayerName"]["dense"]["Precision"] |= {"bias": "fixed<9,4>", "result": "fixed<16,6>"}
    config["LayerName"]["last"]["Precision"] = "fixed<6,3>"
    h = convert(m, tmp_path / "p", hls_config=config)
    x = np.random.default_rng(5).uniform(-1, 1, (20, 12, 2)).astype(np.float32)
    assert np.array_equal(h.predict(x), m.predict(x, verbose=0))
