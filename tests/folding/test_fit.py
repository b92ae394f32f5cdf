# SPDX-License-Identifier: Apache-2.0
"""Designs that a device does not hold: refused with what is needed, or made, with a report that says so."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract import randomize
from students import SMALL, student

import rtl4ml
from rtl4ml.cli.main import main
from rtl4ml.device import ZCU102
from rtl4ml.errors import OverBudget
from rtl4ml.host import frameworks
from rtl4ml.netlist.memories import is_block
from rtl4ml.report.verdicts import RESOURCE_NAMES


@pytest.fixture
def small_device(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """A device of few LUTs and flip-flops."""
    small = replace(ZCU102, lut=1_000, ff=500)
    monkeypatch.setattr("rtl4ml.design.ZCU102", small)
    return dict(small.capacity)


@pytest.fixture
def model() -> Any:
    return randomize(student("unet").build(**SMALL), np.random.default_rng(1))


def test_it_is_refused(small_device: dict[str, float], model: Any, tmp_path: Path) -> None:
    with pytest.raises(OverBudget) as error:
        rtl4ml.convert(model, out=tmp_path / "design")
    pattern = (
        r"(\w+): the design must fit the device, not need ([\d,]+) ff of 500 \(([\d.]+) x\) and ([\d,]+) lut of 1,000 "
        r"\(([\d.]+) x\), most ff in this layer \(([\d,]+)\); no smaller design was found: take a smaller model or "
        r"frame, or look at its report with fit=False"
    )
    found = re.fullmatch(pattern, str(error.value))
    assert found, str(error.value)
    assert not (tmp_path / "design").exists()

    design = rtl4ml.convert(model, out=tmp_path / "design", fit=False)
    report = design.report()
    use, layers = report["resources"]["model"], {line["name"]: line for line in report["layers"]}
    layer, ff, times_ff, lut, times_lut, most = (text.replace(",", "") for text in found.groups())
    assert max(layers, key=lambda n: layers[n]["ff"] or 0) == layer
    # the report knows how many frames are in flight at once, a counter's width in r4_axis_in
    for text, key in ((ff, "ff"), (lut, "lut")):
        assert int(text) == pytest.approx(use[key], rel=0.01)
    assert (float(times_ff), float(times_lut)) == pytest.approx(
        (use["ff"] / 500, use["lut"] / 1000), rel=0.01
    )
    assert int(most) == pytest.approx(layers[layer]["ff"], abs=1)


def test_its_report_says_what_is_too_much(
    small_device: dict[str, float], model: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.save(tmp_path / "model.keras")
    out = tmp_path / "design"
    with pytest.raises(SystemExit) as refused:
        main(["convert", str(tmp_path / "model.keras"), "--out", str(out)])
    assert refused.value.code == 2
    assert "must fit the device" in capsys.readouterr().err
    with pytest.raises(SystemExit) as done:
        main(["convert", str(tmp_path / "model.keras"), "--out", str(out), "--no-fit"])
    assert done.value.code == 0, capsys.readouterr().err
    report = json.loads((out / "report.json").read_text())
    use, available = report["resources"]["model"], report["resources"]["available"]
    assert (available["lut"], available["ff"]) == (1_000, 500)
    page, printed = (out / "report.html").read_text(), " ".join(capsys.readouterr().out.split())
    largest = max(report["layers"], key=lambda line: line["ff"])
    for k in ("lut", "ff"):
        name = RESOURCE_NAMES[k]
        more = f"{use[k] - available[k]:,} too many"
        assert re.search(rf"{name} {use[k]:,} of {available[k]:,}, {more}", printed)
        assert f"{name}: {more}." in page
        assert f"{name} {use[k]:,} of {available[k]:,}, {more} ({100 * use[k] / available[k]:,.1f} %)" in page
    assert f"most are taken by <code>{largest['name']}</code> ({largest['ff']:,})" in page


def test_an_interval_is_kept_whatever_fits(
    small_device: dict[str, float], model: Any, tmp_path: Path
) -> None:
    design = rtl4ml.convert(model, out=tmp_path / "design", target_interval=600, fit=False)
    assert design.cycles.interval <= 600


def test_what_a_memory_is_made_of_follows_the_device() -> None:
    assert not is_block(64, 8, ZCU102)
    assert is_block(64, 8, replace(ZCU102, lut=1_000))
    assert not is_block(64, 8, ZCU102)


def test_the_page_says_what_the_budget_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras, q = frameworks.keras(), frameworks.qkeras()
    dense = q.QDense(3, kernel_quantizer=q.quantized_bits(4, 0, alpha=1), use_bias=False)
    model = keras.Sequential([keras.Input((4,)), q.QActivation("quantized_bits(8,0,alpha=1)"), dense])
    report = rtl4ml.convert(model, out=tmp_path / "default").report()
    assert report["target"]["budget"] == dict.fromkeys(ZCU102.capacity, 0.75)
    page = (tmp_path / "default" / "report.html").read_text()
    assert "The budget: at most 75 % of each resource." in page
    assert "Nearly full" not in page

    report = rtl4ml.convert(model, out=tmp_path / "named", budget={"lut": 1.0}).report()
    assert report["target"]["budget"] == {"lut": 1.0, "ff": 0.75, "dsp": 0.75, "bram36": 0.75}
    shares = ", ".join(f"{'100' if k == 'lut' else '75'} % of {name}" for k, name in RESOURCE_NAMES.items())
    assert f"The budget: at most {shares}." in (tmp_path / "named" / "report.html").read_text()

    design = rtl4ml.convert(model, out=tmp_path / "target", target_interval=6)
    small = replace(ZCU102, lut=round(design.report()["resources"]["model"]["lut"] / 0.88))
    monkeypatch.setattr(design, "plan", replace(design.plan, device=small))
    assert design.report()["target"]["budget"] == dict.fromkeys(ZCU102.capacity, 1.0)
    page = (tmp_path / "target" / "report.html").read_text()
    assert "Nearly full" in page
    assert re.search(
        r"LUT 8[78](\.\d)? % of the device, more than the 75 % up to which timing can be expected to close, by",
        page,
    )
