# SPDX-License-Identifier: Apache-2.0
"""The wheel: everything is in it, and it works apart from this folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {
    "src/rtl4ml": "rtl4ml",
    "rtl": "rtl4ml/rtl",
    "hls": "rtl4ml/hls",
    "boards": "rtl4ml/boards",
    "models": "rtl4ml/models",
    "sim": "rtl4ml/sim",
}
GENERATED = shutil.ignore_patterns(
    "__pycache__", "*.pyc", "obj_dir", "sim_build", "results.xml", "*.egg-info"
)

# Run in the fresh environment from a foreign folder: resources found, plug-in declared, tools found, help given.
PROBE = """
import sys
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
import rtl4ml
from rtl4ml.host.tools import verilator_env, pyosys
assert Path(rtl4ml.__file__).is_relative_to(sys.prefix), rtl4ml.__file__
for package in ("rtl", "hls", "boards", "models", "sim", "templates"):
    assert Path(str(files(f"rtl4ml.{package}"))).is_relative_to(sys.prefix), package
assert sorted(f.name for f in files("rtl4ml.rtl").iterdir() if f.name.endswith(".sv"))
(plugin,) = [e for e in entry_points(group="hls4ml.backends") if e.name == "rtl4ml"]
assert plugin.value == "rtl4ml.hls4ml_plugin:register"
verilator_env()
pyosys()
"""

# The student of the wheel through every proof, and hls4ml finding the backend.
PROOF = """
import numpy as np
import rtl4ml
from rtl4ml.training.classification.students import student_path
design = rtl4ml.convert(student_path(), out="out")
x = np.random.default_rng(0).uniform(0, 1, (20, 204, 1)).astype(np.float32)
y = design.emulate(x)
assert np.array_equal(design.csim(x), y)
assert np.array_equal(design.simulate(x, stalls="random").y, y)
report = design.report()
assert [report["exactness"][k]["mismatches"] for k in ("emulate", "csim")] == [0, 0]
assert (report["stalls"]["frames"], report["stalls"]["mismatches"]) == (20, 0)
import hls4ml
assert "rtl4ml" in hls4ml.backends.get_available_backends()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the sources, so that nothing of an earlier build can slip in."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, ignore=GENERATED)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(source)], check=True, cwd=folder)
    (found,) = folder.glob("*.whl")
    return found


def environment(folder: Path) -> Path:
    """A fresh virtual environment; its Python."""
    venv.create(folder, with_pip=True)
    return folder / "bin" / "python"


def clean(tmp_path: Path) -> dict[str, str]:
    """The environment variables of a user who knows nothing of this checkout."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RTL4ML", "PYTHON", "VIRTUAL_ENV"))}
    return kept | {"HOME": str(tmp_path)}


def test_every_source_file_is_in_the_wheel_and_nothing_else(wheel: Path) -> None:
    expected: set[str] = set()
    for folder, target in FOLDERS.items():
        source = wheel.parent / "source" / folder
        expected |= {f"{target}/{p.relative_to(source).as_posix()}" for p in source.rglob("*") if p.is_file()}
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
        licences = [name for name in archive.namelist() if name.endswith("licenses/LICENSE")]
    assert found == expected
    assert licences


def test_it_works_from_any_folder(wheel: Path, tmp_path: Path) -> None:
    """A fresh environment that holds the wheel and borrows this one's third-party packages by path."""
    python = environment(tmp_path / "env")
    borrowed = sysconfig.get_paths()["purelib"]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (tmp_path / "env" / "lib" / version / "site-packages" / "borrowed.pth").write_text(f"{borrowed}\n")
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--force-reinstall"]
    subprocess.run([*command, str(wheel)], check=True)
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    env = clean(tmp_path)
    subprocess.run([str(python), "-c", PROBE], check=True, cwd=elsewhere, env=env)
    for command in ([], ["convert"], ["demo"]):
        script = [str(python.parent / "rtl4ml"), *command, "--help"]
        done = subprocess.run(script, check=True, cwd=elsewhere, env=env, capture_output=True, text=True)
        assert done.stdout.startswith("Usage: rtl4ml")


@pytest.mark.slow
def test_it_works_with_nothing_borrowed(wheel: Path, tmp_path: Path) -> None:
    """As a user installs it: pip gets everything that the wheel declares for converting and for Yosys."""
    python = environment(tmp_path / "env")
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", f"{wheel}[convert,synth]"], check=True)
    env = clean(tmp_path)
    subprocess.run([str(python), "-c", PROBE], check=True, cwd=tmp_path, env=env)
    subprocess.run([str(python), "-c", PROOF], check=True, cwd=tmp_path, env=env)
