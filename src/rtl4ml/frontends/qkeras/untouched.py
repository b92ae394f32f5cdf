# SPDX-License-Identifier: Apache-2.0
"""The model's own `predict`, nothing of it altered, against the reference: where they differ, and why.

The reference takes a quantizer's grid point, in whole vectors; what a user sees is `model.predict(x)`. Every value in
which the two differ is counted under a cause that was established by another evaluation of the same model. A value for
which none explains the difference is a mismatch, like one between hardware and reference.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.frontends.parsed import Parsed
from rtl4ml.frontends.qkeras.heads import judged
from rtl4ml.frontends.qkeras.reference import depends_on_batch, predict
from rtl4ml.host import frameworks

Real = NDArray[np.float64]
Flags = NDArray[np.bool_]

# The causes, in the order in which they are tried.
OFF_GRID = "off the grid by less than half a step"  # what x + (q - x) leaves, at the output
AGAINST_CALL = "predict differs from the model's own call"
PLACE = "a sample's values depend on its place in the batch"  # the scalar code at a tensor's end
EQUAL_SCORES = "equal scores in float32 of different logits"
RESIDUE = "what x + (q - x) leaves, in predict and call, reaches another step"
UNEXPLAINED = "unexplained"

# A difference within a layer that counts, against the greatest of its values: more than a residue, less than a step.
_NOTABLE = 2.0**-18


@dataclass(eq=False)
class Untouched:
    """Counts over all samples that were compared so far, each sample once. causes: values by (layer, cause)."""

    samples: int = 0
    values: int = 0
    causes: Counter[tuple[str, str]] = field(default_factory=Counter)
    _seen: set[bytes] = field(default_factory=set)

    def __repr__(self) -> str:
        if not self.samples:
            return "<nothing compared>"
        left = f", {self.mismatches:,} of them unexplained" if self.mismatches else ""
        return f"<{self.differ:,} of {self.values:,} values of model.predict differ{left}, {self.samples:,} samples>"

    @property
    def differ(self) -> int:
        """Values in which predict and the reference differ."""
        return sum(self.causes.values())

    @property
    def mismatches(self) -> int:
        """Those of them that nothing explains."""
        return sum(n for (_, why), n in self.causes.items() if why == UNEXPLAINED)

    def add(self, parsed: Parsed, x: Any, want: Sequence[Real]) -> None:
        """Compares samples of which the reference made `want`, of every output; those that were compared before are
        left out.

        Nothing is compared where float32 itself rounds the model's sums, for there the reference is no predict, nor for
        frames of another size than the model's, which it does not take.
        """
        samples = parsed.samples(x, larger=True)
        if not parsed.graph.float32_exact or tuple(a.shape[1:] for a in samples) != parsed.shapes:
            return
        keys = [_key(rows) for rows in zip(*samples, strict=True)]
        fresh = np.array([k not in self._seen for k in keys], bool)
        self._seen.update(keys)
        if not fresh.any():
            return
        given = parsed.seen_by_model([a[fresh] for a in samples])
        self.samples += len(given[0])
        with parsed.weights.restored():
            for k, y in enumerate(want):
                self.values += y[fresh].size
                self.causes.update(_causes(parsed, k, given, y[fresh]))

    def entry(self) -> dict[str, Any] | None:
        """For report.json; None where nothing was compared."""
        if not self.samples:
            return None
        return {
            "samples": self.samples,
            "values": self.values,
            "differ": self.differ,
            "mismatches": self.mismatches,
            "cause": [{"layer": at, "why": why, "values": n} for (at, why), n in sorted(self.causes.items())],
        }


def _key(rows: Sequence[NDArray[np.float32]]) -> bytes:
    """A sample by its content."""
    told = hashlib.blake2b(digest_size=16)
    for row in rows:
        told.update(row.tobytes())
    return told.digest()


def _causes(parsed: Parsed, k: int, x: Sequence[NDArray[np.float32]], want: Real) -> Counter[tuple[str, str]]:
    """Values of output `k` that differ, by layer and cause."""
    made, score = _seen_by_users(parsed, k, x)
    rows = np.flatnonzero((made != want).reshape(len(want), -1).any(axis=1))
    found: Counter[tuple[str, str]] = Counter()
    if not len(rows):
        return found
    x, made, want, score = [a[rows] for a in x], made[rows], want[rows], score[rows]
    last = parsed.model.outputs[k].node.layer.name
    half = parsed.graph.outputs[k].type.step / 2 if parsed.output == "logits" else 0.0

    def differ(a: Real, b: Real) -> Flags:
        return np.asarray(np.abs(a - b) >= half if half else a != b)

    def run(**how: Any) -> Real:
        cut = parsed.output == "logits"
        return judged(parsed, predict(parsed.model, x, cut=cut, **how)[k])

    left = np.asarray(made != want)

    def count(why: str, explained: Flags, at: str = last) -> None:
        nonlocal left
        if n := int((left & explained).sum()):
            found[at, why] += n
        left = left & ~explained

    count(OFF_GRID, ~differ(made, want))
    if parsed.output == "argmax" and left.any():
        mine = np.take_along_axis(score, want.astype(np.int64), axis=-1)
        count(EQUAL_SCORES, mine == score.max(axis=-1, keepdims=True))
    if left.any() and depends_on_batch(parsed.model):
        count(PLACE, ~differ(run(pure=False, batch_size=1, whole=False), want))
    if left.any():
        placed, called = run(pure=False), run(pure=False, call=True)  # in whole vectors, both
        place = differ(made, placed) & ~differ(placed, want)
        against = differ(placed, called)
        residue = ~against & ~differ(run(call=True), want)
        origins = _origins(parsed, k, x, np.asarray(left.reshape(len(want), -1).any(axis=1)))
        count(PLACE, place)
        for why, explained in ((AGAINST_CALL, against), (RESIDUE, residue)):
            for at in sorted(set(origins)):
                here = np.array([o == at for o in origins]).reshape(-1, *(1,) * (made.ndim - 1))
                count(why, explained & here, at)
        count(UNEXPLAINED, left)
    return found


def _seen_by_users(parsed: Parsed, k: int, x: Sequence[NDArray[np.float32]]) -> tuple[Real, Real]:
    """What output `k` should be by the model's own predict as it is called by users, and the scores."""
    cut = parsed.output == "logits" and bool(parsed.cut[k])
    score = predict(parsed.model, x, pure=False, batch_size=32, whole=False, cut=cut)[k]
    return judged(parsed, score), score


