# SPDX-License-Identifier: Apache-2.0
"""A report's page, parsed: its elements, texts, tables and shapes; and the schema of report.json."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree

import report_example as example

from rtl4ml.report import page as report_page
from rtl4ml.report.extras import Extras

SCHEMA = json.loads((files("rtl4ml.templates") / "report.schema.json").read_text(encoding="utf-8"))


VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """The page as a list of elements with their text; asserts that every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self.stack: list[int] = []
        self.visible: list[str] = []
        self.feed(text)
        assert self.stack == [], [self.elements[k][0] for k in self.stack]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {k: v or "" for k, v in attrs}, []))
        if tag not in VOID:
            self.stack.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {k: v or "" for k, v in attrs}, []))

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self.stack[-1]][0] == tag, (self.getpos(), tag)
        self.stack.pop()

    def handle_data(self, data: str) -> None:
        for k in self.stack:
            self.elements[k][2].append(data)
        if not any(self.elements[k][0] in ("style", "script") for k in self.stack):
            self.visible.append(data)

    def all(self, tag: str) -> list[tuple[dict[str, str], str]]:
        return [(a, " ".join("".join(t).split())) for n, a, t in self.elements if n == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.visible).split())


def page(r: dict[str, Any], e: Extras | None = None) -> Page:
    return Page(report_page.build(r, example.extras() if e is None else e))  # type: ignore[arg-type]


def table(p: Page, section: str) -> list[list[str]]:
    """Rows of the first table's body in that section."""
    at = next(k for k, (n, a, _) in enumerate(p.elements) if n == "section" and a.get("id") == section)
    body = next(k for k in range(at, len(p.elements)) if p.elements[k][0] == "tbody")
    rows: list[list[str]] = []
    for n, _, text in p.elements[body + 1 :]:
        if n in ("section", "table", "footer"):
            break
        if n == "tr":
            rows.append([])
        elif n in ("th", "td"):
            rows[-1].append(" ".join("".join(text).split()))
    return rows


EVIL = """<script>alert(1)</script><img src=x onerror='alert("2")'>&amp;"""


def shapes(svg: str) -> tuple[ElementTree.Element, list[tuple[float, float, float, float]]]:
    root = ElementTree.fromstring(svg)
    boxes = [
        (float(e.get("x", "")), float(e.get("y", "")), float(e.get("width", "")), float(e.get("height", "")))
        for e in root.iter("rect")
        if e.get("class") in ("box", "port")
    ]
    return root, boxes


def corners(path: str) -> list[tuple[float, float]]:
    numbers = [float(n) for n in re.findall(r"-?[\d.]+", path)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))
