# SPDX-License-Identifier: Apache-2.0
"""Counts to integers: equal to the float32 of training on every count of every band, or refused."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rtl4ml.board import integers
from rtl4ml.board.affine import affine
from rtl4ml.board.counts import Counts
from rtl4ml.board.integers import Affine, Rounded, Steps, integers_of
from rtl4ml.errors import BadInput
from rtl4ml.ir.types import Fixed, Ints, Stream
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.netlist import Wire

Quantize = Callable[[NDArray[np.float32]], Ints]


def stream_of(bits: int, fraction: int, *, signed: bool, bands: int = 8) -> Stream:
    found = Fixed(signed, bits - fraction - int(signed), fraction)
    return Stream("x", (bands,), found, found.lo, found.hi)


def quantizer_of(stream: Stream) -> Quantize:
    """Rounds halves to even and saturates, in float32, as the quantizers of models do."""

    def quantize(x: NDArray[np.float32]) -> Ints:
        steps = np.rint(x * np.float32(2.0**stream.type.fraction))
        return np.clip(steps, stream.lo, stream.hi).astype(np.int64)

    return quantize


def every_count(counts: Counts, bands: int) -> NDArray[Any]:
    """(counts, bands) every count in every band."""
    c = np.arange(counts.number, dtype=counts.dtype)
    return np.repeat(c[:, None], bands, axis=1)


def compared(counts: Counts, stream: Stream, bands: int) -> Rounded | Affine | Steps:
    """The integers, after they are compared with the function of training itself on all counts."""
    found = integers_of(counts, bands, stream, quantizer_of(stream))
    cube = every_count(counts, bands)
    want = quantizer_of(stream)(counts.preprocess(cube))
    np.testing.assert_array_equal(found.apply(cube), want)
    assert len(np.unique(want)) > 1
    return found


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("bits", [1, 4, 8])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_means_and_deviations_are_affine_in_integers(
    rng: np.random.Generator, dtype: str, bits: int, signed: bool
) -> None:
    most = np.iinfo(dtype).max
    mean = tuple(rng.uniform(0, 0.3 * most, 24))
    std = tuple(rng.uniform(0.002 * most, 0.1 * most, 24))
    counts = Counts(dtype=dtype, mean=mean, std=std)
    found = compared(counts, stream_of(bits, max(bits - 2, 0), signed=signed), 24)
    assert isinstance(found, Affine)
    assert found.m_width <= 26 and found.b_width <= 44
    assert (found.lo, found.hi) == ((-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1))


def test_bands_of_a_student_take_less_than_two_seconds(rng: np.random.Generator) -> None:
    stream = stream_of(8, 6, signed=True)
    counts = Counts(
        dtype="uint16", mean=tuple(rng.uniform(200, 5000, 204)), std=tuple(rng.uniform(50, 3000, 204))
    )
    start = computed_seconds()
    found = integers_of(counts, 204, stream, quantizer_of(stream))
    assert isinstance(found, Affine) and len(found.m) == 204
    assert computed_seconds() - start < 2


def computed_seconds() -> float:
    """Seconds that this process has computed: others may keep the machine busy."""
    return time.process_time()


@pytest.mark.parametrize(
    ("dtype", "log2", "bits", "fraction", "shift"),
    [("uint16", 13, 8, 8, 5), ("uint8", 8, 8, 8, 0), ("uint8", 8, 8, 6, 2), ("uint8", 2, 12, 6, -4)],
)
def test_a_power_of_two_is_a_rounding_with_halves_to_even(
    dtype: str, log2: int, bits: int, fraction: int, shift: int
) -> None:
    counts = Counts(dtype=dtype, scale=2.0**-log2)
    found = compared(counts, stream_of(bits, fraction, signed=False), 3)
    assert isinstance(found, Rounded) and found.shift == shift
    wire = Wire("x", 3, bits, False, 1, fraction)
    assert found.parameters(wire) == {
        "Lanes": 3,
        "XWidth": 8 * counts.bytes,
        "XSigned": 0,
        "Shift": shift,
        "Lo": 0,
        "Hi": 2**bits - 1,
        "YWidth": bits,
    }


def test_halves_to_even_are_no_affine_map() -> None:
    halves = np.rint(np.arange(256) / 4).astype(np.int32)[None]
    assert affine(halves, 0, 64) is None
    up = np.floor(np.arange(256) / 4 + 0.5).astype(np.int32)[None]
    m, b, shift = affine(up, 0, 64) or pytest.fail("must be affine")
    assert (m.tolist(), b.tolist(), shift) == ([1], [2], 2)


@pytest.mark.parametrize("scale", [1 / 10000, 1 / 4095, 3.0e-4])
def test_another_scale(scale: float) -> None:
    found = compared(Counts(dtype="uint16", scale=scale), stream_of(8, 7, signed=False), 5)
    assert not isinstance(found, Rounded)


def test_the_least_m_at_the_least_shift_is_found() -> None:
    """Against a search of all M and B, for steps that are random."""
    rng = np.random.default_rng(4)
    tried = 0
    for _ in range(40):
        row = np.sort(rng.integers(0, 4, 6)).astype(np.int32)
        found = affine(row[None], 0, 3)
        best = least(row, 3)
        if best is None:
            assert found is None or found[2] > 4
            continue
        tried += 1
        assert found is not None
        assert (int(found[0][0]), found[2]) == best
    assert tried > 20


def least(row: NDArray[np.int32], hi: int) -> tuple[int, int] | None:
    """(M, S): the least S up to 4, and with it the least M, that some B goes with."""
    c = np.arange(len(row))
    for shift in range(5):
        m = np.arange((hi + 1) << shift)[:, None, None]
        b = np.arange(-((hi * len(row)) << shift), (hi + 1) << shift)[:, None]
        same = (np.clip((m * c + b) >> shift, 0, hi) == row).all(axis=2).any(axis=1)
        if same.any():
            return int(same.argmax()), shift
    return None


def test_a_table_that_bends_has_thresholds() -> None:
    stream = stream_of(4, 0, signed=False)
    table = 3 * np.log2(np.arange(256, dtype=np.float32) + 1)
    found = compared(Counts(dtype="uint8", table=np.stack([table, table / 2])), stream, 2)
    assert isinstance(found, Steps)
    assert found.thresholds.shape == (2, 15)
    p = found.parameters(Wire("x", 2, 4, False, 1))
    assert (p["Lanes"], p["Thresholds"], p["XWidth"], p["TWidth"]) == (2, 15, 8, 9)
    assert isinstance(p["InitFile"], Image)
    for band in range(2):
        column = [w >> (9 * band) & 511 for w in p["InitFile"].words]
        for c in range(256):
            node = 1
            while node < len(column):
                node = 2 * node + int(c >= column[node])
            assert node - len(column) == found.apply(np.full((1, 2), c))[0, band]


def test_a_band_that_falls_has_thresholds_downwards() -> None:
    stream = stream_of(4, 0, signed=True)
    c = np.arange(65536, dtype=np.float32)
    found = compared(Counts(dtype="uint16", table=np.stack([c / 8192 - 4, 4 - c / 8192])), stream, 2)
    assert isinstance(found, Steps) and found.falls.tolist() == [False, True]
    assert found.parameters(Wire("x", 1, 4, True, 2))["LevelKind"] == 1


def test_a_band_without_steps() -> None:
    stream = stream_of(4, 0, signed=True)
    mean = (1e9, -1e9, 0.7)
    found = compared(Counts(dtype="uint8", mean=mean, std=(1.0, 1.0, 20.3)), stream, 3)
    assert isinstance(found, Affine) and found.m[:2].tolist() == [0, 0]


def test_the_memory_has_a_word_a_beat_and_m_at_a_lane_s_low_end() -> None:
    m, b = np.array([5, 6, 7, 1]), np.array([-3, 2, 100, -128])
    found = Affine(m=m, b=b, shift=2, lo=0, hi=15, count_bits=8)
    assert (found.m_width, found.b_width) == (3, 8)
    image = found.image(2)
    assert (image.width, image.depth) == (22, 2)
    for r, word in enumerate(image.words):
        for i in range(2):
            lane = word >> (11 * i) & 0x7FF
            assert lane & 7 == m[2 * r + i]
            assert (lane >> 3 ^ 0x80) - 0x80 == b[2 * r + i]
    p = found.parameters(Wire("x", 2, 4, False, 2))
    p.pop("InitFile")
    assert p == {
        "Lanes": 2,
        "Beats": 2,
        "XWidth": 8,
        "YWidth": 4,
        "MWidth": 3,
        "BWidth": 8,
        "Shift": 2,
        "Lo": 0,
        "Hi": 15,
    }


def test_numbers_that_are_wrong_are_not_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(rows: NDArray[np.int32], lo: int, hi: int) -> tuple[Ints, Ints, int]:
        m, b, shift = affine(rows, lo, hi) or pytest.fail("must be affine")
        return m, b + (np.arange(len(b)) == 2) * (1 << shift), shift

    monkeypatch.setattr(integers, "affine", wrong)
    stream = stream_of(8, 6, signed=True)
    counts = Counts(dtype="uint16", mean=(900.0, 800.0, 700.0), std=(510.0, 430.0, 320.0))
    with pytest.raises(AssertionError, match="integers of counts differ"):
        integers_of(counts, 3, stream, quantizer_of(stream))


def test_a_network_of_a_student_reads_its_own_integers() -> None:
    counts = Counts(dtype="uint16", scale=2.0**-13)
    cube = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    x = counts.preprocess(cube)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, (cube.astype(np.float64) * 2.0**-13).astype(np.float32))


# ------------------------------------------------------------------------------------------------------------ refusals


def refuses(text: str) -> Any:
    return pytest.raises(BadInput, match=f"^{re.escape(text)}$")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"dtype": "int16", "scale": 1.0}, "dtype must be uint8 or uint16, not int16; convert the cube first"),
    ({"dtype": "uint8"}, "must have a scale, or mean and std, or a table, not none; give one of them"),
    (
        {"dtype": "uint8", "scale": 1.0, "mean": (1.0,)},
        "must have a scale, or mean and std, or a table, not scale and mean; give one of them",
    ),
    ({"dtype": "uint8", "scale": 0.0}, "scale must be a finite number above 0, not 0.0; mend it"),
    (
        {"dtype": "uint8", "mean": (1.0, 2.0), "std": (1.0,)},
        "mean and std must be of the same bands, not 2 and 1; mend them",
    ),
    (
        {"dtype": "uint8", "mean": (1.0, 2.0), "std": (1.0, 0.0)},
        "std of band 1 must be a finite float32 number above 0, not 0.0; mend it",
    ),
    (
        {"dtype": "uint8", "mean": (1.0, float("nan")), "std": (1.0, 1.0)},
        "mean of band 1 must be a finite float32 number, not nan; mend it",
    ),
    (
        {"dtype": "uint8", "table": np.zeros(255, np.float32)},
        "a table must have 256 values, for every count of uint8 one, in a row or one row a band, not (255,); mend it",
    ),
    (
        {"dtype": "uint8", "table": np.full(256, np.inf, np.float32)},
        "a table must hold finite float32 numbers, not inf; mend it",
    ),
]


@pytest.mark.parametrize(("arguments", "text"), WRONG)
def test_counts_that_are_none(arguments: dict[str, Any], text: str) -> None:
    with refuses(f"counts: {text}"):
        Counts(**arguments)


def test_a_band_that_turns_is_refused_by_its_number() -> None:
    stream = stream_of(4, 0, signed=False)
    c = np.arange(256, dtype=np.float32)
    table = np.stack([c / 32, c / 32, np.minimum(c, 255 - c) / 16])
    with refuses(
        "counts: the normalization of band 2 must only rise or only fall, not turn at count 135; mend it"
    ):
        integers_of(Counts(dtype="uint8", table=table), 3, stream, quantizer_of(stream))


def test_another_number_of_bands_is_refused() -> None:
    stream = stream_of(4, 0, signed=False)
    counts = Counts(dtype="uint8", mean=(1.0, 2.0), std=(1.0, 1.0))
    with refuses("counts: must be for the network's 3 bands, not for 2; mend them"):
        integers_of(counts, 3, stream, quantizer_of(stream))


def test_too_many_steps_that_are_not_affine_are_refused() -> None:
    stream = stream_of(11, 0, signed=False)
    table = np.sqrt(np.arange(65536, dtype=np.float32)) * 8
    with refuses(
        "counts: the normalization must be (M * count + B) >> S in integers, or have at most 1,023 steps, not 2,047; "
        "give the network an input of fewer bits"
    ):
        integers_of(Counts(dtype="uint16", table=table), 1, stream, quantizer_of(stream))


# ---------------------------------------------------------------------------------------------------------- JSON files

ENTRIES: list[dict[str, Any]] = [
    {"dtype": "uint16", "scale_log2": 13},
    {"dtype": "uint8", "scale_log2": -2},
    {"dtype": "uint8", "scale": 0.3},
    {"dtype": "uint16", "mean": [1.5, 2.0], "std": [3.0, 4.0]},
    {"dtype": "uint8", "table": [float(c) for c in range(256)]},
]


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_file_says_what_the_value_says(tmp_path: Path, entry: dict[str, Any]) -> None:
    path = tmp_path / "counts.json"
    path.write_text(json.dumps(entry))
    assert Counts.read(path).entry() == entry


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("[]", "c.json: counts must be a table, not list; mend it"),
        ('{"scale_log2": 13}', "c.json: counts must have a dtype, uint8 or uint16, not lack it; add it"),
        (
            '{"dtype": "uint8", "log": 13}',
            "c.json: keys of counts must be dtype, scale_log2, scale, mean, std, table, not log; take it out",
        ),
        (
            '{"dtype": "uint8", "scale_log2": "13"}',
            "c.json: scale_log2 must be one whole number, scale one number, and mean, std and table lists of numbers, "
            "not others; mend it",
        ),
        (
            '{"dtype": "uint32", "scale_log2": 13}',
            "c.json: dtype must be uint8 or uint16, not uint32; convert the cube first",
        ),
    ],
)
def test_a_file_of_something_else(tmp_path: Path, content: str, text: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(content)
    with refuses(text):
        Counts.read(path)


def test_a_file_that_is_missing_or_broken(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    with refuses(
        f'{path}: counts must be a JSON file such as {{"dtype": "uint16", "scale_log2": 13}}, not missing; '
        "check the path"
    ):
        Counts.read(path)
    path.write_text("{")
    with pytest.raises(BadInput, match=r"not unreadable \(Expecting .*\); check the path$"):
        Counts.read(path)
