# SPDX-License-Identifier: Apache-2.0
"""A saved design: what `load` makes of a folder equals what `convert` made of the model, without TensorFlow."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from contract import assert_saved, randomize, samples
from designs import DESIGNS
from keras_layers import Q, act, linear, sequential
from skip_nets import model as skip_net

import rtl4ml
from rtl4ml.errors import BadInput, BadModel, Rtl4mlError, StaleProject
from rtl4ml.saved import files
from rtl4ml.timing.cycles import predict

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"
SCHEMA = json.loads((ROOT / "src/rtl4ml/templates/report.schema.json").read_text())
OF_THE_RUN = ("seconds", "reference")


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> rtl4ml.Design:
    model = sequential((6, 1), [Q.QConv1D(2, 3, **linear()), act()], np.random.default_rng(1))
    return rtl4ml.convert(model, out=tmp_path_factory.mktemp("saved") / "p")


@pytest.fixture
def folder(design: rtl4ml.Design, tmp_path: Path) -> Path:
    """A copy of the design's folder, to be changed."""
    return Path(shutil.copytree(design.folder, tmp_path / "p"))


def plain(report: Any) -> dict[str, Any]:
    return {k: v for k, v in report.items() if k not in OF_THE_RUN}


# -- equal ------------------------------------------------------------------------------------------------------


ALONE = """
import json, sys
import numpy as np

class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "tf_keras", "keras", "qkeras", "hls4ml", "da4ml"):
            raise ImportError(f"{name} must not be imported")

sys.meta_path.insert(0, Refused())
import rtl4ml

folder, given, out = sys.argv[1:]
design = rtl4ml.load(folder)
x = np.load(given)
run, stalled = design.simulate(x), design.simulate(x, stalls="random", seed=3)
np.savez(out, emulate=design.emulate(x), rtl=run.y, stalled=stalled.y, csim=design.csim(x))
report = design.report()
print(json.dumps({"run": [run.latency, run.interval, run.cycles], "report": report}))
"""


