# SPDX-License-Identifier: Apache-2.0
"""Where a design came from: in report.json and at the page's foot, the same for the same making, without the clock."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import report_example as example
from contract import randomize
from pages import SCHEMA, page

import rtl4ml
from rtl4ml._version import __version__
from rtl4ml.cli import main
from rtl4ml.device import Resources
from rtl4ml.errors import BadInput
from rtl4ml.host import frameworks, invocation
from rtl4ml.reuse import Reuse
from rtl4ml.saved import provenance


def model() -> Any:
    keras, q = frameworks.keras(), frameworks.qkeras()
    keras.backend.clear_session()  # names are numbered
    quantized = {
        "kernel_quantizer": "quantized_bits(4,0,alpha=1)",
        "bias_quantizer": "quantized_bits(6,1,alpha=1)",
    }
    layers = [
        keras.layers.Input((8,)),
        q.QActivation("quantized_bits(6,0,alpha=1)", name="x"),
        q.QDense(4, name="first", **quantized),
        q.QActivation("quantized_relu(4,1)", name="relu"),
        q.QDense(3, name="second", **quantized),
    ]
    return randomize(keras.Sequential(layers, name="small"), np.random.default_rng(3))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> rtl4ml.Design:
    return rtl4ml.convert(model(), out=tmp_path_factory.mktemp("provenance") / "design")


def fields(r: Any) -> Any:
    jsonschema.validate(r, SCHEMA)
    return r["provenance"]


def test_the_same_making_gives_the_same_bytes(tmp_path: Path) -> None:
    """Into folders of other names; what was measured by the clock is taken out, nothing else."""
    texts = []
    for name in ("one", "another"):
        design = rtl4ml.convert(model(), out=tmp_path / name, target_interval=24)
        design.emulate(np.zeros((2, 8), np.float32))
        design.seconds.clear()
        design.report()
        texts.append({f: (tmp_path / name / f).read_bytes() for f in ("report.json", "report.html")})
        assert (tmp_path / name / provenance.FILE).is_file()
    assert texts[0] == texts[1]
    assert b"another" not in texts[1]["report.json"]


def test_what_the_command_line_makes_says_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = model()
    given.save("a model.h5")
    argv = ["convert", "a model.h5", "--out", "d", "--target-interval", "24", "--date", "2026-12-01"]
    assert main.run(argv) == 0
    found = fields(json.loads(Path("d/report.json").read_text()))
    assert found["command"] == "rtl4ml convert 'a model.h5' --out d --target-interval 24 --date 2026-12-01"
    assert found["options"] == {"target_interval": 24}
    assert found["date"] == "2026-12-01"
    assert found["model"] == {
        "file": "a model.h5",
        "file_sha256": hashlib.sha256(Path("a model.h5").read_bytes()).hexdigest(),
        "weights_sha256": provenance.weights_digest(given.get_weights()),
    }
    assert invocation.command() is None


def test_a_date_is_a_day(capsys: pytest.CaptureFixture[str], tmp_path: Path, made: rtl4ml.Design) -> None:
    text = "must be a day as in 2026-12-01, not 'today'; leave it out for no date"
    made.date = "today"
    try:
        with pytest.raises(BadInput, match=f"^date: {text}$"):
            made.report()
    finally:
        made.date = None
    (tmp_path / "m.h5").touch()
    assert main.run(["convert", str(tmp_path / "m.h5"), "--date", "today", "--out", str(tmp_path / "d")]) == 2
    assert capsys.readouterr().err == f"rtl4ml: --date: {text}\n"


def test_weights_are_told_apart_by_value_shape_and_type() -> None:
    a = np.arange(6, dtype=np.float32)
    others = [a.reshape(2, 3), a.astype(np.float64), a[::-1]]
    digests = [provenance.weights_digest([w]) for w in (a, *others)]
    assert len(set(digests)) == 4
    assert provenance.weights_digest([a.copy()]) == digests[0]


def test_it_says_what_was_used(made: rtl4ml.Design) -> None:
    found = fields(made.report())
    assert found["command"] is None
    assert found["options"] == {}
    assert found["model"]["file"] is found["model"]["file_sha256"] is found["date"] is None
    assert set(found["versions"]) == {
        *("rtl4ml", "python", "da4ml", "hls4ml", "numpy", "qkeras", "tensorflow", "tf-keras")
    }
    assert found["versions"]["rtl4ml"] == __version__
    assert found["seeds"] == {"samples": None, "stalls": []}
    run = replace(made, counted=[Resources()] * len(made.units), patterns={7, 3}, sample_seed=11)
    run.stalled.samples = 4  # as a simulation leaves it
    found = fields(run.report())
    assert {"verilator", "yosys"} < set(found["versions"])
    assert found["seeds"] == {"samples": 11, "stalls": [3, 7]}


def test_rtl_is_told_apart_from_the_rest(made: rtl4ml.Design) -> None:
    def digest(files: dict[str, str]) -> str:
        return provenance.made({}, None, [], files)["rtl_sha256"]

    files = dict(made.identity.files)
    mine = fields(made.report())["rtl_sha256"]
    assert digest(files) == mine
    assert digest(files | {"README.md": "0" * 64}) == mine
    assert digest(files | {"rtl/r4_top.sv": "0" * 64}) != mine
    image = next(name for name in files if name.startswith("mem/"))
    assert digest(files | {image: "0" * 64}) != mine


def test_options_are_those_that_are_not_the_default() -> None:
    defaults = {"budget": None, "foldings": None, "fit": True, "skips": "bram"}
    options = {"budget": {"dsp": np.float64(0.5)}, "foldings": {"a": Reuse(4), "b": (2, 3)}, "fit": True}
    assert provenance.given(defaults, {"model": "m", **options, "skips": "auto"}) == {
        "budget": {"dsp": 0.5},
        "foldings": {"a": "Reuse(factor=4, adders=None)", "b": [2, 3]},
        "skips": "auto",
    }


def test_a_saved_design_keeps_it(made: rtl4ml.Design) -> None:
    want = fields(made.report())
    saved = rtl4ml.load(made.folder)
    assert fields(saved.report())["model"] == want["model"]
    kept = (made.folder / provenance.FILE).read_text()
    try:
        for broken in ("", "[]", "{}", json.dumps(json.loads(kept) | {"versions": 3})):
            (made.folder / provenance.FILE).write_text(broken)
            assert fields(rtl4ml.load(made.folder).report()) is None
        (made.folder / provenance.FILE).unlink()
        assert fields(rtl4ml.load(made.folder).report()) is None
    finally:
        (made.folder / provenance.FILE).write_text(kept)


def test_the_page_has_it_at_its_foot() -> None:
    entry = {
        "command": "rtl4ml verify m.h5 --budget dsp=0.2",
        "options": {"budget": {"dsp": 0.2}, "output": "argmax"},
        "model": {"file": "m.h5", "file_sha256": "1a" * 32, "weights_sha256": "2b" * 32},
        "rtl_sha256": "3c" * 32,
        "versions": {"rtl4ml": "0.2.0", "yosys": "0.70"},
        "seeds": {"samples": 0, "stalls": [0, 5]},
        "date": "2026-12-01",
    }
    jsonschema.validate(example.report() | {"provenance": entry}, SCHEMA)
    text = page(example.report() | {"provenance": entry}).text
    foot = text[text.index("Provenance Made by") :]
    for said in (
        "Made by rtl4ml verify m.h5 --budget dsp=0.2 , 2026-12-01",
        'Options budget = {"dsp": 0.2} , output = "argmax"',
        f"SHA-256 of its file {'1a' * 32}",
        f"SHA-256 of its weights {'2b' * 32}",
        f"SHA-256 of RTL and memory images {'3c' * 32}",
        "Versions rtl4ml 0.2.0, yosys 0.70",
        "Seeds samples: 0; stalls: 0, 5",
    ):
        assert said in foot, said
    assert "Provenance" not in page(example.report() | {"provenance": None}).text
