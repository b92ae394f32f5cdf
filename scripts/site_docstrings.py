# SPDX-License-Identifier: Apache-2.0
"""How the site shows docstrings: their lines "name: text" as lists, the keys of report.json with their types.

A griffe extension, which mkdocstrings loads (mkdocs.yml).
"""

from __future__ import annotations

import re
from typing import Any

import griffe

FIELD = re.compile(r"^(\w+(?:, \w+)*):\s+(\S.*)$")


def listed(text: str) -> str:
    """A docstring whose blocks of lines "name: text" are Markdown lists; an indented line goes on with the one above.

    "a: one\\n   more\\nb: two" is "* `a`: one more\\n* `b`: two".
    """
    blocks = []
    for block in text.split("\n\n"):
        lines = block.splitlines()
        if not all(FIELD.match(line) or (k and line.startswith("  ")) for k, line in enumerate(lines)):
            blocks.append(block)
            continue
        joined: list[str] = []
        for line in lines:
            m = FIELD.match(line)
            if m:
                joined.append(f"* `{m[1]}`: {m[2]}")
            else:
                joined[-1] += f" {line.strip()}"
        blocks.append("\n".join(joined))
    return "\n\n".join(blocks)


class Docstrings(griffe.Extension):
    """Docstrings as Markdown; below those of a TypedDict, its keys."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrites the docstring of a module, class or function when it is loaded."""
        if obj.docstring:
            obj.docstring.value = listed(obj.docstring.value)

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        """Adds the keys of a TypedDict with their types, once they are known."""
        if cls.docstring and "TypedDict" in map(str, cls.bases):
            keys = [f"{name}: {m.annotation}" for name, m in cls.members.items() if m.is_attribute]
            cls.docstring.value = "\n".join([cls.docstring.value, "", "```python", *keys, "```"])
