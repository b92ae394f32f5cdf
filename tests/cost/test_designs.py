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
