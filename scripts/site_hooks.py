# SPDX-License-Identifier: Apache-2.0
"""What MkDocs does for the site beside its plugins: files of the tree that pages link to become pages of their own.

The pages of docs/ link to sources, tests and folders beside docs/, as one reads them in a checkout. A site has no tree
around it, so each such file gets a page with its text under `source/`, each folder one with the names in it, and the
links lead there. A link to what does not exist is left alone: MkDocs then refuses it.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

LINK = re.compile(r"(?<=\]\()([^)#\s]+)(?=[)#])")  # the path in [text](path) or [text](path#place)
LANGUAGES = {".py": "python", ".sv": "systemverilog", ".toml": "toml", ".json": "json", ".yml": "yaml"}
SOURCE, FOLDER = "source", "index"


def outside(link: str, page: str, root: Path) -> str | None:
    """The path from the root of the tree to what a page of docs/ links to, None for what lies in docs/ or is no file.

    "../rtl/r4_fifo.sv" on the page "cells.md" is "rtl/r4_fifo.sv".
    """
    if "://" in link:
        return None
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), link))
    if path.startswith(("docs/", "..")) or not (root / path).exists():
        return None
    return path


def source_page(path: str, root: Path) -> str:
    """Where the page of a file or a folder stands in the site."""
    return f"{SOURCE}/{path}/{FOLDER}.md" if (root / path).is_dir() else f"{SOURCE}/{path}.md"


def source_text(path: str, root: Path) -> str:
    """The page of a file or a folder. The pages of the tree, README.md and its kin, stay Markdown."""
    at = root / path
    head = f"---\ntitle: {path}\nsearch:\n  exclude: true\n---\n\n"
    if at.is_dir():
        names = sorted(p.name + "/" * p.is_dir() for p in at.iterdir() if p.name != "__pycache__")
        return head + f"# {path}/\n\n" + "\n".join(f"* `{n}`" for n in names) + "\n"
    try:
        text = at.read_text()
    except UnicodeDecodeError:
        return head + f"# {path}\n\nA file of {at.stat().st_size:,} bytes, no text.\n"
    fence = "`" * max(4, 1 + max((len(f) for f in re.findall(r"`+", text)), default=0))
    return head + f"# {path}\n\n{fence}{LANGUAGES.get(at.suffix, 'text')}\n{text}\n{fence}\n"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the changelog, and a page for everything outside docs/ that a page of docs/ links to."""
    root = Path(config.docs_dir).parent
    found = {
        path
        for f in files.documentation_pages()
        if f.src_uri.endswith(".md")
        for link in LINK.findall(f.content_string)
        if (path := outside(link, f.src_uri, root))
    }
    changes = (root / "CHANGELOG.md").read_text().replace("](docs/", "](")
    files.append(File.generated(config, "changelog.md", content=changes))
    for path in sorted(found):
        page = source_page(path, root)
        files.append(File.generated(config, page, content=source_text(path, root)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Lets links to files outside docs/ lead to their pages."""
    root = Path(config.docs_dir).parent
    here = page.file.src_uri
    if here.startswith(f"{SOURCE}/"):
        return markdown

    def led(m: re.Match[str]) -> str:
        path = outside(m[1], here, root)
        return (
            m[1]
            if path is None
            else posixpath.relpath(source_page(path, root), posixpath.dirname(here) or ".")
        )

    return LINK.sub(led, markdown)
