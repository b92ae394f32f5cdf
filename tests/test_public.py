# SPDX-License-Identifier: Apache-2.0
"""The public names: listed in one place, there, and typed for those who use the package from outside."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rtl4ml
import rtl4ml.testing

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "api.md").read_text()

OUTSIDE = """
import rtl4ml
from rtl4ml.testing import assert_exact

made = rtl4ml.convert("model.h5", out="build/x")
saved = rtl4ml.load("build/x")
reveal_type(made)
reveal_type(saved)
reveal_type(saved.report())
reveal_type(saved.report()["cycles"]["interval"]["rtl"])
reveal_type(saved.simulate([[1.0]]).latency)
reveal_type(assert_exact(saved))
saved.reprot()
saved.report()["cycle"]
"""
REVEALED = [
    "rtl4ml.design.Design",
    "rtl4ml.loaded.SavedDesign",
    "rtl4ml.report.schema.Report",
    "float | None",
    "int | None",
    "rtl4ml.testing.exact.Exact",
]


def listed(package: str) -> set[str]:
    """Names in the first column of the page's table of a package."""
    table = PAGE.split(f"| `{package}` |")[1].split("\n\n")[0]
    cells = re.findall(r"^\| ([^|]*)\|", table, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)[^`]*`", cell)}


def test_the_page_lists_what_there_is() -> None:
    assert listed("rtl4ml") == set(rtl4ml.__all__) - {"__version__"} | {"errors"}
    assert listed("rtl4ml.testing") == set(rtl4ml.testing.__all__)
    for name in rtl4ml.__all__:
        assert getattr(rtl4ml, name) is not None
    methods = set(re.findall(r"`(\w+)`", PAGE.split("A `SavedDesign` has")[1].split("besides.")[0])) - {
        "Design"
    }
    fields = set(rtl4ml.Design.__dataclass_fields__)
    assert not [name for name in methods if not hasattr(rtl4ml.Design, name) and name not in fields]


@pytest.mark.gate
def test_an_editor_sees_it_from_outside(tmp_path: Path) -> None:
    """Pyright's engine, which editors have."""
    (tmp_path / "user.py").write_text(OUTSIDE)
    command = [
        sys.executable,
        "-m",
        "basedpyright",
        "--outputjson",
        "--pythonpath",
        sys.executable,
        "user.py",
    ]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    found = [(d["severity"], d["message"]) for d in json.loads(told.stdout)["generalDiagnostics"]]
    types = [re.sub('^.* is "(.*)"$', r"\1", text) for kind, text in found if kind == "information"]
    assert types == [name.rpartition(".")[2] for name in REVEALED], told.stdout
    errors = " ".join(text for kind, text in found if kind == "error")
    assert 'Cannot access attribute "reprot" for class "SavedDesign"' in errors
    assert '"cycle" is not a defined key in "Report"' in errors


@pytest.mark.gate
def test_a_type_checker_sees_it_from_outside(tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(OUTSIDE)
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", sys.executable, "user.py"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    types = re.findall(r'Revealed type is "(.*)"', told)
    assert len(types) == len(REVEALED), told
    for found, want in zip(types, REVEALED, strict=True):
        assert want in found, told
    assert (
        '"SavedDesign" has no attribute "reprot"' in told and 'TypedDict "Report" has no key "cycle"' in told
    )
