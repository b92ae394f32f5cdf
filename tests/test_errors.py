# SPDX-License-Identifier: Apache-2.0
"""What an error may print: one line of bounded length, nothing that a terminal obeys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtl4ml.errors import LONGEST_TEXT, BadModel, HlsCannot, Rtl4mlError, readable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x9b2J", r"\x9b2J"),
        ("\x07\x08\x7f", r"\x07\x08\x7f"),
        ("a\u202eb\u2066c", r"a\u202eb\u2066c"),
        ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
        ("two\nlines\r\tmore", "two lines more"),
        ("two\u2028lines", "two lines"),
        ("two  blanks", "two  blanks"),
        ("\udcff", r"\udcff"),
        ("größe × 2 – π 層", "größe × 2 – π 層"),
        ("x" * 5000, "x" * 66 + "…" + "x" * 32),
        ("/folder" * 40, "/folder" * 40),
    ],
)
def test_a_name_is_shown_as_it_is_read(name: str, shown: str) -> None:
    assert str(BadModel(f"{name}: must be one, not two")) == f"{shown}: must be one, not two"


def test_long_texts_keep_both_ends() -> None:
    text = str(Rtl4mlError(f"begin {'of many words ' * 5000}end"))
    assert len(text) == pytest.approx(LONGEST_TEXT, abs=2)
    assert text.startswith("begin of") and text.endswith(" end") and "…" in text


def test_every_text_of_several_is_clean() -> None:
    error = HlsCannot("a\x1b: no", "b\u202e: no", "c\nd: no")
    assert error.texts == (r"a\x1b: no", r"b\u202e: no", "c d: no")
    assert str(error) == error.texts[0]


@given(st.text())
def test_whatever_it_is_it_can_be_printed(text: str) -> None:
    shown = readable(text)
    assert shown.isprintable() and len(shown) <= LONGEST_TEXT
    assert readable(shown) == shown
