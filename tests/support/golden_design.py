# SPDX-License-Identifier: Apache-2.0
"""One small design, whose files are kept in tests/golden/design: what a change of the code must not change unseen.

python tests/support/golden_design.py            writes tests/golden/design anew, after a change that is meant
python tests/support/golden_design.py FOLDER     makes the design there
python tests/support/golden_design.py --saved    writes tests/golden/saved anew, once its files have another schema
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "design"
# What is of the run, not of the design.
OF_THE_RUN = ("seconds", "environment", "identity", "provenance")


def make(folder: Path) -> dict[str, Any]:
    """Makes the design in a folder; the report without what is of the run."""
    import numpy as np
    from contract import randomize
    from designs import DESIGNS

    import rtl4ml
    from rtl4ml.host import frameworks

    frameworks.keras().backend.clear_session()  # names are numbered, also those of other tests
    build, target = DESIGNS["skip"]
    design = rtl4ml.convert(randomize(build(), np.random.default_rng(5)), out=folder, target_interval=target)
    return {k: v for k, v in design.report().items() if k not in OF_THE_RUN}


def hashes(folder: Path, *places: str) -> dict[str, str]:
    """SHA-256 of every file in these folders of a project, by path."""
    files = sorted(p for place in places for p in (folder / place).rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def write() -> None:
    """Writes tests/golden/design anew."""
    shutil.rmtree(GOLDEN, ignore_errors=True)
    GOLDEN.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "design"
        report = make(folder)
        (GOLDEN / "r4_top.sv").write_bytes((folder / "rtl" / "r4_top.sv").read_bytes())
        for what, content in (("mem.json", hashes(folder, "mem")), ("report.json", report)):
            (GOLDEN / what).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def write_saved() -> None:
    """Writes tests/golden/saved anew: the saved design, samples and what it makes of them."""
    import numpy as np

    import rtl4ml
    from rtl4ml.saved import files

    to = GOLDEN.with_name("saved")
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir()
    with tempfile.TemporaryDirectory() as name:
        make(Path(name) / "design")
        for file in (files.FILE, files.ARRAYS):
            shutil.copy(Path(name) / "design" / file, to)
        saved = rtl4ml.load(Path(name) / "design")
    x = np.random.default_rng(7).uniform(-1.5, 1.5, (6, *saved.parsed.shape)).astype(np.float32)
    np.savez_compressed(to / "samples.npz", x=x, y=saved.emulate(x))


if __name__ == "__main__":
    if sys.argv[1:] == ["--saved"]:
        write_saved()
    elif sys.argv[1:]:
        made = Path(sys.argv[1])
        (made.parent / f"{made.name}.json").write_text(json.dumps(make(made), sort_keys=True))
    else:
        write()
