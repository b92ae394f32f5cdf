# SPDX-License-Identifier: Apache-2.0
"""The road of somebody who has never seen this project: what it takes in seconds, megabytes and lines typed.

    python scripts/newcomer.py [--source CLONE]       of another state: a clone of it

A wheel is built from the source and installed into fresh environments by pip. In the first, rtl4ml[convert], the
wheel's own student is converted. In the second, rtl4ml alone, which is that of a CI, the benches of the folder run,
then a bench of one's own with `rtl4ml.testing`, and that once more with what its first run compiled. A state from
before the extras has one environment for all; a step that a state has not is said to be missing. Lines are those that
are typed, in a shell, a script or a test. Packages come from pip's cache where it has them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from pathlib import Path

import click
from rich.table import Table

from rtl4ml.cli.show import stdout

ROOT = Path(__file__).resolve().parent.parent

CONVERT = """\
import rtl4ml
rtl4ml.convert("student.keras", out="hw/student", target_interval=204)
"""
OWN = """\
from rtl4ml.testing import assert_exact, rtl_of

def test_my_top(rtl4ml_design):
    assert_exact(rtl4ml_design, top="my_top", sources=[*rtl_of(rtl4ml_design), "my_top.sv"], frames=100)
"""
STUDENT = "rtl4ml/models/salinas_1dcnn.keras"


def size(environment: Path) -> float:
    """10^6 bytes of an environment's files beyond those of a new one with pip."""
    files = [p for p in environment.rglob("*") if p.is_file() and not p.is_symlink()]
    return sum(p.stat().st_size for p in files if "/site-packages/pip" not in str(p)) / 1e6


def lines(text: str) -> int:
    """Lines that are typed."""
    return sum(bool(line.strip()) for line in text.splitlines())


class Road:
    """The steps so far: what was typed, and what each took."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.table = Table("step", "lines", "s", "MB")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("RTL4ML", "PYTHON", "VIRTUAL_ENV"))}
        self.env = kept | {"HOME": str(folder), "PIP_CACHE_DIR": self._pips_cache()}

    @staticmethod
    def _pips_cache() -> str:
        command = [sys.executable, "-m", "pip", "cache", "dir"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def step(self, what: str, typed: str, *command: str, environment: Path | None = None) -> bool:
        """Runs a command in the folder; whether it ended well. environment: whose size is stated."""
        start = time.perf_counter()
        done = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        if done.returncode:
            last = ((done.stderr or done.stdout).strip().splitlines() or ["no output"])[-1]
            self.table.add_row(what, str(lines(typed)), "fails", last[:80])
            return False
        grown = "" if environment is None else f"{size(environment):,.0f}"
        self.table.add_row(what, str(lines(typed)), f"{seconds:.1f}", grown)
        return True

    def missing(self, what: str) -> None:
        """A step that this state has not."""
        self.table.add_row(what, "", "missing", "")


def wheel_of(source: Path, folder: Path) -> Path:
    """A wheel of a clone's committed state."""
    tree = folder / "source"
    subprocess.run(["git", "clone", "--quiet", str(source), str(tree)], check=True)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(tree)], check=True)
    (found,) = folder.glob("*.whl")
    return found


def wrapper(top: str) -> str:
    """A module of one's own around a design, with its ports: that is there already, so no line of it is counted."""
    ports = top[top.index(") (") + 2 : top.index(");") + 2]
    return f"module my_top {ports}\n  r4_top u_design (.*);\nendmodule\n"


@click.command(help=__doc__)
@click.option("--source", type=click.Path(exists=True, path_type=Path), default=ROOT)
def main(source: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="newcomer_") as tmp:
        folder = Path(tmp)
        wheel = wheel_of(source, folder)
        with zipfile.ZipFile(wheel) as archive:
            (folder / "student.keras").write_bytes(archive.read(STUDENT))
            metadata = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
            extras = "Provides-Extra: convert" in archive.read(metadata).decode()
            testing = any(n.startswith("rtl4ml/testing/") for n in archive.namelist())
        road = Road(folder)
        first, second = folder / "first", folder / ("second" if extras else "first")
        for environment, extra in (
            (first, "[convert]" if extras else ""),
            *([(second, "")] if extras else []),
        ):
            venv.create(environment, with_pip=True)
            install = f"pip install rtl4ml{extra}"
            pip = [str(environment / "bin" / "pip"), "install", "--quiet"]
            road.step(install, install, *pip, f"{wheel}{extra}", environment=environment)
            if extras and environment == second:
                road.step("pip install pytest", "pip install pytest", *pip, "pytest")
        (folder / "convert.py").write_text(CONVERT)
        road.step("convert", CONVERT + "python convert.py", str(first / "bin" / "python"), "convert.py")
        design = folder / "hw" / "student"
        path = f"{second / 'bin'}:{road.env['PATH']}"
        road.env["PATH"] = path
        if (design / "Makefile").is_file():
            road.step("the folder's benches", "make -C hw/student", "make", "-C", "hw/student")
        else:
            road.missing("the folder's benches")
        if testing:
            (folder / "my_top.sv").write_text(wrapper((design / "rtl" / "r4_top.sv").read_text()))
            (folder / "test_own.py").write_text(OWN)
            command = "python -m pytest test_own.py --rtl4ml-design hw/student"
            words = [str(second / "bin" / "python"), *command.split()[1:]]
            road.step("one's own bench", OWN + command, *words)
            road.step("again", command, *words)
        else:
            road.missing("one's own bench")
        stdout().print(road.table)


if __name__ == "__main__":
    main()
