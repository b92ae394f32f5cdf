# SPDX-License-Identifier: Apache-2.0
"""Packages that `pip install rtl4ml` leaves out are named with the extra that has them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from rtl4ml.host.extras import EXTRAS, missing

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

WITHOUT = """
import sys
class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "scipy":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Refused())
"""


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=\\[]", r)[0] for r in requirements}


def test_every_extra_has_what_is_said_of_it() -> None:
    extras = PROJECT["optional-dependencies"]
    installed = {"PIL": "pillow", "skimage": "scikit-image", "sklearn": "scikit-learn", "serial": "pyserial"}
    for package, extra in EXTRAS.items():
        own = {n.replace("-", "_") for n in names(extras[extra])}
        name = installed.get(package, package).replace("-", "_")
        assert any(n == name or n.startswith(name) for n in own), package
    everything = set().union(*(names(r) for e, r in extras.items() if e not in ("all", "dev"))) - {"rtl4ml"}
    assert not everything & names(PROJECT["dependencies"])
    assert set(extras["all"][0].removeprefix("rtl4ml[").removesuffix("]").split(",")) == set(extras) - {
        "all",
        "dev",
    }
    assert "rtl4ml[all]" in extras["dev"]


def test_other_modules_are_not_explained() -> None:
    assert missing(ModuleNotFoundError("No module named 'mine'", name="mine")) is None
    assert missing(ModuleNotFoundError("none")) is None


TEXT = "scipy: must be installed for this, not missing; run pip install 'rtl4ml[convert]'"


ASKED = """
import rtl4ml
from rtl4ml.errors import EnvironmentProblem
try:
    rtl4ml.convert
except EnvironmentProblem as error:
    print(error)
"""


def test_in_python() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT + ASKED], capture_output=True, text=True, check=True)
    assert done.stdout == f"{TEXT}\n"


def test_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "m.h5").touch()
    code = f"{WITHOUT}from rtl4ml.cli.main import run\nsys.exit(run(['convert', {str(tmp_path / 'm.h5')!r}]))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, f"rtl4ml: {TEXT}\n")


def test_a_light_installation_needs_none_of_them() -> None:
    """What `load` imports of other packages is among the dependencies that everybody gets."""
    code = "import sys, rtl4ml; rtl4ml.load; print(*{m.partition('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {m for m in done.stdout.split() if m in EXTRAS}


@pytest.mark.parametrize("package", ["tensorflow", "qkeras", "pyosys"])
def test_it_says_what_to_run(package: str) -> None:
    error = missing(ModuleNotFoundError("none", name=f"{package}.inner"))
    extra = "synth" if package == "pyosys" else "convert"
    assert (
        str(error) == f"{package}: must be installed for this, not missing; run pip install 'rtl4ml[{extra}]'"
    )
