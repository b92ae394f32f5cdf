# SPDX-License-Identifier: Apache-2.0
"""A design's figures where `hls4ml.report` looks for those of Vivado: in the dictionary of `build`, and in files.

Nothing of Vivado ran. Resources are Yosys's, or those of the model where it was not run; cycles are predicted, or of
the RTL simulation. `Source` says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import numpy as np
from numpy.typing import NDArray

from rtl4ml.host.tools import disk_errors

_NONE = "N/A"  # what nothing has told
Section = dict[str, str]


def write(
    report: Mapping[str, Any], outputs: Mapping[str, NDArray[np.float64]], folder: Path, name: str
) -> dict[str, Any]:
    """Sections for the dictionary of `build`, also as files in the folder of the project that hls4ml calls `name`.

    outputs: values of the C simulation ("csim") and of the RTL ("rtl") where these were run
    `hls4ml.report.read_vivado_report` shows the files, and `parse_vivado_report` makes the same sections of them.
    """
    synthesis, cosim = _synthesis(report), _cosim(report)
    results = {
        key: [[_shown(v) for v in row] for row in y.reshape(len(y), -1)]
        for how, key in (("csim", "CSimResults"), ("rtl", "CosimResults"))
        if (y := outputs.get(how)) is not None
    }
    found: dict[str, Any] = {**results, "CSynthesisReport": synthesis}
    if cosim is not None:
        found["CosimReport"] = cosim
    with disk_errors(folder):
        _write_files(folder, name, found)
    return found


def _shown(value: float) -> str:
    return f"{value:g}" if float(f"{value:g}") == value else repr(float(value))


def _whole(value: float | None) -> str:
    return _NONE if value is None else str(round(value))


def _synthesis(report: Mapping[str, Any]) -> Section:
    counted = report["resources"]["yosys"]
    use, most = counted or report["resources"]["model"], report["resources"]["available"]
    cycles, timing = report["cycles"], report.get("timing")
    latency = _whole(cycles["latency"]["model"])
    gaps = cycles.get("gaps") or {}
    interval = cycles["interval"]["model"]
    return {
        "TargetClockPeriod": f"{1000 / report['target']['clock_mhz']:.2f}",
        "EstimatedClockPeriod": f"{timing['period_ns']:.3f}" if timing else _NONE,
        "BestLatency": latency,
        "WorstLatency": latency,
        "IntervalMin": _whole(gaps.get("least", interval)),
        "IntervalMax": _whole(gaps.get("most", interval)),
        "BRAM_18K": _whole(2 * use["bram36"]),
        "DSP": _whole(use["dsp"]),
        "FF": _whole(use["ff"]),
        "LUT": _whole(use["lut"]),
        "URAM": "0",
        "AvailableBRAM_18K": _whole(2 * most["bram36"]),
        "AvailableDSP": _whole(most["dsp"]),
        "AvailableFF": _whole(most["ff"]),
        "AvailableLUT": _whole(most["lut"]),
        "AvailableURAM": "0",
        "Source": "counted by Yosys" if counted else "estimated by rtl4ml's model",
    }


def _cosim(report: Mapping[str, Any]) -> Section | None:
    check = report["exactness"]["rtl"]
    if check is None:
        return None
    cycles, stalls = report["cycles"], report["stalls"] or {"mismatches": 0}
    latency, interval = _whole(cycles["latency"]["rtl"]), cycles["interval"]["rtl"]
    exact = not check["mismatches"] and not stalls["mismatches"]
    return {
        "RTL": "Verilog",
        "Status": "Pass" if exact else "Fail",
        "LatencyMin": latency,
        "LatencyMax": latency,
        "IntervalMin": _whole(interval),
        "IntervalMax": _whole(interval),
    }


# -- files --------------------------------------------------------------------------------------------------


def _write_files(folder: Path, name: str, found: Mapping[str, Any]) -> None:
    """Those that hls4ml reads: a script that names the project, its solutions, and a report of each step."""
    project = folder / f"{name}_prj"
    syn, sim = project / "solution1/syn/report", project / "solution1/sim/report"
    logs, csim = folder / "tb_data", project / "solution1/csim/report"
    for path in (syn, sim, logs, csim):
        path.mkdir(parents=True, exist_ok=True)
    (folder / "project.tcl").write_text(
        f'variable project_name\nset project_name "{name}"\nset backend "rtl4ml"\n'
    )
    app = Xml.Element("project", name=name)
    Xml.SubElement(Xml.SubElement(app, "solutions"), "solution", name="solution1")
    (project / "hls.app").write_bytes(Xml.tostring(app))
    synthesis = found["CSynthesisReport"]
    (syn / f"{name}_csynth.rpt").write_text(_text("Synthesis", synthesis))
    (syn / f"{name}_csynth.xml").write_bytes(Xml.tostring(_xml(synthesis)))
    for key, log in (("CSimResults", "csim_results.log"), ("CosimResults", "rtl_cosim_results.log")):
        (logs / log).unlink(missing_ok=True)
        if key in found:
            (logs / log).write_text("".join(" ".join(row) + "\n" for row in found[key]))
    said = f"{len(found['CSimResults']):,} samples\n" if "CSimResults" in found else "not run\n"
    (csim / f"{name}_csim.log").write_text(said)
    report = sim / f"{name}_cosim.rpt"
    report.unlink(missing_ok=True)
    if "CosimReport" in found:
        report.write_text(_cosim_text(found["CosimReport"]))


def _text(what: str, section: Section) -> str:
    """A table for people; hls4ml shows what is behind its first two lines."""
    width = max(map(len, section))
    rows = "".join(f"    {key.ljust(width)}  {value}\n" for key, value in section.items())
    return f"rtl4ml\n\n{what}, {section['Source']}; nothing of Vivado ran.\n{rows}"


def _xml(section: Section) -> Xml.Element:
    """The figures by the paths at which hls4ml looks for them."""
    root = Xml.Element("profile")
    asked = Xml.SubElement(root, "UserAssignments")
    performance = Xml.SubElement(root, "PerformanceEstimates")
    times = Xml.SubElement(performance, "SummaryOfTimingAnalysis")
    latencies = Xml.SubElement(performance, "SummaryOfOverallLatency")
    area = Xml.SubElement(root, "AreaEstimates")
    taken, there = Xml.SubElement(area, "Resources"), Xml.SubElement(area, "AvailableResources")
    named = {
        "TargetClockPeriod": (asked, "TargetClockPeriod"),
        "EstimatedClockPeriod": (times, "EstimatedClockPeriod"),
        "BestLatency": (latencies, "Best-caseLatency"),
        "WorstLatency": (latencies, "Worst-caseLatency"),
        "IntervalMin": (latencies, "Interval-min"),
        "IntervalMax": (latencies, "Interval-max"),
    }
    for key, value in section.items():
        parent, tag = named.get(key, (taken, key))
        if key.startswith("Available"):
            parent, tag = there, key.removeprefix("Available")
        Xml.SubElement(parent, tag).text = value
    return root


def _cosim_text(section: Section) -> str:
    """One row: status, then latency and interval, each least, mean and greatest."""
    latency, interval = (
        [section[f"{what}Min"], section[f"{what}Min"], section[f"{what}Max"]]
        for what in ("Latency", "Interval")
    )
    row = "| ".join(
        [section["RTL"], section["Status"], *latency, *interval]
    )  # no blank before a bar: hls4ml splits there
    return f"RTL | status | latency min, avg, max | interval min, avg, max\n| {row}|\n"
