# SPDX-License-Identifier: Apache-2.0
"""Networks of several inputs and outputs: lists in and out, in the model's order."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hls4ml_nets
import numpy as np
import pytest
import steps_reference
from benches import make, passes_and_fails
from contract import FRAMES, assert_exact, assert_hls, randomize, samples
from edge_nets import NETS, L, act, both, conv, entry, keras, q, two_heads, two_images
from hypothesis import given, settings
from hypothesis import strategies as st

import rtl4ml
from rtl4ml.cli import prove
from rtl4ml.errors import BadData, BadInput, BadModel, Rtl4mlError, UnsupportedLayer
from rtl4ml.folding.explorer import fold
from rtl4ml.frontends.parsed import Parsed
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.reference import expected
from rtl4ml.frontends.qkeras.reference64 import predict64
from rtl4ml.frontends.qkeras.untouched import Untouched
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.late import skips
from rtl4ml.sta.stages import stages
from rtl4ml.synthesis.yosys import units
from rtl4ml.testing import assert_exact as assert_design_exact
from rtl4ml.testing import from_beats, to_beats
from rtl4ml.timing.cycles import frame_ends, predict
from rtl4ml.timing.sizing import sized_netlist


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


# -- the whole contract --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.gate) if n == "two images added" else n for n in NETS]
)
def test_exact_in_hardware(name: str, tmp_path: Path, rng: np.random.Generator) -> None:
    """Predict, emulate and RTL, under stalls too; every frame in the predicted cycle, at every output."""
    design = assert_exact(made(name, rng), tmp_path / "design", rng, csim=None)
    assert design.frames.compared == design.frames.as_predicted == FRAMES
    assert (len(design.cycles.outputs) > 1) == (len(design.graph.outputs) > 1)


@pytest.mark.gate
@pytest.mark.parametrize("name", NETS)
def test_exact_in_hls(name: str, tmp_path: Path, rng: np.random.Generator) -> None:
    design = rtl4ml.convert(made(name, rng), out=tmp_path / "design")
    x = samples(design, FRAMES, rng)
    assert_hls(design, x, expected(design.parsed, x), exact=True)


@pytest.mark.parametrize("name", ["two images", "both"])
def test_cycles_are_those_of_the_rules(name: str, rng: np.random.Generator) -> None:
    """The compiled stepper against the one in plain Python, with several sources and sinks."""
    netlist = sized_netlist(fold(parse(made(name, rng)).graph, target_interval=80))
    want = list(itertools.islice(steps_reference.frame_ends(netlist, 100_000), 12))
    assert frame_ends(netlist, 12).tolist() == want


def test_an_inner_tap_does_not_wait_for_the_classes(rng: np.random.Generator) -> None:
    """Its frames end long before those of the other output, and depths of FIFOs keep the interval of both."""
    netlist = sized_netlist(fold(parse(made("two heads", rng)).graph, target_interval=36))
    cycles = predict(netlist)
    assert cycles.latency == max(cycles.outputs) == cycles.outputs[0] > cycles.outputs[1] + 20
    assert cycles.interval == max(cycles.cells.values())


def test_parts_that_share_no_input_run_each_at_its_own_pace(rng: np.random.Generator) -> None:
    """The faster is ahead by more and more frames, and the interval is known all the same: that of the slower."""
    keras.backend.clear_session()
    (a, x), (b, y) = entry("a", (6, 6, 2)), entry("b", (3,))
    dense = q.QDense(2, name="dense", kernel_quantizer="quantized_bits(4,0,alpha=1)", use_bias=False)
    model = randomize(keras.Model([a, b], [act("slow")(conv(3, 3, "conv")(x)), dense(y)]), rng)
    cycles = predict(sized_netlist(fold(parse(model).graph, target_interval=36)))
    assert cycles.observed is None and cycles.interval == 36
    assert cycles.outputs[1] < 36 < cycles.outputs[0]


def test_what_a_design_of_several_streams_says(tmp_path: Path, rng: np.random.Generator) -> None:
    """Ports, vectors, README and report name every stream; the saved design is held against its own RTL."""
    design = rtl4ml.convert(made("both", rng), out=tmp_path / "design", name="two")
    ports = ["s_axis_image", "s_axis_numbers", "m_axis_mask", "m_axis_total", "m_axis_logit"]
    interface = json.loads((design.folder / "interface.json").read_text())
    streams = (*design.graph.inputs, *design.graph.outputs)
    assert [interface[p]["shape"] for p in ports] == [list(s.shape) for s in streams]
    assert interface["output"]["cut"] == ["sigmoid", "", ""]
    assert interface["errors"]["counted"] == ["frame_errors_image_o", "frame_errors_numbers_o"]
    assert interface["cycles"]["latencies"] == dict(zip(ports[2:], design.cycles.outputs, strict=True))
    names = {p.name for p in (design.folder / "vectors").iterdir()}
    assert names == {
        "input_image.hex", "input_numbers.hex", "expected_mask.hex", "expected_total.hex", "expected_logit.hex"
    }  # fmt: skip
    readme = (design.folder / "README.md").read_text()
    assert all(f"`{p}`" in readme for p in ports)
    assert "`m_axis_mask` is what comes before the model's sigmoid." in readme
    saved = rtl4ml.load(design.folder)
    found = assert_design_exact(saved, frames=4, patterns=1)
    assert found.values == 4 * sum(s.elements for s in design.graph.outputs)
    saved.simulate(samples(design, 4, rng))
    report = saved.report()
    lines = [*report["streams"]["inputs"], *report["streams"]["outputs"]]
    assert [line["port"] for line in lines] == ports
    latencies = [line["latency"] for line in report["streams"]["outputs"]]
    assert latencies == [{"model": n, "rtl": n} for n in design.cycles.outputs]
    page = (design.folder / "report.html").read_text()
    assert all(f"<code>{p}</code>" in page for p in ports)


def test_equal_stages_and_units_of_all_edges(tmp_path: Path, rng: np.random.Generator) -> None:
    """Resources and stages have a cell for every stream, and flags between those that depend on each other."""
    netlist = sized_netlist(fold(parse(made("both", rng)).graph, target_interval=80))
    edges = [u for u in units(netlist, frames_in_flight=4) if u.module in ("r4_axis_in", "r4_axis_out")]
    flags = {u.name: u.params.get("Flags", 1) for u in edges}
    assert flags == {
        "u_s_axis_image": 3, "u_s_axis_numbers": 1, "u_m_axis_mask": 1, "u_m_axis_total": 2, "u_m_axis_logit": 1
    }  # fmt: skip
    text = "".join(stage.text for stage in stages(netlist, frames_in_flight=4))
    assert "input logic [0:0] flag_0_1_ready" in text and "output logic [0:0] flag_1_1_valid" in text


def test_ways_from_different_inputs_are_no_skip(rng: np.random.Generator) -> None:
    """Neither input has to wait in memory for the other; a skip of one input has a home still."""
    keras.backend.clear_session()
    a, x = entry("a", (4, 4, 2))
    b, y = entry("b", (4, 4, 2))
    y = act("near")(conv(2, 3, "b_conv")(y))
    far = act("far")(conv(2, 3, "a_conv2")(act("mid")(conv(2, 3, "a_conv")(x))))
    first = act("first", "quantized_bits(6,2,alpha=1)")(L.Add(name="join")([y, far]))
    side = act("side")(conv(2, 1, "side_conv")(x))
    last = act("last", "quantized_bits(6,2,alpha=1)")(L.Add(name="skip")([first, side]))
    graph = parse(keras.Model([a, b], last)).graph
    assert {join: s.name for join, s in skips(graph).items()} == {"skip": "side"}


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


def test_samples_by_name(rng: np.random.Generator, tmp_path: Path) -> None:
    design = rtl4ml.convert(made("both", rng), out=tmp_path / "p")
    image, numbers = samples(design.parsed, 3, rng)
    given = {"numbers": numbers, "image": image}
    for y, want in zip(design.emulate(given), design.emulate([image, numbers]), strict=True):
        np.testing.assert_array_equal(y, want, strict=True)
    for y, want in zip(design.simulate(given).y, design.reference(given), strict=True):
        np.testing.assert_array_equal(y, want, strict=True)
    assert design.exactness["rtl"].mismatches == 0


@pytest.mark.parametrize(
    ("names", "said"),
    [(["image"], "image"), (["image", "numbers", "label"], "image, numbers, label"), ([], "none")],
)
def test_samples_by_names_that_are_not_those_of_the_inputs(
    names: list[str], said: str, rng: np.random.Generator
) -> None:
    text = (
        f"x: must have an array for each input (image, numbers) and no other, not for {said}; "
        "give {'image': …, 'numbers': …}"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(text)}$"):
        parse(made("both", rng)).emulate(dict.fromkeys(names, np.zeros((2, 3))))


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


def test_boards_and_what_has_one_stream_of_each(tmp_path: Path, rng: np.random.Generator) -> None:
    design = rtl4ml.convert(made("two heads", rng), out=tmp_path / "design")
    must = "must have one input and one output, not 1 and 2"
    text = f"heads: a design for a board {must}; take its RTL into a project of your own, or split the model"
    for board in ("zcu102", "ulx3s"):
        with pytest.raises(UnsupportedLayer, match=f"^{re.escape(text)}$"):
            design.board(board=board)
    x = samples(design, 2, rng)
    text = f"heads: a simulated netlist of ECP5 {must}; simulate the RTL"
    with pytest.raises(UnsupportedLayer, match=f"^{re.escape(text)}$"):
        design.simulate_netlist(x)
    for name, ask in (
        ("to_beats", lambda: to_beats(design, x)),
        ("from_beats", lambda: from_beats(design, [])),
    ):
        text = f"heads: a design for {name} {must}; use assert_exact, which takes several"
        with pytest.raises(UnsupportedLayer, match=f"^{re.escape(text)}$"):
            ask()


def test_the_benches_of_several_streams(tmp_path: Path, rng: np.random.Generator) -> None:
    design = rtl4ml.convert(made("both", rng), out=tmp_path / "p")
    few = design.folder / "vectors/input_numbers.hex"
    whole = few.read_text()
    few.write_text("".join(whole.splitlines(keepends=True)[: -design.netlist.inputs[1].beats]))
    done = make(design.folder, "sim")
    assert done.returncode and "files must hold as many frames of every input" in done.stdout + done.stderr
    few.write_text(whole)
    said = passes_and_fails(design.folder, "expected_total.hex", "m_axis_total")
    assert f"latency  {design.cycles.latency} cycles, predicted {design.cycles.latency}\n" in said


def test_a_file_for_several_inputs(rng: np.random.Generator, tmp_path: Path) -> None:
    parsed = parse(made("both", rng))
    design = SimpleNamespace(graph=parsed.graph, parsed=parsed)
    a, b = prove.samples_for(design, None, 2, 0)
    assert a.shape == (2, 6, 6, 1) and b.shape == (2, 3)
    image, numbers = rng.normal(size=(5, 6, 6, 1)), rng.normal(size=(5, 3))
    path = tmp_path / "x.npz"
    for others in ({}, {"x": np.zeros((9, 9))}):
        np.savez(path, numbers=numbers, image=image, **others)
        a, b = prove.samples_for(design, prove.given_samples(path, 4), 4, 0)
        np.testing.assert_array_equal(a, image[:4])
        np.testing.assert_array_equal(b, numbers[:4])

    def refused(text: str, error: type[Exception]) -> None:
        with pytest.raises(error, match=f"^{re.escape(text)}$"):
            prove.samples_for(design, prove.given_samples(path, 4), 4, 0)

    np.savez(path, numbers=numbers, image=image[:3])
    refused(
        "--data: must have as many samples of each input, not 3 of image, 4 of numbers; give as many of each",
        BadInput,
    )
    np.savez(path, numbers=numbers, picture=image)
    refused(f"{path}: the file must hold an array image, not numbers, picture; name it so", BadData)
    path = tmp_path / "x.npy"
    np.save(path, image)
    refused(
        "--data: must be a .npz file with an array for each input of the model (image, numbers), not one array; write "
        "np.savez(path, image=..., numbers=...)",
        BadInput,
    )
    one = SimpleNamespace(graph=SimpleNamespace(inputs=parsed.graph.inputs[:1]), parsed=parsed)
    np.testing.assert_array_equal(prove.samples_for(one, prove.given_samples(path, 2), 2, 0), image[:2])
    np.savez(tmp_path / "two.npz", a=image, b=image)
    with pytest.raises(BadData, match="must hold an array x or X, not a, b; name it so"):
        prove.samples_for(one, prove.given_samples(tmp_path / "two.npz", 2), 2, 0)
