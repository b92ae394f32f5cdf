# SPDX-License-Identifier: Apache-2.0
"""Grids of the cells of two inputs, and of the output heads."""

from __future__ import annotations

import numpy as np

from calibration.points import Params, points


def concat(
    whole: int, n: int, m: int, beats_a: int, beats_b: int, width: int, *, shift: int = 1, signed: int = 1
) -> Params:
    """Parameters of an r4_concat of equal widths, b shifted."""
    return {"Whole": whole, "LanesA": n, "LanesB": m, "BeatsA": beats_a, "BeatsB": beats_b, "WidthA": width,
            "WidthB": width,
            "SignedA": signed, "SignedB": signed, "ShiftA": 0, "ShiftB": shift,
            "YWidth": width + shift}  # fmt: skip


def add(
    lanes: int, a: int, b: int, shift: int, signed_a: int = 1, signed_b: int = 0, subtract: int = 0
) -> Params:
    """Parameters of an r4_add, a shifted, or b if `shift` is negative."""
    up, more = max(0, shift), max(0, -shift)
    return {"Lanes": lanes, "WidthA": a, "WidthB": b, "SignedA": signed_a, "SignedB": signed_b,
            "ShiftA": up, "ShiftB": more, "Subtract": subtract,
            "YWidth": max(a + up, b + more) + 1 + (signed_a != signed_b)}  # fmt: skip


def maximum(lanes: int, a: int, b: int, shift: int, signed_a: int, signed_b: int, least: int = 0) -> Params:
    """Parameters of an r4_max, a shifted, or b if `shift` is negative. A maximum has no sign if either input has none;
    a minimum has one if either has, and of an input without one no more bits than the other can have.
    """
    up, more = max(0, shift), max(0, -shift)
    sides = (a + up - signed_a, signed_a), (b + more - signed_b, signed_b)
    width = max(w for w, _ in sides) + (signed_a and signed_b)
    if least:
        width = max(min(w for w, _ in sides), *(w for w, s in sides if s), 0) + max(signed_a, signed_b)
    return {"Lanes": lanes, "WidthA": a, "WidthB": b, "SignedA": signed_a, "SignedB": signed_b,
            "ShiftA": up, "ShiftB": more, "Least": least, "YWidth": width}  # fmt: skip


@points("r4_max")
def _max(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        maximum(*q)
        for q in ((1, 8, 8, 0, 1, 1), (4, 4, 4, 0, 1, 1), (8, 5, 5, 0, 0, 0), (16, 8, 8, 0, 0, 0),
                  (4, 6, 6, 0, 1, 0), (2, 12, 12, 0, 1, 1), (8, 3, 3, 0, 0, 0), (3, 6, 8, 2, 1, 1),
                  (4, 8, 10, 3, 1, 0), (6, 16, 16, 0, 1, 1), (5, 7, 7, 0, 0, 0), (12, 4, 8, 0, 0, 0),
                  (2, 20, 18, 0, 1, 1), (8, 2, 2, 0, 0, 0), (20, 5, 6, 0, 1, 1), (3, 6, 4, 3, 0, 0),
                  (6, 11, 7, 2, 0, 1), (16, 1, 1, 0, 0, 0), (11, 4, 7, 1, 1, 0), (4, 13, 13, 0, 0, 0),
                  (32, 4, 4, 0, 0, 0), (8, 2, 2, 0, 1, 1), (8, 3, 3, 0, 1, 1), (7, 14, 10, 0, 1, 1),
                  (8, 5, 5, 0, 1, 1), (3, 8, 6, -2, 1, 1), (8, 3, 3, 0, 1, 0), (6, 5, 9, 0, 0, 0),
                  (8, 4, 4, 0, 0, 1), (6, 5, 5, 0, 1, 0), (6, 4, 4, -2, 0, 0), (10, 9, 9, 0, 0, 1),
                  (4, 10, 8, -3, 0, 1), (4, 12, 8, 0, 0, 1), (4, 8, 12, 0, 1, 0), (5, 4, 4, 1, 0, 0),
                  (16, 1, 1, 0, 1, 1), (16, 1, 1, 0, 1, 0), (8, 2, 2, 0, 1, 0), (8, 6, 6, 0, 0, 0))
    ]  # fmt: skip


