# SPDX-License-Identifier: Apache-2.0
"""Hostile and damaged model files: each is refused in one line, and nothing else is read or made."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from h5py import h5d

from rtl4ml.errors import BadModel, EnvironmentProblem, Rtl4mlError, UnsupportedLayer, cause_of
from rtl4ml.frontends.names import MOST_NAME
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.load import load
from rtl4ml.frontends.qkeras.model_archive import MOST_BYTES
from rtl4ml.frontends.qkeras.model_arguments import check_layer
from rtl4ml.frontends.qkeras.quantizers.live import _RANDOM
from rtl4ml.frontends.qkeras.quantizers.read import _REFUSED, read_function
from rtl4ml.frontends.qkeras.quantizers.readers import READERS
from rtl4ml.frontends.qkeras.quantizers.weights import read_weights
from rtl4ml.host import frameworks

K = frameworks.keras()
Q = frameworks.qkeras()
L = K.layers
WEIGHTS = "model.weights.h5"


def bits(b: int = 4) -> Any:
    return Q.quantized_bits(b, 0, alpha=1)


def network() -> Any:
    """Two branches, a layer that is called twice, a model within: every form of a graph in a file."""
    entry = K.Input((4, 2), name="entry")
    x = Q.QActivation("quantized_bits(8,0,alpha=1)", name="q")(entry)
    shared = Q.QConv1D(2, 1, kernel_quantizer=bits(), bias_quantizer=bits(), name="shared")
    inner = K.Sequential([K.Input((4, 2)), Q.QActivation("quantized_relu(4,1)")], name="inner")
    a = inner(shared(inner(shared(x))))
    y = L.Add(name="sum")([a, Q.QActivation("quantized_bits(4,1,alpha=1)", name="side")(x)])
    return K.Model(
        entry, Q.QDense(3, kernel_quantizer=bits(), name="last")(L.Flatten(name="flat")(y)), name="net"
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("saved")
    model = network()
    model.compile("adam", "mse")
    for suffix in (".keras", ".h5"):
        model.save(folder / f"m{suffix}")
    return {p.suffix: p.read_bytes() for p in folder.iterdir()}


@pytest.fixture
def keras(saved: dict[str, bytes], tmp_path: Path) -> Path:
    path = tmp_path / "m.keras"
    path.write_bytes(saved[".keras"])
    return path


@pytest.fixture
def h5(saved: dict[str, bytes], tmp_path: Path) -> Path:
    path = tmp_path / "m.h5"
    path.write_bytes(saved[".h5"])
    return path


def rewrite(path: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    with zipfile.ZipFile(path) as z:
        members = {n: z.read(n) for n in z.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for name, content in members.items():
            z.writestr(name, content)


def edit(path: Path, change: Callable[[dict[str, Any], dict[str, dict[str, Any]]], None]) -> None:
    """Changes the configuration of a file: of the whole, and the layers' entries by name."""

    def changed(text: str | bytes) -> str:
        config = json.loads(text)
        change(config, {e["name"]: e for e in config["config"]["layers"]})
        return json.dumps(config)

    if path.suffix == ".h5":
        with h5py.File(path, "r+") as f:
            f.attrs["model_config"] = changed(f.attrs["model_config"])
    else:
        rewrite(path, lambda m: m.update({"config.json": changed(m["config.json"]).encode()}))


def refused(path: Path, text: str, kind: type[Rtl4mlError] = BadModel) -> None:
    with pytest.raises(kind, match=f"^{re.escape(str(path))}: {text}$") as caught:
        load(path)
    error = caught.value
    assert "\n" not in str(error) and len(str(error)) < 700
    assert error.__suppress_context__ or error.__context__ is None


# -- what Keras writes is read ------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_every_form_of_a_graph_is_read(suffix: str, saved: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / f"m{suffix}"
    path.write_bytes(saved[suffix])
    x = np.random.default_rng(0).uniform(-1, 1, (20, 4, 2)).astype(np.float32)
    model = load(path)
    assert [layer.name for layer in model.layers] == [layer.name for layer in network().layers]
    assert model(x).shape == (20, 3)


def test_the_students_are_read() -> None:
    found = sorted(Path(__file__).parents[2].glob("models/*.keras"))
    assert found
    for path in found:
        load(path)


# -- the graph ----------------------------------------------------------------------------------------------


def node(name: str, call: int = 0) -> list[Any]:
    return [[name, call, 0, {}]]


