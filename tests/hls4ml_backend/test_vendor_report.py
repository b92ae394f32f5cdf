# SPDX-License-Identifier: Apache-2.0
"""The figures where hls4ml.report looks for those of Vivado: dictionary and files."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hls4ml_nets import chain, convert

from rtl4ml.hls4ml_backend import vendor_report

REPORT: dict[str, Any] = {
    "target": {"clock_mhz": 200},
    "cycles": {"latency": {"model": 31, "rtl": 31}, "interval": {"model": 8.5, "rtl": 8.5}},
    "resources": {
        "model": {"lut": 100.4, "ff": 90, "dsp": 2, "bram36": 1.5},
        "yosys": None,
        "available": {"lut": 1000, "ff": 2000, "dsp": 20, "bram36": 10},
    },
    "exactness": {"rtl": None},
    "stalls": None,
}


def test_sections(tmp_path: Path) -> None:
    found = vendor_report.write(REPORT, {}, tmp_path, "jets")
    assert found == {
        "CSynthesisReport": {
            "TargetClockPeriod": "5.00",
            "EstimatedClockPeriod": "N/A",
            "BestLatency": "31",
            "WorstLatency": "31",
            "IntervalMin": "8",
            "IntervalMax": "8",
            "BRAM_18K": "3",
            "DSP": "2",
            "FF": "90",
            "LUT": "100",
            "URAM": "0",
            "AvailableBRAM_18K": "20",
            "AvailableDSP": "20",
            "AvailableFF": "2000",
            "AvailableLUT": "1000",
            "AvailableURAM": "0",
            "Source": "estimated by rtl4ml's model",
        }
    }
    more = {
        **REPORT,
        "cycles": {**REPORT["cycles"], "gaps": {"frames": 2, "least": 8, "most": 9, "first": [8, 9]}},
        "resources": {**REPORT["resources"], "yosys": {"lut": 7, "ff": 6, "dsp": 5, "bram36": 4}},
        "exactness": {"rtl": {"samples": 3, "values": 6, "mismatches": 0}},
        "stalls": {"patterns": 1, "frames": 3, "mismatches": 0},
        "timing": {"period_ns": 2.4912},
    }
    found = vendor_report.write(more, {"rtl": np.array([[0.5, -2], [1e-9, 3]])}, tmp_path, "jets")
    synthesis = found["CSynthesisReport"]
    assert (synthesis["IntervalMin"], synthesis["IntervalMax"]) == ("8", "9")
    assert (synthesis["LUT"], synthesis["Source"]) == ("7", "counted by Yosys")
    assert synthesis["EstimatedClockPeriod"] == "2.491"
    assert found["CosimReport"]["Status"] == "Pass"
    assert found["CosimResults"] == [["0.5", "-2"], ["1e-09", "3"]]
    for wrong in ("exactness", "stalls"):
        bad = {**more, "stalls": {**more["stalls"], "mismatches": int(wrong == "stalls")}}
        bad["exactness"] = {"rtl": {"samples": 3, "values": 6, "mismatches": int(wrong == "exactness")}}
        assert vendor_report.write(bad, {}, tmp_path, "jets")["CosimReport"]["Status"] == "Fail"


def test_hls4ml_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import hls4ml

    h = convert(chain(), tmp_path / "p", project_name="jets")
    h.predict(np.random.default_rng(5).uniform(-1, 1, (5, 12, 2)))
    report = h.build(csim=True, synth=False, cosim=True)
    keys = ("CSimResults", "CosimResults", "CSynthesisReport", "CosimReport")
    assert hls4ml.report.parse_vivado_report(str(tmp_path / "p")) == {k: report[k] for k in keys}
    assert report["CSimResults"] == report["CosimResults"]
    assert len(report["CSimResults"]) == 5
    capsys.readouterr()
    hls4ml.report.read_vivado_report(str(tmp_path / "p"))
    said = capsys.readouterr().out
    assert 'Reports for solution "solution1"' in said
    assert "not found" not in said
    assert f"    LUT                   {report['CSynthesisReport']['LUT']}\n" in said
    # hls4ml asks IPython whether it runs in a notebook.
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    hls4ml.report.print_vivado_report(report)
    said = capsys.readouterr().out
    assert f"Best-case latency:      {report['cycles']['latency']['rtl']} (" in said
    assert "Status:             Pass\n" in said
    # What was run before is not shown for what was not run now, and the folder is still the design's.
    h.build(csim=False, synth=False, cosim=False)
    assert "CosimResults" not in hls4ml.report.parse_vivado_report(str(tmp_path / "p"))
    h.compile()
    assert "done convert" not in capsys.readouterr().out
