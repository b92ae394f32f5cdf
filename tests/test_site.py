# SPDX-License-Identifier: Apache-2.0
"""The site of the documentation: it is built without a warning, its notebooks run from top to bottom."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import site_docstrings
import site_hooks

ROOT = Path(__file__).parents[1]


def built(root: Path, site: Path, *, execute: bool = False) -> subprocess.CompletedProcess[str]:
    """MkDocs on the tree at root, which stops at the first warning's page."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(site)]
    env = os.environ | {"NO_MKDOCS_2_WARNING": "1", "RTL4ML_SITE_EXECUTE": str(execute).lower()}
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)


@pytest.mark.gate
@pytest.mark.timeout(1200)
def test_notebooks_run_and_links_lead_somewhere(tmp_path: Path) -> None:
    done = built(ROOT, tmp_path / "site", execute=True)
    assert done.returncode == 0, done.stderr[-4000:]
    jets = (tmp_path / "site" / "notebooks" / "jets.html").read_text()
    assert re.search(r"latency (\d+) cycles, predicted \1\b", jets), "what the cells printed is on the page"
    assert "cuda" not in jets, "and what TensorFlow says at its start is not"
    assert (tmp_path / "site" / "source" / "rtl" / "r4_fifo.sv.html").exists(), "cells.md links to it"


@pytest.mark.gate
def test_a_link_to_nothing_is_an_error(tmp_path: Path) -> None:
    """A copy of the tree in which a page links to a source that is not there."""
    for name in ("docs", "scripts", "src", "rtl", "tests", "models"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "docs").unlink()
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for path in ROOT.glob("*.*"):
        if path.is_file():
            shutil.copy(path, tmp_path / path.name)
    page = tmp_path / "docs" / "glossary.md"
    page.write_text(page.read_text() + "\n[gone](../rtl/r4_gone.sv)\n")
    done = built(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert "glossary.md" in done.stderr and "../rtl/r4_gone.sv" in done.stderr


def test_links_out_of_the_pages() -> None:
    assert site_hooks.outside("../rtl/r4_fifo.sv", "cells.md", ROOT) == "rtl/r4_fifo.sv"
    assert site_hooks.outside("../../rtl/r4_fifo.sv", "decisions/README.md", ROOT) == "rtl/r4_fifo.sv"
    assert site_hooks.outside("timing.md", "cells.md", ROOT) is None, "a page of the site"
    assert site_hooks.outside("../rtl/r4_gone.sv", "cells.md", ROOT) is None, "MkDocs refuses it"
    assert site_hooks.outside("https://example.org/x", "cells.md", ROOT) is None
    assert site_hooks.source_page("rtl", ROOT) == "source/rtl/index.md"


def test_docstrings_become_lists() -> None:
    said = "What it is.\n\nmodel: a model, or\n       its path\nout:   a folder\n\nRaises BadInput: one line."
    assert site_docstrings.listed(said) == (
        "What it is.\n\n* `model`: a model, or its path\n* `out`: a folder\n\nRaises BadInput: one line."
    )
