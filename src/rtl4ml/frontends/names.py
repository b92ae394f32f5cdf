# SPDX-License-Identifier: Apache-2.0
"""Names of layers as names of operators."""

from __future__ import annotations

import re

# Characters of a name: what is made of it, with all its endings, is a file name too, of 255 bytes at the most.
MOST_NAME = 100


def identifier(name: str) -> str:
    """A layer's name as an identifier of SystemVerilog and C++."""
    n = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:MOST_NAME] or "layer"
    return n if not n[0].isdigit() else f"n{n}"
