# SPDX-License-Identifier: Apache-2.0
"""Whether the demo has proven what it is there to prove: python scripts/check_demo.py build/demo

Every proof was run on every sample with no mismatch, and latency and interval came as predicted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def faults(report: Mapping[str, Any]) -> list[str]:
    """What is missing or wrong, a line each."""
    proofs = {**report["exactness"], "stalls": report["stalls"]}
    found = []
    for name, proof in proofs.items():
        if proof is None or not (proof.get("frames") if name == "stalls" else proof["values"]):
            found.append(f"{name}: nothing was compared")
        elif proof["mismatches"]:
            found.append(f"{name}: {proof['mismatches']} mismatches")
    for name, cycles in report["cycles"].items():
        if name in ("latency", "interval") and (cycles["rtl"] is None or cycles["rtl"] != cycles["model"]):
            found.append(f"{name}: {cycles['rtl']} cycles simulated, {cycles['model']} predicted")
    if not (report["resources"]["yosys"] or {}).get("lut"):
        found.append("resources: nothing was counted by Yosys")
    return found


def main() -> int:
    """Prints every fault; 1 where there is one."""
    found = faults(json.loads((Path(sys.argv[1]) / "report.json").read_text(encoding="utf-8")))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
