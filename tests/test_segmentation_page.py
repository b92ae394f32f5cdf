# SPDX-License-Identifier: Apache-2.0
"""The page of a segmentation student: what it says of several runs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtl4ml import mask_plots

SCRIPT = Path(__file__).parents[1] / "scripts" / "segmentation_page.py"


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("segmentation_page", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(network: str, seed: int, f2: float, *, stage: str = "float", opening: int = 2) -> dict[str, Any]:
    scores = {"test_f2": f2, "test_iou": f2 / 2, "test_scenes_f2": 0.25, "test_scenes_iou": 0.5}
    return {"network": network, "seed": seed, "stage": stage, "opening": opening, "threshold": 0.5, **scores}


ROWS = [
    row("teacher", 1, 0.9),
    row("sen2ships_unet_scratch", 1, 0.5),
    row("sen2ships_unet_scratch", 2, 0.7),
    row("sen2ships_unet_scratch", 1, 0.1, opening=0),
    row("sen2ships_unet", 1, 0.6),
    row("sen2ships_unet", 2, 0.6),
    row("sen2ships_unet", 1, 0.2, stage="quantized"),
    row("sen2ships_unet_scratch", 1, 0.3, stage="quantized"),
]


def test_scores_are_means_and_spreads_over_runs(script: Any) -> None:
    lines = script.table(ROWS, 2)[2:]
    assert lines == [
        "| teacher | 1 | 0.900 | 0.450 | 0.250 | 0.500 |",
        "| student from scratch | 2 | 0.600 ± 0.141 | 0.300 ± 0.071 | 0.250 ± 0.000 | 0.500 ± 0.000 |",
        "| student distilled | 2 | 0.600 ± 0.000 | 0.300 ± 0.000 | 0.250 ± 0.000 | 0.500 ± 0.000 |",
        "| student from scratch, quantized | 1 | 0.300 | 0.150 | 0.250 | 0.500 |",
        "| student distilled, quantized | 1 | 0.200 | 0.100 | 0.250 | 0.500 |",
    ]
    assert script.table(ROWS, 0)[2:] == ["| student from scratch | 1 | 0.100 | 0.050 | 0.250 | 0.500 |"]


def test_a_picture_in_few_colours_keeps_the_marks(script: Any, tmp_path: Path) -> None:
    from PIL import Image

    pixels = np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    marks = (mask_plots.HIT, mask_plots.MISSED, mask_plots.FALSE)
    pixels[0, :3] = marks
    Image.fromarray(pixels).save(tmp_path / "a.png")
    script.shrink(tmp_path / "a.png", tmp_path / "b.png")
    found = np.array(Image.open(tmp_path / "b.png").convert("RGB"))
    assert [tuple(colour) for colour in found[0, :3].tolist()] == list(marks)
    assert len(np.unique(found.reshape(-1, 3), axis=0)) <= 64
    assert (tmp_path / "b.png").stat().st_size < (tmp_path / "a.png").stat().st_size / 2


def test_the_verdict_is_by_seed_and_hides_no_loss(script: Any) -> None:
    better = [{**r, "test_f2": 0.8} if r["network"] == "sen2ships_unet" else r for r in ROWS]
    assert script.verdict(better, 2, "float").startswith(
        "**Distilled beats scratch in 1 of 4 means**, float, at equal steps: F2 on tiles by +0.200, better in 2 of 2"
    )
    assert script.verdict(ROWS, 2, "quantized").startswith("**Distilled does not beat scratch**, quantized, ")
    assert script.verdict(ROWS, 2, "float") == (
        "**Distilled does not beat scratch**, float, at equal steps: F2 on tiles by +0.000, better in 1 of 2 seeds; "
        "IoU on tiles by +0.000, better in 1 of 2 seeds; F2 on scenes by +0.000, better in 0 of 2 seeds; "
        "IoU on scenes by +0.000, better in 0 of 2 seeds."
    )
    assert script.verdict(ROWS, 0, "float") == "There are no runs of both students to compare."