GRAPHS: dict[str, tuple[Callable[[dict[str, Any], dict[str, dict[str, Any]]], Any], str]] = {
    "circle": (
        lambda _, e: e["q"].update(inbound_nodes=[node("side")]),
        r"q: its inputs must come from the model's input, not in a circle from side; connect the layers in an order",
    ),
    "itself": (
        lambda _, e: e["flat"].update(inbound_nodes=[node("flat")]),
        "flat: its inputs must come from the model's input, not in a circle from flat; connect the layers in an order",
    ),
    "a later call of itself": (
        lambda _, e: e["shared"]["inbound_nodes"].reverse(),
        r"shared: its inputs must come from the model's input, not in a circle from \w+; "
        "connect the layers in an order",
    ),
    "no input": (
        lambda _, e: e["side"].update(inbound_nodes=[]),
        "side: must have an input, not inbound_nodes without one; connect the layer",
    ),
    "a call without input": (
        lambda _, e: e["side"].update(inbound_nodes=[[]]),
        "side: must have an input, not inbound_nodes without one; connect the layer",
    ),
    "no list": (
        lambda _, e: e["side"].update(inbound_nodes=None),
        "side: inbound_nodes must be a list, not None; save the model again",
    ),
    "a layer that is not there": (
        lambda _, e: e["flat"].update(inbound_nodes=[node("gone")]),
        "flat: its input must be a layer of the model, not gone; connect the layer",
    ),
    "a call that is not there": (
        lambda _, e: e["flat"].update(inbound_nodes=[node("shared", 7)]),
        "flat: its input must be one of the 2 calls of shared, not number 7; connect the layer",
    ),
    "a call below zero": (
        lambda _, e: e["flat"].update(inbound_nodes=[node("shared", -1)]),
        "flat: its input must be one of the 2 calls of shared, not number -1; connect the layer",
    ),
    "a circle in an argument": (
        lambda _, e: e["side"].update(inbound_nodes=[[["q", 0, 0, {"mask": ["last", 0, 0]}]], ]),
        "side: its inputs must come from the model's input, not in a circle from last; connect the layers in an order",
    ),
    "an input with an input": (
        lambda _, e: e["entry"].update(inbound_nodes=[node("q")]),
        "entry: an InputLayer must have no inputs, not 1; correct the model",
    ),
    "an output that is not there": (
        lambda c, _: c["config"].update(output_layers=[["gone", 0, 0]]),
        "net: output_layers: its input must be a layer of the model, not gone; connect the layer",
    ),
    "no output": (
        lambda c, _: c["config"].update(output_layers=[]),
        "net: output_layers must name at least one layer, not none; save the model again",
    ),
    "one name twice": (
        lambda c, e: c["config"]["layers"].append(e["flat"]),
        "flat: must be the name of one layer, not of two; give each a name of its own",
    ),
    "no layers": (
        lambda c, _: c["config"].update(layers=[]),
        "net: must have at least one layer, not none; add layers",
    ),
    "no layers within": (
        lambda _, e: e["inner"]["config"].update(layers=[]),
        "inner: must have at least one layer, not none; add layers",
    ),
    "too many": (
        lambda c, e: c["config"].update(layers=[e["flat"]] * 5000),
        "net: must have at most 4,096 layers, not 5,000; take a smaller model",
    ),
    "no name": (
        lambda _, e: e["flat"].update(name=5),
        "net: every layer must have a name and a configuration, not 5; save the model again",
    ),
}  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("case", GRAPHS)
def test_a_graph_that_cannot_be_built(
    case: str, suffix: str, saved: dict[str, bytes], tmp_path: Path
) -> None:
    change, text = GRAPHS[case]
    path = tmp_path / f"m{suffix}"
    path.write_bytes(saved[suffix])
    edit(path, change)
    refused(path, text)


# -- sizes --------------------------------------------------------------------------------------------------


def configured(name: str, **values: Any) -> Callable[[Any, dict[str, dict[str, Any]]], None]:
    return lambda _, e: e[name]["config"].update(values)


SIZES: dict[str, tuple[Callable[..., None], str]] = {
    "units": (
        configured("last", units=10**9),
        "last: units must be at most 1,048,576, not 1000000000; take a smaller layer",
    ),
    "digits": (
        configured("last", units=10**30),
        f"last: units must be at most 1,048,576, not {10**30}; take a smaller layer",
    ),
    "kernel": (
        configured("shared", kernel_size=[10**9]),
        "shared: kernel_size must be at most 4,096, not 1000000000; take a smaller layer",
    ),
    "frame": (
        lambda _, e: e["inner"]["config"]["layers"][0]["config"].update(batch_input_shape=[None, 2**40, 2]),
        r"input_\d+: batch_input_shape must be at most 16,777,216, not 1099511627776; take a smaller layer",
    ),
    "infinite": (
        configured("last", units=float("inf")),
        "last: units must be a finite number, not inf; correct the model",
    ),
    "nan": (
        configured("last", momentum=float("nan")),
        "last: momentum must be a finite number, not nan; correct the model",
    ),
    "more weights than the file": (
        configured("last", units=2**20),
        "last: must have no more weights than the file, which holds 94, not ask for 8,388,614; save the model again",
    ),
}  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("case", SIZES)
def test_a_size_without_bound(case: str, suffix: str, saved: dict[str, bytes], tmp_path: Path) -> None:
    change, text = SIZES[case]
    path = tmp_path / f"m{suffix}"
    path.write_bytes(saved[suffix])
    edit(path, change)
    refused(path, text.replace("holds 94", r"holds [\d,]+"))


