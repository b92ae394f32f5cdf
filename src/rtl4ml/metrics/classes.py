# SPDX-License-Identifier: Apache-2.0
"""Accuracy over classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.errors import BadData

# ---------------------------------------------------------------------------------------------------------- accuracy


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """The agreement of a classification with the truth.

    oa: share of pixels that are right; aa: mean over the classes that occur of their shares; kappa: Cohen's.
    per_class: share of each class, None where it does not occur. confusion[truth][predicted]: pixels.

    Of labels 0, 0, 1, 1 and predictions 0, 1, 1, 1 with a third class that does not occur:
    Accuracy(samples=4, oa=0.75, aa=0.75, kappa=0.5, per_class=(0.5, 1.0, None),
    confusion=((1, 1, 0), (0, 2, 0), (0, 0, 0)))
    """

    samples: int
    oa: float
    aa: float
    kappa: float
    per_class: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]


def accuracy(labels: NDArray[Any], predicted: NDArray[Any], *, classes: int) -> Accuracy:
    """Agreement of (N,) predicted classes with (N,) labels, both 0 up to classes - 1. Raises BadData otherwise."""
    for what, values in (("labels", labels), ("predictions", predicted)):
        if values.ndim != 1 or values.dtype.kind not in "iu" or ((values < 0) | (values >= classes)).any():
            raise BadData(
                f"accuracy: {what} must be integers (N,) from 0 to {classes - 1}, not {values.dtype} {values.shape} "
                f"from {values.min(initial=0)} to {values.max(initial=0)}; take the argmax of the logits"
            )
    if len(labels) != len(predicted) or not len(labels):
        raise BadData(
            f"accuracy: must have as many predictions as labels, and some, not {len(predicted)} and {len(labels)}; "
            "predict the same pixels"
        )
    confusion = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    total, right = int(confusion.sum()), confusion.diagonal()
    truth, guess = confusion.sum(axis=1), confusion.sum(axis=0)
    shares = [int(r) / int(t) if t else None for r, t in zip(right, truth, strict=True)]
    oa = int(right.sum()) / total
    chance = float((truth * guess).sum()) / total**2
    return Accuracy(
        samples=total,
        oa=oa,
        aa=float(np.mean([share for share in shares if share is not None])),
        kappa=1.0 if chance == 1.0 else (oa - chance) / (1.0 - chance),
        per_class=tuple(shares),
        confusion=tuple(tuple(int(v) for v in row) for row in confusion),
    )