@points("r4_max")
def _min(module: str, rng: np.random.Generator) -> list[Params]:
    wide = ((1, 8, 8, 0, 1, 1), (16, 8, 8, 0, 0, 0), (4, 6, 6, 0, 1, 0), (2, 12, 12, 0, 1, 1),
            (3, 6, 8, 2, 1, 1), (4, 8, 10, 3, 1, 0), (5, 7, 7, 0, 0, 0), (12, 4, 8, 0, 0, 0),
            (6, 11, 7, 2, 0, 1), (4, 13, 13, 0, 0, 0), (8, 5, 5, 0, 1, 1), (3, 8, 6, -2, 1, 1),
            (6, 5, 9, 0, 0, 0), (10, 9, 9, 0, 0, 1), (4, 12, 8, 0, 0, 1), (4, 8, 12, 0, 1, 0),
            (6, 10, 7, 0, 0, 1), (3, 7, 11, 1, 1, 0), (5, 14, 9, 0, 0, 1), (4, 9, 14, 0, 1, 0))  # fmt: skip
    narrow = [(8, w, w, 0, a, b) for w in range(1, 6) for a, b in ((1, 1), (0, 0), (1, 0), (0, 1))]
    return [maximum(*q, least=1) for q in (*wide, *narrow)]


@points("r4_add")
def _subtract(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        add(*q, subtract=1)
        for q in ((1, 6, 6, 0, 1, 1), (4, 5, 6, 2, 1, 1), (3, 8, 8, 0, 0, 0), (8, 4, 4, 1, 0, 0),
                  (2, 12, 10, 0, 1, 0), (4, 8, 8, 0, 1, 1), (16, 8, 8, 3, 1, 1), (4, 12, 8, 0, 1, 0),
                  (2, 6, 16, 4, 1, 1), (32, 4, 8, -1, 0, 1), (8, 6, 6, -6, 0, 0), (3, 5, 7, -2, 1, 0),
                  (5, 11, 6, 0, 1, 1), (6, 7, 9, 3, 0, 0), (4, 8, 8, -4, 1, 1), (11, 6, 11, 2, 0, 1))
    ]  # fmt: skip


@points("r4_add")
def _add(module: str, rng: np.random.Generator) -> list[Params]:
    return [add(*q) for q in ((1, 6, 6, 0), (4, 5, 6, 2), (3, 8, 8, 0), (8, 4, 4, 1), (2, 12, 10, 0))]


@points("r4_concat")
def _concat(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        concat(*q)
        for q in (
            (1, 3, 3, 1, 1, 5),
            (1, 8, 4, 1, 1, 6),
            (0, 2, 2, 4, 3, 5),
            (0, 4, 4, 8, 8, 8),
            (0, 1, 1, 3, 5, 4),
            (1, 2, 6, 1, 1, 4),
        )
    ]


@points("r4_argmax")
def _argmax(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        {"Lanes": n, "Groups": g, "XWidth": x, "XSigned": 1, "YWidth": max(1, (n * g - 1).bit_length())}
        for n, g, x in ((1, 8, 13), (2, 4, 14), (1, 16, 10), (6, 1, 12), (8, 1, 14), (4, 3, 9),
                        (16, 1, 12), (2, 1, 8), (1, 4, 18), (3, 1, 16), (2, 8, 8), (5, 2, 11), (4, 1, 20),
                        (1, 64, 8), (8, 2, 16), (10, 1, 10), (4, 1, 6), (1, 21, 15),
                        (2, 1, 12), (2, 1, 18), (2, 4, 6), (3, 1, 8), (1, 2, 12))
    ]  # fmt: skip


@points("r4_mask")
def _mask(module: str, rng: np.random.Generator) -> list[Params]:
    return [{"Lanes": n, "XWidth": x, "XSigned": 1, "Threshold": 13} for n, x in ((1, 8), (4, 12), (2, 16))]


