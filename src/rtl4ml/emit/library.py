# SPDX-License-Identifier: Apache-2.0
"""The SystemVerilog modules of `rtl/`: where they are, their ports and parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path


def library() -> Path:
    """The folder of the cells."""
    return Path(str(files("rtl4ml.rtl")))


@cache
def module(name: str) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Parameters and ports of a module in `rtl/`, and the modules that it instantiates."""
    text = (library() / f"{name}.sv").read_text()
    text = re.sub(r"//[^\n]*", "", text)
    head = text[text.index(f"module {name}") : text.index(");", text.index("input "))]
    params = frozenset(re.findall(r"\bparameter\s+[^=]*?(\w+)\s*=", head))
    ports = frozenset(re.findall(r"(?:input|output)\s+logic\s*(?:signed\s*)?(?:\[[^\]]*\])*\s*(\w+)", head))
    children = frozenset(re.findall(r"\b(r4_\w+)\s+(?:#\(|u_\w+\s*\()", text)) - {name}
    return params, ports, children


# Names of clocks' ports: in the library, and of stages that are analysed apart.
CLOCKS = ("clk_i", "clk2x_i", "aclk2x")


def clock_pins(text: str) -> str:
    """Connections of a module's clocks to signals of the same names. text: the module's."""
    return ", ".join(
        f".{c}({c})" for c in CLOCKS if re.search(rf"\binput\s+logic\s+(\[0:0\]\s+)?{c}\b", text)
    )


def modules(cells: Iterator[str] | set[str]) -> list[str]:
    """The modules and all that they are made of, sorted."""
    todo, seen = list(cells), set()
    while todo:
        m = todo.pop()
        if m not in seen and (library() / f"{m}.sv").exists():
            seen.add(m)
            todo.extend(module(m)[2])
    return sorted(seen)
