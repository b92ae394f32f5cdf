# SPDX-License-Identifier: Apache-2.0
"""Networks of several inputs and outputs: lists in and out, in the model's order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import hls4ml_nets
import numpy as np
import pytest
from contract import randomize
from edge_nets import NETS, L, act, both, entry, keras, q, samples, two_heads, two_images
from hypothesis import given, settings
from hypothesis import strategies as st

import rtl4ml
from rtl4ml.errors import BadInput, BadModel, Rtl4mlError, UnsupportedLayer
from rtl4ml.frontends.parsed import Parsed
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.reference import expected
from rtl4ml.frontends.qkeras.reference64 import predict64
from rtl4ml.frontends.qkeras.untouched import Untouched
from rtl4ml.ir.graph import Graph


def made(name: str, rng: np.random.Generator, **options: Any) -> Any:
    build, own = NETS[name]
    keras.backend.clear_session()
    return randomize(build(**{**own, **options}), rng)


def assert_emulates(parsed: Parsed, rng: np.random.Generator, n: int = 9) -> list[np.ndarray]:
    """The model's own predict, cut before heads, is what `emulate` and `golden` give, output by output."""
    x = samples(parsed, n, rng)
    want = expected(parsed, x)
    assert len(want) == len(parsed.graph.outputs)
    for got, y in zip(parsed.emulate(x), want, strict=True):
        np.testing.assert_array_equal(got, y)
        assert len(np.unique(y)) > 1
    golden = parsed.graph.emulate(parsed.integers(parsed.samples(x)))
    for s, got, y in zip(parsed.graph.outputs, golden, want, strict=True):
        np.testing.assert_array_equal(s.real(got), y, err_msg=s.name)
    return want


def refusal(model: Any, text: str, error: type[Rtl4mlError], **options: Any) -> None:
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        parse(model, **options)


# -- what they compute ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETS)
def test_emulate_is_predict(name: str, rng: np.random.Generator) -> None:
    parsed = parse(made(name, rng))
    want = assert_emulates(parsed, rng)
    x = samples(parsed, 5, rng)
    in_float64 = predict64(parsed.model, parsed.seen_by_model(parsed.samples(x)))
    for a, b in zip(in_float64, expected(parsed, x), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [y.shape[1:] for y in want] == [s.shape for s in parsed.graph.outputs]


@settings(max_examples=8)
@given(
    join=st.sampled_from(["Concatenate", "Add", "Maximum", "Subtract"]),
    size=st.integers(1, 4),
    filters=st.integers(1, 4),
    seed=st.integers(0, 2**16),
)
def test_any_two_images(join: str, size: int, filters: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    keras.backend.clear_session()
    model = randomize(two_images(join, size, filters), rng)
    parsed = parse(model)
    x = samples(parsed, 4, rng)
    for got, want in zip(parsed.emulate(x), expected(parsed, x), strict=True):
        np.testing.assert_array_equal(got, want)


def test_outputs_are_in_the_models_order_and_named_as_its_layers(rng: np.random.Generator) -> None:
    parsed = parse(made("both", rng))
    assert [s.name for s in parsed.graph.inputs] == ["image", "numbers"]
    assert parsed.graph.output_names == ("mask", "total", "logit")
    assert parsed.cut == ("sigmoid", "", "")
    want = parsed.model.predict(samples(parsed, 3, rng), verbose=0)
    assert [s.shape for s in parsed.graph.outputs] == [y.shape[1:] for y in want]


def test_a_layer_of_two_outputs_names_both(rng: np.random.Generator) -> None:
    """A shared layer's second call, whose output is an output as well, gets a number."""
    keras.backend.clear_session()
    a, x = entry("a", (3,))
    b, y = entry("b", (3,))
    dense = q.QDense(2, name="shared", kernel_quantizer="quantized_bits(4,0,alpha=1)", use_bias=False)
    parsed = parse(randomize(keras.Model([a, b], [dense(x), dense(y)]), rng))
    assert parsed.graph.output_names == ("shared", "shared_2")
    assert_emulates(parsed, rng)


def test_an_input_that_is_an_output_too(rng: np.random.Generator) -> None:
    """Behind its quantizer, in its own order."""
    keras.backend.clear_session()
    a, x = entry("a", (3,))
    y = q.QDense(2, name="dense", kernel_quantizer="quantized_bits(4,0,alpha=1)", use_bias=False)(x)
    parsed = parse(randomize(keras.Model(a, [x, y]), rng))
    x0 = samples(parsed, 6, rng)
    np.testing.assert_array_equal(parsed.emulate(x0)[0], parsed.input.real(parsed.quantize_input(x0)))
    assert_emulates(parsed, rng)


def test_a_declared_precision_is_that_of_every_input(rng: np.random.Generator) -> None:
    keras.backend.clear_session()
    a, b = L.Input((3,), name="a"), L.Input((2,), name="b")
    y = q.QDense(2, name="dense", kernel_quantizer="quantized_bits(4,0,alpha=1)", use_bias=False)(
        L.Concatenate(name="join")([a, b])
    )
    parsed = parse(randomize(keras.Model([a, b], y), rng), input_precision="ap_fixed<5,1>")
    assert [s.type.width for s in parsed.graph.inputs] == [5, 5]
    assert_emulates(parsed, rng)


def test_the_untouched_predict_of_every_output_is_counted(rng: np.random.Generator) -> None:
    parsed = parse(made("both", rng))
    x, found = samples(parsed, 6, rng), Untouched()
    found.add(parsed, x, expected(parsed, x))
    assert found.samples == 6 and found.values == sum(6 * s.elements for s in parsed.graph.outputs)
    assert found.mismatches == 0
    found.add(parsed, x, expected(parsed, x))
    assert found.samples == 6, "each sample once"
    more = samples(parsed, 2, rng)
    wrong = [y + 1 for y in expected(parsed, more)]
    found.add(parsed, more, wrong)
    assert found.mismatches == sum(y.size for y in wrong)


# -- what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (lambda x: x[0], "must be a list of 2 arrays, one for each input (image, numbers), not ndarray"),
        (lambda x: x[:1], "must be a list of 2 arrays, one for each input (image, numbers), not list of 1"),
    ],
)
def test_samples_that_are_no_list_of_all_inputs(given: Any, text: str, rng: np.random.Generator) -> None:
    parsed = parse(made("both", rng))
    with pytest.raises(BadInput, match=f"^{re.escape(f'x: {text}; give [image, numbers]')}$"):
        parsed.emulate(given(samples(parsed, 2, rng)))


