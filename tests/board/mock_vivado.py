# SPDX-License-Identifier: Apache-2.0
"""Stands in for the programs `vivado`, `vitis_hls` and `vitis-run`: command lines, and models of their Tcl commands.

Tcl is that of Python's tkinter (no display is opened); where Python was built without it, tclsh.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(arguments: list[str]) -> int:
    at = arguments.index("-tclargs") if "-tclargs" in arguments else len(arguments)
    (flag,) = {"-source", "-f", "--tcl"}.intersection(arguments)
    model = "mock_vivado.tcl" if flag == "-source" else "mock_vitis_hls.tcl"
    script = Path(arguments[arguments.index(flag) + 1]).resolve()
    told = arguments[at + 1 :]
    os.environ.setdefault("MV_ROOT", str(script.parent))
    return tcl(f"source {{{HERE / model}}}\nset argv {{{' '.join(told)}}}\nsource {{{script}}}\n")


def tcl(script: str) -> int:
    """Runs a script to its `exit`; gives the status."""
    try:
        import tkinter
    except ImportError:
        tkinter = None
    if tkinter is None or os.environ.get("MV_TCL") == "tclsh":
        return tclsh(script)
    interpreter = tkinter.Tcl()

    def leave(status: str = "0") -> None:
        interpreter.eval("flush stdout; flush stderr")
        os._exit(int(status))

    interpreter.createcommand("exit", leave)
    try:
        interpreter.eval(script)
    except tkinter.TclError:
        sys.stderr.write(interpreter.eval("set errorInfo") + "\n")
        leave("1")
    leave()
    return 0


def tclsh(script: str) -> int:
    program = shutil.which("tclsh")
    if program is None:
        sys.stderr.write("mock vivado: needs Python's tkinter or tclsh\n")
        return 99
    with tempfile.NamedTemporaryFile("w", suffix=".tcl") as file:
        file.write(script)
        file.flush()
        return subprocess.run([program, file.name], check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