def test_emulates_simulates_and_reports_without_tensorflow(
    design: rtl4ml.Design, folder: Path, tmp_path: Path, rng: np.random.Generator
) -> None:
    x = samples(design, 12, rng)
    np.save(tmp_path / "x.npy", x)
    told = subprocess.run(
        [sys.executable, "-c", ALONE, str(folder), str(tmp_path / "x.npy"), str(tmp_path / "y.npz")],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found, made = json.loads(told.stdout), np.load(tmp_path / "y.npz")
    run = design.simulate(x)
    want = design.reference(x)
    for how in ("emulate", "rtl", "stalled", "csim"):
        np.testing.assert_array_equal(made[how], want, err_msg=how)
    assert found["run"] == [run.latency, run.interval, run.cycles]
    report = found["report"]
    assert report["reference"] == "the saved design's own integers, without the model"
    assert report["exactness"]["rtl"] == {"samples": 12, "values": want.size, "mismatches": 0}
    assert report["exactness"]["predict"] is None and report["exactness"]["emulate"] is None
    assert report["stalls"] == {"patterns": 1, "frames": 12, "mismatches": 0}
    assert report["cycles"]["frames"] == {"compared": 12, "as_predicted": 12}
    jsonschema.validate(report, SCHEMA)
    assert "the saved design&#39;s own integers" in (folder / "report.html").read_text()


@pytest.mark.parametrize("name", ["cnn_4bit", "mlp", "deep", "separable", "skip"])
def test_reports_are_equal(name: str, tmp_path: Path, rng: np.random.Generator) -> None:
    build, target = DESIGNS[name]
    design = rtl4ml.convert(randomize(build(), rng), out=tmp_path / "p", target_interval=target)
    own = design.report()
    saved = rtl4ml.load(tmp_path / "p")
    assert repr(saved) == repr(design).replace("<Design", "<SavedDesign")
    assert plain(saved.report()) == plain(own)
    assert_saved(design, x := samples(design, 20, rng), design.reference(x))


@pytest.mark.parametrize("home", ["late", "dram"])
def test_a_design_with_skips_elsewhere(home: str, tmp_path: Path, rng: np.random.Generator) -> None:
    design = rtl4ml.convert(randomize(skip_net(), rng), out=tmp_path / "p", skips=home)
    assert_saved(design, x := samples(design, 4, rng), design.reference(x))
    assert rtl4ml.load(tmp_path / "p").report()["skips"] == design.report()["skips"]


QUANTIZERS = [
    "quantized_bits(8,3,alpha=1)",
    "quantized_bits(1,0,alpha=1)",
    "quantized_relu(4,2)",
    "quantized_relu(6,2,negative_slope=0.25)",
    "quantized_relu(4,1,use_sigmoid=1)",
    "binary(alpha=1)",
    "ternary(alpha=1)",
    "quantized_tanh(8)",
    "quantized_tanh(5,use_real_tanh=1)",
    "quantized_sigmoid(6)",
    "quantized_po2(4)",
    "quantized_relu_po2(4,2)",
    "quantized_hswish(6,2)",
]


@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_every_input_quantizer(quantizer: str, tmp_path: Path, rng: np.random.Generator) -> None:
    """Those that round are data; of the others every step is found, among all float32 numbers."""
    net = sequential((6,), [Q.QDense(3, **linear())], rng, quantizer)
    design = rtl4ml.convert(net, out=tmp_path / "p")
    saved = rtl4ml.load(tmp_path / "p")
    anywhere = rng.integers(0, 2**32, 60_000, np.uint32).view(np.float32)
    near = rng.uniform(-5, 5, 60_000).astype(np.float32)
    ties = (np.arange(-3000, 3000) / 256).astype(np.float32)
    steps = getattr(saved.parsed.quantizer, "starts", np.zeros(0, np.float32))
    x = np.concatenate([anywhere, near, ties, steps, np.nextafter(steps, np.float32(-np.inf))])
    x = x[np.abs(x) < 2.0**100]  # beyond, some of QKeras's own code gives no number
    x = x[: len(x) // 6 * 6].reshape(-1, 6)
    np.testing.assert_array_equal(saved.parsed.quantize_input(x), design.parsed.quantize_input(x))


@pytest.mark.parametrize(
    "precision", ["ap_fixed<6,3>", "ap_fixed<6,3,AP_TRN,AP_WRAP>", "ap_ufixed<5,2,AP_RND_INF,AP_SAT_SYM>"]
)
def test_a_declared_input(precision: str, tmp_path: Path, rng: np.random.Generator) -> None:
    net = sequential((6,), [Q.QDense(3, **linear())], rng, "")
    design = rtl4ml.convert(net, out=tmp_path / "p", input_precision=precision)
    saved = rtl4ml.load(tmp_path / "p")
    x = rng.uniform(-20, 20, (500, 6))
    np.testing.assert_array_equal(saved.emulate(x), design.reference(x))
    assert plain(saved.report()) == plain(
        rtl4ml.convert(net, out=tmp_path / "p", input_precision=precision).report()
    )


def test_strips(tmp_path: Path, rng: np.random.Generator) -> None:
    net = sequential((40, 1), [Q.QConv1D(2, 3, padding="same", **linear())], rng)
    design = rtl4ml.convert(net, out=tmp_path / "p", columns=16)
    saved = rtl4ml.load(tmp_path / "p")
    x = rng.uniform(-1, 1, (3, 40, 1))
    np.testing.assert_array_equal(saved.emulate(x), design.reference(x))
    assert plain(saved.report()) == plain(design.report())


def test_the_same_model_gives_the_same_files(design: rtl4ml.Design, tmp_path: Path) -> None:
    again = rtl4ml.convert(design.parsed.model, out=tmp_path / "again")
    for name in (files.FILE, files.ARRAYS):
        assert (again.folder / name).read_bytes() == (design.folder / name).read_bytes()


def test_a_file_of_before_is_read() -> None:
    """Once it is not, SCHEMA must be raised: the file is not written anew with the golden design's other files."""
    content = files.read(GOLDEN / "saved")
    kept = np.load(GOLDEN / "saved" / "samples.npz")
    np.testing.assert_array_equal(content.network.network().emulate(kept["x"])[0], kept["y"])
    netlist = content.netlist(content.plan())
    assert predict(netlist) == content.cycles


# -- refused ----------------------------------------------------------------------------------------------------


def refused(kind: type[Rtl4mlError], text: str, folder: Any) -> None:
    with pytest.raises(kind) as error:
        rtl4ml.load(folder)
    assert str(error.value) == text


def test_what_needs_the_model_says_so(folder: Path) -> None:
    saved = rtl4ml.load(folder)
    with pytest.raises(BadModel, match=re.escape(
        f"{folder}: reference must be asked of a design with its model, not of a saved one; "
        "convert the model, or take emulate, the saved integers"
    )):  # fmt: skip
        saved.reference(np.zeros((1, 6, 1)))


def test_no_saved_design(tmp_path: Path) -> None:
    text = (
        "must be a project with a saved design, saved.json, not a folder without; "
        "give the folder that convert wrote, or convert again with this version"
    )
    refused(BadInput, f"{tmp_path}: {text}", tmp_path)
    refused(BadInput, f"{tmp_path / 'no'}: {text}", tmp_path / "no")
    (tmp_path / "model.h5").touch()
    refused(
        BadInput,
        f"{tmp_path / 'model.h5'}: must be the folder that convert wrote, not a file; "
        "load gives designs, convert takes models",
        str(tmp_path / "model.h5"),
    )
    refused(BadInput, "folder: must be the path of a folder, not 3; give such as folder='build/design'", 3)


def test_another_version(folder: Path) -> None:
    content = json.loads((folder / files.FILE).read_text())
    (folder / files.FILE).write_text(json.dumps(content | {"schema": 9, "rtl4ml": "7.0"}))
    refused(
        BadInput,
        f"{folder / files.FILE}: a saved design must be of schema {files.SCHEMA}, which rtl4ml {rtl4ml.__version__} "
        "reads, not 9 of rtl4ml 7.0; convert again with this version, or load it with that one",
        folder,
    )


@pytest.mark.parametrize("name", ["rtl/r4_top.sv", "saved.json", "saved.npz", "interface.json"])
def test_changed_files(name: str, folder: Path) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes() + b"\n")
    refused(
        StaleProject,
        f"{folder}: the files must be those that were written, not changed as {name}; convert again",
        folder,
    )


@pytest.mark.parametrize("name", [files.FILE, files.ARRAYS])
def test_damaged_files(name: str, folder: Path) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:200])
    refused(
        StaleProject,
        f"{folder / name}: the saved design must be as convert wrote it, not changed or damaged; convert again",
        folder,
    )


def test_missing_arrays(folder: Path) -> None:
    (folder / files.ARRAYS).unlink()
    refused(
        BadInput,
        f"{folder / files.ARRAYS}: must lie beside saved.json, not be missing; convert again",
        folder,
    )


def test_without_an_identity(folder: Path) -> None:
    (folder / "design.json").write_text("{}")
    refused(
        StaleProject,
        f"{folder}: the folder must hold a project with a sound design.json, not without; convert again",
        folder,
    )


def test_a_kind_that_is_none_of_ours(folder: Path) -> None:
    content = json.loads((folder / files.FILE).read_text())
    content["cells"][0]["kind"] = "Popen"
    (folder / files.FILE).write_text(json.dumps(content))
    refused(
        StaleProject,
        f"{folder / files.FILE}: the saved design must be as convert wrote it, not changed or damaged; convert again",
        folder,
    )