def test_an_input_of_another_shape_or_length(rng: np.random.Generator) -> None:
    parsed = parse(made("both", rng))
    a, b = samples(parsed, 4, rng)
    with pytest.raises(BadInput, match=r"^x: numbers: must be a batch \(N, 3\), not \(4, 2\); reshape it$"):
        parsed.emulate([a, b[:, :2]])
    with pytest.raises(BadInput, match=r"^x: image: must be a batch \(N, 6, 6, 1\), not \(4, 8, 6, 1\); "):
        parsed.emulate([np.zeros((4, 8, 6, 1)), b])
    text = r"^x: the inputs \(image, numbers\) must have as many samples each, not 4, 3; give a sample of every input$"
    with pytest.raises(BadInput, match=text):
        parsed.emulate([a, b[:3]])


def test_an_input_without_a_quantizer_is_named() -> None:
    keras.backend.clear_session()
    a, x = entry("a", (3,))
    b = L.Input((3,), name="b")
    dense = q.QDense(3, name="dense", kernel_quantizer="quantized_bits(4,0,alpha=1)", use_bias=False)
    refusal(
        keras.Model([a, b], L.Add()([x, dense(b)]), name="net"),
        "dense: the model's input must pass a quantizer first, not go into QDense; "
        "put a QActivation behind the input or give input_precision",
        BadModel,
    )
    refusal(
        keras.Model([a, b], [dense(x), b], name="net"),
        "b: the model's input must pass a quantizer, not reach the output; "
        "put a QActivation behind the input or give input_precision",
        BadModel,
    )


@pytest.mark.parametrize("options", [{}, {"input_precision": "ap_fixed<8,1>"}])
def test_an_input_that_nothing_reads(options: dict[str, str]) -> None:
    keras.backend.clear_session()
    a, x = entry("a", (3,))
    b = L.Input((3,), name="b")
    dense = q.QDense(3, name="dense", kernel_quantizer="quantized_bits(4,0,alpha=1)", use_bias=False)
    text = (
        "b: an input must be read by a layer, not by none; remove the input"
        if options
        else "b: the model's input must pass a quantizer, not reach nothing; remove the input"
    )
    refusal(keras.Model([a, b], dense(x)), text, BadModel, **options)


def test_a_precision_that_all_inputs_have() -> None:
    keras.backend.clear_session()
    (a, x), (b, y) = entry("a", (3,), 5), entry("b", (3,), 5)
    model = keras.Model([a, b], act("last")(L.Add(name="sum")([x, y])))
    text = (
        "a_quant: input_precision must be another type than that of this quantizer, "
        "not ap_fixed<5,1>, which changes nothing; leave it out"
    )
    refusal(model, text, BadInput, input_precision="ap_fixed<5,1>")


def test_classes_and_masks_of_several_outputs() -> None:
    keras.backend.clear_session()
    text = "heads: output='argmax' must go with one output, not 2; split the model"
    refusal(two_heads(), text, BadModel, output="argmax")


def test_strips_of_several_inputs() -> None:
    keras.backend.clear_session()
    text = (
        "pair: a network for strips must have one input of columns and channels and one output, not "
        "[(8, 8, 2), (4, 4, 1), (4, 4, 2)]"
    )
    refusal(two_images(), text, UnsupportedLayer, columns=4)


def test_a_graph_of_names_that_are_no_names() -> None:
    graph = parse(both()).graph
    with pytest.raises(
        ValueError, match=r"^both: outputs must have names of their own, not \('a', 'a', 'b'\)$"
    ):
        Graph("both", graph.inputs, graph.ops, graph.outputs, output_names=("a", "a", "b"))
    with pytest.raises(ValueError, match=r"^both: two inputs must not have one name, not image$"):
        Graph("both", graph.inputs[:1] * 2, graph.ops, graph.outputs)


def test_the_model_to_be_called(rng: np.random.Generator) -> None:
    text = (
        "both: a model to be called must have one input and one output, not 2 and 3; "
        "compare with design.reference(x)"
    )
    with pytest.raises(UnsupportedLayer, match=f"^{re.escape(text)}$"):
        rtl4ml.reference(made("both", rng))


def test_hls4mls_backend(tmp_path: Path, rng: np.random.Generator) -> None:
    model = made("two heads", rng)
    text = (
        "heads: backend='rtl4ml' must be given a model of one input and one output, not 1 and 2; "
        "call rtl4ml.convert, which takes several"
    )
    with pytest.raises(BadModel, match=f"^{re.escape(text)}$"):
        hls4ml_nets.convert(model, tmp_path / "out", hls_config=hls4ml_nets.config_of(model))
