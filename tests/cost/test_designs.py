# SPDX-License-Identifier: Apache-2.0
"""Predicted resources against Yosys's counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract import randomize
from designs import DESIGNS

import rtl4ml
from rtl4ml import device
from rtl4ml.cost import estimate, registry
from rtl4ml.device import ZCU102, total
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.memories import bram36
from rtl4ml.synthesis import yosys
from rtl4ml.training.classification import students


def assert_close(design: rtl4ml.Design) -> None:
    """LUT, FF, DSP and RAMB36 within 10 % each; an RAMB18 more or less is one part of the smallest counts."""
    found, said = design.synthesize(), total(design.predicted)
    print(f"{design.graph.name}: predicted {said}, Yosys {found}")
    for kind in ("lut", "ff", "dsp", "bram36"):
        want, got = getattr(found, kind), getattr(said, kind)
        assert abs(got - want) <= 0.10 * want, f"{kind}: predicted {got:.1f}, Yosys {want:.1f}"


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_prediction_holds(name: str, tmp_path: Path) -> None:
    build, target = DESIGNS[name]
    model = randomize(build(), np.random.default_rng(5))
    assert_close(rtl4ml.convert(model, out=tmp_path / "design", target_interval=target))


@pytest.mark.slow
def test_prediction_holds_for_the_student(tmp_path: Path) -> None:
    path = students.student_path("salinas_1dcnn")
    design = rtl4ml.convert(path, out=tmp_path / "design", target_interval=204)
    assert_close(design)
    share = {k: getattr(total(design.predicted), k) / v for k, v in ZCU102.capacity.items()}
    assert max(share.values()) < 0.20, share


def test_bits_below_all_products_are_registers_where_a_bias_changes_them() -> None:
    """Of two accumulators of 12 bits products reach the upper 8; of 4 lower bits each, biases change so many."""
    w = Image.pack(np.random.default_rng(0).integers(-8, 8, (8, 8)), 4)
    p = {"Simd": 4, "Pe": 2, "SimdFolds": 4, "PeFolds": 2, "XWidth": 4, "XSigned": 0, "WeightWidth": 4,
         "WeightKind": 0, "ProdWidth": 8, "SumWidth": 8, "AccWidth": 12, "Align": 4, "WeightFile": w}  # fmt: skip

    def registers(*bias: tuple[int, int]) -> float:
        given = {**p, "HasBias": 1, "BiasFile": Image.pack(np.array(bias), 12)}
        return estimate.terms("r4_mvu", given)[1]["acc"]

    assert estimate.terms("r4_mvu", p)[1]["acc"] == 2 * 8
    assert registers((16, 32), (48, 64)) == 2 * 8, "multiples of 16"
    assert registers((17, 32), (16, 32)) == 2 * 8 + 1
    assert registers((17, 33), (16, 32)) == 2 * 8 + 1, "equal bits share one"
    assert registers((17, 34), (18, 33)) == 2 * 8 + 2


def test_a_shifter_has_the_bits_that_products_reach() -> None:
    image = Image.pack(np.random.default_rng(0).integers(-8, 8, (8, 8)), 4)
    shift = Image.pack(np.array([[0, 1], [1, 3]]), 2)
    p = {"Simd": 4, "Pe": 2, "SimdFolds": 4, "PeFolds": 2, "XWidth": 4, "XSigned": 0, "WeightWidth": 4, "WeightKind": 0,
         "ProdWidth": 8, "SumWidth": 8, "AccWidth": 12, "ShiftWidth": 2, "ShiftFile": shift,
         "WeightFile": image}  # fmt: skip
    whole, above = (estimate.terms("r4_mvu", {**p, "Align": align})[0]["shift"] for align in (0, 4))
    assert (whole, above) == (2 * 12, 2 * 8)


def test_an_estimate_leaves_the_image_as_it_is() -> None:
    """Weights of which bits repeat: they count once in LUTs, but the next one may ask about block memory."""
    image = Image.pack(np.random.default_rng(0).integers(-1, 2, (16, 8)), 4)
    before = image.changing.copy()
    p = {"Simd": 4, "Pe": 2, "SimdFolds": 16, "PeFolds": 1, "XWidth": 4, "XSigned": 0, "WeightWidth": 4,
         "WeightKind": 3, "ProdWidth": 11, "SumWidth": 13, "AccWidth": 17, "WeightFile": image}  # fmt: skip
    estimate.estimate("r4_mvu", p)
    np.testing.assert_array_equal(image.changing, before)


@pytest.mark.parametrize(
    ("width", "depth", "want"),
    [
        (72, 512, 1.0),
        (36, 512, 0.5),
        (36, 1024, 1.0),
        (73, 512, 1.5),
        (8, 4096, 1.0),
        (18, 1024, 0.5),
        (1, 40000, 1.5),
    ],
)
def test_block_memory_is_tiled(width: int, depth: int, want: float) -> None:
    assert bram36(width, depth) == want


@pytest.mark.parametrize(
    ("width", "depth", "want"), [(36, 512, 0.5), (6, 2560, 0.5), (9, 2560, 1.0), (24, 8192, 5.5)]
)
def test_rows_of_a_constant_block_memory_stand_side_by_side(width: int, depth: int, want: float) -> None:
    assert bram36(width, depth, written=False) == want


def test_every_module_has_a_cost() -> None:
    assert set(registry.MODELS) | {"adders"} == set(registry.coefficients())


def test_counts_are_kept_by_what_decides_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def key(**params: int) -> str:
        yosys._method.cache_clear()
        return yosys.Unit("u_fifo", "", "r4_fifo", {"Width": 8, "Depth": 4, **params}).key

    usual = key()
    assert key() == usual
    assert key(Depth=8) != usual
    for change in (
        ("mapping", lambda folder: ["synth_xilinx -family xcup"]),
        ("MEMORY_LUTS", {"SRL16E": 2}),
        ("read_stat", device.total),
        ("yosys_version", lambda: "0.0"),
    ):
        with monkeypatch.context() as changed:
            changed.setattr(yosys, *change)
            assert key() != usual, change[0]
    assert key() == usual
