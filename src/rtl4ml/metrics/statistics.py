# SPDX-License-Identifier: Apache-2.0
"""Repeated runs: means, spreads, tests of whether two differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from rtl4ml.errors import BadData

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A figure over repeated runs: their number, mean, sample standard deviation, least and greatest.

    Of 0.90, 0.92 and 0.94: Spread(runs=3, mean=0.92, std=0.02, least=0.90, greatest=0.94).
    """

    runs: int
    mean: float
    std: float
    least: float
    greatest: float


def spread(values: Sequence[float]) -> Spread:
    """The spread of a figure over runs; a single run deviates by 0. Raises BadData where there is none."""
    v = _finite("spread", values)
    return Spread(
        runs=len(v),
        mean=float(v.mean()),
        std=float(v.std(ddof=1)) if len(v) > 1 else 0.0,
        least=float(v.min()),
        greatest=float(v.max()),
    )


def wilcoxon(a: Sequence[float], b: Sequence[float]) -> float:
    """The p of the two-tailed Wilcoxon signed-rank test (SciPy) that paired figures, one a class, do not differ.

    1 where no pair differs. Raises BadData where the two are not paired.
    """
    from scipy import stats

    x, y = _finite("wilcoxon", a), _finite("wilcoxon", b)
    if len(x) != len(y):
        raise BadData(
            f"wilcoxon: figures must come in pairs, not {len(x)} and {len(y)}; give the same classes of both"
        )
    return 1.0 if (x == y).all() else float(stats.wilcoxon(x, y, alternative="two-sided").pvalue)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The p of Kruskal-Wallis that all models are alike over runs, and of Dunn's test for every pair of them."""

    kruskal: float
    dunn: Mapping[tuple[str, str], float]


def compare(runs: Mapping[str, Sequence[float]]) -> Comparison:
    """Kruskal-Wallis (SciPy) over the runs of every model, then Dunn's test (scikit-posthocs), Bonferroni-adjusted.

    runs: model to a figure of each of its runs. p are 1 where all figures of all runs are the same. Raises BadData for
    fewer than two models, or fewer than two runs of one.
    """
    import scikit_posthocs
    from scipy import stats

    if len(runs) < 2:
        raise BadData(f"compare: must have two models or more, not {len(runs)}; train another")
    values = {name: _finite(name, figures) for name, figures in runs.items()}
    for name, v in values.items():
        if len(v) < 2:
            raise BadData(f"{name}: must have two runs or more to be compared, not {len(v)}; use more seeds")
    pairs = list(combinations(values, 2))
    if len(np.unique(np.concatenate(list(values.values())))) == 1:
        return Comparison(kruskal=1.0, dunn=dict.fromkeys(pairs, 1.0))
    names = list(values)
    table = scikit_posthocs.posthoc_dunn(list(values.values()), p_adjust="bonferroni").to_numpy()
    return Comparison(
        kruskal=float(stats.kruskal(*values.values()).pvalue),
        dunn={(a, b): float(table[names.index(a), names.index(b)]) for a, b in pairs},
    )


def _finite(where: str, values: Sequence[float]) -> Floats:
    v = np.asarray(values, np.float64)
    if v.ndim != 1 or not len(v) or not np.isfinite(v).all():
        raise BadData(f"{where}: must be a list of finite figures, and some, not {values!r}; check the runs")
    return v
