# SPDX-License-Identifier: Apache-2.0
"""Figures of merit of masks: pixel IoU, F2 over objects; the choice of a mask's threshold, its opening."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rtl4ml.data.checks import require
from rtl4ml.errors import BadInput
from rtl4ml.ir.types import Fixed, Ints, Stream
from rtl4ml.ops.opening import MOST, Opening

Mask = NDArray[np.bool_]
Labels = NDArray[Any]  # (H, W): bool, or integers, 0 background and else the number of the object

BETA = 2
IOU_PERCENT = tuple(range(50, 100, 5))  # whole percents, so that IoU > t is decided in integers
OPENING = 2  # radius of the opening in pixels
THRESHOLDS = tuple(k / 20 for k in range(1, 20))  # 0.05 ... 0.95


def _pairs(truth: Sequence[Labels] | Labels, found: Sequence[Labels] | Labels) -> list[tuple[Labels, Labels]]:
    """The frames of both, one by one, of equal shapes."""
    require(
        len(truth) == len(found) and len(truth) > 0,
        f"masks: truth and result must have the same frames, at least 1, not {len(truth)} and {len(found)}; "
        "give one mask a frame",
        BadInput,
    )
    both = [(np.asarray(t), np.asarray(f)) for t, f in zip(truth, found, strict=True)]
    for i, (t, f) in enumerate(both):
        require(
            t.ndim == 2 and t.shape == f.shape,
            f"masks: truth and result must be (height, width) of one size, not {t.shape} and {f.shape} in frame {i}; "
            "give one mask a frame",
            BadInput,
        )
        for array in (t, f):
            require(
                array.dtype.kind in "bui",
                f"masks: must be bool or numbers of objects, not {array.dtype} in frame {i}; apply a threshold first",
                BadInput,
            )
    return both


# ------------------------------------------------------------------------------------------------------------- metrics


def pixel_iou(truth: Sequence[Labels] | Labels, found: Sequence[Labels] | Labels) -> float:
    """Ship pixels in both over ship pixels in either, all frames together (the Jaccard index); 1 where there are none.

    truth, found: (N, H, W), or N masks (H, W) whose sizes may differ; what is not 0 is a ship. Raises BadInput where
    the two do not fit together.
    """
    inter = union = 0
    for t, f in _pairs(truth, found):
        inter += int(((t != 0) & (f != 0)).sum())
        union += int(((t != 0) | (f != 0)).sum())
    return inter / union if union else 1.0


def objects(mask: Labels) -> tuple[NDArray[np.int64], int]:
    """The objects of a mask (H, W), numbered from 1, 0 background; and how many they are.

    Of a bool mask the connected components, where pixels that touch at a side or a corner are connected (8 neighbours).
    Of integers the objects as numbered, touching or not.
    """
    from scipy import ndimage

    if mask.dtype == np.bool_:
        numbered, count = ndimage.label(mask, structure=np.ones((3, 3), dtype=bool))
        return numbered.astype(np.int64), int(count)
    values, index = np.unique(mask, return_inverse=True)
    order = np.zeros(len(values), dtype=np.int64)
    order[values != 0] = np.arange(1, int((values != 0).sum()) + 1)
    return order[index].reshape(mask.shape), int((values != 0).sum())


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Objects of a frame, or of several added up: true ones, found ones, and hits at each of IOU_PERCENT.

    Of two ships one is found, with an IoU between 0.70 and 0.75: Counts(truth=2, found=1, hits=(1,) * 5 + (0,) * 5),
    whose F2 is 5 / 9 up to an IoU of 0.70 and 0 from 0.75 on.
    """

    truth: int
    found: int
    hits: tuple[int, ...]

    @property
    def f2(self) -> tuple[float, ...]:
        """F2 at each of IOU_PERCENT: (1 + b^2) TP / ((1 + b^2) TP + b^2 FN + FP), b = 2; 1 without any object.

        The formula is 0 / 0 for a frame without ships in which none is found, and the challenge's page leaves that
        open. Its participants reward it with 1, and so does this; a single object found there gives 0.
        """
        if not self.truth and not self.found:
            return (1.0,) * len(self.hits)
        b = BETA * BETA
        scores = []
        for tp in self.hits:
            of = (1 + b) * tp + b * (self.truth - tp) + (self.found - tp)
            scores.append((1 + b) * tp / of)
        return tuple(scores)