ARGUMENTS: list[tuple[str, str, Any, str]] = [
    ("last", "units", 2.5, r"a whole number from 1 up, not 2\.5"),
    ("last", "units", "8", "a whole number from 1 up, not '8'"),
    ("last", "units", 0, "a whole number from 1 up, not 0"),
    ("last", "units", None, "a whole number from 1 up, not None"),
    ("last", "units", True, "a whole number from 1 up, not True"),
    ("last", "use_bias", "no", "true or false, not 'no'"),
    ("shared", "filters", "8", "a whole number from 1 up, not '8'"),
    ("shared", "filters", [2], r"a whole number from 1 up, not \[2\]"),
    ("shared", "groups", -1, "a whole number from 1 up, not -1"),
    ("shared", "strides", {"a": 1}, r"a whole number from 1 up or a list of 1 of them, not \{'a': 1\}"),
    ("shared", "kernel_size", [1, 1], r"a whole number from 1 up or a list of 1 of them, not \[1, 1\]"),
    ("shared", "dilation_rate", [[1]], r"a whole number from 1 up or a list of 1 of them, not \[\[1\]\]"),
    ("shared", "padding", {"a": 1}, r"a text, not \{'a': 1\}"),
    ("entry", "batch_input_shape", [None, "4", 2],
     r"a list of whole numbers from 1 up, the first of them perhaps None, not \[None, '4', 2\]"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "key", "value", "rule"), ARGUMENTS, ids=[f"{a[0]}-{a[1]}={a[2]}" for a in ARGUMENTS]
)
def test_an_argument_of_a_layer(layer: str, key: str, value: Any, rule: str, keras: Path) -> None:
    edit(keras, configured(layer, **{key: value}))
    refused(keras, f"{layer}: {key} must be {rule}; correct the model")


@pytest.mark.parametrize(
    ("layer", "key"), [("last", "units"), ("shared", "filters"), ("shared", "kernel_size")]
)
def test_an_argument_that_lacks(layer: str, key: str, keras: Path) -> None:
    edit(keras, lambda _, e: e[layer]["config"].pop(key))
    kind = "QDense" if layer == "last" else "QConv1D"
    refused(keras, f"{layer}: {kind} must have {key}, not lack it; save the model again with Keras")


@pytest.mark.parametrize(
    ("kind", "key", "good", "bad"),
    [
        ("MaxPooling1D", "pool_size", (2, [2]), (0, [2, 2], "2", None)),
        ("AveragePooling2D", "strides", (2, [2, 1], None), (0, [2], 1.0)),
        ("ZeroPadding1D", "padding", (0, [1, 2]), (-1, [[1, 2]], "same", [1])),
        ("ZeroPadding2D", "padding", (1, [1, 2], [[1, 2], [0, 3]]), ([[1, 2], [0]], [1, 2, 3], None)),
        ("Cropping2D", "cropping", (1, [[1, 2], [0, 3]]), ({"a": 1}, [[1, 2], [0, -3]])),
        ("UpSampling2D", "size", (2, [2, 4]), (0, [2], [2, None])),
        ("QConv2DTranspose", "output_padding", (None, 0, [1, 0]), (-1, "1", [1])),
        ("QDepthwiseConv2D", "filters", (None, 3), ("3", 0)),
        ("QSeparableConv1D", "depth_multiplier", (1,), (None, 1.5)),
        ("Reshape", "target_shape", ([4, -1], {"class_name": "__tuple__", "items": [8]}), (4, [0], [-1, -1])),
        ("BatchNormalization", "axis", (-1, [2]), ("last", 1.0, [None])),
        ("Concatenate", "axis", (-1, 3), ({}, None)),
        ("BatchNormalization", "epsilon", (0.001, 1), ("small", [0.1], True)),
        ("ReLU", "max_value", (None, 6.0), ("6", {})),
        ("MaxPooling2D", "padding", ("same",), (0, None)),
        ("UpSampling2D", "interpolation", ("nearest",), (2, [])),
        ("GlobalAveragePooling2D", "keepdims", (True,), (1, "yes")),
        ("InputLayer", "batch_shape", ([None, 4, None], [1, 4]), ([0, 4], 4, [])),
    ],
)
def test_arguments_by_kind_of_layer(kind: str, key: str, good: tuple[Any, ...], bad: tuple[Any, ...]) -> None:
    needed = {"filters": 1, "kernel_size": 1, "target_shape": [1]}
    for value in good:
        check_layer("f", "a", kind, {**needed, key: value})
    for value in bad:
        with pytest.raises(
            BadModel, match=f"^f: a: {key} must be .*, not {re.escape(repr(value))}; correct the model$"
        ):
            check_layer("f", "a", kind, {**needed, key: value})