def _origins(parsed: Parsed, k: int, x: Sequence[NDArray[np.float32]], wanted: Flags) -> list[str]:
    """For every sample that is wanted the layer whose output first differs from the reference's; "" for the others.

    From the output upwards: a layer is passed while one of its inputs differs too.
    """
    keras = frameworks.keras()
    model = parsed.model
    known: dict[int, Flags] = {}

    def differs(tensor: Any) -> Flags:
        if id(tensor) not in known:
            part = keras.Model(model.inputs, tensor)
            plain, pure = (predict(part, x, pure=pure, cut=False)[0] for pure in (False, True))
            far = np.abs(plain - pure) > _NOTABLE * max(1.0, float(np.abs(pure).max(initial=0)))
            known[id(tensor)] = np.asarray(far.reshape(len(wanted), -1).any(axis=1))
        return known[id(tensor)]

    found = [""] * len(wanted)

    def climb(node: Any, samples: Flags) -> None:
        """Samples whose difference is seen at the node's output."""
        for tensor in node.keras_inputs if not node.is_input else []:
            higher = samples & differs(tensor)
            if higher.any():
                climb(tensor.node, higher)
                samples = samples & ~higher
        for i in np.flatnonzero(samples):
            found[i] = node.layer.name

    climb(model.outputs[k].node, wanted)
    return found
