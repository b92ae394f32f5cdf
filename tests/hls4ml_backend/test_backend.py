# SPDX-License-Identifier: Apache-2.0
"""backend="rtl4ml" in hls4ml: a script as hls4ml's users write it, in a process of its own, and what is refused."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hls4ml_nets import chain, config_of, convert, model

import rtl4ml
from rtl4ml.errors import BadInput, BadModel, OverBudget
from rtl4ml.hls4ml_backend import vendor_report
from rtl4ml.hls4ml_backend.backend import Run
from rtl4ml.host import frameworks, progress

SCRIPT = """
import json, sys
import numpy as np
import hls4ml
from tensorflow.keras.layers import Flatten, Input, MaxPooling1D
from tensorflow.keras.models import Model
from tensorflow.keras.utils import set_random_seed
from qkeras import QActivation, QConv1D, QDense, quantized_bits, quantized_relu

set_random_seed(7)
bits = dict(kernel_quantizer=quantized_bits(4, 0, alpha=1), bias_quantizer=quantized_bits(4, 0, alpha=1))
i = Input((16, 1), name="pixel")
x = QActivation(quantized_bits(8, 0, alpha=1), name="quantize")(i)
x = QConv1D(4, 3, name="debiased", **bits)(x)
x = QActivation(quantized_relu(5, 2), name="relu")(x)
x = Flatten()(MaxPooling1D(2)(x))
model = Model(i, QDense(3, name="logits", **bits)(x))