def _one() -> list[Any]:
    three = {"depthwise_quantizer": bits(), "pointwise_quantizer": bits(), "bias_quantizer": bits()}
    return [
        L.ZeroPadding1D(2), L.ZeroPadding1D((1, 2)),
        Q.QConv1D(4, 3, dilation_rate=2, padding="causal", kernel_quantizer=bits()),
        L.MaxPooling1D(2), L.AveragePooling1D(2, strides=1, padding="same"), Q.QSeparableConv1D(4, 3, **three),
        L.BatchNormalization(), L.ReLU(6.0), L.ReLU(negative_slope=0.25, threshold=1),
        L.UpSampling1D(2), L.Cropping1D(1), L.Cropping1D((1, 0)), L.LeakyReLU(0.25),
        L.Reshape((-1, 2)), L.Reshape([-1]), L.Reshape((4, -1)), L.GlobalAveragePooling1D(keepdims=True), L.Flatten(),
        Q.QDense(3, kernel_quantizer=bits()), L.Softmax(),
    ]  # fmt: skip


def _two() -> list[Any]:
    own = {"kernel_quantizer": bits(), "bias_quantizer": bits()}
    each = {"depthwise_quantizer": bits(), "bias_quantizer": bits()}
    return [
        L.ZeroPadding2D(2), L.ZeroPadding2D((1, 2)), L.ZeroPadding2D(((1, 2), (0, 1))),
        Q.QConv2D(4, (3, 2), strides=(2, 1), **own), Q.QDepthwiseConv2D(3, **each), Q.QConv2DBatchnorm(4, 2, **own),
        Q.QDepthwiseConv2DBatchnorm(2, **each), Q.QConv2DTranspose(4, 2, strides=2, **own),
        Q.QConv2DTranspose(4, 2, strides=2, output_padding=1, **own), Q.QBatchNormalization(), L.MaxPooling2D(2),
        L.AveragePooling2D((2, 1), strides=(1, 1)), L.UpSampling2D((2, 1)), L.UpSampling2D(2, interpolation="bilinear"),
        L.Cropping2D(1), L.Cropping2D((1, 0)), L.Cropping2D(((1, 0), (0, 1))), L.GlobalMaxPooling2D(),
    ]  # fmt: skip


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(("shape", "layers"), [((32, 2), _one), ((32, 32, 2), _two)])
def test_arguments_as_keras_writes_them_are_read(
    shape: tuple[int, ...], layers: Callable[[], list[Any]], suffix: str, tmp_path: Path
) -> None:
    model = K.Sequential([K.Input(shape), *layers()])
    model.save(tmp_path / f"m{suffix}")
    read = load(tmp_path / f"m{suffix}")
    assert [type(a) for a in read.layers] == [type(a) for a in model.layers]
    assert read.output_shape == model.output_shape


