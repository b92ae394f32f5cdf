# SPDX-License-Identifier: Apache-2.0
"""The pages: what is generated is up to date, and every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import document
import pytest

from rtl4ml._version import __version__

ROOT = Path(__file__).resolve().parent.parent
# Text outside of code, in which brackets are links.
CODE = re.compile(r"^```.*?^```|^ {4}.*?$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|src=\"([^\"]+)\"")
ANCHOR = re.compile(r"^#+ (.*)$", re.MULTILINE)


def pages() -> list[Path]:
    """Every page of the project, but those of generated and foreign folders."""
    places = ("*.md", "docs/**/*.md", "rtl/*.md", "hls/**/*.md", "models/*.md", "boards/**/*.md")
    return sorted({p for place in places for p in ROOT.glob(place)})


def test_the_change_log_has_the_version() -> None:
    """First what is not released yet, then the version that the package says that it is, with a day."""
    heads = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heads[0] == "[Unreleased]"
    assert re.fullmatch(rf"\[{re.escape(__version__)}\] - 20\d\d-\d\d-\d\d", heads[1]), heads[1]


@pytest.mark.parametrize("page", sorted(document.PAGES))
def test_what_is_generated_is_up_to_date(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    assert document.current(page) == text, f"docs/{page}: run make docs"


@pytest.mark.parametrize("page", pages(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for match in LINK.finditer(CODE.sub("", page.read_text())):
        link = match[1] or match[2]
        if re.match(r"[a-z]+:", link):  # another site: no test depends on the network
            continue
        path, _, anchor = link.partition("#")
        to = (page.parent / path).resolve() if path else page
        if not to.exists() or (anchor and anchor not in anchors(to)):
            dead.append(link)
    assert not dead, f"{page.relative_to(ROOT)}: these links lead nowhere: {dead}"


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in ANCHOR.findall(page.read_text())}


def test_pages_name_files_that_exist() -> None:
    """Paths in `code`, such as `tests/test_complete.py`, where no letter of them stands for another name."""
    named = re.compile(
        r"`?\b((?:src|tests|scripts|rtl|sim|docs|hls|models)/[\w/.-]+\.(?:py|sv|md|json|toml|h|cpp|vlt))\b`?"
    )
    dead = {
        f"{page.relative_to(ROOT)}: {path}"
        for page in [ROOT / "CONTRIBUTING.md", ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
        for path in named.findall(page.read_text())
        if not re.search(r"(?:^|[/_])x\.\w+$", path) and not (ROOT / path).exists()
    }
    assert not dead, f"these files do not exist: {sorted(dead)}"
