# SPDX-License-Identifier: Apache-2.0
"""A page that is written again shows what it showed before; a file of its content that is broken shows nothing."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import report_example as example

from rtl4ml.report import kept, page
from rtl4ml.report.extras import Extras
from rtl4ml.report.figures.maps import ClassMap, Frames


def shown(rng: np.random.Generator) -> list[Extras]:
    pixels = np.arange(12)
    found = ClassMap(row=pixels // 4, col=pixels % 4, truth=None, predicted=pixels % 3, names=["a", "b", "c"])
    masks = rng.random((2, 5, 6)) < 0.5
    images = Frames(images=rng.random((2, 5, 6, 3)), masks=masks, truth=~masks, names=("one", "two"), total=9)
    plain = example.extras()
    return [Extras(), plain, replace(plain, on_board=found, frames=images), replace(plain, on_board=images)]


@pytest.mark.parametrize("k", range(4))
def test_a_page_is_written_again_as_it_was(k: int, tmp_path: Path, rng: np.random.Generator) -> None:
    extras = shown(rng)[k]
    page.write(example.report(), tmp_path, extras=extras)
    before = (tmp_path / "report.html").read_text()
    (tmp_path / "report.html").unlink()
    page.write(example.report(), tmp_path)
    assert (tmp_path / "report.html").read_text() == before
    assert kept.text(kept.read(tmp_path)) == (tmp_path / kept.FILE).read_text()


def test_arrays_come_back_as_they_were(tmp_path: Path, rng: np.random.Generator) -> None:
    extras = shown(rng)[2]
    (tmp_path / kept.FILE).write_text(kept.text(extras))
    found = kept.read(tmp_path)
    assert isinstance(found.on_board, ClassMap) and found.frames is not None and extras.frames is not None
    for name in ("images", "masks", "truth"):
        want, got = getattr(extras.frames, name), getattr(found.frames, name)
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"sample": 3, "confusion": 5}',
        '{"confusion": {"dtype": "<i8", "shape": [9], "data": "AA=="}}',
    ],
)
def test_a_broken_file_shows_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / kept.FILE).write_text(text)
    assert kept.text(kept.read(tmp_path)) == kept.text(Extras())


def test_few_bytes_do_not_become_many(tmp_path: Path, rng: np.random.Generator) -> None:
    """An array's bytes are unpacked no further than its shape says."""
    coded = json.loads(kept.text(replace(Extras(), confusion=np.zeros((1 << 12, 1 << 9), np.int64))))
    coded["confusion"]["shape"] = [1]
    (tmp_path / kept.FILE).write_text(json.dumps(coded))
    tracemalloc.start()
    try:
        assert kept.read(tmp_path).confusion is None
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