# -- a file that others change ------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["exchanged", "overwritten", "removed"])
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_file_that_changes_after_its_check_is_read_as_it_was_checked(
    suffix: str, way: str, saved: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, evil = tmp_path / f"m{suffix}", tmp_path / f"evil{suffix}"
    path.write_bytes(saved[suffix])
    evil.write_bytes(saved[suffix])
    edit(evil, lambda c, _: c["config"].update(name="evil"))
    genuine, places = K.models.load_model, []

    def slow(where: str, **options: Any) -> Any:
        places.append(Path(where))
        assert Path(where).parent.stat().st_mode & 0o777 == 0o700
        if way == "exchanged":
            evil.replace(path)
        elif way == "overwritten":
            path.write_bytes(evil.read_bytes())
        else:
            path.unlink()
        return genuine(where, **options)

    monkeypatch.setattr(K.models, "load_model", slow)
    model = load(path)
    assert model.name == "net"
    assert places and not places[0].parent.exists()


def test_a_file_that_grows_while_it_is_copied(keras: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtl4ml.frontends.qkeras.model_file._ARCHIVE", 0)
    monkeypatch.setattr("rtl4ml.frontends.qkeras.model_file.MOST_BYTES", {WEIGHTS: keras.stat().st_size})
    fstat, asked = os.fstat, []

    def then(descriptor: int) -> os.stat_result:
        found = fstat(descriptor)
        if found.st_ino == keras.stat().st_ino:
            asked.append(found.st_size)
            if len(asked) == 2:  # its kind and its size have been looked at
                with keras.open("ab") as file:
                    file.write(bytes(9))
        return found

    monkeypatch.setattr(os, "fstat", then)
    text = (
        rf"must have at most {keras.stat().st_size:,} bytes, not {{}}; save the model without its optimizer"
    )
    refused(keras, text.format("more"))
    refused(keras, text.format(f"{keras.stat().st_size:,}"))


@pytest.mark.timeout(20)
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "m.keras")
    monkeypatch.setattr(Path, "is_file", lambda _: True)  # as it was a moment ago
    refused(tmp_path / "m.keras", "must be a file that can be read, not 'a folder or device'; check the file")


def test_no_place_for_the_copy(keras: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    text = (
        f"{tmp_path / 'none'}: must be a folder that can be written, not 'no such file or directory'; "
        "choose another folder"
    )
    with pytest.raises(EnvironmentProblem, match=f"^{re.escape(text)}$"):
        load(keras)

    def nowhere() -> str:
        raise FileNotFoundError

    monkeypatch.setattr("tempfile.gettempdir", nowhere)
    text = "temporary folder: there must be one that can be written, not none; set TMPDIR to a folder"
    with pytest.raises(EnvironmentProblem, match=f"^{re.escape(text)}$"):
        load(keras)


BITS: list[tuple[str, Any, str]] = [
    ("bits", -4, "a whole number from 1 to 64, not -4"),
    ("bits", 10**30, f"a whole number from 1 to 64, not {10**30}"),
    ("bits", 2e9, r"a whole number from 1 to 64, not 2000000000\.0"),
    ("bits", 4.5, r"a whole number from 1 to 64, not 4\.5"),
    ("bits", "4", "a whole number from 1 to 64, not '4'"),
    ("bits", True, "a whole number from 1 to 64, not True"),
    ("bits", None, "a whole number from 1 to 64, not None"),
    ("bits", [4], r"a whole number from 1 to 64, not (ListWrapper\()?\[4\]\)?"),
    ("integer", 2**31, "a whole number from -64 to 64, not 2147483648"),
    ("symmetric", 2, "True or False, not 2"),
    ("symmetric", "no", "True or False, not 'no'"),
    ("keep_negative", None, "True or False, not None"),
    ("alpha", 0, r"a number from 5\.42101e-20 to 1\.84467e\+19 or 'auto' or 'auto_po2' or None, not 0"),
    (
        "alpha",
        "none",
        r"a number from 5\.42101e-20 to 1\.84467e\+19 or 'auto' or 'auto_po2' or None, not 'none'",
    ),
    ("qnoise_factor", 3, "a number from 0 to 1, not 3"),
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("key", "value", "rule"), BITS, ids=[f"{k}={v}" for k, v, _ in BITS])
def test_an_argument_of_a_quantizer(key: str, value: Any, rule: str, keras: Path) -> None:
    """In a file, and of a live object, for weights and for activations."""
    edit(keras, lambda _, e: e["last"]["config"]["kernel_quantizer"]["config"].update({key: value}))
    text = f"{key} of quantized_bits must be {rule}; correct the quantizer"
    refused(keras, f"last: {text}", UnsupportedLayer)
    q = bits()
    setattr(q, key, value)
    with pytest.raises(UnsupportedLayer, match=f"^c: {text}$"):
        read_function("c", q)
    with pytest.raises(UnsupportedLayer, match=f"^c: {text}$"):
        read_weights("c", "weights", q, np.ones((2, 2)), 2)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("quantized_relu", "negative_slope", -1), ("quantized_relu", "negative_slope", float("nan")),
        ("quantized_relu", "relu_upper_bound", float("inf")), ("quantized_relu", "use_sigmoid", "yes"),
        ("quantized_po2", "max_value", float("nan")), ("quantized_po2", "log2_rounding", "up"),
        ("quantized_relu_po2", "bits", 2e9), ("ternary", "threshold", float("inf")), ("binary", "use_01", 7),
        ("quantized_tanh", "bits", 0), ("quantized_sigmoid", "use_real_sigmoid", "x"),
        ("quantized_hswish", "relu_shift", -3), ("quantized_hswish", "relu_upper_bound", 2e30),
    ],
)  # fmt: skip
def test_arguments_of_other_quantizers(name: str, key: str, value: Any) -> None:
    q = getattr(Q, name)()
    setattr(q, key, value)
    with pytest.raises(
        UnsupportedLayer, match=f"^c: {key} of {name} must be .*, not .*; correct the quantizer$"
    ):
        read_function("c", q)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("quantized_bits(1e400)", r"bits of quantized_bits must be a whole number from 1 to 64, not inf"),
        (
            "quantized_bits(8,-999)",
            "integer of quantized_bits must be a whole number from -64 to 64, not -999",
        ),
        (
            f"quantized_bits({10**30},0,alpha=1)",
            f"bits of quantized_bits must be a whole number from 1 to 64, not {10**30}",
        ),
        (
            "quantized_relu(4,1,negative_slope=nan)",
            ".*negative_slope of quantized_relu must be .*, not 'nan'",
        ),
        ("quantized_relu(bits='a')", "bits of quantized_relu must be .*, not 'a'"),
        ("quantized_bits(8,0,0,alpha=x.y)", "the text of a quantizer must be .*"),
        ("quantized_bits(8,0,gamma=1)", "the text of a quantizer must be .*"),
        ("ternary(threshold=-1)", "threshold of ternary must be .*, not -1"),
    ],
)
def test_an_argument_in_a_text(text: str, message: str, keras: Path) -> None:
    edit(keras, lambda _, e: e["side"]["config"].update(activation=text))
    refused(keras, f"side: {message}(; correct .*)?", UnsupportedLayer)


