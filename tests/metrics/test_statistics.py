# SPDX-License-Identifier: Apache-2.0
"""Sizes and links against the published table, statistics against hand-worked cases."""

from __future__ import annotations

import math
import re
from itertools import product

import numpy as np
import pytest

from rtl4ml.errors import BadData
from rtl4ml.metrics.footprint import DOWNLINK, footprint, footprint_of_bits
from rtl4ml.metrics.statistics import compare, spread, wilcoxon


def published_cnn(bands: int, classes: int) -> int:
    """Parameters of the network of Nalepa et al. (2020): 200 kernels of 5, pool of 2, dense 512, 128, classes."""
    pooled = (bands - 4) // 2 * 200
    return 200 * 5 + 200 + pooled * 512 + 512 + 512 * 128 + 128 + 128 * classes + classes


@pytest.mark.parametrize(
    ("bands", "classes", "bits", "size", "uplink"),
    [
        (204, 16, 32, 41.24, 43.99),
        (204, 16, 8, 10.31, 11.00),
        (103, 9, 32, 20.35, 21.71),
        (103, 9, 8, 5.09, 5.43),
    ],
)
def test_the_published_sizes_and_uplink_minutes(
    bands: int, classes: int, bits: int, size: float, uplink: float
) -> None:
    """Table 11 of Nalepa et al. (2020), from the architecture alone."""
    found = footprint(published_cnn(bands, classes), bits)
    assert (found.megabytes, round(found.uplink_minutes, 2)) == (size, uplink)


def test_the_published_downlink() -> None:
    """Section 4.3.2: 4,800 megabits at 50 Mbps and an efficiency of a half are 3.2 minutes."""
    assert DOWNLINK.minutes(4800 / 8) == pytest.approx(3.2)


def test_spread() -> None:
    found = spread([1.0, 2.0, 6.0])
    assert (found.runs, found.mean, found.least, found.greatest) == (3, 3.0, 1.0, 6.0)
    assert found.std == pytest.approx(7**0.5)  # (4 + 1 + 9) / 2
    assert spread([5.0]).std == 0.0


def test_wilcoxon_by_hand() -> None:
    """Of the 2^6 signs of six differences, how many give a sum of ranks as far out as the one seen."""
    a, b = [10.0, 11.5, 13.0, 9.0, 15.0, 16.5], [9.0, 9.5, 10.0, 13.0, 10.0, 10.5]
    differences = np.subtract(a, b)
    ranks = np.abs(differences).argsort().argsort() + 1
    seen = min(ranks[differences > 0].sum(), ranks[differences < 0].sum())
    sums = [ranks[np.array(signs, bool)].sum() for signs in product((0, 1), repeat=6)]
    assert wilcoxon(a, b) == pytest.approx(2 * sum(s <= seen for s in sums) / 64)
    assert wilcoxon(a, a) == 1.0


def test_kruskal_and_dunn_by_hand() -> None:
    """Nine figures without ties in three models: H and z from the ranks, p from their distributions."""
    runs = {"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0], "c": [7.0, 8.0, 9.0]}
    found = compare(runs)
    mean_ranks = np.array([2.0, 5.0, 8.0])
    h = 12 / (9 * 10) * 3 * ((mean_ranks - 5) ** 2).sum()
    assert found.kruskal == pytest.approx(np.exp(-h / 2))  # chi-square of two degrees of freedom
    z = (8 - 2) / np.sqrt(9 * 10 / 12 * (1 / 3 + 1 / 3))
    tail = 2 * 0.5 * (1 - math.erf(z / 2**0.5))
    assert found.dunn["a", "c"] == pytest.approx(min(1, 3 * tail), rel=1e-6)
    assert set(found.dunn) == {("a", "b"), ("a", "c"), ("b", "c")}
    assert compare({"a": [1.0, 1.0], "b": [1.0, 1.0]}).kruskal == 1.0


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: footprint(0), "footprint: a network must have parameters of at least 1 bit, not 0 of 32;"),
        (
            lambda: footprint_of_bits(3, 2),
            "footprint: a network must have parameters of at least 1 bit, not 3 of 2 together;",
        ),
        (lambda: wilcoxon([1.0], [1.0, 2.0]), "wilcoxon: figures must come in pairs, not 1 and 2;"),
        (lambda: compare({"a": [1.0, 2.0]}), "compare: must have two models or more, not 1;"),
        (
            lambda: compare({"a": [1.0], "b": [1.0, 2.0]}),
            "a: must have two runs or more to be compared, not 1;",
        ),
        (lambda: spread([float("nan")]), "spread: must be a list of finite figures, and some, not [nan];"),
    ],
)
def test_errors(call: object, text: str) -> None:
    with pytest.raises(BadData, match=re.escape(text)):
        call()  # type: ignore[operator]