@points("r4_concat")
def _concat_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        concat(0, n, n, b, c, w, shift=0, signed=0)
        for n, b, c, w in ((8, 6, 4, 4), (16, 2, 1, 4), (2, 24, 24, 8), (8, 6, 4, 8), (16, 2, 1, 8),
                           (32, 3, 2, 4),
                           (1, 192, 128, 8), (4, 48, 32, 4), (64, 1, 1, 8))
    ] + [concat(1, n, m, 1, 1, w, shift=0, signed=0) for n, m, w in ((32, 16, 8), (16, 16, 4),
                                                                     (64, 32, 4))]  # fmt: skip


@points("r4_add")
def _add_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        add(n, a, b, s, sa, sb)
        for n, a, b, s, sa, sb in ((1, 4, 4, 0, 0, 0), (4, 8, 8, 0, 0, 0), (8, 8, 4, 0, 0, 0),
                                   (16, 4, 4, 2, 0, 0),
                                   (16, 8, 8, 3, 1, 1), (4, 12, 8, 0, 1, 0), (2, 6, 16, 4, 1, 1),
                                   (32, 4, 8, 1, 0, 1),
                                   (1, 16, 16, 0, 1, 1), (8, 6, 6, 6, 0, 0))
    ]  # fmt: skip


@points("r4_mask")
def _mask_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        {"Lanes": n, "XWidth": x, "XSigned": 1, "Threshold": t}
        for n, x, t in (
            (1, 18, 0),
            (1, 20, 700),
            (1, 14, -37),
            (4, 18, 0),
            (8, 16, 255),
            (16, 12, -256),
            (2, 22, 12345),
            (4, 20, 1000),
            (1, 16, 301),
            (4, 16, 77),
            (8, 14, 3),
        )
    ]


@points("r4_morph")
def _morph_of_unets(module: str, rng: np.random.Generator) -> list[Params]:
    return [{"Radius": r, "Erode": e} for r in (1, 2, 3, 4, 6) for e in (0, 1)]


@points("r4_concat")
def _concat_between(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        concat(*q)
        for q in ((0, 3, 3, 5, 11, 5), (0, 6, 6, 12, 3, 8), (0, 12, 12, 3, 6, 4), (0, 5, 5, 20, 48, 6),
                  (1, 5, 11, 1, 1, 5), (1, 12, 3, 1, 1, 11), (0, 11, 11, 2, 5, 7), (0, 20, 20, 3, 1, 4))
    ]  # fmt: skip


@points("r4_add")
def _add_between(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        add(n, a, b, s, sa, sb)
        for n, a, b, s, sa, sb in ((3, 5, 7, 1, 1, 0), (5, 11, 6, 0, 1, 1), (6, 7, 9, 3, 0, 0),
                                   (12, 5, 5, 0, 1, 1), (11, 6, 11, 2, 0, 1))
    ]  # fmt: skip


@points("r4_argmax")
def _argmax_between(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        {"Lanes": n, "Groups": g, "XWidth": x, "XSigned": 1, "YWidth": max(1, (n * g - 1).bit_length())}
        for n, g, x in ((3, 5, 11), (5, 1, 13), (1, 11, 17), (6, 3, 10), (12, 1, 15), (1, 99, 12), (7, 1, 9),
                        (11, 2, 13))
    ]  # fmt: skip


@points("r4_mask")
def _mask_between(module: str, rng: np.random.Generator) -> list[Params]:
    return [
        {"Lanes": n, "XWidth": x, "XSigned": 1, "Threshold": t}
        for n, x, t in ((3, 11, 5), (5, 13, 100), (6, 17, -999), (11, 15, 1234), (20, 19, -7))
    ]


@points("r4_morph")
def _morph_between(module: str, rng: np.random.Generator) -> list[Params]:
    return [{"Radius": r, "Erode": e} for r in (7, 5) for e in (0, 1)]
