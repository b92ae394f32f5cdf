# SPDX-License-Identifier: Apache-2.0
"""Run by `simulation.protocol` in a process of its own: cocotb's runner changes the environment and ends with sys.exit.

Called with one JSON file; `do` in it is "build" or "test". Imports nothing of rtl4ml.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from cocotb_tools.runner import Verilator


class Runner(Verilator):
    """cocotb's runner for Verilator, with Verilator's own runtime compiled once instead of in every build."""

    def __init__(self, job: dict[str, Any]) -> None:
        super().__init__()
        self.runtime = job.get("runtime")
        self.jobs = int(job["jobs"])

    def _build_command(self) -> Any:
        verilate, make = super()._build_command()
        make = ["make", f"-j{self.jobs}", *make[3:], "OPT_FAST=-O0", "OPT_SLOW=-O0"]
        if (
            self.jobs == 1
        ):  # one file of C++: in many, every one of which reads the headers, a design takes thrice as long
            make.append("VM_PARALLEL_BUILDS=0")
        objects = sorted(map(str, Path(self.runtime).glob("*.o"))) if self.runtime else []
        # copied behind Verilator's makefile, on which they depend, so that make leaves them alone
        return [verilate, *([["cp", *objects, str(self.build_dir)]] if objects else []), make]


def main() -> None:
    """Builds or tests."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    runner = Runner(job)
    if job["do"] == "build":
        runner.build(
            sources=job["sources"],
            hdl_toplevel=job["top"],
            parameters=job["parameters"],
            build_args=["--assert", "--x-initial", "unique", "--x-assign", "unique", "--no-timing"],
            build_dir=job["folder"],
            timescale=("1ns", "1ps"),
            clean=True,
        )
    else:
        runner.test(
            test_module=job["bench"],
            hdl_toplevel=job["top"],
            hdl_toplevel_lang="verilog",
            build_dir=job["folder"],
            test_dir=job["cwd"],
            results_xml=job["results"],
            testcase=job["tests"] or None,
            seed=job["seed"],
            # Registers start with ones, so that only what reset sets may matter. Not with anything: cocotb's build has
            # a copy of the clock in every instance; one that starts low below a high clock is an edge.
            test_args=["+verilator+rand+reset+1"],
        )


if __name__ == "__main__":
    main()