def count_objects(truth: Labels, found: Labels) -> Counts:
    """Matches the objects of two masks (H, W), each bool or numbered (see `objects`).

    A found object hits a true one where their IoU is greater than t. Since t is at least 0.5, no object hits two.
    Raises BadInput where the two are of different size.
    """
    ((t, f),) = _pairs([truth], [found])
    (t, true), (f, seen) = objects(t), objects(f)
    area_t, area_f = np.bincount(t.ravel(), minlength=true + 1), np.bincount(f.ravel(), minlength=seen + 1)
    both = (t > 0) & (f > 0)
    pair, inter = np.unique(t[both] * (seen + 1) + f[both], return_counts=True)
    union = area_t[pair // (seen + 1)] + area_f[pair % (seen + 1)] - inter
    hits = tuple(int((100 * inter > percent * union).sum()) for percent in IOU_PERCENT)
    return Counts(truth=true, found=seen, hits=hits)


@dataclass(frozen=True, kw_only=True)
class Score:
    """Masks compared with the truth.

    frames:  their number
    iou:     pixel IoU, all frames together
    f2:      mean over frames of the mean over IoU thresholds
    f2_at:   mean over frames at each of IOU_PERCENT
    objects: true, found and hit ones, all frames together

    Two frames, one with a ship of 4 pixels that is found with 2 pixels too many, one without ships: iou is 4 / 6, f2_at
    is 1 up to 0.65 and 0.5 above, f2 is 0.7.
    """

    frames: int
    iou: float
    f2: float
    f2_at: tuple[float, ...]
    objects: Counts


def score(truth: Sequence[Labels] | Labels, found: Sequence[Labels] | Labels) -> Score:
    """Pixel IoU and mean F2 of masks: (N, H, W), or N masks (H, W) whose sizes may differ; bool or numbered objects.

    Truth that is numbered keeps touching ships apart. Raises BadInput where the two do not fit together.
    """
    both = _pairs(truth, found)
    counts = [count_objects(t, f) for t, f in both]
    at = np.array([c.f2 for c in counts]).mean(axis=0)
    return Score(
        frames=len(both),
        iou=pixel_iou(truth, found),
        f2=float(at.mean()),
        f2_at=tuple(at.tolist()),
        objects=Counts(
            truth=sum(c.truth for c in counts),
            found=sum(c.found for c in counts),
            hits=tuple(np.array([c.hits for c in counts]).sum(axis=0).tolist()),
        ),
    )


# -------------------------------------------------------------------------------------------- from probability to mask


def opened(masks: Mask, radius: int = OPENING) -> Mask:
    """The binary opening of masks (N, H, W) or (H, W) by a disk of `radius` pixels, as the hardware does it.

    A radius of 0 is none. It is rtl4ml.ops.opening's golden function: pixels outside of the frame decide nothing, as in
    scikit-image. Raises BadInput where the radius or the shape is not one.
    """
    masks = np.asarray(masks)
    require(
        masks.dtype == np.bool_ and masks.ndim in (2, 3),
        f"opening: masks must be bool of shape (frames, height, width), not {masks.dtype} of {masks.shape}; "
        "apply a threshold first",
        BadInput,
    )
    require(
        isinstance(radius, int | np.integer) and not isinstance(radius, bool) and 0 <= radius <= MOST,
        f"opening: must be a radius of 0 to {MOST} pixels, not {radius!r}; give 0 for no opening",
        BadInput,
    )
    if radius == 0 or not masks.size:
        return masks.copy()
    frames = masks.reshape(-1, *masks.shape[-2:], 1)
    bit = Stream("mask", frames.shape[1:], Fixed(False, 1, 0), 0, 1)
    op = Opening(name="opening", inputs=(bit,), radius=int(radius))
    narrow = cast(Ints, frames.view(np.uint8))  # the same numbers in an eighth of the memory
    return op.golden(narrow).astype(np.bool_).reshape(masks.shape)


def binarize(probabilities: NDArray[Any], threshold: float, *, opening: int = OPENING) -> Mask:
    """Masks of probabilities (N, H, W) or (H, W): True where one is at least `threshold`, then opened.

    Probabilities or logits, in the threshold's units. Raises BadInput where they are no real numbers.
    """
    p = np.asarray(probabilities)
    require(
        p.dtype.kind in "fui" and p.ndim in (2, 3),
        f"probabilities: must be real of shape (frames, height, width), not {p.dtype} of {p.shape}; "
        "leave out the channel axis",
        BadInput,
    )
    if not np.isfinite(p).all():
        place = tuple(np.argwhere(~np.isfinite(p))[0].tolist())
        raise BadInput(f"probabilities: must be finite, not {p[place]} at {place}; check the network")
    return opened(p >= threshold, opening)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The threshold chosen, the figure it reached, which figure ("f2" or "iou"), and (threshold, figure) of all."""

    threshold: float
    value: float
    by: str
    curve: tuple[tuple[float, float], ...]


def choose_threshold(
    probabilities: Sequence[NDArray[Any]] | NDArray[Any],
    truth: Sequence[Labels] | Labels,
    *,
    by: str = "f2",
    thresholds: Sequence[float] = THRESHOLDS,
    opening: int = OPENING,
) -> Choice:
    """The threshold whose opened masks are best on validation frames: by mean F2, or by pixel IoU ("iou").

    probabilities: (N, H, W), or N of (H, W) whose sizes may differ. truth: likewise, as for `score`. Ties go to the
    threshold nearest 0.5, then to the lower.
    Raises BadInput where arguments do not fit together.
    """
    require(by in ("f2", "iou"), f"by: must be f2 or iou, not {by!r}; name one of them", BadInput)
    require(
        len(thresholds) > 0 and bool(np.isfinite(thresholds).all()),
        f"thresholds: must be finite and at least one, not {list(thresholds)}; leave them out for 0.05 to 0.95",
        BadInput,
    )
    given = [np.asarray(p) for p in probabilities]
    for i, p in enumerate(given):
        require(
            p.ndim == 2,
            f"probabilities: must be (height, width) a frame, not {p.shape} in frame {i}; give one channel a frame",
            BadInput,
        )
    curve = []
    for threshold in sorted(float(t) for t in thresholds):
        found = [binarize(p, threshold, opening=opening) for p in given]
        curve.append((threshold, score(truth, found).f2 if by == "f2" else pixel_iou(truth, found)))
    best, value = max(curve, key=lambda c: (c[1], -round(abs(c[0] - 0.5), 9), -c[0]))
    return Choice(threshold=best, value=value, by=by, curve=tuple(curve))
