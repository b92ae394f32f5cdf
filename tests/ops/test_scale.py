# SPDX-License-Identifier: Apache-2.0
"""Factors of rows and columns: values, smaller frames, refusals."""

from __future__ import annotations

import re

import numpy as np
import pytest

from rtl4ml.errors import UnsupportedLayer
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.types import Stream
from rtl4ml.ops.scale import Scale

ROWS, COLUMNS = np.array([3, 2, 2, 3]), np.array([1, 5, 7])


def scale(shape: tuple[int, ...] = (4, 3, 2), *, lo: int = -84, hi: int = 63, **changed: object) -> Scale:
    x = Stream.covering("x", shape, -4, 3, 2)
    fields = {"rows": ROWS, "columns": COLUMNS, "lo": lo, "hi": hi} | changed
    return Scale(name="l", inputs=(x,), **fields)  # type: ignore[arg-type]


def test_golden() -> None:
    op = scale(shift=3)
    y = op.golden(np.ones((2, 4, 3, 2), np.int64))
    np.testing.assert_array_equal(
        y[1, :, :, 1], [[3, 15, 21], [2, 10, 14], [2, 10, 14], [3, 15, 21]], strict=True
    )
    assert (op.output.lo, op.output.hi, op.output.type.fraction) == (-84, 63, 5)
    assert op.bound == 4, "nothing is added up"


def test_a_smaller_frame_keeps_the_edges() -> None:
    graph = Graph("g", (scale().x,), (scale(),), (scale().output,))
    small = graph.resized(3, 2)
    assert small is not None
    op = small.ops[0]
    assert isinstance(op, Scale)
    assert [f.tolist() for f in op.factors] == [[3, 2, 3], [1, 7]]
    assert graph.resized(5, 3) is None, "what is made for cycles alone knows no factors of a larger frame"


def test_a_larger_frame_has_more_of_the_least_factor() -> None:
    """That is the factor of windows without padding, wherever they lie."""
    (op,) = Graph("g", (scale().x,), (scale(),), (scale().output,)).of_frames(6, 5).ops
    assert isinstance(op, Scale)
    assert [f.tolist() for f in op.factors] == [[3, 2, 2, 2, 2, 3], [1, 1, 1, 5, 7]]
    (reads,) = op.reads(0)
    assert reads.kinds.tolist() == [1, 0, 0, 0, 0, -1]
    uneven = scale(rows=np.array([2, 3, 2, 4]))
    with pytest.raises(UnsupportedLayer) as error:
        Graph("g", (uneven.x,), (uneven,), (uneven.output,)).of_frames(5, 3)
    assert str(error.value) == (
        "l: in larger frames an average must have one divisor for the rows between its borders, not several; "
        "convert for a larger frame"
    )


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (
            {"shape": (5, 3, 2)},
            "l: the input must be a frame of at most 4 x 3 positions, not of shape (5, 3, 2)",
        ),
        ({"shape": (2,)}, "l: the input must be a frame of at most 4 x 3 positions, not of shape (2,)"),
        ({"rows": np.array([3, 0, 2, 3])}, "l: factors must be at least 1, not 0"),
        (
            {"lo": -(2**53)},
            f"l: products must stay below 2^53 steps, not reach {2**53}; use fewer bits",
        ),
    ],
)
def test_refusals(made: dict[str, object], text: str) -> None:
    with pytest.raises(UnsupportedLayer, match=f"^{re.escape(text)}$"):
        scale(**made)  # type: ignore[arg-type]
