# SPDX-License-Identifier: Apache-2.0
"""What must hold of a board's constraints, found without Vivado."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from rtl4ml.board.boards import BoardSpec

COMMANDS = {"set_property", "set_false_path"}
KEYS = {"PACKAGE_PIN", "IOSTANDARD", "BITSTREAM.GENERAL.COMPRESS"}


def lint(text: str, spec: BoardSpec, ports: list[str]) -> list[str]:
    """The faults of a file of constraints; ports are those of the top, a bit each."""
    faults: list[str] = []
    pins: dict[str, str] = {}
    standard: set[str] = set()
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.partition("#")[0].strip() if raw.lstrip().startswith("#") else raw.strip()
        if not line:
            continue
        if line.split()[0] not in COMMANDS:
            faults.append(f"line {number}: {line.split()[0]} is no command of XDC that is used here")
            continue
        named = re.findall(r"\[get_ports \{([^}]*)\}\]|\[get_ports (\S+)\]", line)
        matched = [
            p
            for a, b in named
            for p in ports
            if fnmatchcase(p, (a or b).replace("[", "[[]").replace("[[]*]", "[[]*]"))
        ]
        if named and not matched:
            faults.append(f"line {number}: no port matches")
        if line.startswith("set_property"):
            _, key, value = line.split()[:3]
            if key not in KEYS:
                faults.append(f"line {number}: {key} is no property that is used here")
            if key == "PACKAGE_PIN":
                faults += [
                    f"line {number}: {value} is taken by {p}" for p, pin in pins.items() if pin == value
                ]
                pins.update(dict.fromkeys(matched, value))
            if key == "IOSTANDARD":
                standard.update(matched)
    faults += [f"{p} has no IOSTANDARD" for p in ports if p not in standard]
    expected = {f"led_o[{i}]": pin for i, pin in enumerate(spec.leds)}
    if pins != expected:
        faults.append(f"pins are {pins}, board.toml says {expected}")
    return faults
