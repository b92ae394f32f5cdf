# SPDX-License-Identifier: Apache-2.0
"""What report.json says of a board: types of counts and result, and what Vivado's reports say once it has run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from rtl4ml.board.vivado_reports import Results, Utilization
from rtl4ml.emit.systemverilog import TOP
from rtl4ml.errors import BadInput
from rtl4ml.host import identity
from rtl4ml.report import page
from rtl4ml.report.board_schema import BoardCosim, BoardDram, OnBoard, VivadoRun
from rtl4ml.report.schema import Use


def entry(
    interface: Mapping[str, Any],
    asked_mhz: float,
    *,
    cosim: BoardCosim | None = None,
    dram: BoardDram | None = None,
) -> OnBoard:
    """The report's entry "board" of a folder, by its interface.json, before Vivado has run.

    cosim, dram: of the jobs that were simulated
    """
    given, made, hardware = interface["input"], interface["output"], interface["hardware"]
    return {
        "name": hardware["board"],
        "part": hardware["part"],
        "clock_mhz": {"asked": asked_mhz, "actual": hardware["clock_mhz"]},
        "counts": {
            "dtype": given["dtype"],
            "bands": given["bands"],
            "layouts": list(given["layouts"]),
            "frame": [given["frame_rows"], given["frame_columns"]],
            "bytes": given["frame_bytes"],
        },
        "input": {
            "type": interface["s_axis"]["type"]["name"],
            "cell": given["conversion"]["cell"],
            "formula": given["conversion"]["formula"],
        },
        "result": {
            "kind": made["kind"],
            "dtype": made["dtype"],
            "shape": list(made["shape"]),
            "step": made["step"],
            "bytes": made["frame_bytes"],
        },
        "signature": hardware["signature"],
        "vivado": None,
        "cosim": cosim,
        "dram": dram,
    }


def of_results(found: Results) -> VivadoRun:
    """What a build left, as the report has it; None where it did not come so far."""
    t, power = found.timing, found.power
    return {
        "version": found.version,
        "board_part": found.board_part,
        "clock_mhz": found.clock_mhz,
        "seconds": dict(found.seconds),
        "timing": None
        if t is None
        else {
            "wns_ns": t.wns_ns,
            "tns_ns": t.tns_ns,
            "whs_ns": t.whs_ns,
            "failing": t.failing + t.hold_failing,
            "met": t.met,
            "fmax_mhz": None if found.clock_mhz is None else t.fmax_mhz(found.clock_mhz),
        },
        "utilization": None if found.utilization is None else asdict(found.utilization),
        "power_w": None
        if power is None
        else {"total": power.total_w, "ps": power.ps_w, "confidence": power.confidence},
        "unrouted": found.unrouted,
        "critical_warnings": list(found.critical_warnings),
        "artefacts": dict(found.artefacts),
    }


def _use(used: Utilization) -> Use:
    return {"lut": used.lut, "ff": used.ff, "dsp": used.dsp, "bram36": used.bram36}


def record(project: Path, found: Results) -> dict[str, Any]:
    """Writes what Vivado found into a project's report.json and page; gives the former.

    `resources.vivado` is of the network alone, the instance of r4_top, as the model's and Yosys's counts are.
    Raises BadInput where the project has no report with a board.
    """
    path = project / "report.json"
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        report["board"]["vivado"] = of_results(found)
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(
            f"{path}: must be the report of a project with a board, not another or none; run rtl4ml board again"
        ) from None
    network = found.instance(TOP)
    report["resources"]["vivado"] = None if network is None else _use(network.used)
    page.write(cast("Any", report), project)
    identity.sign_reports(project)
    return report
