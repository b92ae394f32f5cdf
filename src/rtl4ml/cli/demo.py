# SPDX-License-Identifier: Apache-2.0
"""The command of the main job."""

from __future__ import annotations

from pathlib import Path

from rtl4ml import demo as main_job
from rtl4ml.cli import outcome, prove, show


def demo(out: Path, data: Path | None, samples: int | None) -> None:
    """Runs the main job and shows its report, the scene, and whether every value was exact."""
    result = main_job.run(out=out, data=data, samples=samples, step=show.step)
    outcome.WRITTEN.append(out)
    show.report(result.report, out)
    console = show.stdout()
    console.print(f"scene    {result.scene}")
    if result.csim_refused:
        console.print(f"no C simulation: {result.csim_refused}", soft_wrap=True)
    if prove.mismatches(result.report):
        console.print("NOT EXACT", style="bold red")
    else:
        console.print("EXACT on every value of every sample", style="bold green")
    prove.judge(result.report, out)