def test_an_argument_that_qkeras_has_not(keras: Path) -> None:
    edit(keras, lambda _, e: e["last"]["config"]["kernel_quantizer"]["config"].update(gamma=1))
    refused(
        keras,
        "last: the arguments of quantized_bits must be those of the pinned QKeras, not gamma; leave it out",
        UnsupportedLayer,
    )


def test_every_quantizer_of_the_pinned_qkeras_is_known() -> None:
    import_module("rtl4ml.steps")  # makes step_activation known to QKeras
    base = Q.quantizers.BaseQuantizer
    found = {
        n
        for n, c in vars(Q.quantizers).items()
        if isinstance(c, type) and issubclass(c, base) and c is not base
    }
    assert found == (set(READERS) | _RANDOM | _REFUSED)
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert all(f"{name}" in readme for name in READERS)
    named = set(re.findall(r"\b(?:quantized|stochastic)_\w+\b", readme))
    assert named <= found


# -- weights ------------------------------------------------------------------------------------------------


def kernel(path: Path, make: Callable[[Any, str], None]) -> str:
    """Takes the last layer's kernel out of the weights and lets `make` put something else there; its name."""

    def change(file: Any, name: str) -> None:
        del file[name]
        make(file, name)

    if path.suffix == ".h5":
        name = "model_weights/last/last/kernel:0"
        with h5py.File(path, "r+") as f:
            change(f, name)
        return name
    name = "layers/q_dense/vars/0"
    scratch = path.with_suffix(".scratch")

    def within(members: dict[str, bytes]) -> None:
        scratch.write_bytes(members[WEIGHTS])
        with h5py.File(scratch, "r+") as f:
            change(f, name)
        members[WEIGHTS] = scratch.read_bytes()

    rewrite(path, within)
    return name


X = np.ones((8, 3), "f4")


def virtual(f: Any, n: str) -> None:
    layout = h5py.VirtualLayout((8, 3), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (8, 3))
    f.create_virtual_dataset(n, layout)


def unwritten(f: Any, n: str) -> None:
    """A claim of terabytes for which the file holds nothing."""
    f.create_dataset(n, (2**22, 2**18), "f4")


def reference(f: Any, n: str) -> None:
    f[n] = X
    f[n].attrs["r"] = f.ref


def external(f: Any, n: str) -> None:
    f.create_dataset(n, (8, 3), "f4", external=[("/etc/passwd", 0, 96)])


def twice(f: Any, n: str) -> None:
    f[n] = X
    f[f"{n} again"] = f[n]


def ring(f: Any, n: str) -> None:
    f[n] = X
    f[f"{n.rpartition('/')[0]}/ring"] = f["/"]


