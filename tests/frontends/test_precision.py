# SPDX-License-Identifier: Apache-2.0
"""Rounding and overflow modes of fixed-point types against the C++ headers that hls4ml ships."""

from __future__ import annotations

import itertools
import subprocess
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from rtl4ml.errors import BadInput
from rtl4ml.frontends.precision import OVERFLOWS, ROUNDINGS, Modes, read, with_modes
from rtl4ml.frontends.qkeras.quantizers.precision import declared_quantizer

TYPES = [
    f"ap_{start},AP_{rounding},AP_{overflow}>"
    for start, rounding, overflow in itertools.product(("fixed<5,2", "ufixed<4,5"), ROUNDINGS, OVERFLOWS)
]
# Every tie, what lies beside it on either side, and three times the range of the widest type.
TIES = np.arange(-800, 800, dtype=np.float32) / 4
BESIDE = np.nextafter(TIES / 16, np.float32(9e9)), np.nextafter(TIES, -np.float32(9e9))
VALUES = np.concatenate([TIES, TIES / 8, *BESIDE])


@pytest.fixture(scope="module")
def cpp(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """What C++ makes of VALUES, by type."""
    spec = find_spec("hls4ml")
    assert spec is not None and spec.origin is not None
    headers = Path(spec.origin).parent / "templates" / "vivado" / "ap_types"
    folder = tmp_path_factory.mktemp("ap")
    lines = "".join(f"    for (double v : x) {{ {t} y = v; out(y.to_double()); }}\n" for t in TYPES)
    (folder / "main.cpp").write_text(
        '#include "ap_fixed.h"\n#include <cstdio>\n#include <vector>\n'
        "static void out(double y) { fwrite(&y, sizeof y, 1, stdout); }\n"
        f"int main() {{\n    std::vector<double> x({len(VALUES)});\n"
        "    if (fread(x.data(), sizeof(double), x.size(), stdin) != x.size()) return 1;\n" + lines + "}\n"
    )
    subprocess.run(
        ["g++", "-std=c++14", "-w", f"-I{headers}", "main.cpp", "-o", "main"], cwd=folder, check=True
    )
    made = subprocess.run(
        [folder / "main"], input=VALUES.astype(np.float64).tobytes(), capture_output=True, check=True
    )
    rows = np.frombuffer(made.stdout).reshape(len(TYPES), len(VALUES))
    return dict(zip(TYPES, rows, strict=True))


@pytest.mark.parametrize("text", TYPES)
def test_modes_are_those_of_cpp(text: str, cpp: dict[str, np.ndarray]) -> None:
    f = declared_quantizer(text)
    np.testing.assert_array_equal(f.f32(VALUES[:, None])[:, 0], cpp[text])
    k = np.ldexp(cpp[text], f.grid.fraction if f.grid else 0)
    assert f.grid is not None and f.grid.lo <= k.min() and k.max() <= f.grid.hi


def test_a_type_without_modes_is_a_grid_onto_which_halves_go_to_even() -> None:
    np.testing.assert_array_equal(
        declared_quantizer("ap_fixed<5,2>").f32(VALUES[:, None]),
        declared_quantizer("ap_fixed<5,2,AP_RND_CONV,AP_SAT>").f32(VALUES[:, None]),
    )


@pytest.mark.parametrize(
    "text",
    [
        "ap_fixed<8,3,AP_RND,AP_SAT>",
        "fixed<8, 3, RND, SAT, 0>",
        "AP_FIXED<8,3,ap_rnd,ap_sat>",
        "ap_fixed< 8 ,3,RND,AP_SAT,0>",
    ],
)
def test_spellings(text: str) -> None:
    written = read(text)
    assert written is not None
    assert (written.signed, written.width, written.integer, written.modes) == (
        True,
        8,
        3,
        Modes("RND", "SAT"),
    )


def test_one_mode_leaves_the_other_as_in_cpp() -> None:
    written = read("ap_ufixed<8,3,AP_RND>")
    assert written is not None and not written.signed and written.modes == Modes("RND", "WRAP")


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("ap_fixed<16,6>", "ap_fixed<16,6,AP_TRN,AP_WRAP>"),
        ("ufixed<8,0,RND_CONV,SAT,0>", "ap_ufixed<8,0,AP_RND_CONV,AP_SAT>"),
        ("uint<4>", "ap_ufixed<4,4,AP_TRN,AP_WRAP>"),
        ("auto", "auto"),
    ],
)
def test_hls4mls_defaults_written_out(text: str, full: str) -> None:
    assert with_modes(text) == full


ALL_ROUNDINGS = "AP_TRN, AP_TRN_ZERO, AP_RND, AP_RND_MIN_INF, AP_RND_ZERO, AP_RND_INF or AP_RND_CONV"
ALL_OVERFLOWS = "AP_SAT, AP_SAT_SYM, AP_SAT_ZERO or AP_WRAP"
ORDER = "; write the rounding mode first, then the overflow mode"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("ap_fixed<8,3,AP_TRN,AP_WRAP,2>", "no bits that wrapping saturates, not 2 in {}; leave them out"),
        ("ap_fixed<8,3,AP_SAT>", f"the rounding mode {ALL_ROUNDINGS}, not 'AP_SAT' in {{}}{ORDER}"),
        ("fixed<8,3,AP_ROUND,AP_SAT>", f"the rounding mode {ALL_ROUNDINGS}, not 'AP_ROUND' in {{}}{ORDER}"),
        (
            "ap_fixed<8,3,AP_RND,AP_WRAP_SM>",
            f"the overflow mode {ALL_OVERFLOWS}, not 'AP_WRAP_SM' in {{}}{ORDER}",
        ),
        ("ap_ufixed<8,3,RND,trn>", f"the overflow mode {ALL_OVERFLOWS}, not 'trn' in {{}}{ORDER}"),
        ("ap_fixed<8,3,>", f"the rounding mode {ALL_ROUNDINGS}, not '' in {{}}{ORDER}"),
        ("ap_fixed<0,3>", "a width of 1 to 24 bits, not '0' in {}; write <width,bits left of the point>"),
        (
            "ap_fixed<99999,3>",
            "a width of 1 to 24 bits, not '99999' in {}; write <width,bits left of the point>",
        ),
        ("ap_fixed<8,1.5>", "a whole number of bits left of the point, not '1.5' in {}; write one"),
    ],
)
def test_the_part_that_is_wrong_is_named(text: str, wrong: str) -> None:
    with pytest.raises(BadInput) as error:
        declared_quantizer(text)
    assert str(error.value) == f"input_precision: must have {wrong.format(text)}"


@pytest.mark.parametrize("text", ["ap_fixed<8>", "fixed<8,3,AP_RND,AP_SAT,0,0>", "float", "ap_int<0>"])
def test_what_is_no_fixed_point_type_at_all(text: str) -> None:
    with pytest.raises(BadInput, match=r"^input_precision: must be a type such as .*, not '"):
        declared_quantizer(text)


def test_a_symmetric_range_of_one_bit() -> None:
    with pytest.raises(
        BadInput,
        match=r"^input_precision: AP_SAT_SYM must go with at least 2 bits, not ap_fixed<1,1,.*>; use AP_SAT$",
    ):
        declared_quantizer("ap_fixed<1,1,AP_RND,AP_SAT_SYM>")