config = hls4ml.utils.config_from_keras_model(model, granularity="name", backend="rtl4ml")
hls_model = hls4ml.converters.convert_from_keras_model(
    model, hls_config=config, output_dir="project", backend="rtl4ml", io_type="io_stream", clock_period=5
)
hls_model.compile()
data = np.random.default_rng(1).uniform(-1, 1, (20, 16, 1)).astype(np.float32)
y = hls_model.predict(data)
one = hls_model.predict(data[:1])
hls_model.compile()
again = hls_model.predict(data)
report = hls_model.build(csim=True, synth=False)
want = model.predict(data, verbose=0)
print("RESULT", json.dumps({
    "y": y.tolist(), "again": again.tolist(), "one": one.tolist(), "want": want.tolist(), "report": report,
}))
"""


def run(script: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"}
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=clean | {"TF_CPP_MIN_LOG_LEVEL": "3"} | env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.gate
def test_an_ordinary_script(tmp_path: Path) -> None:
    done = run(SCRIPT, tmp_path, TF_USE_LEGACY_KERAS="1")
    assert done.returncode == 0, done.stderr
    assert "WARNING: failed to load backend plugin" not in done.stdout
    r = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))[7:])
    assert len({v for row in r["want"] for v in row}) > 3
    assert r["y"] == r["want"] == r["again"]
    assert r["one"] == r["want"][0]  # hls4ml drops the batch axis of a single sample
    report = r["report"]
    for how in ("emulate", "csim", "rtl"):
        assert report["exactness"][how]["samples"] >= 20, how
        assert report["exactness"][how]["mismatches"] == 0, how
    assert report["stalls"]["frames"] == 20
    assert report["exactness"]["rtl"]["samples"] == 20  # those under stalls are no further ones
    assert report["stalls"]["mismatches"] == 0
    assert report["target"]["clock_mhz"] == 200
    assert report["cycles"]["interval"]["rtl"] == report["cycles"]["interval"]["model"]
    assert report["resources"]["yosys"] is None  # synth=False
    assert json.loads((tmp_path / "project/report.json").read_text()).items() <= report.items()
    assert report["CSynthesisReport"]["Source"] == "estimated by rtl4ml's model"
    assert report["CosimReport"]["Status"] == "Pass"
    assert len(report["CSimResults"]) == len(report["CosimResults"]) == 20
    assert (tmp_path / "project/hls/build_prj.tcl").is_file()


def test_the_entry_point_is_installed() -> None:
    (ours,) = [e for e in entry_points(group="hls4ml.backends") if e.name == "rtl4ml"]
    assert ours.value == "rtl4ml.hls4ml_plugin:register"


def test_importing_hls4ml_without_keras_2_stays_light(tmp_path: Path) -> None:
    done = run("import sys, hls4ml; print('tensorflow' in sys.modules, 'keras' in sys.modules)", tmp_path)
    assert done.stdout.split() == ["False", "False"], done.stdout + done.stderr


# -- in this process ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def backend() -> Any:
    frameworks.keras()
    from hls4ml.backends import get_backend

    return get_backend("rtl4ml")


@dataclass(frozen=True, eq=False)
class _Model:
    config: Any


def stand_in(backend: Any, design: Any, config: dict[str, Any]) -> Any:
    """A model whose design is a stand-in."""
    model, run = _Model(SimpleNamespace(config=config)), Run()
    run.conversion = SimpleNamespace(design=design)
    backend._runs[model] = run
    return model


def test_options_reach_convert(backend: Any, tmp_path: Path) -> None:
    h = convert(model(), tmp_path / "p", output="argmax", target_interval=6)
    h.write()
    design = backend.design(h)
    assert design.parsed.output == "argmax"
    assert design.cycles.interval <= 6
    assert design.clock_mhz == 250


def test_vendor_steps_are_refused(backend: Any, tmp_path: Path) -> None:
    h = convert(model(), tmp_path / "p")
    text = r"^vsynth: must be left to Vivado, not asked of backend='rtl4ml'; see boards/zcu102$"
    with pytest.raises(BadInput, match=text):
        h.build(vsynth=True)
    h.build(
        csim=False, cosim=False, synth=False, vsynth=False, reset=True
    )  # hls4ml's other options do no harm


@pytest.mark.parametrize("kind", ["npy", "dat"])
def test_build_takes_the_given_samples(backend: Any, kind: str, tmp_path: Path) -> None:
    x = np.linspace(-1, 1, 15).reshape(5, 3)
    path = tmp_path / f"x.{kind}"
    if kind == "npy":
        np.save(path, x)
    else:
        np.savetxt(path, x)
    h = convert(model(), tmp_path / "p", input_data_tb=str(path))
    report = h.build(csim=False, cosim=False, synth=False)
    assert report["exactness"]["emulate"] == {"samples": 5, "values": 10, "mismatches": 0}
    path.write_bytes(b"nonsense")
    with pytest.raises(BadInput, match=rf"^{path}: must hold samples of shape \(3,\), not fail with "):
        h.build(csim=False, cosim=False, synth=False)


def test_a_model_that_is_not_keras_is_refused(backend: Any) -> None:
    class Config:
        config: dict[str, Any] = {"ProjectName": "other"}  # noqa: RUF012 -- a stand-in, made once

    class Model:
        config = Config()

        def get_layers(self) -> list[Any]:
            return []

    text = r"^other: backend='rtl4ml' must be given a Keras model, not one of PyTorch or ONNX; use convert_"
    with pytest.raises(BadModel, match=text):
        backend._convert(Model())


def test_build_without_samples_is_refused(backend: Any, tmp_path: Path) -> None:
    design = SimpleNamespace(graph=SimpleNamespace(inputs=(SimpleNamespace(shape=(4, 1)),)))
    np.save(tmp_path / "x.npy", np.zeros((0, 4, 1)))
    (tmp_path / "x.dat").touch()
    for data in ("x.npy", "x.dat", None):
        given = None if data is None else str(tmp_path / data)
        model = stand_in(backend, design, {"InputData": given})
        backend._seen[model] = np.zeros((0, 4, 1))
        text = f"{given or 'predict'}: must give samples to compare, not none; give at least one"
        with pytest.raises(BadInput, match=f"^{re.escape(text)}$"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's, of a text without numbers
            backend.build(model)


def test_build_says_now_and_then_how_far_it_is(
    backend: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line a step with its count, on stdout as from hls4ml's own backends; the design is a stand-in here."""
    monkeypatch.setattr(progress, "SECONDS_A_LINE", 0.02)

    def count(n: int) -> Callable[..., None]:
        def run(*_: Any, progress: Any, **__: Any) -> None:
            progress(n // 2, n)
            time.sleep(0.2)
            progress(n, n)

        return run

    design = SimpleNamespace(
        graph=SimpleNamespace(inputs=(SimpleNamespace(shape=(4, 1)),)),
        emulate=lambda x: None,
        csim=count(30),
        simulate=lambda *a, **k: SimpleNamespace(y=count(20)(*a, **k)),
        folder=Path(),
        synthesize=count(1200),
        report=lambda: {"schema": 1},
    )
    monkeypatch.setattr(vendor_report, "write", lambda *_: {"CSynthesisReport": {}})
    model = stand_in(backend, design, {})
    backend._seen[model] = np.zeros((20, 4, 1))
    assert backend.build(model) == {"schema": 1, "CSynthesisReport": {}}
    lines = capsys.readouterr().out.splitlines()
    steps = [
        "emulate 20 samples",
        "C simulation of the HLS project, 20 samples: 30 of 30",
        "RTL simulation, 20 samples: 20 of 20",
        "RTL simulation under random stalls, 20 samples: 20 of 20",
        "synthesis with Yosys: 1,200 of 1,200",
    ]
    done = [line.rsplit(" (", 1)[0] for line in lines if line.startswith("done ")]
    assert done == [f"done {step}" for step in steps]
    told = "C simulation of the HLS project, 20 samples: 15 of 30 (", "RTL simulation, 20 samples: 10 of 20 ("
    for text in (*told, "synthesis with Yosys: 600 of 1,200 ("):
        assert any(line.startswith(text) and line.endswith(" s so far)") for line in lines), text


def test_the_converter_says_that_it_converts(
    backend: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    m = model()
    convert(m, tmp_path / "p")
    said = capsys.readouterr().out
    assert re.search(rf"^done convert {m.name} \(\d+\.\d s\)$", said, re.MULTILINE)
    assert "predict gives" not in said
    keras = frameworks.keras()
    classes = keras.Model(m.input, keras.layers.Softmax()(m.output), name="classes")
    convert(classes, tmp_path / "q")
    line = "classes: predict gives the values before the softmax at its output, which order classes alike\n"
    assert line in capsys.readouterr().out


def test_it_converts_once(backend: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    real = rtl4ml.convert
    monkeypatch.setattr("rtl4ml.design.convert", lambda *a, **k: made.append(a) or real(*a, **k))
    m = model()
    config = config_of(m)
    config["LayerName"]["dense"]["Trace"] = True
    h = convert(m, tmp_path / "p", hls_config=config)
    assert len(made) == 1
    x = np.array([[0.25, -0.5, 0.75]])
    h.write()
    h.compile()
    h.trace(x)
    h.compile()
    assert np.array_equal(h.predict(x), m.predict(x, verbose=0)[0])
    h.build(csim=False, cosim=False, synth=False)
    assert len(made) == 1
    shutil.rmtree(tmp_path / "p")
    h.compile()
    assert len(made) == 2
    assert (tmp_path / "p/rtl/r4_top.sv").is_file()


def test_refusals_come_from_the_converter(backend: Any, tmp_path: Path) -> None:
    keras, q = frameworks.keras(), frameworks.qkeras()
    bits = q.quantized_bits(4, 0, alpha=1)
    i = keras.layers.Input((3,), name="start")
    x = q.QActivation(bits, name="quantize")(i)
    wild = keras.Model(i, q.QDense(2, kernel_quantizer=bits, use_bias=False, name="dense")(x))
    wild.set_weights([np.full((3, 2), np.inf)])
    with pytest.raises(BadModel, match=r"^dense/kernel: weights must be finite numbers, not inf; train or"):
        convert(wild, tmp_path / "p")
    with pytest.raises(
        OverBudget,
        match=r"^\w+: the design must fit .*; or raise ReuseFactor, or give target_interval in its place$",
    ):
        convert(model(), tmp_path / "p", budget={"lut": 1e-5})
    assert not (tmp_path / "p").exists()


# -- trace --------------------------------------------------------------------------------------------------


def traced(tmp_path: Path, **options: Any) -> tuple[Any, Any]:
    """A model of layers of every sort, and hls4ml's of it with tracing on."""
    m = chain(**options)
    config = config_of(m)
    for layer in config["LayerName"].values():
        layer["Trace"] = True
    return m, convert(m, tmp_path / "p", hls_config=config)


def test_trace_gives_every_layers_exact_values(
    backend: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keras = frameworks.keras()
    m, h = traced(tmp_path)
    x = np.random.default_rng(5).uniform(-1, 1, (20, 12, 2)).astype(np.float32)
    y, trace = h.trace(x)
    assert np.array_equal(y, m.predict(x, verbose=0))
    want = {layer.name: keras.Model(m.input, layer.output).predict(x, verbose=0) for layer in m.layers}
    want["conv_quantized_relu"] = want["conv"]
    activation, m.get_layer("conv").activation = m.get_layer("conv").activation, None
    want["conv"] = keras.Model(m.input, m.get_layer("conv")(m.get_layer("quantize").output)).predict(
        x, verbose=0
    )
    m.get_layer("conv").activation = activation
    assert list(trace) == [
        "quantize",
        "conv",
        "conv_quantized_relu",
        "pool",
        "flat",
        "dense",
        "last",
        "logits",
    ]
    for name, values in trace.items():
        assert values.shape == want[name].shape, name
        assert len(np.unique(values)) > 3, name
        np.testing.assert_array_equal(values, want[name], err_msg=name)
    assert capsys.readouterr().out.endswith("trace: the hardware has no values of norm alone\n")
    h.compile()
    one, layers = h.trace(x[0])
    assert np.array_equal(one, y[0])
    assert np.array_equal(layers["pool"], trace["pool"][:1])


def test_hls4mls_profiling_uses_it(backend: Any, tmp_path: Path) -> None:
    import hls4ml

    profiling = pytest.importorskip("hls4ml.model.profiling")
    m = model()
    config = hls4ml.utils.config_from_keras_model(m, granularity="name", backend="rtl4ml")
    config["LayerName"]["dense"]["Trace"] = config["LayerName"]["quantize"]["Trace"] = True
    h = convert(m, tmp_path / "p", hls_config=config)
    x = np.random.default_rng(5).uniform(-1, 1, (8, 3)).astype(np.float32)
    figure = profiling.compare(m, h, x, plot_type="norm_diff")
    assert [bar.get_height() for bar in figure.axes[0].patches] == [0.0, 0.0]
    assert len(profiling.activations_hlsmodel(h, x)) == 2


def test_no_layer_is_traced_unless_asked(backend: Any, tmp_path: Path) -> None:
    h = convert(model(), tmp_path / "p")
    x = np.array([[0.25, -0.5, 0.75]])
    y, trace = h.trace(x)
    assert np.array_equal(y, h.predict(x))
    assert trace == {}


def test_samples_of_any_shape_as_in_hls4ml(backend: Any, tmp_path: Path) -> None:
    m, h = traced(tmp_path)
    for shape in ((4, 12, 2), (4, 24), (12, 2), (24,), (4, 2, 12)):
        x = np.random.default_rng(5).uniform(-1, 1, shape)
        want = m.predict(x.reshape(-1, 12, 2), verbose=0)
        assert np.array_equal(h.predict(x), want if shape[0] == 4 else want[0]), shape
    with pytest.raises(BadInput, match=r"^x: must be a batch \(N, 12, 2\), not \(4, 23\); reshape it$"):
        h.predict(np.zeros((4, 23)))