STORED: dict[str, tuple[Callable[[Any, str], None], str]] = {
    "external storage": (external, r"NAME must hold its numbers itself, not in another file \(external storage\)"),
    "external link": (
        lambda f, n: f.__setitem__(n, h5py.ExternalLink("/etc/passwd", "/x")),
        "NAME must be in the file itself, not an external link",
    ),
    "soft link": (
        lambda f, n: f.__setitem__(n, h5py.SoftLink("/vars")),
        "NAME must be in the file itself, not a soft link",
    ),
    "two names": (twice, "NAME( again)? must be an object of its own, not a second name of another"),
    "ring": (ring, r"[\w/:]+/ring must be an object of its own, not a second name of another"),
    "virtual": (virtual, r"NAME must hold its numbers itself, not as a view of other datasets \(virtual\)"),
    "chunks": (
        lambda f, n: f.create_dataset(n, data=X, chunks=True),
        "NAME must hold its numbers itself, not in chunks or compressed",
    ),
    "compressed": (
        lambda f, n: f.create_dataset(n, data=X, compression="gzip"),
        "NAME must hold its numbers itself, not in chunks or compressed",
    ),
    "claim": (unwritten, "NAME must hold its numbers itself, not 0 bytes for 4,398,046,511,104"),
    "reference": (reference, "the attribute r of NAME must be a text or numbers, not object"),
    "named type": (lambda f, n: f.__setitem__(n, np.dtype("f4")), "NAME must be a group or a dataset, not Datatype"),
    "empty": (lambda f, n: f.__setitem__(n, h5py.Empty("f4")), "NAME must hold float32 numbers, not float32"),
} | {
    dtype: (
        lambda f, n, t=dtype: f.__setitem__(n, X.astype(t)),
        f"NAME must hold float32 numbers, not {re.escape(str(np.dtype(dtype)))}",
    )
    for dtype in ("complex64", "float16", "float64", ">f4", "int8", "int32", "bool", "f4,f4", "S4")
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("case", STORED)
def test_weights_that_keras_does_not_write(
    case: str, suffix: str, saved: dict[str, bytes], tmp_path: Path
) -> None:
    make, text = STORED[case]
    path = tmp_path / f"m{suffix}"
    path.write_bytes(saved[suffix])
    name = kernel(path, make)
    refused(
        path,
        f"{text.replace('NAME', re.escape(name))}; save the model (with Keras|under the dtype policy float32)",
    )


def test_bfloat16_and_other_types_that_numpy_has_not(h5: Path) -> None:
    def bfloat16(f: Any, n: str) -> None:
        t = h5py.h5t.IEEE_F32LE.copy()
        t.set_fields(15, 7, 8, 0, 7)
        t.set_size(2)
        t.set_ebias(127)
        h5d.create(
            f[n.rpartition("/")[0]].id, n.rpartition("/")[2].encode(), t, h5py.h5s.create_simple((8, 3))
        )

    name = kernel(h5, bfloat16)
    refused(
        h5, f"{re.escape(name)} must hold (float32 numbers|its numbers itself), not .*; save the model .*"
    )


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_weights_that_are_no_numbers(bad: float, keras: Path) -> None:
    kernel(keras, lambda f, n: f.__setitem__(n, np.full((8, 3), bad, "f4")))
    with pytest.raises(
        BadModel, match=f"weights must be finite numbers, not {bad}; train or load the model again$"
    ):
        parse(keras)


# -- the archive --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["assets/a.txt", "../../evil", "/etc/evil", "model.weights.npz", "CONFIG.JSON"]
)
def test_a_foreign_member(name: str, keras: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused, and unpacked nowhere: Keras would unpack all of them into the temporary folder."""
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    rewrite(keras, lambda m: m.update({name: bytes(2**20)}))
    refused(
        keras,
        f"must hold nothing but config.json, metadata.json, model.weights.h5, not {re.escape(name)}, one beside them; "
        "save the model again",
    )
    assert list(scratch.iterdir()) == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_twice(keras: Path) -> None:
    with zipfile.ZipFile(keras, "a") as z:
        z.writestr("config.json", "{}")
    refused(
        keras,
        "must hold nothing but config.json, metadata.json, model.weights.h5, not config.json, a second one; "
        "save the model again",
    )


@pytest.mark.parametrize("name", MOST_BYTES)
def test_a_member_without_bound(name: str, keras: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MOST_BYTES, WEIGHTS, 2**20)
    most = MOST_BYTES[name]
    rewrite(keras, lambda m: m.update({name: bytes(most + 1)}))
    text = f"{name} must have at most {most:,} bytes, not {most + 1:,}; save the model again"
    refused(keras, text)
    # the same, of a member that declares less than it holds
    content = keras.read_bytes()
    declared = (most + 1).to_bytes(4, "little")
    assert declared in content
    keras.write_bytes(content.replace(declared, (100).to_bytes(4, "little")))
    with pytest.raises(BadModel, match=f"^{re.escape(str(keras))}: must "):
        load(keras)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("[]", "ValueError: list for a dictionary"),
        ("{", "JSONDecodeError: Expecting property name .*"),
        ("[" * 10**5, "RecursionError: .*"),
        (f'{{"a": {"9" * 5000}}}', "ValueError: Exceeds the limit .*"),
    ],
)
@pytest.mark.parametrize("member", ["config.json", "metadata.json"])
def test_json_that_is_none(content: str, text: str, member: str, keras: Path) -> None:
    if member == "metadata.json" and len(content) > MOST_BYTES[member]:
        text = r"metadata.json must have at most 65,536 bytes, not 100,000; save the model again"
    else:
        text = f"{member} must be the JSON of a model, not fail with {text}; save the model again"
    rewrite(keras, lambda m: m.update({member: content.encode()}))
    refused(keras, text)


# -- dtype policies -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64"])
@pytest.mark.parametrize("where", ["layer", "within", "input"])
def test_a_dtype_policy(policy: str, where: str, tmp_path: Path) -> None:
    """Given live and from both files: refused by the name of the layer and of the policy."""
    inner = [
        Q.QActivation("quantized_relu(4,1)", name="act", dtype=policy if where == "within" else "float32")
    ]
    dtype = policy.removeprefix("mixed_") if where == "input" else None
    model = K.Sequential(
        [
            K.Input((4, 2), name="entry", dtype=dtype),
            Q.QActivation("quantized_bits(8,0,alpha=1)", name="q"),
            L.MaxPooling1D(2, name="pool", dtype=policy if where == "layer" else "float32"),
            K.Sequential([K.Input((2, 2)), *inner], name="inner"),
        ],
        name="net",
    )
    name = {"layer": "pool", "within": "act", "input": "entry"}[where]
    shown = dtype or policy
    text = (
        f"{name}: the dtype policy must be float32, not {shown}; build the model under "
        "keras.mixed_precision.set_global_policy('float32')"
    )
    for suffix in (".keras", ".h5"):
        model.save(tmp_path / f"m{suffix}")
    for given in (model, tmp_path / "m.keras", tmp_path / "m.h5"):
        with pytest.raises(BadModel, match=f"^{re.escape(text)}$"):
            parse(given)


# -- names and sizes of live models -------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["layer", "model"])
def test_a_long_name_is_refused_by_that_name(where: str) -> None:
    name = "a" * 5000
    layer, net = (name, "net") if where == "layer" else ("q", name)
    model = K.Sequential([K.Input((4,)), Q.QActivation("quantized_bits(8,0,alpha=1)", name=layer)], name=net)
    text = f"{'a' * 40}…: a name must have at most {MOST_NAME} characters, not 5,000; give a shorter one"
    with pytest.raises(BadModel, match=f"^{re.escape(text)}$"):
        parse(model)


def test_an_open_dimension_is_refused_by_its_layer(tmp_path: Path) -> None:
    model = K.Sequential(
        [K.Input((None, 2), name="entry"), Q.QActivation("quantized_bits(8,0,alpha=1)")], name="net"
    )
    model.save(tmp_path / "m.keras")
    text = (
        "entry: the input shape must be static, not (None, None, 2); give every dimension in its Input layer"
    )
    for given in (model, tmp_path / "m.keras"):
        with pytest.raises(BadModel, match=f"^{re.escape(text)}$"):
            parse(given)


def test_a_model_without_layers(tmp_path: Path) -> None:
    K.Sequential(name="net").save(tmp_path / "m.keras")
    refused(tmp_path / "m.keras", "net: must have at least one layer, not none; add layers")


@pytest.mark.timeout(60)
def test_a_frame_without_bound() -> None:
    layers = [Q.QActivation("quantized_bits(8,0,alpha=1)"), L.UpSampling2D(2**10, name="up")]
    with pytest.raises(
        BadModel, match=r"^up: a frame must have at most 268,435,456 values, not \(32768, .*\); take "
    ):
        parse(K.Sequential([K.Input((32, 32, 1)), *layers]))


# -- what Keras says ----------------------------------------------------------------------------------------


def test_what_keras_says_is_summarised(keras: Path) -> None:
    edit(keras, configured("shared", padding="diagonal"))
    with pytest.raises(BadModel) as caught:
        load(keras)
    text = str(caught.value)
    assert text.startswith(f"{keras}: ") and "diagonal" in text and len(text) < len(str(keras)) + 320
    assert "site-packages" not in text and "kernel_initializer" not in text and 'File "' not in text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (AssertionError(), "AssertionError"),
        (ValueError("one"), "ValueError: one"),
        (
            ValueError(
                'Exception encountered when calling layer "c" (type QConv1D).\n\nin user code:\n\n'
                '    File "/env/lib/python3.11/site-packages/qkeras/q.py", line 3, in call  *\n        x = f(x)\n\n'
                "    ValueError: shapes differ\n\n\nCall arguments received by layer 'c' (type QConv1D):\n  • x=tf."
            ),
            "ValueError: shapes differ",
        ),
        (
            TypeError(
                "Error when deserializing class 'QDense' using config={'name': 'a', 'units': 3, 'long': 'x'}.\n\n"
                "Exception encountered: bad {'units': 3, 'activation': 'linear', 'use_bias': True} in /env/lib/q.py"
            ),
            "TypeError: bad {…} in q.py",
        ),
        (OSError("x" * 999), "OSError: " + "x" * 66 + "…" + "x" * 33),
        (RuntimeError("\x1b[2J"), r"RuntimeError: \x1b[2J"),
    ],
)
def test_the_cause_of_a_foreign_error(error: Exception, text: str) -> None:
    assert cause_of(error) == text
