# SPDX-License-Identifier: Apache-2.0
"""Resolve pyproject.toml afresh and write requirements.lock: exact pins, no index, no paths. Run by `make lock`.

`--keep` holds the versions that the file pins already: for a package that is added while the others stay as tried.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = """\
# The exact set of packages that CI runs: pyproject.toml with its dev extra, resolved on Python {version}.
# Written by `make lock`. Do not edit.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Resolve pyproject.toml and write requirements.lock.")
    parser.add_argument("--keep", action="store_true", help="hold the versions that are pinned already")
    keep = ["--constraint", str(ROOT / "requirements.lock")] if parser.parse_args().keep else []
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--dry-run",
            "--ignore-installed",
            *keep,
        ]
        subprocess.run([*command, "--report", str(report), f"{ROOT}[dev]"], check=True)
        packages = [item["metadata"] for item in json.loads(report.read_text())["install"]]
    versions = {p["name"].lower().replace("_", "-"): p["version"] for p in packages}
    del versions["rtl4ml"]
    pins = [f"{name}=={version}" for name, version in sorted(versions.items())]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    (ROOT / "requirements.lock").write_text(HEADER.format(version=version) + "\n".join(pins) + "\n")


if __name__ == "__main__":
    main()
