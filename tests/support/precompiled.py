# SPDX-License-Identifier: Apache-2.0
"""Verilator's headers, compiled once for all simulations that the tests build.

A small simulation's C++ is mostly these headers: 1.5 s of 2.3 s to compile a cell at -O0. g++ takes a precompiled
header only where its flags are the same, and reads the header's text otherwise: it changes how long a build takes,
never what it makes.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from rtl4ml.errors import EnvironmentProblem
from rtl4ml.host.tools import verilator_env

FOLDER = Path(__file__).resolve().parents[2] / "build" / "headers"
# What cells' benches (-O0) and whole designs (-O1) are compiled with.
LEVELS = ("-O0", "-O1")
HEADER = """\
#if defined(__cplusplus) && __has_include("verilated.h")
#include <algorithm>
#include <cinttypes>
#include <deque>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>
#include "svdpi.h"
#include "verilated.h"
#include "verilated_dpi.h"
#include "verilated_syms.h"
#include "verilated_vpi.h"
#endif
"""
_MACROS = ("VERILATOR=1", *(f"VM_{x}=0" for x in ("COVERAGE", "SC", "TIMING", "TRACE")))


def use() -> None:
    """Compiles the headers into build/headers, unless they are there, and has every later build take them.

    Where a tool is missing nothing happens: the tests that need it say so.
    """
    try:
        _, env = verilator_env()
    except EnvironmentProblem:
        return
    include = Path(env["VERILATOR_ROOT"]) / "include"
    command = [
        "g++",
        *env["CXXFLAGS"].split(),
        f"-I{include}",
        f"-I{include}/vltstd",
        *(f"-D{m}" for m in _MACROS),
    ]
    compiler = subprocess.run(["g++", "--version"], env=env, capture_output=True, text=True, check=False)
    told = [HEADER, compiler.stdout, *command, (include / "verilated.h").read_text(encoding="utf-8")]
    folder = FOLDER / hashlib.sha256("\0".join(told).encode()).hexdigest()[:12]
    header, compiled = (
        folder / "precompiled.h",
        folder / "precompiled.h.gch",
    )  # g++ looks for a folder of that name
    compiled.mkdir(parents=True, exist_ok=True)
    header.write_text(HEADER, encoding="utf-8")
    running = {}
    for level in LEVELS:
        if not (compiled / level).exists():
            part = folder / f"{level}.{os.getpid()}.part"
            running[level] = (
                part,
                subprocess.Popen(
                    [*command, level, "-x", "c++-header", str(header), "-o", str(part)], env=env
                ),
            )
    for level, (part, process) in running.items():
        if process.wait() == 0:
            part.replace(compiled / level)
    # Text that make evaluates. Where Verilator splits a large design it has precompiled headers of its own, and g++
    # takes but one.
    os.environ["USER_CPPFLAGS"] = f"$(if $(filter 1,$(VM_PARALLEL_BUILDS)),,-include {header})"
